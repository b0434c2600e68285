"""From stored softness to the numbers and curves of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.citations import for_methods
from vitrify.predictors.scores import Score, fraction_soft, q_ratio_from_counts, roc_area
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain, versions
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.studies.curves import (
    coldest,
    overlaps,
    p_hop_example,
    pair_correlations,
    snapshot,
)
from vitrify.studies.fits import Tally, counts_of, fit_attributes, fitted_temperatures, global_fit
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, engine_methods
from vitrify.theory.arrhenius import ArrheniusFit, arrhenius_per_bin
from vitrify.theory.onset import OnsetBootstrap, OnsetInterval
from vitrify.theory.rearrangement_probability import (
    ONE_SIGMA_TAIL,
    combine,
    rearrangement_probability,
    softness_bins,
)
from vitrify.theory.softness_distribution import distributions

if TYPE_CHECKING:
    import xarray as xr

SCHOENHOLZ = "Schoenholz 2016"
THESIS = "Cubuk 2016, thesis"
METHODS = ("vitrify", "softness", "p_hop", "inherent_structures", "radial_density", "bond_angle", "svm", "scikit_learn")  # fmt: skip
_TAIL_95 = 0.025


def collect_results(place: Workplace, trained: TrainedSoftness) -> SoftnessResults:
    """Return everything that the report shows; reads stores, runs no simulation.

    Parameters
    ----------
    place : Workplace
        With softness computed.
    trained : TrainedSoftness
    """
    settings = place.settings
    tallies = [Tally(place, p) for p in settings.test_points]
    edges = softness_bins(np.concatenate([t.softness for t in tallies]), settings.statistics.bins)
    counts = combine([counts_of(t, edges, settings) for t in tallies])
    temperatures, said = fitted_temperatures(tallies, settings)
    quiet = counts.sel(temperature=temperatures)
    fit, onset, said_of_fit = global_fit(quiet, settings)
    probability = rearrangement_probability(counts)
    fitted = np.full(probability["probability"].shape, np.nan)
    if fit is not None:
        fitted = fit.predict(
            probability["softness"].values[None, :], probability["temperature"].values[:, None]
        )
    arrhenius = arrhenius_per_bin(quiet, settings.statistics.min_events, min(3, len(temperatures)))
    arrhenius = arrhenius.assign_coords(
        softness=probability["softness"]
    )  # the same bins, centred as at all temperatures
    datasets = {
        "snapshot": snapshot(place),
        "softness_distribution": distributions(counts).assign_attrs(
            note="particles come from trajectories that were not trained on"
        ),
        "rearrangement_probability": probability.assign(fitted=(("temperature", "softness_bin"), fitted)),
        "arrhenius": arrhenius.assign_attrs(fit_attributes(fit, onset)),
        "p_hop_example": p_hop_example(place),
        "rdf": pair_correlations(place),
        "overlap": overlaps(place),
    }
    return SoftnessResults(
        table=tuple(_table(place, trained, tallies, fit, onset)),
        run=_run_description(place, trained, tallies),
        citations=for_methods(_methods(settings)),
        warnings=_warnings(place, trained, tallies, arrhenius) + said + said_of_fit,
        datasets=datasets,
    )


# -- the table -------------------------------------------------------------------------------------------------------


def _table(
    place: Workplace,
    trained: TrainedSoftness,
    tallies: list[Tally],
    fit: ArrheniusFit | None,
    onset: OnsetBootstrap | None,
) -> list[TableRow]:
    cold = next(t for t in tallies if t.point == coldest(place.settings))
    at = f"T = {cold.point.temperature:g}"
    rows = list(_accuracy_rows(trained))
    rows.append(
        _score_row(
            f"rearranging particles with S > 0, {at}",
            "0.90",
            fraction_soft(cold.starts),
            f"{SCHOENHOLZ}, Fig. 1b",
            "held-out trajectory",
        )
    )
    rows.append(_auc_row(cold, at))
    rows.append(_contrast_row(cold, place.settings.statistics.stride, at))
    return rows + _coefficient_rows(fit, onset)


def _coefficient_rows(fit: ArrheniusFit | None, onset: OnsetBootstrap | None) -> list[TableRow]:
    rows = []
    for name, symbol, published in (
        ("e0", "e0 of ΔE = e0 − e1 S", None),
        ("e1", "e1 of ΔE = e0 − e1 S", "> 0"),
        ("sigma0", "Σ0 of Σ = Σ0 − Σ1 S", None),
        ("sigma1", "Σ1 of Σ = Σ0 − Σ1 S", "> 0"),
        ("onset_temperature", "onset temperature T0 = e1 / Σ1", "0.80"),
    ):
        source, note = f"{SCHOENHOLZ}, Fig. 2c", ""
        if name == "onset_temperature":
            source, note = "Sharma 2022 (text); Schoenholz 2016, Fig. 2d is a plot", _onset_note(onset)
        value = getattr(fit, name) if fit else np.nan
        low, high = onset.interval(name) if onset else (np.nan, np.nan)
        n_events = fit.n_events if fit else 0
        rows.append(TableRow(symbol, published, value, *_distances(value, low, high), n_events, source, note))
    return rows


def _onset_note(onset: OnsetBootstrap | None) -> str:
    if onset is None:
        return "no interval: too few events or segments"
    at_68, at_95 = (_in_words(onset.onset_interval(tail)) for tail in (ONE_SIGMA_TAIL, _TAIL_95))
    of_slopes = "slopes at S = 0; " if onset.fit.degree > 1 else ""
    return f"{of_slopes}by Fieller's theorem from resampled trajectory segments, 68 %: {at_68}; 95 %: {at_95}"


def _in_words(found: OnsetInterval) -> str:
    if found.kind == "unbounded":
        return "any value"
    between = f"{found.low:.2f} to {found.high:.2f}"
    return between if found.kind == "bounded" else f"any value but {between}"


def _distances(value: float, low: float, high: float) -> tuple[float, float]:
    return float(np.maximum(0.0, value - low)), float(np.maximum(0.0, high - value))


def _score_row(quantity: str, published: str | None, score: Score, source: str, note: str = "") -> TableRow:
    return TableRow(
        quantity,
        published,
        score.value,
        *_distances(score.value, score.low, score.high),
        score.n_events,
        source,
        note,
    )


def _accuracy_rows(trained: TrainedSoftness) -> list[TableRow]:
    held = trained.training
    found = [("all functions", "0.90", held["cross_validation"], f"{SCHOENHOLZ}, text")]
    for key, words, published in (
        ("radial", "radial functions", "0.88"),
        ("first_peaks", "two first-peak functions", "0.77"),
    ):
        if key in held["subsets"]:
            found.append((words, published, held["subsets"][key], f"{SCHOENHOLZ}, SI; {THESIS} 5.5"))
    note = f"cross-validated by segment at T = {held['temperature']:g}; the paper: T = 0.47, 6000 per class"
    return [
        TableRow(
            f"accuracy, {words}",
            published,
            cv["accuracy"],
            cv["standard_error"],
            cv["standard_error"],
            cv["n_events"],
            source,
            note,
        )
        for words, published, cv, source in found
    ]


def _auc_row(tally: Tally, at: str) -> TableRow:
    n = len(tally.starts)
    softness = np.concatenate([tally.starts, tally.softness])
    labels = np.concatenate([np.ones(n), np.zeros(len(tally.softness))])
    groups = np.concatenate([tally.start_segment, tally.segment])
    return _score_row(
        f"area under ROC, {at}", None, roc_area(softness, labels, groups), "", "starting against at risk"
    )


def _contrast_row(tally: Tally, stride: int, at: str) -> TableRow:
    mean, sd = tally.softness.mean(), tally.softness.std()
    high, low = tally.softness > mean + sd, tally.softness < mean - sd
    q = q_ratio_from_counts(
        int((tally.starts > mean + sd).sum()),
        float(high.sum() * stride),
        int((tally.starts < mean - sd).sum()),
        float(low.sum() * stride),
    )
    note = {"lower": "lower bound: no event below mean − sd", "none": "no events"}.get(q.bound, "")
    note = "; ".join(filter(None, [note, f"{q.n_events_high} events above, {q.n_events_low} below"]))
    return TableRow(
        f"Q = P_R(S > mean + sd) / P_R(S < mean − sd), {at}",
        "165",
        q.value,
        *_distances(q.value, q.low, q.high),
        q.n_events,
        f"{THESIS} 6.3",
        note,
    )


# -- words -----------------------------------------------------------------------------------------------------------


def _methods(settings: SoftnessSettings) -> list[str]:
    used = list(METHODS)
    if settings.simulation.engine != "dryrun":
        used += ["kob_andersen", *engine_methods(settings)]
    if settings.minimization.minimizer == "fire":
        used.append("fire")
    return [*used, "onset_temperature"]


def _run_description(place: Workplace, trained: TrainedSoftness, tallies: list[Tally]) -> dict[str, Any]:
    settings = place.settings
    s, m, t = settings.simulation, settings.minimization, settings.training
    held = trained.training
    trajectory = place.trajectory(settings.training_point)
    return {
        "scale": settings.scale,
        "model": to_plain(trajectory.provenance["run"]["model"]),
        "particles": trajectory.n_particles,
        "density": trajectory.provenance["density"],
        "engine": s.engine,
        "time step": s.time_step,
        "thermostat": f"Nosé-Hoover, time constant {s.thermostat_time:g}",
        "frames": {p.label + (" (training)" if p.training else ""): p.frames for p in settings.state_points},
        "rearrangements counted": {t_.point.label: len(t_.starts) for t_ in tallies},
        "minimizer": f"{m.minimizer}, largest force {m.force_tolerance:g}",
        "p_hop": settings.rearrangements.model_dump(),
        "training": {
            "temperature": held["temperature"],
            "examples per class": held["examples"]["selected_per_class"],
            "soft structure": t.soft_frame,
            "hard structure": f"{t.hard_frame} of {t.quiet_time} quiet frames, p_hop < {t.quiet_threshold:g}",
            "descriptors": t.descriptors,
            "C": held["C"],
            "loss": held["loss"],
        },
        "softness sampled every": f"{settings.statistics.stride} frames",
        "seeds": {"simulation": s.seed, "training": t.seed, "statistics": settings.statistics.seed},
        "versions": versions(),
    }


def _warnings(
    place: Workplace, trained: TrainedSoftness, tallies: list[Tally], arrhenius: xr.Dataset
) -> list[str]:
    words = []
    for tally in tallies:
        if tally.n_unconverged:
            words.append(
                f"{tally.n_unconverged} of {tally.point.frames} frames at T = {tally.point.temperature:g} did not reach the "
                "force criterion; their structure was left out."
            )
    used = trained.training["examples"]["selected_per_class"]
    if used < place.settings.training.n_per_class:
        words.append(
            f"The hyperplane rests on {used} particles per class; the paper had 6000. With so few, accuracy and contrast are "
            "expected to be lower."
        )
    dropped = arrhenius.attrs.get("dropped")
    if dropped:
        shown = dropped if isinstance(dropped, str) else "; ".join(dropped)
        words.append(f"Bins of softness left out of the single fits: {shown}.")
    for point in place.settings.state_points:
        remark = place.folder(point) / "equilibration" / "remarks.json"
        if remark.exists():
            import json

            words.append(
                f"Equilibration at T = {point.temperature:g}: {json.loads(remark.read_text())['remark']}."
            )
    return words
