"""Compiled softness against the way through the structure functions, and against LAMMPS' rate of pairs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import lammps_script
import numpy as np
from configurations import MODEL, shipped, thermal_frames
from measure import MissingPeerError, Row, compare, interleave, largest_difference

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.local_energy import LocalEnergy
from vitrify.particles import Frame
from vitrify.particles.neighbors import pairs
from vitrify.predictors.softness import Softness
from vitrify.predictors.trained import TrainedSoftness

STEPS = 40  # of LAMMPS, for its rate of pairs
RADIAL = "schoenholz-2016-radial"


@functools.cache
def trained(name: str = RADIAL) -> TrainedSoftness:
    """Return a plane between particles of high and of low local energy: weights such as a softness has."""
    frame = shipped(1000)
    centres = frame.of_species("A")
    energy = LocalEnergy().evaluate(frame, centres)[:, 0]
    descriptors = DESCRIPTOR_SETS.load(name)()
    label = np.where(energy > np.median(energy), 1, -1)
    fitted = Softness(C=0.1, min_sd=1e-3).fit(descriptors.evaluate(frame, centres), label)
    return TrainedSoftness.from_estimator(
        fitted,
        feature_names=descriptors.feature_names(frame.species_names),
        descriptors=descriptors.to_dict(),
        species_names=frame.species_names,
        centre_species="A",
    )


def compiled(plane: TrainedSoftness) -> Any:
    """Return the compiled form of a softness, or say that there is none."""
    try:
        from vitrify.predictors.compiled import CompiledSoftness
    except ImportError as error:
        raise MissingPeerError(f"this vitrify has no compiled softness ({error})") from error
    return CompiledSoftness.from_trained(plane)


def softness_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of the 100 radial functions, and the one against LAMMPS."""
    frame = thermal_frames(1000 if quick else 4096, 1)[0]
    plane = trained()
    fast = compiled(plane)
    off = largest_difference(fast.softness(frame)[:, None], plane.softness(frame)[:, None])
    seconds = interleave(
        {
            "compiled": functools.partial(fast.softness, frame),
            "functions": functools.partial(plane.softness, frame),
        },
        rounds=3 if quick else 5,
    )
    ratio = compare(seconds["compiled"], seconds["functions"], len(frame.of_species("A")))
    yield Row(
        "compiled softness",
        frame.n_particles,
        "A particles/s",
        ratio.rate,
        "TrainedSoftness, its functions",
        *ratio[1:],
        agreement=f"{off:.0e}",
        kernel="compiled_softness",
        remark=f"{len(plane.weights)} radial functions",
    )
    yield _against_lammps(frame, plane, quick)


def _against_lammps(frame: Frame, plane: TrainedSoftness, quick: bool) -> Row:
    """Return the rate of neighbours of the radial softness beside the rate of pairs of LAMMPS' dynamics."""
    lammps_script.require_lammps()
    fast, centres = compiled(plane), frame.of_species("A")
    reach = DESCRIPTOR_SETS.load(RADIAL)().cutoff
    neighbours = np.isin(pairs(frame, reach).first, centres).sum()
    near = pairs(frame, MODEL.max_cutoff)
    cutoffs = MODEL.cutoffs[frame.species[near.first], frame.species[near.second]]
    n_pairs = (near.distances < cutoffs).sum() / 2
    with lammps_script.system(frame, "linear") as session:
        session(
            "velocity all create 0.47 4711 mom yes rot no dist gaussian\nfix dynamics all nve\ntimestep 0.005"
        )
        session("neighbor 0.15 bin\nneigh_modify delay 0 every 1 check yes\nthermo 0")
        seconds = interleave(
            {
                "compiled": lambda: fast.softness(frame),
                "lammps": lambda: session(f"run {STEPS} post no"),
            },
            rounds=3 if quick else 5,
        )
    ratio = compare(seconds["compiled"], seconds["lammps"], neighbours, n_pairs * STEPS)
    return Row(
        "compiled softness",
        frame.n_particles,
        "neighbours/s",
        ratio.rate,
        "LAMMPS, pairs/s of dynamics",
        *ratio[1:],
        kernel="compiled_softness",
        remark=f"a yardstick: {neighbours / len(centres):.0f} neighbours a particle here, "
        f"{n_pairs / frame.n_particles:.0f} pairs a particle there",
    )


ROWS = {"compiled-softness": softness_rows}
