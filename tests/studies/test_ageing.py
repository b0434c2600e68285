"""Ageing of a planted liquid, whose softness is that of independent traps."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.engines.dryrun import PlantedLiquid
from vitrify.errors import StoreError
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies.ageing import age_all, ageing_cost, ageing_curves
from vitrify.studies.ageing_settings import AgeingSettings
from vitrify.studies.ageing_stores import AgeingPlace
from vitrify.studies.settings import SoftnessSettings, load_settings
from vitrify.studies.simulate import Workplace, make_model
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_ageing import age

PLANTED = {"n_clusters": 125, "n_satellites": 16, "e0": 3.0, "e1": 1.2, "sigma0": 1.2, "sigma1": 1.5}
POINT = {"temperature": 0.5, "frames": 100, "hold_time": 1.0}
SETTINGS = SoftnessSettings.model_validate(
    {
        "state_points": [{**POINT, "replica": 1, "training": True}, POINT],
        "simulation": {"engine": "dryrun", "planted": PLANTED, "frame_interval": 2.0},
    }
)
AGEING = AgeingSettings(
    initial_temperature=0.75,
    final_temperatures=(0.45, 0.75),
    samples=3,
    shortest=2.0,
    longest=64.0,
    per_decade=2,
)


@cache
def planted_plane(model: PlantedLiquid) -> TrainedSoftness:
    """The plane that counts inner satellites: what a training would find, without noise."""
    radii = RadialDensity(radii=(model.inner_distance,))
    names = radii.feature_names(("A", "B"))
    weights = [float(name.startswith("G_B")) for name in names]
    middle, scale = model.n_satellites / 2, model.softness_scale
    return TrainedSoftness(
        weights,
        0.0,
        [w * middle for w in weights],
        [scale] * len(names),
        names,
        radii.to_dict(),
        ("A", "B"),
        "A",
    )


def planted_distribution(
    model: PlantedLiquid, initial: float, final: float, frames: np.ndarray
) -> np.ndarray:
    """The naive twin: the distribution over levels, frame by frame, (n, levels)."""
    p, now, found = model.hop_probability(model.softness_levels, final), model.stationary(initial), []
    for k in range(1, int(frames.max()) + 1):
        now = now * (1 - p) + model.prior * (now @ p)
        if k in frames:
            found.append(now)
    return np.array(found)


def run(folder: Path, ageing: AgeingSettings = AGEING, settings: SoftnessSettings = SETTINGS) -> Workplace:
    place = Workplace(folder, settings)
    age_all(place, planted_plane(make_model(settings)), ageing, Silent(), workers=1)
    return place


@pytest.fixture(scope="module")
def aged(tmp_path_factory) -> Workplace:
    return run(tmp_path_factory.mktemp("aged"))


@pytest.fixture(scope="module")
def curves(aged) -> Any:
    return ageing_curves(aged, AGEING)


def exact(model: PlantedLiquid, temperature: float, curves: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean softness at the waiting times and the standard error that counting alone gives it."""
    frames = np.rint(curves["waiting_time"].values / 2.0).astype(int)
    p = planted_distribution(model, AGEING.initial_temperature, temperature, frames)
    levels = model.softness_levels
    mean = p @ levels
    return mean, np.sqrt((p @ levels**2 - mean**2) / (model.n_clusters * AGEING.samples))


def test_a_planted_liquid_ages_as_its_hops_say(curves):
    model = make_model(SETTINGS)
    for temperature in curves["temperature"].values:
        mean, error = exact(model, temperature, curves)
        z = (curves["softness_mean"].sel(temperature=temperature).values - mean) / error
        assert np.abs(z).max() < 3.5, (temperature, z)
    fallen = exact(model, 0.45, curves)[0]
    assert fallen[-1] < fallen[0] - 0.12, "there is something to see"


