"""From stored softness to the numbers and curves of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.citations import for_methods
from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.predictors.scores import Score, fraction_soft, q_ratio_from_counts, roc_area
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain, versions
from vitrify.rearrangements.events import at_risk
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.studies.curves import (
    coldest,
    overlaps,
    p_hop_example,
    pair_correlations,
    sampled_softness,
    snapshot,
)
from vitrify.studies.dynamics import events_of, starts
from vitrify.studies.learning import centre_particles
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace, unconverged_frames
from vitrify.theory.arrhenius import ArrheniusFit, arrhenius_per_bin, fit_arrhenius
from vitrify.theory.onset import OnsetBootstrap, OnsetInterval, bootstrap_onset
from vitrify.theory.rearrangement_probability import (
    ONE_SIGMA_TAIL,
    combine,
    count,
    rearrangement_probability,
    softness_bins,
)
from vitrify.theory.softness_distribution import distributions

if TYPE_CHECKING:
    import xarray as xr

SCHOENHOLZ = "Schoenholz 2016"
THESIS = "Cubuk 2016, thesis"
_TAIL_95 = 0.025


class Tally:
    """Softness of the particles at risk and of the starting rearrangements of one trajectory.

    Parameters
    ----------
    place : Workplace
    point : StatePoint
    """

    def __init__(self, place: Workplace, point: StatePoint) -> None:
        settings, self.point = place.settings, point
        trajectory, events = place.trajectory(point), events_of(place, point)
        n_segments = settings.training.segments
        frames, softness = sampled_softness(place, point)
        centre = centre_particles(trajectory, settings.training.centre_species)
        free = at_risk(events, frames, trajectory.n_particles)[:, centre]
        segment = frames * n_segments // trajectory.n_frames
        self.softness: NDArray[np.float64] = softness[:, centre][free]
        self.segment: NDArray[np.int64] = np.broadcast_to(segment[:, None], free.shape)[free]
        moving = starts(settings, trajectory, events)
        start = moving["start_frame"].values
        self.starts: NDArray[np.float64] = _softness_at(trajectory, start, moving["particle"].values)
        self.start_segment: NDArray[np.int64] = start * n_segments // trajectory.n_frames
        self.interval: float = trajectory.frame_interval
        self.units = trajectory.unit_system
        self.n_unconverged = len(unconverged_frames(trajectory))


def _softness_at(
    trajectory: Any, frame: NDArray[np.int64], particle: NDArray[np.int64]
) -> NDArray[np.float64]:
    out = np.empty(len(frame))
    for a, b in trajectory.units():
        inside = (frame >= a) & (frame < b)
        if inside.any():
            out[inside] = trajectory.read("softness", a, b)[frame[inside] - a, particle[inside]]
    return out


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
    counts = combine([_counts(t, edges, settings) for t in tallies])
    fit, onset, said = _global_fit(counts, settings)
    probability = rearrangement_probability(counts)
    fitted = np.full(probability["probability"].shape, np.nan)
    if fit is not None:
        fitted = fit.predict(
            probability["softness"].values[None, :], probability["temperature"].values[:, None]
        )
    arrhenius = arrhenius_per_bin(counts, settings.statistics.min_events)
    datasets = {
        "snapshot": snapshot(place),
        "softness_distribution": distributions(counts).assign_attrs(
            note="particles come from trajectories that were not trained on"
        ),
        "rearrangement_probability": probability.assign(fitted=(("temperature", "softness_bin"), fitted)),
        "arrhenius": arrhenius.assign_attrs(_fit_attributes(fit, onset)),
        "p_hop_example": p_hop_example(place),
        "rdf": pair_correlations(place),
        "overlap": overlaps(place),
    }
    return SoftnessResults(
        table=tuple(_table(place, trained, tallies, fit, onset)),
        run=_run_description(place, trained, tallies),
        citations=for_methods(_methods(settings)),
        warnings=_warnings(place, trained, tallies, arrhenius) + said,
        datasets=datasets,
    )


def _global_fit(
    counts: xr.Dataset, settings: SoftnessSettings
) -> tuple[ArrheniusFit | None, OnsetBootstrap | None, list[str]]:
    """Return the fit and its resamples, None where the counts do not carry them, and what a reader must know."""
    statistics = settings.statistics
    try:
        fit = fit_arrhenius(counts, statistics.degree)
    except (ParameterError, TooFewEventsError, ConvergenceError) as error:
        return None, None, [f"Barriers and onset temperature were not fitted. {error}"]
    try:
        onset = bootstrap_onset(counts, statistics.degree, statistics.resamples, statistics.seed)
    except (TooFewEventsError, ConvergenceError) as error:
        return fit, None, [f"Barriers and onset temperature have no errors. {error}"]
    if not onset.bounded:
        return (
            fit,
            onset,
            ["The slope of Σ(S) is compatible with zero: the onset temperature has no finite interval."],
        )
    if onset.onset_interval(_TAIL_95).kind != "bounded":
        return (
            fit,
            onset,
            [
                "At 95 % confidence the slope of Σ(S) is compatible with zero, and the onset temperature unbounded."
            ],
        )
    return fit, onset, []


def _fit_attributes(fit: ArrheniusFit | None, onset: OnsetBootstrap | None) -> dict[str, Any]:
    if fit is None:
        return {}
    low, high = onset.interval("onset_temperature") if onset else (np.nan, np.nan)
    attrs: dict[str, Any] = {name: getattr(fit, name) for name in ("e0", "e1", "sigma0", "sigma1")}
    attrs |= {"T0": fit.onset_temperature, "T0_low": low, "T0_high": high}
    if fit.degree > 1:
        attrs["energy_barrier_powers"] = fit.barrier.tolist()
        attrs["log_prefactor_powers"] = fit.log_prefactor.tolist()
    return attrs


def _counts(tally: Tally, edges: NDArray[np.float64], settings: SoftnessSettings) -> xr.Dataset:
    return count(
        tally.point.temperature,
        (tally.softness, tally.segment),
        (tally.starts, tally.start_segment),
        edges,
        n_segments=settings.training.segments,
        frames_per_sample=settings.statistics.stride,
        interval=tally.interval,
        units=tally.units,
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
    used = [
        "vitrify",
        "softness",
        "p_hop",
        "inherent_structures",
        "radial_density",
        "bond_angle",
        "svm",
        "scikit_learn",
    ]
    if settings.simulation.engine == "lammps":
        used += ["kob_andersen", "lammps", "nose_hoover"]
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
