"""What a mere gateway costs: one request in, one engine stream out, by the stack as shipped and by nginx.

`python -m tests.bench passthrough [--rounds N] [--seconds S] [--litellm PROGRAM] [--pace MS --tokens N --at-once C]`:
three cells, or the one that a pace, tokens and concurrency describe (with long answers for longer: S). The request
names the engine's own model, so no crew is asked; recall and signals happen as for every request, and once more without
the spine. The age of a token is the time from the engine's write to the client's read. nginx (Debian: nginx-light) is
left out where it is not installed, LiteLLM's proxy (`litellm` of the package `litellm[proxy]`, in an environment of its
own) if not named.
"""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from harmonic_stack.host.describe import hardware_line
from launcher import detect_hardware
from launcher.loopback import free_port
from tests.bench.contenders import SENTENCE, Contender, Cost, ask, build, show, stack, start
from tests.cli import Home

TOKENS = 16
# Whether it streams, ms between tokens, requests at a time. The age of a token is read where one is asked at a time.
CELLS = ((False, 0, 64), (True, 5, 64), (True, 5, 1))
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000;
  upstream engine {{ server 127.0.0.1:{engine}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""

LITELLM = """
model_list:
  - model_name: stub
    litellm_params: {{model: openai/stub, api_base: 'http://127.0.0.1:{engine}/v1', api_key: none}}
litellm_settings: {{telemetry: false}}
"""


async def main() -> None:
    """Start all contenders, run every cell in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--litellm", type=Path)
    parser.add_argument("--pace", type=int, help="ms between tokens, in place of the cells")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="of an answer")
    parser.add_argument("--at-once", type=int, default=64)
    options = parser.parse_args()
    cells = CELLS if options.pace is None else ((True, options.pace, options.at_once),)
    with tempfile.TemporaryDirectory(prefix="hs-") as scratch:
        folder = Path(scratch)
        programs = build(folder)
        engine = free_port()
        children = [start([str(programs["stub"]), str(engine)], cpu=0)]
        contenders = [Contender("the engine itself", engine, children[0].pid, "stub", 1)]
        homes: list[Home] = []
        try:
            if program := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin"):
                port, settings = free_port(), folder / "nginx.conf"
                settings.write_text(NGINX.format(folder=folder, engine=engine, port=port))
                children.append(start([program, "-c", str(settings), "-e", str(folder / "nginx.log")], cpu=1))
                contenders.append(Contender("nginx", port, children[-1].pid, "stub", 1))
                await asyncio.sleep(0.5)
            else:
                show("nginx is not installed: left out, and so are the ratios to it")
            if options.litellm:
                child, found = await _litellm(options.litellm, folder, engine)
                children.append(child)
                contenders.append(found)
            for spine in (True, False):
                home, found = await stack(folder, engine, spine=spine, model="stub")
                homes.append(home)
                contenders.append(found)
            show(hardware_line(detect_hardware()))
            for cell in cells:
                _table(programs["load"], cell, contenders, options)
        finally:
            for home in homes:
                await home.run("down")
            for child in children:
                child.kill()
                child.wait()


async def _litellm(program: Path, folder: Path, engine: int) -> tuple["subprocess.Popen[bytes]", Contender]:
    """LiteLLM's proxy with one worker, as its documents set it up for production, without its telemetry."""
    port, settings = free_port(), folder / "litellm.yaml"
    settings.write_text(LITELLM.format(engine=engine))
    words = ["--config", str(settings), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    told = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR"}
    child = start([str(program), *words, "--telemetry", "False"], cpu=1, told=told, quiet=True)
    async with httpx.AsyncClient() as client:
        for _ in range(120):
            with suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/health/liveliness")).status_code == 200:
                    return child, Contender("LiteLLM", port, child.pid, "stub", 1)
            await asyncio.sleep(0.5)
    child.kill()
    raise TimeoutError("LiteLLM did not become ready within a minute")


def _table(
    load: Path, cell: tuple[bool, int, int], contenders: Sequence[Contender], options: argparse.Namespace
) -> None:
    streams, delay, concurrency = cell
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    for _ in range(options.rounds):
        for contender in contenders:
            body = {
                "model": contender.model,
                "messages": [{"role": "user", "content": f"stub-d{delay} {SENTENCE}"}],
                "max_tokens": options.tokens,
                "stream": streams,
            }
            costs[contender.name].append(ask(load, contender, body, concurrency, options.seconds))
    pace = f"a token every {delay} ms" if streams else "answered whole"
    show(f"\n{pace}, {options.tokens} tokens, {concurrency} requests at a time, {options.rounds} rounds\n")
    show("| contender | CPU us a request | CPU us a token | x nginx | age of a token, ms | answer, ms | all whole |")
    show("|---|---|---|---|---|---|---|")
    known = costs.get("nginx")
    for contender in contenders:
        found = costs[contender.name]
        request, token = (statistics.median(getattr(cost, name) for cost in found) for name in ("request", "token"))
        times = f"{request / statistics.median(cost.request for cost in known):.1f}" if known else ""
        age = f"{statistics.median(cost.age for cost in found):.2f}" if streams else ""
        end = f"{statistics.median(cost.end for cost in found):.1f}"
        whole = "yes" if all(cost.whole for cost in found) else "no"
        show(f"| {contender.name} | {request:.0f} | {token:.1f} | {times} | {age} | {end} | {whole} |")


asyncio.run(main())
