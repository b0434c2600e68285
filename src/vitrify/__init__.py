"""What in a liquid's structure decides where it will rearrange?"""

from importlib import import_module
from typing import Any

from vitrify._version import __version__

_NAMES = {
    "read": "vitrify.readers.source",
    "Frame": "vitrify.particles",
    "Box": "vitrify.particles",
    "Trajectory": "vitrify.particles.trajectory",
    "PHop": "vitrify.rearrangements.p_hop",
    "Events": "vitrify.rearrangements.events",
    "RadialDensity": "vitrify.descriptors.radial_density",
    "BondAngle": "vitrify.descriptors.bond_angle",
    "BondOrder": "vitrify.descriptors.bond_order",
    "ShellAverage": "vitrify.descriptors.shell_average",
    "Coordination": "vitrify.descriptors.coordination",
    "LocalEnergy": "vitrify.descriptors.local_energy",
    "DescriptorSet": "vitrify.descriptors.combined",
    "KobAndersen": "vitrify.models.kob_andersen",
    "Quench": "vitrify.protocols.inherent",
    "TrainedSoftness": "vitrify.predictors.trained",
    "CompiledSoftness": "vitrify.predictors.compiled",
    "RadialDistribution": "vitrify.structure.pair_correlation",
    "MeanSquaredDisplacement": "vitrify.relaxation.msd",
    "Overlap": "vitrify.relaxation.overlap",
}

__all__ = ["__version__", *_NAMES]  # noqa: PLE0604  # names of strings, which ruff cannot see


def __getattr__(name: str) -> Any:
    """Import a name where it is first used, so that `import vitrify` stays quick."""
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'vitrify' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
