"""Cumulative densities: how many neighbours of each species are within each distance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, ascending_radii
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

_DEFAULT_RADII = tuple(k / 10 for k in range(1, 36))


@dataclass(frozen=True)
class CumulativeDensity(Descriptor):
    r"""Number of neighbours of species X within each of many distances: the local cumulative radial distribution.

    .. math::

        G^X_\mathrm{cdf}(i; \mu) = \sum_{j \in X,\, j \ne i} \Theta(\mu - R_{ij})

    Parameters
    ----------
    radii : tuple of float, length, default 0.1, 0.2, … 3.5
        μ, ascending.

    Raises
    ------
    ParameterError
        If the radii do not ascend, or none is positive.

    Notes
    -----
    **Scale**: a count; its mean tends to :math:`\frac{4}{3}\pi\mu^3\rho_X` in three dimensions.
    **Differs from**: `RadialDensity`, whose shells are soft and do not accumulate; `Coordination`, one cutoff for each pair of
    species. Differences of successive features are counts in sharp shells.
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice of
    periodic images; a step, so a particle at the very distance may change side by rounding.
    **Cost**: linear in particles and neighbours.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 5.8.

    Examples
    --------
    Two neighbours at 1 and at 2:

    >>> from vitrify.particles import Box
    >>> row = Frame([[0.0, 0.0], [1.0, 0.0], [-2.0, 0.0]], [0, 0, 1], Box.orthorhombic([9.0, 9.0]))
    >>> CumulativeDensity(radii=(0.5, 1.5, 2.5)).compute(row, [0]).sel(particle=0).values.tolist()
    [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    """

    name: ClassVar[str] = "cumulative_density"
    lengths: ClassVar[tuple[str, ...]] = ("radii",)
    radii: tuple[float, ...] = _DEFAULT_RADII

    def __post_init__(self) -> None:
        radii = ascending_radii(self.radii)
        if radii[-1] == 0:
            raise ParameterError("`radii` must have a positive one; within the distance 0 there is nothing.")
        object.__setattr__(self, "radii", radii)

    @property
    def cutoff(self) -> float:
        """The largest radius, length."""
        return self.radii[-1]

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``C_X(μ)``, species by species, the radii ascending.

        Examples
        --------
        >>> CumulativeDensity(radii=(1.0, 1.5)).feature_names(("A", "B"))
        ('C_A(1)', 'C_A(1.5)', 'C_B(1)', 'C_B(1.5)')
        """
        return tuple(f"C_{s}({r:.10g})" for s in species_names for r in self.radii)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": "1",
            "symbol": "G_cdf^X(mu)",
            "long_name": "cumulative density of neighbours",
            "definition": f"number of neighbours of species X closer than mu, in {units.length}",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> CumulativeDensity:
        """Return the member with only the radii of the `wanted` features."""
        radii = tuple(r for r in self.radii if any(f"C_{s}({r:.10g})" in wanted for s in species_names))
        return replace(self, radii=radii) if radii and radii[-1] > 0 else self

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the counts, (n, species times radii): species by species, the radii ascending."""
        from vitrify.descriptors import _shell_kernels

        chosen = as_particles(frame, particles)
        n_species = len(frame.species_names)
        values = np.empty((len(chosen), n_species * len(self.radii)))
        if len(chosen):
            cells = cell_list(frame, self.cutoff)
            _shell_kernels.cumulative(cells, cells.rank[chosen], np.array(self.radii) ** 2, n_species, values)
        return values
