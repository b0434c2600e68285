"""Hard spheres between two collisions and the next: the state that the kernels move on, and how it is made from a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.particles import Box, Frame

_NEIGHBOURS = {
    2: 8.0,
    3: 12.0,
}  # that a list should hold: with more, more pairs are tried; with fewer, lists end sooner
_THINNEST_SHELL = 0.02  # of the mean diameter
_LEAST_BOX = 2.1  # largest diameters


@dataclass
class Flow:
    """Spheres on their way: what the kernels need between two calls. Positions are unwrapped.

    Attributes
    ----------
    positions, velocities : (N, 3) float
        The third component is 0 in two dimensions.
    radii, masses : (N,) float
    lengths : (d,) float
        Of the box.
    shell : float, optional
        As of `EventDriven`.
    collisions : int
        Counted so far.
    virial : float, energy
        Σ r·Δp over them.
    lookups, stale : int
        How often a list was renewed and an event had become stale: what the dynamics costs besides collisions.
    """

    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]
    radii: NDArray[np.float64]
    masses: NDArray[np.float64]
    lengths: NDArray[np.float64]
    shell: float | None = None
    collisions: int = 0
    virial: float = 0.0
    lookups: int = 0
    stale: int = 0

    @property
    def kinetic_energy(self) -> float:
        """Σ m v²/2, the motion of the whole included."""
        return float(0.5 * (self.masses[:, None] * self.velocities**2).sum())

    @property
    def temperature(self) -> float:
        """Kinetic temperature in the frame in which the whole rests, 2 K/(d (N − 1))."""
        n, d = len(self.masses), len(self.lengths)
        drift = self.masses @ self.velocities / self.masses.sum()
        own = 0.5 * (self.masses[:, None] * (self.velocities - drift) ** 2).sum()
        return float(2 * own / (d * max(n - 1, 1)))

    def go_on(self, duration: float, growth: float = 0.0, most: int = -1) -> float:
        """Move on for `duration` while the radii grow by `growth` of themselves per time; return for how long it went well.

        That is less than `duration` where there were `most` collisions before; then the flow is where it was.
        """
        from vitrify.engines import _event_driven_kernels as kernels

        capacity = 32
        while True:
            system, order = self._system(duration, growth, capacity)
            ending, end, collisions, virial, lookups, stale = kernels.run(system, duration, most)
            if ending != kernels.LISTS_FULL:
                break
            capacity *= 2
        if ending == kernels.TOO_MANY:
            return float(end)
        bodies = np.empty_like(system.bodies)
        bodies[order] = system.bodies
        self.positions, self.velocities = bodies[:, 0:3].copy(), bodies[:, 3:6].copy()
        self.radii = bodies[:, kernels.RADIUS].copy()
        self.collisions += int(collisions)
        self.virial += float(virial)
        self.lookups += int(lookups)
        self.stale += int(stale)
        return duration

    def closest(self) -> tuple[float, int, int]:
        """Return the smallest distance over σ_ij, and the pair; infinite if nothing is near."""
        from vitrify.engines import _event_driven_kernels as kernels

        n, d = len(self.radii), len(self.lengths)
        spacing = float((np.prod(self.lengths) / max(n, 1)) ** (1 / d))
        lengths, inverse, grid = _periodic(self.lengths, max(2 * float(self.radii.max()), spacing), n)
        first = np.full(int(grid.prod()), -1, np.int64)
        ratio, i, j = kernels.closest(self.positions, self.radii, lengths, inverse, first, grid)
        return float(ratio), int(i), int(j)

    def _system(self, duration: float, growth: float, capacity: int) -> tuple[Any, NDArray[np.int64]]:
        """Return the arrays of the kernels, and which particle each of their rows is: neighbours in space in memory too."""
        from vitrify.engines import _event_driven_kernels as kernels

        n = len(self.radii)
        reach = 1 + growth * duration
        sigma, mean = 2 * float(self.radii.max()) * reach, 2 * float(self.radii.mean()) * reach
        shell = _shell(self.lengths, sigma, mean, n, self.shell)
        lengths, inverse, grid = _periodic(self.lengths, sigma + 2 * shell, n)
        place = self.positions * inverse
        cell = np.minimum((place - np.floor(place)) * grid, grid - 1).astype(np.int64)
        order = np.argsort((cell[:, 0] * grid[1] + cell[:, 1]) * grid[2] + cell[:, 2], kind="stable")
        bodies = np.zeros((n, 8))
        bodies[:, 0:3], bodies[:, 3:6] = self.positions[order], self.velocities[order]
        bodies[:, kernels.RADIUS] = self.radii[order]
        leaves = 2 ** int(np.ceil(np.log2(max(n, 2))))
        system = kernels.System(
            bodies=bodies,
            marks=np.empty((n, 8), np.int32),
            anchors=np.empty((n, 3)),
            inverse_masses=1 / self.masses[order],
            neighbours=np.empty((n, capacity), np.int32),
            first=np.empty(int(grid.prod()), np.int32),
            key=np.empty(2 * leaves),
            who=np.empty(2 * leaves, np.int32),
            space=kernels.Space(
                lengths=tuple(lengths.tolist()),
                inverse_lengths=tuple(inverse.tolist()),
                grid=tuple(grid.tolist()),
                growth=float(growth),
                shell=float(shell),
                reach=float(reach),
            ),
        )
        return system, order


def flow_of(
    model: Any, start: Frame, velocities: NDArray[np.float64] | None = None, shell: float | None = None
) -> Flow:
    """Return the spheres of a frame; at rest without velocities (N, d).

    Raises
    ------
    ParameterError
        If the model is another, or the box is tilted, open or too small.
    ShapeError
        If `velocities` have another shape than the positions.
    """
    model = hard(model)
    n, d = start.positions.shape
    check_box(start.box, max(model.diameters))
    if velocities is not None and np.shape(velocities) != (n, d):
        raise ShapeError(f"`velocities` must have shape ({n}, {d}); they have {np.shape(velocities)}.")
    species = model.species_in_model(start)
    positions, v = np.zeros((n, 3)), np.zeros((n, 3))
    positions[:, :d] = start.positions
    if velocities is not None:
        v[:, :d] = velocities
    radii = 0.5 * np.array(model.diameters, float)[species]
    return Flow(positions, v, radii, model.masses[species], np.diag(start.box.vectors).copy(), shell)


def hard(model: Any) -> HardSpheres:
    """Return the model; a ParameterError if it is another."""
    if not isinstance(model, HardSpheres):
        raise ParameterError(
            f"The engine 'event-driven' needs HardSpheres as `model`; got {type(model).__name__}. Soft potentials need the "
            "engine 'lammps'."
        )
    return model


def check_box(box: Box, sigma: float) -> None:
    """Refuse a box that is tilted, open, or too small for spheres of this diameter."""
    if not (box.is_orthorhombic and (np.diag(box.vectors) > 0).all() and box.periodic.all()):
        raise ParameterError(
            "The engine 'event-driven' needs a rectangular box that is periodic along every axis; the vectors are "
            f"{box.vectors.tolist()}, periodic {box.periodic.tolist()}. Tilted and open boxes are not supported."
        )
    if box.lengths.min() < _LEAST_BOX * sigma:
        raise ParameterError(
            f"The box must be at least {_LEAST_BOX} of the largest diameters, {_LEAST_BOX * sigma:.4g}, along every axis; it is "
            f"{box.lengths.min():.4g}. Use more particles."
        )


def filled(frame: Frame, model: HardSpheres) -> float:
    """Packing fraction of the particles that are there, which may differ from the composition by rounding."""
    d = frame.dimension
    balls = np.array(model.diameters)[model.species_in_model(frame)] ** d
    return float(balls.sum() * (np.pi / 4 if d == 2 else np.pi / 6) / frame.box.volume)


def _shell(lengths: NDArray[np.float64], largest: float, mean: float, n: int, wanted: float | None) -> float:
    """How far particles may go from their anchors: what keeps lists short, and images apart."""
    d = len(lengths)
    if wanted is None:
        ball = np.pi if d == 2 else 4 / 3 * np.pi
        reach = float((_NEIGHBOURS[d] / ball * np.prod(lengths) / n) ** (1 / d))
        wanted = max(0.5 * (reach - mean), _THINNEST_SHELL * mean)
    return min(wanted, (float(lengths.min()) - 2 * largest) / 8)


def _periodic(
    lengths: NDArray[np.float64], width: float, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lengths, their inverses and the number of cells at least `width` wide, lifted to three dimensions."""
    d = len(lengths)
    lifted, inverse, grid = np.ones(3), np.zeros(3), np.ones(3, np.int64)
    lifted[:d], inverse[:d] = lengths, 1 / lengths
    most = max(int((4 * n) ** (1 / d)), 1)
    grid[:d] = np.clip((lengths / width).astype(np.int64), 1, most)
    return lifted, inverse, grid


def flight_time(flow: Flow, temperature: float) -> float:
    """Time in which a free particle moves by about the largest diameter."""
    return 2 * float(flow.radii.max()) * float(np.sqrt(flow.masses.min() / temperature))


def draw(flow: Flow, temperature: float, rng: np.random.Generator) -> None:
    """Give velocities of Maxwell's distribution, of exactly this temperature, while the whole rests."""
    n, d = len(flow.masses), len(flow.lengths)
    flow.velocities[:] = 0.0
    flow.velocities[:, :d] = rng.normal(size=(n, d)) * np.sqrt(temperature / flow.masses)[:, None]
    if n > 1:
        rest(flow)
        flow.velocities *= np.sqrt(temperature / flow.temperature)


def rest(flow: Flow) -> None:
    """Take the motion of the whole out of the velocities."""
    flow.velocities -= flow.masses @ flow.velocities / flow.masses.sum()
