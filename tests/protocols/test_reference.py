"""Reference positions: one switch, and each of its positions is what it is called."""

import numpy as np
import pytest

from vitrify.descriptors.coordination import Coordination
from vitrify.engines.base import Run
from vitrify.engines.dryrun import DryRun, PlantedLiquid
from vitrify.errors import ParameterError, UnknownNameError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.particles import Box, Frame
from vitrify.protocols.cage import CageState
from vitrify.protocols.inherent import Quench, quench
from vitrify.protocols.reference import ReferencePositions, TimeAverage
from vitrify.provenance import identity

SPHERES = HardSpheres((1.0,), (1.0,))
CAGE = CageState(1.0, radius=0.2, n_sweeps=20, n_equilibration=5)
AVERAGE = TimeAverage(1.0, duration=0.2, n_frames=4, n_runs=3, engine="event-driven")
ALL = [
    ReferencePositions(),
    ReferencePositions("inherent", quench=Quench(force_tolerance=1e-5)),
    ReferencePositions("time-averaged", time_average=AVERAGE),
    ReferencePositions("cage", cage=CAGE),
]


def far_apart(dimension=3, shift=0.0):
    """Spheres on a sparse lattice, some of them boxes away from the cell."""
    sites = np.stack(np.meshgrid(*[np.arange(3) * 3.0] * dimension, indexing="ij"), -1).reshape(-1, dimension)
    sites[::4] += 27.0
    return Frame(sites + shift, np.zeros(len(sites), int), Box.orthorhombic([9.0] * dimension))


def test_thermal_positions_are_those_that_were_given():
    frame = far_apart()
    reference = ReferencePositions().of(SPHERES, frame)
    assert reference.frame is frame
    assert (reference.name, reference.fluctuation) == ("thermal", None)


def test_inherent_positions_are_those_of_the_quench_it_was_given():
    frame = Frame([[0.0, 0.0], [0.7, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    method = Quench("fire", force_tolerance=1e-6)
    reference = ReferencePositions("inherent", quench=method).of(HarmonicSpheres(), frame)
    np.testing.assert_array_equal(
        reference.frame.positions, quench(HarmonicSpheres(), frame, method).positions
    )
    assert reference.name == "inherent(fire)"


@pytest.mark.slow
def test_cage_positions_are_those_of_the_cage_state():
    frame = far_apart()
    reference = ReferencePositions("cage", cage=CAGE).of(SPHERES, frame)
    expected = CAGE.run(SPHERES, frame)
    np.testing.assert_array_equal(reference.frame.positions, expected.positions)
    np.testing.assert_array_equal(reference.fluctuation, expected.fluctuation)
    assert reference.name == "cage(T=1,R=0.2,sweeps=20)"


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_time_average_of_free_flight_is_on_the_way(dimension):
    """Without a collision r(t) = r + v t: the mean of F frames is v t (F + 1)/2F ahead, its variance |v|² t² (F² − 1)/12F²."""
    frame, f, t = far_apart(dimension), 4, 0.2
    reference = TimeAverage(1.0, duration=t, n_frames=f, engine="event-driven").run(SPHERES, frame)
    ahead = np.linalg.norm(reference.frame.positions - frame.positions, axis=1)
    speed = ahead / (t * (f + 1) / (2 * f))
    assert 0.5 * dimension < (speed**2).mean() < 1.5 * dimension
    np.testing.assert_allclose(reference.fluctuation, speed**2 * t**2 * (f**2 - 1) / (12 * f**2), rtol=1e-9)


def test_more_runs_average_over_velocities():
    """The mean displacement of free flight shrinks as one over the root of the number of runs."""
    frame = far_apart()
    size = [
        np.linalg.norm(
            TimeAverage(1.0, 0.2, n_frames=2, n_runs=m, engine="event-driven")
            .run(SPHERES, frame)
            .frame.positions
            - frame.positions
        )
        for m in (1, 16)
    ]
    assert size[1] / size[0] == pytest.approx(0.25, rel=0.35)


def test_an_average_over_planted_vibrations_is_close_to_the_planted_inherent_positions():
    """Of particles that do not hop the mean over F frames is off by the vibration over √F."""
    model = PlantedLiquid(n_clusters=8)
    frame = model.start_frame(Run(model, temperature=0.1, seed=1))
    method = TimeAverage(0.1, duration=50.0, n_frames=50, engine="dryrun", time_step=0.005, seed=2)
    reference = method.run(model, frame)
    once = TimeAverage(0.1, duration=1.0, n_frames=1, engine="dryrun", seed=2).run(model, frame)
    assert DryRun.name == "dryrun"
    off = [np.median(np.linalg.norm(r.frame.positions - frame.positions, axis=1)) for r in (reference, once)]
    assert off[0] < 0.4 * off[1]


@pytest.mark.parametrize("positions", ALL, ids=lambda p: p.kind)
def test_any_descriptor_can_be_measured_on_any_positions(positions):
    model = HarmonicSpheres() if positions.kind == "inherent" else SPHERES
    frame = far_apart()
    reference = positions.of(model, frame)
    assert reference.name == positions.name
    assert reference.frame.box is frame.box
    values = Coordination((("A", "A", 3.5),)).evaluate(reference.frame)
    np.testing.assert_array_equal(values[:, -1], 6)


@pytest.mark.parametrize("positions", ALL, ids=lambda p: p.kind)
def test_the_account_says_what_was_done_and_leads_back(positions):
    told = positions.to_dict()
    assert ReferencePositions.from_dict(told).to_dict() == told
    assert identity(ReferencePositions.from_dict(told)) == identity(positions)


def test_methods_of_other_kinds_do_not_enter_the_identity():
    assert identity(ReferencePositions("inherent", cage=CAGE)) == identity(ReferencePositions("inherent"))


@pytest.mark.parametrize("positions", ALL[2:], ids=lambda p: p.kind)
def test_progress_is_told_to_the_end(positions):
    told = []
    positions.of(SPHERES, far_apart(), told.append)
    assert sum(told) == (25 if positions.kind == "cage" else 12)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ReferencePositions("quenched"), "`kind` of positions must be one of thermal, inherent"),
        (lambda: ReferencePositions("cage"), "'cage' need `cage`; it is None"),
        (lambda: ReferencePositions("time-averaged"), "'time-averaged' need `time_average`"),
        (lambda: TimeAverage(0.0, 1.0), "`temperature` of a time average must be positive; it is 0.0"),
        (
            lambda: TimeAverage(1.0, 1.0, n_runs=0),
            "needs one or more `n_frames` and `n_runs`; they are 50, 0",
        ),
        (lambda: TimeAverage(1.0, 0.1), "has no room for `n_frames` = 50 frames"),
    ],
)
def test_impossible_wishes_are_refused(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


def test_an_unknown_engine_is_named_at_once():
    with pytest.raises(UnknownNameError, match="No engine is called 'lamps'"):
        TimeAverage(1.0, 1.0, engine="lamps")
