"""The study of the softness of cages: a small hot liquid through every step, and planted softness that must come back."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import SettingsError, TooFewEventsError
from vitrify.progress import Silent
from vitrify.report.definitions import with_definitions
from vitrify.report.results import SoftnessResults
from vitrify.studies.caging import collect_caging, run_caging
from vitrify.studies.caging_cost import caging_costs
from vitrify.studies.caging_counts import (
    CONVENTIONS,
    SoftMotion,
    above_mode,
    counts_of,
    fitted_temperatures,
    onset_of,
)
from vitrify.studies.caging_depths import Depths, depth_of, measure_depths, softness_from
from vitrify.studies.caging_motion import Hop, Motion, measure_motions, measured_threshold
from vitrify.studies.caging_place import CagingPlace, simulate_caging
from vitrify.studies.caging_rearranging import rise
from vitrify.studies.caging_settings import CagingSettings, load_caging_settings, preset
from vitrify.studies.caging_structure import make_map, measure_structures, read_map, structures_of
from vitrify.studies.caging_time import kept, measure_times
from vitrify.studies.settings import load_settings
from vitrify.studies.simulate import (
    engine_methods,
    make_run,
    needs_equilibration,
    prepare_trajectory,
    simulate_state_point,
    workplace,
)
from vitrify.theory.caging import CagingMap, Line
from vitrify.theory.rearrangement_probability import rearrangement_probability, softness_bins
from vitrify.units import LJ

SMALL = {
    "state_points": [{"temperature": t, "frames": 70, "hold_time": 2.0} for t in (1.4, 1.0, 1.2)],
    "simulation": {"n_particles": 220, "melt_time": 1.0, "cooling_time": 1.0, "frames_per_unit": 20, "melt_temperature": 2.0},
    "bulk": {"frames": 24, "vectors_per_bin": 10, "q_width": 0.2, "blocks": 4, "r_width": 0.02},
    "cages": {"stride": 3, "smeared_frames": 2},
    "hops": {"window": 8, "other_window": 6},
    "time": {"short_frames": 20, "origins": 6, "lags_per_decade": 4, "groups": 3},
    "probabilities": {"bins": 5, "segments": 4, "resamples": 20, "max_active_fraction": 1.0},
}  # fmt: skip


def small(**more):
    return load_caging_settings("demo", overrides={**SMALL, **more})


def every_step(place):
    simulate_caging(place, Silent(), 1)
    measure_structures(place, Silent(), 1)
    relation = make_map(place)
    for step in (measure_motions, measure_depths, measure_times):
        step(place, Silent(), 1)
    return relation


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    place = CagingPlace(tmp_path_factory.mktemp("caging"), small())
    return place, every_step(place)


# -- a small liquid --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_colder_cages_are_deeper_and_the_relations_are_kept(measured):
    place, relation = measured
    bulk = [s.bulk for s in structures_of(place)]
    assert [b.temperature for b in bulk] == [1.0, 1.2, 1.4]
    assert bulk[0].depth_r > bulk[1].depth_r > bulk[2].depth_r > 0
    assert bulk[0].depth_q > bulk[2].depth_q > 0
    assert relation.c1 > 0
    assert read_map(place) == relation


@pytest.mark.slow
def test_limits_lie_where_the_first_shell_of_the_mixture_is(measured):
    for structure in structures_of(measured[0]):
        (low, high), (low_b, high_b) = structure.limits["A"], structure.limits["B"]
        assert 0.8 < low < 1.0 < 1.3 < high < 1.6
        assert 0.6 < low_b < 0.85 < 1.05 < high_b < 1.4


@pytest.mark.slow
def test_depths_are_those_of_the_descriptor_in_sampled_frames_and_where_rearrangements_begin(measured):
    place, _ = measured
    point = place.settings.points[0]
    motion, depths, member = Motion(place, point), Depths(place, point), depth_of(place, point)
    k = 4
    frame = motion.trajectory.frame(int(motion.frames[k]), "thermal")
    np.testing.assert_array_equal(depths.sampled[k], member.evaluate(frame, motion.centre)[:, 0])
    for structure in ("start", "before_peak"):
        frames, particles = motion.starts(motion.hops[0], structure)
        assert len(frames) > 20
        found = depths.at(frames, particles, len(motion.centre))
        for n in (0, len(frames) // 2, len(frames) - 1):
            frame = motion.trajectory.frame(int(frames[n]), "thermal")
            assert found[n] == member.evaluate(frame, motion.centre[[particles[n]]])[0, 0]


@pytest.mark.slow
def test_rearrangements_pass_the_threshold_half_a_window_after_their_structure(measured):
    place, _ = measured
    motion = Motion(place, place.settings.points[0])
    from vitrify.rearrangements.p_hop import PHop

    for hop in motion.hops:
        values = PHop(hop.window).compute(motion.read(0, motion.trajectory.n_frames))
        frames, particles = motion.starts(hop)
        limit = motion.threshold_of(hop)
        assert (values[frames + hop.window // 2, particles] > limit).all()
        assert (values[frames + hop.window // 2 - 1, particles] <= limit).all()
        sampled, moving = motion.rearranging(hop)
        np.testing.assert_array_equal(moving, values[sampled + hop.window // 2] > limit)


@pytest.mark.slow
def test_a_higher_threshold_leaves_fewer_rearrangements(measured):
    motion = Motion(measured[0], measured[0].settings.points[0])
    first, _, common, root = motion.hops
    p_c, error = motion.threshold
    assert error > 0
    assert motion.threshold_of(root) == pytest.approx(np.sqrt(p_c))
    assert motion.threshold_of(common) == p_c
    other = Motion(measured[0], measured[0].settings.points[-1])
    assert other.threshold_of(common) == p_c != other.threshold_of(first)
    assert len(motion.starts(root)[0]) < len(motion.starts(first)[0])
    assert root.words == "window 8, p_hop in σ² above √p_c"


@pytest.mark.slow
def test_counts_hold_every_rearrangement_once(measured):
    place, relation = measured
    found = [SoftMotion(place, p, relation) for p in place.settings.points]
    edges = softness_bins(np.concatenate([m.softness.ravel() for m in found]), 5)
    hop = found[0].motion.hops[0]
    for convention in ("start", "before_peak"):
        counts = counts_of(found, convention, hop, edges)
        n = [np.isfinite(softness_from(m.depths.at(*m.motion.starts(hop, convention), len(m.motion.centre)), relation)).sum() for m in found]  # fmt: skip
        assert counts["events"].sum(("segment", "softness_bin")).values.tolist() == n
    counts = counts_of(found, "rearranging", hop, edges)
    assert (counts["events"] <= counts["exposure"]).all()


@pytest.mark.slow
def test_softness_is_remembered_at_short_times_and_less_later(measured):
    place, _ = measured
    curve = kept(place, place.settings.points[0], "correlation")
    lag, c, q = (curve[n].values for n in ("lag", "correlation", "overlap"))
    assert lag[0] == 0
    assert c[0] == pytest.approx(1)
    assert q[0] == 1
    assert (np.diff(lag) > 0).all()
    assert 0.05 <= lag[1] < 1.0 < lag[-1]
    assert 1 > c[1] > c[-1]


@pytest.mark.slow
def test_every_data_set_is_what_the_report_knows(measured):
    place, relation = measured
    results = collect_caging(place, relation)
    for name, dataset in results.datasets.items():
        with_definitions(name, dataset)
    words = [row.quantity for row in results.table]
    for start in ("R² of 1/S against depth in q", "mean softness", "width of P(S)", "rearranging particles above the mode", "crossing temperature", "threshold p_c"):  # fmt: skip
        assert any(w.startswith(start) for w in words), start
    assert len(set(words)) == len(words)
    assert results.run["positions"] == "thermal"


@pytest.mark.slow
def test_what_was_measured_is_kept_and_other_settings_measure_anew(measured, monkeypatch):
    place, _ = measured
    import vitrify.studies.caging_depths as module

    def refuses(job):
        raise AssertionError(f"{job[0]} is made again")

    monkeypatch.setattr(module, "_measure", refuses)
    measure_depths(place, Silent(), 1)
    other = CagingPlace(place.out, small(cages={**SMALL["cages"], "delta": 0.12}))
    with pytest.raises(AssertionError, match="made again"):
        measure_depths(other, Silent(), 1)


@pytest.mark.slow
def test_the_averaged_correlation_makes_depths_alike(measured):
    place, _ = measured
    point = place.settings.points[0]
    motion, member = Motion(place, point), depth_of(place, point)
    other = depth_of(
        CagingPlace(place.out, small(cages={**SMALL["cages"], "correlation": "averaged"})), point
    )
    frame = motion.trajectory.frame(5, "thermal")
    a, b = (d.evaluate(frame, motion.centre)[:, 0] for d in (member, other))
    assert np.corrcoef(a, b)[0, 1] > 0.5
    assert other.correlation == "averaged"


# -- planted answers -------------------------------------------------------------------------------------------------


class Planted(SoftMotion):
    """Particles whose probability to rearrange is known."""

    e0, e1, sigma0, sigma1 = 2.0, 0.8, 2.0, 1.0  # lines cross at 0.8

    def __init__(self, temperature, settings, n=40_000):
        place = SimpleNamespace(settings=settings)
        super().__init__(place, SimpleNamespace(temperature=temperature), None)
        trajectory = SimpleNamespace(frame_interval=1.0, unit_system=LJ)
        self.__dict__["motion"] = SimpleNamespace(trajectory=trajectory)
        rng = np.random.default_rng(round(1000 * temperature))
        softness = rng.normal(1.5, 0.5, n)
        p = np.exp(
            self.sigma0
            - self.sigma1 * (softness - 1.5)
            - (self.e0 - self.e1 * (softness - 1.5)) / temperature
        )
        self.__dict__["every"] = softness, np.arange(n) * 4 // n
        moving = rng.random(n) < p
        self.__dict__["moving"] = softness[moving], self.every[1][moving]

    def entries(self, convention, hop):
        return self.every, self.moving


def test_planted_barriers_cross_where_they_were_planted():
    settings = small()
    found = [Planted(t, settings) for t in (0.45, 0.5, 0.55, 0.6)]
    edges = softness_bins(np.concatenate([m.every[0] for m in found]), 12)
    counts = counts_of(found, "rearranging", Hop(8), edges)
    onset, reason = onset_of(counts, [0.45, 0.5, 0.55, 0.6], 1, 60, 0)
    assert reason == ""
    low, high = onset.interval("onset_temperature")
    assert low - (high - low) < 0.8 < high + (high - low)
    assert onset.fit.e1 == pytest.approx(0.8, abs=0.25)
    table = rearrangement_probability(counts)
    slope, error = rise(table, 0, 5)
    assert abs(slope - (0.8 / 0.45 - 1) / np.log(10)) < 4 * error


def test_too_few_rearrangements_have_no_crossing_and_say_why():
    found = [Planted(t, small(), n=40) for t in (0.2, 0.25, 0.3)]
    counts = counts_of(found, "rearranging", Hop(8), np.array([0.0, 1.5, 3.0]))
    onset, reason = onset_of(counts, [0.2, 0.25, 0.3], 1, 20, 0)
    assert onset is None
    assert "rearrangements" in reason


def test_the_part_above_the_mode_is_that_of_a_shifted_distribution():
    rng = np.random.default_rng(1)
    every = rng.normal(2.0, 0.3, 60_000), np.arange(60_000) % 6
    moving = rng.normal(2.0 + 0.3 * 0.6745, 0.3, 4000), np.arange(4000) % 6
    found = above_mode(every, moving)
    assert abs(found.mode - 2.0) < 0.03
    assert found.n == 4000
    assert abs(found.share - 0.75) < 4 * found.share_error + 0.02
    assert abs(found.share_of_all - 0.5) < 0.05
    with pytest.raises(TooFewEventsError, match="0 rearrangements among 60000 values"):
        above_mode(every, (np.empty(0), np.empty(0, int)))


def test_the_threshold_is_the_squared_displacement_where_alpha_is_largest():
    lag = np.geomspace(1, 1000, 25)
    alpha = 1.5 - 0.2 * np.log(lag / 60) ** 2
    broad = {
        "non_gaussian": ("lag", alpha),
        "non_gaussian_error": ("lag", 0.1 + 0 * lag),
        "msd": ("lag", 0.1 * (lag / 60) ** 0.3),
    }
    value, error = measured_threshold(xr.Dataset(broad, {"lag": lag}))
    assert value == pytest.approx(0.1, rel=1e-6)
    assert error == pytest.approx(0.1 * np.sinh(0.3 * np.sqrt(0.1 / 0.2)), rel=0.05)
    noisy = alpha + 0.05 * np.random.default_rng(0).normal(size=25)
    value, error = measured_threshold(xr.Dataset({**broad, "non_gaussian": ("lag", noisy)}, {"lag": lag}))
    assert abs(value - 0.1) < error


def test_a_maximum_of_few_points_is_the_largest_of_them():
    curve = xr.Dataset(
        {
            "non_gaussian": ("lag", [0.1, 0.5, 0.48, 0.2]),
            "non_gaussian_error": ("lag", [0.01, 0.05, 0.05, 0.1]),
            "msd": ("lag", [0.05, 0.1, 0.14, 0.3]),
        },
        {"lag": [1.0, 2.0, 4.0, 8.0]},
    )
    value, error = measured_threshold(curve)
    assert value == pytest.approx(0.1)
    assert 0 < error < 0.04


def test_softness_is_in_thousandths_and_missing_where_the_relation_fails():
    line = Line(100.0, 90.0, 0.0, 0.0, 1.0, (0.0, 0.0))
    relation = CagingMap(line, line, line, (0.5, 1.0), 20.0)
    found = softness_from(np.array([10.0, -2.0, np.nan]), relation)
    assert found[0] == pytest.approx(1.0)
    assert np.isnan(found[1:]).all()


def test_temperatures_at_which_everything_moves_are_left_out_of_the_fit_unless_too_few_stay():
    def with_active(*values):
        return [
            SimpleNamespace(active=a, point=SimpleNamespace(temperature=t)) for t, a in enumerate(values, 1)
        ]

    assert fitted_temperatures(with_active(0.1, 0.2, 0.3, 0.9), 0.35) == [1, 2, 3]
    assert fitted_temperatures(with_active(0.1, 0.6, 0.9), 0.35) == [1, 2, 3]


# -- the engine ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_any_simulated_study_can_use_the_engine_verlet_from_a_shipped_start(tmp_path):
    point = {"temperature": 0.58, "frames": 30, "hold_time": 100.0}
    points = [{**point, "training": True, "replica": 1}, point]
    settings = load_settings("demo", overrides={"simulation": {"engine": "verlet"}, "state_points": points})
    place, here = workplace(tmp_path, settings), settings.test_points[0]
    trajectory = prepare_trajectory(place, here)
    simulate_state_point((place, here))
    energy = trajectory.read("potential_energy") / trajectory.n_particles
    shipped = trajectory.provenance["start"]["report"]["energy_per_particle"]
    assert abs(energy.mean() - shipped) < 0.05
    assert abs(trajectory.read("temperature").mean() - 0.58) < 0.03
    assert engine_methods(settings) == ["nose_hoover"]
    assert not needs_equilibration(settings, here)


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["demo", "study", "paper"])
def test_presets_are_cut_and_shifted_run_by_own_code_and_reach_the_published_range(scale):
    settings = load_caging_settings(scale)
    assert settings.simulation.engine == "verlet"
    assert make_run(settings, settings.points[0]).model.smoothing == "shift"
    assert settings.points[0].temperature <= 0.5
    assert settings.points[-1].temperature == 1.0
    assert sum(c.core_seconds for c in caging_costs(settings)) < (1200 if scale == "demo" else 1e8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"state_points": [{"temperature": 0.5, "frames": 50, "hold_time": 1.0}] * 3}, "two state points have the same temperature"),
        ({"state_points": SMALL["state_points"][:2]}, "linear relations need three temperatures or more; there are 2"),
        ({"simulation": {"engine": "dryrun"}}, "has no forces, and cages are made of them"),
        ({"hops": {"window": 7}}, "multiple of 2"),
        ({"state_points": [{**p, "training": True} for p in SMALL["state_points"]]}, "nothing is learned"),
        ({"state_points": [{**p, "density": 1.1} for p in SMALL["state_points"]]}, "have the density of the simulation"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        load_caging_settings("demo", overrides=wrong)


def test_other_densities_are_refused():
    with pytest.raises(SettingsError, match=r"studied at density 1\.20, not 1\.3"):
        preset("demo", 1.3)
    assert CagingSettings.model_validate(preset("demo")).hops.window == 16
    assert set(CONVENTIONS) == {"start", "before_peak", "rearranging"}


# -- whole -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("where", ["simulating", "depths"])
def test_a_killed_study_goes_on_with_the_same_bits(where, tmp_path, monkeypatch):
    settings = small()
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_caging(settings, whole, Silent(), workers=1)
    if where == "simulating":
        import vitrify.protocols.production as module

        name = "write_segment"
    else:
        import vitrify.studies.caging_depths as module

        name = "write_arrays"
    done, count = getattr(module, name), [0]

    def dies(*args):
        count[0] += 1
        if count[0] == 5:
            raise KeyboardInterrupt
        return done(*args)

    monkeypatch.setattr(module, name, dies)
    with pytest.raises(KeyboardInterrupt):
        run_caging(settings, cut, Silent(), workers=1)
    run_caging(settings, cut, Silent(), workers=1)
    assert (whole / "results" / "results.json").read_bytes() == (
        cut / "results" / "results.json"
    ).read_bytes()
    for figure in (whole / "figures").glob("*.csv"):
        assert figure.read_bytes() == (cut / "figures" / figure.name).read_bytes()


@pytest.mark.slow
def test_the_demo_finds_what_the_paper_says(tmp_path):
    run_caging(load_caging_settings("demo"), tmp_path / "out", Silent())
    found = SoftnessResults.load(tmp_path / "out" / "results")
    rows = {row.quantity: row for row in found.table}
    assert all(rows[name].value > 0.98 for name in rows if name.startswith("R² of"))
    assert rows["width of P(depth), coldest over hottest"].value > 1
    assert rows["width of P(S), coldest over hottest"].value < 1
    above = next(row for name, row in rows.items() if name.startswith("rearranging particles above the mode"))
    assert above.value > 0.5
