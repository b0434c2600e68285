"""The cell that particles live in: any shape, two or three dimensions, periodic or not along each axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ShapeError


@dataclass(frozen=True, eq=False)
class Box:
    """A parallelepiped cell spanned by row vectors, periodic along any of its axes.

    Parameters
    ----------
    vectors : (d, d) array_like of float, length
        Rows are the cell vectors **a**, **b** (and **c**); d is 2 or 3. A position is
        ``origin + fractional @ vectors``.
    origin : (d,) array_like of float, length, default zeros
        The corner from which fractional coordinates count.
    periodic : (d,) array_like of bool, default all True
        Periodicity along each cell vector.

    Raises
    ------
    ShapeError
        If the shapes do not agree or d is neither 2 nor 3.
    ConfigurationError
        If the vectors are not finite or span no volume.

    Examples
    --------
    >>> box = Box.orthorhombic([10.0, 10.0, 10.0])
    >>> box.minimum_image([[9.0, 0.0, -6.0]]).tolist()
    [[-1.0, 0.0, 4.0]]
    """

    vectors: NDArray[np.float64]
    origin: NDArray[np.float64] = None  # type: ignore[assignment]
    periodic: NDArray[np.bool_] = None  # type: ignore[assignment]
    inverse: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        vectors = np.array(self.vectors, dtype=np.float64)
        if vectors.shape not in ((2, 2), (3, 3)):
            raise ShapeError(f"`vectors` must have shape (2, 2) or (3, 3); it has {vectors.shape}.")
        d = len(vectors)
        origin = np.zeros(d) if self.origin is None else np.array(self.origin, dtype=np.float64)
        periodic = np.ones(d, bool) if self.periodic is None else np.array(self.periodic, dtype=bool)
        if origin.shape != (d,) or periodic.shape != (d,):
            raise ShapeError(
                f"`origin` and `periodic` need {d} entries; they have shapes {origin.shape}, {periodic.shape}."
            )
        if not (np.isfinite(vectors).all() and np.isfinite(origin).all()):
            raise ConfigurationError(f"The box has entries that are not finite: {vectors.tolist()}.")
        volume = abs(np.linalg.det(vectors))
        if volume <= 1e-12 * np.prod(np.linalg.norm(vectors, axis=1)):
            raise ConfigurationError(f"The box vectors {vectors.tolist()} span no volume.")
        self._freeze("vectors", vectors)
        self._freeze("origin", origin)
        self._freeze("periodic", periodic)
        self._freeze("inverse", np.linalg.inv(vectors))

    def _freeze(self, name: str, array: NDArray[Any]) -> None:
        array.setflags(write=False)
        object.__setattr__(self, name, array)

    @classmethod
    def orthorhombic(
        cls, lengths: ArrayLike, origin: ArrayLike | None = None, periodic: ArrayLike | None = None
    ) -> Box:
        """Return a rectangular box with edges `lengths` ((d,) array_like, length)."""
        return cls(np.diag(np.asarray(lengths, float)), origin, periodic)  # type: ignore[arg-type]

    @classmethod
    def triclinic(
        cls,
        lengths: ArrayLike,
        tilts: ArrayLike,
        origin: ArrayLike | None = None,
        periodic: ArrayLike | None = None,
    ) -> Box:
        """Return a box in LAMMPS' convention.

        Parameters
        ----------
        lengths : (d,) array_like, length
            lx, ly (and lz).
        tilts : (1,) or (3,) array_like, length
            xy in two dimensions; xy, xz, yz in three.
        origin, periodic
            As in `Box`.
        """
        vectors = np.diag(np.asarray(lengths, float))
        tilts = np.atleast_1d(np.asarray(tilts, float))
        if len(tilts) != (1 if len(vectors) == 2 else 3):
            raise ShapeError(
                f"A {len(vectors)}D box has {1 if len(vectors) == 2 else 3} tilts; got {len(tilts)}."
            )
        vectors[1, 0] = tilts[0]
        if len(vectors) == 3:
            vectors[2, :2] = tilts[1:]
        return cls(vectors, origin, periodic)  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and all(
            np.array_equal(getattr(self, k), getattr(other, k)) for k in ("vectors", "origin", "periodic")
        )

    def __hash__(self) -> int:
        return hash((self.vectors.tobytes(), self.origin.tobytes(), self.periodic.tobytes()))

    @property
    def dimension(self) -> int:
        """Two or three."""
        return len(self.vectors)

    @property
    def volume(self) -> float:
        """Volume (area in 2D)."""
        return float(abs(np.linalg.det(self.vectors)))

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Lengths of the cell vectors, (d,)."""
        return np.linalg.norm(self.vectors, axis=1)

    @property
    def heights(self) -> NDArray[np.float64]:
        """Distances between opposite faces, (d,): what a cutoff is compared with."""
        return 1.0 / np.linalg.norm(self.inverse, axis=0)

    @property
    def is_orthorhombic(self) -> bool:
        """Whether all angles are right angles along the axes."""
        return bool(np.array_equal(self.vectors, np.diag(np.diag(self.vectors))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists."""
        return {k: getattr(self, k).tolist() for k in ("vectors", "origin", "periodic")}

    def fractional(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return coordinates along the cell vectors; the cell itself is [0, 1) in each."""
        return (np.asarray(positions, float) - self.origin) @ self.inverse

    def images(self, positions: ArrayLike) -> NDArray[np.int64]:
        """Return which periodic copy of the cell each position lies in, (…, d); 0 along open axes."""
        return np.where(self.periodic, np.floor(self.fractional(positions)), 0).astype(np.int64)

    def wrap(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return the periodic copies of `positions` that lie inside the cell, (…, d)."""
        positions = np.asarray(positions, float)
        wrapped = positions - self.images(positions) @ self.vectors
        # rounding can leave a particle at exactly the upper face: once more is enough
        return wrapped - self.images(wrapped) @ self.vectors

    def unwrap(self, wrapped: ArrayLike, images: ArrayLike) -> NDArray[np.float64]:
        """Return positions moved by whole cell vectors: the inverse of `wrap` with `images`."""
        return np.asarray(wrapped, float) + np.asarray(images) @ self.vectors

    def follow(self, previous: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
        """Return the copies of `current` nearest to `previous`, (…, d): unwrapping from frame to frame.

        Right as long as nothing moves more than half the cell between the two.
        """
        previous = np.asarray(previous, float)
        return previous + self.minimum_image(np.asarray(current, float) - previous)

    def minimum_image(self, vectors: ArrayLike) -> NDArray[np.float64]:
        """Return the shortest periodic copies of difference vectors, (…, d).

        Exact for any tilt: after rounding, all copies that could still be shorter are tried.
        """
        vectors = np.asarray(vectors, float)
        lattice = self.vectors[self.periodic]
        if not len(lattice):
            return vectors.copy()
        to_lattice = np.asarray(np.linalg.pinv(lattice), np.float64)
        reduced = vectors - np.rint(vectors @ to_lattice) @ lattice
        if self.is_orthorhombic:
            return reduced
        best, best_length = reduced, np.einsum("...i,...i", reduced, reduced)
        for cell in _neighbouring_copies(lattice, to_lattice):
            candidate = reduced + cell
            length = np.einsum("...i,...i", candidate, candidate)
            better = length < best_length
            best = np.where(better[..., None], candidate, best)
            best_length = np.where(better, length, best_length)
        return best


def _neighbouring_copies(
    lattice: NDArray[np.float64], to_lattice: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lattice vectors that can shorten a vector whose lattice coordinates are within ±1/2."""
    half_diagonal = np.linalg.norm(0.5 * np.abs(lattice).sum(axis=0))
    reach = np.floor(half_diagonal * np.linalg.norm(to_lattice, axis=0) + 0.5 + 1e-9).astype(int)
    copies = [c for c in product(*(range(-m, m + 1) for m in reach)) if any(c)]
    return np.array(copies, float).reshape(-1, len(lattice)) @ lattice