def test_the_trap_model_predicts_how_a_planted_liquid_ages(curves):
    model = make_model(SETTINGS)
    traps = TrapModel(
        (model.e0, -model.e1),
        model.sigma0,
        model.onset_temperature,
        softness_sd=np.sqrt(model.n_satellites) / (2 * model.softness_scale),
    )
    frames = curves["waiting_time"].values / 2.0
    predicted = age(traps, AGEING.initial_temperature, 0.45, frames)["softness_mean"].values
    found = curves["softness_mean"].sel(temperature=0.45).values
    _, error = exact(model, 0.45, curves)
    # the model's clock is continuous and its softness Gaussian: a few per cent of what softness falls
    allowed = 3.5 * error + 0.06 * abs(predicted[-1] - curves["softness_initial"].item())
    assert (np.abs(found - predicted) < allowed).all()


def test_without_a_quench_nothing_ages(curves):
    control = curves["softness"].sel(temperature=0.75)
    model = make_model(SETTINGS)
    levels, p = model.softness_levels, model.stationary(0.75)
    sd = np.sqrt(p @ levels**2 - (p @ levels) ** 2)
    assert np.abs(control - p @ levels).max() < 3.5 * sd / np.sqrt(model.n_clusters)
    assert abs(curves["softness_initial"].item() - p @ levels) < 3.5 * sd / np.sqrt(3 * model.n_clusters)


def test_errors_are_the_scatter_of_samples_and_numbers_stand_beside_them(curves):
    values = curves["softness"].values
    assert np.allclose(curves["softness_mean"], values.mean(axis=2))
    assert np.allclose(curves["softness_mean_error"], values.std(axis=2, ddof=1) / np.sqrt(3))
    assert (curves["n_samples"] == 3).all()
    expected = [exact(make_model(SETTINGS), t, curves)[1] for t in curves["temperature"].values]
    ratio = np.sqrt((curves["softness_mean_error"].values ** 2).mean() / np.mean(np.square(expected)))
    assert 0.4 < ratio < 1.8, "three samples, four waiting times, two temperatures"


def test_frames_are_kept_at_whole_frames_of_the_planted_clock(aged, curves):
    assert curves["waiting_time"].values.tolist() == [2.0, 6.0, 20.0, 64.0]
    store = AgeingPlace(aged, AGEING).store(0.45, 2)
    assert store.times.tolist() == [2.0, 6.0, 20.0, 64.0]
    assert store.provenance["run"]["temperature"] == 0.45
    assert store.provenance["start"]["run"]["temperature"] == 0.75


def test_samples_start_alike_at_all_temperatures_and_differ_from_each_other(aged):
    at = AgeingPlace(aged, AGEING)
    hot, cold = (at.store(t, 1).positions("inherent", 0, 1)[0] for t in (0.75, 0.45))
    start = at.start_store(1).positions("inherent")[0]
    resting = np.linalg.norm(hot - cold, axis=1) < 0.1
    assert resting.mean() > 0.6
    assert np.linalg.norm(hot - start, axis=1)[resting].max() < 0.05
    other = at.start_store(2).positions("inherent")[0]
    assert (np.linalg.norm(other - start, axis=1) < 0.1).mean() < 0.3


def contents(place: Workplace) -> dict[str, bytes]:
    return {
        p.relative_to(place.out).as_posix(): p.read_bytes()
        for p in sorted((place.out / "ageing").rglob("*"))
        if p.is_file()
    }


def test_a_killed_run_goes_on_with_the_same_bits(aged, tmp_path):
    before = contents(aged)
    shutil.copytree(aged.out, tmp_path / "again")
    place = Workplace(tmp_path / "again", SETTINGS)
    folder = place.out / "ageing" / "T0.45-1"
    for stage, units in (("thermal", (2, 3)), ("inherent", (3,)), ("softness", (2, 3))):
        for unit in units:
            (folder / "trajectory.zarr" / "manifest" / stage / f"{unit:06d}.json").unlink()
    age_all(place, planted_plane(make_model(SETTINGS)), AGEING, Silent(), workers=1)
    assert contents(place) == before


