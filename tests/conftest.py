"""What tests of several rooms share."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_xdist_auto_num_workers() -> int:
    """One test process more than cores: some wait for a browser, a scheduler, or a study that is to be killed."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system of a size that can be changed: ``small_disk(kilobytes)`` returns its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def of_size(kilobytes: int) -> Path:
        options = f"{'remount,' if mounted else ''}size={kilobytes}k"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if (
            os.geteuid() != 0
            or not shutil.which("mount")
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("no leave to mount a small file system")
        mounted.append(kilobytes)
        return folder

    yield of_size
    if mounted:  # lazily: a library may not close what it could not write
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def tiny_disk(small_disk: Callable[[int], Path]) -> Path:
    """A file system of 200 kB."""
    return small_disk(200)
