"""Stores of tracked particles, with gaps and edges, through describing, training and softness."""

import numpy as np
import pytest

from vitrify.descriptors.base import from_dict
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.descriptors.surroundings import features_of
from vitrify.errors import StoreError, TooFewEventsError
from vitrify.particles import Box, Frame
from vitrify.particles.edges import distance_to_open_faces
from vitrify.particles.layout import Layout, thermal_arrays
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies.describing import describable_in
from vitrify.studies.learning import examples_with_features
from vitrify.studies.verbs import (
    _single_settings,
    beside,
    describe_store,
    quench_store,
    rearrangements_of_store,
    softness_of_store,
)
from vitrify.units import SYSTEMS

N_FRAMES, N, SIDE = 90, 200, 14.0
DESCRIPTOR = RadialDensity(radii=(1.0, 1.5))
THRESHOLDS = {"window": 10, "event_threshold": 0.05, "rearrangement_threshold": 0.2}


def make(path, *, gaps=True, periodic=False, model=None):
    """Jumping cages of two species in a square, some of them absent for a while, one frame empty."""
    rng = np.random.default_rng(4)
    jumps = rng.normal(size=(N_FRAMES, N, 2)) * (rng.random((N_FRAMES, N, 1)) < 0.012)
    positions = rng.uniform(0, SIDE, (N, 2)) + jumps.cumsum(axis=0) + rng.normal(scale=0.02, size=jumps.shape)
    if gaps:
        inside = ((positions > 0) & (positions < SIDE)).all(axis=2)
        positions[~inside | (rng.random(inside.shape) < 0.003)] = np.nan
        positions[70] = np.nan
    layout = Layout(N_FRAMES, np.arange(N) % 2, ("A", "B"), 2, (periodic,) * 2, "micron", 25, not gaps)
    run = {} if model is None else {"model": model}
    trajectory = Trajectory.create(path, layout, {"source": "files", "run": run})
    trajectory.add_stage("thermal", thermal_arrays(SYSTEMS["micron"], dimension=2), {})
    for unit, (a, b) in enumerate(trajectory.units()):
        values = {
            "position": positions[a:b],
            "time": np.arange(a, b, dtype=float),
            "box_vectors": np.tile(SIDE * np.eye(2), (b - a, 1, 1)),
            "box_origin": np.zeros((b - a, 2)),
        }
        trajectory.write("thermal", unit, values)
    return Trajectory.open(path)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A store with gaps and open boundaries and its events."""
    trajectory = make(tmp_path_factory.mktemp("tracks") / "run.zarr")
    rearrangements_of_store(trajectory.path, THRESHOLDS, "thermal", Silent(), 1)
    return Trajectory.open(trajectory.path)


def settings(**training):
    point = {"temperature": 1.0, "frames": N_FRAMES, "hold_time": 1.0}
    rules = {"descriptors": DESCRIPTOR.to_dict(), "quiet_time": 15, "n_per_class": 500, "min_per_class": 10}
    return _single_settings(
        {
            "training": {**rules, **training},
            "rearrangements": THRESHOLDS,
            "state_points": [{**point, "training": True}, {**point, "replica": 1}],
        }
    )


def naive_features(trajectory, positions, particle):
    """Features from the bare positions (N, d), or NaN for a particle that is absent or near an edge."""
    there = np.flatnonzero(np.isfinite(positions[:, 0]))
    if particle not in there:
        return np.full(4, np.nan)
    here = positions[particle]
    if min(here.min(), (SIDE - here).min()) < DESCRIPTOR.reach:
        return np.full(4, np.nan)
    apart = np.linalg.norm(positions[there] - here, axis=1)
    out = []
    for species in (0, 1):
        r = apart[(trajectory.species[there] == species) & (there != particle) & (apart < DESCRIPTOR.cutoff)]
        out += [np.exp(-((mu - r) ** 2) / 0.02).sum() for mu in DESCRIPTOR.radii]
    return np.array(out)


# -- features --------------------------------------------------------------------------------------------------------


def test_only_particles_with_whole_surroundings_have_features():
    box = Box.orthorhombic([10.0, 10.0], periodic=[False, True])
    positions = [[5.0, 0.1], [5.0, 9.3], [1.0, 5.0], [8.5, 5.0]]
    frame = Frame(positions, [0, 1, 0, 1], box, particles=[1, 4, 6, 9])
    wanted = [9, 1, 5, 4, 6, 1]
    found = features_of(DESCRIPTOR, frame, wanted)
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True, False, True, False]
    whole = DESCRIPTOR.evaluate(Frame(positions, [0, 1, 0, 1], Box(box.vectors)))
    assert np.array_equal(found[[1, 3, 5]], whole[[0, 1, 0]]), "what is left is what a wider view gives"


def test_a_frame_of_a_periodic_box_is_described_as_ever():
    rng = np.random.default_rng(0)
    frame = Frame(rng.uniform(0, 8, (60, 3)), rng.integers(2, size=60), Box.orthorhombic([8.0] * 3))
    some = np.array([7, 3, 59])
    assert np.array_equal(features_of(DESCRIPTOR, frame, some), DESCRIPTOR.evaluate(frame, some))


def test_nobody_in_the_middle_and_an_empty_frame_give_rows_of_nan():
    box = Box.orthorhombic([3.0, 3.0], periodic=[False, False])
    assert np.isnan(features_of(DESCRIPTOR, Frame([[1.5, 1.5]], [0], box, ("A", "B")), [0, 1])).all()
    assert features_of(DESCRIPTOR, Frame(np.empty((0, 2)), [], box, ("A", "B")), [3]).shape == (1, 4)


# -- describing ------------------------------------------------------------------------------------------------------


def test_a_table_of_tracks_has_a_row_for_each_particle_that_is_there(tracked, tmp_path, notes):
    options = {"descriptors": DESCRIPTOR.to_dict(), "every": 10, "species": "A", "positions": "thermal"}
    describe_store(tracked.path, tmp_path / "features.npz", options, notes, 1)
    table = load_table(tmp_path / "features.npz")
    positions = tracked.positions("thermal")
    frames = np.arange(0, N_FRAMES, 10)
    there = np.isfinite(positions[frames, :, 0]) & (tracked.species == 0)
    assert not there[7].any(), "the empty frame"
    assert table.sizes["row"] == there.sum() > 400
    for k in range(table.sizes["row"]):
        frame, particle = int(table["frame"][k]), int(table["particle"][k])
        expected = naive_features(tracked, positions[frame], particle)
        np.testing.assert_allclose(table["features"].values[k], expected, rtol=1e-9, atol=1e-12)
    missing = int(np.isnan(table["features"].values[:, 0]).sum())
    assert 0 < missing < table.sizes["row"]
    said = f"{missing} of {table.sizes['row']} rows are NaN: closer than 2.3 um, as far as the descriptors reach, to an open"
    assert any(said in note for note in notes.said)


def test_nothing_is_said_of_edges_where_there_are_none(tmp_path, notes):
    trajectory = make(tmp_path / "whole.zarr", gaps=False, periodic=True)
    options = {"descriptors": DESCRIPTOR.to_dict(), "every": 30, "species": None, "positions": "thermal"}
    describe_store(trajectory.path, tmp_path / "features.npz", options, notes, 1)
    assert np.isfinite(load_table(tmp_path / "features.npz")["features"].values).all()
    assert not any("NaN" in note for note in notes.said)
    assert describable_in(trajectory, "thermal", 100.0) is None


# -- training --------------------------------------------------------------------------------------------------------


def test_examples_near_an_edge_are_left_out_and_counted(tracked, tmp_path):
    table = tmp_path / "examples.npz"
    examples = examples_with_features(
        tracked,
        settings(),
        1.0,
        beside(tracked.path, "events.npz"),
        table,
        kind="thermal",
        progress=Silent(),
        workers=1,
    )
    assert np.isfinite(examples["features"].values).all()
    assert examples["label"].values.sum() == 0, "as many soft as hard"
    left_out = examples.attrs["n_left_out"]
    assert left_out["soft"] > 10
    assert left_out["hard"] > 10
    for frame, particle in zip(examples["frame"].values, examples["particle"].values, strict=True):
        configuration = tracked.frame(int(frame), "thermal")
        (row,) = configuration.rows_of([particle])
        assert distance_to_open_faces(configuration)[row] >= DESCRIPTOR.reach


def test_too_narrow_a_view_is_named(tracked, tmp_path):
    wide = RadialDensity(radii=(6.5,))
    with pytest.raises(TooFewEventsError, match=r"Left out were \d+ rearranging and \d+ quiet particles"):
        examples_with_features(
            tracked, settings(descriptors=wide.to_dict()), 1.0, beside(tracked.path, "events.npz"),
            tmp_path / "examples.npz", kind="thermal", progress=Silent(), workers=1,
        )  # fmt: skip


# -- softness --------------------------------------------------------------------------------------------------------


def test_softness_is_missing_where_the_surroundings_are_not_seen(tracked, tmp_path, notes):
    trained = TrainedSoftness(
        [1.0, -0.5, 0.25, 2.0], 0.1, [0.5] * 4, [2.0] * 4,
        DESCRIPTOR.feature_names(("A", "B")), DESCRIPTOR.to_dict(), ("A", "B"), "B", "thermal",
    )  # fmt: skip
    trained.save(tmp_path / "softness.json")
    softness_of_store(tracked.path, tmp_path / "softness.json", 6, notes, 1)
    found = Trajectory.open(tracked.path).read("softness")
    expected, positions = np.full(found.shape, np.nan), tracked.positions("thermal")
    for k in range(0, N_FRAMES, 6):
        for i in np.flatnonzero(tracked.species == 1):
            features = naive_features(tracked, positions[k], i)
            expected[k, i] = trained.evaluate(features[None])[0] if np.isfinite(features[0]) else np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    there = np.isfinite(positions[::6, 1::2, 0])
    missing = (there & np.isnan(found[::6, 1::2])).sum()
    assert 0 < missing < there.sum()
    assert any(f"{missing} of {there.sum()} values of species B are NaN" in note for note in notes.said)


def test_a_trained_softness_reads_back_its_reach():
    assert from_dict(DESCRIPTOR.to_dict()).reach == DESCRIPTOR.reach == pytest.approx(2.3)


# -- quenching -------------------------------------------------------------------------------------------------------


def test_a_part_of_the_particles_is_not_quenched(tmp_path, notes):
    from vitrify.models.harmonic_spheres import HarmonicSpheres

    trajectory = make(tmp_path / "run.zarr", model=HarmonicSpheres().to_dict())
    with pytest.raises(
        StoreError, match=r"does not hold every particle in every frame, so it cannot be quenched"
    ):
        quench_store(trajectory.path, {}, notes, 1)
    assert "inherent" not in Trajectory.open(trajectory.path).stages


def test_an_open_box_with_all_its_particles_is_quenched(tmp_path, notes):
    from vitrify.models.harmonic_spheres import HarmonicSpheres

    trajectory = make(tmp_path / "run.zarr", gaps=False, model=HarmonicSpheres().to_dict())
    quench_store(trajectory.path, {}, notes, 1)
    assert Trajectory.open(trajectory.path).is_done("inherent")
