"""The key numbers of the relaxation study, what was run, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain, versions
from vitrify.report.results import TableRow
from vitrify.studies.relaxation_collect import OneTemperature
from vitrify.studies.relaxation_curves import ensemble_of
from vitrify.studies.relaxation_settings import RelaxationSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

SCHOENHOLZ = "Schoenholz 2016"
THESIS = "Cubuk 2016, thesis"
CLAIMED_DIFFERENCE = 0.3  # of ln P_R at a temperature that was left out
_LATER = 100.0  # time at which it is said what adds up
_FEW = 0.5  # overlap that a trajectory should fall to

Datasets = dict[str, "xr.Dataset"]


def table_rows(
    found: list[OneTemperature],
    datasets: Datasets,
    counts: xr.Dataset,
    fitted: list[float],
    settings: RelaxationSettings,
) -> list[TableRow]:
    """Return the rows of the key table."""
    return [
        *_prediction_rows(datasets),
        *_decay_rows(datasets),
        *_share_rows(datasets, settings),
        *_held_out_temperature_rows(datasets, settings),
        *_held_out_time_rows(datasets, found),
        *_likelihood_rows(datasets, counts, fitted),
        *_mobility_rows(datasets),
    ]


def _row(
    quantity: str, published: str | None, value: Any, error: Any, events: Any, source: str, note: str = ""
) -> TableRow:
    low = high = float(error)
    return TableRow(quantity, published, float(value), low, high, None if events is None else int(events), source, note)  # fmt: skip


def _at(temperature: Any) -> str:
    return f"T = {float(temperature):g}"


def _degree(degree: Any) -> str:
    words = {1: "linear", 2: "quadratic", 3: "cubic"}
    return f"ΔE and Σ {words[int(degree)]}"


def _shown(value: Any, error: Any) -> str:
    return f"{float(value):.3f} ± {float(error):.3f}" if np.isfinite(error) else f"{float(value):.3f}"


def _prediction_rows(datasets: Datasets) -> Iterator[TableRow]:
    """RMS distances by the propagator, those of the naive law beside, with c counted and c from early times."""
    if "overlap_prediction" not in datasets:
        return
    whole = datasets["overlap_prediction"]
    words = {
        "counted": "c = c_a f_irrev",
        "initial": "c from the initial decay",
        "early": "c from the first half of log t",
    }
    for t in whole["temperature"].values:
        for name, c in words.items():
            one = whole.sel(temperature=t, calibration=name)
            propagated, naive = one.sel(route="gaussian"), one.sel(route="naive")
            note = (
                f"naive {_shown(naive['distance'], naive['distance_error'])}; c = "
                f"{_shown(propagated['productive'], propagated['productive_error'])}"
            )
            yield _row(
                f"RMS distance of q(t), propagator, {_at(t)}, {c}",
                None,
                propagated["distance"],
                propagated["distance_error"],
                one["events"],
                f"{SCHOENHOLZ}, Fig. 3",
                note,
            )


def _decay_rows(datasets: Datasets) -> Iterator[TableRow]:
    if "initial_decay" not in datasets:
        return
    whole = datasets["initial_decay"]
    events = datasets["overlap_prediction"]["events"] if "overlap_prediction" in datasets else None
    for t in whole["temperature"].values:
        one = whole.sel(temperature=t)
        n = None if events is None or t not in events["temperature"] else events.sel(temperature=t)
        known = np.isfinite(one["ratio_error"].values) & (one["ratio_error"].values > 0)
        weight = 1 / one["ratio_error"].values[known] ** 2
        note = ""
        if weight.size > 2:
            mean = np.average(one["ratio"].values[known], weights=weight)
            chi = (weight * (one["ratio"].values[known] - mean) ** 2).sum() / (weight.size - 1)
            note = f"against S: χ² per degree of freedom of a constant {chi:.2f}"
        yield _row(
            f"−dq/dt over c_a P_R, {_at(t)}",
            "1",
            one["mean_ratio"],
            one["mean_ratio_error"],
            n,
            f"{SCHOENHOLZ}, text to Fig. 3",
            note,
        )


def _share_rows(datasets: Datasets, settings: RelaxationSettings) -> Iterator[TableRow]:
    if "displacing_events" not in datasets:
        return
    whole, p_c = datasets["displacing_events"], settings.rearrangements.rearrangement_threshold
    for t in whole["temperature"].values:
        one = whole.sel(temperature=t)
        known = one.isel(lag=np.flatnonzero(one["n"].fillna(0).values > 0))
        if not known.sizes["lag"]:
            continue
        first = known.isel(lag=0)
        added = known.isel(lag=int(np.argmin(np.abs(np.log(known["lag"].values / _LATER)))))
        weak = first.sel(threshold=p_c)
        words = f"{_shown(added['share_accumulated'], added['share_accumulated_error'])} at t = {float(added['lag']):g}"
        yield _row(
            f"displacements beyond a without an event above p_c = {p_c:g}, {_at(t)}",
            None,
            weak["share_below"],
            weak["share_below_error"],
            first["n"],
            "",
            f"at t = {float(first['lag']):g}; without a single event longer than a: {words}",
        )


def _held_out_temperature_rows(datasets: Datasets, settings: RelaxationSettings) -> Iterator[TableRow]:
    if "held_out_temperature" not in datasets:
        return
    whole = datasets["held_out_temperature"]
    temperatures = whole["temperature"].values
    wanted = settings.relaxation.held_out_temperature
    chosen = wanted if wanted in temperatures else temperatures[min(1, len(temperatures) - 1)]
    for t, degree in ((t, d) for t in temperatures for d in whole["degree"].values):
        one = whole.sel(temperature=t, degree=degree)
        bins = one["difference"].values
        known = np.isfinite(bins)
        within = int((np.abs(bins[known]) <= CLAIMED_DIFFERENCE).sum())
        note = (
            f"{within} of {known.sum()} bins within {CLAIMED_DIFFERENCE}; root mean square "
            f"{_shown(one['root_mean_square'], one['root_mean_square_error'])}"
        )
        inside = temperatures.min() < t < temperatures.max()
        yield _row(
            f"ln P_R predicted − measured at {_at(t)}, left out{'' if t == chosen else ' in turn'}, {_degree(degree)}",
            None,
            one["mean_difference"],
            one["mean_difference_error"],
            one["events"].values[known].sum(),
            f"{SCHOENHOLZ}, Fig. 2b",
            note if inside else f"{note}; extrapolated",
        )


def _held_out_time_rows(datasets: Datasets, found: list[OneTemperature]) -> Iterator[TableRow]:
    if "held_out_time" not in datasets:
        return
    whole = datasets["held_out_time"]
    events = {m.temperature: m.productive.displacing.n for m in found if m.productive is not None}
    for t in whole["temperature"].values:
        one = whole.sel(temperature=t)
        propagated, naive = one.sel(route="gaussian"), one.sel(route="naive")
        yield _row(
            f"RMS distance of q(t > {float(one['latest']):.0f}) from earlier times, {_at(t)}",
            None,
            propagated["distance"],
            propagated["distance_error"],
            events.get(float(t)),
            f"{SCHOENHOLZ}, Fig. 3",
            f"naive {_shown(naive['distance'], naive['distance_error'])}",
        )


def _likelihood_rows(datasets: Datasets, counts: xr.Dataset, fitted: list[float]) -> Iterator[TableRow]:
    if "structure_gain" not in datasets:
        return
    whole = datasets["structure_gain"]
    n = counts.sel(temperature=fitted)["events"].sum() if fitted else None
    for degree in whole["degree"].values:
        one = whole.sel(scalar="softness", degree=degree)
        freedom = np.nan_to_num(float(one["degrees_of_freedom"]))
        yield _row(
            f"deviance per degree of freedom, Arrhenius law of softness, {_degree(degree)}",
            None,
            one["deviance"],
            np.sqrt(2 / freedom) if freedom > 0 else np.nan,
            n,
            f"{SCHOENHOLZ}, Fig. 2b",
            f"without softness {float(one['deviance_without']):.1f}; chance alone gives 1",
        )
    for scalar, degree in ((s, d) for s in whole["scalar"].values for d in whole["degree"].values):
        one = whole.sel(scalar=scalar, degree=degree)
        cold = one.isel(temperature=0)
        area = f"area under ROC at {_at(cold['temperature'])} {_shown(cold['area'], cold['area_high'] - cold['area'])}"
        yield _row(
            f"ln likelihood gained per event, {str(scalar).replace('_', ' ')}, {_degree(degree)}",
            None,
            one["law_gain"],
            one["law_gain_error"],
            one["law_events"],
            "",
            f"Arrhenius law over one rate per temperature, segments left out; {area}",
        )


def _mobility_rows(datasets: Datasets) -> Iterator[TableRow]:
    returned, times = datasets["irreversible"], datasets["relaxation_times"]
    for t in returned["temperature"].values:
        one = returned.sel(temperature=t)
        yield _row(
            f"irreversible fraction f_irrev, {_at(t)}",
            None,
            one["irreversible_fraction"],
            one["irreversible_fraction_error"],
            one["n_away"],
            f"{THESIS} 5.6.4, Fig. 5.21",
            "published without a number: independent of S, and falling on cooling",
        )
    for t in times["temperature"].values:
        one = times.sel(temperature=t).isel(definition=0)
        if not np.isfinite(one["relaxation_time"]):
            continue
        yield _row(
            f"relaxation time, {_at(t)}",
            None,
            one["relaxation_time"],
            one["relaxation_time_error"],
            None,
            "",
            str(one["definition"].values),
        )


def warnings_of(found: list[OneTemperature], settings: RelaxationSettings) -> list[str]:
    """Return what a reader must know, in whole sentences."""
    said = []
    slow = [m.temperature for m in found if _last_overlap(m) > _FEW]
    if slow:
        shown = ", ".join(_at(t) for t in slow)
        said.append(
            f"At {shown} the overlap does not fall to {_FEW:g} within the trajectory: what is compared there is the beginning of "
            "relaxation only."
        )
    without = [m.temperature for m in found if m.prediction is None]
    if without:
        shown = ", ".join(_at(t) for t in without)
        said.append(f"At {shown} there are too few rearrangements to fit P_R(S): nothing is predicted there.")
    durations = {m.temperature: int(m.irreversible.attrs["duration"]) for m in found}
    shorter = [t for t, n in durations.items() if n < max(durations.values())]
    if shorter:
        shown = ", ".join(f"{_at(t)} ({durations[t]} frames)" for t in shorter)
        said.append(
            f"For f_irrev particles were watched for {max(durations.values())} frames, and for fewer at {shown}, where less of the "
            "motion had time to be undone."
        )
    if ensemble_of(settings) == "NVT":
        said.append(
            "The dynamic susceptibility is that of runs at fixed number of particles, composition and density (NVT), and a lower "
            "bound of that of an open system."
        )
    unconverged = sum(int((m.one.trajectory.read("inherent_converged") == 0).sum()) for m in found)
    if unconverged:
        said.append(f"{unconverged} frames did not reach the force criterion; their structure was left out.")
    return said


def _last_overlap(m: OneTemperature) -> float:
    sums = m.survivors[["stayed", "known"]].sum(("segment", "softness_bin"))
    return float((sums["stayed"] / sums["known"]).values[-1])


def run_description(
    place: Workplace, trained: TrainedSoftness, found: list[OneTemperature]
) -> dict[str, Any]:
    """Return what was run, for the page."""
    settings = place.settings
    assert isinstance(settings, RelaxationSettings)
    trajectory, held, r = found[0].one.trajectory, trained.training, settings.relaxation
    return {
        "title": "From softness to relaxation",
        "scale": settings.scale,
        "model": to_plain(trajectory.provenance["run"]["model"]),
        "particles": trajectory.n_particles,
        "density": trajectory.provenance["density"],
        "engine": settings.simulation.engine,
        "frames": {p.label + (" (training)" if p.training else ""): p.frames for p in settings.state_points},
        "rearrangements counted": {
            m.one.point.label: m.productive.displacing.n for m in found if m.productive is not None
        },
        "trained at": f"T = {held['temperature']:g}, {held['examples']['selected_per_class']} examples per class",
        "softness sampled every": f"{settings.statistics.stride} frames",
        "overlap within": r.cutoff,
        "returned within": r.return_within,
        "p_hop thresholds": list(settings.thresholds),
        "wave number": r.wave_number,
        "blocks of each trajectory": r.blocks,
        "bootstrap samples": r.resamples,
        "seeds": {
            "simulation": settings.simulation.seed,
            "training": settings.training.seed,
            "relaxation": r.seed,
        },
        "versions": versions(),
    }
