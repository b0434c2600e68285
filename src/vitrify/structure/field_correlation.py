"""How far a field of numbers on particles, such as softness, is alike in space."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.particles.attributes import Words
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
STANDARDS = ("frame", "all")

_WORDS = {
    "correlation": Words(
        r"\langle\delta X(0)\,\delta X(r)\rangle",
        "spatial correlation",
        "mean product of the standardised values of pairs at this distance",
    ),
    "correlation_error": Words(
        r"\delta\langle\delta X(0)\,\delta X(r)\rangle",
        "standard error of correlation",
        "from the scatter of blocks of frames",
    ),
    "covariance": Words(
        r"\langle\Delta X(0)\,\Delta X(r)\rangle",
        "spatial covariance",
        "mean product of the deviations from the mean of pairs at this distance",
        "field",
    ),
    "covariance_error": Words(
        r"\delta\langle\Delta X(0)\,\Delta X(r)\rangle",
        "standard error of covariance",
        "from the scatter of blocks of frames",
        "field",
    ),
    "pairs": Words("n", "pairs", "ordered pairs in the bin, over all frames"),
    "product_block": Words("", "summed products", "standardised, of the ordered pairs, by block of frames"),
    "pairs_block": Words("", "pairs", "ordered pairs in the bin, by block of frames"),
}


class _Tally(NamedTuple):
    """Of one frame: values that count, their mean and variance, and `pair_products` of the deviations from that mean."""

    n: int
    mean: float
    variance: float
    sums: Array


@dataclass(frozen=True)
class FieldCorrelation:
    r"""Spatial correlation of a number that particles carry, by the distance between them.

    .. math::

        C(r) = \langle \delta X(0)\, \delta X(r) \rangle
        = \frac{1}{n(r)} \sum_{i \ne j:\, R_{ij} \in \text{bin}} \delta X_i\, \delta X_j,
        \qquad \delta X_i = \frac{X_i - \langle X \rangle}{\sqrt{\langle (X - \langle X \rangle)^2 \rangle}}

    Parameters
    ----------
    r_max : float, length
        May exceed half the box; the last bin that fits ends at or below it.
    bin_width : float, length
    standard : {"frame", "all"}, default "frame"
        Over what mean and variance are taken: the values of each frame, or those of all frames together. The second also
        sees values that rise and fall in all particles at once.

    Raises
    ------
    ParameterError
        If no bin fits, or the standard is unknown.

    Notes
    -----
    **Scale**: 1 if neighbours are equal, 0 if they know nothing of each other. The deviations of one frame sum to nothing, so with
    the standard "frame" an uncorrelated field of N values has −1/(N − 1) at every distance.
    **Differs from**: correlations of the density of the field, which have g(r) as a factor; this is a mean over pairs. Values
    of species whose means differ are correlated by composition alone: give one species, or standardise species by species.
    **Invariant under**: translations, rotations, relabelling, and X → aX + b of the correlation.
    **Cost**: linear in N, cubic in `r_max`; memory independent of the number of pairs. 0.013 s for 3277 values at density 0.96
    and `r_max` 5 on one core.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eqs. 6.6 and 6.7, Fig. 6.4.

    Examples
    --------
    Stripes: neighbours at 1 along one axis are equal, along the other opposite.

    >>> from vitrify.particles import Box
    >>> square = [[x, y] for x in range(4) for y in range(4)]
    >>> frame = Frame(square, [0] * 16, Box.orthorhombic([4.0, 4.0]))
    >>> stripes = [1.0, -1.0] * 8
    >>> FieldCorrelation(r_max=1.6, bin_width=0.4).compute([frame], [stripes])["correlation"].values.tolist()
    [nan, nan, 0.0, -1.0]
    """

    name: ClassVar[str] = "field_correlation"
    r_max: float
    bin_width: float
    standard: str = "frame"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.r_max) and 0 < self.bin_width <= self.r_max):
            raise ParameterError(
                f"`bin_width` must be positive and not above `r_max`; they are {self.bin_width}, {self.r_max}."
            )
        if self.standard not in STANDARDS:
            raise ParameterError(f"No standard is called '{self.standard}'. Known: {', '.join(STANDARDS)}.")

    @property
    def edges(self) -> Array:
        """Edges of the bins, (n + 1,), length."""
        n_bins = int(self.r_max / self.bin_width + 1e-9)
        return np.asarray(self.bin_width * np.arange(n_bins + 1), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(
        self,
        frames: Iterable[Frame],
        values: Iterable[ArrayLike],
        *,
        particles: ArrayLike | None = None,
        blocks: int = 8,
        field: str = "X",
        field_units: str = "1",
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return the correlation of the values, averaged over frames.

        Parameters
        ----------
        frames : iterable of Frame
        values : iterable of (N,) or (n,) array_like of float
            Of each frame, one for each particle, or for each of `particles`. NaN values are left out.
        particles : (n,) array_like of int, optional
            Rows of the frames that the values belong to; the same for every frame.
        blocks : int, default 8
            Runs of successive frames from whose scatter the errors follow; fewer if there are fewer frames.
        field, field_units : str
            Symbol and unit of the values, for the attributes.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dims r, block. ``correlation``, ``covariance`` (not divided by the variance) and their errors (NaN for a single frame);
            ``pairs``; ``product_block`` and ``pairs_block``, from which `fit_exponential_decay` takes its errors; without
            dimension ``mean`` and ``variance`` of the values. NaN in bins without pairs.

        Raises
        ------
        ShapeError
            If there are no frames, or values do not match them.
        ParameterError
            If there is no block, or a frame has no two values that differ.
        """
        if blocks < 1:
            raise ParameterError(f"`blocks` must be at least 1; it is {blocks}.")
        rows = None if particles is None else np.asarray(particles, np.int64)
        given, tallies = iter(values), []
        for frame in frames:
            tallies.append(self._tally(frame, next(given, None), rows))
        if not tallies:
            raise ShapeError("`frames` is empty; a correlation needs at least one configuration.")
        return self._dataset(tallies, min(blocks, len(tallies)), (field, field_units), units)

    def _tally(self, frame: Frame, values: Any, rows: NDArray[np.int64] | None) -> _Tally:
        from vitrify.structure import _field_kernels

        rows = np.arange(frame.n_particles) if rows is None else rows
        found = None if values is None else np.asarray(values, np.float64)
        if found is None or found.shape != rows.shape:
            raise ShapeError(
                f"`values` needs one array of {len(rows)} numbers for each frame; got "
                f"{'none' if found is None else f'shape {found.shape}'} ({frame.label})."
            )
        known = ~np.isnan(found)
        chosen, field = rows[known], found[known]
        variance = float(field.var()) if len(field) else 0.0
        if not variance > 0:
            raise ParameterError(
                f"A correlation needs values that differ; a frame has {len(field)} values with the variance {variance:g} "
                f"({frame.label})."
            )
        edges, mean = self.edges, float(field.mean())
        centres = Frame(frame.positions[chosen], np.zeros(len(chosen), np.int64), frame.box)
        cells = cell_list(centres, float(edges[-1]))
        sums = _field_kernels.pair_products(cells, field - mean, float(self.bin_width), len(edges) - 1)
        return _Tally(len(field), mean, variance, sums)

    def _dataset(
        self, tallies: list[_Tally], n_blocks: int, field: tuple[str, str], units: Units
    ) -> xr.Dataset:
        import xarray as xr

        n, mean, variance = (np.array([getattr(t, key) for t in tallies]) for key in _Tally._fields[:3])
        sums = np.stack([t.sums for t in tallies])  # (frame, 3, r)
        pooled = float(np.average(mean, weights=n))
        spread = float(np.average(variance + (mean - pooled) ** 2, weights=n))
        shift = mean - pooled if self.standard == "all" else np.zeros(len(n))
        deviations = sums[:, 2] + shift[:, None] * sums[:, 1] + (shift**2)[:, None] * sums[:, 0]
        scale = np.full(len(n), spread) if self.standard == "all" else variance
        of_block = [np.array(part) for part in np.array_split(np.arange(len(n)), n_blocks)]
        pairs = np.stack([sums[part, 0].sum(axis=0) for part in of_block])
        products = np.stack([(deviations[part] / scale[part, None]).sum(axis=0) for part in of_block])
        raw = np.stack([deviations[part].sum(axis=0) for part in of_block])
        found = {
            "correlation": ("r", _ratio(products, pairs)),
            "correlation_error": ("r", _error(products, pairs)),
            "covariance": ("r", _ratio(raw, pairs)),
            "covariance_error": ("r", _error(raw, pairs)),
            "pairs": ("r", pairs.sum(axis=0)),
            "product_block": (("block", "r"), products),
            "pairs_block": (("block", "r"), pairs),
        }

        def unit(kind: str) -> str:
            return f"({field[1]})^2" if kind == "field" and field[1] != "1" else "1"

        variables = {
            key: (dims, value, {k: v.replace("X", field[0]) if k == "symbol" else v for k, v in _WORDS[key].attrs(unit).items()})
            for key, (dims, value) in found.items()
        }  # fmt: skip
        variables["mean"] = ((), pooled, {"long_name": "mean of the values", "units": field[1]})
        variables["variance"] = ((), spread, {"long_name": "variance of the values", "units": unit("field")})
        edges = self.edges
        coords = {
            "r": ("r", 0.5 * (edges[1:] + edges[:-1]), {"symbol": "r", "long_name": "distance", "units": units.length,
                  "definition": "center of the bin"}),
            "block": ("block", np.arange(n_blocks), {"long_name": "block of successive frames"}),
        }  # fmt: skip
        attrs = {**self.to_dict(), "n_frames": len(n), "definition": _WORDS["correlation"].definition}
        return xr.Dataset(variables, coords, attrs)


