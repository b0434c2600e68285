"""Compiling ahead: the kernels of later steps are compiled while the first step simulates."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from multiprocessing import get_context

import numpy as np

from vitrify.parallel import start_worker
from vitrify.studies.settings import SimulatedSettings, SoftnessSettings


@contextlib.contextmanager
def compiling_ahead(settings: SimulatedSettings) -> Iterator[None]:
    """Fill the kernel cache from a process of its own while the body runs; what is compiled already costs seconds.

    Nothing depends on it: a kernel that is not in the cache when it is needed is compiled then.
    """
    if not isinstance(settings, SoftnessSettings):  # nothing is known of its later steps
        yield
        return
    process = get_context("spawn").Process(target=_compile, args=(settings, os.getpid()), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.join()


def _compile(settings: SoftnessSettings, driver: int) -> None:
    """Run every hot kernel once on a handful of particles."""
    from vitrify.descriptors.base import from_dict
    from vitrify.particles import Box, Frame
    from vitrify.provenance import to_plain
    from vitrify.studies.dynamics import make_events
    from vitrify.studies.learning import make_descriptors
    from vitrify.studies.simulate import make_model, make_quench

    start_worker(driver)
    model = make_model(settings)
    lattice = np.array([(x, y, z) for x in range(3) for y in range(3) for z in range(3)], float) * 1.1
    frame = Frame(
        lattice + 0.2,
        np.arange(27) % len(model.species_names),
        Box.orthorhombic([3.3] * 3),
        model.species_names,
    )
    if settings.simulation.engine != "dryrun" and settings.minimization.minimizer != "lammps-cg":
        box = frame.box
        make_quench(settings).run(
            model, frame.positions[None], frame.species, box.vectors[None], box.origin[None], box.periodic
        )
    from_dict(to_plain(make_descriptors(settings))).evaluate(frame, np.arange(3))
    resting = np.repeat(frame.positions[None], 2 * settings.rearrangements.window, axis=0)
    make_events(settings).stream(lambda a, b: resting[a:b], np.arange(float(len(resting))))
