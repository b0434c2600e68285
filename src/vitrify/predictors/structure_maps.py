"""Maps of structures without labels: principal components and t-SNE, and how far neighbours on a map are of one kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.plane import standardisation
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
_CHUNKS = 20  # in which openTSNE reports how far it is
_STEPS = 750  # of t-SNE: early exaggeration, then the rest


def principal_components(X: ArrayLike, n: int = 2) -> xr.Dataset:
    """Return the coordinates of examples along the directions of largest variance of the standardised features.

    Parameters
    ----------
    X : (n_examples, M) array_like
    n : int, default 2

    Returns
    -------
    xarray.Dataset
        Dims example, component: ``coordinate``; dim component: ``variance``, the fraction of the whole; dims component, column:
        ``direction``. The largest entry of each direction is positive.

    Raises
    ------
    ParameterError
        If there are fewer features that vary, or examples.

    Notes
    -----
    **Scale**: standard deviations of the features. **Differs from**: components of features that are not standardised, which
    are those of large radii. **Invariant under**: shifting and scaling features. **Cost**: M² n.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(500, 1)) @ [[1.0, -2.0, 0.5]]
    >>> found = principal_components(x, 1)
    >>> found["variance"].round(6).item(), found["direction"].round(3).values.tolist()
    (1.0, [[0.577, -0.577, 0.577]])
    """
    import xarray as xr

    standardised, varies = _standardised(X)
    if not 1 <= n <= min(int(np.count_nonzero(varies)), len(standardised)):
        raise ParameterError(
            f"`n` = {n} components need as many features that vary and as many examples; there are {np.count_nonzero(varies)} and "
            f"{len(standardised)}."
        )
    values, vectors = np.linalg.eigh(standardised.T @ standardised / len(standardised))
    directions = vectors[:, ::-1][:, :n].T
    largest = np.argmax(np.abs(directions).round(9), axis=1)
    directions = directions * np.sign(directions[np.arange(n), largest])[:, None]
    found = xr.Dataset(
        {
            "coordinate": (("example", "component"), standardised @ directions.T),
            "variance": ("component", values[::-1][:n] / values.sum()),
            "direction": (("component", "column"), directions),
        }
    )
    return _labelled(found)


def tsne(
    X: ArrayLike,
    n: int = 2,
    perplexity: float = 30.0,
    seed: int = 0,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Array:
    """Return a map of examples on which near ones are near: t-distributed stochastic neighbour embedding.

    openTSNE if it is installed (the extra 'embed'): approximate neighbours, Barnes and Hut's or Fourier sums, on all cores. Else
    scikit-learn, which takes about ten times as long. It starts from the principal components.

    Parameters
    ----------
    X : (n_examples, M) array_like
        Standardised here.
    n : {2, 3}, default 2
        Dimensions of the map.
    perplexity : float, default 30
        Effective number of neighbours that an example keeps.
    seed : int, default 0
    progress : Progress, optional
    workers : int, optional
        Threads; all cores by default.

    Returns
    -------
    (n_examples, n) float

    Raises
    ------
    ParameterError
        If `n` is neither 2 nor 3, there are not more than three times `perplexity` examples, or no feature varies.

    Notes
    -----
    **Scale**: none; distances between far groups mean nothing. **Differs from**: the thesis in the program, and in the
    perplexity, which it does not print. **Invariant under**: shifting and scaling features; not under the number of threads to
    the last bit. **Cost**: n log n, in three dimensions much slower with openTSNE.

    References
    ----------
    van der Maaten, Hinton, J. Mach. Learn. Res. 9, 2579 (2008). van der Maaten, J. Mach. Learn. Res. 15, 3221 (2014).
    Cubuk, PhD thesis (Harvard, 2016), section 6.6.

    Examples
    --------
    >>> two = np.random.default_rng(0).normal(size=(80, 4)) + np.repeat([0, 9], 40)[:, None]
    >>> found = tsne(two, perplexity=10)
    >>> bool(neighbour_purity(found, np.repeat([0, 1], 40), np.arange(80), k=5).value > 0.95)
    True
    """
    from importlib.util import find_spec

    standardised, varies = _standardised(X)
    if n not in (2, 3):
        raise ParameterError(f"A map has `n` = 2 or 3 dimensions; it is {n}.")
    if not (perplexity > 1 and len(standardised) > 3 * perplexity) or not varies.any():
        raise ParameterError(
            f"`perplexity` must lie between 1 and a third of the examples, and a feature must vary; it is {perplexity:g} for "
            f"{len(standardised)} examples with {np.count_nonzero(varies)} features that vary."
        )
    chosen, shown = standardised[:, varies], progress or Silent()
    if find_spec("openTSNE") is not None and n < chosen.shape[1]:
        return _with_open_tsne(chosen, n, perplexity, seed, shown, workers)
    from sklearn.manifold import TSNE

    with shown.step("Map of structures", 1, "maps") as update:
        start = "pca" if n <= min(chosen.shape) else "random"
        mapped = TSNE(n, perplexity=perplexity, init=start, random_state=seed, n_jobs=workers).fit_transform(
            chosen
        )
        update(1)
    return np.asarray(mapped, np.float64)


def _with_open_tsne(
    standardised: Array, n: int, perplexity: float, seed: int, progress: Progress, workers: int | None
) -> Array:
    """Return the map by openTSNE."""
    from openTSNE import TSNE

    from vitrify.parallel import available_cores

    with progress.step("Map of structures", _STEPS, "steps") as update:
        done = 0

        def tell(iteration: int, error: float, embedding: Any) -> None:  # noqa: ARG001
            nonlocal done
            done = min(done + _STEPS // _CHUNKS, _STEPS)
            update(done)

        machine = TSNE(
            n_components=n,
            perplexity=perplexity,
            random_state=seed,
            n_jobs=workers or available_cores(),
            negative_gradient_method="bh" if n == 3 or len(standardised) < 10_000 else "fft",
            callbacks=tell,
            callbacks_every_iters=_STEPS // _CHUNKS,
        )
        mapped = np.array(machine.fit(standardised), np.float64)
        update(_STEPS)
    return mapped


@dataclass(frozen=True)
class Purity:
    """How often neighbours on a map are of one's own kind.

    Parameters
    ----------
    value, error : float
        Mean over the groups and its standard error, from their spread.
    shuffled, shuffled_error : float
        The same after the labels were shuffled within each group: what chance gives.
    vote : float
        Fraction of examples whose kind is that of most of their neighbours; ties count half.
    vote_error : float
    k : int
    n, n_events : int
        Examples, and how many of them are soft.
    n_groups : int
    """

    value: float
    error: float
    shuffled: float
    shuffled_error: float
    vote: float
    vote_error: float
    k: int
    n: int
    n_events: int
    n_groups: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def neighbour_purity(
    embedding: ArrayLike, y: ArrayLike, groups: ArrayLike, k: int = 20, *, seed: int = 0
) -> Purity:
    """Return how many of the k nearest neighbours on a map are of the same kind, neighbours from other segments only.

    Examples of one trajectory segment may be the same particle a little later; they are near without saying anything, and do not
    count as neighbours of each other.

    Parameters
    ----------
    embedding : (n, d) array_like
        Coordinates on a map, or features.
    y : (n,) array_like
        Two labels; the larger one is soft.
    groups : (n,) array_like
        Trajectory segment of each example.
    k : int, default 20
    seed : int, default 0
        Of the shuffled control.

    Returns
    -------
    Purity

    Raises
    ------
    ShapeError, ParameterError
        As `as_examples`.
    TooFewEventsError
        If a group leaves fewer than k examples in the others.

    Notes
    -----
    **Scale**: 1; 0.5 is chance for balanced classes. **Differs from**: purity with neighbours from the own segment, which is
    higher. **Invariant under**: rotation and common scaling of the map. **Cost**: n log n in few dimensions, n² in many.

    Examples
    --------
    >>> x, y = np.arange(40.0)[:, None], np.repeat([0, 1], 20)
    >>> found = neighbour_purity(x, y, np.tile(np.arange(4), 10), k=3)
    >>> bool(found.value > 0.9), bool(found.shuffled < 0.7)
    (True, True)
    """
    from sklearn.neighbors import NearestNeighbors

    from vitrify.predictors.linear_discriminants import as_examples

    examples = as_examples(embedding, y, groups)
    kinds, inverse = np.unique(examples.groups, return_inverse=True)
    others = len(inverse) - np.bincount(inverse)
    if k < 1 or others.min() < k:
        raise TooFewEventsError(
            f"`k` = {k} neighbours from other segments are needed; one segment leaves {others.min()} examples in the others."
        )
    control = _shuffled(examples.soft, inverse, np.random.default_rng(seed))
    shares = np.empty((3, len(kinds)))
    for g in range(len(kinds)):
        own, rest = np.flatnonzero(inverse == g), np.flatnonzero(inverse != g)
        near = (
            NearestNeighbors(n_neighbors=k)
            .fit(examples.features[rest])
            .kneighbors(examples.features[own], return_distance=False)
        )
        same = examples.soft[rest[near]] == examples.soft[own][:, None]
        share = same.mean(axis=1)
        by_chance = control[rest[near]] == control[own][:, None]
        shares[:, g] = share.mean(), by_chance.mean(), np.mean((share > 0.5) + 0.5 * (share == 0.5))
    mean, error = shares.mean(axis=1).tolist(), (shares.std(axis=1, ddof=1) / np.sqrt(len(kinds))).tolist()
    return Purity(
        value=mean[0],
        error=error[0],
        shuffled=mean[1],
        shuffled_error=error[1],
        vote=mean[2],
        vote_error=error[2],
        k=k,
        n=len(inverse),
        n_events=int(examples.soft.sum()),
        n_groups=len(kinds),
    )


def _shuffled(
    soft: NDArray[np.bool_], group: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return the labels shuffled within each group."""
    mixed = soft.copy()
    for g in range(group.max() + 1):
        own = np.flatnonzero(group == g)
        mixed[own] = rng.permutation(soft[own])
    return mixed


def _standardised(X: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Return the standardised features and which of them vary.

    Raises
    ------
    ShapeError
        If they are no table of finite numbers.
    """
    features = np.asarray(X, np.float64)
    if features.ndim != 2 or not len(features) or not np.isfinite(features).all():
        raise ShapeError(
            f"A map needs a table of finite features (n, M); it has shape {features.shape} and "
            f"{np.count_nonzero(~np.isfinite(features))} entries that are not finite."
        )
    mean, scale, varies = standardisation(features)
    return np.where(varies, (features - mean) / scale, 0.0), varies


def _labelled(dataset: xr.Dataset) -> xr.Dataset:
    from vitrify.particles.attributes import Words, filled

    words = {
        "coordinate": Words("x", "principal coordinate", "along a direction of largest variance, standardised features"),
        "variance": Words("", "share of the variance", "along the direction, of the whole"),
        "direction": Words("e", "principal direction", "in the space of standardised features"),
    }  # fmt: skip
    return filled(dataset, words)