def _ratio(products: Array, pairs: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(products.sum(axis=0) / pairs.sum(axis=0))


def _error(products: Array, pairs: Array) -> Array:
    """Return the standard error of the ratio of the sums from the scatter of the blocks; NaN for one block."""
    n = len(pairs)
    if n < 2:
        return np.full(pairs.shape[1], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = products - _ratio(products, pairs) * pairs
        return np.asarray(np.sqrt(n / (n - 1) * (residual**2).sum(axis=0)) / pairs.sum(axis=0))


@dataclass(frozen=True)
class ExponentialDecay:
    """A e^(−r/ξ), fitted to a correlation.

    Attributes
    ----------
    amplitude, amplitude_error : float
        A.
    length, length_error : float, length
        ξ.
    r_min, r_max : float, length
        Of the bins that were fitted.
    n_points : int
        How many.
    residual : float
        Root mean square of what the fit misses.
    """

    amplitude: float
    amplitude_error: float
    length: float
    length_error: float
    r_min: float
    r_max: float
    n_points: int
    residual: float

    def __call__(self, r: ArrayLike) -> Array:
        """Return A e^(−r/ξ) at distances r."""
        return np.asarray(self.amplitude * np.exp(-np.asarray(r, np.float64) / self.length))


def fit_exponential_decay(
    correlation: xr.Dataset, r_min: float, r_max: float, *, peaks_only: bool = False
) -> ExponentialDecay:
    r"""Fit :math:`C(r) = A\, e^{-r/\xi}` to a correlation by least squares.

    Parameters
    ----------
    correlation : xarray.Dataset
        From `FieldCorrelation.compute`.
    r_min, r_max : float, length
        Bins whose centres lie between are fitted.
    peaks_only : bool, default False
        Fit only the local maxima of the correlation: its upper envelope, where it waves with g(r).

    Returns
    -------
    ExponentialDecay
        Errors are those of fits with one block of frames left out after the other; NaN where there are fewer than 3 blocks or
        such a fit fails.

    Raises
    ------
    ParameterError
        If the range is empty.
    TooFewEventsError
        If fewer than three bins, or two peaks, have pairs there; or the correlation does not decay.

    Notes
    -----
    **Scale**: ξ in units of r. **Differs from** a straight line through ln C(r), which needs C > 0 everywhere and weighs
    small values as much as large ones; and from weights by the errors: what this fit misses is the structure of the liquid, not
    noise. Range and peaks matter more than the error that is given. **Invariant under** X → aX + b. **Cost** none.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.7: ξ = 1.2 for softness and 1.1 for p_hop.
    """
    if not 0 <= r_min < r_max:
        raise ParameterError(
            f"`r_min` must not be negative and lie below `r_max`; they are {r_min}, {r_max}."
        )
    r = np.asarray(correlation["r"].values, np.float64)
    products = np.asarray(correlation["product_block"].values, np.float64)
    pairs = np.asarray(correlation["pairs_block"].values, np.float64)
    curve = _ratio(products, pairs)
    used = (r >= r_min) & (r <= r_max) & np.isfinite(curve)
    if peaks_only:
        used &= _is_peak(curve)
    fewest = 2 if peaks_only else 3
    if used.sum() < fewest:
        raise TooFewEventsError(
            f"Between {r_min:g} and {r_max:g} only {used.sum()} {'peaks' if peaks_only else 'bins'} of the correlation have pairs; a "
            f"decay needs {fewest}. Widen the range or take narrower bins."
        )
    amplitude, length = _fit(r[used], curve[used])
    if not np.isfinite(length):
        raise TooFewEventsError(
            f"The correlation does not decay between {r_min:g} and {r_max:g}: no A exp(-r/xi) with a positive length fits. "
            "Choose another range."
        )
    errors = _left_out(r, products, pairs, used)
    residual = curve[used] - amplitude * np.exp(-r[used] / length)
    return ExponentialDecay(
        amplitude,
        float(errors[0]),
        length,
        float(errors[1]),
        float(r[used][0]),
        float(r[used][-1]),
        int(used.sum()),
        float(np.sqrt(np.mean(residual**2))),
    )


def _is_peak(curve: Array) -> NDArray[np.bool_]:
    """Bins that are above both neighbours; absent neighbours do not count."""
    padded = np.concatenate([[np.nan], curve, [np.nan]])
    beside = [np.nan_to_num(padded[k : k + len(curve)], nan=-np.inf) for k in (0, 2)]
    return np.asarray((curve > beside[0]) & (curve >= beside[1]) & np.isfinite(curve))


def _fit(r: Array, curve: Array) -> tuple[float, float]:
    """Amplitude and length of the best exponential; NaN without one."""
    from scipy.optimize import minimize_scalar

    def at(rate: float) -> tuple[float, float]:
        shape = np.exp(-rate * (r - r[0]))
        amplitude = float(curve @ shape / (shape @ shape))
        return amplitude, float(np.sum((curve - amplitude * shape) ** 2))

    span = r[-1] - r[0]
    slow, fast = 1e-3 / span, 50.0 / span
    rates = np.geomspace(slow, fast, 60)
    missed = [at(rate)[1] for rate in rates]
    best = int(np.argmin(missed))
    if best in (0, len(rates) - 1):
        return np.nan, np.nan
    found = minimize_scalar(
        lambda u: at(np.exp(u))[1],
        bounds=tuple(np.log(rates[[best - 1, best + 1]])),
        method="bounded",
        options={"xatol": 1e-9},
    )
    rate = float(np.exp(found.x))
    return at(rate)[0] * float(np.exp(rate * r[0])), 1.0 / rate


def _left_out(r: Array, products: Array, pairs: Array, used: NDArray[np.bool_]) -> Array:
    """Jackknife errors of amplitude and length, (2,)."""
    n = len(pairs)
    if n < 3:
        return np.full(2, np.nan)
    fits = []
    for k in range(n):
        kept = np.arange(n) != k
        curve = _ratio(products[kept], pairs[kept])
        fits.append(_fit(r[used], curve[used]) if np.isfinite(curve[used]).all() else (np.nan, np.nan))
    return np.asarray(np.sqrt((n - 1) * np.var(fits, axis=0)))
