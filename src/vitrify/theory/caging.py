"""The mean-field caging potential of a liquid: its depth, its softness, and how one follows from the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.structure.direct_correlation import inverse, pair_hnc, pair_of, product
from vitrify.theory.caging_map import BulkCaging, CagingMap, Line, fit_caging_map

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.models.base import PairModel

__all__ = [
    "BulkCaging",
    "CagingMap",
    "Line",
    "bulk_caging",
    "caging_limits",
    "caging_potential",
    "fit_caging_map",
]

Array = NDArray[np.float64]
_VANISHES = 1e-3  # averaged g(r) below which no particle is said to be there
_RISEN = 0.3  # averaged g(r) up to which its beginning is fitted
_LEAST_PROMINENCE = 0.05  # of a peak of g(r)
_SMOOTHING = 0.02  # of the distance, the width over which g(r) is smoothed to find peaks
_FIT = 0.08  # of the distance, on both sides of a minimum, where a parabola is fitted


def caging_potential(
    structure: xr.Dataset, density: float, displacements: ArrayLike, q_max: float = 20.0
) -> xr.Dataset:
    r"""Return the potential that a particle feels on a displacement from the centre of its cage.

    .. math::

        \beta\Phi(\Delta r) = -\frac{1}{\rho} \int \frac{d\mathbf{q}}{(2\pi)^d}
        \mathrm{Tr}[S + S^{-1} - 2]\, e^{-q^2 \Delta r^2 / 2d}

    Parameters
    ----------
    structure : xarray.Dataset
        From `vitrify.structure.structure_factor.StructureFactor`, of at least three blocks of frames. Without ``S_block`` its S is
        taken as exact.
    density : float, 1/length^d
        Of all particles.
    displacements : (n,) array_like, length
    q_max : float, 1/length, default 20
        Where the integral ends.

    Returns
    -------
    xarray.Dataset
        Dim displacement: ``potential`` and ``potential_error``, the standard error by leaving out one block after the other.

    Raises
    ------
    ParameterError
        If density or `q_max` is out of range, S(q) ends before `q_max`, or rests on fewer than three blocks.

    Notes
    -----
    **Scale** βΦ(0) = −107 in the Kob-Andersen liquid at density 1.2, T = 0.5; 0 in an ideal gas.
    **Differs from** eqs. 3 and 4 as printed, whose C = 1 − S⁻¹ has no density: the integral then has the dimension of a density.
    Here c_uv = [1 − S⁻¹]_uv / (ρ sqrt(x_u x_v)), so that Σ_uv C_uv (S_uv − δ_uv) / ρ is the trace above. In two dimensions the
    measure and the exponent (q²Δr²/4) are those of a Gaussian cloud in the plane.
    **Invariant under** the order of species.
    **Cost** an inverse for each q and pair of blocks.

    The trace is the sum of (S − 1) S⁻¹ (S − 1). The two outer factors come from different blocks of frames and the inner one from all
    others: noise of S, which would add 1/n for n samples at every q and, weighted with q⁴, most of 1/S at large q, does not enter
    twice. What remains is the noise of the inverse, which is relative, p/n for p species. The
    error is up to 1.6 times too large where noise exceeds S − 1. Blocks must be independent for
    that: longer than structure lives.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eqs. 3, 4.

    Examples
    --------
    An ideal gas has no cage:

    >>> import xarray as xr
    >>> q = np.linspace(0.1, 30.0, 300)
    >>> ideal = xr.Dataset({"S": (("species", "other_species", "q"), np.ones((1, 1, 300)))}, {"q": q})
    >>> abs(caging_potential(ideal, 1.0, [0.0, 0.1])["potential"].values).tolist()
    [0.0, 0.0]
    """
    import xarray as xr

    moved = np.atleast_1d(np.asarray(displacements, float))
    q, weights, dimension = _measure(structure, density, q_max)
    decay = np.exp(-(moved[:, None] ** 2) * q**2 / (2 * dimension)) * weights
    value, error = _jackknifed(structure, q_max, lambda trace: -(decay @ trace) / density)
    words = {
        "units": "1",
        "symbol": r"\beta\Phi(\Delta r)",
        "long_name": "mean-field caging potential",
        "definition": f"-(1/rho) int dq/(2 pi)^{dimension} Tr[S + 1/S - 2] exp(-q^2 dr^2/{2 * dimension}), q < {q_max:g}",
    }
    of_error = words | {
        "symbol": r"\delta\beta\Phi",
        "long_name": "standard error of the potential",
        "definition": "from leaving out one block of frames after the other",
    }
    length = _length_unit(structure["q"].attrs.get("units", "1/length"))
    of_displacement = {"units": length, "symbol": r"\Delta r", "long_name": "displacement"}
    return xr.Dataset(
        {
            "potential": ("displacement", value, words),
            "potential_error": ("displacement", error, of_error),
        },
        {"displacement": ("displacement", moved, of_displacement)},
        {"q_max": float(q_max), "density": float(density), "dimension": dimension},
    )


def bulk_caging(
    structure: xr.Dataset,
    rdf: xr.Dataset | Sequence[xr.Dataset],
    model: PairModel,
    temperature: float,
    limits: Mapping[str, tuple[float, float]],
    q_max: float = 20.0,
    species: str | None = None,
) -> BulkCaging:
    r"""Return depth and softness of the caging potential of a whole liquid.

    .. math::

        d_q = -\beta\Phi(0), \qquad
        \frac{1}{S} = \frac{1}{d \rho} \int \frac{d\mathbf{q}}{(2\pi)^d} q^2\, \mathrm{Tr}[S + S^{-1} - 2], \qquad
        d_r = \frac{\rho}{2} \sum_v x_v \int_{r_{lo}}^{r_{hi}} 4 \pi r^2\, c_{uv}(r)\, g_{uv}(r)\, dr

    the second being the curvature of the potential at 0, and c(r) that of the hypernetted chain.

    Parameters
    ----------
    structure : xarray.Dataset
        As in `caging_potential`, with its attributes ``density`` and ``dimension`` and the variable ``fraction``.
    rdf : xarray.Dataset or sequence of them
        From `vitrify.structure.pair_correlation.RadialDistribution`, groups the species; one, or one for each of at least two blocks
        of frames.
    model : PairModel
    temperature : float, energy
        k_B T.
    limits : mapping of str to (float, float), length
        For each species of neighbours where the integral over r runs: from `caging_limits`.
    q_max : float, 1/length, default 20
        Where the integrals over q end: a convention, since 1/S grows with it, by 45 % from 20 to 40.
    species : str, optional
        u of d_r; by default the first.

    Returns
    -------
    BulkCaging
        Standard errors from leaving out one block after the other; with a single `rdf` that of d_r from its ``g_error``, bins taken as
        independent: about twice too large, since neighbours that are missing in one bin are in the next.

    Raises
    ------
    ParameterError
        If a number is out of range, S(q) ends before `q_max` or g(r) before `limits`, blocks are fewer than three, or a species is
        missing.

    Notes
    -----
    **Scale** the Kob-Andersen liquid at density 1.2, T = 0.5: depth 107, 1/S = 1200, depth_r = 17.
    **Differs from** eqs. 3 to 5 as printed: see `caging_potential` and `vitrify.descriptors.caging_depth.CagingDepth`, whose functional of
    g(r) this is.
    **Invariant under** the order of species.
    **Cost** that of `caging_potential`.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eqs. 3 to 6 and Fig. 1.
    """
    density = float(structure.attrs["density"])
    q, weights, dimension = _measure(structure, density, q_max)
    moments = np.stack([weights / density, q**2 * weights / (dimension * density)])
    (depth_q, stiffness), errors = _jackknifed(structure, q_max, lambda trace: moments @ trace)
    if species is None:
        species = str(structure["species"].values[0])
    depth_r, depth_r_error = _depth_from_rdf(structure, rdf, model, temperature, limits, species)
    return BulkCaging(
        temperature=float(temperature),
        depth_q=float(depth_q),
        depth_q_error=float(errors[0]),
        inverse_softness=float(stiffness),
        inverse_softness_error=float(errors[1]),
        depth_r=depth_r,
        depth_r_error=depth_r_error,
        limits=tuple((str(k), float(low), float(high)) for k, (low, high) in limits.items()),
        q_max=float(q_max),
        species=species,
    )


def caging_limits(rdf: xr.Dataset, species: str) -> dict[str, tuple[float, float]]:
    """Return, for each species of neighbours, where g(r) begins and where its first peak ends.

    Parameters
    ----------
    rdf : xarray.Dataset
        From `vitrify.structure.pair_correlation.RadialDistribution`, groups the species; beyond the second peak.
    species : str
        Of the central particle.

    Returns
    -------
    dict of str to (float, float), length
        Where g(r) reaches 0.001, by a parabola through ln g below 0.3, and the first minimum after the first peak: where a parabola fitted to g(r) around the minimum of
        the smoothed g(r) is lowest.

    Raises
    ------
    ParameterError
        If there is no such species, or g(r) ends before a minimum and another rise.

    Notes
    -----
    **Differs from** the letter in being a rule: "where the actual rdf vanishes" has no threshold there.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), section IV.
    """
    return {
        str(neighbor): _range(pair_of(rdf, species, str(neighbor)), species, str(neighbor))
        for neighbor in rdf["neighbor_species"].values
    }


def _range(one: xr.Dataset, species: str, neighbor: str) -> tuple[float, float]:
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    r, g = one["r"].values, np.nan_to_num(one["g"].values)
    present = np.flatnonzero(g > _VANISHES)
    wrong = ""
    if not len(present):
        wrong = "has no neighbours"
    else:
        step = float(r[1] - r[0])
        smooth = gaussian_filter1d(g, _SMOOTHING * r[present[0]] / step, mode="nearest")
        noise = float(np.nanmedian(one["g_error"].values)) if "g_error" in one else 0.0
        peaks = find_peaks(smooth, prominence=max(_LEAST_PROMINENCE, 3 * noise))[0]
        valleys = find_peaks(-smooth, prominence=max(0.5 * _LEAST_PROMINENCE, 1.5 * noise))[0]
        after = valleys[valleys > peaks[0]] if len(peaks) else peaks
        wrong = "" if len(after) else "has no minimum after its first peak"
    if wrong:
        raise ParameterError(
            f"g(r) of {species} and {neighbor} {wrong} up to r = {r[-1]:.3g}. Measure it further, to the second peak and beyond, "
            "and with more frames if it is noisy."
        )
    return _beginning(r, g, int(present[0])), _lowest(r, g, float(r[after[0]]))


def _beginning(r: Array, g: Array, first: int) -> float:
    """Return where g(r) reaches its threshold, about the bin `first` that is the first above it.

    There are few counts there. So a parabola is fitted to ln g in the whole rise, bins weighted by their counts.
    """
    end = first + int(np.argmax(g[first:] > _RISEN))
    rise = np.arange(max(first - 2, 0), end)
    rise = rise[g[rise] > 0]
    if len(rise) < 4:
        return float(r[first])
    away = r[rise] - r[first]
    parabola = np.polyfit(away, np.log(g[rise] / _VANISHES), 2, w=r[rise] * np.sqrt(g[rise]))
    roots = np.roots(parabola)
    roots = roots.real[np.isreal(roots)]
    near = roots[np.abs(roots) <= 2 * (r[1] - r[0])]
    return float(r[first] + near[np.argmin(np.abs(near))]) if len(near) else float(r[first])


def _lowest(r: Array, g: Array, about: float) -> float:
    """Return where a parabola through g(r) around `about` is lowest; `about` itself where it has no minimum near."""
    near = np.abs(r - about) <= _FIT * about
    if near.sum() < 4:
        return about
    curvature, slope, _ = np.polyfit(r[near] - about, g[near], 2)
    shift = -slope / (2 * curvature) if curvature > 0 else np.inf
    return float(about + shift) if abs(shift) <= _FIT * about else about


def _measure(structure: xr.Dataset, density: float, q_max: float) -> tuple[Array, Array, int]:
    """Return q up to `q_max`, the volume of the shell that each stands for over (2π)^d, and d."""
    if not (np.isfinite(density) and density > 0):
        raise ParameterError(f"`density` must be positive; it is {density}.")
    q, dimension = structure["q"].values, int(structure.attrs.get("dimension", 3))
    spacing = float(np.diff(q).max()) if len(q) > 1 else 0.0
    if not (np.isfinite(q_max) and 0 < q_max <= q[-1] + spacing):
        raise ParameterError(
            f"`q_max` must be positive and not beyond S(q), which ends at q = {q[-1]:.4g}; it is {q_max:g}. Compute S(q) further, "
            "or lower `q_max`."
        )
    q = q[q <= q_max]
    edges = np.concatenate([[0.0], 0.5 * (q[1:] + q[:-1]), [q_max]])
    ball = np.pi if dimension == 2 else 4 / 3 * np.pi
    return q, ball * np.diff(edges**dimension) / (2 * np.pi) ** dimension, dimension


def _jackknifed(structure: xr.Dataset, q_max: float, measure: Any) -> tuple[Array, Array]:
    """Return a linear functional of the trace and its standard error from leaving out blocks (NaN without blocks)."""
    inside = structure.sel(q=structure["q"] <= q_max)
    if "S_block" not in structure:
        value = measure(_exact_trace(inside["S"].transpose("species", "other_species", "q").values))
        return value, np.full(np.shape(value), np.nan)
    blocks = inside["S_block"].transpose("block", "species", "other_species", "q").values
    n = len(blocks)
    if n < 3:
        raise ParameterError(
            f"The caging potential needs S(q) of at least three blocks of frames, so that noise does not enter it twice; there are "
            f"{n}. Give `StructureFactor` at least three frames and `blocks` of 3 or more."
        )
    left_out = np.stack([measure(_trace(np.delete(blocks, k, axis=0))) for k in range(n)])
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0) * (n - 1) / n
    return measure(_trace(blocks)), np.sqrt(spread)


def _exact_trace(s: Array) -> Array:
    """Return Tr[S + S⁻¹ − 2] for (S, S, n)."""
    return np.asarray(np.einsum("uuq->q", s + inverse(s)) - 2 * len(s))


def _trace(blocks: Array) -> Array:
    """Return Tr[(S − 1) S⁻¹ (S − 1)], the outer factors from different blocks and the inner one from those left, (n,).

    `blocks` (B, S, S, n). With two blocks the inner factor is the inverse of their mean.
    """
    n, unit = len(blocks), np.eye(blocks.shape[1])[:, :, None]
    total, traces = blocks.sum(axis=0), np.zeros(blocks.shape[-1])
    for a in range(n):
        for b in range(a):
            rest = (total - blocks[a] - blocks[b]) / (n - 2) if n > 2 else total / n
            traces += np.einsum("uvq,vwq,wuq->q", blocks[a] - unit, inverse(rest), blocks[b] - unit)
    return traces * (2 / (n * (n - 1)))


def _depth_from_rdf(
    structure: xr.Dataset,
    rdf: xr.Dataset | Sequence[xr.Dataset],
    model: PairModel,
    temperature: float,
    limits: Mapping[str, tuple[float, float]],
    species: str,
) -> tuple[float, float]:
    """Return d_r and its standard error."""
    import xarray as xr

    density, dimension = float(structure.attrs["density"]), int(structure.attrs.get("dimension", 3))
    fraction = dict(zip(map(str, structure["species"].values), structure["fraction"].values, strict=True))
    blocks = [rdf] if isinstance(rdf, xr.Dataset) else list(rdf)
    if not blocks:
        raise ParameterError("`rdf` is empty; the depth needs g(r) of at least one block of frames.")
    values, variance = np.zeros(len(blocks) + 1), 0.0
    for neighbor, (low, high) in limits.items():
        pairs = [pair_of(block, species, neighbor) for block in blocks]
        r, g = pairs[0]["r"].values, np.stack([pair["g"].values for pair in pairs])
        overlap = _overlap(r, low, high, f"{species} and {neighbor}")
        inside = overlap > 0
        shell = 4 * np.pi * r**2 if dimension == 3 else 2 * np.pi * r
        weights = (0.5 * density * fraction[neighbor] * shell * overlap)[inside]
        averaged = _all_and_all_but_one(g)[:, inside]
        c = pair_hnc(averaged, r[inside], model, temperature, (species, neighbor))
        values += product(c, averaged) @ weights
        slope = np.where(averaged[0] > 0, c[0] + averaged[0] - 1, 0.0)  # of c g with g
        variance += float(((weights * slope * np.nan_to_num(pairs[0]["g_error"].values[inside])) ** 2).sum())
    n = len(blocks)
    if n > 1:
        variance = ((values[1:] - values[1:].mean()) ** 2).sum() * (n - 1) / n
    return float(values[0]), float(np.sqrt(variance))


def _all_and_all_but_one(g: Array) -> Array:
    """Return the mean over blocks, then the means without each of them, (B + 1, n)."""
    n = len(g)
    total = g.sum(axis=0)
    return np.concatenate([total[None] / n, (total - g) / max(n - 1, 1)])


def _overlap(r: Array, low: float, high: float, pair: str) -> Array:
    """Return how much of each bin lies between `low` and `high`, length."""
    step = float(r[1] - r[0])
    if not 0 < low < high or high > r[-1] + 0.5 * step * (1 + 1e-9):
        raise ParameterError(
            f"`limits` of {pair} must ascend and lie within g(r), which ends at {r[-1]:.4g}; they are {low:g}, {high:g}."
        )
    left, right = np.maximum(r - 0.5 * step, low), np.minimum(r + 0.5 * step, high)
    return np.maximum(right - left, 0.0)


def _length_unit(inverse_length: str) -> str:
    return inverse_length.removesuffix("^-1") if inverse_length.endswith("^-1") else "length"
