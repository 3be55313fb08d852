"""Models by their name on a hub: which file a name means, whether it is here, and fetching it. The home of the library.

`hf:ORG/REPO/FILE.gguf` names a file, `hf.co/ORG/REPO:Q4` the file of that quantization; `@REVISION` behind either pins
it. The library tells what the hub has (HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE hold as it reads them) and moves the
bytes; the file on our disk, its hash and going on with a part are ours, since it keeps no part of a broken download.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar

from launcher.errors import ModelNotFetched, PullFailed
from launcher.ollama_api import PullProgress
from launcher.types import in_gb

MAIN = "main"
# Of several files that a short tag fits, the one that most people mean.
PREFERRED = ("q4_k_m", "q4_0", "q8_0")
PIECE = 1 << 20
_NAME = re.compile(r"(?:hf:|(?:https?://)?(?:hf\.co|huggingface\.co)/)(?P<repo>[\w.-]+/[\w.-]+)(?P<rest>.*)\Z")
_REST = re.compile(r"(?:/(?P<file>[^@:]+\.gguf)|:(?P<tag>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?\Z")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf\Z")

Told = Callable[[PullProgress], None]
T = TypeVar("T")


@dataclass(frozen=True)
class HubName:
    """A model on the hub; without *file* the one whose name has *tag* in it, "" for the only one."""

    text: str
    repo: str
    file: str | None = None
    tag: str = ""
    revision: str = MAIN


@dataclass(frozen=True)
class HubFile:
    """One file of a repository: *size* in bytes, *sha256* as the hub tells it; *commit* is what the revision means."""

    path: str
    size: int
    sha256: str
    commit: str


def read_name(text: str) -> HubName | None:
    """Return what a name on the hub means; None for anything else.

    >>> read_name("hf:org/repo/model.Q4_K_M.gguf@v1")
    HubName(text='hf:org/repo/model.Q4_K_M.gguf@v1', repo='org/repo', file='model.Q4_K_M.gguf', tag='', revision='v1')
    >>> read_name("hf.co/org/repo:Q4").tag, read_name("qwen3:4b"), read_name("model.gguf")
    ('Q4', None, None)
    """
    found = _NAME.match(text)
    rest = _REST.match(found["rest"]) if found else None
    if found is None or rest is None or ".." in PurePosixPath(rest["file"] or "").parts:
        return None
    return HubName(text, found["repo"], rest["file"], rest["tag"] or "", rest["revision"] or MAIN)


def choose_files(name: HubName, paths: Sequence[str]) -> list[str]:
    """Return the files of a repository that *name* means: one, or all parts of a model that was split.

    Raises PullFailed where none fits, or a name without a file fits several.

    >>> choose_files(HubName("x", "o/r", tag="q4"), ["a.Q4_0.gguf", "a.Q4_K_M.gguf", "mmproj-a.Q4_0.gguf"])
    ['a.Q4_K_M.gguf']
    """
    models = [path for path in sorted(paths) if path.endswith(".gguf") and "mmproj" not in path.lower()]
    if name.file is not None:
        fitting = [path for path in paths if path == name.file]
    else:
        fitting = [path for path in models if name.tag.lower() in path.lower()]
    firsts = [path for path in fitting if (part := _PART.search(path)) is None or int(part[1]) == 1]
    if len(firsts) > 1:
        usual = [path for wanted in PREFERRED for path in firsts if wanted in path.lower()]
        if not name.tag or not usual:
            raise PullFailed(name.text, f"several files fit: {', '.join(firsts)}")
        firsts = usual[:1]
    if not firsts:
        has = f"; it has {', '.join(models)}" if models else ""
        raise PullFailed(name.text, f"{name.repo} has no such GGUF file{has}")
    return _all_parts(firsts[0], paths)


def fetched(name: HubName, folder: Path) -> Path:
    """Return the file of *name* that was fetched to *folder*, or lies in the library's own cache.

    Of a model in several files it is the first. Asks nobody. Raises ModelNotFetched.
    """
    own = _folder(name, folder)
    here = [str(path.relative_to(own)) for path in own.rglob("*.gguf")] if own.is_dir() else []
    try:
        return own / choose_files(name, here)[0]
    except PullFailed:
        pass
    if name.file is not None:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(name.repo, name.file, revision=name.revision)
        if isinstance(cached, str):
            return Path(cached)
    raise ModelNotFetched(name.text)


def look_up(name: HubName) -> list[HubFile]:
    """Ask the hub which files *name* means, the first part first; raise PullFailed."""
    from huggingface_hub import HfApi

    info = _asked(name, lambda: HfApi().model_info(name.repo, revision=name.revision, files_metadata=True))
    known = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    files = []
    for path in choose_files(name, list(known)):
        large = known[path].lfs
        if large is None:
            raise PullFailed(name.text, f"the hub tells no sha256 of {path}")
        files.append(HubFile(path, large.size, large.sha256, str(info.sha)))
    return files


def fetch(name: HubName, files: Sequence[HubFile], folder: Path, told: Told) -> Path:
    """Fetch *files* of *name* into *folder*, going on with what an earlier try left; return the first one's path.

    A file takes its name only once its sha256 is the hub's; one that differs is deleted. Raises PullFailed.
    """
    own = _folder(name, folder)
    for file in files:
        path = own / file.path
        part = path.with_name(f"{path.name}.{file.sha256[:12]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size == file.size and _digest(path, file, told) == file.sha256:
                continue
            free = shutil.disk_usage(path.parent).free + (part.stat().st_size if part.exists() else 0)
            if free < file.size:
                raise PullFailed(name.text, f"it takes {in_gb(file.size)}, {in_gb(free)} are free in {path.parent}")
            with part.open("ab") as out:
                _asked(name, partial(_download, name, file, out, told))
            found = _digest(part, file, told)
            if found != file.sha256:
                part.unlink()
                raise PullFailed(name.text, f"{file.path} has sha256 {found}, the hub promised {file.sha256}")
            part.replace(path)
        except OSError as error:
            raise PullFailed(name.text, error.strerror or str(error)) from error
    told(PullProgress("success"))
    return own / files[0].path


def _download(name: HubName, file: HubFile, out: BinaryIO, told: Told) -> None:
    """Append to *out* what it lacks; a connection that breaks is taken up again where it broke, some times."""
    from huggingface_hub import get_token, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Bar(tqdm):
        """The library's way to tell of progress, turned into ours."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"disable": True})  # type: ignore[no-untyped-call]
            self.done = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.done += int(n or 0)
            told(PullProgress(f"fetching {file.path}", file.sha256, file.size, self.done))
            return None

    have = out.seek(0, 2)
    if have > file.size:  # of another try, gone wrong
        have = out.truncate(0)
    # The commit, not the revision: what a branch means may change while the bytes come.
    token = get_token()
    url = hf_hub_url(name.repo, file.path, revision=file.commit)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    http_get(url, out, resume_size=have, headers=headers, expected_size=file.size, tqdm_class=Bar)


