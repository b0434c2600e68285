"""Stores to write out: any box, two or three dimensions, particles that come and go, quantities that are NaN."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from vitrify.particles import Box
from vitrify.particles.layout import ArraySpec, Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.tables import save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Silent
from vitrify.rearrangements.events import Events
from vitrify.studies.exporting import export
from vitrify.units import SYSTEMS

N, FRAMES, PER_UNIT = 7, 11, 4
BOXES = {
    "orthorhombic": np.diag([5.0, 6.5, 8.25]),
    "triclinic": np.array([[5.0, 0.0, 0.0], [1.7, 6.5, 0.0], [-0.9, 2.1, 8.25]]),
    "turned": np.array([[3.0, 4.0, 0.5], [-4.0, 3.5, 0.0], [0.25, -1.0, 6.0]]),
    "left-handed": np.array([[0.0, 5.0, 0.0], [6.5, 0.0, 0.0], [0.0, 0.0, 8.25]]),
    "square": np.diag([5.0, 6.5]),
    "oblique": np.array([[5.0, 0.0], [1.7, 6.5]]),
    "turned 2D": np.array([[3.0, 4.0], [-4.0, 3.5]]),
}


class Made(NamedTuple):
    """A store and what is in it."""

    store: Trajectory
    positions: np.ndarray
    boxes: list[Box]
    times: np.ndarray
    softness: np.ndarray
    p_hop: np.ndarray
    event: np.ndarray

    def rows(self, frame):
        """Particles that are there."""
        return np.flatnonzero(np.isfinite(self.positions[frame]).all(axis=1))


def per_unit(store, stage, arrays):
    for unit, (a, b) in enumerate(store.units()):
        store.write(stage, unit, {name: values[a:b] for name, values in arrays.items()})


def make_store(
    path: Path,
    shape: str = "triclinic",
    *,
    complete: bool = True,
    periodic: tuple[bool, ...] | None = None,
    units: str = "lj",
    names: tuple[str, ...] = ("A", "B"),
    kind: str = "thermal",
    spread: float = 6.0,
) -> Made:
    """A box that breathes, times that are no round numbers, particles far outside the box."""
    rng = np.random.default_rng(5)
    vectors = BOXES[shape]
    d = len(vectors)
    periodic = (True,) * d if periodic is None else periodic
    layout = Layout(FRAMES, np.arange(N) % len(names), names, d, periodic, units, PER_UNIT, complete)
    store = Trajectory.create(path, layout, {"source": "test"})
    boxes = [Box(vectors * (1 + 0.01 * k), rng.normal(size=d), periodic) for k in range(FRAMES)]
    positions = rng.normal(size=(FRAMES, N, d)).cumsum(axis=0) * spread
    if not complete:
        positions[rng.random((FRAMES, N)) < 0.3] = np.nan
        positions[3] = np.nan
    times = rng.random(FRAMES).cumsum() / 3
    held = {"time": times, "box_vectors": np.stack([b.vectors for b in boxes])}
    held |= {"box_origin": np.stack([b.origin for b in boxes]), "temperature": rng.random(FRAMES)}
    specs = thermal_arrays(SYSTEMS[units], ("temperature",), d)
    if kind == "inherent":
        specs.pop("position")
        store.add_stage("thermal", specs)
        store.add_stage("inherent", inherent_arrays(SYSTEMS[units]))
        for unit, (a, b) in enumerate(store.units()):
            store.write("inherent", unit, inherent_values(positions[a:b]))
    else:
        held["position"] = positions
        store.add_stage("thermal", specs)
    per_unit(store, "thermal", held)
    softness = np.where(np.arange(FRAMES)[:, None] % 2, np.nan, rng.normal(size=(FRAMES, N)))
    store.add_stage("softness", {"softness": ArraySpec(("particle",), attrs={"units": "1"}, sparse=True)})
    per_unit(store, "softness", {"softness": softness})
    p_hop = rng.random((FRAMES, N))
    p_hop[:1], p_hop[-1:] = np.nan, np.nan
    finder = Events(0.4, 0.7, 2)
    store.add_stage("p_hop", {"p_hop": ArraySpec(("particle",))}, {"window": 2, "positions": kind})
    per_unit(store, "p_hop", {"p_hop": p_hop})
    store.add_stage("colour", {"colour": ArraySpec(("particle",), "i4")})
    per_unit(store, "colour", {"colour": np.arange(FRAMES * N).reshape(FRAMES, N) - 9})
    filled = np.nan_to_num(positions)
    events = finder.find(p_hop, filled, np.arange(float(FRAMES)))
    save_table(
        path.with_name(f"{path.stem}.events.npz"),
        events,
        {**finder.to_dict(), "p_hop": {"window": 2, "positions": kind}},
    )
    event = np.zeros((FRAMES, N), int)
    for k in range(events.sizes["event"]):
        row = events.isel(event=k)
        if row["p_hop_max"] > 0.7:
            event[int(row["first_frame"]) : int(row["last_frame"]) + 1, int(row["particle"])] = 1
    assert 0 < event.sum() < event.size
    return Made(store, positions, boxes, times, softness, p_hop, event)


@pytest.fixture
def make(tmp_path):
    def of(shape="triclinic", **options) -> Made:
        return make_store(tmp_path / "run.zarr", shape, **options)

    return of


class Notes(Silent):
    """Progress that keeps what it is told."""

    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


DEFAULTS = {
    "positions": None,
    "start": None,
    "stop": None,
    "every": 1,
    "columns": None,
    "wrapped": None,
    "table": "particles",
    "format": None,
    "overwrite": False,
}


@pytest.fixture
def written(tmp_path):
    """``written(made, "a.gsd", every=2)`` writes a file and returns its path."""

    def to(source, name, progress=None, **options) -> Path:
        path = source.store.path if isinstance(source, Made) else source
        export(path, tmp_path / name, {**DEFAULTS, **options}, progress or Notes())
        return tmp_path / name

    return to


@pytest.fixture
def notes() -> Notes:
    return Notes()


def same_bits(a, b):
    """Whether two float64 arrays are the same to the bit, any NaN being any other."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype == np.float64
    return np.array_equal(a, b, equal_nan=True)
