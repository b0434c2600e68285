"""Radial structure functions: how many neighbours of each species there are near each distance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, ascending_radii, positive_length
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

WIDTHS = 8.0
"""How many `delta` from its radius a Gaussian is followed: exp(-32) = 1.3e-14 is where it is cut."""

_BINS_PER_DELTA = 4.0
_FEW_NEIGHBOURS = 16.0

_DEFAULT_RADII = tuple(k / 10 for k in range(1, 51))
DEFAULT_DELTA = 0.1
"""Width of Gaussian shells of which the names of features say nothing."""


def unusual(delta: float, cutoff: float, natural_cutoff: float) -> str:
    """Return what the name of a feature says of a width and a cutoff that are not the usual ones.

    Examples
    --------
    >>> unusual(0.1, 5.8, 5.8), unusual(0.2, 3.0, 5.8)
    ('', '; 0.2; R<3')
    """
    width = "" if delta == DEFAULT_DELTA else f"; {delta:.10g}"
    return width if cutoff == natural_cutoff else f"{width}; R<{cutoff:.10g}"


@dataclass(frozen=True)
class RadialDensity(Descriptor):
    r"""Radial structure functions: the density of neighbours of species X in a soft shell of radius r.

    .. math::

        G_X(i; r, \delta) = \sum_{j \in X} e^{-(r - R_{ij})^2 / 2 \delta^2}

    Parameters
    ----------
    radii : tuple of float, length, default 0.1, 0.2, … 5.0
        Ascending. Evenly spaced ones are faster.
    delta : float, length, default 0.1
        Width of the shells, δ.
    cutoff : float, length, optional
        Neighbours beyond it do not count. By default the largest radius plus 8 `delta`, so that no term above
        1.3e-14 is lost.

    Raises
    ------
    ParameterError
        If the radii do not ascend, or a length is not positive.

    Notes
    -----
    **Scale**: one neighbour gives 1 at its distance and :math:`\sqrt{2\pi}\,\delta` in the integral over r; the mean
    over particles tends to :math:`4\pi r^2 \rho_X g(r) \sqrt{2\pi}\,\delta` in three dimensions. Terms with
    :math:`|r - R_{ij}|` beyond 8 δ may be left out.
    **Differs from**: shells written as exp[−(r − μ)²/L²], which are the same with L = √2 δ; the cumulative
    symmetry functions of Behler and Parrinello, which count all neighbours up to a distance.
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice
    of periodic images. Exact for cutoffs beyond half the box: every image counts.
    **Cost**: linear in particles and neighbours. On an even grid no exponentials (neighbours are binned, see
    `vitrify.descriptors._radial_kernels`; absolute error about 1e-12 a neighbour), otherwise one for each radius within
    8 δ of a neighbour.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016).
    Cubuk, PhD thesis (Harvard, 2016), eq. 5.5.

    Examples
    --------
    Two particles 1.1 apart:

    >>> from vitrify.particles import Box
    >>> pair = Frame([[0.0, 0.0, 0.0], [1.1, 0.0, 0.0]], [0, 1], Box.orthorhombic([9.0, 9.0, 9.0]))
    >>> RadialDensity(radii=(1.0, 1.1)).compute(pair, [0]).sel(particle=0).round(4).values.tolist()
    [0.0, 0.0, 0.6065, 1.0]
    """

    name: ClassVar[str] = "radial_density"
    lengths: ClassVar[tuple[str, ...]] = ("radii", "delta", "cutoff")
    radii: tuple[float, ...] = _DEFAULT_RADII
    delta: float = DEFAULT_DELTA
    cutoff: float = None  # type: ignore[assignment]  # None becomes the default in __post_init__

    def __post_init__(self) -> None:
        object.__setattr__(self, "radii", ascending_radii(self.radii))
        object.__setattr__(self, "delta", positive_length("delta", self.delta))
        cutoff = self._natural_cutoff if self.cutoff is None else positive_length("cutoff", self.cutoff)
        object.__setattr__(self, "cutoff", cutoff)

    @property
    def _natural_cutoff(self) -> float:
        return self.radii[-1] + WIDTHS * self.delta

    @property
    def spacing(self) -> float | None:
        """Distance between neighbouring radii if they are evenly spaced (to 1e-14 of the largest), else None."""
        if len(self.radii) == 1:
            return self.delta
        step = (self.radii[-1] - self.radii[0]) / (len(self.radii) - 1)
        even = self.radii[0] + step * np.arange(len(self.radii))
        return step if np.abs(even - self.radii).max() <= 1e-14 * self.radii[-1] else None

    def _feature(self, species: str, radius: float) -> str:
        return f"G_{species}({radius:.10g}{unusual(self.delta, self.cutoff, self._natural_cutoff)})"

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``G_X(r)``, species by species, the radii ascending; another δ than 0.1 is named too.

        Examples
        --------
        >>> RadialDensity(radii=(1.0, 1.1)).feature_names(("A", "B"))
        ('G_A(1)', 'G_A(1.1)', 'G_B(1)', 'G_B(1.1)')
        """
        return tuple(self._feature(s, r) for s in species_names for r in self.radii)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": "1",
            "symbol": "G_X(r)",
            "long_name": "radial structure functions",
            "definition": f"sum_(j in X) exp(-(r-R_ij)^2/(2 delta^2)), delta = {self.delta:g} {units.length}, "
            f"R_ij < {self.cutoff:g} {units.length}",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> RadialDensity:
        """Return the member with only the radii of the `wanted` features, and the shorter cutoff that goes with them."""
        radii = tuple(r for r in self.radii if any(self._feature(s, r) in wanted for s in species_names))
        cutoff: Any = None if self.cutoff == self._natural_cutoff else self.cutoff
        return replace(self, radii=radii, cutoff=cutoff) if radii else self

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return G_X(i; r), (n, species times radii): species by species, the radii ascending."""
        from vitrify.descriptors import _radial_kernels

        chosen = as_particles(frame, particles)
        n_species = len(frame.species_names)
        values = np.empty((len(chosen), n_species * len(self.radii)))
        if not len(chosen):
            return values
        cells = cell_list(frame, self.cutoff)
        centres, radii, span = cells.rank[chosen], np.array(self.radii), WIDTHS * self.delta
        step = self.spacing
        if step is not None:
            near = _distance_of_few(frame)
            n_direct = int(np.searchsorted(radii + span, near, side="right"))
            bins = _bins(self.radii[0], step, self.delta)
            _radial_kernels.radial_even(
                cells, centres, radii, self.delta, bins, n_direct, near, n_species, values
            )
        else:
            _radial_kernels.radial_any(cells, centres, radii, self.delta, span, n_species, values)
        return values


def _distance_of_few(frame: Frame) -> float:
    """Radius of the sphere (disk) that holds 16 particles at the mean density, length."""
    volume = _FEW_NEIGHBOURS / frame.number_density
    return float(np.sqrt(volume / np.pi) if frame.dimension == 2 else np.cbrt(0.75 * volume / np.pi))


def _bins(first_radius: float, step: float, delta: float) -> tuple[float, float, int, NDArray[np.float64]]:
    """Return first edge, width and number per step of the bins, and the polynomial of a Gaussian in each bin.

    The Gaussian is interpolated at the Chebyshev nodes of each bin: with four bins a δ to 1e-12 of its peak.
    """
    from vitrify.descriptors._radial_kernels import POWERS

    per_step = max(int(np.ceil(_BINS_PER_DELTA * step / delta - 1e-9)), 1)
    width = step / per_step
    half = int(np.ceil(WIDTHS * delta / width))
    middles = (np.arange(-half, half) + 0.5) * width
    nodes = np.cos(np.pi * (np.arange(POWERS) + 0.5) / POWERS)
    values = np.exp(-0.5 * ((middles[:, None] + 0.5 * width * nodes) / delta) ** 2)
    weights = np.linalg.solve(np.vander(nodes, POWERS, increasing=True), values.T).T
    return first_radius - half * width, width, per_step, np.ascontiguousarray(weights).ravel()