def _digest(path: Path, file: HubFile, told: Told) -> str:
    told(PullProgress(f"checking {file.path}"))
    digest = hashlib.sha256()
    with path.open("rb") as reading:
        while piece := reading.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _asked(name: HubName, ask: Callable[[], T]) -> T:
    """Return what *ask* gives; whatever the library raises becomes a PullFailed in plain words."""
    from huggingface_hub import errors

    try:
        return ask()
    except (errors.GatedRepoError, errors.RepositoryNotFoundError) as error:
        words = f"the hub has no {name.repo}, or shows it only to some: set HF_TOKEN"
        raise PullFailed(name.text, words) from error
    except errors.RevisionNotFoundError as error:
        raise PullFailed(name.text, f"{name.repo} has no revision {name.revision}") from error
    except errors.HFValidationError as error:
        raise PullFailed(name.text, str(error)) from error
    except (PullFailed, OSError, KeyboardInterrupt):
        raise
    except Exception as error:  # the library's own HTTP client and its errors are no part of its promises
        raise PullFailed(name.text, (str(error) or type(error).__name__).splitlines()[0][:300]) from error


def _all_parts(first: str, paths: Sequence[str]) -> list[str]:
    part = _PART.search(first)
    if part is None:
        return [first]
    stem = first[: part.start()]
    return [path for path in sorted(paths) if path.startswith(f"{stem}-") and _PART.search(path)]


def _folder(name: HubName, folder: Path) -> Path:
    return folder / name.repo / name.revision.replace("/", "-")
