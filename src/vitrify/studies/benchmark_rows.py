"""What predictions are scored on, and how the rows of a table find their particles in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.readers.predictions import PredictionTable

Array = NDArray[np.float64]

PROPENSITY, REARRANGEMENTS = "propensity", "rearrangements"
_SAME_TIME = 1e-6
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Observations:
    """Particles with what was measured of them: those of all configurations, or of some frames of a trajectory.

    Attributes
    ----------
    kind : {"propensity", "rearrangements"}
    source : str
        Where they come from, quoted in messages.
    labels : tuple of str
        Of the configurations; of frames their numbers.
    index : (M,) int
        Which of the labels, ascending.
    particle : (M,) int
        Ascending within one label.
    species : (M,) str
    group : (M,) int
        What counts as one observation in errors: the configuration, or the segment of the trajectory.
    times : (T,) float, time
    target : (T, M) float
        Propensity, or 1 where the particle rearranges and 0 where it does not.
    units : str
        Of the target.
    """

    kind: str
    source: str
    labels: tuple[str, ...]
    index: NDArray[np.int64]
    particle: NDArray[np.int64]
    species: NDArray[np.str_]
    group: NDArray[np.int64]
    times: Array
    target: Array
    units: str

    @property
    def group_name(self) -> str:
        """Column of a table that says the label."""
        return "configuration" if self.kind == PROPENSITY else "frame"

    @property
    def species_names(self) -> list[str]:
        """Species, the most numerous first."""
        names, counts = np.unique(self.species, return_counts=True)
        return [str(n) for n in names[np.argsort(-counts, kind="stable")]]


@dataclass(frozen=True, eq=False)
class Prediction:
    """One prediction of all observations.

    Attributes
    ----------
    name : str
    origin : str
        The file, or "vitrify".
    values : (T, M) or (1, M) float
        One row for all times where the prediction does not say which. NaN for species that it leaves out.
    sign : {1, -1}
        What the values were multiplied by so that large ones mean mobile.
    """

    name: str
    origin: str
    values: Array
    sign: int = 1

    def at(self, time: int) -> Array:
        """Return the values at one of the times, (M,)."""
        return np.asarray(self.values[time if len(self.values) > 1 else 0])


def from_samples(
    samples: Sequence[MeasuredPropensity], source: str, chosen: Sequence[int] | None = None
) -> Observations:
    """Return the particles of configurations with a measured propensity.

    Parameters
    ----------
    samples : sequence of MeasuredPropensity
    source : str
    chosen : sequence of int, optional
        Configurations to score; all by default. They keep their numbers.

    Raises
    ------
    ParameterError
        If configurations have other times than the first, or a chosen one does not exist.
    """
    kept = list(range(len(samples)) if chosen is None else chosen)
    unknown = [k for k in kept if not 0 <= k < len(samples)]
    if unknown or not kept:
        raise ParameterError(
            f"`--configurations` names {unknown[0] if unknown else 'none'}; {source} has 0 to {len(samples) - 1}."
        )
    times = samples[kept[0]].times
    for k in kept:
        if not np.allclose(samples[k].times, times, rtol=_SAME_TIME):
            raise ParameterError(
                f"Configuration {k} of {source} was measured at other times than configuration {kept[0]}. Score them one by "
                f"one with `--configurations {k}`."
            )
    counts = [samples[k].n_particles for k in kept]
    index = np.repeat(kept, counts)
    species = [np.array(samples[k].frame.species_names)[samples[k].frame.species] for k in kept]
    return Observations(
        PROPENSITY,
        source,
        tuple(s.source or str(k) for k, s in enumerate(samples)),
        index,
        np.concatenate([np.arange(n) for n in counts]),
        np.concatenate(species).astype(str),
        index,
        times,
        np.concatenate([samples[k].propensity for k in kept], axis=1),
        samples[0].unit_system.length,
    )


# -- joining ---------------------------------------------------------------------------------------------------------


def predictions_of(tables: Sequence[PredictionTable], seen: Observations) -> list[Prediction]:
    """Return the predictions of all tables, each for every observation of the species that it predicts.

    Columns of one name in several tables are told apart by the names of the files.

    Raises
    ------
    FileFormatError
        Naming file and line: a configuration, frame, time or particle that is not there, another species than the source has,
        or the same row twice; or how many particles have no prediction, and the first of them.
    """
    names = [name for table in tables for name in table.names]
    found = []
    for table in tables:
        for name, values in zip(table.names, _joined(table, seen), strict=True):
            shown = name if names.count(name) == 1 else f"{table.path.stem}:{name}"
            found.append(Prediction(shown, table.path.name, values))
    twice = [p.name for k, p in enumerate(found) if p.name in [q.name for q in found[:k]]]
    if twice:
        raise FileFormatError(
            f"Two tables hold a prediction '{twice[0]}' and have the same name. Rename a file."
        )
    return found


def _joined(table: PredictionTable, seen: Observations) -> list[Array]:
    """Return (T, M) or (1, M) values of every prediction of a table."""
    index = _labels_of(table, seen)
    time = _times_of(table, seen)
    kept = np.isin(index, seen.index)  # other configurations, or frames that cannot be used
    width = int(max(table.particle.max(), seen.particle.max())) + 1
    wanted, key = seen.index * width + seen.particle, index * width + table.particle
    spot = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
    there = kept & (wanted[spot] == key)
    if seen.kind == PROPENSITY:
        _require(table, ~kept | there, "there is no particle {particle} in configuration {group}.", seen)
    _require_species(table, seen, spot, there)
    n_times = 1 if time is None else len(seen.times)
    place = spot if time is None else spot + time * len(wanted)
    _require_once(table, place, there)
    found = []
    for name, column in zip(table.names, table.values.T, strict=True):
        values = np.full((n_times, len(wanted)), np.nan)
        values.ravel()[place[there]] = column[there]
        _require_whole(table, name, values, seen)
        found.append(values)
    return found


def _labels_of(table: PredictionTable, seen: Observations) -> NDArray[np.int64]:
    """Return which label each row is of."""
    if table.groups.dtype.kind in "iu":
        if seen.kind == PROPENSITY:
            known = table.groups < len(seen.labels)
            _require(
                table,
                known,
                f"there is no configuration {{group}}; {seen.source} has 0 to {len(seen.labels) - 1}.",
                seen,
            )
        return np.asarray(table.groups, np.int64)
    numbers: dict[str, int] = {}
    for k, label in enumerate(seen.labels):
        for word in (label, Path(label).name, Path(label).stem):
            numbers.setdefault(word, k)
    words, back = np.unique(table.groups, return_inverse=True)
    index = np.array([numbers.get(str(word), -1) for word in words])[back]
    listed = ", ".join(Path(label).stem for label in seen.labels[:_SHOWN])
    _require(
        table,
        index >= 0,
        f"there is no configuration '{{group}}'; {seen.source} has {listed}, …, or use numbers from 0.",
        seen,
    )
    return np.asarray(index, np.int64)


def _times_of(table: PredictionTable, seen: Observations) -> NDArray[np.int64] | None:
    if table.time is None:
        return None
    nearest = np.abs(table.time[:, None] - seen.times).argmin(axis=1)
    known = np.abs(seen.times[nearest] - table.time) <= _SAME_TIME * np.abs(table.time)
    listed = ", ".join(f"{t:g}" for t in seen.times)
    _require(table, known, f"nothing was measured at time {{time:g}}; it was at {listed}.", seen)
    return nearest


def _require(table: PredictionTable, good: NDArray[np.bool_], words: str, seen: Observations) -> None:
    """Refuse a table with a row that is not good; the words say why, of the first such row."""
    if good.all():
        return
    row = int(np.argmin(good))
    time = np.nan if table.time is None else float(table.time[row])
    said = words.format(group=table.groups[row], particle=int(table.particle[row]), time=time)
    n = int((~good).sum())
    more = f" So it is in {n} rows." if n > 1 else ""
    raise FileFormatError(
        f"{table.place(row)}: {said}{more} Number {seen.group_name}s and particles as {seen.source} does, from 0."
    )


def _require_species(
    table: PredictionTable, seen: Observations, spot: NDArray[np.int64], there: NDArray[np.bool_]
) -> None:
    if table.species is None:
        return
    wrong = there & (table.species != "") & (table.species != seen.species[spot])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(
            f"{table.place(row)}: particle {table.particle[row]} has species '{table.species[row]}' here, and "
            f"'{seen.species[spot[row]]}' in {seen.source}. Bring the rows into the order of the source, or leave the column out."
        )


def _require_once(table: PredictionTable, place: NDArray[np.int64], there: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(there)
    order = rows[np.argsort(place[rows], kind="stable")]
    again = np.flatnonzero(place[order][1:] == place[order][:-1])
    if len(again):
        first, second = order[again[0]], order[again[0] + 1]
        raise FileFormatError(
            f"{table.place(second)}: particle {table.particle[second]} of {table.group} {table.groups[second]} has a row "
            f"already, {table.place(first).rpartition(', ')[2]}. Leave one of them out."
        )


def _require_whole(table: PredictionTable, name: str, values: Array, seen: Observations) -> None:
    """Refuse a prediction that leaves out some particles of a species that it predicts."""
    missing = np.isnan(values)
    if missing.all():
        raise FileFormatError(
            f"`{name}` of {table.path} predicts none of the {values.shape[1]} particles that are scored. Write rows for the "
            f"{seen.group_name}s of {seen.source}."
        )
    for species in seen.species_names:
        of_species = seen.species == species
        left_out = missing[:, of_species]
        if left_out.any() and not left_out.all():
            raise FileFormatError(
                f"`{name}` of {table.path} leaves out {int(left_out.sum())} of {left_out.size} particles of species {species}: "
                f"{_examples(np.asarray(left_out.any(axis=0)), of_species, seen)}. {_WAY_OUT[seen.kind]}"
            )


_WAY_OUT: Mapping[str, str] = {
    PROPENSITY: "Predict all of a species or none; to score some configurations only, name them with `--configurations`.",
    REARRANGEMENTS: "Predict all particles of a species in every frame of the table, or none.",
}


def _examples(missing: NDArray[np.bool_], of_species: NDArray[np.bool_], seen: Observations) -> str:
    """Return how many are missing in the first few configurations or frames, and the first particle."""
    rows = np.flatnonzero(of_species)[missing]
    groups, counts = np.unique(seen.index[rows], return_counts=True)
    named = [f"{n} in {seen.group_name} {g}" for g, n in zip(groups[:_SHOWN], counts, strict=False)]
    more = f" and in {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
    return f"{', '.join(named)}{more}; the first is particle {seen.particle[rows[0]]}"
