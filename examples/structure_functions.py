"""Structure functions of one configuration: what the neighbourhood of each particle looks like, as numbers.

The configuration is a perturbed fcc crystal with one species, because its answer is known: twelve neighbours at the
nearest-neighbour distance, six at the square root of two times that.
"""

import numpy as np

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.particles import Box, Frame

# An fcc crystal of 4 x 5^3 particles with nearest neighbours 1.1 apart.
edge = 1.1 * np.sqrt(2)
basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
cells = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
positions = edge * (cells + basis).reshape(-1, 3)
positions += np.random.default_rng(0).normal(scale=0.01, size=positions.shape)
frame = Frame(positions, np.zeros(len(positions), int), Box.orthorhombic([5 * edge] * 3))
print(f"{frame.n_particles} particles at density {frame.number_density:.3f}")

# Members side by side. `compute` returns a labelled array, `evaluate` the bare numbers.
chosen = DescriptorSet((RadialDensity(radii=(1.1, 1.3, 1.55)), Coordination((("A", "A", 1.3),))))
features = chosen.compute(frame, positions="thermal")
print(
    f"{features.sizes['particle']} particles x {features.sizes['feature']} features; {features.attrs['long_name']}"
)
for name in features["feature"].values:
    column = features.sel(feature=name)
    print(f"  {name:>8}: {float(column.mean()):6.2f} ± {float(column.std()):.2f}")

# One neighbour on the peak counts 1: the area under G(r), divided by the width of the Gaussian, counts neighbours.
radii = tuple(np.round(np.arange(0.8, 1.36, 0.01), 2))
near = RadialDensity(radii=radii, delta=0.02).evaluate(frame).sum(axis=1) * 0.01 / (np.sqrt(2 * np.pi) * 0.02)
print(f"neighbours within 1.35 from the integral of G: {near.mean():.2f}")

# Sets of published studies have names. Only the particles asked for are computed.
published = DESCRIPTOR_SETS.load("schoenholz-2016")()
mixture = Frame(positions, np.arange(len(positions)) % 5 == 4, frame.box)
print(
    f"schoenholz-2016 has {len(published.feature_names(mixture.species_names))} features for a binary mixture,"
)
print(f"here of the first ten A particles: {published.evaluate(mixture, mixture.of_species('A')[:10]).shape}")
