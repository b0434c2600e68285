"""Particles sorted into clusters, and what the kernels of the engine "verlet" need to move them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.particles import Box, Frame

_LINE = 64  # bytes of a cache line: vectors must not lie across two
_LISTS_PER_SORT = 40
_MOBILITY = 5e-4  # displacement per force, of a push: below 2 over the stiffness of a dense liquid


class Motion:
    """Particles on their way, in memory as the kernels want them: those that are near each other in one cluster.

    Parameters
    ----------
    model : PairModel
    frame : Frame
        Periodic along every axis; positions may be unwrapped, and stay so.
    velocities : (N, d) float
    skin : float, length
    heat : (6,) float
        Positions and velocities of the three thermostats.

    Attributes
    ----------
    twice : float, energy
        Σ m v².
    """

    def __init__(
        self,
        model: Any,
        frame: Frame,
        velocities: NDArray[np.float64],
        skin: float,
        heat: NDArray[np.float64] | None = None,
    ) -> None:
        from vitrify.engines import _lanes, _verlet_kernels

        self.model, self.box, self.skin = model, frame.box, skin
        self.species = model.species_in_model(frame)
        self.law = _verlet_kernels.Law(model.interaction(_verlet_kernels, _lanes).formula)
        self.heat = np.zeros(6) if heat is None else np.array(heat, np.float64)
        self.twice = float((model.masses[self.species][:, None] * velocities**2).sum())
        self.partners, self.found = np.empty((1, 0), np.int32), np.empty((3, 0), np.int32)
        self._place(frame.positions, velocities)

    @property
    def freedom(self) -> int:
        """Degrees of freedom: the whole does not move."""
        return self.box.dimension * max(len(self.species) - 1, 1)

    @property
    def positions(self) -> NDArray[np.float64]:
        """Unwrapped, (N, d), in the order of the particles."""
        return self._in_order(self.clusters.positions)

    @property
    def velocities(self) -> NDArray[np.float64]:
        """(N, d), in the order of the particles."""
        return self._in_order(self.clusters.velocities)

    @property
    def forces(self) -> NDArray[np.float64]:
        """(N, d), in the order of the particles, good to single precision."""
        return self._in_order(self.clusters.forces)

    def energy_and_virial(self) -> tuple[float, float]:
        """Return the potential energy and Σ r·f over pairs, in double precision."""
        from vitrify.engines import _verlet_kernels as kernels

        energy, virial = kernels.energy_and_virial(self.law, self.clusters, self.partners[0])
        return float(energy), float(virial)

    def go_on(self, steps: int, time_step: float, temperature: float, change: float, tau: float) -> int:
        """Make `steps` steps while the temperature changes by `change` in each; return how many until it broke down.

        `tau` is the time constant of the thermostat, 0 for constant energy.
        """
        from vitrify.engines import _verlet_kernels as kernels

        done = 0
        while done < steps:
            target = temperature + change * done
            plan = (time_step, target, change, float(self.freedom), tau, self.skin, self._reach)
            made, ending, self.twice, self.partners, self.found = kernels.go_on(
                self.law,
                self.clusters,
                self.partners,
                self.found,
                self.heat,
                plan,
                steps - done,
                _LISTS_PER_SORT,
            )
            done += made
            if ending == kernels.BROKEN:
                return done
            if ending == kernels.UNSORTED:
                self._place(self.positions, self.velocities)
        return done

    def push_apart(self, steps: int = 1000, largest: float = 0.1) -> None:
        """Follow the forces downhill, in each step no further than a length that shrinks from `largest` to a hundredth."""
        from vitrify.engines import _verlet_kernels as kernels

        x, f = self.clusters.positions, self.clusters.forces
        for most in np.geomspace(largest, 0.01 * largest, steps):
            size = np.sqrt((f.astype(np.float64) ** 2).sum(axis=0))
            x += f * np.minimum(_MOBILITY, most / np.maximum(size, np.finfo(float).tiny))
            if kernels.place(self.clusters, 0.5 * self.skin):
                self.partners, self.found = kernels.list_partners(
                    self.clusters, self._reach, self.partners, self.found
                )
            kernels.forces_of(self.law, self.clusters, self.partners[0])

    @property
    def _reach(self) -> float:
        return float(self.model.max_cutoff + self.skin)

    def _in_order(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        d, n = self.box.dimension, len(self.species)
        out = np.empty((n, d))
        out[self.order] = rows[:d, :n].T
        return out

    def _place(self, positions: NDArray[np.float64], velocities: NDArray[np.float64]) -> None:
        """Sort the particles, list neighbours and find the forces."""
        from vitrify.engines import _verlet_kernels as kernels
        from vitrify.engines._lanes import WIDTH

        self.order = cluster_order(self.box, positions, WIDTH)
        self.clusters = self._clusters(positions[self.order], velocities[self.order])
        kernels.place(self.clusters, np.inf)
        self.partners, self.found = kernels.list_partners(
            self.clusters, self._reach, self.partners, self.found
        )
        kernels.forces_of(self.law, self.clusters, self.partners[0])

    def _clusters(self, positions: NDArray[np.float64], velocities: NDArray[np.float64]) -> Any:
        """Return the arrays of the kernels; a 2D system has z = 0."""
        from vitrify.engines import _verlet_kernels as kernels
        from vitrify.engines._lanes import WIDTH

        (n, d), species = positions.shape, self.species[self.order]
        vectors, inverse, origin = np.eye(3), np.eye(3), np.zeros(3)
        vectors[:d, :d], inverse[:d, :d], origin[:d] = self.box.vectors, self.box.inverse, self.box.origin
        edges = np.diag(vectors) if self.box.is_orthorhombic else vectors.ravel()
        width = -(-n // WIDTH) * WIDTH
        count = width // WIDTH
        table = self._table(species, width)
        x, v, turns = aligned((3, width), np.float64), aligned((3, width), np.float64), inverse * kernels.TURN
        x[:d, :n], v[:d, :n] = positions.T, velocities.T
        bases = np.full(width, len(self.model.cutoffs) * kernels.ROWS * width)
        masses, inverse_masses = aligned(width), aligned(width)
        bases[:n], masses[:n] = species * kernels.ROWS * width, self.model.masses[species]
        inverse_masses[:n] = 1 / masses[:n]
        single = aligned(table.shape, np.float32)
        single[:] = table
        return kernels.Clusters(
            count=n,
            bases=bases,
            masses=masses,
            inverse_masses=inverse_masses,
            table=single,
            wide_table=table,
            turns=aligned((3, width), np.int32),
            anchors=aligned((3, width), np.int32),
            positions=x,
            velocities=v,
            forces=aligned((3, width), np.float32),
            rows=aligned(3 * kernels.BLOCK, np.float32),
            first=np.zeros(width + 1, np.int64),
            middle=np.empty((3, count), np.int32),
            half=np.empty((3, count), np.float32),
            to_turns=np.vstack([turns, -origin @ turns]),
            edges=tuple(np.float32(edge) for edge in edges / kernels.TURN),
            wide_edges=tuple((edges / kernels.TURN).tolist()),
        )

    def _table(self, species: NDArray[np.int64], width: int) -> NDArray[np.float64]:
        """Parameters of each particle for partners of each species; what fills the last cluster has cutoff 0."""
        from vitrify.engines import _verlet_kernels as kernels

        rows, cutoffs, n = self.model.kernel_parameters(), self.model.cutoffs, len(species)
        table = aligned((len(rows) + 1, kernels.ROWS, width), np.float64)
        table[:-1, : kernels.CUTOFF, :n] = rows[:, species].transpose(0, 2, 1)
        table[:-1, kernels.CUTOFF, :n] = cutoffs[:, species] ** 2
        table[:-1, kernels.REACH, :n] = (cutoffs[:, species] + self.skin) ** 2
        return table.ravel()


def aligned(shape: Any, dtype: Any = np.float64) -> NDArray[Any]:
    """Return zeros that begin with a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _LINE, np.uint8)
    begin = -raw.ctypes.data % _LINE
    return raw[begin : begin + size].view(dtype).reshape(shape)


def cluster_order(box: Box, positions: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Return the order in which every `width` particles are near each other.

    The box is cut into slabs along its first axis, those into columns, and those into clusters, each with the same number
    of particles, and all about as thick as wide.
    """
    n, d = positions.shape
    fractional = box.fractional(positions)
    fractional -= np.floor(fractional)
    count = -(-n // width)
    edge = (box.volume / count) ** (1 / d)
    cluster = np.arange(n) // width
    order = np.argsort(fractional[:, 0], kind="stable")
    group = np.zeros(n, np.int64)
    for axis in range(d - 1):
        pieces = max(1, round(box.heights[axis] / edge))
        first = np.searchsorted(group, group, side="left") // width
        length = -(-np.searchsorted(group, group, side="right") // width) - first
        group = group * pieces + (cluster - first) * pieces // np.maximum(length, 1)
        order = order[np.lexsort((fractional[order, axis + 1], group))]
    return order
