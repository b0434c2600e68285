"""A small dry run, simulated once, for the steps that follow."""

import shutil
from pathlib import Path

import pytest

from vitrify.progress import Silent
from vitrify.studies.dynamics import p_hop_all
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, simulate_all

PLANTED = {"n_clusters": 27, "e0": 3.0, "e1": 1.2, "sigma0": 0.4, "sigma1": 1.5}
POINT = {"frames": 130, "hold_time": 1.0}
RAW = {
    "scale": "dryrun",
    "state_points": [
        {**POINT, "temperature": 0.65, "replica": 1, "training": True},
        {**POINT, "temperature": 0.65},
        {**POINT, "temperature": 0.8},
    ],
    "simulation": {"engine": "dryrun", "frames_per_unit": 30, "planted": PLANTED},
    "training": {
        "descriptors": {"name": "radial_density", "radii": [1.1, 1.5]},
        "quiet_time": 20,
        "n_per_class": 1000,
        "min_per_class": 10,
    },
    "statistics": {"stride": 5, "bins": 5, "resamples": 20},
}


class Notes(Silent):
    """Progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def settings() -> SoftnessSettings:
    return SoftnessSettings.model_validate(RAW)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the dry run with p_hop; tests take copies."""
    out = tmp_path_factory.mktemp("simulated")
    place = Workplace(out, SoftnessSettings.model_validate(RAW))
    simulate_all(place, Silent(), workers=1)
    p_hop_all(place, Silent(), workers=1)
    return out


@pytest.fixture
def place(simulated: Path, tmp_path: Path, settings: SoftnessSettings) -> Workplace:
    """The dry run in a folder of its own."""
    shutil.copytree(simulated, tmp_path / "study")
    return Workplace(tmp_path / "study", settings)
