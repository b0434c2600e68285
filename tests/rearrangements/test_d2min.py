"""The kernel against a naive twin, and what is refused."""

import numba
import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import pairs
from vitrify.rearrangements.base import stream_frames
from vitrify.rearrangements.d2min import D2Min, followed_lattice

OPEN = {2: [True, False], 3: [True, True, False]}


def twin(start, later, cutoff, flipped=None):
    """The sum over neighbours, their number and J, neighbour after neighbour: image n of j stays image n."""
    d = start.dimension
    found = pairs(start, cutoff)
    total, count = np.full(start.n_particles, np.nan), np.zeros(start.n_particles, int)
    maps = np.full((start.n_particles, d, d), np.nan)
    lattice = (np.eye(d) if flipped is None else flipped) @ later.box.vectors
    row = later.rows_of(start.particles)
    for i in range(start.n_particles):
        before, after = [], []
        for j, vector in zip(found.second[found.first == i], found.vectors[found.first == i], strict=True):
            if row[i] < 0 or row[j] < 0:
                continue
            image = np.rint((vector - start.positions[j] + start.positions[i]) @ start.box.inverse)
            before.append(vector)
            after.append(later.positions[row[j]] + image @ lattice - later.positions[row[i]])
        count[i] = len(before)
        if len(before) >= d:
            solution = np.linalg.lstsq(np.array(before), np.array(after), rcond=1e-6)[0]
            total[i] = np.sum((np.array(after) - np.array(before) @ solution) ** 2)
            maps[i] = solution.T
    return total, count, maps


def a_box(d, kind, size):
    vectors = size * np.eye(d)
    if kind == "triclinic":
        vectors[1, 0] = 0.4 * size
        if d == 3:
            vectors[2, :2] = -0.3 * size, 0.2 * size
    return Box(vectors, origin=np.arange(d) - 0.7, periodic=OPEN[d] if kind == "open" else None)


def two_frames(d, kind, n=60, size=4.0, seed=0, noise=0.1):
    """A random fluid, partly in other periodic images, and the same after a strain of box and particles, and noise."""
    rng = np.random.default_rng(seed)
    box = a_box(d, kind, size)
    positions = box.origin + rng.uniform(0, 1, (n, d)) @ box.vectors
    positions += rng.integers(-2, 3, (n, d)) * box.periodic @ box.vectors
    gradient = np.eye(d) + rng.normal(scale=0.05, size=(d, d))
    deformed = Box(box.vectors @ gradient, box.origin + 0.3, box.periodic)
    later = positions @ gradient + rng.normal(scale=noise, size=(n, d))
    species = rng.integers(0, 2, n)
    return Frame(positions, species, box, ("A", "B")), Frame(later, species, deformed, ("A", "B"))


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("kind", ["cubic", "triclinic", "open"])
@pytest.mark.parametrize("cutoff", [1.3, 3.1, 4.5])
def test_the_kernel_is_its_naive_twin(d, kind, cutoff):
    """Cutoffs below, beyond half and beyond the whole of the box."""
    start, later = two_frames(d, kind)
    motion = D2Min(1, cutoff, "sum").between(start, later)
    total, count, maps = twin(start, later, cutoff)
    assert np.array_equal(motion.n_neighbors, count)
    np.testing.assert_allclose(motion.d2min, total, rtol=1e-9, atol=1e-25)
    fitted = count > d + 1  # the twin's map is another one where neighbours do not span space
    np.testing.assert_allclose(motion.deformation[fitted], maps[fitted], rtol=1e-7, atol=1e-9)
    mean = D2Min(1, cutoff, "mean").between(start, later)
    np.testing.assert_allclose(mean.d2min * count, total, rtol=1e-9, atol=1e-25)
    assert np.array_equal(mean.deformation, motion.deformation, equal_nan=True)


@pytest.mark.parametrize("d", [2, 3])
def test_absent_particles_are_left_out_and_counted(d):
    start, later = two_frames(d, "triclinic")
    gone, new = [3, 17, 40], 55
    before = [k for k in range(60) if k != new]
    after = [k for k in range(60) if k not in gone]
    start = Frame(start.positions[before], start.species[before], start.box, ("A", "B"), particles=before)
    later = Frame(later.positions[after], later.species[after], later.box, ("A", "B"), particles=after)
    motion = D2Min(1, 1.5, "sum").between(start, later)
    total, count, _ = twin(start, later, 1.5)
    np.testing.assert_allclose(motion.d2min, total, rtol=1e-9, atol=1e-25)
    there = ~np.isin(start.particles, gone)
    assert np.array_equal(motion.n_neighbors[there], count[there])
    assert not motion.n_neighbors[~there].any()
    found = pairs(start, 1.5)
    lost = np.bincount(found.first[np.isin(start.particles[found.second], gone)], minlength=59)
    assert np.array_equal(motion.n_lost[there], lost[there])
    values = D2Min(1, 1.5, "sum").compute([start, later], n_particles=62)
    assert np.array_equal(values[0, start.particles], motion.d2min, equal_nan=True)
    assert np.isnan(values[0, [*gone, new, 60, 61]]).all()
    assert np.isnan(values[1]).all()


