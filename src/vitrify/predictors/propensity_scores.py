"""How well a prediction follows the propensity, and how much of that is chance: correlations, intervals and controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

ALL = "all"
ONE_SIGMA = 0.6826894921370859
_COEFFICIENTS = ("pearson", "spearman")
_ROUNDING = 1e-14  # of the largest value, below which a spread is none


def pearson(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Return Pearson's coefficient of two rows of numbers (n,); NaN where one of them does not vary.

    Examples
    --------
    >>> round(pearson([1.0, 2.0, 3.0], [2.0, 4.0, 7.0]), 3)
    0.993
    """
    x, y = (np.asarray(v, np.float64) for v in (predicted, measured))
    centred = [v - v.mean() for v in (x, y)]
    spread = [float(np.sqrt(d @ d)) for d in centred]
    smallest = [_ROUNDING * np.sqrt(len(v)) * float(np.abs(v).max()) for v in (x, y)]
    if spread[0] <= smallest[0] or spread[1] <= smallest[1]:
        return float("nan")
    return float(np.clip((centred[0] / spread[0]) @ (centred[1] / spread[1]), -1.0, 1.0))


def spearman(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Return Spearman's coefficient of two rows of numbers (n,): Pearson's of their ranks, ties averaged.

    Examples
    --------
    >>> round(spearman([1.0, 2.0, 3.0], [2.0, 4.0, 70.0]), 6)
    1.0
    """
    from scipy.stats import rankdata

    return pearson(rankdata(predicted), rankdata(measured))


def correlations(
    predicted: ArrayLike,
    measured: ArrayLike,
    configuration: ArrayLike,
    species: ArrayLike | None = None,
) -> xr.Dataset:
    """Return the coefficients of each configuration and species, their mean over configurations, and the pooled ones.

    A configuration counts as one observation: its particles move together. Pooled coefficients also see differences
    between configurations.

    Parameters
    ----------
    predicted, measured : (n,) array_like or xarray.DataArray
        One value a particle.
    configuration : (n,) array_like
        From which the particle is; its label.
    species : (n,) array_like of str, optional
        Then each species is scored by itself as well as all together.

    Returns
    -------
    xarray.Dataset
        Dims configuration, species: ``pearson``, ``spearman``, ``n``; dim species: ``pearson_mean``, ``pearson_sd``,
        ``pearson_error``, ``pearson_pooled`` and the same of Spearman. NaN where a species has fewer than three particles.

    Raises
    ------
    ShapeError
        If the rows do not pair up or hold a number that is not finite.
    TooFewEventsError
        If there are fewer than three particles.

    Notes
    -----
    **Scale**: 1. **Differs from**: means over particles of several configurations together, which are `pearson_pooled`.
    **Invariant under**: shifting and scaling of predictions (Spearman: any increasing function). **Cost**: n log n.

    References
    ----------
    Bapst, Keck, Grabska-Barwińska, …, Kohli, Nature Physics 16, 448 (2020), who average over configurations.

    Examples
    --------
    >>> found = correlations([1.0, 2.0, 3.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1])
    >>> found["pearson"].sel(species="all").round(6).values.tolist(), found["pearson_mean"].item()
    ([1.0, -1.0], 0.0)
    """
    import xarray as xr

    from vitrify.predictors._propensity_words import labelled

    x, y, groups, kinds = _particles(predicted, measured, configuration, species)
    labels, index = np.unique(groups, return_inverse=True)
    names = [ALL] if species is None else [ALL, *np.unique(kinds).tolist()]
    shape = (len(labels), len(names))
    values = {name: np.full(shape, np.nan) for name in _COEFFICIENTS}
    pooled = {name: np.full(len(names), np.nan) for name in _COEFFICIENTS}
    n = np.zeros(shape, np.int64)
    for s, name in enumerate(names):
        of_species = np.ones(len(x), bool) if name == ALL else kinds == name
        for k in range(len(labels)):
            chosen = of_species & (index == k)
            n[k, s] = chosen.sum()
            if n[k, s] >= 3:
                values["pearson"][k, s] = pearson(x[chosen], y[chosen])
                values["spearman"][k, s] = spearman(x[chosen], y[chosen])
        if of_species.sum() >= 3:
            pooled["pearson"][s] = pearson(x[of_species], y[of_species])
            pooled["spearman"][s] = spearman(x[of_species], y[of_species])
    dims = ("configuration", "species")
    found = xr.Dataset(
        {name: (dims, v) for name, v in values.items()}
        | {f"{name}_pooled": ("species", v) for name, v in pooled.items()}
        | {"n": (dims, n)},
        {"configuration": labels, "species": names},
    )
    return labelled(spread_over_configurations(found, _COEFFICIENTS))


def spread_over_configurations(dataset: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return the data set with mean, standard deviation and standard error over configurations of some variables.

    Parameters
    ----------
    dataset : xarray.Dataset
        With the dim configuration.
    names : sequence of str
        Each gets ``<name>_mean``, ``<name>_sd`` and ``<name>_error``; NaN entries are left out, and spread needs two.

    Examples
    --------
    >>> import xarray as xr
    >>> two = xr.Dataset({"pearson": ("configuration", [0.4, 0.6])})
    >>> round(spread_over_configurations(two, ["pearson"])["pearson_error"].item(), 3)
    0.1
    """
    found = dataset.copy()
    for name in names:
        there = found[name].notnull().sum("configuration")
        mean = found[name].mean("configuration")
        squares = ((found[name] - mean) ** 2).sum("configuration")
        sd = np.sqrt(squares / (there - 1).where(there > 1))
        found[f"{name}_mean"], found[f"{name}_sd"], found[f"{name}_error"] = mean, sd, sd / np.sqrt(there)
    return found


def fraction_of_ceiling(
    scores: xr.Dataset, ceiling: xr.Dataset, coefficient: str = "pearson"
) -> xr.DataArray:
    """Return a coefficient over the noise ceiling, configuration by configuration.

    Parameters
    ----------
    scores : xarray.Dataset
        From `correlations`, or `HeldOut.scores` of one species after ``assign_coords``.
    ceiling : xarray.Dataset
        From `vitrify.predictors.noise_ceiling.noise_ceiling`, of all these configurations.
    coefficient : str, default "pearson"
        Of Pearson's the ceiling is the largest value; other coefficients over it are a convention.

    Raises
    ------
    ParameterError
        If the ceiling does not know a configuration.

    Examples
    --------
    >>> import xarray as xr
    >>> scores = xr.Dataset({"pearson": ("configuration", [0.6])}, {"configuration": ["a"]})
    >>> ceiling = xr.Dataset({"ceiling": ("configuration", [0.8])}, {"configuration": ["a"]})
    >>> fraction_of_ceiling(scores, ceiling).round(2).values.tolist()
    [0.75]
    """
    from vitrify.predictors._propensity_words import VARIABLES

    known = set(ceiling["configuration"].values.tolist())
    missing = [label for label in scores["configuration"].values.tolist() if label not in known]
    if missing:
        raise ParameterError(f"The noise ceiling of configuration '{missing[0]}' is not known.")
    ratio = scores[coefficient] / ceiling["ceiling"].sel(configuration=scores["configuration"])
    return ratio.rename("fraction").assign_attrs(VARIABLES["fraction"].attrs())


def bootstrap_configurations(
    scores: xr.DataArray, n_resamples: int = 1000, seed: int = 0, confidence: float = ONE_SIGMA
) -> xr.Dataset:
    """Return the mean over configurations with its interval, configurations drawn with replacement.

    For the difference of two predictors give the difference of their scores: the same draw then counts for both.

    Parameters
    ----------
    scores : xarray.DataArray
        With the dim configuration, and any others.
    n_resamples : int, default 1000
    seed : int, default 0
    confidence : float, default one standard deviation

    Returns
    -------
    xarray.Dataset
        Of the other dims: ``mean``, ``low``, ``high``, ``error``.

    Raises
    ------
    TooFewEventsError
        If there are fewer than two configurations.
    ParameterError
        If `n_resamples` < 10, or `confidence` does not lie between 0 and 1.

    Notes
    -----
    Of K configurations K − 1 are drawn, without which the spread of few would come out too small by the root of 1 − 1/K.

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988).

    Examples
    --------
    >>> import xarray as xr
    >>> found = bootstrap_configurations(xr.DataArray([0.4, 0.5, 0.6], dims="configuration"))
    >>> round(found["mean"].item(), 3), round(found["error"].item(), 2)
    (0.5, 0.06)
    """
    import xarray as xr

    from vitrify.predictors._propensity_words import labelled

    if n_resamples < 10 or not 0 < confidence < 1:
        raise ParameterError(
            f"`n_resamples` must be at least 10 and `confidence` between 0 and 1; they are {n_resamples}, {confidence}."
        )
    ordered = scores.transpose("configuration", ...)
    values = np.asarray(ordered.values, np.float64)
    n = len(values)
    if n < 2:
        raise TooFewEventsError(f"An interval over configurations needs at least two of them; there are {n}.")
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n - 1))
    weight = np.stack([np.bincount(row, minlength=n) for row in drawn]) / (n - 1)
    means = np.tensordot(weight, values, axes=1)
    edges = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    dims = tuple(str(d) for d in ordered.dims[1:])
    parts = {"mean": values.mean(axis=0), "low": edges[0], "high": edges[1], "error": means.std(axis=0)}
    coordinates = {str(k): v for k, v in ordered.coords.items() if "configuration" not in v.dims}
    found = xr.Dataset({name: (dims, part) for name, part in parts.items()}, coordinates)
    found.attrs = {"n_resamples": n_resamples, "seed": seed, "confidence": confidence, "n_configurations": n}
    return labelled(found)


