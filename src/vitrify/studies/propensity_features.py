"""Reference positions of every configuration and the features measured on them: one file for each, kept for later calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors._tabulated import Tabulated
from vitrify.descriptors.shell_average import ShellAverage
from vitrify.errors import SettingsError
from vitrify.models.base import PairModel
from vitrify.parallel import Workforce
from vitrify.particles import Frame
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.progress import Progress
from vitrify.protocols.cage import CageState
from vitrify.protocols.inherent import Quench
from vitrify.protocols.reference import ReferencePositions, TimeAverage
from vitrify.provenance import identity
from vitrify.studies.kept_arrays import Arrays, made_of, make_files, read_arrays, write_arrays
from vitrify.studies.propensity_samples import PropensityPlace, model_of, temperature_of
from vitrify.studies.propensity_settings import PropensitySettings

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Described:
    """A configuration at its reference positions.

    Attributes
    ----------
    frame : Frame
    features : (N, M) float32
        Of order 0.
    fluctuation : (N,) float or None
        Mean square distance from the reference position, length².
    """

    frame: Frame
    features: NDArray[np.float32]
    fluctuation: Array | None


def reference_of(settings: PropensitySettings, kind: str, temperature: float | None) -> ReferencePositions:
    """Return how reference positions of a kind are found."""
    s, runs = settings.structure, settings.runs
    if kind == "cage":
        assert temperature is not None
        method = CageState(temperature, s.cage_radius, s.cage_sweeps, s.cage_equilibration, seed=s.seed)
        return ReferencePositions("cage", cage=method)
    if kind == "time-averaged":
        assert temperature is not None
        engine = runs.engine if settings.source is None else "verlet"
        average = TimeAverage(
            temperature, s.average_time, engine=engine, time_step=runs.time_step, seed=s.seed
        )
        return ReferencePositions("time-averaged", time_average=average)
    quench = Quench(s.minimizer, force_tolerance=s.force_tolerance)
    return ReferencePositions(cast(Any, kind), quench=quench)


def averaged_set(settings: PropensitySettings) -> ShellAverage:
    """Return the averaged descriptors of the settings.

    Raises
    ------
    SettingsError
        If the set is not one of averages.
    """
    found = DESCRIPTOR_SETS.load(settings.structure.descriptors)()
    if not isinstance(found, ShellAverage):
        raise SettingsError(
            f"`structure.descriptors` must be a set of averages over shells; '{settings.structure.descriptors}' is none. Take "
            "'boattini-2021'."
        )
    return found


def feature_file(place: PropensityPlace, kind: str, configuration: int) -> Path:
    """Return where the features of a configuration are kept."""
    return place.out / "structure" / f"{kind}-{configuration:03d}.npz"


def describe_all(
    place: PropensityPlace,
    samples: Sequence[MeasuredPropensity],
    progress: Progress,
    workers: int | Workforce | None = None,
    folder: PropensityPlace | None = None,
) -> None:
    """Find reference positions and features of every configuration; what is there of the same settings is kept.

    Parameters
    ----------
    place : PropensityPlace
    samples : sequence of MeasuredPropensity
    progress, workers
    folder : PropensityPlace, optional
        Where to keep them, if not in `place`.
    """
    settings, kept = place.settings, folder or place
    kinds = settings.structure.positions
    temperature = None if set(kinds) <= {"thermal", "inherent"} else temperature_of(settings, list(samples))
    (kept.out / "structure").mkdir(parents=True, exist_ok=True)
    model, averages = model_of(settings), averaged_set(settings)
    jobs = []
    for kind in sorted(kinds, key=lambda kind: kind != "cage"):  # the longest first
        reference = reference_of(settings, kind, temperature)
        for k, sample in enumerate(samples):
            wanted = _identity(reference, averages, model, sample.frame)
            path = feature_file(kept, kind, k)
            if made_of(path) != wanted:
                jobs.append((path, wanted, reference, averages, model, sample.frame))
    total = len(kinds) * len(samples)
    make_files("Structure", "configurations", _describe, jobs, total, progress, workers)


def _identity(reference: ReferencePositions, averages: ShellAverage, model: PairModel, frame: Frame) -> str:
    of_frame = [frame.positions.tobytes().hex(), frame.species.tolist(), frame.box.vectors.tolist()]
    parts = {
        "reference": reference.to_dict(),
        "descriptors": averages.inner.to_dict(),
        "model": None if reference.kind == "thermal" else model.to_dict(),
        "frame": identity({"frame": of_frame}),
    }
    return identity(parts)


def _describe(job: tuple[Path, str, ReferencePositions, ShellAverage, PairModel, Frame]) -> None:
    path, wanted, reference, averages, model, frame = job
    found = reference.of(model, frame)
    arrays: Arrays = {
        "positions": found.frame.positions,
        "features": averages.inner.evaluate(found.frame).astype(np.float32),
        "fluctuation": np.zeros(0) if found.fluctuation is None else found.fluctuation,
    }
    write_arrays(path, arrays, wanted)


def read_described(place: PropensityPlace, kind: str, configuration: int, frame: Frame) -> Described:
    """Return what `describe_all` kept.

    Raises
    ------
    StoreError
        If it is not there.
    """
    arrays = read_arrays(feature_file(place, kind, configuration))
    fluctuation = arrays["fluctuation"]
    at = frame.with_positions(arrays["positions"])
    return Described(at, arrays["features"], fluctuation if len(fluctuation) else None)


# -- tables of features ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Which features stand side by side.

    Parameters
    ----------
    kinds : tuple of str
        Reference positions.
    order : int
        Highest order of averaging.
    motion : bool
        Whether fluctuations, and displacements between reference positions, are among them.
    """

    kinds: tuple[str, ...]
    order: int
    motion: bool = False


