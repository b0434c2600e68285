"""Symbols, names and definitions of what the scores of a prediction return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitrify.particles.attributes import Words, filled

if TYPE_CHECKING:
    import xarray as xr

_OF_TARGET = "unit of the target"
VARIABLES: Mapping[str, Words] = {
    "pearson": Words(
        "r", "Pearson's coefficient", "linear correlation of predicted and measured over the particles"
    ),
    "spearman": Words(r"r_s", "Spearman's coefficient", "Pearson's coefficient of the ranks, ties averaged"),
    "squared_error": Words(
        r"\langle\epsilon^2\rangle",
        "squared error",
        "mean of (predicted - measured)^2",
        f"({_OF_TARGET})^2",
    ),
    "pearson_mean": Words(r"\bar r", "mean Pearson's coefficient", "over configurations, each alike"),
    "pearson_sd": Words(r"\sigma_r", "spread of Pearson's coefficient", "standard deviation over configurations"),
    "pearson_error": Words(
        r"\delta\bar r", "standard error of pearson_mean", "spread over the root of the number of configurations"
    ),
    "spearman_mean": Words(r"\bar r_s", "mean Spearman's coefficient", "over configurations, each alike"),
    "spearman_sd": Words(
        r"\sigma_{r_s}", "spread of Spearman's coefficient", "standard deviation over configurations"
    ),
    "spearman_error": Words(
        r"\delta\bar r_s", "standard error of spearman_mean", "spread over the root of the number of configurations"
    ),
    "pearson_pooled": Words("r", "pooled Pearson's coefficient", "particles of all configurations together"),
    "spearman_pooled": Words(r"r_s", "pooled Spearman's coefficient", "particles of all configurations together"),
    "n": Words("n", "particles", "that were scored"),
    "species": Words("", "species", "whose particles are scored; 'all': every one, whatever its species"),
    "configuration": Words("", "configuration", "from which a set of runs started"),
    "target": Words("", "target", "what is predicted"),
    "fold": Words("", "fold", "in which the configuration was left out"),
    "strength": Words(r"\lambda", "strength of the penalty", "beside the sum of squared errors over all particles"),
    "factors": Words(r"\phi", "factors of the penalty", "of the features of order 0, 1, 2, …"),
    "validation": Words(
        "", "score of the choice", "of the criterion, over configurations left out of the training; NaN without choice"
    ),
    "reliability": Words(
        r"\rho",
        "reliability of the propensity",
        "correlation to expect between means over two such sets of runs: of split halves, by Spearman and Brown",
    ),
    "reliability_splits": Words(
        r"\sigma_\rho", "spread of reliability over splits", "standard deviation over the ways to halve the runs"
    ),
    "alpha": Words(
        r"\alpha", "Cronbach's alpha", "M/(M-1) (1 - sum of the variances of the runs / variance of their sum)"
    ),
    "ceiling": Words(
        r"\sqrt{\rho}", "noise ceiling", "largest Pearson's coefficient to expect, that of the mean over endless runs"
    ),
    "ceiling_mean": Words(r"\overline{\sqrt{\rho}}", "mean noise ceiling", "over configurations, each alike"),
    "ceiling_error": Words(
        "", "standard error of ceiling_mean", "spread over the root of the number of configurations"
    ),
    "fraction": Words(r"r / \sqrt{\rho}", "fraction of the noise ceiling", "coefficient over noise ceiling"),
    "n_runs": Words("M", "runs", "from each configuration"),
    "n_training": Words("K", "training configurations", "the others are left out or not used"),
    "n_subsets": Words("", "subsets", "of training configurations behind the mean"),
    "pearson_subsets": Words(
        r"\sigma_r", "spread over subsets", "standard deviation of the mean score, over sets of training configurations"
    ),
    "permuted": Words(
        r"r_\mathrm{perm}",
        "coefficient of permuted targets",
        "mean over configurations, targets permuted within configuration and species",
    ),
    "step": Words("N_s", "selected features", "number of features that the model has"),
    "feature": Words("", "selected feature", "that was added in this step"),
    "multiple_correlation": Words(
        "R", "multiple correlation", "of the selected features with the target, over the training configurations"
    ),
    "residual_variance": Words(
        "", "residual variance", "fraction of the variance of the feature that those selected before do not have"
    ),
    "low": Words("", "lower end", "of the interval, by the bootstrap over configurations"),
    "high": Words("", "upper end", "of the interval, by the bootstrap over configurations"),
    "mean": Words("", "mean", "over configurations, each alike"),
    "error": Words("", "standard error", "standard deviation of the bootstrap over configurations"),
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
    >>> labelled(xr.Dataset({"pearson": ("configuration", [0.5])}))["pearson"].attrs["units"]
    '1'
    """
    return filled(dataset, VARIABLES, definitions=definitions)
