"""A softness without training."""

import numpy as np

from vitrify.predictors.trained import TrainedSoftness


def trained_on(frame, descriptor, centre="A", seed=1):
    """A softness with weights of order 1 on what varies in a frame."""
    rng = np.random.default_rng(seed)
    features = descriptor.evaluate(frame, frame.of_species(centre))
    spread = features.std(axis=0)
    varies = spread > 1e-6
    return TrainedSoftness(
        np.where(varies, rng.normal(scale=0.5, size=len(spread)), 0.0),
        0.3,
        features.mean(axis=0),
        np.where(varies, spread, 1.0),
        descriptor.feature_names(frame.species_names),
        descriptor.to_dict(),
        frame.species_names,
        centre,
    )
