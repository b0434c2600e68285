"""Equilibrate: melt, cool, hold, and say whether what came out is an equilibrium liquid."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Run
from vitrify.errors import CrystallizedError, ParameterError
from vitrify.files import write_json
from vitrify.particles import Box, Frame
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.production import prepare_production, produce, state_file
from vitrify.provenance import to_plain, versions

_DRIFT_BLOCKS = 10


@dataclass(frozen=True)
class Equilibrate:
    """How a liquid is brought to a temperature.

    Parameters
    ----------
    hold_time : float, time
        At the final temperature; several relaxation times.
    melt_temperature : float, default 1.5
    melt_time : float, time, default 50
    cooling_time : float, time, default 250
        From the melt to the final temperature, linearly.
    n_frames : int, default 100
        Frames of the hold that the checks look at.
    overlap_cutoff : float, length, default 0.5
        Displacement that counts as having left.
    max_overlap : float, default 0.4
        The overlap between beginning and end of the hold must have fallen below this.
    max_crystalline : float, default 0.1
        Largest fraction of particles in crystalline surroundings.
    """

    hold_time: float
    melt_temperature: float = 1.5
    melt_time: float = 50.0
    cooling_time: float = 250.0
    n_frames: int = 100
    overlap_cutoff: float = 0.5
    max_overlap: float = 0.4
    max_crystalline: float = 0.1

    def __post_init__(self) -> None:
        if not self.hold_time > 0 or self.n_frames < 10:
            raise ParameterError(
                f"`hold_time` must be positive and `n_frames` at least 10; they are {self.hold_time}, {self.n_frames}."
            )

    @property
    def total_time(self) -> float:
        """Simulated time, melt and cooling included."""
        return self.melt_time + self.cooling_time + self.hold_time


@dataclass(frozen=True)
class EquilibrationReport:
    """What `equilibrate` found.

    Attributes
    ----------
    temperature_mean : float
        Kinetic temperature of the hold, to compare with the thermostat's.
    energy_per_particle, energy_error : float, energy
        Mean potential energy of the second half of the hold and its standard error from blocks.
    energy_drift, energy_drift_error : float, energy
        Change of the potential energy per particle over the second half of the hold, from a line fitted to it.
    conserved_drift : float, energy
        Change of the thermostatted system's conserved energy per particle over the hold: the integrator's error.
    overlap : float
        Fraction of particles within the cutoff of where they were at the beginning of the hold, at its end.
    crystalline_fraction : float
        Fraction of particles in crystalline surroundings at the end.
    is_equilibrated : bool
    remarks : tuple of str
        What falls short.
    """

    temperature_mean: float
    energy_per_particle: float
    energy_error: float
    energy_drift: float
    energy_drift_error: float
    conserved_drift: float
    overlap: float
    crystalline_fraction: float
    is_equilibrated: bool
    remarks: tuple[str, ...]


def random_start(
    composition: tuple[float, ...], n_particles: int, density: float, *, dimension: int, seed: int
) -> Frame:
    """Return particles at random places in a cubic (square) box, species by composition, in random order.

    Raises
    ------
    ParameterError
        If the numbers are not positive or a species would be empty.
    """
    if n_particles < 1 or not density > 0:
        raise ParameterError(
            f"`n_particles` and `density` must be positive; they are {n_particles}, {density}."
        )
    bounds = np.rint(np.cumsum((0.0, *composition)) * n_particles).astype(int)
    if (np.diff(bounds) < 1).any():
        raise ParameterError(
            f"{n_particles} particles leave a species of the composition {composition} empty."
        )
    rng = np.random.default_rng([seed, 1])
    edge = (n_particles / density) ** (1 / dimension)
    species = rng.permutation(np.repeat(np.arange(len(composition)), np.diff(bounds)))
    return Frame(
        rng.uniform(0, edge, (n_particles, dimension)), species, Box.orthorhombic([edge] * dimension)
    )


def equilibrate(
    engine: Any,
    run: Run,
    start: Frame,
    protocol: Equilibrate,
    folder: Path,
    tick: Callable[[int], None] | None = None,
) -> EquilibrationReport:
    """Melt `start`, cool it to the temperature of `run` and hold it there; the end is left in `folder`.

    Repeating the call goes on where it was killed.

    Parameters
    ----------
    engine : Lammps
        Needs `relax`, `ramp` and `configuration` besides the `Engine` protocol.
    run : Run
        Its temperature is the final one.
    start : Frame
        May overlap; it is pushed apart first.
    protocol : Equilibrate
    folder : Path
        Gets the states, the frames of the hold (``hold.zarr``), ``report.json`` and ``configuration.npz``.
    tick : callable, optional
        Called with the number of hold frames just made.

    Returns
    -------
    EquilibrationReport

    Raises
    ------
    CrystallizedError
        If too many particles end in crystalline surroundings: a crystal is not a liquid.
    """
    folder = Path(folder)
    hold_run = _spread(run, protocol)
    layout = Layout(
        protocol.n_frames,
        start.species,
        start.species_names,
        start.dimension,
        tuple(map(bool, start.box.periodic)),
        frames_per_unit=5,
    )
    hold = Trajectory.create(
        folder / "hold.zarr", layout, {"run": to_plain(hold_run), "protocol": asdict(protocol)}
    )
    prepare_production(hold)
    _melt_and_cool(engine, run, start, protocol, folder)
    produce(engine, hold_run, hold, folder, tick)
    report = judge(hold, protocol)
    write_json(folder / "report.json", asdict(report))
    if report.crystalline_fraction > protocol.max_crystalline:
        raise CrystallizedError(
            f"{report.crystalline_fraction:.0%} of the particles are in crystalline surroundings after the hold at "
            f"T = {run.temperature}; at most {protocol.max_crystalline:.0%} may be in a liquid. Cool faster, use another "
            f"seed, or a mixture that does not crystallize. The frames are kept in {hold.path}."
        )
    last = state_file(folder, len(hold.units()))
    frame, velocities = engine.configuration(last, start.species_names)
    save_configuration(folder / "configuration.npz", frame, velocities, _passport(run, protocol, report))
    return report


def _spread(run: Run, protocol: Equilibrate) -> Run:
    steps = max(1, round(protocol.hold_time / protocol.n_frames / run.time_step))
    return Run(run.model, run.temperature, run.time_step, steps, run.thermostat, run.seed)


def _melt_and_cool(engine: Any, run: Run, start: Frame, protocol: Equilibrate, folder: Path) -> None:
    hot = Run(
        run.model, protocol.melt_temperature, run.time_step, run.steps_per_frame, run.thermostat, run.seed
    )
    relaxed, melted, first = folder / "relaxed", folder / "melted", state_file(folder, 0)
    if not relaxed.exists():
        engine.relax(start, run.model, relaxed, hot)
    if not melted.exists():
        engine.ramp(hot, hot.temperature, relaxed, round(protocol.melt_time / run.time_step), melted)
    if not first.exists():
        engine.ramp(hot, run.temperature, melted, round(protocol.cooling_time / run.time_step), first)


def judge(hold: Trajectory, protocol: Equilibrate) -> EquilibrationReport:
    """Return the report on the frames of a hold."""
    from vitrify.structure.crystallinity import Crystallinity

    energy = hold.read("potential_energy") / hold.n_particles
    half = len(energy) // 2
    mean, error = _block_mean(energy[half:])
    drift, drift_error = _drift(energy[half:])
    conserved = hold.read("conserved_energy") / hold.n_particles
    moved = np.linalg.norm(
        hold.positions("thermal", -1 % hold.n_frames)[0] - hold.positions("thermal", 0, 1)[0], axis=1
    )
    overlap = float((moved < protocol.overlap_cutoff).mean())
    fraction = Crystallinity().compute(hold.frame(hold.n_frames - 1, "thermal")).fraction
    remarks = []
    if abs(drift) > _three_sigma(_DRIFT_BLOCKS - 2) * drift_error:
        remarks.append(f"the potential energy still drifts: {drift:+.2g} ± {drift_error:.1g} per particle")
    if overlap > protocol.max_overlap:
        remarks.append(
            f"the overlap over the hold is {overlap:.2f}, above {protocol.max_overlap}: hold longer"
        )
    if fraction > protocol.max_crystalline:
        remarks.append(f"{fraction:.0%} of the particles are in crystalline surroundings")
    return EquilibrationReport(
        float(hold.read("temperature").mean()),
        mean,
        error,
        drift,
        drift_error,
        float(conserved[-1] - conserved[0]),
        overlap,
        float(fraction),
        not remarks,
        tuple(remarks),
    )


def _block_mean(values: NDArray[np.float64], n_blocks: int = 5) -> tuple[float, float]:
    blocks = [b.mean() for b in np.array_split(values, n_blocks)]
    return float(values.mean()), float(np.std(blocks, ddof=1) / np.sqrt(n_blocks))


def _drift(values: NDArray[np.float64], n_blocks: int = _DRIFT_BLOCKS) -> tuple[float, float]:
    """Change over the whole range of a line through the block means, and its error from their scatter."""
    y = np.array([b.mean() for b in np.array_split(values, n_blocks)])
    x = np.linspace(-0.5, 0.5, n_blocks) * (1 - 1 / n_blocks)
    slope = float((x * y).sum() / (x * x).sum())
    residual = y - y.mean() - slope * x
    return slope, float(np.sqrt((residual**2).sum() / (n_blocks - 2) / (x * x).sum()))


def _three_sigma(degrees_of_freedom: int) -> float:
    """Return the quantile of Student's t that is as rare as three standard deviations."""
    from scipy.stats import norm, t

    return float(t.isf(norm.sf(3.0), degrees_of_freedom))


