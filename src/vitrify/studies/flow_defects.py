"""D²min of a store, and softness trained on it: the flow defects of a sheared or a quiescent glass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError, StoreError
from vitrify.parallel import Workforce
from vitrify.particles.frame import Frame
from vitrify.particles.layout import ArraySpec
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.flow_labels import FlowSelection, select_flow_examples
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.rearrangements.base import frames_per_block
from vitrify.rearrangements.d2min import D2Min, followed_lattice, relative_lattice
from vitrify.studies.describing import centre_particles, describable_in, origin_of_positions
from vitrify.studies.dynamics import StoredValues, renew_stage
from vitrify.studies.filling import fill
from vitrify.studies.learning import describe_examples, make_descriptors
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.store_files import require_positions_or_stage, tell_prepared

if TYPE_CHECKING:
    import xarray as xr

_FEW, _LOST = "d2min_few_neighbors", "d2min_lost_neighbors"
_UNEVEN = 0.01


# -- the array "d2min" -----------------------------------------------------------------------------------------------


def add_d2min(trajectory: Trajectory, indicator: D2Min, progress: Progress, kind: str) -> None:
    """Create the array "d2min" of a store and its counts (the driver's part; `d2min_unit` fills them)."""
    counts = {
        _FEW: f"particles without D2min for fewer than {trajectory.layout.dimension} neighbours",
        _LOST: "neighbours left out of D2min because they are absent at the later time",
    }
    arrays = {
        "d2min": ArraySpec(
            ("particle",), attrs={**indicator.attributes(trajectory.unit_system), "positions": kind}
        ),
        **{
            name: ArraySpec(dtype="i8", attrs={"units": "1", "long_name": words})
            for name, words in counts.items()
        },
    }
    renew_stage(trajectory, "d2min", arrays, {**indicator.to_dict(), "positions": kind}, progress)


def d2min_unit(job: tuple[Path, int, D2Min, str]) -> None:
    """Compute D²min for one unit of a store, reading the later frames that it needs, a block at a time.

    Raises
    ------
    ConfigurationError
        Naming a frame with a coordinate that is not finite, or a box that cannot be followed.
    """
    path, unit, indicator, kind = job
    trajectory = Trajectory.open(path)
    a, b = trajectory.units()[unit]
    needed = [k for t in (a, b - 1) for k in indicator.interval(t)]
    lo, hi = min(needed), min(max(needed) + 1, trajectory.n_frames)
    flips = followed_lattice(
        trajectory.read("box_vectors", lo, hi),
        trajectory.layout.periodic,
        f"{trajectory.path.name}, frame {lo}",
    )
    values = np.full((b - a, trajectory.n_particles), np.nan)
    few, lost = np.zeros(b - a, np.int64), np.zeros(b - a, np.int64)
    for t, start, later in _pairs_of_frames(trajectory, indicator, kind, a, b):
        first, second = indicator.interval(t)
        lattice = relative_lattice(flips[first - lo], flips[second - lo])
        motion = indicator.between(start, later, lattice, with_deformation=False)
        values[t - a, start.particles] = motion.d2min
        both = later.rows_of(start.particles) >= 0
        few[t - a] = np.count_nonzero(np.isnan(motion.d2min[both]))
        lost[t - a] = motion.n_lost[both].sum()
    trajectory.write("d2min", unit, {"d2min": values, _FEW: few, _LOST: lost})


def _pairs_of_frames(
    trajectory: Trajectory, indicator: D2Min, kind: str, a: int, b: int
) -> Iterator[tuple[int, Frame, Frame]]:
    """Yield (frame, first configuration, second one) for those of the frames a … b - 1 that have a value."""
    block = frames_per_block(trajectory.n_particles, trajectory.layout.dimension)
    stop = min(b, trajectory.n_frames - (indicator.lag or 0))
    for lo in range(a, stop, block):
        frames = range(lo, min(lo + block, stop))
        ends = trajectory.frames(kind, [indicator.interval(t)[1] for t in frames])
        if indicator.reference is None:
            starts = trajectory.frames(kind, frames)
        else:
            starts = repeat((indicator.reference, trajectory.frame(indicator.reference, kind)))
        for t, (_, start), (_, later) in zip(frames, starts, ends, strict=False):
            yield t, start, later


def require_even_lag(trajectory: Trajectory, indicator: D2Min) -> None:
    """Refuse a lag in frames that is not always the same time.

    Raises
    ------
    ParameterError
        Naming the shortest and the longest.
    """
    if indicator.lag is None:
        return
    times = trajectory.times
    lags = times[indicator.lag :] - times[: -indicator.lag]
    if np.ptp(lags) > _UNEVEN * np.abs(lags).max():
        raise ParameterError(
            f"`--lag` {indicator.lag} frames is a time between {lags.min():g} and {lags.max():g} in {trajectory.path}, whose "
            "frames are not evenly spaced. Import evenly spaced frames, or compare all frames with one: `--reference`."
        )


def d2min_of_store(
    store: Path,
    indicator: D2Min,
    kind: str,
    progress: Progress,
    workers: int | Workforce | None,
    *,
    prepare: bool = False,
) -> None:
    """Compute D²min of a store; or only `prepare` the array."""
    trajectory = Trajectory.open(store)
    indicator.require_frames(trajectory.n_frames)
    require_positions_or_stage(trajectory, kind, prepare)
    require_even_lag(trajectory, indicator)
    add_d2min(trajectory, indicator, progress, kind)
    if prepare:
        tell_prepared(trajectory, "d2min", progress)
        return
    fill(trajectory, "d2min", "Finding non-affine motion", progress, workers, d2min_unit, indicator, kind)
    few, lost = int(trajectory.read(_FEW).sum()), int(trajectory.read(_LOST).sum())
    if few or lost:
        progress.note(
            f"Without a value for fewer than {trajectory.layout.dimension} neighbours: {few} particles, all frames together; "
            f"neighbours left out because they are absent later: {lost}"
        )
    progress.note(
        f"D2min ({indicator.normalization} over neighbours) of {store} is in it, array 'd2min'. Train on it with "
        f"`vitrify train {store} --labels d2min`."
    )


# -- training --------------------------------------------------------------------------------------------------------


def require_d2min(trajectory: Trajectory) -> dict[str, Any]:
    """Return the parameters of the stage "d2min", complete and with a lag.

    Raises
    ------
    StoreError
        Naming the command that makes it.
    """
    if not trajectory.is_done("d2min"):
        raise StoreError(
            f"{trajectory.path} has no D2min of all frames. Run `vitrify rearrangements {trajectory.path} --indicator d2min "
            "--lag … --cutoff …` first."
        )
    parameters = dict(trajectory.stages["d2min"]["parameters"])
    if parameters["lag"] is None:
        raise StoreError(
            f"The D2min in {trajectory.path} compares all frames with frame {parameters['reference']}: only that one has a "
            "structure before the motion. Run `vitrify rearrangements` again with `--lag`."
        )
    return parameters


def segments_of(n_frames: int, n_segments: int) -> list[tuple[int, int]]:
    """Return contiguous ranges of frames, the groups of a cross-validation: frame k is in segment k · S // F.

    Examples
    --------
    >>> segments_of(10, 3)
    [(0, 4), (4, 7), (7, 10)]
    """
    starts = [-(-k * n_frames // n_segments) for k in range(n_segments + 1)]
    return [(a, b) for a, b in pairwise(starts) if a < b]


def flow_examples_with_features(
    trajectory: Trajectory,
    settings: SoftnessSettings,
    selection: FlowSelection,
    temperature: float | None,
    table: Path,
    *,
    kind: str,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return examples chosen by their D²min with their features, from `table` if it holds the same.

    Parameters and result as of `vitrify.studies.learning.examples_with_features`.
    """
    t, labels, descriptors = settings.training, require_d2min(trajectory), make_descriptors(settings)
    parameters = {
        "selection": selection.to_dict(),
        "descriptors": to_plain(descriptors),
        "d2min": labels,
        **origin_of_positions(trajectory, kind),
        "segments": t.segments,
        "centre_species": t.centre_species,
    }
    found = load_table(table, parameters)
    if found is not None:
        return found
    chosen = select_flow_examples(
        selection,
        StoredValues(trajectory, "d2min"),
        lag=labels["lag"],
        particles=centre_particles(trajectory, t.centre_species),
        segments=segments_of(trajectory.n_frames, t.segments),
        temperature=temperature,
        describable=describable_in(trajectory, kind, descriptors.reach),
    )
    limits = chosen.thresholds
    progress.note(
        f"Rearranging above D2min = {limits['rearranging_above']:.4g}, quiet below {limits['quiet_below']:.4g}: "
        f"{chosen.n_available['soft']} and {chosen.n_available['hard']} examples, {chosen.n_per_class} of each are taken"
    )
    return describe_examples(
        trajectory,
        chosen,
        chosen.segment,
        descriptors,
        kind=kind,
        table=table,
        parameters=parameters,
        progress=progress,
        title="Structure of the examples" + ("" if temperature is None else f" at T = {temperature:g}"),
        workers=workers,
    )