def test_a_frame_in_which_nobody_is_left_has_no_value():
    start, later = two_frames(3, "cubic")
    nobody = Frame(np.empty((0, 3)), [], later.box, ("A", "B"))
    for pair in ([start, nobody], [nobody, start]):
        assert np.isnan(D2Min(1, 1.5).compute(pair)).all()


def test_fewer_neighbours_than_dimensions_have_no_value_and_just_as_many_are_fitted_perfectly():
    positions = np.array([[0.0, 0.0], [0.5, 0.1], [-0.2, 0.4], [2.0, 2.0], [2.5, 2.0]])
    box = Box.orthorhombic([9.0, 9.0])
    moved = positions + np.random.default_rng(0).normal(scale=0.1, size=positions.shape)
    motion = D2Min(1, 1.0).between(Frame(positions, [0] * 5, box), Frame(moved, [0] * 5, box))
    assert motion.n_neighbors.tolist() == [2, 2, 2, 1, 1]
    assert (motion.d2min[:3] < 1e-25).all()
    assert np.isnan(motion.d2min[3:]).all()
    assert np.isnan(motion.deformation[3:]).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("flat", [[0, 0, 1], [0, 1, 1]], ids=["in a plane", "on a line"])
def test_neighbours_that_do_not_span_space_leave_the_rest_to_the_box(flat, turned):
    """A layer in three dimensions: the strain across it is that of the box, and the value does not depend on it."""
    rng = np.random.default_rng(4)
    positions = rng.uniform(-1, 1, (12, 3)) * (1 - np.array(flat)) * [1.0, 1.0, 1.0]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if turned else np.eye(3)
    moved = positions @ (np.eye(3) + 0.1) + rng.normal(scale=0.05, size=(12, 3))
    box, wider = Box(20 * np.eye(3)), Box(22 * np.eye(3))
    motion = D2Min(1, 4.0, "sum").between(
        Frame(positions @ turn, [0] * 12, box), Frame(moved @ turn, [0] * 12, wider)
    )
    total = twin(Frame(positions @ turn, [0] * 12, box), Frame(moved @ turn, [0] * 12, wider), 4.0)[0]
    np.testing.assert_allclose(motion.d2min, total, rtol=1e-8)
    normal = turn[2]
    np.testing.assert_allclose(
        motion.deformation @ normal, np.tile(1.1 * normal, (12, 1)), rtol=1e-6, atol=1e-9
    )


def test_threads_change_no_bit():
    start, later = two_frames(3, "triclinic", n=700, size=8.0)
    before = numba.get_num_threads()
    most = numba.config.NUMBA_NUM_THREADS
    if most < 2:
        pytest.skip("one thread only")
    found = []
    for threads in (1, 2, most):
        numba.set_num_threads(threads)
        found.append(D2Min(1, 2.0).between(start, later))
    numba.set_num_threads(before)
    for one in found[1:]:
        for a, b in zip(found[0], one, strict=True):
            assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("block", [1, 4, 100])
def test_blocks_change_no_bit_also_through_tilt_flips_and_gaps(block):
    rng = np.random.default_rng(2)
    at_rest, frames = rng.uniform(0, 5, (40, 2)), []
    for k in range(14):
        strain = 0.09 * k
        there = np.flatnonzero(rng.uniform(size=40) > 0.1)
        positions = at_rest @ [[1.0, 0.0], [strain, 1.0]] + rng.normal(scale=0.05, size=(40, 2))
        box = Box(5 * np.array([[1.0, 0.0], [strain - np.rint(strain), 1.0]]))
        frames.append(Frame(positions[there], np.zeros(len(there), int), box, ("A",), particles=there))
    indicator = D2Min(5, 2.0)
    whole = indicator.compute(frames, 40)
    parts = list(stream_frames(indicator, lambda a, b: frames[a:b], 14, block, 40))
    assert [p[:2] for p in parts] == [(a, min(a + block, 14)) for a in range(0, 14, block)]
    assert np.array_equal(np.concatenate([p[2] for p in parts]), whole, equal_nan=True)
    assert np.isnan(whole[-5:]).all()
    assert np.nanmax(whole[:-5]) < 0.1, "a flip is no motion"


def test_a_reference_is_compared_with_every_frame_before_and_after_it():
    rng = np.random.default_rng(5)
    box = Box.orthorhombic([4.0, 4.0])
    frames = [Frame(rng.uniform(0, 4, (30, 2)), [0] * 30, box) for _ in range(5)]
    values = D2Min(None, 2.0, reference=2).compute(frames)
    assert (values[2] < 1e-28).all()
    for k in (0, 4):
        expected = D2Min(1, 2.0).between(frames[2], frames[k]).d2min
        assert np.array_equal(values[k], expected)


# -- boxes -----------------------------------------------------------------------------------------------------------


def test_a_lattice_is_followed_through_any_number_of_flips_and_back():
    strain = np.concatenate([np.linspace(0, 3.3, 40), np.linspace(3.3, -1.2, 60)])
    flipped = np.array([[[2.0, 0.0], [2 * (s - np.rint(s)), 1.5]] for s in strain])
    followed = followed_lattice(flipped, [True, True])
    continuous = np.array([[[2.0, 0.0], [2 * s, 1.5]] for s in strain])
    np.testing.assert_allclose(followed @ flipped, continuous, atol=1e-12)


