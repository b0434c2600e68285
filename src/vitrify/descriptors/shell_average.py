"""Shell averages: the features of a particle together with their means over its surroundings, order by order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, from_dict, positive_length
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

_DEFAULT_CUTOFF = 2.3


@dataclass(frozen=True)
class ShellAverage(Descriptor):
    r"""Features of a descriptor and their local means of the orders 1 … n, each the mean of the order before it.

    .. math::

        X^{(n)}_i = \frac{1}{C} \sum_{j:\, R_{ij} < r_c} e^{-R_{ij}/r_c} X^{(n-1)}_j, \qquad
        C = \sum_{j:\, R_{ij} < r_c} e^{-R_{ij}/r_c}

    The sum includes the particle itself, with R = 0 and the weight 1: the formula does not exclude it, and an isolated
    particle keeps its value.

    Parameters
    ----------
    inner : Descriptor
        Gives the features of order 0.
    order : int, default 2
        Highest order n; all orders from 0 to it are returned side by side.
    cutoff : float, length, default 2.3
        Radius r_c of one averaging; the letter takes the second minimum of the radial distribution function. Other than
        in other descriptors it does not bound what counts: see `reach`.

    Raises
    ------
    ParameterError
        If `inner` is not a descriptor, the order not an integer of at least 0, or the cutoff not a positive length; on
        evaluation, if two features have one name, as where `inner` is an average with the same cutoff.

    Notes
    -----
    **Scale**: that of the inner descriptor; a feature that is the same for all particles keeps its value.
    **Differs from**: averages without the particle itself or with equal weights, as in the locally averaged order
    parameters of Lechner and Dellago; means over particles of one species only. Here all species count alike.
    **Invariant under**: what the inner descriptor is invariant under.
    **Cost**: that of the inner descriptor, then for each order one search of neighbours and one multiplication for each
    feature and neighbour (62 at the default cutoff and density 1.2). For few particles the inner descriptor is evaluated
    within `order` times `cutoff` of them. Memory: `order` + 3 times the inner features.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021), eq. 4.

    Examples
    --------
    Two particles 1 apart, of which the first has a neighbour B. Its mean is 1 / (1 + exp(−1/2)):

    >>> from vitrify.descriptors.coordination import Coordination
    >>> from vitrify.particles import Box
    >>> pair = Frame([[0.0, 0.0], [1.0, 0.0]], [0, 1], Box.orthorhombic([9.0, 9.0]))
    >>> mean = ShellAverage(Coordination(), order=1, cutoff=2.0)
    >>> mean.feature_names(("A", "B"))[3:]
    ('avg1[n_A; R<2]', 'avg1[n_B; R<2]', 'avg1[n; R<2]')
    >>> mean.evaluate(pair, [0]).round(4).tolist()
    [[0.0, 1.0, 1.0, 0.3775, 0.6225, 1.0]]
    """

    name: ClassVar[str] = "shell_average"
    lengths: ClassVar[tuple[str, ...]] = ("inner", "cutoff")
    inner: Descriptor
    order: int = 2
    cutoff: float = _DEFAULT_CUTOFF

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Descriptor):
            raise ParameterError(f"`inner` must be a descriptor; it is {self.inner!r}.")
        if not (np.isfinite(self.order) and self.order == int(self.order) and self.order >= 0):
            raise ParameterError(f"`order` must be an integer of at least 0; it is {self.order}.")
        object.__setattr__(self, "order", int(self.order))
        object.__setattr__(self, "cutoff", positive_length("cutoff", self.cutoff))

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> ShellAverage:
        """Return averages of few radial densities and bond orders."""
        del species_names
        from vitrify.descriptors.bond_order import BondOrder
        from vitrify.descriptors.combined import DescriptorSet
        from vitrify.descriptors.radial_density import RadialDensity

        inner = DescriptorSet((RadialDensity(radii=(0.9, 1.1)), BondOrder((4, 6), (1.0, 1.2))))
        return cls(inner, order=2, cutoff=1.3)

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> ShellAverage:
        """Return the averages of the descriptor that ``parameters["inner"]`` describes."""
        return cls(**{**parameters, "inner": from_dict(parameters["inner"])})

    @property
    def reach(self) -> float:
        """Distance beyond which nothing counts, length: `order` averagings, then the cutoff of the inner descriptor."""
        return self.order * self.cutoff + self.inner.cutoff

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether the inner descriptor knows these species."""
        return self.inner.knows(species_names)

    def _feature(self, name: str, order: int) -> str:
        cut = "" if self.cutoff == _DEFAULT_CUTOFF else f"; R<{self.cutoff:.10g}"
        return f"avg{order}[{name}{cut}]" if order else name

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the inner names, then order by order ``avg1[name]``, ``avg2[name]``; another cutoff than 2.3 is named too.

        Raises
        ------
        ParameterError
            If two features have one name.
        """
        inner = self.inner.feature_names(species_names)
        names = tuple(self._feature(name, order) for order in range(self.order + 1) for name in inner)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ParameterError(
                f"Two features of the averages are called '{twice}'. Raise `order` in place of averaging an average."
            )
        return names

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return what the inner descriptor says, and how its features are averaged."""
        inner = self.inner.attributes(units)
        return {
            **inner,
            "long_name": f"{inner['long_name']}; local means up to order {self.order}",
            "definition": f"{inner['definition']}; avg_n X(i) = sum_j exp(-R_ij/r_c) avg_(n-1) X(j) / sum_j exp(-R_ij/r_c), "
            f"j = i included, R_ij < r_c = {self.cutoff:g} {units.length}",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> ShellAverage:
        """Return the averages of only the inner features that are `wanted` in some order, up to the highest such order."""
        orders, features = [], set()
        for name in self.inner.feature_names(species_names):
            here = [n for n in range(self.order + 1) if self._feature(name, n) in wanted]
            orders += here
            features |= {name} if here else set()
        if not orders:
            return self
        return replace(self, inner=self.inner.narrowed(frozenset(features), species_names), order=max(orders))

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the inner features and their averages, (n, (order + 1) M): order by order."""
        from vitrify.descriptors import _averaging_kernels

        chosen = as_particles(frame, particles)
        n_features = len(self.feature_names(frame.species_names)) // (self.order + 1)
        results = np.empty((len(chosen), self.order + 1, n_features))
        if not len(chosen):
            self.inner.evaluate(frame, chosen)  # refuses species that it does not know
            return results.reshape(0, (self.order + 1) * n_features)
        cells = cell_list(frame, self.cutoff)
        wanted, place = cells.rank[chosen], np.empty(frame.n_particles, np.int64)
        levels = _levels(cells, wanted, self.order)
        values = self.inner.evaluate(frame, cells.order[levels[0]])
        for n, centres in enumerate(levels):
            if n:
                means = np.empty((len(centres), n_features))
                _averaging_kernels.average(cells, centres, place, values, means)
                values = means
            place[centres] = np.arange(len(centres))
            results[:, n] = values[place[wanted]]
        return results.reshape(len(chosen), (self.order + 1) * n_features)


def _levels(cells: Any, wanted: NDArray[np.int64], order: int) -> list[NDArray[np.int64]]:
    """Return which particles each order is needed of, ascending in cell order: of order n `levels`[n], the last `wanted`."""
    from vitrify.descriptors import _averaging_kernels

    marked = np.zeros(len(cells.order), bool)
    marked[wanted] = True
    levels = [np.flatnonzero(marked)]
    for _ in range(order):
        if len(levels[0]) < len(marked):
            _averaging_kernels.mark_neighbours(cells, levels[0], marked)
        levels.insert(0, np.flatnonzero(marked))
    return levels
