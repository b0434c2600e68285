"""Bond-orientational order in sharp shells, of second and third order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.descriptors.bond_order import _recurrence
from vitrify.descriptors.steinhardt import _NO_TERMS, SMALLEST_ORDER, _third_order_terms
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

_DEFAULT_SHELLS = ((1.0, 1.5), (1.5, 2.0), (2.0, 2.5), (2.5, 3.0), (3.0, 3.5))
_AT_ONCE = 8192  # particles whose moments are held together: 5 shells of 7 degrees are 5 kB each


@dataclass(frozen=True)
class ShellBondOrder(Descriptor):
    r"""Bond-orientational order of the neighbours in a sharp shell.

    .. math::

        Q_{lm}(i) = \frac{1}{N_i} \sum_{j:\, r_\mathrm{min} < R_{ij} < r_\mathrm{max}} Y_{lm}(\hat{\mathbf{R}}_{ij}), \qquad
        Q_l = \Big[ \frac{4\pi}{2l+1} \sum_m |Q_{lm}|^2 \Big]^{1/2}

        \hat W_l = \Big[ \sum_m |Q_{lm}|^2 \Big]^{-3/2} \sum_{m_1 + m_2 + m_3 = 0}
        \begin{pmatrix} l & l & l \\ m_1 & m_2 & m_3 \end{pmatrix} Q_{lm_1} Q_{lm_2} Q_{lm_3}

    with :math:`N_i` neighbours in the shell.

    Parameters
    ----------
    shells : tuple of (float, float), length, default (1, 1.5), (1.5, 2), … (3, 3.5)
        r_min and r_max of each; they may overlap.
    degrees : tuple of int, default 2, 4, … 14
        l, ascending, at least 1.
    third_order : bool, default False
        Whether the :math:`\hat W_l` of even degrees are features too.
    by_species : bool, default False
        Whether neighbours of each species have their own features.

    Raises
    ------
    ParameterError
        If a shell is not two lengths that ascend, a shell stands there twice, or degrees do not ascend.

    Notes
    -----
    **Scale**: Q_l between 0 and 1; :math:`1/\sqrt{n}` in the root mean square for n neighbours in random directions. Empty shells, and
    :math:`\hat W_l` where Q_l is below 1e-8, have 0.
    **Differs from**: `BondOrder`, whose shells are Gaussian; `Steinhardt`, one ball around the particle, whose averages follow
    Lechner and Dellago. In two dimensions the particles lie in the plane z = 0 of the same formula.
    **Invariant under**: translations, rotations and reflections, relabelling, any choice of periodic images; a step, so a
    particle at the very edge of a shell may change side by rounding.
    **Cost**: linear in particles; for each the neighbours times l², and about 3 l² terms for :math:`\hat W_l`.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eqs. 5.9 to 5.13.
    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983).

    Examples
    --------
    Six neighbours along the axes, as in the simple cubic lattice: Q_4 = (7/12)^½, W_4 = 0.159.

    >>> from vitrify.particles import Box
    >>> ends = [[0.0] * 3, [1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 1.0], [0, 0, -1.0]]
    >>> frame = Frame(ends, [0] * 7, Box.orthorhombic([9.0] * 3))
    >>> ShellBondOrder(((0.8, 1.2),), (4,), third_order=True).evaluate(frame, [0]).round(4).tolist()
    [[0.7638, 0.1593]]
    """

    name: ClassVar[str] = "shell_bond_order"
    lengths: ClassVar[tuple[str, ...]] = ("shells",)
    shells: tuple[tuple[float, float], ...] = _DEFAULT_SHELLS
    degrees: tuple[int, ...] = (2, 4, 6, 8, 10, 12, 14)
    third_order: bool = False
    by_species: bool = False

    def __post_init__(self) -> None:
        shells = tuple(_checked(shell) for shell in self.shells)
        if not shells or len(set(shells)) < len(shells):
            raise ParameterError(f"`shells` needs one or more shells, each once; got {shells}.")
        degrees = tuple(self.degrees)
        whole = all(np.isfinite(d) and d == int(d) and d >= 1 for d in degrees)
        if not degrees or not whole or any(b <= a for a, b in pairwise(degrees)):
            raise ParameterError(
                f"`degrees` must be integers of at least 1 that ascend, one or more; got {degrees}."
            )
        object.__setattr__(self, "shells", shells)
        object.__setattr__(self, "degrees", tuple(int(d) for d in degrees))
        object.__setattr__(self, "third_order", bool(self.third_order))
        object.__setattr__(self, "by_species", bool(self.by_species))

    @property
    def cutoff(self) -> float:
        """The largest outer radius, length."""
        return max(outer for _, outer in self.shells)

    @property
    def _even(self) -> tuple[int, ...]:
        return tuple(d for d in self.degrees if d % 2 == 0) if self.third_order else ()

    def _features(self, shell: tuple[float, float], species: str) -> tuple[str, ...]:
        of = f",{species}" if species else ""
        within = f"({shell[0]:.10g}<R<{shell[1]:.10g})"
        letters = [("Q", self.degrees), ("W", self._even)]
        return tuple(f"{letter}_{d}{of}{within}" for letter, degrees in letters for d in degrees)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``Q_l(r_min<R<r_max)`` of all degrees, then the ``W_l`` if wanted; shell by shell, species by species.

        Examples
        --------
        >>> ShellBondOrder(((1.0, 1.5), (1.5, 2.0)), (2, 4)).feature_names(("A", "B"))
        ('Q_2(1<R<1.5)', 'Q_4(1<R<1.5)', 'Q_2(1.5<R<2)', 'Q_4(1.5<R<2)')
        """
        species = species_names if self.by_species else ("",)
        return tuple(name for shell in self.shells for s in species for name in self._features(shell, s))

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        which = "each species" if self.by_species else "all species"
        third = "; W_l = sum (lll; m1 m2 m3) Q_lm1 Q_lm2 Q_lm3 / (sum_m |Q_lm|^2)^(3/2)" if self._even else ""
        return {
            "units": "1",
            "symbol": "Q_l, W_l" if self._even else "Q_l",
            "long_name": "bond-orientational order in sharp shells",
            "definition": "Q_l = sqrt(4 pi/(2l+1) sum_m |Q_lm|^2), Q_lm = mean of Y_lm(R_ij) over the neighbours of "
            f"{which} in a shell, radii in {units.length}{third}",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> ShellBondOrder:
        """Return the member with only the shells and degrees of `wanted` features."""
        species = species_names if self.by_species else ("",)
        shells = tuple(
            s for s in self.shells if any(wanted.intersection(self._features(s, x)) for x in species)
        )
        if not shells:
            return self
        degrees = tuple(
            d
            for d in self.degrees
            if wanted.intersection(replace(self, shells=shells, degrees=(d,)).feature_names(species_names))
        )
        return replace(self, shells=shells, degrees=degrees)

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return Q_l and W_l, (n, shells times species times degrees)."""
        chosen = as_particles(frame, particles)
        n_classes = len(frame.species_names) if self.by_species else 1
        n_groups = len(self.shells) * n_classes
        width = len(self.degrees) + len(self._even)
        values = np.empty((len(chosen), n_groups, width))
        if len(chosen):
            cells = cell_list(frame, self.cutoff)
            for start in range(0, len(chosen), _AT_ONCE):
                rows = slice(start, start + _AT_ONCE)
                self._fill(cells, cells.rank[chosen[rows]], len(frame.species_names), values[rows])
        return values.reshape(len(chosen), n_groups * width)

    def _fill(
        self, cells: object, centres: NDArray[np.int64], n_species: int, out: NDArray[np.float64]
    ) -> None:
        """Fill the features of some centres, (n, groups, degrees + even degrees)."""
        from vitrify.descriptors import _shell_kernels, _steinhardt_kernels

        degrees = np.array(self.degrees)
        starts = np.concatenate([[0], np.cumsum(degrees + 1)])
        wanted = np.full(self.degrees[-1] + 2, -1)
        wanted[degrees] = starts[:-1]
        kinds = np.arange(n_species) if self.by_species else np.zeros(n_species, np.int64)
        moments = np.empty((len(centres), out.shape[1], starts[-1], 2))
        _shell_kernels.moments(
            cells,
            centres,
            np.array(self.shells) ** 2,
            kinds,
            _most_shared(self.shells),
            wanted,
            _recurrence(self.degrees[-1]),
            moments,
        )
        columns = np.full(len(degrees), -1)
        columns[np.isin(degrees, self._even)] = len(degrees) + np.arange(len(self._even))
        rows = [_third_order_terms(d) if d in self._even else _NO_TERMS for d in self.degrees]
        ends = np.concatenate([[0], np.cumsum([len(factors) for _, factors in rows])])
        terms, factors = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        flat = out.reshape(-1, out.shape[2])
        _steinhardt_kernels.invariants(
            moments.reshape(-1, starts[-1], 2),
            starts,
            degrees,
            columns,
            ends,
            terms,
            factors,
            SMALLEST_ORDER,
            flat,
        )


def _checked(shell: object) -> tuple[float, float]:
    """Return the two radii of a shell, the first of which may be zero."""
    radii = np.asarray(shell, np.float64)
    if radii.shape != (2,) or not np.isfinite(radii).all() or not 0 <= radii[0] < radii[1]:
        raise ParameterError(
            f"Each of `shells` is two radii that ascend, such as (1.0, 1.5); one is {shell}."
        )
    return float(radii[0]), positive_length("shells", radii[1])


def _most_shared(shells: tuple[tuple[float, float], ...]) -> int:
    """How many shells overlap at most."""
    return max(sum(low <= inner < high for low, high in shells) for inner, _ in shells)