def test_an_unfinished_run_shows_what_it_has(aged, tmp_path):
    shutil.copytree(aged.out, tmp_path / "part")
    place = Workplace(tmp_path / "part", SETTINGS)
    for unit in (2, 3):
        manifest = place.out / "ageing" / "T0.45-2" / "trajectory.zarr" / "manifest" / "softness"
        (manifest / f"{unit:06d}.json").unlink()
    found = ageing_curves(place, AGEING)
    assert found["n_samples"].sel(temperature=0.45).values.tolist() == [3, 3, 2, 2]
    assert np.isfinite(found["softness_mean"]).all()


def test_samples_can_be_added_and_those_that_are_there_stay(aged, tmp_path):
    shutil.copytree(aged.out, tmp_path / "more")
    more = AGEING.model_copy(update={"samples": 4, "final_temperatures": (0.45,)})
    found = ageing_curves(run(tmp_path / "more", more), more)
    assert found.sizes["sample"] == 4
    old = ageing_curves(aged, AGEING)["softness"].sel(temperature=0.45)
    assert np.array_equal(found["softness"].sel(temperature=0.45)[:, :3], old)


def test_a_folder_of_other_quenches_is_refused(aged, tmp_path):
    shutil.copytree(aged.out / "ageing" / "starts", tmp_path / "ageing" / "starts")
    with pytest.raises(StoreError, match="holds another trajectory: its provenance differs"):
        run(tmp_path, AGEING.model_copy(update={"initial_temperature": 0.7}))


def test_the_equilibrium_of_the_study_stands_beside_the_curves(aged, curves):
    assert np.isnan(curves["softness_equilibrium"]).all()
    assert set(curves["temperature"].values) == {0.45, 0.75}
    assert curves["softness_mean"].attrs["units"] == "1"
    assert curves["waiting_time"].attrs["symbol"] == "t_w"
    assert curves.attrs["initial_temperature"] == 0.75


def test_the_cost_grows_with_waiting_time_and_samples():
    settings = load_settings("demo")
    short, long, many = (
        ageing_cost(settings, AgeingSettings(longest=t, samples=n)) for t, n in ((50, 2), (500, 2), (50, 20))
    )
    assert long.core_seconds > 2 * short.core_seconds
    assert many.core_seconds > 3 * short.core_seconds
    assert ageing_cost(SETTINGS, AGEING).core_seconds == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"final_temperatures": (0.5, 0.5)}, "must be positive and different"),
        ({"final_temperatures": (0.5, -0.5)}, "must be positive and different"),
        ({"final_temperatures": ()}, "at least 1 item"),
        ({"shortest": 10.0, "longest": 1.0}, "must not be below the shortest"),
        ({"quench_rate": 1.0}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        AgeingSettings(**wrong)


@pytest.mark.lammps
@pytest.mark.slow
def test_a_kob_andersen_liquid_falls_to_lower_energy_and_the_control_does_not(tmp_path):
    settings = SoftnessSettings.model_validate(
        {
            "state_points": [{**POINT, "replica": 1, "training": True}, POINT],
            "simulation": {"melt_time": 10.0, "cooling_time": 10.0},
        }
    )
    ageing = AgeingSettings(final_temperatures=(1.0, 0.45), samples=4, longest=40.0, equilibration=40.0)
    from vitrify.studies.ageing import simulate_ageing

    place = Workplace(tmp_path, settings)
    simulate_ageing(place, ageing, Silent(), workers=1)
    at = AgeingPlace(place, ageing)
    control, cold = (
        np.array([at.store(t, k).read("inherent_energy") for k in range(4)])
        for t in ageing.final_temperatures
    )
    start = np.array([at.start_store(k).read("inherent_energy")[0] for k in range(4)])
    equilibrium = np.append(control, start)
    late = cold[:, -3:].mean(axis=1)
    error = np.hypot(late.std(ddof=1), control.mean(axis=1).std(ddof=1)) / 2
    assert equilibrium.mean() - late.mean() > 3 * error
    change = control[:, -3:].mean(axis=1) - control[:, :3].mean(axis=1)
    assert abs(change.mean()) < 3.5 * change.std(ddof=1) / 2
    assert [at.store(0.45, k).read("temperature")[-1] for k in range(4)] == pytest.approx([0.45] * 4, rel=0.2)
