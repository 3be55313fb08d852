"""The host: processor and memory from psutil, limits from the cgroup files. The readers take a directory tree."""

from pathlib import Path

import psutil

from launcher.types import Bytes, Cpu, Gpu

# cgroup v1 writes "no limit" as the largest page-aligned number; no box of ours has an exbibyte.
NO_LIMIT_FROM = 1 << 60


HERE = Path("/")


def read_cpu(root: Path = HERE) -> Cpu:
    """Return the processor below *root*; this machine's core counts come from psutil."""
    text = read_text(root / "proc/cpuinfo") or ""
    model, flags = parse_cpuinfo(text)
    physical, logical = parse_cores(text)
    if root == HERE:
        physical, logical = psutil.cpu_count(logical=False), psutil.cpu_count() or logical
    return Cpu(model, physical, logical, flags, quota=read_cpu_quota(root))


def read_memory(root: Path = HERE) -> tuple[Bytes, Bytes]:
    """Return total and free memory in bytes: below another *root* its own, where it tells, else this machine's."""
    memory = psutil.virtual_memory()
    told = {} if root == HERE else parse_meminfo(read_text(root / "proc/meminfo") or "")
    total = told.get("MemTotal", memory.total)
    return Bytes(total), Bytes(told.get("MemAvailable", total if told else memory.available))


def read_apple(system: str, machine: str) -> tuple[Gpu, ...]:
    """Return the GPU of an Apple processor, known by the platform's words alone: it shares the system's memory."""
    if system == "Darwin" and machine == "arm64":
        return (Gpu("apple", "Apple GPU", memory=None, unified=True),)
    return ()


def default_threads(cpu: Cpu) -> int:
    """Return how many threads an engine on this CPU takes: the physical cores it may use but one, at least one.

    The last core serves the daemon and what else runs: llama.cpp's threads wait for the slowest of them at every step,
    and an engine with two threads on two cores, one of them busy, fell to a sixth of its speed (docs/launcher.md).
    """
    cores = cpu.physical_cores or cpu.logical_cores
    if cpu.quota is not None:
        cores = min(cores, int(cpu.quota))
    return max(1, cores - 1)


def parse_cpuinfo(text: str) -> tuple[str | None, frozenset[str]]:
    """Return the model's name and the instruction sets from the text of /proc/cpuinfo.

    >>> parse_cpuinfo("model name\\t: Ryzen\\nflags\\t\\t: fma avx2\\n")[0]
    'Ryzen'
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    # arm64 kernels call the sets "Features" and give no model name.
    flags = fields.get("flags") or fields.get("Features") or ""
    return fields.get("model name"), frozenset(flags.split())


def parse_cores(text: str) -> tuple[int | None, int]:
    """Return the physical cores, None where /proc/cpuinfo does not tell (arm64), and the logical ones, at least one."""
    logical, cores, package = 0, set(), ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        logical += key == "processor"
        package = value if key == "physical id" else package
        if key == "core id":
            cores.add((package, value))
    return len(cores) or None, max(1, logical)


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the entries of /proc/meminfo in bytes.

    >>> parse_meminfo("MemTotal:       127600748 kB\\n")
    {'MemTotal': 130663165952}
    """
    pairs = (line.split() for line in text.splitlines())
    return {pair[0].rstrip(":"): int(pair[1]) * 1024 for pair in pairs if len(pair) == 3 and pair[1].isdigit()}


def read_memory_limit(root: Path = HERE) -> Bytes | None:
    """Return the tightest memory limit of this process's cgroups in bytes, or None."""
    limits = [
        int(text)
        for folder in _cgroup_folders(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := (read_text(folder / name) or "").strip()).isdigit() and int(text) < NO_LIMIT_FROM
    ]
    return Bytes(min(limits)) if limits else None


def read_cpu_quota(root: Path = HERE) -> float | None:
    """Return how many cores' worth of time this process's cgroups allow, or None."""
    quotas: list[float] = []
    for folder in _cgroup_folders(root, "cpu"):
        pair = (read_text(folder / "cpu.max") or "").split()
        if not pair:
            pair = [(read_text(folder / f"cpu.cfs_{part}_us") or "").strip() for part in ("quota", "period")]
        if len(pair) == 2 and pair[0].isdigit() and pair[1].isdigit() and int(pair[1]) > 0:
            quotas.append(int(pair[0]) / int(pair[1]))
    return min(quotas, default=None)


def _cgroup_folders(root: Path, controller: str) -> list[Path]:
    """Return this process's cgroup folders for *controller* with all their parents: every one of them limits."""
    base = root / "sys/fs/cgroup"
    folders: list[Path] = []
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        if path and controllers == "":
            mount = base  # version 2: one tree
        elif path and controller in controllers.split(","):
            mount = base / controller
        else:
            continue
        # In a container the path may name a folder of the host; the mount's own root then holds the limit.
        inside = [part for part in path.split("/") if part not in ("", "..")]
        folders += [mount.joinpath(*inside[:depth]) for depth in range(len(inside), -1, -1)]
    return folders


def read_text(path: Path) -> str | None:
    """Return the text of a kernel file; None where it is not there or not for us to read."""
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return None
