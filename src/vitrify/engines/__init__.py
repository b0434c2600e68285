"""Who integrates: LAMMPS, or a dry run with a planted answer."""

from vitrify.registry import Registry

ENGINES = Registry(
    "engine",
    {
        "lammps": "vitrify.engines.lammps:Lammps",
        "dryrun": "vitrify.engines.dryrun:DryRun",
    },
)
