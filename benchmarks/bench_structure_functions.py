"""The structure functions of the softness papers against DScribe, and the radial ones against numpy and jax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import dscribe_functions as dscribe
import numpy as np
from configurations import thermal_frames
from measure import MissingPeerError, Row, compare, interleave, largest_difference, need
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.particles import Frame

WIDE = 5.0
COUNTS = 1e-4  # of a neighbour: functions that never exceed it are compared as if they did
CHUNK = 32  # centres that numpy and jax take at a time


def _frame(quick: bool) -> Frame:
    return thermal_frames(1000 if quick else 4096, 1)[0]


def radial_rows(quick: bool) -> Iterator[Row]:
    """Yield the 100 radial functions against DScribe, numpy and jax."""
    yield from _against_dscribe("radial, 100", (RadialDensity(),), quick, 50 if quick else 1000, "radial")
    yield from _against_arrays(quick)


def angular_rows(quick: bool) -> Iterator[Row]:
    """Yield the 66 angular functions to 2.5."""
    yield from _against_dscribe("angular, 66", (BondAngle(),), quick, 50 if quick else 1000, "angular")


def wide_rows(quick: bool) -> Iterator[Row]:
    """Yield the 66 angular functions to 5."""
    wide = BondAngle(cutoff=WIDE)
    yield from _against_dscribe("angular to 5, 66", (wide,), quick, 4 if quick else 40, "", 400)


def set_rows(quick: bool) -> Iterator[Row]:
    """Yield the named set of 166 functions."""
    members = DESCRIPTOR_SETS.load("schoenholz-2016")().members
    yield from _against_dscribe("schoenholz-2016, 166", members, quick, 50 if quick else 1000, "schoenholz")


def _against_dscribe(
    name: str, members: tuple[Any, ...], quick: bool, n_centres: int, kernel: str, n_own: int | None = None
) -> Iterator[Row]:
    """Yield one row; of one frame, DScribe gets every k-th particle and vitrify all of them, or `n_own`."""
    need("dscribe.descriptors", "dscribe")
    frame = _frame(quick)
    centres = _every(frame, n_centres)
    own = None if n_own is None else _every(frame, n_own)
    cutoffs = [m.radii[-1] if isinstance(m, RadialDensity) else m.cutoff for m in members]
    peers = [dscribe.make(m, cutoff) for m, cutoff in zip(members, cutoffs, strict=True)]
    atoms = dscribe.atoms(frame)
    seconds = interleave(
        {
            "vitrify": lambda: [m.evaluate(frame, own) for m in members],
            "dscribe": lambda: [p.create(atoms, centers=centres.tolist()) for p in peers],
        },
        rounds=2 if quick else 3,
    )
    some = centres[:: max(1, len(centres) // (5 if quick else 20))]
    off = max(
        largest_difference(m.evaluate(frame, some), dscribe.without_cutoff(m, frame, some), COUNTS)
        for m in members
    )
    amount = frame.n_particles if own is None else len(own)
    ratio = compare(seconds["vitrify"], seconds["dscribe"], amount, len(centres))
    yield Row(
        name,
        frame.n_particles,
        "particles/s",
        ratio.rate,
        "DScribe ACSF",
        *ratio[1:],
        agreement=f"{off:.0e} ({len(some)} particles, without DScribe's cutoff function)",
        kernel=kernel,
        remark=f"DScribe computes {len(centres)} particles"
        + (f", vitrify {len(own)}" if own is not None else ""),
    )


def _every(frame: Frame, n: int) -> NDArray[np.int64]:
    """Return n particles, evenly chosen."""
    return np.arange(0, frame.n_particles, max(1, frame.n_particles // n))[:n]


def _against_arrays(quick: bool) -> Iterator[Row]:
    """Yield the radial functions against numpy and jax."""
    frame, descriptor = _frame(quick), RadialDensity()
    if not quick and (frame.box.heights < 2 * descriptor.cutoff).any():
        frame = thermal_frames(8000, 1)[0]
    centres = np.arange(0, frame.n_particles, max(1, frame.n_particles // (64 if quick else 512)))
    peers: list[tuple[str, Callable[[], NDArray[np.float64]]]] = [
        ("numpy", partial(by_chunks, sums_by_numpy, frame, descriptor, centres))
    ]
    try:
        peers.append(("jax.jit", partial(by_chunks, _jax_sums(descriptor), frame, descriptor, centres)))
        missing = None
    except MissingPeerError as error:
        missing = error
    seconds = interleave(
        {"vitrify": lambda: descriptor.evaluate(frame), **dict(peers)}, rounds=2 if quick else 3
    )
    for name, peer in peers:
        ratio = compare(seconds["vitrify"], seconds[name], frame.n_particles, len(centres))
        off = largest_difference(descriptor.evaluate(frame, centres), peer(), COUNTS)
        yield Row(
            "radial, 100",
            frame.n_particles,
            "particles/s",
            ratio.rate,
            name,
            *ratio[1:],
            agreement=f"{off:.0e}",
            kernel="radial",
            remark=f"{name} computes {len(centres)} particles: all distances, Gaussians within the cutoff",
        )
    if missing is not None:
        yield Row("radial, 100", frame.n_particles, "", peer="jax.jit", remark=f"not measured: {missing}")


Sums = Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], float], NDArray[np.float64]]


def by_chunks(
    sums: Sums, frame: Frame, descriptor: RadialDensity, centres: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the radial functions of some particles: distances by numpy, `sums` over the Gaussians of each row."""
    order = np.argsort(frame.species, kind="stable")
    positions, species = frame.positions[order], frame.species[order]
    n_species, radii = len(frame.species_names), np.array(descriptor.radii)
    out = np.empty((len(centres), n_species * len(radii)))
    for start in range(0, len(centres), CHUNK):
        block = centres[start : start + CHUNK]
        apart = frame.positions[block][:, None] - positions[None]
        distance = np.concatenate(
            [np.sqrt(((apart + s) ** 2).sum(axis=2)) for s in _images(frame, apart, descriptor)], 1
        )
        kind = np.tile(species, distance.shape[1] // len(species))
        row, column = np.nonzero((distance < descriptor.cutoff) & (distance > 0))
        key = row * n_species + kind[column]
        sorted_key = np.argsort(key, kind="stable")
        counts = np.bincount(key, minlength=len(block) * n_species)
        near = distance[row, column][sorted_key]
        out[start : start + CHUNK] = sums(near, counts, radii, descriptor.delta).reshape(len(block), -1)
    return out


def _images(frame: Frame, apart: NDArray[np.float64], descriptor: RadialDensity) -> list[NDArray[np.float64]]:
    """Return the shifts that give every image within the cutoff: the nearest one alone where the box is large enough."""
    nearest = -np.rint(apart @ frame.box.inverse) @ frame.box.vectors
    if (frame.box.heights >= 2 * descriptor.cutoff).all():
        return [nearest]
    steps = np.array(list(np.ndindex(3, 3, 3))) - 1
    return [nearest + step @ frame.box.vectors for step in steps]


def sums_by_numpy(
    near: NDArray[np.float64], counts: NDArray[np.int64], radii: NDArray[np.float64], delta: float
) -> NDArray[np.float64]:
    """Return the sums of Gaussians over runs of `counts` distances, (runs, radii)."""
    gaussians = near[:, None] - radii
    gaussians *= gaussians
    gaussians *= -0.5 / delta**2
    np.exp(gaussians, out=gaussians)
    ends = np.cumsum(counts)
    total = np.zeros((len(counts), len(radii)))
    full = counts > 0
    total[full] = np.add.reduceat(gaussians, (ends - counts)[full], axis=0)
    return total


def _jax_sums(descriptor: RadialDensity) -> Sums:
    """Return the same by a compiled function of rows filled up to one length with particles far away."""
    jax = need("jax", "jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    radii, delta = jnp.asarray(descriptor.radii), descriptor.delta

    @jax.jit
    def total(rows: Any) -> Any:
        u = (rows[:, :, None] - radii) / delta
        return jnp.exp(-0.5 * u * u).sum(axis=1)

    def sums(
        near: NDArray[np.float64], counts: NDArray[np.int64], radii: NDArray[np.float64], delta: float
    ) -> NDArray[np.float64]:
        del radii, delta
        width = -(-int(counts.max()) // 128) * 128  # few lengths, so that few versions are compiled
        rows = np.full((len(counts), width), 1e3)
        rows[np.arange(width) < counts[:, None]] = near
        return np.asarray(total(rows))

    return sums


ROWS = {
    "schoenholz-2016": set_rows,
    "radial": radial_rows,
    "angular": angular_rows,
    "angular-wide": wide_rows,
}
