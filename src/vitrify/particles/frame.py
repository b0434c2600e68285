"""One configuration: positions, species and the box they live in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ShapeError
from vitrify.particles.box import Box


@dataclass(frozen=True, eq=False)
class Frame:
    """One configuration of a mixture. Immutable: its arrays refuse writing.

    Parameters
    ----------
    positions : (N, d) array_like of float, length
        Wrapped or unwrapped; every method here applies the periodic images itself.
    species : (N,) array_like of int
        Index into `species_names` of each particle.
    box : Box
        Of the same dimension d.
    species_names : tuple of str, default ("A", "B", …)
        Names in the order of the indices; the majority species of Kob-Andersen is "A".
    label : str, default ""
        Where the frame comes from, quoted in error messages ("run.zarr, frame 12").
    particles : (N,) array_like of int, optional
        Which particle of its trajectory each row is, ascending; by default row k is particle k. Tracked particles come
        and go, so a frame need not hold all of them.

    Raises
    ------
    ShapeError
        If shapes disagree.
    ConfigurationError
        If a coordinate is not finite or a species has no name.

    Examples
    --------
    >>> frame = Frame([[0.0, 0.0], [1.0, 0.5]], [0, 1], Box.orthorhombic([4.0, 4.0]))
    >>> frame.n_particles, frame.dimension, frame.species_names
    (2, 2, ('A', 'B'))
    """

    positions: NDArray[np.float64]
    species: NDArray[np.int64]
    box: Box
    species_names: tuple[str, ...] = field(default=())
    label: str = ""
    particles: NDArray[np.int64] = None  # type: ignore[assignment]  # None becomes 0 … N - 1 in __post_init__

    def __post_init__(self) -> None:
        positions = np.array(self.positions, dtype=np.float64, order="C")
        species = np.array(self.species, dtype=np.int64)
        particles = (
            np.arange(len(positions)) if self.particles is None else np.array(self.particles, np.int64)
        )
        where = f" ({self.label})" if self.label else ""
        if positions.ndim != 2 or positions.shape[1] != self.box.dimension:
            raise ShapeError(
                f"`positions` must have shape (N, {self.box.dimension}) for this box; it has {positions.shape}{where}."
            )
        if species.shape != (len(positions),):
            raise ShapeError(
                f"`species` needs one entry per particle, {len(positions)}; it has shape {species.shape}{where}."
            )
        if particles.shape != (len(positions),) or (np.diff(particles) <= 0).any():
            raise ShapeError(
                f"`particles` needs {len(positions)} indices that ascend; it has shape {particles.shape}{where}."
            )
        bad = ~np.isfinite(positions).all(axis=1)
        if bad.any():
            raise ConfigurationError(
                f"{bad.sum()} of {len(positions)} particles have coordinates that are not finite; the first is "
                f"particle {int(np.argmax(bad))}{where}. Remove the frame or repair the file it came from."
            )
        n_species = int(species.max()) + 1 if len(species) else 0
        names = tuple(self.species_names) or tuple(chr(ord("A") + k) for k in range(n_species))
        if len(names) < n_species or (len(species) and species.min() < 0):
            raise ConfigurationError(
                f"Species indices run from {species.min()} to {n_species - 1}, but there are {len(names)} "
                f"`species_names` {names}{where}."
            )
        for name, array in (("positions", positions), ("species", species), ("particles", particles)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "species_names", names)

    @property
    def n_particles(self) -> int:
        """N."""
        return len(self.positions)

    @property
    def dimension(self) -> int:
        """d, two or three."""
        return self.box.dimension

    @property
    def number_density(self) -> float:
        """N over the volume of the box."""
        return self.n_particles / self.box.volume

    def of_species(self, name: str) -> NDArray[np.int64]:
        """Return the indices of all particles of one species, (n,)."""
        if name not in self.species_names:
            raise ConfigurationError(
                f"There is no species '{name}'; there are {', '.join(self.species_names)}."
            )
        return np.flatnonzero(self.species == self.species_names.index(name))

    def with_positions(self, positions: NDArray[np.float64]) -> Frame:
        """Return the same particles elsewhere."""
        return Frame(positions, self.species, self.box, self.species_names, self.label, self.particles)

    def rows_of(self, particles: ArrayLike) -> NDArray[np.int64]:
        """Return the row of each of these particles of the trajectory, (n,); -1 for those that are not in this frame.

        Examples
        --------
        >>> box = Box.orthorhombic([4.0, 4.0])
        >>> Frame([[0.0, 0.0], [1.0, 0.5]], [0, 0], box, particles=[3, 7]).rows_of([7, 5]).tolist()
        [1, -1]
        """
        wanted = np.asarray(particles, np.int64)
        if not self.n_particles:
            return np.full(wanted.shape, -1)
        row = np.minimum(np.searchsorted(self.particles, wanted), self.n_particles - 1)
        return np.where(self.particles[row] == wanted, row, -1)
