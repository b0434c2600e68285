"""Brute force: every neighbour of a particle under every periodic image, straight from the definition."""

from importlib.resources import files
from itertools import product

import numpy as np
import pytest

from vitrify.protocols.equilibrate import load_configuration
from vitrify.testing.strategies import random_frame

SYSTEMS = {
    "3d": {"n_particles": 25},
    "3d_tilted_three_species": {"n_particles": 25, "n_species": 3, "tilted": True},
    "3d_open": {"n_particles": 30, "n_species": 1, "periodic": False},
    "2d": {"n_particles": 20, "dimension": 2},
    "2d_tilted_three_species": {"n_particles": 20, "dimension": 2, "n_species": 3, "tilted": True},
    "smaller_than_the_cutoff": {"n_particles": 3, "tilted": True},
}


@pytest.fixture(params=SYSTEMS)
def frame(request):
    return random_frame(np.random.default_rng(11), **SYSTEMS[request.param])


@pytest.fixture
def neighbours():
    """Return ``neighbours(frame, i, cutoff)``: vectors (n, d) and species (n,) of all images within the cutoff."""

    def found(frame, i, cutoff):
        reach = [
            int(cutoff / h) + 2 if p else 0
            for h, p in zip(frame.box.heights, frame.box.periodic, strict=True)
        ]
        images = np.array(list(product(*[range(-m, m + 1) for m in reach])))
        wrapped = frame.box.wrap(frame.positions)
        vectors = wrapped[:, None] - wrapped[i] + (images @ frame.box.vectors)[None]
        distance = np.linalg.norm(vectors, axis=-1)
        near = distance < cutoff
        near[i, (images == 0).all(axis=1)] = False
        return vectors[near], frame.species[np.nonzero(near)[0]]

    return found


@pytest.fixture(scope="session")
def glass():
    """Return 1000 particles of the Kob-Andersen liquid in equilibrium at T = 0.47."""
    return load_configuration(
        files("vitrify.studies") / "starts" / "kob_andersen-quad-N1000-rho1.20-T0.47.npz"
    )[0]


@pytest.fixture(scope="session")
def of_spread():
    """Return a function: the largest difference in units of each feature's standard deviation, where it is not nothing."""

    def found(values, expected):
        spread = expected.std(axis=0)
        varies = spread > 1e-6
        assert varies.any()
        return (np.abs(values - expected)[:, varies] / spread[varies]).max()

    return found
