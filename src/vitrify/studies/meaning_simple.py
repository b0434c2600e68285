"""Softness as a sum over neighbours, and with fewer parameters (thesis 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.predictors.simplified_softness import PairCounts, simplified_softness
from vitrify.predictors.trained import TrainedSoftness
from vitrify.predictors.weight_functions import (
    PairForm,
    fit_core,
    fit_exponential,
    weight_function,
    weight_table,
)
from vitrify.studies.meaning_alternatives import PAIRS, pair_radii, stored_features
from vitrify.studies.meaning_examples import Examples, classifier_of, species_and_radius
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

FIT_TO_WEIGHTS = ", fit to weights"


def simpler_forms(place: Workplace, trained: TrainedSoftness, examples: Examples, part: Any) -> xr.Dataset:
    """Return the accuracy of simpler forms of softness, and its weight function with its fits.

    Returns
    -------
    xarray.Dataset
        Dim form: ``accuracy``, ``accuracy_error``, ``n_parameters``; dims neighbor_species, r: ``weight_function`` with its error,
        ``exponential``, ``core``. Attributes "fit …": parameters of the fits to all examples.
    """
    import xarray as xr

    del part
    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    X, y, groups, names = examples.table(examples.radial)
    species, radii, neighbour = _places(names)
    classifier = classifier_of(settings, trained)
    where = (X, radii, neighbour, y, groups)
    counted = _pair_counts(place, settings, examples, species)
    how: dict[str, Any] = {
        "neighbour_names": species,
        "estimator": classifier,
        "folds": len(np.unique(groups)),
        "pair_counts": counted,
    }
    if counted is not None:
        how["delta"] = float(weight_function(trained).attrs["delta"])
    nearest = simplified_softness(*where, **how, metric="scores")
    to_weights = simplified_softness(*where, **how, metric="weights").sel(
        form=["exponential", "exponential with core"]
    )
    to_weights = to_weights.assign_coords(form=[f"{f}{FIT_TO_WEIGHTS}" for f in to_weights["form"].values])
    kept = ["accuracy", "accuracy_error"]
    forms = xr.concat([nearest[kept], to_weights[kept]], "form").drop_vars("neighbour", errors="ignore")
    forms = forms.assign(n_parameters=("form", [_parameters(str(f), len(radii), len(species)) for f in forms["form"].values]))  # fmt: skip
    curves = _curves(classifier, X, y, groups, radii, neighbour, species)
    return xr.merge([forms, curves], combine_attrs="drop").assign_attrs(curves.attrs)


def _places(names: list[str]) -> tuple[list[str], Array, NDArray[np.int64]]:
    """Return species of neighbours, and radius and species of each function."""
    found = [species_and_radius(name) for name in names]
    species = list(dict.fromkeys(s for s, _ in found))
    return species, np.array([r for _, r in found]), np.array([species.index(s) for s, _ in found])


def _parameters(form: str, n_functions: int, n_species: int) -> int:
    if form in ("all radial", "pair sum"):
        return n_functions
    return (4 if "core" in form else 2) * n_species


def _pair_counts(
    place: Workplace, settings: MeaningSettings, examples: Examples, species: list[str]
) -> PairCounts | None:
    """Return neighbours in narrow shells by species; None where only the radial functions are there."""
    counted = stored_features(place, settings, examples, PAIRS)
    if counted is None:
        return None
    edges = np.array(pair_radii())
    known = place.trajectory(settings.training_point).species_names
    within = counted.reshape(len(counted), len(known), len(edges))
    shells = np.diff(within, axis=2, prepend=0.0)[:, [known.index(s) for s in species]]
    middle = edges - 0.5 * np.diff(edges, prepend=0.0)
    return PairCounts(
        shells.reshape(len(counted), -1),
        np.tile(middle, len(species)),
        np.repeat(np.arange(len(species)), len(edges)),
    )


def _curves(
    classifier: Any,
    X: Array,
    y: NDArray[np.int64],
    groups: NDArray[np.int64],
    radii: Array,
    neighbour: NDArray[np.int64],
    species: list[str],
) -> xr.Dataset:
    """Return w(r) of the plane of all examples, its error from leaving out each segment, and both fits."""
    import xarray as xr
    from sklearn.base import clone

    def table(rows: NDArray[np.bool_]) -> xr.Dataset:
        plane = clone(classifier).fit(X[rows], y[rows])
        return weight_table(plane.coef_[0], plane.scale_, radii, neighbour, species)

    whole = table(np.ones(len(y), bool))
    left_out = np.unique(groups)
    n = len(left_out)
    without = np.stack([table(groups != g)["weight"].values for g in left_out])
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    order = np.lexsort((radii, neighbour))
    covariance = np.cov(X[:, order].T)
    forms = {"exponential": fit_exponential(whole, covariance), "core": fit_core(whole, covariance)}
    dims, r = ("neighbor_species", "r"), whole["r"].values
    variables = {"weight_function": whole["weight"].values, "weight_function_error": error}
    variables |= {
        name: np.stack([form.value(r, k) for k in range(len(species))]) for name, form in forms.items()
    }
    attrs = {key: value for name, form in forms.items() for key, value in _in_words(name, form, species)}
    return xr.Dataset(
        {k: (dims, v) for k, v in variables.items()}, {"neighbor_species": species, "r": r}, attrs
    )


def _in_words(name: str, form: PairForm, species: list[str]) -> list[tuple[str, float]]:
    """Return the parameters of a fit for the header of a table."""
    return [
        (f"fit {name}, {key}, neighbors {s}", float(values[k]))
        for key, values in form.to_dict().items()
        for k, s in enumerate(species)
        if np.isfinite(values[k])
    ]
