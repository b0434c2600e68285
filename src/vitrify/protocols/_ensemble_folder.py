"""What a folder of isoconfigurational runs follows from, and what it may not be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Engine, Run
from vitrify.errors import StoreError
from vitrify.particles import Frame
from vitrify.particles.ensemble import read_start, start_file
from vitrify.particles.trajectory import _first_difference
from vitrify.provenance import to_plain
from vitrify.units import Units

Legs = tuple[tuple[int, ...], ...]


def account(engine: Engine, run: Run, whole_frames: bool, units: Units) -> dict[str, Any]:
    """Return what may not change while a folder is filled."""
    own: dict[str, Any] = {}
    if is_dataclass(engine):
        own = {f.name: getattr(engine, f.name) for f in fields(engine)}
    return {
        "run": to_plain(run),
        "engine": to_plain(own | {"name": engine.name}),
        "whole_frames": whole_frames,
        "units": units.name,
    }


def refuse_others(folder: Path, held: dict[str, Any], said: dict[str, Any]) -> None:
    """Refuse a folder that follows from another engine or run; the first difference is named."""
    for name, value in said.items():
        if held.get(name) != value:
            raise StoreError(
                f"{folder} holds other isoconfigurational runs ({_first_difference(held.get(name), value, name)}). Choose another "
                "folder."
            )


def refuse_other_times(folder: Path, before: Legs, steps: NDArray[np.int64], time_step: float) -> None:
    """Refuse times, in time steps, that do not begin with those that are there."""
    there = [step for leg in before for step in leg]
    if steps[: len(there)].tolist() != there:
        raise StoreError(
            f"{folder} holds runs at {len(there)} times up to {there[-1] * time_step:g}, and `times` are {len(steps)} up to "
            f"{steps[-1] * time_step:g} that do not begin with the same. Later times can be added to a folder, earlier ones "
            "cannot; choose another folder for others."
        )


def refuse_fewer(folder: Path, held: dict[str, Any], **asked: int) -> None:
    """Refuse fewer runs or configurations than are there."""
    for name, now in asked.items():
        if now < held[name]:
            raise StoreError(
                f"{folder} was begun with `{name}` = {held[name]}; {now} are fewer. Ask for at least as many, or choose another "
                "folder."
            )


def refuse_other_starts(folder: Path, starts: Sequence[Frame]) -> None:
    """Refuse other configurations than those that are there."""
    for k, start in enumerate(starts):
        known = read_start(start_file(folder, k))
        same = np.array_equal(known.positions, start.positions) and np.array_equal(
            known.species, start.species
        )
        if not (same and known.box == start.box and known.species_names == start.species_names):
            raise StoreError(
                f"{folder} holds runs from another configuration {k} ({known.label or 'without a label'}) than the one given "
                f"({start.label or 'without a label'}). Choose another folder."
            )
