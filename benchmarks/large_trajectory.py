"""A trajectory larger than memory, processed by processes and by dask: peak memory of everybody, one worker and two.

python benchmarks/large_trajectory.py FOLDER [--gigabytes 20] [--text] [--every 100] [--runs processes:1 processes:2 dask:1 dask:2]

Positions of that many gigabytes are made in FOLDER by repeating, forwards and backwards, a base of 64 frames: equilibrated
Kob-Andersen configurations that come with vitrify, tiled to 32 768 particles, which rattle around their places and hop now
and then. With --text they are written as a LAMMPS dump and imported. Each run then computes p_hop, events and the softness
of every so many frames, in a process of its own, from nothing. What is done is not done again: repeat the command after a
kill. Delete FOLDER afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BASE, TILES, RATTLE, HOPS = 64, 2, 0.05, 2e-4
UNIT_BYTES = 64e6
WINDOW = 10
STAGES = ("p_hop", "softness")


# -- the trajectory --------------------------------------------------------------------------------------------------


def tiled_start() -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...], Any]:
    """Return positions, species, names and box of the shipped liquid of 4096 particles, repeated in space."""
    from vitrify.particles import Box
    from vitrify.protocols.equilibrate import load_configuration

    start = files("vitrify.studies") / "starts" / "kob_andersen-quad-N4096-rho1.20-T0.47.npz"
    frame = load_configuration(Path(str(start)))[0]
    shifts = np.array(list(product(range(TILES), repeat=3)), float) @ frame.box.vectors
    places = np.concatenate([frame.positions + shift for shift in shifts])
    box = Box(frame.box.vectors * TILES, frame.box.origin, frame.box.periodic)
    return places, np.tile(frame.species, len(shifts)), tuple(frame.species_names), box


def base_frames(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames (BASE, N, 3) of particles that rattle and hop."""
    rng = np.random.default_rng(11)
    frames = np.empty((BASE, *places.shape))
    for k in range(BASE):
        frames[k] = places + rng.normal(scale=RATTLE, size=places.shape)
        hops = rng.random(len(places)) < HOPS
        step = rng.normal(size=(hops.sum(), 3))
        places = places.copy()
        places[hops] += 0.8 * step / np.linalg.norm(step, axis=1)[:, None]
    return frames


