"""Whether particles that rearrange move to where the structure is softer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.particles.attributes import Words, filled

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_WORDS = {
    "cosine": Words(r"\cos\theta", "cosine", "of the angle between displacement and gradient"),
    "product": Words(
        r"|\Delta r||\nabla S|", "product of the lengths", "of displacement and gradient", "product"
    ),
    "product_low": Words(r"|\Delta r||\nabla S|", "lower edge of the bin", "smallest product", "product"),
    "product_high": Words(r"|\Delta r||\nabla S|", "upper edge of the bin", "largest product", "product"),
    "product_mean": Words(r"|\Delta r||\nabla S|", "mean product", "of the events in the bin", "product"),
    "mean_cosine": Words(r"\langle\cos\theta\rangle", "mean cosine", "of the events in the bin"),
    "mean_cosine_error": Words(
        r"\delta\langle\cos\theta\rangle", "standard error of mean_cosine", "from resampled groups of events"
    ),
    "shuffled_mean_cosine": Words(
        r"\langle\cos\theta\rangle_0",
        "mean cosine with exchanged gradients",
        "mean over permutations of the gradients among all events",
    ),
    "shuffled_spread": Words(
        r"\delta\langle\cos\theta\rangle_0",
        "spread with exchanged gradients",
        "standard deviation over permutations of the gradients among all events",
    ),
    "events": Words("n", "events", "in the bin"),
    "density": Words(r"P(\cos\theta)", "distribution of the cosine", "area 1, by bin of the product"),
    "density_error": Words(r"\delta P(\cos\theta)", "standard error of density", "from resampled groups"),
    "shuffled_density": Words(
        r"P_0(\cos\theta)",
        "distribution with exchanged gradients",
        "mean over permutations of the gradients among all events",
    ),
    "isotropic_density": Words(
        r"P(\cos\theta)", "distribution of directions at random", "mean over the bin of the cosine"
    ),
    "bin": Words("", "bin of the product", "from the smallest products to the largest"),
    "cosine_bin": Words(r"\cos\theta", "cosine", "center of the bin"),
}


def direction_statistics(
    displacements: ArrayLike,
    gradients: ArrayLike,
    groups: ArrayLike,
    n_bins: int = 8,
    *,
    n_cosines: int = 10,
    n_resamples: int = 200,
    seed: int = 0,
    product_units: str = "1",
) -> xr.Dataset:
    r"""Return how the directions of rearrangements lie to the gradient of softness.

    .. math:: \cos\theta = \frac{\Delta\mathbf{r} \cdot \nabla S}{|\Delta\mathbf{r}|\,|\nabla S|}

    Parameters
    ----------
    displacements : (n, d) array_like, length
        Δr of each event, from its start to its end.
    gradients : (n, d) array_like
        ∇S of its particle just before; such as from `vitrify.predictors.softness_gradient.softness_gradient`.
    groups : (n,) array_like of int
        Which events may depend on each other: the segment of the trajectory. Whole groups are resampled.
    n_bins : int, default 8
        Quantiles of \|Δr\|\|∇S\| with equally many events.
    n_cosines : int, default 10
        Bins of cos θ from −1 to 1.
    n_resamples : int, default 200
        Draws of groups with replacement, and permutations of the gradients.
    seed : int, default 0
    product_units : str
        Unit of \|Δr\|\|∇S\|, for the attributes.

    Returns
    -------
    xarray.Dataset
        Dim event: ``cosine``, ``product``, ``bin_of_event`` (-1 for events that do not count). Dim bin: ``product_low``, ``product_high``,
        ``product_mean``, ``events``, ``mean_cosine`` and its error; ``shuffled_mean_cosine`` and ``shuffled_spread``, the same
        when every event gets the gradient of another, with its own bins. Dims (bin, cosine_bin): ``density`` and its error,
        ``shuffled_density``; dim cosine_bin: ``isotropic_density``.

    Raises
    ------
    ShapeError
        If the arrays do not pair up.
    ParameterError
        If a number of bins or resamples is too small.
    TooFewEventsError
        If there are fewer events than bins, or fewer than two groups.

    Notes
    -----
    **Scale**: cosines from −1 to 1; 0 on average for motion that knows nothing of the gradient. P(cos θ) at random is 1/2 in three
    dimensions and :math:`1/(\pi\sin\theta)` in two. The length of the gradient matters only for the bins.
    **Differs from**: the thesis, which gives no errors and no control. Events without displacement or gradient, or with NaN, have no
    angle and are left out; ``attrs["left_out"]`` says how many.
    **Invariant under**: rotations of both vectors; lengths of all gradients times a factor.
    **Cost**: linear in events times `n_resamples`.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eqs. 6.9 and 6.10, Fig. 6.5.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> gradient = rng.normal(size=(4000, 3))
    >>> moved = rng.normal(size=(4000, 3)) + 2 * gradient
    >>> found = direction_statistics(moved, gradient, np.arange(4000) // 200, n_bins=2)
    >>> found["mean_cosine"].values.round(1).tolist()
    [0.8, 0.9]
    >>> bool((abs(found["shuffled_mean_cosine"]) < 0.01).all())
    True
    """
    moved, slope, group = _checked(displacements, gradients, groups)
    if n_bins < 1 or n_cosines < 1 or n_resamples < 2:
        raise ParameterError(
            "`n_bins` and `n_cosines` must be at least 1 and `n_resamples` at least 2; they are "
            f"{n_bins}, {n_cosines}, {n_resamples}."
        )
    product, cosine = _angles(moved, slope)
    used = np.isfinite(cosine)
    names, place = np.unique(group[used], return_inverse=True)
    if used.sum() < n_bins or len(names) < 2:
        raise TooFewEventsError(
            f"{used.sum()} events with a direction in {len(names)} groups are too few for {n_bins} bins with errors: there must be "
            "an event a bin and 2 groups. Add frames."
        )
    rng = np.random.default_rng(seed)
    bins = _bins(product[used], n_bins)
    edges = np.linspace(-1.0, 1.0, n_cosines + 1)
    tally = _tally(cosine[used], bins, place, (len(names), n_bins), edges)
    control = _shuffled(moved[used], slope[used], n_bins, edges, rng, n_resamples)
    found = {
        **_of_bins(tally, rng, n_resamples, edges),
        **{
            key: ("bin", [float(rule(product[used][bins == b])) for b in range(n_bins)])
            for key, rule in (("product_low", np.min), ("product_high", np.max), ("product_mean", np.mean))
        },
        **control,
        "isotropic_density": ("cosine_bin", _isotropic(edges, moved.shape[1])),
    }
    of_event = np.full(len(cosine), -1)
    of_event[used] = bins
    return _dataset(
        {**found, "cosine": ("event", cosine), "product": ("event", product), "bin_of_event": ("event", of_event)},
        edges,
        {"n_groups": len(names), "left_out": int((~used).sum()), "n_resamples": n_resamples, "seed": seed},
        product_units,
    )  # fmt: skip


def _checked(
    displacements: ArrayLike, gradients: ArrayLike, groups: ArrayLike
) -> tuple[Array, Array, NDArray[np.int64]]:
    moved, slope = np.asarray(displacements, np.float64), np.asarray(gradients, np.float64)
    group = np.asarray(groups)
    if moved.ndim != 2 or slope.shape != moved.shape or group.shape != moved.shape[:1]:
        raise ShapeError(
            "`displacements` and `gradients` must both be (n, d), and `groups` (n,); their shapes are "
            f"{moved.shape}, {slope.shape}, {group.shape}."
        )
    return moved, slope, group


def _angles(moved: Array, slope: Array) -> tuple[Array, Array]:
    """Product of the lengths and cosine of the angle, (n,) each; the cosine is NaN where a length is 0 or NaN."""
    product = np.linalg.norm(moved, axis=1) * np.linalg.norm(slope, axis=1)
    cosine = np.full(len(product), np.nan)
    np.divide((moved * slope).sum(axis=1), product, out=cosine, where=product > 0)
    return product, np.clip(cosine, -1.0, 1.0)


def _bins(product: Array, n_bins: int) -> NDArray[np.int64]:
    """Quantile of each event, equally many in each to within one."""
    bins = np.empty(len(product), np.int64)
    bins[np.argsort(product, kind="stable")] = np.arange(len(product)) * n_bins // len(product)
    return bins


def _tally(
    cosine: Array, bins: NDArray[np.int64], place: NDArray[np.int64], shape: tuple[int, int], edges: Array
) -> Array:
    """Events in each bin of the cosine, and last the summed cosines, by group and bin: (groups, bins, cosines + 1)."""
    n = len(edges) - 1
    column = np.clip(np.searchsorted(edges, cosine, side="right") - 1, 0, n - 1)
    tally = np.zeros((*shape, n + 1))
    np.add.at(tally, (place, bins, column), 1.0)
    np.add.at(tally[..., n], (place, bins), cosine)
    return tally


def _averages(tally: Array, edges: Array) -> tuple[Array, Array]:
    """Mean cosine (…, bins) and density of the cosine (…, bins, cosines) of sums over groups."""
    counts = tally[..., :-1].sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return tally[..., -1] / counts, tally[..., :-1] / counts[..., None] / np.diff(edges)


def _of_bins(
    tally: Array, rng: np.random.Generator, n_resamples: int, edges: Array
) -> dict[str, tuple[object, Array]]:
    """Averages of the bins with errors of resampled groups (n - 1 of n are drawn, after Rao and Wu)."""
    n = len(tally)
    mean, density = _averages(tally.sum(axis=0), edges)
    times = rng.multinomial(n - 1, np.full(n, 1 / n), n_resamples).astype(float)
    means, densities = _averages(np.einsum("rg,gbc->rbc", times, tally), edges)
    return {
        "events": ("bin", tally[..., :-1].sum(axis=(0, 2))),
        "mean_cosine": ("bin", mean),
        "mean_cosine_error": ("bin", _spread(means)),
        "density": (("bin", "cosine_bin"), density),
        "density_error": (("bin", "cosine_bin"), _spread(densities)),
    }


def _spread(resampled: Array) -> Array:
    """Return the standard deviation over the resamples in which a bin has events; NaN if there are fewer than two."""
    known = np.isfinite(resampled)
    n = known.sum(axis=0)
    values = np.where(known, resampled, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = values.sum(axis=0) / n
        return np.asarray(np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (n - 1)))


def _shuffled(
    moved: Array, slope: Array, n_bins: int, edges: Array, rng: np.random.Generator, n_times: int
) -> dict[str, tuple[object, Array]]:
    """Return the same with the gradients of other events, binned anew."""
    means, densities = [], []
    alone = np.zeros(len(moved), np.int64)
    for _ in range(n_times):
        product, cosine = _angles(moved, slope[rng.permutation(len(slope))])
        mean, density = _averages(_tally(cosine, _bins(product, n_bins), alone, (1, n_bins), edges)[0], edges)
        means.append(mean)
        densities.append(density)
    return {
        "shuffled_mean_cosine": ("bin", np.mean(means, axis=0)),
        "shuffled_spread": ("bin", np.std(means, axis=0, ddof=1)),
        "shuffled_density": (("bin", "cosine_bin"), np.mean(densities, axis=0)),
    }


def _isotropic(edges: Array, dimension: int) -> Array:
    """Mean density over each bin of the cosine of two random directions; NaN beyond three dimensions."""
    if dimension == 3:
        return np.full(len(edges) - 1, 0.5)
    if dimension == 2:
        return np.asarray(-np.diff(np.arccos(edges)) / np.pi / np.diff(edges))
    return np.full(len(edges) - 1, np.nan)


def _dataset(
    found: dict[str, tuple[object, object]], edges: Array, attrs: dict[str, int], product_units: str
) -> xr.Dataset:
    import xarray as xr

    n_bins = len(found["mean_cosine"][1])  # type: ignore[arg-type]
    coords = {"bin": np.arange(n_bins), "cosine_bin": 0.5 * (edges[1:] + edges[:-1])}
    dataset = xr.Dataset(found, coords, {**attrs, "definition": _WORDS["cosine"].definition})
    return filled(dataset, _WORDS, {"1": "1", "product": product_units}.__getitem__)
