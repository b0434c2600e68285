"""What softness says of the dynamics of a single store: which particles had which softness, and which of them moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, StoreError
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import canonical_json
from vitrify.rearrangements.events import at_risk, rearrangements
from vitrify.studies.store_curves import SEGMENTS, sampled_rows
from vitrify.studies.store_structure import evenly

if TYPE_CHECKING:
    import xarray as xr

_VALUES = 4_000_000
_RISK_BYTES = 20_000_000
_LARGEST_MODEL = 50_000_000
_MOST_FILES = 200
_FEWEST_FRAMES = 3  # windows of p_hop in a trajectory, and a frame to begin at


# -- which softness it is --------------------------------------------------------------------------------------------


def find_model(trajectory: Trajectory, given: Path | None) -> TrainedSoftness | None:
    """Return the trained softness that the array "softness" of a store was made with; None if it is not found.

    Parameters
    ----------
    trajectory : Trajectory
    given : path or None
        Of a trained softness. Without it JSON files beside the store, in its study's folder and in the working folder
        are looked at.

    Raises
    ------
    StoreError
        If `given` is no trained softness.
    ParameterError
        If it is another one than the store was made with.
    """
    wanted = trajectory.stages.get("softness", {}).get("parameters", {}).get("model")
    if given is not None:
        if not given.exists():
            raise StoreError(
                f"There is no trained softness {given}. Make one with `vitrify train`, or name another with `--model`."
            )
        trained = TrainedSoftness.load(given)
        if wanted is not None and trained.identity != wanted:
            raise ParameterError(
                f"The softness in {trajectory.path} was made with another model (identity {wanted}) than {given} "
                f"({trained.identity}). Name that one, or run `vitrify softness {trajectory.path} --model {given}` first."
            )
        return trained
    if wanted is None:
        return None
    home = trajectory.path.resolve()
    folders = [home.parent, *list(home.parents)[2:3], Path.cwd()]
    for path in [p for folder in dict.fromkeys(folders) for p in sorted(folder.glob("*.json"))[:_MOST_FILES]]:
        try:
            if (
                path.stat().st_size < _LARGEST_MODEL
                and (found := TrainedSoftness.load(path)).identity == wanted
            ):
                return found
        except (StoreError, OSError, ValueError, TypeError):  # any other JSON file
            continue
    return None


def is_own(trajectory: Trajectory, trained: TrainedSoftness) -> bool:
    """Whether a softness was trained on this very trajectory."""
    origin = trained.training.get("provenance")
    return origin is not None and canonical_json(origin) == canonical_json(trajectory.provenance)


# -- where it is -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SoftnessFrames:
    """Frames of a store in which its particles have a softness.

    Parameters
    ----------
    frames : (n,) int
        Evenly chosen among those that have it, where there are many.
    every : int
        Frames from one that has it to the next.
    centre : (m,) int
        Particles of the species that softness is of.
    between : bool
        Whether single particles have a softness at other frames too.
    """

    frames: NDArray[np.int64]
    every: int
    centre: NDArray[np.int64]
    between: bool


def unconverged(trajectory: Trajectory) -> NDArray[np.bool_]:
    """Return whether the quench of each frame did not reach its force criterion, (F,)."""
    known = "inherent_converged" in trajectory.stages.get("inherent", {}).get("arrays", ())
    if not (known and trajectory.is_done("inherent")):
        return np.zeros(trajectory.n_frames, bool)
    return np.asarray(trajectory.read("inherent_converged") == 0)


def softness_frames(trajectory: Trajectory, trained: TrainedSoftness | None) -> SoftnessFrames | None:
    """Return where the particles of a store have a softness; None if nowhere.

    Frames whose quench did not converge are left out.
    """
    parameters = trajectory.stages["softness"]["parameters"]
    every = int(parameters.get("every", parameters.get("stride", 1)))
    between = "every" not in parameters
    having = np.arange(0, trajectory.n_frames, every)
    if between:  # not said on which frame it begins: the frames in which most particles have one
        counts = np.array(
            [
                np.isfinite(v).sum()
                for _, v in sampled_rows(trajectory, "softness", np.arange(trajectory.n_frames))
            ]
        )
        having = np.flatnonzero((counts > 0) & (2 * counts >= counts.max()))
    having = having[~unconverged(trajectory)[having]]
    if not len(having):
        return None
    first = trajectory.read("softness", int(having[0]), int(having[0]) + 1)[0]
    if trained is not None:
        names = [trained.centre_species]
    else:
        kinds = np.unique(trajectory.species[np.isfinite(first)])
        names = [trajectory.species_names[k] for k in kinds]
    centre = np.flatnonzero(np.isin(trajectory.species, [trajectory.species_names.index(n) for n in names]))
    if not len(centre):
        return None
    frames = having[evenly(len(having), max(SEGMENTS, _VALUES // len(centre)))]
    return SoftnessFrames(frames, every, centre, between)


# -- what it says ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class StoreTally:
    """Softness of the particles that could rearrange and of those that began to.

    Parameters
    ----------
    softness, segment : (n,)
        Of every particle at risk in the frames that were used.
    starts, start_segment : (m,)
        Of every rearrangement that begins in such a frame, or before the next one that has softness.
    frames_per_sample : int
        How many frames each entry of `softness` stands for.
    n_frames : int
        Frames that were used.
    n_without : int
        Rearrangements that were left out, because their particle has no softness.
    late : int
        Softness is at most so many frames older than the rearrangement.
    """

    softness: NDArray[np.float64]
    segment: NDArray[np.int64]
    starts: NDArray[np.float64]
    start_segment: NDArray[np.int64]
    frames_per_sample: int
    n_frames: int
    n_without: int
    late: int


def tally(trajectory: Trajectory, events: xr.Dataset, where: SoftnessFrames) -> StoreTally | None:
    """Return the tally of a store; None if its frames leave no place for a rearrangement to be seen whole.

    A rearrangement that begins at frame t takes its particle's softness from the last frame at or before t that has one,
    or from t itself where the particle has one there. Exposure and rearrangements come from the same frames and from
    particles that are at risk in them: every entry stands for the frames up to the next that has softness.
    """
    window = int(events.attrs["window"])
    usable = where.frames[
        (where.frames >= 1) & (where.frames < trajectory.n_frames - _FEWEST_FRAMES * window)
    ]
    if not len(usable):
        return None
    moving = rearrangements(events)
    seen = moving["start_seen"].values.astype(bool) & np.isin(moving["particle"].values, where.centre)
    start, particle = moving["start_frame"].values[seen], moving["particle"].values[seen]
    order = np.argsort(start, kind="stable")
    start, particle = start[order], particle[order]
    parts: dict[str, list[NDArray[Any]]] = {
        name: [] for name in ("softness", "segment", "starts", "start_segment")
    }
    n_without = 0
    known = None if trajectory.layout.complete else _rows_at(trajectory, "p_hop", usable + window // 2)
    centre = np.zeros(trajectory.n_particles, bool)
    centre[where.centre] = True
    free_at = _at_risk(events, usable, trajectory.n_particles)
    for frame, values in sampled_rows(trajectory, "softness", usable):
        free = next(free_at) & centre
        if known is not None:
            free &= np.isfinite(next(known))
        own = values[free & np.isfinite(values)]
        k = frame * SEGMENTS // trajectory.n_frames
        parts["softness"].append(own)
        parts["segment"].append(np.full(len(own), k))
        lo, hi = np.searchsorted(start, [frame, frame + where.every])
        beginning = np.flatnonzero(free[particle[lo:hi]]) + lo
        s = _at_starts(trajectory, values, frame, start[beginning], particle[beginning], where.between)
        n_without += int(np.isnan(s).sum())
        s = s[np.isfinite(s)]
        parts["starts"].append(s)
        parts["start_segment"].append(np.full(len(s), k))
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    if not len(joined["softness"]):
        return None
    return StoreTally(
        **joined,
        frames_per_sample=where.every,
        n_frames=len(usable),
        n_without=n_without,
        late=where.every - 1,
    )


def _at_risk(events: xr.Dataset, frames: NDArray[np.int64], n_particles: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which particles are at risk (N,) at each frame, a block of frames at a time."""
    for block in np.array_split(frames, 1 + len(frames) * n_particles // _RISK_BYTES):
        if len(block):
            yield from at_risk(events, block, n_particles)


def _rows_at(trajectory: Trajectory, name: str, frames: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    return (values for _, values in sampled_rows(trajectory, name, frames))


def _at_starts(
    trajectory: Trajectory,
    values: NDArray[np.float64],
    frame: int,
    start: NDArray[np.int64],
    particle: NDArray[np.int64],
    between: bool,
) -> NDArray[np.float64]:
    """Return the softness of particles that begin to rearrange at or shortly after a frame."""
    out = values[particle]
    if between and len(start) and start.max() > frame:
        rows = trajectory.read("softness", frame, int(start.max()) + 1)
        exact = rows[start - frame, particle]
        out = np.where(np.isfinite(exact), exact, out)
    return np.asarray(out)