def permuted_targets(
    measured: ArrayLike, configuration: ArrayLike, species: ArrayLike | None = None, n: int = 1, seed: int = 0
) -> Array:
    """Return targets that were dealt out anew among the particles of one species of one configuration, (particles, n).

    As several targets of `normal_equations` they show what the whole way from features to scores finds where there is
    nothing to find.

    Parameters
    ----------
    measured : (particles,) array_like
    configuration : (particles,) array_like
    species : (particles,) array_like, optional
    n : int, default 1
        Permutations.
    seed : int, default 0

    Raises
    ------
    ShapeError
        If the rows do not pair up.

    Examples
    --------
    >>> permuted_targets([1.0, 2.0, 8.0, 9.0], ["a", "a", "b", "b"], n=2).shape
    (4, 2)
    """
    _, y, groups, kinds = _particles(measured, measured, configuration, species)
    _, index = np.unique(np.stack([groups.astype(str), kinds]), axis=1, return_inverse=True)
    rng, found = np.random.default_rng(seed), np.empty((len(y), n))
    for k in range(int(index.max()) + 1):
        places = np.flatnonzero(index.ravel() == k)
        for column in range(n):
            found[places, column] = y[rng.permutation(places)]
    return found


def permutation_control(
    predicted: ArrayLike,
    measured: ArrayLike,
    configuration: ArrayLike,
    species: ArrayLike | None = None,
    n: int = 100,
    seed: int = 0,
) -> xr.DataArray:
    """Return the mean coefficient over configurations when targets are permuted within configuration and species.

    Of a prediction that only tells configurations and species apart it is as large as the true one; of a good one it is 0
    within its scatter over the permutations.

    Parameters
    ----------
    predicted, measured, configuration, species
        As of `correlations`.
    n : int, default 100
    seed : int, default 0

    Returns
    -------
    xarray.DataArray
        Dims permutation, species.

    Raises
    ------
    ShapeError, TooFewEventsError
        As `correlations`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=300)
    >>> found = permutation_control(x, x, np.repeat([0, 1, 2], 100), n=20)
    >>> bool(abs(found.mean()) < 0.05)
    True
    """
    import xarray as xr

    from vitrify.predictors._propensity_words import VARIABLES

    x, y, groups, kinds = _particles(predicted, measured, configuration, species)
    dealt = permuted_targets(y, groups, None if species is None else kinds, n, seed)
    names = [ALL] if species is None else [ALL, *np.unique(kinds).tolist()]
    values = np.full((n, len(names)), np.nan)
    _, index = np.unique(groups, return_inverse=True)
    for s, name in enumerate(names):
        of_species = np.ones(len(x), bool) if name == ALL else kinds == name
        parts = [of_species & (index == k) for k in range(int(index.max()) + 1)]
        scores = [rows_pearson(x[None, part], dealt[part].T) for part in parts if part.sum() >= 3]
        values[:, s] = np.nanmean(scores, axis=0) if scores and np.isfinite(scores).any() else np.nan
    return xr.DataArray(
        values,
        dims=("permutation", "species"),
        coords={"species": names},
        name="permuted",
        attrs=VARIABLES["permuted"].attrs(),
    )


