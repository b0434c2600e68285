"""From files to a trajectory store: unit by unit, resumable, refused rather than guessed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.parallel import map_units
from vitrify.particles.layout import POSITION_ARRAYS, Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.following import OrderedFrame
from vitrify.readers.source import Source
from vitrify.units import SYSTEMS

_UNIT_BYTES = 64_000_000
_MOST_FRAMES = 1000


@dataclass(frozen=True)
class Import:
    """What the user says of files that they cannot say themselves.

    Parameters
    ----------
    positions : {"thermal", "inherent"}
        Whether the frames are as the dynamics left them, or already quenched. Never guessed.
    units : {"lj", "metal", "micron"}, optional
        By default "micron" for tracked particles and "lj" otherwise.
    model : mapping, optional
        The potential, as `to_dict` of a member of `vitrify.models.MODELS` gives it; without it frames cannot be quenched.
    temperature : float, optional
        In the units of the store; softness at several temperatures needs it.
    frames_per_unit : int, optional
        Frames of one file on disk and of one piece of work; by default as many as make 64 MB of positions.

    Raises
    ------
    ParameterError
        If a word is unknown.
    """

    positions: str
    units: str | None = None
    model: Mapping[str, Any] | None = None
    temperature: float | None = None
    frames_per_unit: int | None = None

    def __post_init__(self) -> None:
        if self.positions not in POSITION_ARRAYS:
            raise ParameterError(
                f"`positions` must be {' or '.join(sorted(POSITION_ARRAYS))}: whether the frames are as the dynamics left "
                f"them or already quenched. It is '{self.positions}'."
            )
        if self.units is not None and self.units not in SYSTEMS:
            raise ParameterError(f"`units` must be one of {', '.join(SYSTEMS)}; it is '{self.units}'.")

    def run(
        self,
        source: Source,
        store: Path,
        *,
        workers: int | None = 1,
        done: Callable[[int], None] | None = None,
    ) -> Trajectory:
        """Write the frames of `source` into a store, or go on where an earlier call was stopped.

        Parameters
        ----------
        source : Source
        store : path
        workers : int, optional
            Processes; only files that can be entered at any frame, with unwrapped positions or images, gain by several.
        done : callable, optional
            Told how many frames are there.

        Raises
        ------
        FileFormatError
            If the files are not what they should be; units before are kept.
        StoreError
            If the store holds another trajectory, or the files have changed since it was begun.
        """
        trajectory = self.prepare(source, store)
        todo = [k for k in range(len(trajectory.units())) if not trajectory.is_done("thermal", k)]
        there = trajectory.n_frames - sum(b - a for k in todo for a, b in [trajectory.units()[k]])

        def count(index: int, _: Any) -> None:
            nonlocal there
            a, b = trajectory.units()[todo[index]]
            there += b - a
            if done is not None:
                done(there)

        state = _state_of(source)
        jobs = [(store, k, source, self, state) for k in todo]
        if source.reader.random_access and not source.is_followed:
            map_units(_import_unit, jobs, workers=workers, done=count)
        elif todo:
            self._import_in_order(source, trajectory, todo, state, count)
        return trajectory

    def prepare(self, source: Source, store: Path) -> Trajectory:
        """Make the store with its stages, or open the one that was begun with the same files and options."""
        contents = source.contents
        units = SYSTEMS[self.unit_system(source)]
        layout = Layout(
            source.n_frames,
            contents.species,
            contents.species_names,
            contents.dimension,
            contents.periodic,
            units.name,
            self.frames_per_unit or _frames_per_unit(len(contents.ids), contents.dimension),
            contents.complete,
        )
        run = {"model": self.model, "temperature": self.temperature}
        trajectory = Trajectory.create(
            store,
            layout,
            {
                "source": "files",
                "import": source.to_dict(),
                "positions": self.positions,
                "run": {k: v for k, v in run.items() if v is not None},
            },
        )
        arrays = thermal_arrays(units, dimension=contents.dimension)
        if self.positions == "inherent":
            arrays = {k: v for k, v in arrays.items() if k != "position"}
            trajectory.add_stage("inherent", inherent_arrays(units), {"imported": True})
        trajectory.add_stage("thermal", arrays, {"imported": True})
        return trajectory

    def unit_system(self, source: Source) -> str:
        """Return the name of the system of units."""
        return self.units or ("micron" if source.reader.open_boundaries else "lj")

    def _import_in_order(
        self,
        source: Source,
        trajectory: Trajectory,
        todo: list[int],
        state: dict[str, Any],
        count: Callable[[int, Any], None],
    ) -> None:
        """Fill units one after the other; wrapped positions are followed across their borders."""
        first = trajectory.units()[todo[0]][0]
        frames = source.ordered(first, None, _last_before(trajectory, self.positions, first))
        position = first
        for index, unit in enumerate(todo):
            a, b = trajectory.units()[unit]
            for _ in islice(frames, a - position):  # units in between that are done already
                pass
            held = list(islice(frames, b - a))
            position = b
            _write(trajectory, unit, held, self.positions, source, state)
            count(index, None)


def _import_unit(job: tuple[Path, int, Source, Import, dict[str, Any]]) -> None:
    """Fill one unit whose frames do not depend on earlier ones; for a worker process."""
    store, unit, source, options, state = job
    trajectory = Trajectory.open(store)
    a, b = trajectory.units()[unit]
    before = max(0, a - 1)  # one frame earlier, so that a jump between two units is seen
    held = list(source.ordered(before, b))[a - before :]
    _write(trajectory, unit, held, options.positions, source, state)


def _write(
    trajectory: Trajectory,
    unit: int,
    frames: list[OrderedFrame],
    kind: str,
    source: Source,
    state: dict[str, Any],
) -> None:
    _require_unchanged(source, state)
    positions = np.stack([f.positions for f in frames])
    values: dict[str, NDArray[Any]] = {
        "time": np.array([f.time for f in frames]),
        "box_vectors": np.stack([f.box.vectors for f in frames]),
        "box_origin": np.stack([f.box.origin for f in frames]),
    }
    if kind == "inherent":
        trajectory.write("inherent", unit, inherent_values(positions))
    else:
        values["position"] = positions
    trajectory.write("thermal", unit, values)


def _last_before(trajectory: Trajectory, kind: str, frame: int) -> OrderedFrame | None:
    """Return the frame before `frame` as the store has it."""
    if frame == 0:
        return None
    k = frame - 1
    return OrderedFrame(
        trajectory.positions(kind, k, frame)[0],
        trajectory.box(k),
        float(trajectory.read("time", k, frame)[0]),
        f"frame {k} of {trajectory.path}",
    )


def _frames_per_unit(n_particles: int, dimension: int) -> int:
    """Return how many frames make about 64 MB of positions.

    Examples
    --------
    >>> _frames_per_unit(1000, 3), _frames_per_unit(10**6, 3)
    (1000, 2)
    """
    return max(1, min(_MOST_FRAMES, _UNIT_BYTES // (8 * n_particles * dimension)))


def _state_of(source: Source) -> dict[str, tuple[int, int]]:
    """Return size and time of the last change of each file."""
    found = {}
    for path in source.reader.files:
        status = os.stat(path)
        found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


def _require_unchanged(source: Source, state: dict[str, tuple[int, int]]) -> None:
    """Refuse to take frames for whole that were read while their file changed."""
    for path, now in _state_of(source).items():
        size = now[0]
        if now != tuple(state[path]):
            raise FileFormatError(
                f"{path} changed while it was read: it had {state[path][0]} bytes and has {size} now. Wait until the "
                "program that writes it has ended; then delete the store and import again."
            )
