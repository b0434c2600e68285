"""A trajectory on disk: a zarr store that survives being killed and says of every number where it comes from.

Layout of `NAME.zarr` (zarr format 3, opened by `xarray.open_zarr` as it stands):

- arrays with named dimensions (`frame`, `particle`, `xyz`, `cell`), each belonging to a *stage* ("thermal",
  "inherent", …); one unit of work is one shard, written by exactly one worker;
- `manifest/<stage>/<unit>.json`: written after the shard (temporary file, fsync, rename) with the content hash. Only
  this entry means that a unit is done; a chunk that happens to lie on disk does not.
- attributes (layout, provenance, parameters of each stage): written by the driver alone, never by workers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.files import guard_disk, write_json
from vitrify.particles.box import Box
from vitrify.particles.frame import Frame
from vitrify.particles.layout import (
    POSITION_ARRAYS,
    ArraySpec,
    Layout,
    inherent_arrays,
    inherent_values,
    thermal_arrays,
)
from vitrify.provenance import canonical_json, identity, to_plain
from vitrify.units import SYSTEMS, Units

if TYPE_CHECKING:
    import xarray as xr
    import zarr

STORE_VERSION = 1
_CHUNK_BYTES = 1_000_000
_DAMAGE = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
)  # what zarr and its codecs raise over damaged files


class Trajectory:
    """A trajectory store, opened for reading and for adding stages.

    Use `Trajectory.create` or `Trajectory.open`; the class holds no arrays in memory.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from vitrify.particles import Box
    >>> folder = tempfile.mkdtemp()
    >>> walk = np.random.default_rng(0).normal(size=(8, 5, 3)).cumsum(axis=0)
    >>> stored = Trajectory.from_arrays(folder + "/walk.zarr", walk, [0] * 5, Box.orthorhombic([4.0] * 3))
    >>> stored.positions("thermal", 2, 4).shape, stored.frame(3, "thermal").n_particles
    ((2, 5, 3), 5)
    """

    def __init__(self, path: str | os.PathLike[str], group: zarr.Group) -> None:
        self.path = Path(path)
        self._group: Any = group  # zarr types its members too widely to be of use
        attrs: dict[str, Any] = dict(self._group.attrs)
        layout, _, _, _ = (attrs[k] for k in ("layout", "stages", "provenance", "species_identity"))
        self.layout = Layout(
            **{
                **layout,
                "species": np.asarray(cast(Any, self._group["species"])[:]),
                "species_names": tuple(layout["species_names"]),
                "periodic": tuple(layout["periodic"]),
            }
        )

    # -- making and opening ------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], layout: Layout, provenance: Mapping[str, Any] | None = None
    ) -> Trajectory:
        """Make an empty store, or open the one that is there if layout and provenance agree.

        Parameters
        ----------
        path : path-like
            Conventionally ends in ``.zarr``.
        layout : Layout
        provenance : mapping, optional
            The run that the frames come from: model with cutoffs and smoothing, thermostat, time step, cooling,
            seeds, versions.

        Raises
        ------
        StoreError
            If another trajectory is already there.
        """
        import zarr

        path = Path(path)
        wanted = {
            "layout": layout.to_dict(),
            "provenance": to_plain(dict(provenance or {})),
            "species_identity": identity(np.asarray(layout.species, np.int64)),
        }
        if (path / "zarr.json").exists() and (path / "manifest" / "zarr.json").exists():
            return cls._reopen(path, wanted)
        if not _is_unfinished(path):
            raise StoreError(
                f"{path} is there already and is not a trajectory store. Choose another name; nothing was changed."
            )
        with guard_disk(path):
            if path.exists():  # killed before the store was complete: nothing of it can be used
                shutil.rmtree(path)
            group = zarr.create_group(path, zarr_format=3)
            species = group.create_array(
                "species", shape=(len(layout.species),), dtype="i8", dimension_names=("particle",)
            )
            species[:] = np.asarray(layout.species)
            species.attrs["long_name"] = "species"
            group.attrs.update({"vitrify_store": STORE_VERSION, "stages": {}, **wanted})
            group.create_group("manifest")
        return cls(path, group)

    @classmethod
    def _reopen(cls, path: Path, wanted: dict[str, Any]) -> Trajectory:
        old = cls.open(path)
        for key, value in wanted.items():
            if canonical_json(old._group.attrs[key]) != canonical_json(value):
                raise StoreError(
                    f"{path} holds another trajectory: its {key} differs ({_first_difference(old._group.attrs[key], value)}). "
                    "Choose another folder, or delete this one to start again."
                )
        return old

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Open a store.

        Raises
        ------
        StoreError
            If there is no vitrify store at `path`.
        StoreVersionError
            If it was written by a newer version.
        """
        import zarr

        path = Path(path)
        if not (path / "zarr.json").exists():
            raise StoreError(
                f"{path} is not a trajectory store: it has no zarr.json. Make one with `vitrify simulate`."
            )
        try:
            group = zarr.open_group(path, mode="r+")
        except (*_DAMAGE, AttributeError) as error:
            raise StoreError(f"{path} cannot be opened as a zarr group: {error}") from error
        version = group.attrs.get("vitrify_store")
        if version is None:
            raise StoreError(
                f"{path} is a zarr group, but not a vitrify trajectory (no `vitrify_store` attribute)."
            )
        if version != STORE_VERSION:
            raise StoreVersionError(
                f"{path} has store version {version}; this vitrify reads version {STORE_VERSION}. "
                f"Install the vitrify that wrote it, or make the store anew."
            )
        _require_plain_names(path, group.attrs.get("stages"))
        try:
            return cls(path, group)
        except _DAMAGE as error:
            raise StoreError(
                f"{path} is damaged: what it says of itself cannot be read ({error!r}). Make the store anew."
            ) from error

    @classmethod
    def from_arrays(
        cls,
        path: str | os.PathLike[str],
        positions: NDArray[np.float64],
        species: Any,
        box: Box,
        *,
        times: NDArray[np.float64] | None = None,
        inherent: NDArray[np.float64] | None = None,
    ) -> Trajectory:
        """Store arrays that are already in memory: positions and inherent (F, N, d), times (F,), one box.

        Raises
        ------
        StoreError
            If another trajectory, or other arrays, are already there.
        """
        positions = np.asarray(positions, float)
        species = np.asarray(species, np.int64)
        names = tuple(chr(ord("A") + k) for k in range(int(species.max()) + 1))
        layout = Layout(len(positions), species, names, box.dimension, tuple(map(bool, box.periodic)))
        times = np.arange(len(positions), dtype=float) if times is None else np.asarray(times, float)
        held = [
            positions,
            times,
            box.vectors,
            box.origin,
            *([] if inherent is None else [np.asarray(inherent)]),
        ]
        stored = cls.create(path, layout, {"source": "arrays", "sha256": [_content_hash(a) for a in held]})
        stored.add_stage("thermal", thermal_arrays(SYSTEMS["lj"], dimension=box.dimension))
        if inherent is not None:
            stored.add_stage("inherent", inherent_arrays(SYSTEMS["lj"]))
        for unit, (a, b) in enumerate(stored.units()):
            n = b - a
            stored.write(
                "thermal",
                unit,
                {
                    "position": positions[a:b],
                    "time": times[a:b],
                    "box_vectors": np.broadcast_to(box.vectors, (n, *box.vectors.shape)),
                    "box_origin": np.broadcast_to(box.origin, (n, len(box.origin))),
                },
            )
            if inherent is not None:
                stored.write("inherent", unit, inherent_values(np.asarray(inherent)[a:b]))
        return stored

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def n_frames(self) -> int:
        """Frames that the store is made for; those written so far are in `done_frames`."""
        return self.layout.n_frames

    @property
    def n_particles(self) -> int:
        """N."""
        return len(self.layout.species)

    @property
    def species(self) -> NDArray[np.int64]:
        """Species index of each particle, (N,)."""
        return self.layout.species

    @property
    def species_names(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.layout.species_names

    @property
    def unit_system(self) -> Units:
        """The system of units."""
        return SYSTEMS[self.layout.units]

    @property
    def provenance(self) -> dict[str, Any]:
        """The run that the frames come from."""
        return dict(self._group.attrs["provenance"])

    @property
    def stages(self) -> dict[str, Any]:
        """Stages that exist with their parameters (not necessarily complete)."""
        return dict(self._group.attrs["stages"])

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of each frame, (F,)."""
        return self.read("time")

    @property
    def frame_interval(self) -> float:
        """Time between frames, where they are evenly spaced.

        Raises
        ------
        StoreError
            If they are not.
        """
        steps = np.diff(self.times)
        if len(steps) == 0 or not np.allclose(steps, steps[0], rtol=1e-6):
            raise StoreError(f"The frames of {self.path} are not evenly spaced in time.")
        return float(steps[0])

    # -- units of work -----------------------------------------------------------------------------------------------

    def units(self) -> list[tuple[int, int]]:
        """Return the frame ranges [start, stop) of all units of work."""
        step = self.layout.frames_per_unit
        return [(a, min(a + step, self.n_frames)) for a in range(0, self.n_frames, step)]

    def add_stage(
        self, stage: str, arrays: Mapping[str, ArraySpec], parameters: Mapping[str, Any] | None = None
    ) -> None:
        """Create the arrays of a stage. Only the driver calls this; repeating it with the same parameters is free.

        Raises
        ------
        StoreError
            If the stage is there with other parameters; the message names the first that differs. Also if one of its
            arrays belongs to another stage.
        """
        plain = to_plain(dict(parameters or {}))
        known = self.stages.get(stage)
        if known is not None:
            if canonical_json(known["parameters"]) != canonical_json(plain):
                raise StoreError(
                    f"{self.path} already holds '{stage}' made with other parameters "
                    f"({_first_difference(known['parameters'], plain)}). Choose another folder, or remove the stage first."
                )
            return
        taken = {n: s for s, v in self.stages.items() for n in v["arrays"]} | {
            "species": "layout",
            "manifest": "layout",
        }
        for name in arrays:
            if name in taken:
                raise StoreError(
                    f"{self.path} already holds '{name}', in '{taken[name]}'; stage '{stage}' needs another name for it."
                )
        with guard_disk(self.path):
            shutil.rmtree(self.path / "manifest" / stage, ignore_errors=True)
            for name, spec in arrays.items():
                self._create_array(name, spec)
            self._group.require_group(f"manifest/{stage}")
            self._group.attrs["stages"] = {
                **self.stages,
                stage: {"parameters": plain, "arrays": list(arrays)},
            }

    def remove_stage(self, stage: str) -> None:
        """Delete a stage: its manifest first, so that a kill in between leaves nothing taken for whole."""
        if stage not in self.stages:
            return
        arrays = self.stages[stage]["arrays"]
        shutil.rmtree(self.path / "manifest" / stage, ignore_errors=True)
        self._group.attrs["stages"] = {k: v for k, v in self.stages.items() if k != stage}
        for name in arrays:
            shutil.rmtree(self.path / name, ignore_errors=True)

    def _create_array(self, name: str, spec: ArraySpec) -> None:
        sizes = self.layout.sizes()
        rest = tuple(sizes[d] for d in spec.dims)
        per_unit = self.layout.frames_per_unit
        frame_bytes = max(1, int(np.prod(rest)) * np.dtype(spec.dtype).itemsize)
        per_chunk = next(
            k
            for k in range(per_unit, 0, -1)
            if (per_unit % k == 0 and k * frame_bytes <= _CHUNK_BYTES) or k == 1
        )
        floating = np.dtype(spec.dtype).kind == "f"
        array = self._group.create_array(
            name,
            shape=(self.n_frames, *rest),
            chunks=(per_chunk, *rest),
            shards=(per_unit, *rest),
            dtype=spec.dtype,
            fill_value=np.nan if floating else 0,
            compressors="auto" if spec.sparse else None,
            dimension_names=("frame", *spec.dims),
            overwrite=True,
        )
        array.attrs.update(dict(spec.attrs))

    def write(self, stage: str, unit: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write one unit of a stage and then, last, its manifest entry.

        Parameters
        ----------
        stage : str
        unit : int
        arrays : mapping of str to array
            Every array of the stage, with the unit's frames along the first axis.

        Raises
        ------
        ShapeError
            If an array is missing or of the wrong length.
        DiskFullError
            If there is no room; the unit then counts as not done.
        """
        a, b = self.units()[unit]
        names = self.stages[stage]["arrays"]
        if set(names) != set(arrays):
            raise ShapeError(f"Stage '{stage}' consists of {sorted(names)}; got {sorted(arrays)}.")
        targets = {name: self._group[name] for name in names}
        values = {name: np.ascontiguousarray(arrays[name], dtype=targets[name].dtype) for name in names}
        for name in names:
            expected = (b - a, *targets[name].shape[1:])
            if values[name].shape != expected:
                raise ShapeError(
                    f"'{name}' of unit {unit} must have shape {expected}; it has {values[name].shape}."
                )
        hashes = {}
        with guard_disk(self.path):
            # a unit that is written again is not done meanwhile
            self._entry(stage, unit).unlink(missing_ok=True)
            for name in names:
                written = _with_one_nan(values[name])
                self._remove_shard(name, unit)
                targets[name][a:b] = written
                hashes[name] = _content_hash(written)
        write_json(self._entry(stage, unit), {"frames": [a, b], "sha256": hashes})

    def _remove_shard(self, name: str, unit: int) -> None:
        """Remove what an earlier write left: zarr would read it first, and fail where it is damaged."""
        shard = self.path / name / "c" / str(unit)
        if shard.is_dir():
            shutil.rmtree(shard)
        else:
            shard.unlink(missing_ok=True)

    def _entry(self, stage: str, unit: int) -> Path:
        return self.path / "manifest" / stage / f"{unit:06d}.json"

    def is_done(self, stage: str, unit: int | None = None) -> bool:
        """Whether one unit, or all of a stage, has its manifest entry."""
        if stage not in self.stages:
            return False
        if unit is not None:
            return self._entry(stage, unit).exists()
        return all(self._entry(stage, k).exists() for k in range(len(self.units())))

    def done_frames(self, stage: str) -> int:
        """Frames at the beginning of the trajectory whose units are done without a gap."""
        stop = 0
        for unit, (_, b) in enumerate(self.units()):
            if not self.is_done(stage, unit):
                break
            stop = b
        return stop

    def verify(self, stage: str) -> None:
        """Compare every unit of a stage with the hash taken when it was written.

        Raises
        ------
        StoreError
            Naming the array and frames that changed since.
        """
        if identity(self.species) != self._group.attrs["species_identity"]:
            raise StoreError(f"{self.path}: 'species' is not what was written. Make the store anew.")
        for unit, (a, b) in enumerate(self.units()):
            if not self.is_done(stage, unit):
                continue
            expected = self._written_hashes(stage, unit)
            for name in self.stages[stage]["arrays"]:
                try:
                    intact = _content_hash(self._group[name][a:b]) == expected.get(name)
                except _DAMAGE:
                    intact = False
                if not intact:
                    raise StoreError(
                        f"{self.path}: '{name}' of frames {a} to {b - 1} is not what was written (content hash differs). "
                        f"Delete {self._entry(stage, unit)} and repeat the command to make it again."
                    )

    def _written_hashes(self, stage: str, unit: int) -> dict[str, str]:
        """Hashes in a manifest entry; none if the entry itself is damaged."""
        try:
            return dict(json.loads(self._entry(stage, unit).read_text())["sha256"])
        except _DAMAGE:
            return {}

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return frames [start, stop) of an array, refusing frames whose unit is not done.

        Raises
        ------
        StoreError
            If the array does not exist, a frame is not written yet, or its file is damaged.
        """
        stop = self.n_frames if stop is None else stop
        stage = self._stage_with(name)
        if stage is None:
            raise StoreError(
                f"{self.path} has no '{name}'. It holds: {', '.join(sorted(self.stages)) or 'nothing yet'}."
            )
        if not 0 <= start <= stop <= self.n_frames:
            raise StoreError(
                f"Frames {start} to {stop} of '{name}' are outside 0 … {self.n_frames} of {self.path}."
            )
        per_unit = self.layout.frames_per_unit
        for unit in range(start // per_unit, -(-stop // per_unit)):
            if not self.is_done(stage, unit):
                a, b = self.units()[unit]
                raise StoreError(
                    f"Frames {a} to {b - 1} of '{name}' in {self.path} are not written yet: "
                    f"the stage '{stage}' is incomplete. Repeat the command that makes it."
                )
        try:
            return np.asarray(self._group[name][start:stop])
        except _DAMAGE as error:
            raise StoreError(
                f"Frames {start} to {stop - 1} of '{name}' in {self.path} cannot be read; the file is damaged ({error})."
            ) from error

    def _stage_with(self, name: str) -> str | None:
        """Return the stage that has an array; what another process has added since the store was opened counts."""
        for _ in range(2):
            for stage, parameters in self.stages.items():
                if name in parameters["arrays"]:
                    return stage
            self._group = Trajectory.open(self.path)._group
        return None

    def positions(self, kind: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Return unwrapped positions (n, N, d) of `kind` "thermal" or "inherent"."""
        if kind not in POSITION_ARRAYS:
            raise ParameterError(f"`kind` of positions is 'thermal' or 'inherent', not '{kind}'.")
        return self.read(POSITION_ARRAYS[kind], start, stop)

    def has_positions(self, kind: str) -> bool:
        """Whether positions of this kind exist, in all frames."""
        stage = self._stage_with(POSITION_ARRAYS[kind])
        return stage is not None and self.is_done(stage)

    def reader(self, kind: str) -> Callable[[int, int], NDArray[np.float64]]:
        """Return ``read(start, stop) -> (n, N, d)`` for the streaming functions."""
        return lambda start, stop: self.positions(kind, start, stop)

    def box(self, frame: int) -> Box:
        """Return the box of one frame."""
        return Box(
            self.read("box_vectors", frame, frame + 1)[0],
            self.read("box_origin", frame, frame + 1)[0],
            np.array(self.layout.periodic),
        )

    def frame(self, frame: int, kind: str = "inherent") -> Frame:
        """Return one configuration: the particles that are there."""
        return self._frame(frame, kind, self.positions(kind, frame, frame + 1)[0], self.box(frame))

    def _frame(self, index: int, kind: str, positions: NDArray[np.float64], box: Box) -> Frame:
        label = f"{self.path.name}, frame {index}, {kind}"
        if self.layout.complete:
            return Frame(positions, self.species, box, self.species_names, label)
        present = np.flatnonzero(~np.isnan(positions).all(axis=1))
        return Frame(positions[present], self.species[present], box, self.species_names, label, present)

    def frames(self, kind: str, indices: Any) -> Iterator[tuple[int, Frame]]:
        """Yield (index, Frame) for each of `indices`, which increase; every unit is read once."""
        wanted = np.asarray(indices, np.int64)
        for a, b in self.units():
            here = wanted[(wanted >= a) & (wanted < b)]
            if not len(here):
                continue
            lo, hi = int(here[0]), int(here[-1]) + 1
            positions = self.positions(kind, lo, hi)
            vectors, origins = self.read("box_vectors", lo, hi), self.read("box_origin", lo, hi)
            for k in here:
                box = Box(vectors[k - lo], origins[k - lo], np.array(self.layout.periodic))
                yield int(k), self._frame(int(k), kind, positions[k - lo], box)

    def dataset(self) -> xr.Dataset:
        """Open the whole store lazily as an xarray Dataset with dims frame, particle, xyz."""
        import xarray as xr

        found = xr.open_zarr(self.path, consolidated=False, chunks=None)
        return found.assign_attrs(path=str(self.path))


def _require_plain_names(path: Path, stages: Any) -> None:
    """Refuse names of stages and arrays that would lead out of the store: whole folders are deleted under them."""
    stages = stages if isinstance(stages, dict) else {}
    names = [*stages, *(n for v in stages.values() for n in (v.get("arrays") or ()))]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_]+", str(name)):
            raise StoreError(
                f"{path} names a stage or array {name!r}, which is no plain name and could lead out of the store. "
                "vitrify did not write that; do not use it."
            )


def _is_unfinished(path: Path) -> bool:
    """Whether there is nothing at `path` but, at most, what a killed `Trajectory.create` leaves."""
    if not path.exists():
        return True
    made = ("zarr.json", "species", "manifest")
    return path.is_dir() and all(p.name in made or p.name.endswith(".partial") for p in path.iterdir())


def _content_hash(values: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _with_one_nan(values: NDArray[Any]) -> NDArray[Any]:
    """Give all NaN the same bits: zarr does not store chunks that are all NaN, and returns its own for them."""
    if values.dtype.kind != "f" or not (missing := np.isnan(values)).any():
        return values
    return np.where(missing, values.dtype.type(np.nan), values)


def _first_difference(old: Any, new: Any, where: str = "") -> str:
    """Say where two nested parameter sets first differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(set(old) | set(new)):
            there, here = old.get(key, "absent"), new.get(key, "absent")
            if canonical_json(there) != canonical_json(here):
                return _first_difference(there, here, f"{where}.{key}" if where else key)
    return f"`{where or 'value'}` is {old!r} there and {new!r} here"
