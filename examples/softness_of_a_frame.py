"""Softness of a frame, from a trajectory to a trained model file and back, where the answer is known.

The dry run makes a liquid of caged particles that hop with a probability planted in their structure. What is learned from
some frames should order the particles of any other by what was planted; a hop itself stays a matter of chance.
"""

from pathlib import Path

import numpy as np

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.engines.base import Run
from vitrify.engines.dryrun import DryRun, PlantedLiquid, planted_softness
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.softness import Softness, cross_validate
from vitrify.predictors.trained import TrainedSoftness
from vitrify.predictors.training_sets import TrainingSelection, select_training_set
from vitrify.protocols.production import prepare_production, produce, state_file
from vitrify.rearrangements.events import Events
from vitrify.rearrangements.p_hop import PHop

# A trajectory: a store on disk, filled unit by unit. The dry run brings inherent positions, so nothing is quenched.
folder = Path("softness-example")
run = Run(PlantedLiquid(), temperature=0.5, seed=1)
start = run.model.start_frame(run)
stored = Trajectory.create(folder / "run.zarr", Layout(500, start.species, start.species_names))
prepare_production(stored, planted=True)
DryRun().begin(run, start, None, state_file(folder, 0))
produce(DryRun(), run, stored, folder)

# What moves: p_hop of every particle, and its events.
positions = stored.positions("inherent")
p_hop = PHop(window=10).compute(positions)
events = Events(window=10).find(p_hop, positions, stored.times)

# What to learn from: structures just before a rearrangement (soft), and of particles that stay quiet (hard).
rules = TrainingSelection(quiet_time=50, n_per_class=None, min_per_class=100)
segments = [(a, a + 100) for a in range(0, 500, 100)]
chosen = select_training_set(rules, events, p_hop, particles=start.of_species("A"), segments=segments)
descriptor = RadialDensity(radii=(0.9, 1.1, 1.3, 1.5, 1.7))
frames = stored.frames("inherent", np.unique(chosen.frame))
features = np.concatenate([descriptor.evaluate(f, chosen.particle[chosen.frame == k]) for k, f in frames])

# How good the plane is on segments that it has not seen; then the plane from all examples, kept as one file.
score = cross_validate(features, chosen.label, chosen.segment, n_splits=5)
print(
    f"accuracy on other segments {score.accuracy:.2f} ± {score.standard_error:.2f}, {score.n_events} events"
)
recipe = {"descriptors": descriptor.to_dict(), "feature_names": descriptor.feature_names(start.species_names)}
mixture = {"species_names": start.species_names, "centre_species": "A"}
learned = TrainedSoftness.from_estimator(Softness().fit(features, chosen.label), **recipe, **mixture)
learned.save(folder / "softness.json")

# Softness of all A particles of a frame, from the file.
frame = stored.frame(499)
softness = TrainedSoftness.load(folder / "softness.json").softness(frame)
correlation = np.corrcoef(softness, planted_softness(frame, run.model))[0, 1]
print(f"{len(softness)} particles; correlation with what was planted: {correlation:.3f}")
