"""What the questions about softness cost besides the trajectories."""

from __future__ import annotations

from vitrify.studies.cost import Cost
from vitrify.studies.meaning_settings import MeaningSettings

# Seconds of one 2026 x86-64 core, measured with 5486 examples per class of 166 functions.
_KERNEL_CELL = 3.5e-7  # times examples squared
_NETWORK = 2.5e-3  # times examples
_MAP = 8e-3  # times examples
_EVALUATED = 9e-4  # a subset, with 11 000 examples


def costs_besides(settings: MeaningSettings) -> tuple[Cost, ...]:
    """Return the estimated cost of what is asked of the examples."""
    m, t = settings.meaning, settings.training
    n = 2 * t.n_per_class
    folds = t.segments
    kernel = len(m.rbf_gammas) * len(m.rbf_penalties) * folds * _KERNEL_CELL * min(n, m.rbf_examples) ** 2
    networks = len(m.network_nodes) * len(m.network_layers) * folds * _NETWORK * min(n, m.network_examples)
    maps = (1 + len(m.map_dimensions)) * _MAP * min(n, 2 * m.map_examples)
    tried = len(m.evolved_sizes) * m.population * m.generations / 2 * (folds + 1)
    searches = (tried + 2 * 161_700) * _EVALUATED * n / 11_000
    return (Cost("questions", 0, kernel + networks + maps + searches, 0.05),)
