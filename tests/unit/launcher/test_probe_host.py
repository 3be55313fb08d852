"""The host's limits are read from directory trees, as cgroup versions 1 and 2 lay them out."""

from pathlib import Path

import psutil
import pytest

from launcher.probe_host import (
    default_threads,
    parse_cores,
    parse_cpuinfo,
    read_cpu_quota,
    read_memory,
    read_memory_limit,
)
from launcher.types import Cpu


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_version_2_takes_the_tightest_limit_on_the_way_up(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/user.slice/app.scope\n",
        "sys/fs/cgroup/user.slice/app.scope/memory.max": "max\n",
        "sys/fs/cgroup/user.slice/memory.max": "8589934592\n",
        "sys/fs/cgroup/memory.max": "17179869184\n",
    }
    assert read_memory_limit(write(tmp_path, files)) == 8 << 30


def test_a_container_sees_its_limit_at_the_mounts_root(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2147483648\n"}
    assert read_memory_limit(write(tmp_path, files)) == 2 << 30


def test_version_1_reads_the_memory_controllers_own_tree(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/docker/b\n0::/\n",
        # The path is the host's; inside the container only the mount's root exists.
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    }
    assert read_memory_limit(write(tmp_path, files)) == 1 << 30


def test_version_1s_largest_number_means_no_limit(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    assert read_memory_limit(write(tmp_path, files)) is None


@pytest.mark.parametrize("cgroup", ["", "nonsense\n", "0::/gone\n", "1:name=systemd:/\n"])
def test_without_readable_files_the_limit_is_unknown(tmp_path: Path, cgroup: str) -> None:
    assert read_memory_limit(write(tmp_path, {"proc/self/cgroup": cgroup})) is None
    assert read_cpu_quota(tmp_path) is None


def test_a_path_that_climbs_out_stays_below_the_mount(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/../../secret\n", "sys/secret/memory.max": "1\n"}
    assert read_memory_limit(write(tmp_path, files)) is None


def test_cpu_quotas_of_both_versions_are_cores(tmp_path: Path) -> None:
    two = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}
    one = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert read_cpu_quota(write(tmp_path / "two", two)) == 1.5
    assert read_cpu_quota(write(tmp_path / "one", one)) == 4.0


def test_no_cpu_quota_is_unknown(tmp_path: Path) -> None:
    two = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}
    one = {
        "proc/self/cgroup": "5:cpu:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert read_cpu_quota(write(tmp_path / "two", two)) is None
    assert read_cpu_quota(write(tmp_path / "one", one)) is None


def test_cpuinfo_of_x86_and_arm_is_read() -> None:
    x86 = "processor\t: 0\nmodel name\t: AMD Ryzen\nflags\t\t: fpu avx512f\n\nprocessor\t: 1\nmodel name\t: other\n"
    assert parse_cpuinfo(x86) == ("AMD Ryzen", frozenset({"fpu", "avx512f"}))
    assert parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd\n") == (None, frozenset({"fp", "asimd"}))
    assert parse_cpuinfo("") == (None, frozenset())


@pytest.mark.parametrize(
    ("physical", "logical", "quota", "threads"),
    [(16, 32, None, 15), (2, 4, None, 1), (1, 1, None, 1), (None, 8, None, 7), (16, 32, 4.0, 3), (8, 16, 0.5, 1)],
)
def test_threads_leave_one_core_to_the_daemon(
    physical: int | None, logical: int, quota: float | None, threads: int
) -> None:
    assert default_threads(Cpu(None, physical, logical, quota=quota)) == threads


def test_cores_are_counted_per_package_and_unknown_where_the_text_does_not_tell() -> None:
    x86 = "".join(f"processor\t: {n}\nphysical id\t: {n // 4}\ncore id\t\t: {n // 2 % 2}\n\n" for n in range(8))
    assert parse_cores(x86) == (4, 8)
    assert parse_cores("processor\t: 0\nFeatures\t: fp\n\nprocessor\t: 1\n") == (None, 2)
    assert parse_cores("") == (None, 1)


def test_memory_below_another_root_is_its_own_where_it_tells(tmp_path: Path) -> None:
    told = write(tmp_path / "told", {"proc/meminfo": "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n"})
    old = write(tmp_path / "old", {"proc/meminfo": "MemTotal: 2048 kB\n"})
    assert read_memory(told) == (2 << 20, 1 << 20)
    assert read_memory(old) == (2 << 20, 2 << 20)  # kernels before 3.14 do not tell what is available
    assert read_memory(tmp_path)[0] == psutil.virtual_memory().total
