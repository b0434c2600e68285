"""Rows that vitrify adds to a benchmark by itself: single structural numbers, softness, and held-out regressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTORS
from vitrify.descriptors.base import Descriptor
from vitrify.descriptors.surroundings import features_of
from vitrify.models import MODELS
from vitrify.particles import Frame
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.propensity_scores import correlations
from vitrify.predictors.scores import roc_area
from vitrify.studies.benchmark_rows import PROPENSITY, Observations, Prediction

Array = NDArray[np.float64]

OWN = "vitrify"
SOFTNESS = "softness in the store"
_MOST_FEATURES = 8
_CHANCE = 0.5
_CONTACT = 1.5  # in units of density^(-1/d): the first minimum of g(r) of a dense liquid


class _Number(NamedTuple):
    name: str
    descriptor: Descriptor
    column: int


def own_numbers(frame: Frame, model: Any = None) -> list[_Number]:
    """Return the features of all descriptors that need no choice of many functions and know this liquid.

    Neighbours are those within 1.5 of the mean distance, density^(-1/d); for Kob–Andersen the coordination has the
    cutoffs of that mixture.

    Parameters
    ----------
    frame : Frame
    model : PairModel, optional
        Without it there is no local energy.
    """
    names, cutoff = (
        frame.species_names,
        float(f"{_CONTACT * frame.number_density ** (-1 / frame.dimension):.3g}"),
    )
    found: list[_Number] = []
    for kind in DESCRIPTORS:
        for member in _members(kind, names, cutoff, model):
            features = member.feature_names(names)
            if len(features) <= _MOST_FEATURES and getattr(member, "knows", lambda _: True)(names):
                found += [_Number(f"{kind} {f}", member, k) for k, f in enumerate(features)]
    return found


def _members(kind: str, names: tuple[str, ...], cutoff: float, model: Any) -> list[Descriptor]:
    member: Any = DESCRIPTORS.load(kind)
    if kind == "local_energy":
        return [member(model)] if hasattr(model, "pair_energy") else []
    if kind == "caging_depth":  # its temperature and its limits are those of one state point
        return []
    if kind == "coordination" and getattr(model, "name", "") != "kob_andersen":
        return [member(tuple((a, b, cutoff) for a, b in combinations_with_replacement(names, 2)))]
    if kind == "steinhardt":
        return [member(cutoff=cutoff, averaged=averaged) for averaged in (False, True)]
    try:
        return [member()]
    except TypeError:  # one of another package whose parameters have no defaults
        return []


def numbers_of_samples(
    samples: Sequence[MeasuredPropensity], chosen: Sequence[int], model: Any = None
) -> Iterator[tuple[str, Array]]:
    """Yield name and values (1, M) of each number at the thermal positions of the chosen configurations."""
    numbers = own_numbers(samples[chosen[0]].frame, model)
    yield from _evaluated(numbers, [(samples[k].frame, np.arange(samples[k].n_particles)) for k in chosen])


def numbers_of_store(
    seen: Observations, trajectory: Trajectory, model: Any = None
) -> Iterator[tuple[str, Array]]:
    """Yield name and values (1, M) of each number at the positions that p_hop was made from, and softness if it is there."""
    kind = trajectory.stages["p_hop"]["parameters"].get("positions", "thermal")
    frames = np.unique(seen.index)
    numbers = own_numbers(trajectory.frame(int(frames[0]), kind), model)
    placed = ((frame, seen.particle[seen.index == k]) for k, frame in trajectory.frames(kind, frames))
    yield from _evaluated(numbers, placed)
    if trajectory.is_done("softness"):
        rows = [
            trajectory.read("softness", int(k), int(k) + 1)[0][seen.particle[seen.index == k]] for k in frames
        ]
        yield SOFTNESS, np.concatenate(rows)[None]


def _evaluated(numbers: Sequence[_Number], placed: Any) -> Iterator[tuple[str, Array]]:
    """Yield values of all particles, each descriptor evaluated once for a frame."""
    members = list(dict.fromkeys(number.descriptor for number in numbers))
    parts: list[list[Array]] = [[] for _ in members]
    for frame, particles in placed:
        for rows, member in zip(parts, members, strict=True):
            rows.append(features_of(member, frame, particles))
    tables = {member: np.concatenate(rows) for member, rows in zip(members, parts, strict=True)}
    for number in numbers:
        yield number.name, tables[number.descriptor][None, :, number.column]


def oriented(name: str, values: Array, seen: Observations, time: int, species: str) -> Prediction | None:
    """Return the prediction with the sign that its score on the labels asks for; None where it has no values."""
    mine = np.isfinite(values[0]) & (seen.species == species)
    if mine.sum() < 3:
        return None
    x, y, group = values[0][mine], seen.target[time][mine], seen.group[mine]
    if seen.kind == PROPENSITY:
        opposite = float(correlations(x, y, group)["pearson_mean"][0]) < 0
    else:
        opposite = 1 < y.sum() < len(y) - 1 and roc_area(x, y).value < _CHANCE
    sign = -1 if opposite else 1
    return Prediction(name, OWN, sign * values, sign)


def model_called(name: str | None, known: Any = None) -> Any:
    """Return the model of this name, or the one that a store says it was made with, or None.

    Raises
    ------
    UnknownNameError
        If there is no model of this name.
    """
    if name is not None:
        return MODELS.load(name)()
    return MODELS.load(known["name"]).from_dict(known) if known else None


def held_out_regressions(folder: Path, seen: Observations) -> Iterator[Prediction]:
    """Yield what the regressions of a propensity study predict of configurations that they have not seen.

    Parameters
    ----------
    folder : Path
        Of the study.
    seen : Observations
        Its configurations.

    Raises
    ------
    StoreError
        If a file of the study is damaged.
    """
    from vitrify.studies.propensity_regression import read_regressions

    for file in sorted((folder / "regression").glob("*.npz")):
        arrays = read_regressions(file)
        keys = [key.split("|") for key in arrays]
        heads = [k for k in keys if len(k) == 3 and k[2].isdigit()]
        for case in dict.fromkeys(k[0] for k in heads):
            values = np.full(seen.target.shape, np.nan)
            for _, species, k in (h for h in heads if h[0] == case):
                rows = (seen.index == int(k)) & (seen.species == species)
                if rows.any():
                    values[:, rows] = arrays[f"{case}|{species}|{k}"]
            yield Prediction(f"{case}, held out", OWN, values)
