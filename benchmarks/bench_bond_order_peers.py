"""The 192 bond-order functions against freud, Steinhardt's q_l with weights for each shell, and against scipy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from configurations import thermal_frames
from measure import MissingPeerError, Row, compare, interleave, need
from numpy.typing import NDArray

from vitrify.particles import Frame

FAINT = 1e-7  # a neighbour of less weight is nothing in single precision
SINGLE = "freud: one call a radius, single precision"


def bond_order_descriptor() -> Any:
    """Return the descriptor of the 192 functions, or say that there is none."""
    try:
        from vitrify.descriptors.bond_order import BondOrder
    except ImportError as error:
        raise MissingPeerError(f"this vitrify has no bond-order functions ({error})") from error
    return BondOrder()


class Freud:
    """The same functions by freud, which keeps positions in single precision."""

    def __init__(self, descriptor: Any, frame: Frame) -> None:
        self.freud = need("freud", "freud-analysis")
        self.freud.parallel.set_num_threads(1)
        self.descriptor = descriptor
        self.box = self.freud.box.Box.from_matrix(frame.box.vectors.T)
        self.points = self.box.wrap(frame.positions - frame.box.origin - frame.box.vectors.sum(axis=0) / 2)

    def compute(self) -> NDArray[np.float64]:
        """Return q_l of all particles, (N, radii, degrees)."""
        n = len(self.points)
        query = self.freud.locality.AABBQuery(self.box, self.points)
        limits = {"mode": "ball", "r_max": self.descriptor.cutoff, "exclude_ii": True}
        found = query.query(self.points, limits).toNeighborList()
        first, second, vectors = found.query_point_indices, found.point_indices, found.vectors
        steinhardt = self.freud.order.Steinhardt(l=list(self.descriptor.degrees), weighted=True)
        q = []
        for radius in self.descriptor.radii:
            weights = gaussians(self.descriptor, found.distances, radius)
            near = weights > FAINT
            shell = self.freud.locality.NeighborList.from_arrays(
                n, n, first[near], second[near], vectors[near], weights[near]
            )
            q.append(np.asarray(steinhardt.compute(query, neighbors=shell).particle_order, np.float64))
        return np.stack(q, axis=1)


def gaussians(descriptor: Any, distances: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return the weights of neighbours in one shell."""
    return np.exp(-0.5 * ((distances - radius) / descriptor.delta) ** 2)


def by_scipy(descriptor: Any, frame: Frame, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return q_l of some particles, (n, radii, degrees): scipy's harmonics of all neighbours, then products of matrices."""
    try:
        from scipy.special import sph_harm_y
    except ImportError as error:
        raise MissingPeerError("pip install 'scipy>=1.15'") from error

    order = [(degree, m) for degree in descriptor.degrees for m in range(degree + 1)]
    degree, m = (np.array(column)[:, None] for column in zip(*order, strict=True))
    first = np.searchsorted(degree[:, 0], descriptor.degrees)
    norm = np.where(m == 0, 1.0, 2.0) * 4 * np.pi / (2 * degree + 1)
    radii = np.array(descriptor.radii)[:, None]
    found = []
    for vectors, distances in _neighbours(frame, centres, descriptor.cutoff):
        polar, azimuth = np.arccos(vectors[:, 2] / distances), np.arctan2(vectors[:, 1], vectors[:, 0])
        weights = gaussians(descriptor, distances, radii)
        weights /= weights.sum(axis=1, keepdims=True)
        mean = sph_harm_y(degree, m, polar, azimuth) @ weights.T
        found.append(np.sqrt(np.add.reduceat(norm * np.abs(mean) ** 2, first, axis=0)).T)
    return np.array(found)


def _neighbours(
    frame: Frame, centres: NDArray[np.int64], cutoff: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield vectors and distances to the neighbours of each centre, the nearest images alone."""
    for i in centres:
        apart = frame.positions - frame.positions[i]
        apart -= np.rint(apart @ frame.box.inverse) @ frame.box.vectors
        squares = (apart**2).sum(axis=1)
        near = (squares < cutoff**2) & (squares > 0)
        yield apart[near], np.sqrt(squares[near])


def by_shell(descriptor: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the columns of the descriptor, degree by degree, as (N, radii, degrees)."""
    shape = (len(descriptor.radii), len(descriptor.degrees))
    return values.reshape(-1, *shape[::-1]).transpose(0, 2, 1)


def bond_order_rows(quick: bool) -> Iterator[Row]:
    """Yield the bond-order functions against freud and against scipy."""
    descriptor = bond_order_descriptor()
    frame = thermal_frames(1000 if quick else 4096, 1)[0]
    small = thermal_frames(1000, 1)[0]  # freud takes 10 ms a particle, and wants all of them
    some = np.arange(0, frame.n_particles, max(1, frame.n_particles // (50 if quick else 200)))
    yield _against(
        descriptor, small, "freud Steinhardt", lambda: Freud(descriptor, small).compute(), None, SINGLE
    )
    scipy = functools.partial(by_scipy, descriptor, frame, some)
    yield _against(
        descriptor, frame, "scipy sph_harm_y", scipy, some, f"scipy computes {len(some)} particles"
    )


def _against(
    descriptor: Any,
    frame: Frame,
    peer: str,
    call: Callable[[], NDArray[np.float64]],
    centres: NDArray[np.int64] | None,
    remark: str,
) -> Row:
    seconds = interleave({"vitrify": lambda: descriptor.evaluate(frame), "peer": call}, rounds=2)
    amount = 0 if centres is None else len(centres)
    ratio = compare(seconds["vitrify"], seconds["peer"], frame.n_particles, amount)
    off = np.abs(by_shell(descriptor, descriptor.evaluate(frame, centres)) - call()).max()
    return Row(
        "bond order, 192",
        frame.n_particles,
        "particles/s",
        ratio.rate,
        peer,
        *ratio[1:],
        agreement=f"{off:.0e}",
        kernel="bond_order",
        remark=remark,
    )


ROWS = {"bond-order": bond_order_rows}
