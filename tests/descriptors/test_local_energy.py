from dataclasses import dataclass

import numpy as np
import pytest

from vitrify.descriptors import local_energy
from vitrify.descriptors.local_energy import LocalEnergy
from vitrify.errors import ParameterError
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame


@dataclass(frozen=True)
class SoftSpheres:
    """Harmonic repulsion whose range and strength depend on both species, in another order than the frames'."""

    name: str = "soft_spheres"
    species_names: tuple = ("C", "B", "A")
    ranges: tuple = ((0.9, 1.1, 1.3), (1.1, 2.0, 1.7), (1.3, 1.7, 1.2))

    @property
    def cutoffs(self):
        return np.array(self.ranges)

    def pair_energy(self, r, a, b):
        assert r.max() < self.ranges[a][b]
        return (1 + a + b + a * b) * (1 - r / self.ranges[a][b]) ** 2


def test_local_energy_is_the_full_sum_over_neighbours(frame, neighbours):
    model = SoftSpheres()
    index = [model.species_names.index(s) for s in frame.species_names]
    expected = np.zeros((frame.n_particles, 1))
    for i in range(frame.n_particles):
        vectors, species = neighbours(frame, i, 2.0)
        for r, s in zip(np.linalg.norm(vectors, axis=1), species, strict=True):
            a, b = index[frame.species[i]], index[s]
            if r < model.ranges[a][b]:
                expected[i] += model.pair_energy(r, a, b)
    assert_same_features(LocalEnergy(model).evaluate(frame), expected, 1e-12)


@pytest.mark.parametrize("pairs_at_a_time", [1, 7, 40])
def test_blocks_of_pairs_do_not_change_a_bit(monkeypatch, pairs_at_a_time):
    frame = random_frame(np.random.default_rng(0), 40, n_species=3)
    descriptor = LocalEnergy(SoftSpheres())
    whole = descriptor.evaluate(frame)
    monkeypatch.setattr(local_energy, "_PAIRS_AT_A_TIME", pairs_at_a_time)
    assert np.array_equal(descriptor.evaluate(frame), whole)
    assert np.array_equal(descriptor.evaluate(frame, [5, 0, 5]), whole[[5, 0, 5]])


def test_species_that_the_model_lacks_is_named():
    frame = random_frame(np.random.default_rng(0), 4, n_species=3)
    with pytest.raises(ParameterError, match="The `model` 'soft_spheres' has no species 'A'; it has B, C"):
        LocalEnergy(SoftSpheres(species_names=("B", "C"))).evaluate(frame)


def test_attributes_name_model_and_cutoff():
    attributes = LocalEnergy(SoftSpheres()).attributes()
    assert attributes["units"] == "epsilon_AA"
    assert "soft_spheres" in attributes["definition"]
    assert LocalEnergy(SoftSpheres()).cutoff == 2.0
