"""A whole study on a planted liquid, small enough for tests, and the command line."""

import fcntl
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

SETTINGS = """
scale = "dryrun"

[simulation]
engine = "dryrun"
frames_per_unit = 40
planted = {{ n_clusters = {n_clusters}, e0 = 3.0, e1 = 1.2, sigma0 = 0.4, sigma1 = 1.5 }}

[training]
descriptors = {{ name = "radial_density", radii = [1.1, 1.5] }}
quiet_time = 40
n_per_class = 1000
min_per_class = 20

[statistics]
stride = 5
bins = 10
resamples = 200
max_active_fraction = 1.0
"""


def settings_text(n_clusters: int, frames: int, temperatures: tuple[float, ...]) -> str:
    points = [
        f"[[state_points]]\ntemperature = {t}\nframes = {frames}\nhold_time = 1.0\nreplica = {replica}\n"
        f"training = {str(replica == 1).lower()}\n"
        for t, replica in [(temperatures[0], 1), *((t, 0) for t in temperatures)]
    ]
    text = SETTINGS.format(n_clusters=n_clusters) + "\n".join(points)
    tomllib.loads(text)
    return text


@pytest.fixture
def small_settings(tmp_path: Path) -> Path:
    """Seconds: enough events for every step, too few for physics."""
    path = tmp_path / "small.toml"
    path.write_text(settings_text(27, 160, (0.55, 0.65, 0.8)))
    return path


class Said(NamedTuple):
    """What a command left on the terminal."""

    code: int
    out: str
    err: str


@pytest.fixture
def vitrify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``vitrify("run", "softness", …)``: the command as typed, in this process."""

    def typed(*words: object) -> Said:
        from vitrify.cli import main

        monkeypatch.setattr(sys, "argv", ["vitrify", *map(str, words)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return Said(int(code), *capsys.readouterr())

    return typed


STUDY_COMMAND = ("run", "softness", "--settings", "settings.toml", "--out", "study", "--workers", "1")


def type_in_shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    script = Path(sys.executable).with_name("vitrify")
    return subprocess.run(
        [script, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study made by the command line; it is made once, whatever the number of test processes."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    place = root / "finished"
    with open(root / "finished.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "first.json").exists():
            place.mkdir()
            text = settings_text(27, 160, (0.6, 0.7)).replace("resamples = 200", "resamples = 20")
            (place / "settings.toml").write_text(text)
            done = type_in_shell(place, *STUDY_COMMAND)
            (place / "first.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return place


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but locks, which hold the number of a process."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".lock"
    }
