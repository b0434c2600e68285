"""Maps of the examples made without their labels, and how far the labels are told apart on them (thesis 6.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.predictors.trained import TrainedSoftness
from vitrify.studies.meaning_examples import Examples, species_and_radius
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

FUNCTIONS = "structure functions"
PRINCIPAL = "principal components"
_COMPONENTS = 3


def map_kinds(settings: MeaningSettings, examples: Examples) -> list[str]:
    """Return the names of the maps: none, principal components, and t-SNE."""
    del examples
    return [FUNCTIONS, PRINCIPAL, *(f"t-SNE {d}D" for d in settings.meaning.map_dimensions)]


def map_columns(settings: MeaningSettings, examples: Examples) -> list[int]:
    """Return the columns that maps are made of: varying ones, without radial functions that are too near."""
    least = settings.meaning.map_radius - 1e-9
    radial = [k for k in examples.radial if species_and_radius(examples.names[k])[1] >= least]
    angular = [k for k in examples.angular if examples.features[:, k].std() > examples.min_sd]
    return sorted([*radial, *angular])


def map_of(place: Workplace, trained: TrainedSoftness, examples: Examples, part: str) -> xr.Dataset:
    """Return one map: where each example lies, and the part of its neighbours on the map that are of its class.

    Returns
    -------
    xarray.Dataset
        ``position`` (example, axis), none for the functions themselves; ``soft`` (example); ``purity``, ``purity_error``,
        ``shuffled``, ``shuffled_error``.
    """
    import xarray as xr

    from vitrify.predictors import structure_maps

    del trained
    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    m = settings.meaning
    chosen = examples.thinned(2 * m.map_examples, m.seed)
    features, soft, segment, _ = chosen.table(map_columns(settings, examples))
    position = _position(features, part, settings)
    score = structure_maps.neighbour_purity(
        _standard(features) if position is None else position, soft, segment, m.map_neighbors, seed=m.seed
    )
    variables: dict[str, Any] = {
        "purity": ((), score.value),
        "purity_error": ((), score.error),
        "shuffled": ((), score.shuffled),
        "shuffled_error": ((), score.shuffled_error),
        "soft": ("example", soft),
    }
    if position is not None:
        variables["position"] = (("example", "axis"), position)
    return xr.Dataset(variables)


def _standard(features: Array) -> Array:
    return np.asarray((features - features.mean(axis=0)) / features.std(axis=0))


def _position(features: Array, part: str, settings: MeaningSettings) -> Array | None:
    """Return where the examples lie on a map; None on that which is none."""
    from vitrify.predictors import structure_maps

    m = settings.meaning
    if part == FUNCTIONS:
        return None
    if part == PRINCIPAL:
        n = min(_COMPONENTS, features.shape[1])
        return np.asarray(structure_maps.principal_components(features, n)["coordinate"].values)
    dimension = int(part.split()[1][0])
    return structure_maps.tsne(
        features, dimension, _perplexity(m.perplexity, len(features)), m.seed, workers=1
    )


def _perplexity(wanted: float, n: int) -> float:
    """Return a perplexity that so many examples can have."""
    return min(wanted, max(1.5, n / 3 - 1))
