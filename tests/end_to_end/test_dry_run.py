"""The whole chain on a liquid whose answer is planted."""

import json
import tomllib

import numpy as np
import pytest

from vitrify.engines.dryrun import PlantedLiquid, planted_softness
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.report.results import SoftnessResults
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, make_model
from vitrify.studies.softness import run_softness

from .conftest import settings_text

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("planted")
    raw = tomllib.loads(settings_text(216, 400, (0.5, 0.55, 0.6, 0.68)))
    settings = SoftnessSettings.model_validate(raw)
    run_softness(settings, out, Silent(), workers=1)
    return Workplace(out, settings)


def slope_of_learned_on_planted(place) -> tuple[float, float]:
    """Slope and offset of the line from planted to learned softness, on a trajectory that was not trained on."""
    model, trained = make_model(place.settings), TrainedSoftness.load(place.model_file)
    trajectory = place.trajectory(place.settings.test_points[0])
    pairs = []
    for _, frame in trajectory.frames("inherent", [5, 100, 300]):
        pairs.append((planted_softness(frame, model), trained.softness(frame)))
    planted, learned = (np.concatenate(column) for column in zip(*pairs, strict=True))
    slope, offset = np.polyfit(planted, learned, 1)
    assert np.corrcoef(planted, learned)[0, 1] > 0.99
    return slope, offset


def test_the_planted_slopes_and_onset_come_back_within_their_errors(study):
    model = make_model(study.settings)
    assert isinstance(model, PlantedLiquid)
    slope, offset = slope_of_learned_on_planted(study)
    rows = {row.quantity.split(" ")[0]: row for row in SoftnessResults.load(study.results).table}
    in_learned_units = {
        "e1": model.e1 / slope,
        "Σ1": model.sigma1 / slope,
        "e0": model.e0 + model.e1 * offset / slope,
        "Σ0": model.sigma0 + model.sigma1 * offset / slope,
        "onset": model.onset_temperature,
    }
    for name, expected in in_learned_units.items():
        row = rows[name]
        error = row.error_high if expected > row.value else row.error_low
        assert row.events > 1000
        assert np.isfinite(error)
        assert abs(row.value - expected) < 2.5 * error, (name, row, expected)


def test_the_stated_errors_are_small_enough_to_mean_something(study):
    rows = {row.quantity.split(" ")[0]: row for row in SoftnessResults.load(study.results).table}
    for name in ("e1", "Σ1", "onset"):
        assert max(rows[name].error_low, rows[name].error_high) < 0.35 * abs(rows[name].value)


def test_trajectories_say_what_made_them(study):
    provenance = study.trajectory(study.settings.test_points[0]).provenance
    assert provenance["engine"] == "dryrun"
    assert provenance["run"]["temperature"] == 0.5
    assert provenance["run"]["model"]["e1"] == 1.2
    assert json.loads((study.out / "settings.json").read_text())["scale"] == "dryrun"


def test_softness_applied_to_a_new_trajectory_in_another_process_gives_the_same_bits(study):
    import subprocess
    import sys

    point = study.settings.test_points[1]
    code = (
        "import sys, numpy as np\n"
        "from vitrify.particles.trajectory import Trajectory\n"
        "from vitrify.predictors.trained import TrainedSoftness\n"
        "s = TrainedSoftness.load(sys.argv[1]).softness(Trajectory.open(sys.argv[2]).frame(50))\n"
        "print(s.tobytes().hex())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, study.model_file, study.store(point)],
        capture_output=True,
        text=True,
        check=True,
    )
    here = TrainedSoftness.load(study.model_file).softness(study.trajectory(point).frame(50))
    assert done.stdout.strip() == here.tobytes().hex()
