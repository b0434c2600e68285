"""Symbols, names and definitions of what selections and sweeps of classifiers return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitrify.particles.attributes import Words, filled

if TYPE_CHECKING:
    import xarray as xr

VARIABLES: Mapping[str, Words] = {
    "accuracy": Words(
        "A", "cross-validated accuracy", "fraction of examples on their side of the plane; folds of whole segments, their mean"
    ),
    "accuracy_error": Words(
        r"\delta A", "standard error of the accuracy", "spread over the folds over the root of their number"
    ),
    "accuracy_fold": Words("A_f", "accuracy on a fold", "learned from the others"),
    "held_out_accuracy": Words(
        r"A_\mathrm{held\ out}", "held-out accuracy", "on groups that neither chose the features nor were learned from"
    ),
    "held_out_error": Words(
        r"\delta A_\mathrm{held\ out}",
        "standard error of the held-out accuracy",
        "spread over the held-out groups over the root of their number; binomial for one",
    ),
    "held_out_fold": Words("A_f", "held-out accuracy of an outer fold", "selection and training without it"),
    "selected": Words("", "selected feature", "in the selection without this outer fold"),
    "column": Words("", "position", "of the member among the features"),
    "weight": Words(
        "w", "weight", "of the standardised feature in the linear discriminant of all examples that were not held out"
    ),
    "bias": Words("b", "bias", "of that discriminant: soft where w.F + b > 0"),
    "feature": Words("", "feature", "name of the structure function"),
    "n_features": Words("N_s", "number of features", "that the classifier has"),
    "n_evaluated": Words("", "subsets evaluated", "different ones"),
    "best": Words("A", "best accuracy so far", "of the search, by generation"),
    "generation": Words("", "generation", "of the search"),
    "svm_accuracy": Words("A", "accuracy of the support vector machine", "on the same folds of whole segments"),
    "svm_error": Words(r"\delta A", "standard error of svm_accuracy", "spread over the folds over the root of their number"),
    "n_subsets": Words("", "subsets with the feature", "of an accuracy above the bound"),
    "median_weight": Words(
        r"\tilde w", "median weight", "of the standardised feature over the subsets above the bound that have it"
    ),
    "n_per_class": Words("n", "examples of each class", "that were learned from"),
    "C": Words("C", "penalty", "of the misclassified against the width of the margin"),
    "gamma": Words(r"\gamma", "inverse square width of the kernel", "exp(-gamma |F - F'|^2), standardised features"),
    "layers": Words("", "hidden layers", "of the network"),
    "nodes": Words("", "nodes", "in each hidden layer"),
    "fold": Words("", "fold", "of whole segments"),
}  # fmt: skip


def labelled(dataset: xr.Dataset, **definitions: str) -> xr.Dataset:
    """Return the data set with the attributes of every variable filled in.

    Parameters
    ----------
    dataset : xarray.Dataset
    **definitions : str
        Of variables that mean something else than in `VARIABLES`.

    Examples
    --------
    >>> import xarray as xr
    >>> labelled(xr.Dataset({"accuracy": ("fold", [0.5])}))["accuracy"].attrs["units"]
    '1'
    """
    return filled(dataset, VARIABLES, definitions=definitions)