def test_a_lattice_is_followed_in_three_dimensions():
    rng = np.random.default_rng(1)
    tilts = 0.04 * rng.normal(size=(200, 3)).cumsum(axis=0)
    whole = np.array([[[3.0, 0, 0], [3 * t[0], 2.0, 0], [3 * t[1], 2 * t[2], 2.5]] for t in tilts])
    yz = np.rint(tilts[:, 2])
    flips = np.broadcast_to(np.eye(3), (200, 3, 3)).copy()
    flips[:, 2, 1] = -yz
    reduced = flips @ whole
    for k, row in ((1, 0), (2, 0)):
        turns = np.rint(reduced[:, k, 0] / 3.0)
        reduced[:, k] -= turns[:, None] * reduced[:, row]
    followed = followed_lattice(reduced, [True] * 3)
    np.testing.assert_allclose(followed @ reduced, whole, atol=1e-12)


def test_boxes_that_never_flip_are_taken_as_they_are():
    """A tilt beyond one half is none that a flip leads to, however long the step."""
    sheared = np.array([[[1.0, 0.0], [t, 1.0]] for t in (0.0, 0.7, 3.0, 3.6)])
    assert np.array_equal(
        followed_lattice(sheared, [True, True]), np.broadcast_to(np.eye(2, dtype=int), (4, 2, 2))
    )
    growing = np.array([s * np.eye(2) for s in (1.0, 1.4, 1.9)])
    assert np.array_equal(followed_lattice(growing, [True, True])[-1], np.eye(2))
    shrunk_around_it = np.array([np.diag([1.0, s]) for s in (1.0, 5.0)])
    assert np.array_equal(followed_lattice(shrunk_around_it, [True, False])[-1], np.eye(2))


def test_a_box_that_jumps_is_refused():
    frames = [
        Frame(np.zeros((1, 2)), [0], Box.orthorhombic([s, 3.0]), label=f"frame {s}") for s in (3.0, 6.0)
    ]
    with pytest.raises(
        ConfigurationError, match=r"box jumps between frames 0 and 1 after frame 3\.0: from \[\[3"
    ):
        D2Min(1, 1.0).compute(frames)


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"lag": None}, r"needs either `lag`, in frames, or the frame `reference`; they are None and None"),
        ({"reference": 3}, r"they are 1 and 3"),
        ({"lag": 0}, r"`lag` is a number of frames, at least 1; it is 0"),
        ({"lag": 1.5}, r"`lag` is a number of frames, at least 1; it is 1\.5"),
        ({"lag": None, "reference": -1}, r"`reference` is a number of frames, at least 0; it is -1"),
        ({"cutoff": 0.0}, r"`cutoff` must be a positive length; it is 0\.0"),
        ({"cutoff": np.nan}, r"`cutoff` must be a positive length; it is nan"),
        ({"normalization": "average"}, r"`normalization` must be one of mean, sum; it is 'average'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters, said):
    with pytest.raises(ParameterError, match=said):
        D2Min(**{"lag": 1, "cutoff": 1.0, **parameters})


def test_too_few_frames_are_refused():
    frames = [two_frames(2, "cubic")[0]] * 3
    with pytest.raises(ShapeError, match=r"`lag` = 3 needs at least 4 frames; this trajectory has 3"):
        D2Min(3, 1.0).compute(frames)
    with pytest.raises(ShapeError, match=r"`reference` = 3, counted from 0, needs at least 4 frames"):
        D2Min(None, 1.0, reference=3).compute(frames)


def test_a_reference_cannot_be_streamed():
    frames = [two_frames(2, "cubic")[0]] * 3
    with pytest.raises(ParameterError, match=r"`reference` = 0 has no halo and cannot be streamed"):
        list(stream_frames(D2Min(None, 1.0, reference=0), lambda a, b: frames[a:b], 3))


def test_frames_of_two_systems_are_refused():
    flat, deep = two_frames(2, "cubic")[0], two_frames(3, "cubic")[0]
    with pytest.raises(ShapeError, match=r"frame 0 is 2D and frame 1 3D"):
        D2Min(1, 1.0).between(flat, deep)
    opened = Frame(flat.positions, flat.species, Box(flat.box.vectors, None, [True, False]))
    with pytest.raises(
        ConfigurationError, match=r"periodic along \[True, True\] and frame 1 along \[True, False\]"
    ):
        D2Min(1, 1.0).between(flat, opened)


def test_attributes_tell_mean_from_sum_and_lag_from_reference():
    assert "mean over neighbours within 2.5" in D2Min(20, 2.5).attributes()["definition"]
    assert "sum over neighbours" in D2Min(20, 2.5, "sum").attributes()["definition"]
    assert D2Min(20, 2.5).attributes()["definition"].endswith("from frame t to t+20")
    assert D2Min(None, 2.5, reference=4).attributes()["definition"].endswith("from frame 4 to frame t")
