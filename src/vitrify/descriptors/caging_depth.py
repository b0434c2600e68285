"""Caging depth: how deep the mean-field potential is in which the neighbours of a particle hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.structure.direct_correlation import species_indices
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    from vitrify.models.base import PairModel

Array = NDArray[np.float64]
Limits = tuple[tuple[str, str, float, float], ...]
Table = tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...]

_SPAN = 8.0  # standard deviations beyond which a Gaussian, 1e-14 of its height, is left out
_CORRELATIONS = ("local", "averaged")
_EXAMPLE: Limits = (
    ("A", "A", 0.93, 1.44),
    ("A", "B", 0.76, 1.25),
    ("B", "A", 0.76, 1.25),
    ("B", "B", 0.9, 1.4),
)


@dataclass(frozen=True)
class CagingDepth(Descriptor):
    r"""Depth of the mean-field caging potential of each particle, −βΦ_r(Δr = 0), from its own g(r).

    .. math::

        d_i = \frac{\rho}{2} \sum_v x_v \int_{r_{lo}}^{r_{hi}} 4 \pi r^2\, c_{uv}(r)\, g^i_{uv}(r)\, dr, \qquad
        c_{uv} = -\frac{U_{uv}}{k_B T} + g - 1 - \ln g

    for a particle of species u, with

    .. math::

        g^i_{uv}(r) = \frac{1}{4 \pi \rho_v r^2} \sum_{j \in v} \frac{1}{\sqrt{2 \pi} \delta}
        e^{-(r - r_{ij})^2 / 2 \delta^2}, \qquad \rho_v = x_v \rho = N_v / V.

    In two dimensions 2πr takes the place of 4πr². Density and fractions are those of the frame.

    Parameters
    ----------
    model : PairModel, default the Kob-Andersen mixture
        Gives U_uv(r); species are matched by name.
    temperature : float, energy, default 0.5
        k_B T.
    limits : tuple of (species, neighbour, r_lo, r_hi), length
        Where the integrals run: from where the averaged g(r) vanishes to its first minimum. `vitrify.theory.caging.caging_limits`
        finds them; the default ones are of the order of those of the Kob-Andersen mixture at density 1.2 and T = 0.5. Pairs that
        are not named do not count. A particle of a species that is named nowhere as the first has no depth: NaN.
    delta : float, length, default 0.09
        Standard deviation of the Gaussians.
    step : float, length, default 0.01
        Widest step of the integration, by Simpson's rule.
    correlation : {"local", "averaged"}, default "local"
        Whether c(r) follows from g^i(r), or is that of the averaged g(r). With the latter the depth is a sum over neighbours of one
        function of distance.
    averaged : tuple of (species, neighbour, r, c), optional
        c(r) for each pair of `limits`, tuples of numbers, interpolated linearly: from
        `vitrify.structure.direct_correlation.correlation_table`. Needed with "averaged", and refused with "local".

    Raises
    ------
    ParameterError
        If a length or the temperature is not positive, limits do not ascend or stand twice, or tables are missing or do not cover
        the limits; on evaluation, if the model lacks a species of the frame.

    Notes
    -----
    **Scale**: 1; positive where neighbours attract, while one pressed into the core counts negative. A particles of the Kob-Andersen
    liquid ("quad") at density 1.2 and T = 0.5 have 7.9 ± 1.9. The same integral over the averaged g(r),
    `depth_r` of `vitrify.theory.caging.bulk_caging`, is 14.6 (17.0 with the
    deeper potential "shift"): Gaussians reach into the core, where U is steep, and the averaged g(r) does
    not. The lower limit decides how much; 0.01 of it is worth half a unit. Compare depths of one set of limits.
    **Differs from**: the printed equations in five points. (i) The sign: Φ is negative, the depth is −βΦ. (ii) Eq. 5 has neither
    density nor a measure, and weights sqrt(x_u x_v); here they are x_v, as follows from Fourier transforming eq. 4, which changes
    how much neighbours of different species count (0.8 : 0.2 and not 0.8 : 0.4). The factor 1/2 of eq. 5, and g in place of g − 1,
    are kept. (iii) Eq. 6 is the hypernetted chain itself; no bridge function is left out of it. (iv) Eq. 8 has the factor 1/(2πr) of
    two dimensions and no density; an ideal gas must give 1, and gives 1 + δ²/r² here. (v) δ, there called variance, is a standard
    deviation.
    Where g^i = 0 the logarithm is infinite, but the integrand is c g^i, whose limit is exactly 0: nothing is cut off. With open axes
    V is still the volume of the box, so the box should fit the particles.
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice
    of periodic images.
    **Cost**: linear in particles; 5.6 µs each on one core with the default parameters at density 1.2, 4.8 µs with "averaged".

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eqs. 5, 6, 8. Piaggi, Valsson, Parrinello, Phys. Rev. Lett. 119, 015701
    (2017): the Gaussians.

    Examples
    --------
    A neighbour at the minimum of the potential holds a particle; one in the core pushes it out:

    >>> from vitrify.models.kob_andersen import KobAndersen
    >>> from vitrify.particles import Box
    >>> r = np.linspace(0.8, 1.5, 71)
    >>> model = KobAndersen()
    >>> c = (("A", "A", r, -model.pair_energy(r, 0, 0)),)  # what is left of c(r) where neighbours are rare
    >>> depth = CagingDepth(model, 1.0, (("A", "A", 0.8, 1.5),), 0.02, correlation="averaged", averaged=c)
    >>> at = lambda r: Frame([[0.0, 0.0, 0.0], [r, 0.0, 0.0]], [0, 0], Box.orthorhombic([9.0] * 3))
    >>> [round(float(depth.evaluate(at(r))[0, 0]), 2) for r in (1.12, 0.9)]
    [0.41, -3.67]
    """

    name: ClassVar[str] = "caging_depth"
    model: PairModel = None  # type: ignore[assignment]  # None becomes the default in __post_init__
    temperature: float = 0.5
    limits: Limits = _EXAMPLE
    delta: float = 0.09
    step: float = 0.01
    correlation: str = "local"
    averaged: Table | None = None

    def __post_init__(self) -> None:
        if self.model is None:
            from vitrify.models.kob_andersen import KobAndersen

            object.__setattr__(self, "model", KobAndersen())
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise ParameterError(f"`temperature` must be positive; it is {self.temperature}.")
        object.__setattr__(self, "temperature", float(self.temperature))
        for key in ("delta", "step"):
            object.__setattr__(self, key, positive_length(key, getattr(self, key)))
        object.__setattr__(self, "limits", _checked_limits(self.limits))
        if self.correlation not in _CORRELATIONS:
            raise ParameterError(
                f"`correlation` must be one of {', '.join(_CORRELATIONS)}; it is '{self.correlation}'."
            )
        if self.averaged is None and self.correlation == "averaged":
            raise ParameterError(
                "With `correlation` = 'averaged' `averaged` must hold c(r) of each pair of `limits`; it is absent."
            )
        if self.averaged is not None and self.correlation == "local":
            raise ParameterError("With `correlation` = 'local' `averaged` must be left out.")
        if self.averaged is not None:
            object.__setattr__(self, "averaged", _checked_table(self.averaged, self.limits))

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> CagingDepth:
        """Return the depth in the model that ``parameters["model"]`` describes."""
        from vitrify.models import MODELS

        if "model" not in parameters:
            return cls(**parameters)
        model = parameters["model"]
        return cls(**{**parameters, "model": MODELS.load(model["name"]).from_dict(model)})

    @property
    def cutoff(self) -> float:
        """The largest of the upper limits and 8 delta more, length."""
        return max(limit[3] for limit in self.limits) + _SPAN * self.delta

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether the model has all these species."""
        return set(species_names) <= set(self.model.species_names)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``("caging_depth",)``."""
        del species_names
        return ("caging_depth",)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the feature."""
        ranges = ", ".join(f"{a}{b} {low:g}-{high:g}" for a, b, low, high in self.limits)
        return {
            "units": "1",
            "symbol": r"-\beta\Phi_r",
            "long_name": "depth of the caging potential",
            "definition": f"(rho/2) sum_v x_v int 4 pi r^2 c g^i dr, c of the {self.correlation} g by HNC with the model "
            f"{self.model.name} at k_B T = {self.temperature:g} {units.energy}, delta = {self.delta:g}, r in {ranges} {units.length}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> Array:
        """Return the depth of each particle, (n, 1); NaN for species without limits."""
        from vitrify.descriptors import _caging_kernels

        chosen = as_particles(frame, particles)
        in_model = species_indices(self.model, frame.species_names)
        values = np.full((len(chosen), 1), np.nan)
        grids, tables = self._tables(frame, in_model)
        named = {limit[0] for limit in self.limits}
        has_limits = np.array([s in named for s in frame.species_names], bool)
        wanted = np.flatnonzero(has_limits[frame.species[chosen]])
        if not len(wanted):
            return values
        cells = cell_list(frame, self.cutoff)
        found = np.empty(len(wanted))
        _caging_kernels.caging_depth(
            cells, cells.rank[chosen[wanted]], grids, tables, self.delta, _SPAN * self.delta,
            self.correlation == "local", found,
        )  # fmt: skip
        values[wanted, 0] = found
        return values

    def _tables(self, frame: Frame, in_model: list[int]) -> tuple[Any, Any]:
        """Return what `_caging_kernels.caging_depth` takes as grids and tables, species as in the frame."""
        names, n = frame.species_names, len(frame.species_names)
        radii: dict[tuple[int, int], Array] = {}
        for own, other, low, high in self.limits:
            if own in names and other in names:
                intervals = 2 * int(np.ceil((high - low) / (2 * self.step) - 1e-9))
                radii[names.index(own), names.index(other)] = np.linspace(low, high, intervals + 1)
        longest = max([len(r) for r in radii.values()], default=1)
        first, step, count = np.zeros((n, n)), np.ones((n, n)), np.zeros((n, n), np.int64)
        g_of_sum, weights, correlations = (np.zeros((n, n, longest)) for _ in range(3))
        density = np.bincount(frame.species, minlength=n) / frame.box.volume
        height = 1 / (np.sqrt(2 * np.pi) * self.delta)
        for (a, b), r in radii.items():
            k = len(r)
            first[a, b], step[a, b], count[a, b] = r[0], r[1] - r[0], k
            shell = 4 * np.pi * r**2 if frame.dimension == 3 else 2 * np.pi * r
            g_of_sum[a, b, :k] = height / (shell * density[b]) if density[b] else 0.0
            weights[a, b, :k] = 0.5 * height * _simpson(k) * step[a, b]
            correlations[a, b, :k] = self._correlation(r, names[a], names[b], in_model[a], in_model[b])
        return (first, step, count), (g_of_sum, weights, correlations)

    def _correlation(self, r: Array, species: str, neighbor: str, a: int, b: int) -> Array:
        """Return the part of c(r) that is the same for all particles."""
        if self.averaged is None:
            return -self.model.pair_energy(r, a, b) / self.temperature
        table = next(row for row in self.averaged if row[:2] == (species, neighbor))
        return np.interp(r, table[2], table[3])


def smeared_rdf(
    frame: Frame, particles: ArrayLike | None, pair: tuple[str, str], delta: float, r: ArrayLike
) -> Array:
    r"""Return g^i(r) of single particles, each neighbour a Gaussian of width δ.

    .. math:: g^i_{uv}(r) = \frac{1}{4 \pi \rho_v r^2} \sum_{j \in v} \frac{1}{\sqrt{2 \pi} \delta}
        e^{-(r - r_{ij})^2 / 2 \delta^2}

    In two dimensions 2πr takes the place of 4πr².

    Parameters
    ----------
    frame : Frame
    particles : (n,) array_like of int, or None
        All of the first species for None.
    pair : (str, str)
        Species of the particles and of the neighbours.
    delta : float, length
        Standard deviation.
    r : (n_r,) array_like, length
        Ascending and positive.

    Returns
    -------
    (n, n_r) float

    Raises
    ------
    ParameterError
        If the frame lacks a species or has no particle of it, a particle is of another species, or `r` does not ascend from
        above 0.

    Notes
    -----
    **Scale** the mean over particles of an ideal gas is 1 + δ²/r².
    **Differs from** eq. 8 as printed, which has the factor 1/(2πr) and no density.
    **Invariant under** translations, rotations, relabelling.
    **Cost** linear in particles, and in neighbours within the last r and 8 δ.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eq. 8 and Fig. 2.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> two = Frame([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [0, 0], Box.orthorhombic([9.0] * 3))
    >>> smeared_rdf(two, [0], ("A", "A"), 0.1, [0.9, 1.0]).round(2).tolist()
    [[86.65, 115.72]]
    """
    from vitrify.descriptors import _caging_kernels

    delta, r = positive_length("delta", delta), np.asarray(r, float)
    if r.ndim != 1 or not len(r) or r[0] <= 0 or (np.diff(r) <= 0).any():
        raise ParameterError(f"`r` must ascend from a positive length; it is {r.tolist()}.")
    own, other = (_species_of(frame, name) for name in pair)
    chosen = np.flatnonzero(frame.species == own) if particles is None else as_particles(frame, particles)
    if (frame.species[chosen] != own).any():
        raise ParameterError(
            f"`particles` must all be of the species '{pair[0]}', the first of `pair`; {(frame.species[chosen] != own).sum()} "
            f"of {len(chosen)} are not."
        )
    out = np.zeros((len(chosen), len(r)))
    if len(chosen):
        cells = cell_list(frame, float(r[-1]) + _SPAN * delta)
        _caging_kernels.gaussian_sums(cells, cells.rank[chosen], other, r, delta, _SPAN * delta, out)
    density = np.count_nonzero(frame.species == other) / frame.box.volume
    shell = 4 * np.pi * r**2 if frame.dimension == 3 else 2 * np.pi * r
    return np.asarray(out / (np.sqrt(2 * np.pi) * delta * density * shell))


def _species_of(frame: Frame, name: str) -> int:
    if name not in frame.species_names:
        raise ParameterError(
            f"`pair` names the species '{name}'; the frame has {', '.join(frame.species_names)}."
        )
    index = frame.species_names.index(name)
    if not (frame.species == index).any():
        raise ParameterError(f"`pair` names the species '{name}', of which the frame has no particle.")
    return index


def _simpson(n: int) -> Array:
    """Return the weights of Simpson's rule for an odd number of points a step of 1 apart, (n,)."""
    weights = np.full(n, 2.0)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    return weights / 3.0


def _checked_limits(limits: Any) -> Limits:
    checked = tuple((str(a), str(b), float(low), float(high)) for a, b, low, high in limits)
    for a, b, low, high in checked:
        if not (np.isfinite(high) and 0 < low < high):
            raise ParameterError(
                f"`limits` of {a} and {b} must be two ascending positive lengths; they are {low}, {high}."
            )
    names = [limit[:2] for limit in checked]
    twice = [pair for pair in names if names.count(pair) > 1]
    if twice or not checked:
        raise ParameterError(
            f"`limits` must name pairs of species, each once; got {twice[0] if twice else 'none'}."
        )
    return checked


def _checked_table(table: Any, limits: Limits) -> Table:
    rows = tuple((str(a), str(b), tuple(map(float, r)), tuple(map(float, c))) for a, b, r, c in table)
    known = {row[:2]: row for row in rows}
    for a, b, low, high in limits:
        if (a, b) not in known:
            raise ParameterError(f"`averaged` must hold c(r) of {a} and {b}, a pair of `limits`.")
        r, c = np.array(known[a, b][2]), np.array(known[a, b][3])
        if len(r) != len(c) or len(r) < 2 or (np.diff(r) <= 0).any() or not np.isfinite(c).all():
            raise ParameterError(
                f"`averaged` of {a} and {b} must be as many finite c as ascending r, at least two; it has {len(r)} r and {len(c)} c."
            )
        slack = 2 * (r[-1] - r[0]) / (len(r) - 1)
        if r[0] > low + slack or r[-1] < high - slack:
            raise ParameterError(
                f"`averaged` of {a} and {b} must reach from {low:g} to {high:g}, the `limits`; it reaches from {r[0]:g} to {r[-1]:g}."
            )
    return rows
