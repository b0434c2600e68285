"""Labels of a benchmark: configurations with a measured propensity, or a trajectory with its rearrangements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError, ShapeError, StoreError, TooFewEventsError
from vitrify.particles.propensity import MeasuredPropensity, displacements_of_runs
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.predictions import PredictionTable
from vitrify.rearrangements.events import at_risk, rearrangements
from vitrify.studies.benchmark_rows import REARRANGEMENTS, Observations
from vitrify.studies.store_curves import SEGMENTS, sampled_rows
from vitrify.studies.store_files import events_table

if TYPE_CHECKING:
    import xarray as xr

_FEWEST_FRAMES = 3  # windows of p_hop in which a rearrangement is seen whole


# -- propensity ------------------------------------------------------------------------------------------------------


def ceilings(samples: Sequence[MeasuredPropensity], chosen: Sequence[int]) -> list[xr.Dataset] | None:
    """Return the noise ceiling at every time, configurations numbered; None where single runs are not known."""
    from vitrify.predictors.noise_ceiling import noise_ceiling

    kept = [samples[k] for k in chosen]
    found = []
    for time in kept[0].times:
        try:
            runs = displacements_of_runs(kept, float(time))
            found.append(noise_ceiling(runs).assign_coords(configuration=list(chosen)))
        except (ParameterError, ShapeError, TooFewEventsError):
            return None
    return found


def relaxation_time_index(samples: Sequence[MeasuredPropensity], time: float | None) -> int:
    """Return the time that predictions are ranked at: the given one, or the one nearest the relaxation time.

    Raises
    ------
    ParameterError
        If nothing was measured at the given time.
    """
    from vitrify.studies.propensity_regression import relaxation_index
    from vitrify.studies.propensity_settings import Runs

    if time is not None:
        return samples[0].index(time)
    return relaxation_index(samples, Runs.model_fields["wave_vector"].default)


# -- rearrangements --------------------------------------------------------------------------------------------------


def from_store(
    store: Path, tables: Sequence[PredictionTable], within: int | None = None
) -> tuple[Observations, int]:
    """Return who rearranges soon after the frames of the tables, and how many of these frames cannot be used.

    A particle of frame t is 1 if it begins to rearrange in one of the frames t, t + 1, … t + `within` − 1: a rearrangement
    of it, whose largest p_hop exceeds `rearrangement_threshold`, has its start_frame there. Otherwise it is 0. Particles
    that are inside a rearrangement at t, or absent, are left out, and so are frames without three windows of p_hop behind
    the last of these frames, in which a rearrangement would be seen whole.

    Parameters
    ----------
    store : Path
    tables : sequence of PredictionTable
        All of the same frames. Without any, every `within`-th frame is taken.
    within : int, frames, optional
        By default the window of p_hop.

    Raises
    ------
    StoreError
        If the store has no rearrangements.
    FileFormatError
        If a table names a frame that is not there, or other frames than the first.
    ParameterError
        If `within` is not positive.
    TooFewEventsError
        If no frame can be used.
    """
    trajectory = Trajectory.open(store)
    events = load_table(events_table(store))
    if events is None or not trajectory.is_done("p_hop"):
        raise StoreError(f"{store} has no events yet. Run `vitrify rearrangements {store}` first.")
    window = int(events.attrs["window"])
    within = window if within is None else within
    if within < 1:
        raise ParameterError(f"`--within` must be at least 1 frame; it is {within}.")
    frames = frames_of(tables, trajectory) if tables else np.arange(0, trajectory.n_frames, within)
    usable = frames[(frames >= 1) & (frames + within - 1 < trajectory.n_frames - _FEWEST_FRAMES * window)]
    if not len(usable):
        raise TooFewEventsError(
            f"None of the {len(frames)} frames can be used: rearrangements must begin within {within} frames and be seen whole, "
            f"which takes {within + _FEWEST_FRAMES * window} frames behind frame 1 or later; {store} has {trajectory.n_frames}. "
            "Predict earlier frames, or take a smaller `--within`."
        )
    risk = _free(trajectory, events, usable, window)
    starts = _begins(events, usable, within, trajectory.n_particles)
    row, particle = np.nonzero(risk)
    index = usable[row]
    return Observations(
        REARRANGEMENTS,
        str(store),
        tuple(map(str, range(trajectory.n_frames))),
        index,
        particle,
        np.array(trajectory.species_names)[trajectory.species[particle]],
        index * SEGMENTS // trajectory.n_frames,
        np.array([within * trajectory.frame_interval]),
        starts[risk].astype(np.float64)[None],
        "1",
    ), len(frames) - len(usable)


def frames_of(tables: Sequence[PredictionTable], trajectory: Trajectory) -> NDArray[np.int64]:
    """Return the frames of all tables, which must be the same."""
    found = [np.unique(table.groups) for table in tables]
    for table, frames in zip(tables, found, strict=True):
        if frames[-1] >= trajectory.n_frames:
            row = int(np.argmax(table.groups >= trajectory.n_frames))
            raise FileFormatError(
                f"{table.place(row)}: there is no frame {table.groups[row]}; {trajectory.path} has 0 to {trajectory.n_frames - 1}. "
                "Number frames as the store does."
            )
        if not np.array_equal(frames, found[0]):
            other = np.setxor1d(frames, found[0])
            raise FileFormatError(
                f"{table.path} and {tables[0].path} predict different frames; {len(other)} are only in one of them, the first is "
                f"{other[0]}. Predict the same frames, so that all predictions are scored on the same rearrangements."
            )
    return found[0]


def _free(
    trajectory: Trajectory, events: xr.Dataset, frames: NDArray[np.int64], window: int
) -> NDArray[np.bool_]:
    """Return who is there and not inside a rearrangement, (frames, N)."""
    free = at_risk(events, frames, trajectory.n_particles)
    if not trajectory.layout.complete:
        for k, (_, values) in enumerate(sampled_rows(trajectory, "p_hop", frames + window // 2)):
            free[k] &= np.isfinite(values)
    return free


def _begins(events: xr.Dataset, frames: NDArray[np.int64], within: int, n: int) -> NDArray[np.bool_]:
    """Return who begins to rearrange in one of the `within` frames from each frame on, (frames, N)."""
    moving: Any = rearrangements(events)
    seen = moving["start_seen"].values.astype(bool)
    start, particle = moving["start_frame"].values[seen], moving["particle"].values[seen]
    out = np.zeros((len(frames), n), bool)
    first = np.searchsorted(frames, start - within + 1, side="left")
    stop = np.searchsorted(frames, start, side="right")
    for k in np.flatnonzero(stop > first):
        out[first[k] : stop[k], particle[k]] = True
    return out
