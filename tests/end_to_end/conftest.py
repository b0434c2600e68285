"""A whole study on a planted liquid, small enough for tests."""

import tomllib
from pathlib import Path

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
