"""The structure functions of vitrify as DScribe computes them, and what turns the one into the other.

DScribe's symmetry functions carry cosine cutoffs, f(R) = (1 + cos(π R / R_c)) / 2, for every side; vitrify's carry none.
So the speed is measured as a user of DScribe has to compute them, with R_c where vitrify has its cutoff. Whether the
functions are the same is looked at where the factor f is 1 to 1e-9: on the neighbours of single particles, cut out and
given to DScribe with a cutoff far beyond them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from measure import need
from numpy.typing import NDArray

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.particles import Frame

FAR_CUTOFF = 1e6
SPECIES = (1, 2)  # atomic numbers that stand for A and B


def make(descriptor: RadialDensity | BondAngle, cutoff: float, periodic: bool = True) -> Any:
    """Return DScribe's functions with the parameters of a descriptor."""
    acsf = need("dscribe.descriptors", "dscribe").ACSF
    if isinstance(descriptor, RadialDensity):
        steepness = 0.5 / descriptor.delta**2
        functions = {"g2_params": [[steepness, r] for r in descriptor.radii]}
    else:
        functions = {"g4_params": [[1 / xi**2, zeta, sign] for xi, zeta, sign in descriptor.parameters]}
    return acsf(species=list(SPECIES), r_cut=cutoff, periodic=periodic, dtype="float64", **functions)


def atoms(frame: Frame) -> Any:
    """Return a frame as DScribe takes it."""
    box = frame.box
    return need("ase", "ase").Atoms(
        numbers=np.array(SPECIES)[frame.species],
        positions=box.wrap(frame.positions) - box.origin,
        cell=box.vectors,
        pbc=box.periodic,
    )


def as_vitrify(values: NDArray[np.float64], descriptor: RadialDensity | BondAngle) -> NDArray[np.float64]:
    """Return DScribe's columns as vitrify orders and normalizes them.

    DScribe adds a column of cutoff functions for each species, sums over unordered pairs of neighbours and divides by
    2^(ζ − 1).
    """
    if isinstance(descriptor, RadialDensity):
        width = 1 + len(descriptor.radii)
        keep = [s * width + 1 + k for s in range(len(SPECIES)) for k in range(len(descriptor.radii))]
        return values[:, keep]
    factor = np.array([2.0 ** (zeta - 1) for _, zeta, _ in descriptor.parameters])
    twice = np.array([2.0, 1.0, 2.0])  # AA, AB, BB: ordered pairs where the species are the same
    return values[:, len(SPECIES) :] * (twice[:, None] * factor).ravel()


def without_cutoff(
    descriptor: RadialDensity | BondAngle, frame: Frame, centres: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the functions of some particles by DScribe, cutoff functions taken out: neighbourhoods on their own."""
    functions = make(descriptor, FAR_CUTOFF, periodic=False)
    steps = np.array(list(np.ndindex(3, 3, 3))) - 1
    images = (frame.positions[None] + (steps @ frame.box.vectors)[:, None]).reshape(-1, 3)
    species = np.tile(frame.species, len(steps))
    rows = []
    for i in centres:
        apart = images - frame.positions[i]
        apart -= np.rint(apart @ frame.box.inverse / 3) @ (3 * frame.box.vectors)  # images lie 3 boxes around
        distance = np.linalg.norm(apart, axis=1)
        near = np.flatnonzero((distance < descriptor.cutoff) & (distance > 0))
        cluster = need("ase", "ase").Atoms(
            numbers=np.array(SPECIES)[np.concatenate([frame.species[[i]], species[near]])],
            positions=np.concatenate([np.zeros((1, 3)), apart[near]]),
        )
        rows.append(functions.create(cluster, centers=[0])[0])
    return as_vitrify(np.array(rows), descriptor)
