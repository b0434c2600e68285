"""Direct correlation functions: from structure factors (Ornstein-Zernike), or from g(r) without bridge functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.structure.sine_transforms import to_distances
from vitrify.structure.structure_factor import unit_and_scale

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.models.base import PairModel

Array = NDArray[np.float64]


def direct_correlation_q(structure_factor: ArrayLike, density: float, concentrations: ArrayLike) -> Array:
    r"""Return c_uv(q) of a mixture in which S_uv(q) is known.

    .. math:: c_{uv}(q) = \frac{[1 - S^{-1}(q)]_{uv}}{\rho \sqrt{x_u x_v}}

    Parameters
    ----------
    structure_factor : (S, S, n) array_like
        Or (n,) for one species.
    density : float, 1/length^d
    concentrations : (S,) array_like

    Returns
    -------
    (S, S, n) float, length^d
        Or (n,).

    Raises
    ------
    ParameterError
        If density or concentrations are out of range, or a matrix S(q) has no inverse.
    ShapeError
        If shapes do not agree.

    Notes
    -----
    **Scale** a volume; an ideal gas gives 0.
    **Differs from** Sharma et al., whose C = 1 − S⁻¹ has no density and no concentrations.
    **Invariant under** the order of species.
    **Cost** one inverse for each q. Noise of S makes the inverse too large on average: by p/n of itself for p species and n
    independent samples.

    References
    ----------
    Hansen and McDonald, Theory of Simple Liquids, 4th ed. (2013), eq. 3.6.10. Sharma, Nandi, Maitra Bhattacharyya
    (2022), below eq. 3.

    Examples
    --------
    >>> direct_correlation_q([0.5, 1.0, 2.0], 2.0, [1.0]).tolist()
    [-0.5, 0.0, 0.25]
    """
    values = np.asarray(structure_factor, float)
    unit, scale = unit_and_scale(values, density, concentrations, values.shape[-1], "structure_factor")
    return np.asarray((unit - inverse(values)) / scale)


def inverse(structure_factor: Array) -> Array:
    """Return the inverse matrices of (…, S, S, n), or 1/S of (n,).

    Raises
    ------
    ParameterError
        If one has none.

    Examples
    --------
    >>> inverse(np.array([2.0, 4.0])).tolist()
    [0.5, 0.25]
    """
    if structure_factor.ndim == 1:
        structure_factor = structure_factor[None, None]
        return np.asarray(inverse(structure_factor)[0, 0])
    try:
        found = np.linalg.inv(np.moveaxis(structure_factor, -1, -3))
    except np.linalg.LinAlgError as e:
        raise ParameterError(
            "A matrix S(q) has no inverse: it rests on fewer wave vectors and frames than there are species. Give more frames."
        ) from e
    return np.asarray(np.moveaxis(found, -3, -1))


def direct_correlation_r(
    structure_factor: ArrayLike, density: float, concentrations: ArrayLike, q: ArrayLike, r: ArrayLike
) -> Array:
    """Return c_uv(r) in three dimensions, the inverse transform of `direct_correlation_q`.

    Parameters
    ----------
    structure_factor : (S, S, n) array_like
        Or (n,) for one species.
    density : float, 1/length³
    concentrations : (S,) array_like
    q : (n,) array_like, 1/length
        Those of `vitrify.structure.sine_transforms.conjugate_wave_numbers` for `r`.
    r : (n,) array_like, length

    Returns
    -------
    (S, S, n) float
        Or (n,).

    Raises
    ------
    ParameterError
        If the grids are no pair, or density or concentrations are out of range.
    ShapeError
        If shapes do not agree.

    Examples
    --------
    An ideal gas has no correlations:

    >>> from vitrify.structure.sine_transforms import conjugate_wave_numbers
    >>> r = 0.1 * np.arange(1, 5)
    >>> bool((direct_correlation_r(np.ones(4), 1.2, [1.0], conjugate_wave_numbers(r), r) == 0).all())
    True
    """
    c = direct_correlation_q(structure_factor, density, concentrations)
    return to_distances(np.asarray(q, float), c, np.asarray(r, float))


def hnc_direct_correlation(
    g: ArrayLike,
    r: ArrayLike,
    potential: PairModel | Callable[[Array], ArrayLike],
    temperature: float,
    species_names: Sequence[str] | None = None,
) -> Array:
    r"""Return c_uv(r) that belongs to g_uv(r) in the hypernetted chain, where the bridge function is zero.

    .. math:: c_{uv}(r) = -U_{uv}(r) / k_B T + g_{uv}(r) - 1 - \ln g_{uv}(r)

    Parameters
    ----------
    g : (S, S, n) array_like
        With a function as `potential` of any shape (…, n).
    r : (n,) array_like, length
    potential : PairModel or callable
        A model, or U(r) of one pair of species.
    temperature : float, energy
        k_B T.
    species_names : sequence of str, optional
        Of the first two axes of `g`; by default those of the model.

    Returns
    -------
    float, the shape of `g`
        NaN where g is not positive: there the logarithm is infinite. The product c g has the limit 0 there; see `product`.

    Raises
    ------
    ParameterError
        If the temperature is not positive, or the model lacks a species.
    ShapeError
        If shapes do not agree.

    Notes
    -----
    **Scale** at low density g = exp(−U/k_B T), and c = g − 1.
    **Differs from** the words of Sharma et al., who say that they leave out the bridge function of the hypernetted chain; that
    closure has none. The logarithm is the natural one.
    **Invariant under** relabelling.
    **Cost** none.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eq. 6.

    Examples
    --------
    >>> g = np.exp([-1.0, 0.0])
    >>> (hnc_direct_correlation(g, [1.0, 2.0], lambda r: 2.0 - r, 1.0) - (g - 1)).tolist()
    [0.0, 0.0]
    """
    g, r = np.asarray(g, float), np.asarray(r, float)
    if not (np.isfinite(temperature) and temperature > 0):
        raise ParameterError(f"`temperature` must be positive; it is {temperature}.")
    energy = _energy(g, r, potential, species_names) / temperature
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(g > 0, -energy + g - 1.0 - np.log(np.where(g > 0, g, 1.0)), np.nan)


def pair_hnc(g: Array, r: Array, model: PairModel, temperature: float, pair: tuple[str, str]) -> Array:
    """Return c(r) of one pair of species of a model, as `hnc_direct_correlation` has it; g of any shape (…, n).

    Raises
    ------
    ParameterError
        If the temperature is not positive, or the model lacks a species.

    Examples
    --------
    >>> from vitrify.models.kob_andersen import KobAndersen
    >>> pair_hnc(np.ones(1), np.array([3.0]), KobAndersen(), 1.0, ("A", "B")).tolist()  # beyond the cutoff
    [0.0]
    """
    a, b = species_indices(model, pair)
    return hnc_direct_correlation(g, r, lambda x: model.pair_energy(x, a, b), temperature)


def product(c: ArrayLike, g: ArrayLike) -> Array:
    """Return c g, and its limit 0 where g is 0 and c therefore NaN.

    Examples
    --------
    >>> product([2.0, np.nan], [0.5, 0.0]).tolist()
    [1.0, 0.0]
    """
    c, g = np.asarray(c, float), np.asarray(g, float)
    return np.where(g > 0, np.where(g > 0, c, 0.0) * g, 0.0)


def correlation_table(
    rdf: xr.Dataset,
    model: PairModel,
    temperature: float,
    species: str,
    limits: Mapping[str, tuple[float, float]],
) -> tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...]:
    """Return c(r) of the averaged g(r) as `vitrify.descriptors.caging_depth.CagingDepth` takes it as `averaged`.

    Parameters
    ----------
    rdf : xarray.Dataset
        From `vitrify.structure.pair_correlation.RadialDistribution`, groups the species.
    model : PairModel
    temperature : float, energy
        k_B T.
    species : str
        Of the central particle.
    limits : mapping of str to (float, float), length
        For each species of neighbours the range that is needed.

    Returns
    -------
    tuple of (species, neighbour, r, c)

    Raises
    ------
    ParameterError
        If the model or the rdf lacks a species, or g(r) is 0 within the limits: c is not defined there.
    """
    table = []
    for neighbor, (low, high) in limits.items():
        one = pair_of(rdf, species, neighbor)
        r, g = one["r"].values, one["g"].values
        first = max(int(np.searchsorted(r, low, side="right")) - 1, 0)
        last = min(int(np.searchsorted(r, high, side="left")), len(r) - 1)
        inside = slice(first, last + 1)
        c = pair_hnc(g[inside], r[inside], model, temperature, (species, neighbor))
        known = np.isfinite(c)
        if not known.any() or r[inside][known][0] > low + 2 * (r[1] - r[0]) or r[inside][-1] < high:
            raise ParameterError(
                f"g(r) of {species} and {neighbor} must be positive from {low:g} to {high:g}, the `limits`, for c(r) to be "
                f"defined; it is known and positive at {known.sum()} of {len(c)} points there. Give narrower limits or more frames."
            )
        table.append((species, neighbor, tuple(r[inside][known].tolist()), tuple(c[known].tolist())))
    return tuple(table)


def pair_of(rdf: xr.Dataset, species: str, neighbor: str) -> xr.Dataset:
    """Return g(r) of one pair of species.

    Raises
    ------
    ParameterError
        If the data set lacks one of them.
    """
    for dim, name in (("group", species), ("neighbor_species", neighbor)):
        known = [str(k) for k in rdf[dim].values]
        if name not in known:
            raise ParameterError(f"The g(r) has no {dim} '{name}'; it has {', '.join(known)}.")
    return rdf.sel(group=species, neighbor_species=neighbor)


def _energy(g: Array, r: Array, potential: Any, species_names: Sequence[str] | None) -> Array:
    """Return U(r) in a shape that goes with g."""
    if g.shape[-1:] != r.shape:
        raise ShapeError(f"`g` must end in the {len(r)} distances of `r`; its shape is {g.shape}.")
    if not hasattr(potential, "pair_energy"):
        return np.asarray(potential(r), float)
    index = species_indices(potential, potential.species_names if species_names is None else species_names)
    if g.shape[:-1] != (len(index), len(index)):
        raise ShapeError(
            f"`g` must have shape {(len(index), len(index), len(r))}, species by species by distance; it has {g.shape}."
        )
    return np.array([[potential.pair_energy(r, a, b) for b in index] for a in index])


def species_indices(model: PairModel, names: Sequence[str]) -> list[int]:
    """Return where the model has these species.

    Raises
    ------
    ParameterError
        If it lacks one.

    Examples
    --------
    >>> from vitrify.models.kob_andersen import KobAndersen
    >>> species_indices(KobAndersen(), ["B", "A"])
    [1, 0]
    """
    known = tuple(model.species_names)
    missing = [s for s in names if s not in known]
    if missing:
        raise ParameterError(
            f"The `model` '{model.name}' has no species '{missing[0]}'; it has {', '.join(known)}. "
            "Name the species of the frame as the model does."
        )
    return [known.index(s) for s in names]