def names_of(settings: PropensitySettings, table: Table, species_names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features of a table, (M,)."""
    inner = averaged_set(settings).inner.feature_names(species_names)
    names = [
        f"{name}{_of(kind, table)}" for kind in table.kinds for name in _averaged_names(inner, table.order)
    ]
    return (*names, *(_averaged_names(motion_names(settings), table.order) if table.motion else ()))


def features_of(
    place: PropensityPlace, table: Table, configuration: int, frame: Frame
) -> NDArray[np.float64]:
    """Return the features of all particles of a configuration, (N, M)."""
    averages = averaged_set(place.settings)
    parts = []
    for kind in table.kinds:
        here = read_described(place, kind, configuration, frame)
        inner = averages.inner.feature_names(frame.species_names)
        parts.append(_averages(here.features, inner, here.frame, table.order, averages.cutoff))
    if table.motion:
        values, at = _motion(place, configuration, frame)
        names = motion_names(place.settings)
        parts.append(_averages(values, names, at, table.order, averages.cutoff))
    return np.hstack(parts)


def motion_names(settings: PropensitySettings) -> tuple[str, ...]:
    """Return the names of fluctuations and displacements between the reference positions of the settings."""
    kinds = settings.structure.positions
    pairs = [f"|{a}-{b}|" for i, a in enumerate(kinds) for b in kinds[i + 1 :]]
    lengths = [*pairs, *(f"u({kind})" for kind in kinds if kind in ("cage", "time-averaged"))]
    return tuple(f"{name}{power}" for name in lengths for power in ("", "^2"))


def _motion(place: PropensityPlace, configuration: int, frame: Frame) -> tuple[Array, Frame]:
    """Return how far particles go between reference positions and about them, (N, m), and the last of the frames."""
    kinds = place.settings.structure.positions
    here = {kind: read_described(place, kind, configuration, frame) for kind in kinds}
    lengths = [
        np.linalg.norm(here[a].frame.positions - here[b].frame.positions, axis=1)
        for i, a in enumerate(kinds)
        for b in kinds[i + 1 :]
    ]
    lengths += [np.sqrt(d.fluctuation) for d in here.values() if d.fluctuation is not None]
    columns = [column for length in lengths for column in (length, length**2)]
    return np.stack(columns, axis=1), here[kinds[-1]].frame


def _averages(values: NDArray[Any], names: tuple[str, ...], frame: Frame, order: int, cutoff: float) -> Array:
    return ShellAverage(Tabulated(values, names), order, cutoff).evaluate(frame)


def _averaged_names(names: tuple[str, ...], order: int) -> tuple[str, ...]:
    return tuple(f"avg{n}[{name}]" if n else name for n in range(order + 1) for name in names)


def _of(kind: str, table: Table) -> str:
    return f" {kind}" if len(table.kinds) > 1 else ""