def frames_of(base: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
    """Return frames [a, b) of the repeated base, which turns round at both ends."""
    turn = np.arange(a, b) % (2 * BASE - 2)
    return base[np.where(turn < BASE, turn, 2 * BASE - 2 - turn)]


def make_store(path: Path, gigabytes: float) -> None:
    """Write the store; units that are there are kept."""
    from vitrify.particles.layout import Layout, thermal_arrays
    from vitrify.particles.trajectory import Trajectory
    from vitrify.units import LJ

    places, species, names, box = tiled_start()
    n_frames = max(2 * WINDOW, round(gigabytes * 1e9 / places.nbytes))
    layout = Layout(n_frames, species, names, frames_per_unit=max(1, int(UNIT_BYTES // places.nbytes)))
    trajectory = Trajectory.create(path, layout, {"source": "benchmarks/large_trajectory.py"})
    trajectory.add_stage("thermal", thermal_arrays(LJ))
    if trajectory.is_done("thermal"):
        return
    base = base_frames(places)
    for unit, (a, b) in enumerate(trajectory.units()):
        if not trajectory.is_done("thermal", unit):
            values = {
                "position": frames_of(base, a, b),
                "time": np.arange(a, b, dtype=float),
                "box_vectors": np.repeat(box.vectors[None], b - a, axis=0),
                "box_origin": np.repeat(box.origin[None], b - a, axis=0),
            }
            trajectory.write("thermal", unit, values)


def make_dump(path: Path, gigabytes: float) -> None:
    """Write a LAMMPS text dump with as many frames as such a store."""
    places, species, _, box = tiled_start()
    base, beside = base_frames(places), path.with_suffix(".part")
    bounds = "".join(
        f"{o:.17g} {o + v:.17g}\n" for o, v in zip(box.origin, np.diag(box.vectors), strict=True)
    )
    first = [f"{k + 1} {s + 1} " for k, s in enumerate(species)]
    with open(beside, "w") as dump:
        for k in range(max(2 * WINDOW, round(gigabytes * 1e9 / places.nbytes))):
            dump.write(f"ITEM: TIMESTEP\n{k}\nITEM: NUMBER OF ATOMS\n{len(places)}\n")
            dump.write(f"ITEM: BOX BOUNDS pp pp pp\n{bounds}ITEM: ATOMS id type xu yu zu\n")
            rows = frames_of(base, k, k + 1)[0].tolist()
            dump.write(
                "".join(f"{i}{x:.10g} {y:.10g} {z:.10g}\n" for i, (x, y, z) in zip(first, rows, strict=True))
            )
    os.replace(beside, path)


def make_model(path: Path, names: tuple[str, ...]) -> None:
    """Write a plane of fixed weights over the radial functions: what a softness costs does not depend on its weights."""
    from vitrify.descriptors import DESCRIPTOR_SETS
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.provenance import to_plain

    descriptors = DESCRIPTOR_SETS.load("schoenholz-2016-radial")()
    features = descriptors.feature_names(names)
    weights = np.random.default_rng(1).normal(size=len(features))
    ones = np.ones(len(features))
    plane = (weights, 0.0, 0 * ones, ones, features, to_plain(descriptors), names, "A", "thermal")
    TrainedSoftness(*plane).save(path)


# -- one run, in a process of its own --------------------------------------------------------------------------------


@contextmanager
def watched() -> Iterator[dict[int, float]]:
    """Keep the largest resident memory, in GB, of every process below this one, by its number."""
    peaks: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            for pid in _below(os.getpid()):
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                if "VmHWM:" in status:
                    peaks[pid] = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _below(driver: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.read_text().split(" ", 1)
        except OSError:
            continue
        parents[int(pid)] = int(rest.rpartition(") ")[2].split()[1])
    found, level = [], {driver}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += level
    return found


def process(store: Path, model: Path, every: int, executor: str, workers: int) -> dict[str, Any]:
    """Compute p_hop, events and softness, and return seconds of each step and peak memory of every process."""
    import resource

    from vitrify.parallel import Workforce, map_units
    from vitrify.particles.trajectory import Trajectory
    from vitrify.progress import Silent
    from vitrify.rearrangements.events import Events
    from vitrify.studies.dynamics import find_events
    from vitrify.studies.filling import fill
    from vitrify.studies.verbs import rearrangements_of_store, softness_of_store
    from vitrify.studies.work import filling_of

    force, quiet = Workforce(executor, workers), Silent()
    options = {"window": WINDOW, "event_threshold": 0.05, "rearrangement_threshold": 0.2}
    rearrangements_of_store(store, options, "thermal", quiet, None, prepare=True)
    softness_of_store(store, model, every, quiet, None, prepare=True)
    trajectory, peaks = Trajectory.open(store), {}
    begun = time.perf_counter()
    map_units(abs, range(workers), workers=force)
    seconds = {"start": time.perf_counter() - begun}  # of the workers, and their end: once for each stage
    for stage in STAGES:
        filling = filling_of(trajectory, stage)
        with watched() as of_workers:
            begun = time.perf_counter()
            fill(trajectory, stage, stage, quiet, force, filling.work, *filling.rest)
            seconds[stage] = time.perf_counter() - begun
        peaks[stage] = sorted((v for v in of_workers.values() if v > 0.05), reverse=True)
    begun = time.perf_counter()
    table = store.with_suffix(".events.npz")
    table.unlink(missing_ok=True)
    events = find_events(trajectory, Events(0.05, 0.2, WINDOW), table)
    seconds["events"] = time.perf_counter() - begun
    return {
        "executor": executor,
        "workers": workers,
        "gigabytes": trajectory.n_frames * trajectory.n_particles * 24 / 1e9,
        "frames": trajectory.n_frames,
        "units": len(trajectory.units()),
        "n_events": int(events.sizes["event"]),
        "seconds": {k: round(v, 2) for k, v in seconds.items()},
        "peak_gb_of_driver": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
        "peak_gb_of_workers": {k: [round(v, 3) for v in of] for k, of in peaks.items()},
        "hashes": {s: _hash_of(store, s) for s in STAGES},
    }


def _hash_of(store: Path, stage: str) -> str:
    """Hash over the content hashes of all units."""
    import hashlib

    entries = sorted((store / "manifest" / stage).glob("[0-9]*.json"))
    return hashlib.sha256(
        "".join(str(json.loads(e.read_text())["sha256"]) for e in entries).encode()
    ).hexdigest()[:16]


# -- all of them -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Make the trajectory, run what has not been run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--every", type=int, default=100, help="frames from one softness to the next")
    parser.add_argument("--text", action="store_true", help="by way of a LAMMPS dump and `vitrify import`")
    parser.add_argument("--runs", nargs="+", default=["processes:1", "processes:2", "dask:1", "dask:2"])
    parser.add_argument("--process", nargs=2, metavar=("EXECUTOR", "WORKERS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    store, model = asked.folder / "large.zarr", asked.folder / "softness.json"
    if asked.process:
        executor, workers = asked.process
        print(json.dumps(process(store, model, asked.every, executor, int(workers))))
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    if asked.text:
        dump = asked.folder / "large.lammpstrj"
        if not dump.exists():
            make_dump(dump, asked.gigabytes)
        written = time.perf_counter() - begun
        command = [
            Path(sys.executable).with_name("vitrify"),
            "import",
            dump,
            store,
            "--thermal",
            "--species",
            "1=A,2=B",
        ]
        subprocess.run(command, check=True)
        print(f"dump written in {written:.0f} s, imported in {time.perf_counter() - begun - written:.0f} s")
    else:
        make_store(store, asked.gigabytes)
        print(f"store written in {time.perf_counter() - begun:.0f} s")
    from vitrify.particles.trajectory import Trajectory

    make_model(model, Trajectory.open(store).species_names)
    rows = [run(asked, name) for name in asked.runs]
    show(rows)


def run(asked: argparse.Namespace, name: str) -> dict[str, Any]:
    """Run in a process of its own, or return what an earlier call found."""
    result = asked.folder / f"result-{name.replace(':', '-')}.json"
    if result.exists():
        return dict(json.loads(result.read_text()))
    from vitrify.particles.trajectory import Trajectory

    for stage in STAGES:  # from nothing
        Trajectory.open(asked.folder / "large.zarr").remove_stage(stage)
    command = [
        sys.executable,
        __file__,
        asked.folder,
        "--every",
        str(asked.every),
        "--process",
        *name.split(":"),
    ]
    said = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
    ).stdout
    result.write_text(said.splitlines()[-1])
    return dict(json.loads(result.read_text()))


def show(rows: list[dict[str, Any]]) -> None:
    """Print a line for each run, and how much faster two workers are than one."""
    width = shutil.get_terminal_size().columns
    for row in rows:
        print(json.dumps(row, indent=None if width > 300 else 1))
    for executor in dict.fromkeys(row["executor"] for row in rows):
        by_workers = {row["workers"]: row["seconds"] for row in rows if row["executor"] == executor}
        if {1, 2} <= by_workers.keys():
            one, two = (sum(by_workers[n][s] for s in STAGES) for n in (1, 2))
            starts = [len(STAGES) * by_workers[n]["start"] for n in (1, 2)]
            net = (one - starts[0]) / (two - starts[1])
            parts = ", ".join(f"{s} {by_workers[1][s] / by_workers[2][s]:.2f}" for s in STAGES)
            print(
                f"{executor}: two workers are {one / two:.2f} times as fast as one ({parts}), {net:.2f} times without the "
                f"{starts[1]:.1f} s in which they start and end"
            )
    same = len({json.dumps(row["hashes"]) for row in rows}) == 1
    print("the same bits from every run" if same else "THE RUNS DIFFER")


if __name__ == "__main__":
    main()
