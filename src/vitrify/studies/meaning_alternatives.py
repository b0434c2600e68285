"""Other structure functions on the same examples: what each set tells of rearrangements (thesis 5.5.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.parallel import Workforce
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress, Silent
from vitrify.provenance import to_plain
from vitrify.studies.describing import features_at
from vitrify.studies.meaning_examples import Examples, kept, machine_of
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

REFERENCE = "radial and angular"
PAIRS = "pairs"
_PAIR_RANGE, _PAIR_STEP = 5.3, 0.02  # as far as the radial functions see, and narrower than they are


class FunctionSet(NamedTuple):
    """One set of structure functions.

    Attributes
    ----------
    name : str
        On the page.
    own : tuple of str
        Which of the examples' own columns: "radial", "angular".
    others : tuple of str
        Which functions besides: those of `other_descriptors`.
    """

    name: str
    own: tuple[str, ...]
    others: tuple[str, ...] = ()


_SETS = (
    FunctionSet(REFERENCE, ("radial", "angular")),
    FunctionSet("radial", ("radial",)),
    FunctionSet("angular", ("angular",)),
    FunctionSet("cumulative", (), ("cumulative",)),
    FunctionSet("cumulative and angular", ("angular",), ("cumulative",)),
    FunctionSet("bond order in shells", (), ("shells",)),
    FunctionSet("radial and bond order", ("radial",), ("shells",)),
    FunctionSet("cumulative and bond order", (), ("cumulative", "shells")),
    FunctionSet("radial and both orders of invariants", ("radial",), ("shells", "third_order")),
    FunctionSet("ordered distances", (), ("ordered",)),
    FunctionSet("all and ordered distances", ("radial", "angular"), ("ordered",)),
)


def other_descriptors(settings: MeaningSettings, dimension: int) -> dict[str, Any]:
    """Return the descriptors besides those that softness was learned from; in two dimensions none of spherical harmonics."""
    from vitrify.descriptors.cumulative_density import CumulativeDensity
    from vitrify.descriptors.ordered_distances import OrderedDistances
    from vitrify.descriptors.shell_bond_order import ShellBondOrder

    found: dict[str, Any] = {
        PAIRS: CumulativeDensity(pair_radii()),
        "cumulative": DESCRIPTOR_SETS.load("cubuk-2016-cumulative")(),
        "ordered": OrderedDistances(settings.meaning.ordered_neighbors),
    }
    if dimension == 3:
        found["shells"] = DESCRIPTOR_SETS.load("cubuk-2016-shells")()
        found["third_order"] = ShellBondOrder(third_order=True)
    return found


def descriptors_for(place: Workplace, settings: MeaningSettings) -> dict[str, Any]:
    """Return the other descriptors of the liquid of a study; none where none are compared."""
    if not settings.meaning.alternatives:
        return {}
    return other_descriptors(settings, place.trajectory(settings.training_point).layout.dimension)


def pair_radii() -> tuple[float, ...]:
    """Return the distances within which neighbours are counted to know each of them to a fiftieth of a diameter."""
    return tuple(round(_PAIR_STEP * k, 2) for k in range(1, round(_PAIR_RANGE / _PAIR_STEP) + 1))


def _sets(settings: MeaningSettings, examples: Examples, known: set[str]) -> list[FunctionSet]:
    own = {name for name in ("radial", "angular") if getattr(examples, name)}
    kinds = _SETS if settings.meaning.alternatives else [s for s in _SETS if not s.others]
    return [s for s in kinds if set(s.own) <= own and set(s.others) <= known]


def alternative_sets(place: Workplace, settings: MeaningSettings, examples: Examples) -> list[str]:
    """Return the names of the sets that these examples can be described by."""
    known = set(descriptors_for(place, settings))
    return [s.name for s in _sets(settings, examples, known)]


def describe_alternatives(
    place: Workplace,
    settings: MeaningSettings,
    examples: Examples,
    progress: Progress | None = None,
    workers: int | Workforce | None = None,
) -> dict[str, Array]:
    """Return the other features of all examples, by kind; made where they are not kept.

    Parameters
    ----------
    place : Workplace
    settings : MeaningSettings
    examples : Examples
    progress, workers
        As elsewhere.
    """
    return {
        name: _described(place, settings, examples, name, descriptor, progress or Silent(), workers)
        for name, descriptor in descriptors_for(place, settings).items()
    }


def stored_features(
    place: Workplace, settings: MeaningSettings, examples: Examples, name: str
) -> Array | None:
    """Return one kind of the other features of all examples; None where none are compared."""
    found = descriptors_for(place, settings)
    if name not in found:
        return None
    return _described(place, settings, examples, name, found[name], Silent(), 1)


def _described(
    place: Workplace,
    settings: MeaningSettings,
    examples: Examples,
    name: str,
    descriptor: Any,
    progress: Progress,
    workers: int | Workforce | None,
) -> Array:
    trajectory = place.trajectory(settings.training_point)

    def make() -> xr.Dataset:
        import xarray as xr

        values = features_at(
            trajectory,
            examples.frame,
            examples.particle,
            descriptor,
            progress=progress,
            title=f"Other structure functions: {name.replace('_', ' ')}",
            workers=workers,
        )
        names = np.array(descriptor.feature_names(trajectory.species_names))
        return xr.Dataset({"features": (("example", "feature"), values)}, {"feature": names})

    parameters = {"examples": examples.identity, "descriptor": to_plain(descriptor)}
    found: Array = kept(place, f"features-{name}", parameters, make)["features"].values
    return found


def accuracy_of_set(place: Workplace, trained: TrainedSoftness, examples: Examples, part: str) -> xr.Dataset:
    """Return the accuracy of the linear machine with one set of functions, segments held out.

    Returns
    -------
    xarray.Dataset
        ``accuracy``, ``accuracy_error``, ``accuracy_fold`` (fold), ``n_functions``; NaN where the machine does not converge.
    """
    import xarray as xr

    from vitrify.errors import ConvergenceError
    from vitrify.predictors.softness import cross_validate

    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    chosen = next(s for s in _SETS if s.name == part)
    columns = [k for name in chosen.own for k in getattr(examples, name)]
    others = [stored_features(place, settings, examples, name) for name in chosen.others]
    features = np.column_stack([examples.features[:, columns], *(f for f in others if f is not None)])
    classifier = machine_of(settings, trained)
    folds = len(np.unique(examples.segment))
    varying = int((features.std(axis=0) > settings.training.min_sd).sum())
    try:
        score = cross_validate(
            features, examples.soft, examples.segment, estimator=classifier, n_splits=folds
        )
        accuracy, error, each = score.accuracy, score.standard_error, list(score.per_fold)
    except ConvergenceError:
        accuracy = error = float("nan")
        each = [error] * folds
    values = {"accuracy": ((), accuracy), "accuracy_error": ((), error), "n_functions": ((), varying)}
    return xr.Dataset({**values, "accuracy_fold": ("fold", each)})
