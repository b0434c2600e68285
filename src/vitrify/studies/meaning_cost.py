"""What the questions about softness cost besides the trajectories."""

from __future__ import annotations

from math import comb

from vitrify.studies.cost import Cost
from vitrify.studies.meaning_settings import MeaningSettings

# Seconds of one 2026 x86-64 core, measured with 5486 examples per class of 166 functions.
_KERNEL = 8e-8  # a cell and fold, times examples squared
_NETWORK = 5e-4  # a cell and fold, times examples
_MAP = 5e-3  # times examples
_SUBSET = 1e-9  # of a scan, times examples
_SEARCHED = 8e-9  # of a search, times examples
_DESCRIBED = 4e-3  # an example and kind of functions
_LEARNED = 1e-4  # a plane, times examples
_FOUND = 4.5e-4  # examples of a class in a frame of the Kob-Andersen liquid at T = 0.47, over its particles
_KINDS, _SETS, _RADIAL, _OTHER_PLANES = 5, 11, 92, 40


def costs_besides(settings: MeaningSettings) -> tuple[Cost, ...]:
    """Return the estimated cost of what is asked of the examples.

    Examples
    --------
    >>> from vitrify.studies.meaning_settings import load_meaning_settings
    >>> [cost.label for cost in costs_besides(load_meaning_settings("study"))]
    ['questions']
    """
    m, folds = settings.meaning, settings.training.segments
    found = _FOUND * settings.simulation.n_particles * settings.training_point.frames
    n = 2 * min(settings.training.n_per_class, round(found))
    cells = len(m.rbf_gammas) * len(m.rbf_penalties)
    seconds = cells * folds * _KERNEL * min(n, m.rbf_examples) ** 2
    cells = len(m.network_nodes) * len(m.network_layers)
    seconds += cells * folds * _NETWORK * min(n, m.network_examples)
    seconds += len(m.map_dimensions) * _MAP * min(n, 2 * m.map_examples)
    seconds += (folds + 1) * comb(_RADIAL, 3) * _SUBSET * n
    seconds += (folds + 1) * len(m.evolved_sizes) * m.population * m.generations / 2 * _SEARCHED * n
    sets = _SETS if m.alternatives else 3
    seconds += _KINDS * m.alternatives * _DESCRIBED * n
    seconds += folds * (sets + len(m.penalties) + len(m.training_sizes) + _OTHER_PLANES) * _LEARNED * n
    return (Cost("questions", 0, seconds, 0.05),)
