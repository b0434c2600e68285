"""What takes a look at all pairs of a configuration: overlaps, crystals, forces; for a few frames only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import VitrifyError
from vitrify.particles import Frame
from vitrify.structure.crystallinity import Crystallinity

MOST_ROWS = 1_000_000
"""Particles whose surroundings are looked at, if nothing else is said."""

_ON_ONE_SPOT = 1e-6
_PROBE = 1e-5  # of the spacing: how far particles are moved to see how stiff their surroundings are
_THERMAL = 3e-3  # of the spacing: particles farther from a minimum than this move
_QUENCHED = 1e-5
_NOISE = 4.0


@dataclass(frozen=True)
class Forces:
    """What a model says of one configuration.

    Parameters
    ----------
    state : {"thermal", "inherent", "between", "not of this model"}
    max_force, rms_force : float, energy/length
        Left on the particles.
    noise : float, energy/length
        Largest force that the rounding of the coordinates alone would leave.
    distance : float, length
        About how far particles are from a minimum of the energy: rms force over stiffness.
    """

    state: str
    max_force: float
    rms_force: float
    noise: float
    distance: float


def spacing_of_particles(frame: Frame) -> float:
    """Return density^(-1/d), length."""
    return float((frame.box.volume / max(frame.n_particles, 1)) ** (1 / frame.dimension))


def forces_of(frame: Frame, model: Any, resolution: float) -> Forces:
    """Judge by the forces of a model whether a configuration is thermal or at a minimum of its energy.

    Parameters
    ----------
    frame : Frame
    model : PairModel
    resolution : float, length
        Smallest difference that the coordinates can show.

    Returns
    -------
    Forces
        "inherent" where there are no forces, they are no larger than the rounding leaves, or particles are within a hundred-thousandth of
        their spacing of a minimum; "thermal" where that distance exceeds three thousandths; "between" is a quench that ended
        early, or another potential.

    Notes
    -----
    The stiffness is how much forces change when all particles move a little at random.
    **Cost** two calculations of all forces.
    """
    spacing = spacing_of_particles(frame)
    forces = model.energy_and_forces(frame)[1]
    move = _PROBE * spacing * np.random.default_rng(0).normal(size=frame.positions.shape)
    change = model.energy_and_forces(frame.with_positions(frame.positions + move))[1] - forces
    size = np.sqrt((forces**2).sum(axis=1))
    probe, answer = float(np.sqrt((move**2).sum(axis=1).mean())), np.sqrt((change**2).sum(axis=1))
    stiffness = float(np.sqrt((answer**2).mean())) / probe
    rounding = resolution * float(np.sqrt(frame.dimension / 12.0))
    largest, typical = float(size.max()), float(np.sqrt((size**2).mean()))
    noise = float(answer.max()) / probe * rounding
    if largest == 0:
        return Forces("inherent", 0.0, 0.0, noise, 0.0)
    if not (np.isfinite(typical) and stiffness > 0):
        return Forces("not of this model", largest, typical, noise, float("nan"))
    distance = typical / stiffness
    state = "between"
    if largest <= _NOISE * noise or distance <= _QUENCHED * spacing:
        state = "inherent"
    elif distance >= _THERMAL * spacing:
        state = "thermal" if distance < spacing else "not of this model"
    return Forces(state, largest, typical, noise, distance)


def closest_pair(frame: Frame) -> tuple[float, int, int]:
    """Return the distance of the two particles closest to each other and which they are; infinity for fewer than two.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> closest_pair(Frame([[0.5, 0.0], [3.75, 0.0], [2.0, 2.0]], [0] * 3, Box.orthorhombic([4.0, 4.0])))
    (0.75, 0, 1)
    """
    from vitrify.particles import _cells
    from vitrify.particles.neighbors import cell_list

    spacing, farthest = spacing_of_particles(frame), float(frame.box.lengths.sum())
    cutoff = 0.75 * spacing
    while True:
        best, first, second = _cells.closest_pair(cell_list(frame, cutoff))
        if np.isfinite(best) or cutoff > farthest:
            return float(np.sqrt(best)), int(min(first, second)), int(max(first, second))
        cutoff *= 2


def crystalline_fraction(frame: Frame) -> tuple[float, float] | None:
    """Return the fraction of crystalline particles and their mean order (q6, |ψ6|); None with open boundaries."""
    if not frame.box.periodic.all() or frame.n_particles < 2:
        return None
    found = Crystallinity().compute(frame)
    return found.fraction, float(found.order.mean())


@dataclass
class Judged:
    """What the sampled frames have shown together.

    Parameters
    ----------
    frames : list of int
    shortest : float, length
    shortest_where : str
    on_one_spot : str
        Label of a frame with two particles on one spot.
    crystalline, order : list of float
        Of each frame; empty if they were not judged.
    forces : list of Forces
    no_forces : str
        Why there are none.
    """

    frames: list[int]
    shortest: float = float("inf")
    shortest_where: str = ""
    on_one_spot: str = ""
    crystalline: list[float] | None = None
    order: list[float] | None = None
    forces: list[Forces] | None = None
    no_forces: str = ""

    def states(self) -> list[str]:
        """Return the states that occur, each once."""
        return sorted({f.state for f in self.forces or []})

    def worst(self) -> dict[str, Any]:
        """Return the forces of the frame with the largest one."""
        return asdict(max(self.forces, key=lambda f: f.max_force)) if self.forces else {}


def judge(frames: Sequence[tuple[int, Frame]] | Any, model: Any, resolution: float) -> Judged:
    """Look closely at some frames, one in memory at a time.

    Parameters
    ----------
    frames : iterable of (int, Frame)
    model : PairModel or None
    resolution : float, length
        Smallest difference that the coordinates can show.

    Returns
    -------
    Judged
    """
    found = Judged([])
    for k, frame in frames:
        if frame.n_particles < 2:
            continue
        found.frames.append(k)
        distance, first, second = closest_pair(frame)
        if distance < found.shortest:
            found.shortest = distance
            found.shortest_where = f"rows {first} and {second} of {frame.label}"
        if distance < _ON_ONE_SPOT:
            found.on_one_spot = found.on_one_spot or frame.label
        crystal = crystalline_fraction(frame)
        if crystal is not None:
            found.crystalline = [*(found.crystalline or []), crystal[0]]
            found.order = [*(found.order or []), crystal[1]]
        if model is not None and not found.no_forces:
            try:
                found.forces = [*(found.forces or []), forces_of(frame, model, resolution)]
            except VitrifyError as error:
                found.no_forces = str(error)
    return found


def sampled(looked: NDArray[np.int64], n_particles: int, at_most: int) -> NDArray[np.int64]:
    """Return at most so many of the frames, evenly spread, and few of large ones.

    Examples
    --------
    >>> sampled(np.arange(100), 1000, 4).tolist(), sampled(np.arange(100), 10**6, 4).tolist()
    ([0, 33, 66, 99], [0])
    """
    n = max(1, min(at_most, len(looked), MOST_ROWS // max(n_particles, 1)))
    return looked[np.unique(np.linspace(0, len(looked) - 1, n).astype(np.int64))] if n > 1 else looked[:1]
