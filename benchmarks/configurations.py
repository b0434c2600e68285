"""The frames that are measured: equilibrated Kob-Andersen liquids at T = 0.47, and larger ones made of them."""

from __future__ import annotations

import functools
import math
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
from measure import scratch

from vitrify.engines.base import Run
from vitrify.engines.lammps import Lammps
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.protocols.equilibrate import load_configuration

TEMPERATURE = 0.47
MODEL = KobAndersen()


@functools.cache
def shipped(n: int) -> Frame:
    """Return an equilibrated frame of n particles that comes with the package; of fewer and tiled where there is none."""
    found = _starts(n)
    if found:
        return load_configuration(found[0])[0]
    return tiled(load_configuration(_starts(1000)[0])[0], repeats(max(1, round(n / 1000))))


def _starts(n: int) -> list[Path]:
    folder = Path(str(files("vitrify.studies") / "starts"))
    return sorted(folder.glob(f"kob_andersen-quad-N{n}-*-T{TEMPERATURE}.npz"))


def repeats(n: int) -> tuple[int, int, int]:
    """Return three factors of n that are as equal as can be, ascending."""
    ways = [
        (a, b, n // (a * b))
        for a, b in product(range(1, n + 1), repeat=2)
        if a <= b <= n // (a * b) and n % (a * b) == 0
    ]
    return min(ways, key=sum)


def tiled(frame: Frame, times: tuple[int, int, int]) -> Frame:
    """Return the frame beside copies of itself, `times` along each vector."""
    shifts = np.array(list(product(*map(range, times)))) @ frame.box.vectors
    positions = (shifts[:, None, :] + frame.box.wrap(frame.positions)).reshape(-1, 3)
    box = Box(frame.box.vectors * np.array(times)[:, None], frame.box.origin, frame.box.periodic)
    return Frame(positions, np.tile(frame.species, math.prod(times)), box, frame.species_names)


def shaken(n: int, seed: int = 0) -> Frame:
    """Return n (a multiple of 1000) particles: the shipped 1000, tiled, each moved by 0.05 along every axis.

    The shift makes the copies differ. All sizes are made in this one way, so that they differ in nothing but N.
    """
    frame = tiled(shipped(1000), repeats(n // 1000))
    moved = frame.positions + np.random.default_rng(seed).normal(scale=0.05, size=frame.positions.shape)
    return frame.with_positions(moved)


@functools.cache
def run_at(steps_per_frame: int = 200) -> Run:
    """Return the run that all thermal frames come from: one frame per time unit unless told otherwise."""
    return Run(MODEL, TEMPERATURE, time_step=0.005, steps_per_frame=steps_per_frame, seed=11)


@functools.cache
def thermal_frames(n: int, count: int, steps_per_frame: int = 200) -> tuple[Frame, ...]:
    """Return `count` thermal frames of about n particles at T = 0.47, from molecular dynamics with fresh velocities.

    4096 particles (or 1000) are a shipped start. Other sizes are tiles of the 1000: fresh velocities take the copies
    apart during the first frame, which is not returned.
    """
    start = shipped(n)
    run, folder = run_at(steps_per_frame), scratch()
    engine, first, last = Lammps(), folder / f"first-{n}-{count}", folder / f"last-{n}-{count}"
    engine.begin(run, start, None, first)
    made = engine.advance(run, first, count + 1, last)
    return tuple(
        Frame(made.positions[k], start.species, start.box, start.species_names, f"frame {k}")
        for k in range(1, count + 1)
    )
