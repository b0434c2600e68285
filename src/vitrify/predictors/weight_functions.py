"""The weights of radial functions as functions of distance, and the simple forms that come near to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.predictors.trained import TrainedSoftness

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_STARTS = (2.0, 5.0, 10.0)  # decays over the range of distances, from which the search sets out
_STEEPEST = 60.0  # of them that it goes to
_STRONG = 0.25  # of the most negative weight
_SEEN = 1e-3  # of the largest spread of a species: below it there is no neighbour to speak of


def weight_function(trained: TrainedSoftness) -> xr.Dataset:
    r"""Return what a neighbour at distance r adds to a softness of radial functions, for each species of neighbour.

    With the weights w of the standardised functions and their standard deviations s

    .. math::

        S = S_0 + \sum_X \sum_\mu w_X(r_\mu) G_X(r_\mu), \qquad w_X(r_\mu) = w_{X\mu} / s_{X\mu}

    and one neighbour at R counts :math:`w_X(R) \sqrt{2\pi} \delta / \Delta r` where w changes little within δ. Weights that were
    learned jump from one radius to the next; what a neighbour adds is then their sum over the Gaussians, `PairSoftness`.

    Parameters
    ----------
    trained : TrainedSoftness
        Of radial functions; features of weight 0 may be anything, and others are left out if they are not radial.

    Returns
    -------
    xarray.Dataset
        Dims neighbour, r: ``weight`` (w above, per unit of the function), ``standardised_weight``, ``scale``; attributes
        ``constant`` (S_0), ``delta``, ``cutoff``, ``centre_species``. NaN where a species has no function at a radius.

    Raises
    ------
    ParameterError
        If there is no radial function, two have the same radius and species, or they differ in width or cutoff.

    Notes
    -----
    **Scale**: softness per neighbour. **Differs from**: eq. 6.11 of the thesis, whose features are not standardised and where
    the prefactor of the Gaussian is left open. **Invariant under**: what the softness is invariant under. **Cost**: none.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.11 to 6.14, Fig. 5.16 and 6.6.

    Examples
    --------
    >>> trained = TrainedSoftness(
    ...     [2.0], 0.5, [1.0], [4.0], ["G_A(1)"], {"name": "radial_density", "radii": [1.0]}, ["A"], "A"
    ... )
    >>> weight_function(trained)["weight"].values.tolist()
    [[0.5]]
    """
    from vitrify.descriptors.base import from_dict
    from vitrify.predictors.compiled import _terms

    terms = _terms(from_dict(trained.descriptors), trained.species_names)
    radial = [k for k, (_, term) in enumerate(terms) if term is not None]
    if not radial:
        raise ParameterError(
            "A weight function needs radial functions; this softness has none among its "
            f"{len(trained.feature_names)} features. Train with 'schoenholz-2016-radial'."
        )
    places = [term for _, term in terms if term is not None]
    table = weight_table(
        trained.weights[radial],
        trained.scale[radial],
        [place[0] for place in places],
        [place[3] for place in places],
        trained.species_names,
    )
    amplitude = trained.weights[radial] / trained.scale[radial]
    constant = trained.bias - float(amplitude @ trained.mean[radial])
    _, delta, cutoff, _ = places[0]
    if any(place[1:3] != (delta, cutoff) for place in places):
        raise ParameterError(
            "A weight function needs radial functions of one width and cutoff; these have several. Train with one `RadialDensity`."
        )
    return table.assign_attrs(
        constant=constant, delta=delta, cutoff=cutoff, centre_species=trained.centre_species
    )


def weight_table(
    weights: ArrayLike,
    scale: ArrayLike,
    radii: ArrayLike,
    neighbour: ArrayLike,
    names: Sequence[str] | None = None,
) -> xr.Dataset:
    """Return the weights of radial functions as a table by species of neighbour and radius; see `weight_function`.

    Parameters
    ----------
    weights, scale : (M,) array_like
        Of the standardised functions, and their standard deviations (1 for a constant one).
    radii : (M,) array_like, length
    neighbour : (M,) array_like of int
        Index of the species that each function counts.
    names : sequence of str, optional
        Of the species; by default their indices.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ParameterError
        If two functions have the same radius and species.

    Examples
    --------
    >>> table = weight_table([1.0, -2.0], [2.0, 2.0], [0.8, 1.0], [0, 0], ["A"])
    >>> table["weight"].values.tolist()
    [[0.5, -1.0]]
    """
    import xarray as xr

    w, s, r = (np.asarray(part, np.float64) for part in (weights, scale, radii))
    species = np.asarray(neighbour)
    if not w.shape == s.shape == r.shape == species.shape or w.ndim != 1:
        raise ShapeError(
            f"`weights`, `scale`, `radii` and `neighbour` need one entry per function; they have shapes {w.shape}, {s.shape}, "
            f"{r.shape} and {species.shape}."
        )
    if len({*zip(species.tolist(), r.tolist(), strict=True)}) < len(r):
        raise ParameterError(
            "A weight function has one weight at each radius and species; there are two functions at one. Take those of one width."
        )
    grid = np.unique(r)
    n_species = int(species.max()) + 1 if names is None else len(names)
    cells = {key: np.full((n_species, len(grid)), np.nan) for key in ("standardised_weight", "scale")}
    place = species, np.searchsorted(grid, r)
    cells["standardised_weight"][place], cells["scale"][place] = w, s
    labels = np.array([str(k) for k in range(n_species)] if names is None else list(names), str)
    table = xr.Dataset(
        {key: (("neighbour", "r"), values) for key, values in cells.items()}, {"neighbour": labels, "r": grid}
    )
    table["weight"] = table["standardised_weight"] / table["scale"]
    return _labelled(table)


@dataclass(frozen=True, eq=False)
class PairForm:
    r"""A simple weight function for each species X of neighbour: an exponential, with a constant core or without.

    .. math::

        w_X(r) = C_X \text{ for } r < \sigma_X, \qquad A_X e^{-\alpha_X r} \text{ beyond}

    Parameters
    ----------
    amplitude : (n_species,) array_like
        A.
    decay : (n_species,) array_like, 1/length
        α.
    core : (n_species,) array_like
        C; NaN without a core.
    core_radius : (n_species,) array_like, length
        σ; NaN without a core.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.15 and 6.16.

    Examples
    --------
    >>> form = PairForm([-1.0], [0.0], [2.0], [0.9])
    >>> form.value([0.8, 1.0], 0).tolist()
    [2.0, -1.0]
    """

    amplitude: Array
    decay: Array
    core: Array
    core_radius: Array

    def value(self, r: ArrayLike, neighbour: ArrayLike) -> Array:
        """Return w of neighbours of species `neighbour` (indices) at distances `r`; both of one shape, or one number."""
        distance, species = np.broadcast_arrays(np.asarray(r, np.float64), np.asarray(neighbour))
        parts = [np.asarray(part, np.float64)[species] for part in self.to_dict().values()]
        amplitude, decay, core, radius = parts
        return np.where(distance < radius, core, amplitude * np.exp(-decay * distance))

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters of all species."""
        return {
            "amplitude": self.amplitude,
            "decay": self.decay,
            "core": self.core,
            "core_radius": self.core_radius,
        }


