"""A softness of radial functions as one pair function for each neighbour species, tabulated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, UnknownNameError
from vitrify.predictors.pair_tables import (
    Gaussians,
    PairFunction,
    PairTable,
    by_species,
    groups_of,
    pair_function,
    reach_of,
    tabulate,
)

if TYPE_CHECKING:
    from vitrify.descriptors.base import Descriptor
    from vitrify.particles import Frame
    from vitrify.predictors.trained import TrainedSoftness

_MAX_NAMED = 6
_TAIL = 0.1


@dataclass(frozen=True, eq=False)
class CompiledSoftness:
    r"""A trained softness of radial functions, evaluated as a sum of pair functions.

    A plane in the space of radial structure functions is one function of the distance for each neighbour species,
    however many functions there are. The scaler and the bias are folded in, the species of the centre is fixed.

    .. math::

        S_i = S_0 + \sum_X \sum_{j \in X} u_X(R_{ij}), \quad
        u_X(R) = \sum_k \frac{w_{Xk}}{s_{Xk}} e^{-(r_k - R)^2 / 2 \delta^2}, \quad
        S_0 = b - \sum_{Xk} \frac{w_{Xk} m_{Xk}}{s_{Xk}}

    with the means m and the scales s of the features. Make one with `from_trained`.

    Parameters
    ----------
    constant : float
        S_0.
    gaussians : Gaussians
        The terms of all pair functions.
    species_names : sequence of str
    centre_species : str
    positions : {"inherent", "thermal"}, default "inherent"
        Which positions it must be given.
    tolerance : float, default 1e-9
        Largest error of a softness that the tables are made for.
    neighbours : int, default 2000
        How many neighbours a particle has at most within the cutoff; no more than a tenth of them in the outermost
        layer that is left out.

    Raises
    ------
    ParameterError
        If `tolerance` or `neighbours` is not positive.

    Notes
    -----
    **Scale**: that of the trained softness: ±1 on the margins.
    **Differs from**: `TrainedSoftness.softness` by at most `interpolation_error`. The thesis has b = 0 and features that
    are not standardised, so that S_0 is absent there.
    **Invariant under**: what the radial functions are invariant under. The bits of a value do not depend on which
    particles are asked for, nor on the number of threads.
    **Cost**: linear in particles and neighbours: one table lookup a neighbour, whatever the number of functions.

    The tables hold cubics that meet the function at the Chebyshev nodes of each step h. Their error is at most
    h⁴ / 3072 times the fourth derivative of u, and h follows from a bound on that derivative. Where the terms of u are
    larger than 1, at distances shorter than any in the training set, the error is relative to them.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.14.

    Examples
    --------
    >>> from vitrify.particles import Box, Frame
    >>> from vitrify.predictors.trained import TrainedSoftness
    >>> trained = TrainedSoftness(
    ...     [2.0], 0.5, [1.0], [4.0], ["G_A(1)"], {"name": "radial_density", "radii": [1.0]}, ["A"], "A"
    ... )
    >>> compiled = CompiledSoftness.from_trained(trained)
    >>> compiled.constant, compiled.pair_function("A", [1.0, 1.1]).round(4).tolist()
    (0.0, [0.5, 0.3033])
    >>> pair = Frame([[0.0, 0.0], [1.1, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> compiled.softness(pair).round(4).tolist()
    [0.3033, 0.3033]
    """

    constant: float
    gaussians: Gaussians
    species_names: tuple[str, ...]
    centre_species: str
    positions: str = "inherent"
    tolerance: float = 1e-9
    neighbours: int = 2000
    tables: tuple[PairTable, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("tolerance", "neighbours"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a positive number; it is {value}.")
        object.__setattr__(self, "species_names", tuple(self.species_names))
        tail = self._tail
        error = 0.8 * self.tolerance / self.neighbours
        tables = []
        for group, smooth in groups_of(self.gaussians, tail):
            reach = reach_of(group, tail, smooth)
            truncation = group.tail(reach) if smooth else 0.0
            tables.append(tabulate(by_species(group, self.species_names), reach, truncation, error))
        object.__setattr__(self, "tables", tuple(tables))

    @classmethod
    def from_trained(
        cls, trained: TrainedSoftness, *, tolerance: float = 1e-9, neighbours: int = 2000
    ) -> CompiledSoftness:
        """Fold weights, scaler and bias of a trained softness into pair functions.

        Parameters
        ----------
        trained : TrainedSoftness
            Of radial functions: `RadialDensity`, and sets and selections of them. Features of weight 0 may be anything.
        tolerance, neighbours
            As above.

        Raises
        ------
        ParameterError
            If features with a weight are not radial, naming them, or the descriptors have other features now.
        """
        from vitrify.descriptors.base import from_dict

        terms = _terms(from_dict(trained.descriptors), trained.species_names)
        names = [name for name, _ in terms]
        if tuple(names) != trained.feature_names:
            raise ParameterError(
                f"The descriptors make {len(names)} features, {', '.join(names[:3])} …, where `feature_names` has "
                f"{len(trained.feature_names)}, {', '.join(trained.feature_names[:3])} …. Train again."
            )
        wrong = [name for (name, term), w in zip(terms, trained.weights, strict=True) if w and term is None]
        if wrong:
            some = ", ".join(wrong[:_MAX_NAMED]) + (", …" if len(wrong) > _MAX_NAMED else "")
            raise ParameterError(
                f"Only radial functions are sums over pairs; {len(wrong)} of the {len(names)} features with a weight "
                f"are not: {some}. Train with radial functions alone, such as 'schoenholz-2016-radial'."
            )
        amplitude = trained.weights / trained.scale
        kept = [(a, *term) for a, (_, term) in zip(amplitude, terms, strict=True) if a and term is not None]
        columns = np.array(kept, dtype=np.float64).reshape(-1, 5).T
        return cls(
            constant=trained.bias - float(np.sum(amplitude * trained.mean)),
            gaussians=Gaussians(columns[0], columns[1], columns[2], columns[3], columns[4].astype(np.int64)),
            species_names=trained.species_names,
            centre_species=trained.centre_species,
            positions=trained.positions,
            tolerance=tolerance,
            neighbours=neighbours,
        )

    @property
    def _tail(self) -> float:
        """How much a neighbour may add that is left out."""
        return 0.1 * self.tolerance / (_TAIL * self.neighbours)

    @property
    def pair_functions(self) -> tuple[PairFunction, ...]:
        """The pair function of each neighbour species."""
        return tuple(pair_function(g, self._tail) for g in by_species(self.gaussians, self.species_names))

    @property
    def cutoff(self) -> float:
        """Distance beyond which no neighbour counts, length; 0 if there is no weight."""
        return max((table.reach for table in self.tables), default=0.0)

    @property
    def interpolation_error(self) -> float:
        """Bound on the error of a softness, for a particle with up to `neighbours` neighbours."""
        each = sum(table.error for table in self.tables) * self.neighbours
        return each + sum(table.truncation for table in self.tables) * _TAIL * self.neighbours

    def pair_function(self, species: str, r: ArrayLike) -> NDArray[np.float64]:
        """Return u_X(R) from its definition, not from the table.

        Parameters
        ----------
        species : str
            X, of the neighbour.
        r : array_like of float, length
            R.

        Returns
        -------
        float array of the shape of `r`

        Raises
        ------
        UnknownNameError
            If there is no such species.
        """
        if species not in self.species_names:
            raise UnknownNameError("species", species, self.species_names)
        chosen = self.gaussians.take(self.gaussians.species == self.species_names.index(species))
        distance = np.asarray(r, dtype=np.float64)
        total = np.zeros(distance.size)
        for cutoff in np.unique(chosen.cutoff):
            total += chosen.take(chosen.cutoff == cutoff).sum(distance.ravel()) * (distance.ravel() < cutoff)
        return total.reshape(distance.shape)

    def softness(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the softness of particles of a configuration.

        Parameters
        ----------
        frame : Frame
            Of the kind of positions (`positions`) that this was trained on.
        particles : (n,) array_like of int, optional
            By default all of `centre_species`.

        Returns
        -------
        (n,) float

        Raises
        ------
        ParameterError
            If the species of the frame are not those of the training.
        """
        return self.constant + self._sums(frame, particles, 1)[:, 0]

    def gradient(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the gradient of each particle's softness with respect to its own position.

        The direction in which a particle becomes softer fastest, all others staying where they are. Jumps at a cutoff
        that was chosen within the range of the functions are left out.

        Parameters
        ----------
        frame, particles
            As in `softness`.

        Returns
        -------
        (n, d) float, 1/length
            Derivatives of the tabulated cubics, about a thousand times less exact than the softness.

        Raises
        ------
        ParameterError
            As in `softness`.
        """
        return self._sums(frame, particles, 3)[:, : frame.dimension]

    def _sums(self, frame: Frame, particles: ArrayLike | None, columns: int) -> NDArray[np.float64]:
        """Return the sums of pair functions (n, 1), or of their gradients (n, 3)."""
        from vitrify.particles.neighbors import cell_list
        from vitrify.predictors import _compiled_kernels
        from vitrify.predictors.trained import centres_of

        chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        total = np.zeros((len(chosen), columns))
        for table in self.tables if len(chosen) else ():
            cells = cell_list(frame, table.reach)
            places = cells.rank[chosen]
            order = np.argsort(places, kind="stable")
            centres = places[order]
            changes = np.diff(cells.cell[centres], axis=0).any(axis=1)
            clusters = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(centres)]])
            part = np.zeros_like(total)
            _compiled_kernels.pair_sums(cells, centres, clusters, table.step, table.rows, part)
            total[order] += part
        return total


_Term = tuple[float, float, float, int]


def _terms(descriptor: Descriptor, species_names: tuple[str, ...]) -> list[tuple[str, _Term | None]]:
    """Return name and (radius, delta, cutoff, species) of each feature in order; None for one that is not radial."""
    from vitrify.descriptors.combined import DescriptorSet, Select
    from vitrify.descriptors.radial_density import RadialDensity

    names = descriptor.feature_names(species_names)
    if isinstance(descriptor, DescriptorSet):
        return [term for member in descriptor.members for term in _terms(member, species_names)]
    if isinstance(descriptor, Select):
        inner = dict(_terms(descriptor.inner, species_names))
        return [(name, inner[name]) for name in names]
    if isinstance(descriptor, RadialDensity):
        places = [(r, s) for s in range(len(species_names)) for r in descriptor.radii]
        return [
            (name, (r, descriptor.delta, descriptor.cutoff, s))
            for name, (r, s) in zip(names, places, strict=True)
        ]
    return [(name, None) for name in names]
