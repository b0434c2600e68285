"""A dry run: trajectories with a planted answer, in seconds, through the same door as molecular dynamics."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.engines._planted import PlantedLiquid, assemble, planted_softness
from vitrify.engines.base import Run, Segment
from vitrify.errors import EngineError, ParameterError, ShapeError
from vitrify.files import whole_file
from vitrify.particles import Frame
from vitrify.provenance import identity

__all__ = ["DryRun", "PlantedLiquid", "planted_softness"]

_DYNAMICS_STREAM = 1


@dataclass
class _State:
    """Where the clusters are between two frames.

    Attributes
    ----------
    offset : (k, d) float, length
        Of each A from its lattice site.
    n_inner : (k,) int
    satellites : (k, n, d) float, length
        Relative to A.
    rng : numpy.random.Generator
    """

    offset: NDArray[np.float64]
    n_inner: NDArray[np.int64]
    satellites: NDArray[np.float64]
    rng: np.random.Generator


@dataclass(frozen=True)
class DryRun:
    """Engine of a `PlantedLiquid`: caged particles that hop with a known probability per frame.

    Between two frames every A hops with p(s, T) of its planted softness s; its satellites go with it and are arranged
    anew. Then, with a finite `memory` of the model, some satellites of all A change their distance. Inherent positions come
    with the frames, so nothing needs quenching.

    Notes
    -----
    **Scale** p is a probability per frame: `time_step` and `steps_per_frame` of the run only set the clock.
    **Differs from** molecular dynamics in everything but the statistics of hops: there are no forces and no velocities.
    **Cost** about a millisecond per frame of 3000 particles.

    Examples
    --------
    >>> import tempfile
    >>> model = PlantedLiquid(n_clusters=8)
    >>> run = Run(model, temperature=0.5, seed=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = Path(folder, "0"), Path(folder, "1")
    ...     DryRun().begin(run, model.start_frame(run), None, first)
    ...     segment = DryRun().advance(run, first, 5, second)
    >>> segment.positions.shape, segment.inherent.shape
    ((5, 72, 3), (5, 72, 3))
    """

    name: ClassVar[str] = "dryrun"

    def begin(self, run: Run, start: Frame, velocities: NDArray[np.float64] | None, state: Path) -> None:  # noqa: ARG002
        """Write the state from which the first frame follows.

        Parameters
        ----------
        run : Run
            With a `PlantedLiquid` as model.
        start : Frame
            Inherent positions in the order of the model, such as ``model.start_frame(run)``.
        velocities : None
            There are none; what is given is ignored.
        state : Path

        Raises
        ------
        ParameterError
            If the model is not planted, hops with certainty, or an A of `start` is too far from its site.
        ShapeError
            If `start` has other particles.
        """
        model = _planted(run)
        model.hop_probability(model.softness_levels, run.temperature)
        softness = planted_softness(start, model)
        if start.box != model.box:
            raise ShapeError(
                f"`start` must lie in the model's box, {model.box.lengths}; its box is {start.box.lengths}."
            )
        clusters = start.positions.reshape(model.n_clusters, 1 + model.n_satellites, model.dimension)
        offset = model.box.minimum_image(clusters[:, 0] - model.sites)
        furthest = float(np.linalg.norm(offset[:, 1 if model.one_way else 0 :], axis=1).max())
        if furthest > model.hop_length * (1 + 1e-9):
            raise ParameterError(
                f"An A of `start` is {furthest:.3g} from its lattice site; `hop_length` = {model.hop_length} is as far as they go."
            )
        n_inner = np.rint(softness * model.softness_scale + model.n_satellites / 2).astype(np.int64)
        arms = model.box.minimum_image(clusters[:, 1:] - clusters[:, :1])
        rng = np.random.default_rng([_DYNAMICS_STREAM, run.seed])
        _write_state(Path(state), _State(offset, n_inner, arms, rng), model)

    def advance(self, run: Run, state: Path, n_frames: int, next_state: Path) -> Segment:
        """Return the next `n_frames` frames after `state`; `next_state` appears last and whole.

        Raises
        ------
        ParameterError
            If `n_frames` is below 1.
        EngineError
            If `state` cannot be read or belongs to another model.
        """
        model = _planted(run)
        if n_frames < 1:
            raise ParameterError(f"`n_frames` must be at least 1; it is {n_frames}.")
        now = _read_state(Path(state), model)
        shape = (n_frames, model.n_particles, model.dimension)
        inherent, positions, barrier = np.empty(shape), np.empty(shape), np.empty(n_frames)
        sites, probability = model.sites, model.hop_probability(model.softness_levels, run.temperature)
        inner = model.inner_probability(run.temperature)
        for k in range(n_frames):
            _hop(now, model, probability)
            if model.renewal_probability:
                _renew(now, model, inner)
            inherent[k] = assemble(sites + now.offset, now.satellites)
            inherent[k] += model.inherent_noise * now.rng.normal(size=shape[1:])
            positions[k] = inherent[k] + model.cage_noise * now.rng.normal(size=shape[1:])
            barrier[k] = (model.e0 - model.e1 * model.softness(now.n_inner)).sum()
        _write_state(Path(next_state), now, model)
        vectors = np.broadcast_to(model.box.vectors, (n_frames, *model.box.vectors.shape)).copy()
        origin = np.zeros((n_frames, model.dimension))
        return Segment(positions, vectors, origin, _thermo(model, run.temperature, barrier), inherent)


def _planted(run: Run) -> PlantedLiquid:
    if not isinstance(run.model, PlantedLiquid):
        raise ParameterError(
            f"A dry run needs a PlantedLiquid as `model`; got {type(run.model).__name__}. Other models need the engine 'lammps'."
        )
    return run.model


def _hop(now: _State, model: PlantedLiquid, probability: NDArray[np.float64]) -> None:
    """Let every cluster hop, or not, by the probability of its level, (n + 1,)."""
    moving = np.flatnonzero(now.rng.random(model.n_clusters) < probability[now.n_inner])
    if not len(moving):
        return
    if model.one_way:
        now.offset[moving, 0] += np.where(moving % 2, -model.hop_length, model.hop_length)
    else:
        now.offset[moving] += _bounded_steps(now.offset[moving], model.hop_length, now.rng)
    now.n_inner[moving] = now.rng.binomial(model.n_satellites, 0.5, len(moving))
    now.satellites[moving] = model.shells(now.n_inner[moving], now.rng)


def _renew(now: _State, model: PlantedLiquid, inner: float) -> None:
    """Throw some satellites of every cluster again: they stay where they are seen from A, but near or far."""
    shape = now.satellites.shape[:2]
    cluster, satellite = np.nonzero(now.rng.random(shape) < model.renewal_probability)
    distance = np.where(now.rng.random(len(cluster)) < inner, model.inner_distance, model.outer_distance)
    arms = now.satellites[cluster, satellite]
    length = np.linalg.norm(arms, axis=1)
    now.satellites[cluster, satellite] = arms * (distance / length)[:, None]
    middle = 0.5 * (model.inner_distance + model.outer_distance)
    change = (distance < middle).astype(np.int64) - (length < middle)
    np.add.at(now.n_inner, cluster, change)


def _bounded_steps(
    offset: NDArray[np.float64], length: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw steps of one length, evenly among those that end within this length of the lattice site, (k, d).

    From distance r the cosine to the outward direction must be at most -r / (2 length).
    """
    n, d = offset.shape
    outward = rng.normal(size=(n, d))
    distance = np.linalg.norm(offset, axis=1)
    away = distance > 1e-9 * length
    outward[away] = offset[away]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    largest = -np.minimum(distance / (2 * length), 1.0)
    if d == 3:
        cosine = -1 + (1 + largest) * rng.random(n)
    else:
        closest = np.arccos(largest)
        cosine = np.cos(closest + (np.pi - closest) * rng.random(n))
    sideways = rng.normal(size=(n, d))
    sideways -= np.einsum("ni,ni->n", sideways, outward)[:, None] * outward
    sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
    return length * (cosine[:, None] * outward + np.sqrt(1 - cosine**2)[:, None] * sideways)


def _thermo(
    model: PlantedLiquid, temperature: float, barrier: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Traps as deep as their barriers, and equipartition; what the bath gives makes up the conserved energy."""
    thermal = 0.5 * model.dimension * model.n_particles * temperature
    same = np.ones_like(barrier)
    return {
        "potential_energy": thermal - barrier,
        "temperature": temperature * same,
        "pressure": model.n_particles / model.box.volume * temperature * same,
        "conserved_energy": (2 * thermal - model.n_clusters * model.e0) * same,
    }


def _write_state(path: Path, now: _State, model: PlantedLiquid) -> None:
    with whole_file(path) as beside, open(beside, "wb") as file:
        np.savez(
            file,
            offset=now.offset,
            n_inner=now.n_inner,
            satellites=now.satellites,
            rng=np.array(json.dumps(now.rng.bit_generator.state)),
            model=np.array(identity(model)),
        )


def _read_state(path: Path, model: PlantedLiquid) -> _State:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            arrays: dict[str, Any] = {name: held[name] for name in held.files}
        rng = np.random.default_rng()
        rng.bit_generator.state = json.loads(str(arrays["rng"]))
        found, now = (
            str(arrays["model"]),
            _State(arrays["offset"], arrays["n_inner"], arrays["satellites"], rng),
        )
    except Exception as error:
        raise EngineError(
            f"{path} is missing or is not a whole state of a dry run ({error}). Delete it and begin the run again."
        ) from error
    if found != identity(model):
        raise EngineError(
            f"{path} belongs to another planted model ({found}, not {identity(model)}). Go on with the parameters it was begun with."
        )
    return now
