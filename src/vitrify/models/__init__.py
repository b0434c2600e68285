"""Which Hamiltonian the particles obey.

A new pair potential is one file here and one line in `MODELS`.
"""

from vitrify.registry import Registry

MODELS = Registry(
    "model",
    {
        "kob_andersen": "vitrify.models.kob_andersen:KobAndersen",
        "harmonic_spheres": "vitrify.models.harmonic_spheres:HarmonicSpheres",
        "hard_spheres": "vitrify.models.hard_spheres:HardSpheres",
    },
)

__all__ = ["MODELS"]
