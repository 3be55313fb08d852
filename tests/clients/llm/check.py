"""The `llm` command with a running stack as one of its models, by its extra-openai-models.yaml."""

import os
import subprocess
import sys
from pathlib import Path

URL, KEY, MODEL = f"{os.environ['HARMONIC_URL']}/v1", os.environ["HARMONIC_KEY"], os.environ["HARMONIC_MODEL"]
folder = Path(os.environ["LLM_USER_PATH"])
folder.mkdir(parents=True)
entries = [
    f"- model_id: {name}\n  model_name: {name}\n  api_base: {URL}\n  api_key_name: harmonic\n"
    for name in ("harmonic", MODEL)
]
(folder / "extra-openai-models.yaml").write_text("".join(entries), "utf-8")
program = Path(sys.executable).with_name("llm")


def llm(*words: str) -> str:
    """What the command prints."""
    return subprocess.run(
        [program, *words, "--key", KEY, "-o", "max_tokens", "12"], capture_output=True, text=True, check=True
    ).stdout


assert llm("-m", "harmonic", "--no-stream", "Say hello to a friend.").strip()
assert llm("-m", MODEL, "Say hello to a friend.").strip()
