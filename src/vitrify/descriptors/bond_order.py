"""Bond-orientational order in Gaussian shells: how regularly the directions to the neighbours near a distance are spread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, ascending_radii, positive_length
from vitrify.descriptors.radial_density import DEFAULT_DELTA, WIDTHS, unusual
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

SMALLEST_SUM = 1e-12
"""Sum of weights below which a shell counts as empty."""

_DEFAULT_DEGREES = tuple(range(1, 13))
_DEFAULT_RADII = tuple(k / 10 for k in range(10, 26))


@dataclass(frozen=True)
class BondOrder(Descriptor):
    r"""Bond-orientational order of the neighbours of any species in a soft shell of radius r.

    .. math::

        q_{lm}(i; r, \delta) = \frac{1}{Z} \sum_{j \ne i} e^{-(R_{ij} - r)^2 / 2 \delta^2}\, Y_{lm}(\hat{\mathbf{R}}_{ij}),
        \qquad Z = \sum_{j \ne i} e^{-(R_{ij} - r)^2 / 2 \delta^2}

        q_l(i; r, \delta) = \Big[ \frac{4\pi}{2l+1} \sum_{m=-l}^{l} |q_{lm}(i; r, \delta)|^2 \Big]^{1/2}

    Where Z is below 1e-12, so that no neighbour is within 7.4 δ of the shell, it is replaced by 1e-12: the value fades
    out continuously and is 0 without neighbours.

    Parameters
    ----------
    degrees : tuple of int, default 1, 2, … 12
        l, ascending, at least 1.
    radii : tuple of float, length, default 1.0, 1.1, … 2.5
        r, ascending.
    delta : float, length, default 0.1
        Width of the shells, δ.
    cutoff : float, length, optional
        Neighbours beyond it do not count. By default the largest radius plus 8 `delta`. With a large `delta` it becomes
        the sharp cutoff of Steinhardt, Nelson and Ronchetti.

    Raises
    ------
    ParameterError
        If degrees or radii do not ascend, a degree is not an integer of at least 1, or a length is not positive.

    Notes
    -----
    **Scale**: between 0 and 1; 1 if all neighbours of the shell lie in one direction (for even l in two opposite ones),
    as with a single neighbour; :math:`1/\sqrt{n}` in the root mean square for n neighbours in random directions. Terms
    below 1.3e-14 of the largest in their shell may be left out.
    **Differs from**: the letter, where q is undefined for Z = 0; Steinhardt's q_l, which counts all neighbours up to a
    sharp cutoff alike; their averages over neighbours by Lechner and Dellago, which average q_lm and not q_l. Species
    are not told apart, as in the letter. A neighbour on the very spot of the particle has no direction and is left out.
    In two dimensions the particles lie in the plane z = 0 of the same formula; q_l then mixes the angular orders
    m = l, l − 2, … of the plane.
    **Invariant under**: translations, rotations and reflections, relabelling, exchange of species, any choice of
    periodic images. A neighbour's own images are further neighbours where the box is small.
    **Cost**: linear in particles; for each the neighbours times l² for the harmonics, and those within 8 δ of a radius
    times l² for each radius.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021), eqs. 2 and 3.
    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983).

    Examples
    --------
    Four neighbours in a square around a particle: no order of degree 1, and q_4 = √34 / 8.

    >>> from vitrify.particles import Box
    >>> corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    >>> frame = Frame(corners, [0] * 5, Box.orthorhombic([9.0, 9.0]))
    >>> BondOrder(degrees=(1, 4), radii=(1.0,)).evaluate(frame, [0]).round(4).tolist()
    [[0.0, 0.8292]]
    """

    name: ClassVar[str] = "bond_order"
    lengths: ClassVar[tuple[str, ...]] = ("radii", "delta", "cutoff")
    degrees: tuple[int, ...] = _DEFAULT_DEGREES
    radii: tuple[float, ...] = _DEFAULT_RADII
    delta: float = DEFAULT_DELTA
    cutoff: float = None  # type: ignore[assignment]  # None becomes the default in __post_init__

    def __post_init__(self) -> None:
        degrees = tuple(self.degrees)
        whole = all(np.isfinite(d) and d == int(d) and d >= 1 for d in degrees)
        if not degrees or not whole or any(b <= a for a, b in pairwise(degrees)):
            raise ParameterError(
                f"`degrees` must be integers of at least 1 that ascend, one or more; got {degrees}."
            )
        object.__setattr__(self, "degrees", tuple(int(d) for d in degrees))
        object.__setattr__(self, "radii", ascending_radii(self.radii))
        object.__setattr__(self, "delta", positive_length("delta", self.delta))
        cutoff = self._natural_cutoff if self.cutoff is None else positive_length("cutoff", self.cutoff)
        object.__setattr__(self, "cutoff", cutoff)

    @property
    def _natural_cutoff(self) -> float:
        return self.radii[-1] + WIDTHS * self.delta

    def _feature(self, degree: int, radius: float) -> str:
        return f"q_{degree}({radius:.10g}{unusual(self.delta, self.cutoff, self._natural_cutoff)})"

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``q_l(r)``, degree by degree; a δ other than 0.1 is named too.

        Examples
        --------
        >>> BondOrder(degrees=(4, 6), radii=(1.0, 1.1)).feature_names(("A", "B"))
        ('q_4(1)', 'q_4(1.1)', 'q_6(1)', 'q_6(1.1)')
        """
        del species_names
        return tuple(self._feature(d, r) for d in self.degrees for r in self.radii)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": "1",
            "symbol": "q_l(r)",
            "long_name": "bond-orientational order in Gaussian shells",
            "definition": "sqrt(4 pi/(2l+1) sum_m |q_lm|^2), q_lm = sum_j w_j Y_lm(R_ij) / sum_j w_j, "
            f"w_j = exp(-(r-R_ij)^2/(2 delta^2)), delta = {self.delta:g} {units.length}, "
            f"R_ij < {self.cutoff:g} {units.length}, all species, sum of w_j at least {SMALLEST_SUM:g}",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> BondOrder:
        """Return the member with only the degrees and radii that `wanted` features have, and the cutoff they need."""
        del species_names
        pairs = [(d, r) for d in self.degrees for r in self.radii if self._feature(d, r) in wanted]
        if not pairs:
            return self
        degrees, radii = (tuple(sorted(set(values))) for values in zip(*pairs, strict=True))
        cutoff: Any = None if self.cutoff == self._natural_cutoff else self.cutoff
        return replace(self, degrees=degrees, radii=radii, cutoff=cutoff)

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return q_l(i; r), (n, degrees times radii): degree by degree, the radii ascending."""
        from vitrify.descriptors import _bond_order_kernels

        chosen = as_particles(frame, particles)
        n_degrees, n_radii = len(self.degrees), len(self.radii)
        filled = -(-n_radii // _bond_order_kernels.GROUP) * _bond_order_kernels.GROUP
        values = np.empty((len(chosen), n_degrees * n_radii))
        if not len(chosen):
            return values
        cells = cell_list(frame, self.cutoff)
        radii = np.array(self.radii + self.radii[-1:] * (filled - n_radii))
        wanted = np.isin(np.arange(self.degrees[-1] + 2), self.degrees)
        limits = (WIDTHS, SMALLEST_SUM)
        _bond_order_kernels.bond_order(
            cells,
            cells.rank[chosen],
            wanted,
            radii,
            n_radii,
            self.delta,
            limits,
            _recurrence(self.degrees[-1]),
            values,
        )
        return values


def _recurrence(
    l_max: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return factors between spherical harmonics C_lm of Racah's norm, times √2 for m > 0.

    With z = cos θ and s = sin θ e^{iφ}: C_mm = `diagonal`[m] s C_m-1,m-1, then C_lm = `forward`[m, l] z C_l-1,m −
    `back`[m, l] C_l-2,m for l up to l_max + 1.
    """
    m, degree = np.arange(l_max + 1.0), np.arange(l_max + 2.0)
    diagonal = np.sqrt(1 - 0.5 / np.maximum(m, 1.0))
    diagonal[1] = 1.0
    width = np.sqrt(np.maximum(degree**2 - m[:, None] ** 2, 0.0))
    above = degree > m[:, None]
    forward = np.divide(2 * degree - 1, width, out=np.zeros_like(width), where=above)
    back = np.zeros_like(width)
    np.divide(width[:, :-1], width[:, 1:], out=back[:, 1:], where=above[:, 1:])
    return diagonal, forward, back
