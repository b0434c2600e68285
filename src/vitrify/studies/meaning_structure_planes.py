"""Planes learned from the training examples beside softness: of coordination and energy alone, and of thermal positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import StoreError
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.provenance import identity
from vitrify.studies.describing import features_at
from vitrify.studies.kept_arrays import made_of, read_arrays, write_arrays
from vitrify.studies.learning import examples_with_features, train_on_examples, training_identity
from vitrify.studies.meaning_structure_events import structure_folder, structure_section
from vitrify.studies.meaning_structure_sources import Source
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

TWO = ("coordination", "local_energy")
_FILE, _THERMAL_FILE = "two-features.npz", "thermal-softness.json"


@dataclass(frozen=True)
class TwoFeatures:
    """The plane of coordination and energy, and how often each of them, and both, tell soft from hard.

    Attributes
    ----------
    weights : (2,) float
        Of the numbers as they are, not standardised.
    bias : float
    accuracy, error : (3,) float
        Of coordination, energy and both: cross-validated over segments of the training trajectory.
    n : int
        Examples.
    """

    weights: Array
    bias: float
    accuracy: Array
    error: Array
    n: int

    def of(self, values: Array, rows: tuple[int, int]) -> Array:
        """Return the distance from the plane, from a table whose first axis holds the numbers."""
        return np.asarray(np.tensordot(self.weights, values[list(rows)], axes=1) + self.bias)


# -- coordination and energy ------------------------------------------------------------------------------------------


def make_two_features(
    place: Workplace, sources: list[Source], progress: Progress, workers: int | Workforce | None = None
) -> None:
    """Learn the plane of coordination and energy from the examples that softness was learned from, if both are measured."""
    used = two_sources(sources)
    if used is None:
        return
    file, examples = structure_folder(place) / _FILE, training_examples(place)
    wanted = _identity(place, examples, used)
    if made_of(file) == wanted:
        return
    trajectory = place.trajectory(place.settings.training_point)
    frame, particle = examples["frame"].values, examples["particle"].values
    order = np.argsort(frame, kind="stable")
    columns = np.empty((len(frame), 2))
    for k, (source, column) in enumerate(used):
        found = features_at(
            trajectory, frame[order], particle[order], source.member,
            kind=source.positions, progress=progress, title=f"{TWO[k]} of the examples".replace("_", " "), workers=workers,
        )  # fmt: skip
        columns[order, k] = found[:, column]
    write_arrays(file, _learned(place, columns, examples), wanted)


def _learned(place: Workplace, columns: Array, examples: xr.Dataset) -> dict[str, NDArray[Any]]:
    from vitrify.predictors.softness import Softness, cross_validate

    label, group = examples["label"].values, examples["segment"].values
    settings = place.settings.training
    estimator = Softness(C=1.0, solver="linear_svc", random_state=0)
    folds = min(settings.segments, len(np.unique(group)))
    scores = [
        cross_validate(columns[:, list(c)], label, group, estimator=estimator, n_splits=folds)
        for c in ((0,), (1,), (0, 1))
    ]
    estimator.fit(columns, label)
    weights = estimator.coef_[0] / estimator.scale_
    bias = float(estimator.intercept_[0] - (weights * estimator.mean_).sum())
    return {
        "weights": weights,
        "bias": np.array(bias),
        "accuracy": np.array([s.accuracy for s in scores]),
        "error": np.array([s.standard_error for s in scores]),
        "n": np.array(len(label)),
    }


def read_two_features(place: Workplace, sources: list[Source]) -> TwoFeatures | None:
    """Return what `make_two_features` kept; None if coordination or energy is not measured."""
    if two_sources(sources) is None:
        return None
    a = read_arrays(structure_folder(place) / _FILE)
    return TwoFeatures(a["weights"], float(a["bias"]), a["accuracy"], a["error"], int(a["n"]))


def two_sources(sources: list[Source]) -> list[tuple[Source, int]] | None:
    """Return source and column of coordination and of energy, None if one is not measured on inherent positions."""
    found = []
    for name in TWO:
        mine = [(s, s.columns[s.names.index(name)]) for s in sources if name in s.names and s.positions == "inherent"]  # fmt: skip
        if not mine:
            return None
        found.append(mine[0])
    return found


def training_examples(place: Workplace) -> xr.Dataset:
    """Return the examples that softness was learned from.

    Raises
    ------
    StoreError
        If their table is not there.
    """
    path = place.table(place.settings.training_point, "examples")
    found = load_table(path)
    if found is None:
        raise StoreError(
            f"{path} is not there: it holds the examples that softness is learned from. Run the study from its first step."
        )
    return found


def _identity(place: Workplace, examples: xr.Dataset, used: list[tuple[Source, int]]) -> str:
    return identity(
        {
            "training": training_identity(place.settings, examples),
            "sources": [[s.to_dict(), column] for s, column in used],
        }
    )


# -- thermal positions -------------------------------------------------------------------------------------------------


def thermal_plane(
    place: Workplace, progress: Progress, workers: int | Workforce | None = None
) -> TrainedSoftness | None:
    """Return softness learned from thermal positions of the same examples; learned where it is not there, None if not wanted."""
    if not structure_section(place).thermal_softness:
        return None
    settings, point = place.settings, place.settings.training_point
    trajectory, folder = place.trajectory(point), structure_folder(place)
    folder.mkdir(parents=True, exist_ok=True)
    examples = examples_with_features(
        trajectory,
        settings,
        point.temperature,
        place.table(point, "events"),
        folder / "thermal-examples.npz",
        kind="thermal",
        progress=progress,
        workers=workers,
    )
    file = folder / _THERMAL_FILE
    wanted = training_identity(settings, examples)
    if file.exists():
        known = TrainedSoftness.load(file)
        if known.training.get("identity") == wanted:
            return known
    progress.note("Training on the thermal positions of the examples")
    trained = train_on_examples(trajectory, settings, point, examples, kind="thermal")
    trained.save(file)
    return trained


def read_thermal_plane(place: Workplace) -> TrainedSoftness | None:
    """Return what `thermal_plane` kept; None if it was not wanted."""
    if not structure_section(place).thermal_softness:
        return None
    return TrainedSoftness.load(structure_folder(place) / _THERMAL_FILE)
