"""What the report of a single trajectory says of softness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitrify.errors import ConfigurationError, ParameterError, TooFewEventsError
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.studies import store_softness as of_softness
from vitrify.studies import store_structure as structure
from vitrify.studies.store_curves import SEGMENTS
from vitrify.studies.store_page import Page, positions_option, row_reader
from vitrify.studies.store_table import accuracy_rows, softness_rows
from vitrify.theory.rearrangement_probability import count, rearrangement_probability, softness_bins
from vitrify.theory.softness_distribution import distributions

if TYPE_CHECKING:
    import xarray as xr

_BINS = 12


def add_softness_to(
    page: Page, events: xr.Dataset | None, progress: Progress
) -> of_softness.SoftnessFrames | None:
    """Add what softness says and return where it is."""
    trajectory, trained = page.trajectory, page.trained
    names = ("softness_distribution", "rearrangement_probability", "softness_rdf")
    if not trajectory.is_done("softness"):
        page.cannot(names, _how_to_get_softness(trajectory))
        return None
    where = of_softness.softness_frames(trajectory, trained)
    if where is None:
        page.cannot(names, "No particle has a softness in a frame that can be used.")
        return None
    progress.note("Softness")
    page.methods += ["softness", "svm", "scikit_learn"]
    own = _origin_of_softness(page)
    if trained is not None and not own:
        _compare_structure(page, trained, where)
    kind = trained.positions if trained is not None else page.kind
    try:
        page.datasets["softness_rdf"] = structure.softness_correlations(
            trajectory, kind, where.frames, row_reader(trajectory, "softness")
        )
    except (ConfigurationError, ParameterError) as error:
        page.cannot(("softness_rdf",), f"It could not be taken: {error}")
    if events is None:
        page.cannot(names[:2], page.advice["rearrangement_rate"])
        return where
    found = of_softness.tally(trajectory, events, where)
    if found is None:
        page.cannot(
            names[:2],
            f"No frame with softness is followed by {3 * int(events.attrs['window'])} others, so no rearrangement could be seen "
            "whole. Use a longer trajectory, or a smaller `--window`.",
        )
        return where
    page.rows += softness_rows(found, own)
    _probability(page, found, own)
    return where


def _probability(page: Page, found: of_softness.StoreTally, own: str) -> None:
    """Add P(S), P(S|R) and P_R(S)."""
    trajectory = page.trajectory
    temperature = trajectory.provenance.get("run", {}).get("temperature")
    try:
        edges = softness_bins(found.softness, _BINS)
        counts = count(
            np.nan if temperature is None else float(temperature),
            (found.softness, found.segment),
            (found.starts, found.start_segment),
            edges,
            n_segments=SEGMENTS,
            frames_per_sample=found.frames_per_sample,
            interval=_interval(trajectory),
            units=trajectory.unit_system,
        )
        distribution, probability = distributions(counts), rearrangement_probability(counts)
    except (ParameterError, TooFewEventsError) as error:
        page.cannot(("softness_distribution", "rearrangement_probability"), str(error))
        return
    frames = "1 frame" if found.late == 1 else f"{found.late} frames"
    late = f"softness is at most {frames} older than the rearrangement" if found.late else ""
    without = (
        f"{found.n_without} rearrangements of particles without softness were left out"
        if found.n_without
        else ""
    )
    note = "; ".join(filter(None, [own, f"from {found.n_frames} frames", late, without]))
    page.datasets["softness_distribution"] = distribution.assign_attrs(note=note)
    page.datasets["rearrangement_probability"] = probability.assign_attrs(
        definition="",  # the caption says it
        note="; ".join(filter(None, [str(probability.attrs.get("note", "")), note])),
    )


def _interval(trajectory: Trajectory) -> float:
    return float(np.mean(np.diff(trajectory.times)))


def _how_to_get_softness(trajectory: Trajectory) -> str:
    store = trajectory.path
    option = positions_option(trajectory)
    train = f"`vitrify train {store}{option} --quiet-time FRAMES` (about the relaxation time) learns one from this trajectory, "
    apply = f"`vitrify softness {store} --model softness.json` gives every particle its softness, here or one learned elsewhere."
    return train + apply


def _compare_structure(page: Page, trained: TrainedSoftness, where: of_softness.SoftnessFrames) -> None:
    """Warn where the structure is not that of the training."""
    from vitrify.studies.softness_values import drift_in

    if trained.feature_range is None:
        return
    drift = drift_in(page.trajectory, trained, where.frames)
    if drift.is_outside:
        page.warnings.append(
            f"Softness is applied outside the range that it was trained on, and is an extrapolation. {drift.describe()}."
        )


def _origin_of_softness(page: Page) -> str:
    """Say where the softness was trained, and return a note for the numbers that are no independent test."""
    trajectory, trained = page.trajectory, page.trained
    if trained is None:
        page.warnings.append(
            "The trained softness was not found beside the store: it is unknown whether it was trained on this trajectory, "
            "and its accuracy cannot be shown. Name it with `--model`."
        )
        return ""
    page.rows += accuracy_rows(trained)
    if not of_softness.is_own(trajectory, trained):
        return ""
    page.warnings.insert(
        0,
        "Softness was trained on this same trajectory: P(S), P_R(S), Q and the ROC area below contain the examples it was "
        "trained on and are no independent test. Only the accuracy on held-out segments is. For a test, apply the softness to "
        "a second trajectory.",
    )
    return "trained on this trajectory, no independent test"
