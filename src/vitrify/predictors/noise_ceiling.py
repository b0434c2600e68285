"""How well any prediction could follow a propensity that is a mean over few runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.propensity_scores import ALL, rows_pearson, spread_over_configurations

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


def noise_ceiling(displacements: xr.DataArray, n_splits: int = 50, seed: int = 0) -> xr.Dataset:
    r"""Return the reliability of the propensity and the largest correlation a perfect prediction could have with it.

    The runs of a configuration are halved in many ways; from the correlation r of the mean displacements of two halves
    follows that of means over all runs with those over as many other ones,

    .. math::

        \rho = \frac{2 r}{1 + r}

    and the coefficient of a prediction that knows the mean over endless runs is :math:`\sqrt{\rho}`.

    Parameters
    ----------
    displacements : (K configurations, M runs, N particles) xarray.DataArray
        \|Δr\| of each run, dims configuration, run, particle; the coordinate species, if it is there, along particle, or
        configuration and particle. Runs that are NaN for all particles do not exist; particles with NaN in another are left out.
    n_splits : int, default 50
        Ways to halve the runs; of an odd number one is left out each time.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Dims configuration, species: ``reliability``, ``reliability_splits``, ``alpha``, ``ceiling``, ``n``; dim configuration:
        ``n_runs``; dim species: ``ceiling_mean``, ``ceiling_error``. The ceiling is NaN where the reliability is not positive.

    Raises
    ------
    ShapeError
        If the dims are others.
    TooFewEventsError
        If a configuration has fewer than two runs.
    ParameterError
        If `n_splits` is not positive.

    Notes
    -----
    **Scale**: 1. **Differs from**: 1, which is the ceiling of no finite number of runs. ``alpha`` is the mean of all split
    halves at once where the runs are alike. **Invariant under**: the unit of length. **Cost**: `n_splits` means over M N
    values.

    References
    ----------
    Spearman, Brit. J. Psychol. 3, 271 (1910); Brown, Brit. J. Psychol. 3, 296 (1910).
    Cronbach, Psychometrika 16, 297 (1951).

    Examples
    --------
    >>> import xarray as xr
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(1, 1, 4000)) + rng.normal(size=(1, 16, 4000))
    >>> found = noise_ceiling(xr.DataArray(values, dims=("configuration", "run", "particle")))
    >>> found["reliability"].round(2).item()  # 1 / (1 + 1/16)
    0.94
    """
    import xarray as xr

    from vitrify.predictors._propensity_words import labelled

    if set(displacements.dims) != {"configuration", "run", "particle"}:
        raise ShapeError(
            f"`displacements` needs the dims configuration, run, particle; it has {', '.join(map(str, displacements.dims))}."
        )
    if n_splits < 1:
        raise ParameterError(f"`n_splits` must be at least 1; it is {n_splits}.")
    ordered = displacements.transpose("configuration", "run", "particle")
    n_configurations, _, n_particles = ordered.shape
    labels = (
        ordered["configuration"].values if "configuration" in ordered.coords else np.arange(n_configurations)
    )
    kinds = np.full((n_configurations, n_particles), "", dtype="<U1")
    if "species" in ordered.coords:
        kinds = np.broadcast_to(ordered["species"].values.astype(str), (n_configurations, n_particles))
    names = [ALL, *(np.unique(kinds).tolist() if "species" in ordered.coords else [])]
    shape = (n_configurations, len(names))
    measures = ("reliability", "reliability_splits", "alpha")
    found = {name: np.full(shape, np.nan) for name in measures}
    n, n_runs = np.zeros(shape, np.int64), np.zeros(n_configurations, np.int64)
    rng = np.random.default_rng(seed)
    for k in range(n_configurations):
        values = np.asarray(ordered[k].values, np.float64)
        values = values[~np.isnan(values).all(axis=1)]
        n_runs[k] = len(values)
        if n_runs[k] < 2:
            raise TooFewEventsError(
                f"A noise ceiling needs at least two runs of each configuration; '{labels[k]}' has {n_runs[k]}."
            )
        rows, n[k] = _of_species(values, kinds[k], names, rng, n_splits)
        for name, row in zip(measures, rows, strict=True):
            found[name][k] = row
    dims = ("configuration", "species")
    reliability = found["reliability"]
    ceiling = np.sqrt(np.where(reliability > 0, reliability, np.nan))
    result = xr.Dataset(
        {name: (dims, v) for name, v in found.items()}
        | {"ceiling": (dims, ceiling), "n": (dims, n), "n_runs": ("configuration", n_runs)},
        {"configuration": labels, "species": names},
        {"n_splits": n_splits, "seed": seed},
    )
    return labelled(
        spread_over_configurations(result, ("ceiling",)).drop_vars("ceiling_sd"), n="that have a propensity"
    )


def _of_species(
    values: Array, kinds: NDArray[np.str_], names: Sequence[str], rng: np.random.Generator, n_splits: int
) -> tuple[Array, NDArray[np.int64]]:
    """Return reliability, its spread over splits and alpha of each species, (3, species), and its particles, (species,).

    From the displacements of runs (M, N) of one configuration, and the species of its particles.
    """
    whole = np.isfinite(values).all(axis=0)
    halves = _halves(rng, len(values), n_splits) @ values[:, whole]  # (2, splits, particles)
    found, n = np.full((3, len(names)), np.nan), np.zeros(len(names), np.int64)
    for s, name in enumerate(names):
        chosen = np.ones(whole.sum(), bool) if name == ALL else kinds[whole] == name
        n[s] = chosen.sum()
        if n[s] < 3:
            continue
        splits = _spearman_brown(rows_pearson(*halves[:, :, chosen]))
        spread = splits.std(ddof=1) if n_splits > 1 else np.nan
        found[:, s] = splits.mean(), spread, _alpha(values[:, whole][:, chosen])
    return found, n


def _halves(rng: np.random.Generator, n_runs: int, n_splits: int) -> Array:
    """Return the weights of the runs in both halves of every split, (2, n_splits, n_runs)."""
    half = n_runs // 2
    weight = np.zeros((2, n_splits, n_runs))
    for k in range(n_splits):
        order = rng.permutation(n_runs)
        weight[0, k, order[:half]] = weight[1, k, order[half : 2 * half]] = 1.0 / half
    return weight


def _spearman_brown(r: Array) -> Array:
    return 2 * r / (1 + r)


def _alpha(values: Array) -> float:
    """Cronbach's alpha of runs (M, N)."""
    m = len(values)
    total = values.sum(axis=0).var()
    return float(m / (m - 1) * (1 - values.var(axis=1).sum() / total)) if total > 0 else float("nan")