def rows_pearson(x: Array, y: Array) -> Array:
    """Return Pearson's coefficient of each row of one table with that row of another, (n,); NaN where one does not vary.

    Examples
    --------
    >>> rows_pearson(np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])).round(6).tolist()
    [1.0, nan]
    """
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
    norm = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return np.where(norm > 0, (x * y).sum(axis=1) / np.where(norm > 0, norm, 1.0), np.nan)


def _particles(
    predicted: ArrayLike, measured: ArrayLike, configuration: ArrayLike, species: ArrayLike | None
) -> tuple[Array, Array, NDArray[Any], NDArray[Any]]:
    x, y = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    groups = np.asarray(configuration)
    kinds = np.full(x.shape, "", "<U1") if species is None else np.asarray(species).astype(str)
    if x.ndim != 1 or not x.shape == y.shape == groups.shape == kinds.shape:
        raise ShapeError(
            "Predicted and measured values, configuration and species need one entry a particle; their shapes are "
            f"{x.shape}, {y.shape}, {groups.shape}, {kinds.shape}."
        )
    bad = ~(np.isfinite(x) & np.isfinite(y))
    if bad.any():
        raise ShapeError(
            f"{bad.sum()} of {len(x)} particles have a predicted or measured value that is not finite; leave them out."
        )
    if len(x) < 3:
        raise TooFewEventsError(f"A correlation needs at least three particles; there are {len(x)}.")
    return x, y, groups, kinds
