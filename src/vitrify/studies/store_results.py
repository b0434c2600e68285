"""The report of a single trajectory: what it is, what was found in it, and what to run for the rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.citations import for_methods
from vitrify.errors import ConfigurationError, ParameterError, StoreError, VitrifyError
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress, Silent
from vitrify.provenance import versions
from vitrify.rearrangements.events import rearrangements
from vitrify.report.page import build_report
from vitrify.report.results import SoftnessResults
from vitrify.studies import store_curves as curves
from vitrify.studies import store_softness as of_softness
from vitrify.studies import store_structure as structure
from vitrify.studies.store_description import describe
from vitrify.studies.store_files import beside, events_table
from vitrify.studies.store_page import Page, positions_option, row_reader
from vitrify.studies.store_softness_page import add_softness_to
from vitrify.studies.store_table import motion_rows, relaxation_rows, structure_rows

if TYPE_CHECKING:
    import xarray as xr

_FEWEST_FRAMES = 2
_LOUD = 0.2  # fraction of time above the event threshold at which events merge


def report_of_store(
    store: Path, out: Path | None = None, model: Path | None = None, progress: Progress | None = None
) -> Path:
    """Write the report of one trajectory: ``run.zarr`` -> ``run.report/report.html``, figures and results beside it.

    Parameters
    ----------
    store : path
        Complete, of any origin.
    out : path, optional
        Folder for the page; by default beside the store, under its name.
    model : path, optional
        The trained softness that the array "softness" was made with, if it is not found by itself.
    progress : Progress, optional

    Returns
    -------
    path
        Of the page.

    Raises
    ------
    StoreError
        If there is no store, or it has no whole set of positions.
    ParameterError
        If `model` is not the softness of this store, or `out` is a file or the store itself.
    MissingExtraError
        If what the report needs is not installed.
    """
    trajectory = Trajectory.open(store)
    folder = beside(Path(store), "report") if out is None else Path(out)
    if folder.is_file() or (folder / "zarr.json").exists():
        raise ParameterError(f"`--out` {folder} is a file or a store; name a folder for the page.")
    results = collect_store_results(trajectory, model, progress or Silent())
    results.save(folder / "results")
    return build_report(results, folder)


def collect_store_results(
    trajectory: Trajectory, model: Path | None = None, progress: Progress | None = None
) -> SoftnessResults:
    """Return everything that the report of one trajectory shows.

    Raises
    ------
    StoreError, ParameterError
        As `report_of_store`.
    """
    progress = progress or Silent()
    trained = of_softness.find_model(trajectory, model)
    page = Page(trajectory, _kind(trajectory, trained), trained)
    lengths = _structure(page, progress)
    _relaxation(page, lengths, progress)
    events = _motion(page, lengths, progress)
    _d2min(page, lengths)
    where = add_softness_to(page, events, progress)
    _snapshot(page, lengths, where)
    run, said = describe(trajectory, page.kind, lengths, trained, where)
    return SoftnessResults(
        table=tuple(page.rows),
        run={
            **run,
            "title": trajectory.path.name,
            "versions": versions(),
            "command line": " ".join(["vitrify", *sys.argv[1:]]),
        },
        citations=for_methods(page.methods),
        warnings=[*page.warnings, *said],
        datasets=page.datasets,
        edition="store",
        advice=page.advice,
    )


def _kind(trajectory: Trajectory, trained: TrainedSoftness | None) -> str:
    """Return the positions that structure and motion are taken from: those of softness, of p_hop, or what there is."""
    p_hop = trajectory.stages.get("p_hop", {}).get("parameters", {}).get("positions")
    wanted = (trained.positions if trained is not None else None, p_hop, "inherent", "thermal")
    for kind in wanted:
        if kind is not None and trajectory.has_positions(kind):
            return kind
    raise StoreError(
        f"{trajectory.path} has no positions of all its frames: {trajectory.done_frames('thermal')} of "
        f"{trajectory.n_frames} are written. Repeat the command that makes it."
    )


# -- structure and relaxation ----------------------------------------------------------------------------------------


def _structure(page: Page, progress: Progress) -> structure.Lengths:
    progress.note("Structure")
    rdf = None
    try:
        rdf = page.datasets["rdf"] = structure.pair_correlations(page.trajectory, page.kind)
    except (ConfigurationError, ParameterError) as error:
        page.cannot(("rdf",), f"g(r) could not be taken: {error}")
    lengths = structure.lengths_of(page.trajectory, page.kind, rdf)
    if rdf is not None:
        page.rows += structure_rows(lengths, page.trajectory)
    return lengths


def _relaxation(page: Page, lengths: structure.Lengths, progress: Progress) -> None:
    names = ("species_msd", "species_overlap")
    if page.trajectory.n_frames < _FEWEST_FRAMES:
        page.cannot(names, "Relaxation needs at least two frames; this trajectory has one.")
        return
    progress.note("Relaxation")
    try:
        found = curves.relaxation(page.trajectory, page.kind, lengths)
    except VitrifyError as error:
        page.cannot(names, f"It could not be taken: {error}")
        return
    page.datasets |= dict(zip(names, found, strict=True))
    page.rows += relaxation_rows(found[1], page.trajectory)


# -- motion ----------------------------------------------------------------------------------------------------------


def _motion(page: Page, lengths: structure.Lengths, progress: Progress) -> xr.Dataset | None:
    """Add what p_hop says and return the events, None without them."""
    trajectory = page.trajectory
    names = ("p_hop_distribution", "p_hop_example", "rearrangement_rate")
    command = f"Run `vitrify rearrangements {trajectory.path}{positions_option(trajectory)}` first."
    if not trajectory.is_done("p_hop"):
        page.cannot(names, command)
        return None
    progress.note("Motion of single particles")
    events = load_table(events_table(trajectory.path))
    attrs = _thresholds(events)
    scale = attrs.get("rearrangement_threshold", 0.2 * lengths.peak**2)
    sample = curves.sample_indicator(trajectory, "p_hop", scale, attrs, attrs.get("event_threshold", np.inf))
    page.methods.append("p_hop")
    if sample is None:
        page.cannot(names, f"p_hop has no value in any frame: its window does not fit. {command}")
        return None
    page.samples["p_hop"], page.datasets["p_hop_distribution"] = sample, sample.distribution
    if events is None:
        page.cannot(names[1:], command)
        return None
    rows, rate = motion_rows(trajectory, events, sample)
    page.rows += rows
    page.datasets["rearrangement_rate"] = rate
    kind = trajectory.stages["p_hop"]["parameters"]["positions"]
    example = curves.example_particle(trajectory, kind, rearrangements(events), attrs)
    if example is None:
        page.cannot(("p_hop_example",), _nothing_rearranges(events))
    else:
        page.datasets["p_hop_example"] = example
    _warn_of_merging(page, kind, attrs["event_threshold"], float(np.mean(sample.above)))
    return events


def _warn_of_merging(page: Page, kind: str, threshold: float, active: float) -> None:
    """Warn if p_hop exceeds its event threshold for so much of the time that events merge."""
    if active > _LOUD:
        better = (
            "inherent positions or "
            if kind == "thermal"
            else "a lower temperature, frames closer in time, or "
        )
        page.warnings.append(
            f"p_hop exceeds its event threshold {threshold:g} for {active:.0%} of the time: events merge, and "
            f"there are more rearrangements than are counted. Use {better}a higher `--event-threshold`."
        )


def _thresholds(events: xr.Dataset | None) -> dict[str, Any]:
    names = ("event_threshold", "rearrangement_threshold")
    return {} if events is None else {name: float(events.attrs[name]) for name in names}


def _nothing_rearranges(events: xr.Dataset) -> str:
    return (
        f"None of {events.sizes['event']} events exceeds `rearrangement_threshold` = "
        f"{events.attrs['rearrangement_threshold']:g}. Use a longer trajectory, or a lower `--rearrangement-threshold` "
        "if particles change their places by less."
    )


def _d2min(page: Page, lengths: structure.Lengths) -> None:
    trajectory = page.trajectory
    if not trajectory.is_done("d2min"):
        return
    stage = trajectory.stages["d2min"]
    array = "d2min" if "d2min" in stage["arrays"] else stage["arrays"][0]
    said = ", ".join(f"{k} {v}" for k, v in stage["parameters"].items() if k != "name" and v is not None)
    sample = curves.sample_indicator(trajectory, array, lengths.peak**2, {"note": said})
    if sample is not None:
        page.samples["d2min"], page.datasets["d2min_distribution"] = sample, sample.distribution
        page.methods.append("d2min")


# -- snapshot --------------------------------------------------------------------------------------------------------


def _snapshot(page: Page, lengths: structure.Lengths, where: of_softness.SoftnessFrames | None) -> None:
    """Add particles coloured by softness, else by p_hop or D²min, else by species."""
    trajectory, kind = page.trajectory, page.kind
    if where is not None:
        kind = page.trained.positions if page.trained is not None else kind
        page.datasets["snapshot"] = curves.snapshot(
            trajectory, kind, where.frames, lengths, row_reader(trajectory, "softness"), {}
        )
        return
    for name, words in (("p_hop", "the hop indicator"), ("d2min", "the non-affine displacement")):
        sample = page.samples.get(name)
        if sample is None:
            continue
        limit = sample.distribution.attrs.get("rearrangement_threshold")
        attrs = {"coloured_by": name, "indicator_words": words} | ({"color_limit": limit} if limit else {})
        page.datasets["snapshot"] = curves.snapshot(
            trajectory,
            kind,
            curves.lively_stretch(trajectory, name, sample),
            lengths,
            row_reader(trajectory, name),
            attrs,
        )
        return
    frames = np.arange(trajectory.n_frames)
    page.datasets["snapshot"] = curves.snapshot(
        trajectory, kind, frames, lengths, None, {"coloured_by": "species"}
    )