def core_radius(table: xr.Dataset) -> Array:
    """Return the distance below which a near neighbour makes softer, (n_species,): where w passes from + to −.

    It is looked for inwards of the first strongly negative standardised weight (a quarter of the most negative one), by linear
    interpolation, among the functions that see neighbours at all (spread at least 1e-3 of the largest of the species). NaN where
    w has no positive core.

    Parameters
    ----------
    table : xarray.Dataset
        From `weight_function`.

    Examples
    --------
    >>> table = weight_table([0.5, 1.0, -1.0], [1.0, 1.0, 1.0], [0.7, 0.8, 0.9], [0, 0, 0])
    >>> core_radius(table).round(6).tolist()
    [0.85]
    """
    r, found = table["r"].values, []
    for species in range(table.sizes["neighbour"]):
        row = table.isel(neighbour=species)
        spread, w = row["scale"].values, row["weight"].values
        seen = np.flatnonzero(
            (row["standardised_weight"].values != 0) & (spread >= _SEEN * np.nanmax(spread))
        )
        radius = np.nan
        if len(seen):
            standardised = row["standardised_weight"].values[seen]
            hard = np.flatnonzero(standardised < min(0.0, _STRONG * standardised.min()))
            inside = [k for k in range(hard[0]) if w[seen[k]] > 0] if len(hard) else []
            if inside:
                a, b = seen[inside[-1]], seen[inside[-1] + 1]
                radius = r[a] + (r[b] - r[a]) * w[a] / (w[a] - w[b])
        found.append(float(radius))
    return np.array(found)


def fit_exponential(table: xr.Dataset, covariance: ArrayLike | None = None) -> PairForm:
    """Return the exponentials that come nearest to a weight function (eq. 6.15).

    Parameters
    ----------
    table : xarray.Dataset
        From `weight_function`.
    covariance : (M, M) array_like, optional
        Of the radial functions, species after species and each by ascending radius. With it the softness of the form is as near
        as can be to that of the weights, in the mean square over the examples; without, the standardised weights are (functions
        are then taken for uncorrelated).

    Returns
    -------
    PairForm

    Raises
    ------
    ParameterError
        If there are fewer than three weights of a species.
    ShapeError
        If `covariance` does not belong to the table.

    Examples
    --------
    >>> r = np.arange(8, 40) / 10
    >>> table = weight_table(-3 * np.exp(-2 * r), np.ones(32), r, np.zeros(32, int))
    >>> form = fit_exponential(table)
    >>> form.amplitude.round(3).tolist(), form.decay.round(3).tolist()
    ([-3.0], [2.0])
    """
    return _fitted(table, covariance, np.full(table.sizes["neighbour"], np.nan))


