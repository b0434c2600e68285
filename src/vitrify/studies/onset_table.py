"""The table of the onset report: published numbers beside those found at each density."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from vitrify.predictors.scores import fraction_soft
from vitrify.report.results import TableRow
from vitrify.studies.onset_counts import DEFINITIONS, Definition
from vitrify.studies.onset_fits import DensityFits
from vitrify.studies.presets import coldest_temperatures
from vitrify.studies.results import SCHOENHOLZ, THESIS, _distances, _onset_note
from vitrify.theory.onset import OnsetBootstrap
from vitrify.theory.onset_density import DensityScaling, density_scaling, isomorph_exponent, isomorph_ratios
from vitrify.theory.rearrangement_probability import totals

WORDS: Mapping[Definition, str] = {
    "starts": "rearrangements that start",
    "fraction": "fraction above p_c",
    "fraction_before": "fraction above p_c, structure before",
}
REFERENCE = 1.20
_SAME = (("e1", "e1"), ("sigma1", "Σ1"), ("sigma0", "Σ0"), ("onset_temperature", "T0"))


def scalings(fits: list[DensityFits]) -> dict[Definition, DensityScaling | None]:
    """Return, by definition, onset temperatures against the published isomorph; None for fewer than two bounded ones."""
    known = coldest_temperatures()
    found: dict[Definition, DensityScaling | None] = {}
    for definition in DEFINITIONS:
        rows = []
        for fit in fits:
            onset = fit.onset(definition)
            if (
                onset is not None
                and onset.bounded
                and fit.density in known
                and onset.fit.onset_temperature > 0
            ):
                low, high = onset.interval("onset_temperature")
                rows.append((fit.density, onset.fit.onset_temperature, 0.5 * (high - low)))
        densities = [row[0] for row in rows]
        if len(rows) < 2:
            found[definition] = None
            continue
        reference = REFERENCE if REFERENCE in densities else densities[0]
        expected = isomorph_ratios(known, reference)
        density, temperature, error = np.array(rows).T
        found[definition] = density_scaling(density, temperature, error, expected, reference)
    return found


def onset_table(fits: list[DensityFits]) -> list[TableRow]:
    """Return the rows, density after density, then what compares densities."""
    rows = [row for fit in fits for row in _of_density(fit)]
    return [*rows, *_scaling_rows(fits)]


def _of_density(fit: DensityFits) -> Iterator[TableRow]:
    at = f"ρ = {fit.density:.2f}"
    yield from _onset_rows(fit, at)
    yield from _duration_rows(fit, at)
    yield _soft_row(fit, at)
    yield from _cutoff_rows(fit, at)
    if fit.curved is not None:
        yield from _curvature_rows(fit, at)


def _onset_rows(fit: DensityFits, at: str) -> Iterator[TableRow]:
    published = "0.80" if fit.density == REFERENCE else None
    source = "Sharma 2022 (text); Schoenholz 2016, Fig. 2d is a plot"
    for definition in DEFINITIONS:
        yield _onset_row(
            f"T0 = e1 / Σ1, {WORDS[definition]}, {at}", published, fit.onset(definition), source, ""
        )
    for definition, onset in fit.without_hottest.items():
        yield _onset_row(
            f"T0 without T = {fit.temperatures[-1]:g}, {WORDS[definition]}, {at}",
            published,
            onset,
            source,
            "",
        )


def _onset_row(
    quantity: str, published: str | None, onset: OnsetBootstrap | None, source: str, note: str
) -> TableRow:
    value = onset.fit.onset_temperature if onset else np.nan
    low, high = onset.interval("onset_temperature") if onset else (np.nan, np.nan)
    n_events = onset.fit.n_events if onset else 0
    words = "; ".join(filter(None, [note, _onset_note(onset)]))
    return TableRow(quantity, published, value, *_distances(value, low, high), n_events, source, words)


def _duration_rows(fit: DensityFits, at: str) -> Iterator[TableRow]:
    """Yield what turns one definition into the other: how long p_hop stays above the cutoff."""
    threshold = fit.settings.rearrangements.rearrangement_threshold
    n, rate, interval = {}, {}, 1.0
    for definition in DEFINITIONS[:2]:
        both = totals(fit.counts(threshold, definition))
        n[definition] = both["events"].values.sum(axis=1)
        rate[definition] = n[definition] / both["exposure"].values.sum(axis=1)
        interval = float(both.attrs["interval"])
    for k, temperature in enumerate(fit.temperatures):
        few = n["starts"][k], n["fraction"][k]
        if not min(few):
            continue
        time = interval * rate["fraction"][k] / rate["starts"][k]
        error = time * np.sqrt(sum(1 / m for m in few))
        yield TableRow(
            f"mean time above p_c = {threshold:g}, T = {temperature:g}, {at}", None, time, error, error, int(min(few)), "",
            "fraction above p_c over the rate of starts; errors from counting",
        )  # fmt: skip


def _soft_row(fit: DensityFits, at: str) -> TableRow:
    cold, threshold = fit.tallies[0], fit.settings.rearrangements.rearrangement_threshold
    score = fraction_soft(cold.starting(threshold)[0])
    return TableRow(
        f"rearranging particles with S > 0, p_c = {threshold:g}, T = {cold.point.temperature:g}, {at}",
        "about 0.90" if fit.density == REFERENCE else None,
        score.value,
        *_distances(score.value, score.low, score.high),
        score.n_events,
        f"{THESIS} Fig. 5.4",
        "held-out trajectory",
    )


def _cutoff_rows(fit: DensityFits, at: str) -> Iterator[TableRow]:
    for definition in DEFINITIONS[:2]:
        dependence = fit.dependence[definition]
        if dependence is None:
            continue
        by = f"{WORDS[definition]}, {at}"
        events, shift = int(min(o.fit.n_events for o in dependence.onsets)), dependence.shift()
        n = f"{len(dependence.cutoffs)} cutoffs; events: of the highest"
        yield TableRow(
            f"slope of e0 against ln p_c, {by}", "> 0", shift.slope, shift.slope_error, shift.slope_error, events,
            f"{THESIS} Fig. 5.6", f"straight line over {n}",
        )  # fmt: skip
        yield TableRow(
            f"R² of e0 against ln p_c, {by}", "linear", shift.r_squared, np.nan, np.nan, events, f"{THESIS} Fig. 5.6", n
        )  # fmt: skip
        for name, words in _SAME:
            same = dependence.equality(name)
            note = (
                f"all equal: χ² = {same.chi_square:.1f} of {same.compared} differences, p = {same.p_value:.2g}, from segments "
                f"drawn together; per factor e of p_c: {same.trend:+.3f} ± {same.trend_error:.3f}"
            )
            yield TableRow(
                f"spread of {words} over p_c, (max − min) / mean, {by}", "independent of p_c", same.spread, np.nan, np.nan,
                events, f"{THESIS} Fig. 5.5", note,
            )  # fmt: skip


def _curvature_rows(fit: DensityFits, at: str) -> Iterator[TableRow]:
    curved = fit.curved
    assert curved is not None
    note = (
        f"twice the log likelihood gained by both quadratic terms: {curved.likelihood_gain:.1f} (p = "
        f"{curved.likelihood_p_value:.2g} were events independent; {curved.segment_p_value:.2g} from trajectory segments)"
    )
    for words, value, error, published in (
        ("|E2 / E1| of ΔE", curved.barrier_ratio, curved.barrier_ratio_error, "about 0.1"),
        ("|s2 / s1| of Σ", curved.prefactor_ratio, curved.prefactor_ratio_error, None),
    ):
        yield TableRow(
            f"{words}, per unit of S at S = 0, {at}", published, value, min(error, value), error, curved.curved.n_events,
            f"{THESIS} 5.6.3", note,
        )  # fmt: skip


def _scaling_rows(fits: list[DensityFits]) -> Iterator[TableRow]:
    source = f"{SCHOENHOLZ}, Methods: ratio of the coldest temperatures"
    for definition, scaling in scalings(fits).items():
        if scaling is None:
            continue
        events = {fit.density: onset.fit.n_events for fit in fits if (onset := fit.onset(definition))}
        for k, density in enumerate(scaling.density.tolist()):
            if density == scaling.reference:
                continue
            error = scaling.ratio_error[k]
            note = f"χ² = {scaling.chi_square:.2f} of {scaling.degrees_of_freedom}, p = {scaling.p_value:.2g}"
            yield TableRow(
                f"T0({density:.2f}) / T0({scaling.reference:.2f}), {WORDS[definition]}", f"{scaling.expected[k]:.2f}",
                scaling.ratio[k], error, error, events[density], source, note,
            )  # fmt: skip
        yield TableRow(
            f"d ln T0 / d ln ρ, {WORDS[definition]}",
            f"{isomorph_exponent(coldest_temperatures()):.2f}",
            scaling.exponent,
            scaling.exponent_error,
            scaling.exponent_error,
            min(events.values()),
            f"{SCHOENHOLZ}, Methods: slope of the coldest temperatures",
        )
