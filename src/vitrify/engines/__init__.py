"""Who integrates: LAMMPS, compiled code of our own, collisions of hard spheres, or a dry run with a planted answer."""

from vitrify.registry import Registry

ENGINES = Registry(
    "engine",
    {
        "lammps": "vitrify.engines.lammps:Lammps",
        "event-driven": "vitrify.engines.event_driven:EventDriven",
        "verlet": "vitrify.engines.verlet:Verlet",
        "dryrun": "vitrify.engines.dryrun:DryRun",
    },
)
