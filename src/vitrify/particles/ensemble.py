"""Files of an ensemble of runs that start from the same configurations: where each lies, and what is in it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import StoreError
from vitrify.files import whole_file
from vitrify.particles.box import Box
from vitrify.particles.frame import Frame
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.units import SYSTEMS

__all__ = ["LAYOUT", "SETTINGS", "read_ensemble"]

Array = NDArray[np.float64]

SETTINGS = "settings.json"
LAYOUT = "vitrify-isoconfigurational-1"


def configuration_folder(folder: Path, configuration: int) -> Path:
    """Return the folder of one configuration."""
    return Path(folder) / f"configuration-{configuration:03d}"


def start_file(folder: Path, configuration: int) -> Path:
    """Return where the configuration is kept from which runs start."""
    return configuration_folder(folder, configuration) / "start.npz"


def leg_file(folder: Path, configuration: int, run: int, leg: int) -> Path:
    """Return where a leg of a run is kept; the leg is done when it exists."""
    return configuration_folder(folder, configuration) / f"run-{run:03d}-leg-{leg}.npz"


def state_file(folder: Path, configuration: int, run: int, leg: int) -> Path:
    """Return where the state at the end of a leg is kept, from which the next one starts."""
    return configuration_folder(folder, configuration) / f"run-{run:03d}-leg-{leg}.state"


def write_start(path: Path, frame: Frame) -> None:
    """Write a configuration so that it comes back with the same bits."""
    with whole_file(path) as beside, open(beside, "wb") as file:
        np.savez(
            file,
            positions=frame.positions,
            species=frame.species,
            species_names=np.array(frame.species_names),
            box_vectors=frame.box.vectors,
            box_origin=frame.box.origin,
            periodic=np.array(frame.box.periodic),
            label=np.array(frame.label),
        )


def read_start(path: Path) -> Frame:
    """Read what `write_start` wrote.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    held = _arrays(path)
    box = Box(held["box_vectors"], held["box_origin"], held["periodic"])
    names = tuple(str(name) for name in held["species_names"])
    return Frame(held["positions"], held["species"], box, names, str(held["label"]))


def write_leg(path: Path, times: Array, displacements: Array) -> None:
    """Write times (F,) and displacements (F, N, d) from the start; these in float32, which halves the room they take."""
    with whole_file(path) as beside, open(beside, "wb") as file:
        np.savez(file, time=times, displacement=displacements.astype(np.float32))


def read_leg(path: Path) -> tuple[Array, NDArray[np.float32]]:
    """Return times (F,) and displacements (F, N, d) of one leg of a run.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    held = _arrays(path)
    return held["time"], held["displacement"]


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what an ensemble follows from.

    Raises
    ------
    StoreError
        If the folder holds none.
    """
    path = Path(folder) / SETTINGS
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        layout = found.get("layout")
    except (OSError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{folder} is no folder of isoconfigurational runs: {SETTINGS} is missing or damaged ({error})."
        ) from error
    if layout != LAYOUT:
        raise StoreError(
            f"{path} has the layout '{layout}', not '{LAYOUT}'. Name a folder that isoconfigurational runs were written to."
        )
    return found


def read_ensemble(folder: Path, *, complete: bool = True) -> list[MeasuredPropensity]:
    """Return the propensity of every configuration of a folder of isoconfigurational runs.

    Parameters
    ----------
    folder : Path
        As `vitrify.protocols.isoconfigurational` fills it.
    complete : bool, default True
        Whether all legs must be there. Otherwise the first legs are read that all runs of all configurations have reached.

    Returns
    -------
    list of MeasuredPropensity
        In the order of the configurations, with the displacements of each run.

    Raises
    ------
    StoreError
        If the folder holds no runs, a file is damaged, or legs are missing that are needed; the first is named.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    n_configurations, n_runs = settings["n_configurations"], settings["n_runs"]
    n_legs = len(settings["legs"])
    reached = n_legs
    for leg in range(n_legs):
        missing = [
            path
            for k in range(n_configurations)
            for m in range(n_runs)
            if not (path := leg_file(folder, k, m, leg)).exists()
        ]
        if missing and (complete or leg == 0):
            raise StoreError(
                f"{folder} lacks {len(missing)} of {n_configurations * n_runs} runs in leg {leg}, first {missing[0]}. Repeat the "
                "command that makes them; what is there is kept."
            )
        if missing:
            reached = leg
            break
    return [_read_configuration(folder, k, n_runs, reached, settings) for k in range(n_configurations)]


def _read_configuration(
    folder: Path, configuration: int, n_runs: int, n_legs: int, settings: dict[str, Any]
) -> MeasuredPropensity:
    start = read_start(start_file(folder, configuration))
    times: list[Array] = []
    lengths: list[Array] = []
    for leg in range(n_legs):
        held = [read_leg(leg_file(folder, configuration, m, leg)) for m in range(n_runs)]
        times.append(held[0][0])
        lengths.append(np.stack([np.linalg.norm(d.astype(np.float64), axis=2) for _, d in held], axis=1))
    return MeasuredPropensity.from_displacements(
        start,
        np.concatenate(times),
        np.concatenate(lengths),
        settings["run"]["temperature"],
        str(configuration_folder(folder, configuration)),
        SYSTEMS[settings["units"]],
    )


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{path} is missing or damaged ({error}). Delete it and repeat the command that made it."
        ) from error
