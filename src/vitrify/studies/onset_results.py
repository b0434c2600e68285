"""From the fits of every density to the curves of the onset report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.citations import for_methods
from vitrify.predictors.scores import fraction_soft
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import versions
from vitrify.report.results import SoftnessResults
from vitrify.studies.onset_counts import DEFINITIONS
from vitrify.studies.onset_fits import DensityFits, fit_density
from vitrify.studies.onset_table import WORDS, onset_table, scalings
from vitrify.studies.results import _methods
from vitrify.studies.simulate import Workplace
from vitrify.theory.arrhenius import arrhenius_per_bin
from vitrify.theory.onset import COEFFICIENTS
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr


def collect_onset(learned: Sequence[tuple[Workplace, TrainedSoftness]]) -> SoftnessResults:
    """Return everything that the onset report shows; reads stores, runs no simulation.

    Parameters
    ----------
    learned : sequence of (Workplace, TrainedSoftness)
        One per density, with softness and the tables of starts.
    """
    fits = [fit_density(place, trained) for place, trained in learned]
    made = {
        "onset_density": _density(fits),
        "onset_barriers": _barriers(fits),
        "onset_cutoffs": _cutoffs(fits),
        "onset_soft": _soft(fits),
        "onset_curvature": _curvature(fits),
    }
    return SoftnessResults(
        table=tuple(onset_table(fits)),
        run=_run(learned, fits),
        citations=for_methods(_methods(learned[0][0].settings)),
        warnings=[
            words
            for fit, (place, _) in zip(fits, learned, strict=True)
            for words in (*fit.warnings, *_unbounded(fit), *_of_starts(place))
        ],
        datasets={name: dataset for name, dataset in made.items() if dataset is not None},
        edition="onset",
    )


def _unbounded(fit: DensityFits) -> list[str]:
    found = fit.onset("starts")
    if found is None or found.bounded:
        return []
    return [
        f"Density {fit.density:g}: the slope of Σ(S) is compatible with zero, and the onset temperature has no finite interval."
    ]


def _of_starts(place: Workplace) -> list[str]:
    """Return what was remarked when the starts of the trajectories were judged."""
    words = []
    for point in place.settings.state_points:
        start = place.trajectory(point).provenance.get("start")
        start = start if isinstance(start, dict) else {}
        remarks = list((start.get("report") or {}).get("remarks") or [])
        kept = place.folder(point) / "equilibration" / "remarks.json"
        if kept.exists():
            remarks.append(json.loads(kept.read_text(encoding="utf-8"))["remark"])
        if remarks:
            origin = f" It was made from {start['from']}." if "from" in start else ""
            words.append(
                f"Density {place.settings.simulation.density:g}, {point.label}: of its start it is said that "
                f"{'; '.join(remarks)}.{origin}"
            )
    return words


# -- curves ----------------------------------------------------------------------------------------------------------


def _density(fits: list[DensityFits]) -> xr.Dataset:
    """Return T0 by definition and density, and what the isomorph expects."""
    import xarray as xr

    shape = (len(DEFINITIONS), len(fits))
    value, low, high, expected = (np.full(shape, np.nan) for _ in range(4))
    by_definition = scalings(fits)
    for i, definition in enumerate(DEFINITIONS):
        for k, fit in enumerate(fits):
            if (found := fit.onset(definition)) is not None:
                value[i, k] = found.fit.onset_temperature
                low[i, k], high[i, k] = found.interval("onset_temperature")
        scaling = by_definition[definition]
        if scaling is not None:
            at = [k for k, fit in enumerate(fits) if fit.density in scaling.density]
            expected[i, at] = scaling.temperature * scaling.expected
    dims = ("definition", "density")
    return xr.Dataset(
        {
            "onset_temperature": (dims, value),
            "onset_low": (dims, low),
            "onset_high": (dims, high),
            "expected_onset": (dims, expected),
        },
        {"definition": [WORDS[d] for d in DEFINITIONS], "density": [fit.density for fit in fits]},
    )


def _cutoffs(fits: list[DensityFits]) -> xr.Dataset:
    """Return every coefficient at every cutoff, and the line of e0."""
    import xarray as xr

    cutoffs = np.array(fits[0].settings.onset.cutoffs)
    shape = (len(fits), len(DEFINITIONS), len(cutoffs))
    names = [f"{c}{end}" for c in COEFFICIENTS for end in ("", "_low", "_high")]
    columns = {name: np.full(shape, np.nan) for name in (*names, "events", "e0_line")}
    for i, fit in enumerate(fits):
        for j, definition in enumerate(DEFINITIONS):
            found = fit.dependence[definition]
            if found is None:
                continue
            table, line = found.to_dataset(), found.shift()
            for name in (*names, "events"):
                columns[name][i, j] = table[name].values
            columns["e0_line"][i, j] = line.intercept + line.slope * np.log(cutoffs)
    dims = ("density", "definition", "cutoff")
    return xr.Dataset(
        {name: (dims, column) for name, column in columns.items()},
        {
            "density": [fit.density for fit in fits],
            "definition": [WORDS[d] for d in DEFINITIONS],
            "cutoff": cutoffs,
        },
    )


def _barriers(fits: list[DensityFits]) -> xr.Dataset:
    """Return ΔE and Σ of every bin of softness at every cutoff, by starts, and the lines of the global fits."""
    import xarray as xr

    cutoffs = fits[0].settings.onset.cutoffs
    n_bins = max(len(fit.edges) for fit in fits) - 1
    names = ("energy_barrier", "energy_barrier_error", "log_prefactor", "log_prefactor_error")
    shape = (len(fits), len(cutoffs), n_bins)
    columns = {name: np.full(shape, np.nan) for name in (*names, "energy_barrier_fit", "log_prefactor_fit")}
    events, softness = np.zeros(shape, np.int64), np.full((len(fits), n_bins), np.nan)
    for i, fit in enumerate(fits):
        statistics = fit.settings.statistics
        here = slice(0, len(fit.edges) - 1)
        softness[i, here] = 0.5 * (fit.edges[:-1] + fit.edges[1:])
        for k, cutoff in enumerate(cutoffs):
            least = min(3, len(fit.temperatures))
            found = arrhenius_per_bin(fit.counts(cutoff, "starts"), statistics.min_events, least)
            for name in names:
                columns[name][i, k, here] = found[name].values
            events[i, k, here] = found["events"].values
            if (dependence := fit.dependence["starts"]) is not None:
                line = dependence.onsets[k].fit
                columns["energy_barrier_fit"][i, k, here] = line.energy_barrier(softness[i, here])
                columns["log_prefactor_fit"][i, k, here] = line.log_prefactor_at(softness[i, here])
    dims = ("density", "cutoff", "softness_bin")
    return xr.Dataset(
        {**{name: (dims, column) for name, column in columns.items()}, "events": (dims, events)},
        {
            "density": [fit.density for fit in fits],
            "cutoff": np.array(cutoffs),
            "softness": (("density", "softness_bin"), softness),
        },
    )


def _soft(fits: list[DensityFits]) -> xr.Dataset:
    """Return the fraction of rearranging particles with S > 0 at every cutoff, at the coldest temperature."""
    import xarray as xr

    cutoffs = fits[0].settings.onset.cutoffs
    columns = {name: np.full((len(fits), len(cutoffs)), np.nan) for name in ("fraction", "low", "high")}
    events = np.zeros((len(fits), len(cutoffs)), np.int64)
    for i, fit in enumerate(fits):
        for k, cutoff in enumerate(cutoffs):
            softness = fit.tallies[0].starting(cutoff)[0]
            if len(softness):
                score = fraction_soft(softness)
                events[i, k] = score.n_events
                for name, value in (("fraction", score.value), ("low", score.low), ("high", score.high)):
                    columns[name][i, k] = value
    dims = ("density", "cutoff")
    coldest = [fit.tallies[0].point.temperature for fit in fits]
    return xr.Dataset(
        {**{name: (dims, column) for name, column in columns.items()}, "events": (dims, events)},
        {
            "density": [fit.density for fit in fits],
            "cutoff": np.array(cutoffs),
            "coldest": ("density", coldest),
        },
    )


def _curvature(fits: list[DensityFits]) -> xr.Dataset | None:
    """Return ΔE and Σ with straight and curved fits; None if no density has a curved one."""
    import xarray as xr

    if all(fit.curved is None for fit in fits):
        return None
    n_bins = max(len(fit.edges) for fit in fits) - 1
    columns: dict[str, NDArray[np.float64]] = {}
    softness = np.full((len(fits), n_bins), np.nan)
    for i, fit in enumerate(fits):
        n = len(fit.edges) - 1
        for name, values in _curves_of(fit).items():
            column = columns.setdefault(name, np.full((len(fits), n_bins), np.nan))
            column[i, :n] = values
        softness[i, :n] = 0.5 * (fit.edges[:-1] + fit.edges[1:])
    dims = ("density", "softness_bin")
    return xr.Dataset(
        {name: (dims, column) for name, column in columns.items()},
        {"density": [fit.density for fit in fits], "softness": (dims, softness)},
    )


def _curves_of(fit: DensityFits) -> dict[str, NDArray[np.float64]]:
    """Return the columns of one density: bins of the fit's own softness, straight and curved."""
    threshold = fit.settings.rearrangements.rearrangement_threshold
    counts = fit.counts(threshold, "starts")
    found = arrhenius_per_bin(counts, fit.settings.statistics.min_events, min(3, len(fit.temperatures)))
    s, curved = totals(counts)["softness"].values, fit.curved
    out = {}
    for name in ("energy_barrier", "log_prefactor"):
        out[name], out[f"{name}_error"] = found[name].values, found[f"{name}_error"].values
        if curved is None:
            nothing = np.full(len(s), np.nan)
            out |= {f"{name}_straight": nothing, f"{name}_curved": nothing, f"{name}_curved_error": nothing}
            continue
        barrier = name == "energy_barrier"
        for word, of in (("straight", curved.straight), ("curved", curved.curved)):
            out[f"{name}_{word}"] = of.energy_barrier(s) if barrier else of.log_prefactor_at(s)
        out[f"{name}_curved_error"] = curved.barrier_error(s) if barrier else curved.prefactor_error(s)
    return out


# -- words -----------------------------------------------------------------------------------------------------------


def _run(learned: Sequence[tuple[Workplace, TrainedSoftness]], fits: list[DensityFits]) -> dict[str, Any]:
    settings = fits[0].settings
    return {
        "scale": settings.scale,
        "densities": [fit.density for fit in fits],
        "engine": settings.simulation.engine,
        "particles": [place.trajectory(place.settings.training_point).n_particles for place, _ in learned],
        "frames": {
            f"{fit.density:g}": {
                p.label + (" (training)" if p.training else ""): p.frames for p in fit.settings.state_points
            }
            for fit in fits
        },
        "temperatures fitted": {f"{fit.density:g}": list(fit.temperatures) for fit in fits},
        "time above the event threshold": {
            f"{fit.density:g}": {t.point.label: round(t.active, 4) for t in fit.tallies} for fit in fits
        },
        "examples per class": {
            f"{fit.density:g}": trained.training["examples"]["selected_per_class"]
            for (_, trained), fit in zip(learned, fits, strict=True)
        },
        "p_hop": settings.rearrangements.model_dump(),
        "cutoffs": list(settings.onset.cutoffs),
        "resamples of trajectory segments": settings.statistics.resamples,
        "versions": versions(),
    }