def fit_core(table: xr.Dataset, covariance: ArrayLike | None = None) -> PairForm:
    """Return the exponentials with a constant core that come nearest to a weight function (eq. 6.16).

    The radius of the core is where the weight function passes through zero, `core_radius`; a species without one has no core.

    Parameters
    ----------
    table, covariance
        As of `fit_exponential`.

    Returns
    -------
    PairForm

    Raises
    ------
    ParameterError, ShapeError
        As `fit_exponential`.

    Examples
    --------
    >>> r = np.arange(7, 40) / 10
    >>> w = np.where(r < 0.9, 0.5, -3 * np.exp(-2 * r))
    >>> form = fit_core(weight_table(w, np.ones(33), r, np.zeros(33, int)))
    >>> form.core.round(3).tolist(), form.decay.round(3).tolist(), bool(0.8 < form.core_radius[0] < 0.9)
    ([0.5], [2.0], True)
    """
    return _fitted(table, covariance, core_radius(table))


def _fitted(table: xr.Dataset, covariance: ArrayLike | None, radius: Array) -> PairForm:
    """Return the least-squares form for given core radii: the decays by search, all that is linear by a solve within it."""
    from scipy.optimize import least_squares

    table = table.transpose("neighbour", "r")
    species, r, w, root = _problem(table, covariance)
    n_species, target = table.sizes["neighbour"], root @ w
    middle = float(np.average(r, weights=np.abs(target) + 1e-300))
    cores = np.flatnonzero(np.isfinite(radius))
    beyond = ~(r < radius[species])
    core_rows = [np.where((species == s) & ~beyond, 1.0, 0.0) for s in cores]

    def solved(decay: Array) -> tuple[Array, Array]:
        each = np.where(beyond, np.exp(-decay[species] * (r - middle)), 0.0)
        rows = np.array([np.where(species == s, each, 0.0) for s in range(n_species)] + core_rows)
        terms = root @ rows.T
        factors = np.linalg.lstsq(terms, target, rcond=1e-12)[0]
        return factors, target - terms @ factors

    size = float(np.linalg.norm(target)) or 1.0
    span = float(np.ptp(r)) or 1.0
    runs = [
        least_squares(
            lambda decay: solved(decay)[1] / size,
            np.full(n_species, start / span),
            bounds=(-_STEEPEST / span, _STEEPEST / span),
            x_scale=1.0 / span,
        )
        for start in _STARTS
    ]
    decay = min(runs, key=lambda run: run.cost).x
    factors = solved(decay)[0]
    core = np.full(n_species, np.nan)
    core[cores] = factors[n_species:]
    return PairForm(factors[:n_species] * np.exp(decay * middle), decay, core, radius)


def _problem(
    table: xr.Dataset, covariance: ArrayLike | None
) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Return species, distance and value of each weight, and the matrix that turns a miss into what is made small."""
    there = np.isfinite(table["weight"].values)
    species, column = np.nonzero(there)
    counts = np.bincount(species, minlength=table.sizes["neighbour"])
    if counts.min() < 3:
        raise ParameterError(
            f"An exponential needs at least three weights of each species; there are {', '.join(map(str, counts))}."
        )
    w, spread = table["weight"].values[there], table["scale"].values[there]
    used = np.asarray(table["standardised_weight"].values[there] != 0)
    if covariance is None:
        return species, table["r"].values[column], w, np.diag(np.where(used, spread, 0.0))
    metric = np.asarray(covariance, np.float64)
    if metric.shape != (len(w), len(w)):
        raise ShapeError(f"`covariance` must be ({len(w)}, {len(w)}), for each weight; it is {metric.shape}.")
    values, vectors = np.linalg.eigh(metric * used * used[:, None])
    return species, table["r"].values[column], w, (vectors * np.sqrt(np.clip(values, 0.0, None))).T


def _labelled(table: xr.Dataset) -> xr.Dataset:
    from vitrify.particles.attributes import Words, filled

    words = {
        "weight": Words("w(r)", "weight function", "weight of the standardised radial function over its spread"),
        "standardised_weight": Words(r"\tilde w", "weight", "of the standardised radial function at r"),
        "scale": Words("s", "spread", "standard deviation of the radial function over the examples"),
        "r": Words("r", "distance", "centre of the radial function", "length of the descriptors"),
        "neighbour": Words("", "species of neighbour", "that the radial function counts"),
    }  # fmt: skip
    return filled(table, words)
