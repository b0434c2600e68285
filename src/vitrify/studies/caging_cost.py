"""What `vitrify run caging-softness` will cost, before anything runs."""

from __future__ import annotations

from vitrify.studies.caging_settings import CagingSettings
from vitrify.studies.cost import Cost
from vitrify.studies.simulate import needs_equilibration

# Rates of one 2026 x86-64 core on Kob-Andersen at density 1.2; results never depend on them.
_VERLET_PARTICLE_STEPS = 1.3e7
_LAMMPS_PARTICLE_STEPS = 1.2e6
_DEPTHS = 1.2e5  # particles a second
_VECTOR_TERMS = 1e9  # particles times wave vectors a second
_BYTES_PER_POSITION = 8


def caging_costs(settings: CagingSettings) -> list[Cost]:
    """Return the estimated cost of every state point, coldest first.

    Examples
    --------
    >>> from vitrify.studies.caging_settings import load_caging_settings
    >>> [cost.label for cost in caging_costs(load_caging_settings("demo"))]
    ['T0.5', 'T0.56', 'T0.6', 'T0.65', 'T0.8', 'T1']
    """
    s, time = settings.simulation, settings.time
    rate = _LAMMPS_PARTICLE_STEPS if s.engine == "lammps" else _VERLET_PARTICLE_STEPS
    vectors = settings.bulk.vectors_per_bin * settings.bulk.q_max / settings.bulk.q_width
    found = []
    for point in settings.points:
        simulated = point.frames * s.frame_interval + time.short_frames * time.short_interval
        if needs_equilibration(settings, point):
            simulated += point.hold_time + s.melt_time + s.cooling_time
        measured = point.frames / settings.cages.stride + time.short_frames
        seconds = s.n_particles * (
            simulated / s.time_step / rate
            + measured / _DEPTHS
            + settings.bulk.frames * vectors / _VECTOR_TERMS
        )
        frames = point.frames + time.short_frames
        volume = s.n_particles * (frames * 3 + measured) * _BYTES_PER_POSITION
        found.append(Cost(point.label, point.frames, seconds, volume / 1e9))
    return found