def _passport(run: Run, protocol: Equilibrate, report: EquilibrationReport) -> dict[str, Any]:
    return {
        "run": to_plain(run),
        "protocol": asdict(protocol),
        "report": asdict(report),
        "versions": versions(),
    }


def save_configuration(
    path: Path, frame: Frame, velocities: NDArray[np.float64], passport: dict[str, Any]
) -> None:
    """Write a configuration with velocities and the account of how it was made (npz, no pickle)."""
    temporary = path.with_name(f".{path.name}.tmp.npz")
    np.savez_compressed(
        temporary,
        positions=frame.box.wrap(frame.positions),
        velocities=velocities,
        species=frame.species.astype(np.int8),
        box_vectors=frame.box.vectors,
        box_origin=frame.box.origin,
        periodic=frame.box.periodic,
        species_names=np.array(frame.species_names),
        passport=np.array(json.dumps(to_plain(passport), sort_keys=True)),
    )
    temporary.replace(path)


def load_configuration(path: Path) -> tuple[Frame, NDArray[np.float64], dict[str, Any]]:
    """Return frame, velocities (N, d) and passport of a file written by `save_configuration`."""
    with np.load(path, allow_pickle=False) as held:
        box = Box(held["box_vectors"], held["box_origin"], held["periodic"])
        names = tuple(str(n) for n in held["species_names"])
        frame = Frame(held["positions"], held["species"].astype(np.int64), box, names, path.name)
        return frame, np.array(held["velocities"]), json.loads(str(held["passport"]))
