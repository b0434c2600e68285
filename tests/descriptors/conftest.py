"""Brute force: every neighbour of a particle under every periodic image, straight from the definition."""

from itertools import product

import numpy as np
import pytest

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
