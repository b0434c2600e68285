"""The key numbers of the study of the softness of cages, what was run, and what a reader must know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError
from vitrify.provenance import to_plain, versions
from vitrify.relaxation.overlap import relaxation_time
from vitrify.report.results import TableRow
from vitrify.studies.caging_collect import Caged
from vitrify.studies.caging_counts import CONVENTIONS
from vitrify.studies.caging_rearranging import Fitted, rise
from vitrify.studies.caging_settings import CagingSettings
from vitrify.studies.trap_table import interval_row

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.theory.arrhenius import ArrheniusFit

SHARMA = "Sharma 2022"
_LINES = (
    ("a", "1/S against depth in q", "Fig. 1a"),
    ("b", "depth in q against depth in r", "Fig. 1a, inset"),
    ("c", "1/S against depth in r", "Fig. 1b"),
)
_FEW = 0.001  # of the particles without softness, from which on it is said

Datasets = dict[str, "xr.Dataset"]


def table_rows(found: Caged, fits: list[Fitted], datasets: Datasets) -> list[TableRow]:
    """Return the rows of the key table."""
    return [
        *_map_rows(found),
        *_distribution_rows(datasets),
        *_time_rows(datasets),
        *_above_rows(fits, found),
        *_onset_rows(fits),
        *_probability_rows(datasets, found.place.settings),
        *_barrier_rows(datasets),
        *_threshold_rows(found),
    ]


def _row(
    quantity: str, published: str | None, value: Any, error: Any, events: Any, source: str, note: str = ""
) -> TableRow:
    error = float(error)
    return TableRow(quantity, published, float(value), error, error, None if events is None else int(events), source, note)  # fmt: skip


def _at(temperature: Any) -> str:
    return f"T = {float(temperature):g}"


def _map_rows(found: Caged) -> Iterator[TableRow]:
    """Linearity with its jackknife error over temperatures, and the coefficients."""
    from vitrify.theory.caging import fit_caging_map

    bulk, relation = [s.bulk for s in found.structures], found.relation
    without = (
        [fit_caging_map(bulk[:k] + bulk[k + 1 :]).r_squared for k in range(len(bulk))]
        if len(bulk) > 3
        else []
    )
    for name, words, figure in _LINES:
        values = np.array([w[name] for w in without])
        n = len(values)
        error = np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum()) if n else np.nan
        yield _row(
            f"R² of {words}", "linear", relation.r_squared[name], error, None, f"{SHARMA}, {figure}",
            "accepted: above 0.98; error from leaving out one temperature after the other",
        )  # fmt: skip
    published = {"c0": "intercept c0 of 1/S = c0 + c1 d_r", "c1": "slope c1 of 1/S = c0 + c1 d_r"}
    for name, words in published.items():
        composed = relation.composed[0 if name == "c0" else 1]
        yield _row(
            words, None, getattr(relation, name), relation.errors[name], None, f"{SHARMA}, eq. 7",
            f"from the lines a and b: {composed:.4g}; q up to {relation.q_max:g}",
        )  # fmt: skip


def _distribution_rows(datasets: Datasets) -> Iterator[TableRow]:
    softness, depths = datasets["caging_softness_distribution"], datasets["caging_depth_distribution"]
    cold, hot = 0, softness.sizes["temperature"] - 1
    for k in (cold, hot):
        one = softness.isel(temperature=k)
        yield _row(
            f"mean softness, 10⁻³ σ², {_at(one['temperature'])}", "1 to 2.5", one["mean"], one["mean_error"], None,
            f"{SHARMA}, Fig. 3b", f"q up to 20; {float(one['flagged']):.2%} of the particles have none",
        )  # fmt: skip
    for table, words, figure, expected in (
        (depths, "width of P(depth), coldest over hottest", "Fig. 3a", "> 1: broadens on cooling"),
        (softness, "width of P(S), coldest over hottest", "Fig. 3b", "< 1: narrows on cooling"),
    ):
        a, b = table.isel(temperature=cold), table.isel(temperature=hot)
        ratio = float(a["sd"] / b["sd"])
        error = ratio * float(np.hypot(a["sd_error"] / a["sd"], b["sd_error"] / b["sd"]))
        yield _row(words, expected, ratio, error, None, f"{SHARMA}, {figure}")


def _time_rows(datasets: Datasets) -> Iterator[TableRow]:
    """1/e times of C_S(t) and of Q(t)."""
    table = datasets["caging_correlation"]
    for k, t in enumerate(table["temperature"].values):
        one = table.sel(temperature=t).dropna("lag", subset=["overlap"])
        overlap = relaxation_time(one[["overlap"]].assign_attrs(cutoff=table.attrs["cutoff"])).value
        if k == 0 and np.isfinite(overlap):
            ends = _falls_to(one, float(np.exp(-1)), "overlap")
            yield interval_row(
                f"time at which Q(t) = 1/e, a = {table.attrs['cutoff']:g}, {_at(t)}", ends, None,
                published="700 (T = 0.47)", source=f"{SHARMA}, section IV", note="called α relaxation time there, without a definition",
            )  # fmt: skip
        known = table.sel(temperature=t).dropna("lag", subset=["correlation"])
        value, low, high = _falls_to(known, float(np.exp(-1)))
        if np.isfinite(value):
            yield interval_row(
                f"time at which C_S(t) = 1/e, {_at(t)}", (value, low, high), None, source=f"{SHARMA}, Fig. 4a",
                note=f"Q(t), a = {table.attrs['cutoff']:g}, falls to 1/e at {overlap:.4g}; published without a number: alike",
            )  # fmt: skip


def _falls_to(curve: xr.Dataset, level: float, name: str = "correlation") -> tuple[float, float, float]:
    """Return when a curve falls to a level, and when it would one error lower and one higher."""
    error = curve[f"{name}_error"].fillna(0.0)
    found = []
    for shift in (0.0, -1.0, 1.0):
        moved = _curve(curve[name] + shift * error)
        found.append(relaxation_time(moved, level).value)
    return found[0], found[1], found[2]


def _curve(values: xr.DataArray) -> xr.Dataset:
    """Return values as `vitrify.relaxation.overlap.relaxation_time` wants a curve."""
    return values.to_dataset(name="overlap").assign_attrs(cutoff=0.0)


def _above_rows(fits: list[Fitted], found: Caged) -> Iterator[TableRow]:
    """Part of the rearranging particles above the mode of P(S): by every convention when coldest, else by that of the study."""
    for fit in fits:
        for k, above in enumerate(fit.above):
            if (
                above is None or (k and fit is not fits[0]) or fit.hop.rule == "common"
            ):  # the coldest has its own
                continue
            t = found.temperatures[k]
            yield _row(
                f"rearranging particles above the mode of P(S), {_at(t)}, {CONVENTIONS[fit.convention]}, {fit.hop.words}",
                "0.75" if k == 0 else None, above.share, above.share_error, above.n, f"{SHARMA}, Fig. 5a",
                f"{'accepted: 0.65 to 0.85; ' if k == 0 else ''}of all particles {above.share_of_all:.3f} ± "
                f"{above.share_of_all_error:.3f}; mode {above.mode:.3f}",
            )  # fmt: skip


def _onset_rows(fits: list[Fitted]) -> Iterator[TableRow]:
    for fit in fits:
        words = f"crossing temperature of the Arrhenius lines, {CONVENTIONS[fit.convention]}, {fit.hop.words}"
        if fit.onset is None:
            yield _row(words, "0.801", np.nan, np.nan, None, f"{SHARMA}, Fig. 5c", fit.reason)
            continue
        low, high = fit.onset.interval("onset_temperature")
        wide = fit.onset.onset_interval(0.025)
        shown = f"{wide.low:.3g} to {wide.high:.3g}" if wide.kind == "bounded" else "any value" if wide.kind == "unbounded" else f"all but {wide.low:.3g} to {wide.high:.3g}"  # fmt: skip
        yield interval_row(
            words, (fit.onset.fit.onset_temperature, low, high), fit.onset.fit.n_events, published="0.801",
            source=f"{SHARMA}, Fig. 5c", note=f"accepted: 0.70 to 0.95; 95 %: {shown}; {_deviance(fit.onset.fit)}",
        )  # fmt: skip


def _deviance(fit: ArrheniusFit) -> str:
    """Return how well one law holds for all softnesses and temperatures, in words."""
    freedom = max(fit.degrees_of_freedom, 1)
    return f"deviance per degree of freedom {fit.deviance / freedom:.2f} ± {np.sqrt(2 / freedom):.2f}"


def _probability_rows(datasets: Datasets, settings: CagingSettings) -> Iterator[TableRow]:
    table = datasets["caging_probability"]
    for k, t in enumerate(table["temperature"].values):
        try:
            slope, error = rise(table, k, settings.probabilities.min_events)
        except ParameterError:
            continue
        yield _row(
            f"slope of log₁₀ P_R against S, 1 / 10⁻³ σ², {_at(t)}", "> 0, most when cold" if k == 0 else None, slope, error,
            table["events"].values[k].sum(), f"{SHARMA}, Fig. 5b",
            f"line through the bins with {settings.probabilities.min_events} events or more",
        )  # fmt: skip


def _barrier_rows(datasets: Datasets) -> Iterator[TableRow]:
    if "caging_barriers" not in datasets:
        return
    table = datasets["caging_barriers"]
    for name, words, sign in (("softness", "S", "< 0"), ("inverse", "1/S", "> 0")):
        unit = "ε / 10⁻³ σ²" if name == "softness" else "ε 10⁻³ σ²"
        yield _row(
            f"slope of ΔE against {words}, {unit}", sign, table.attrs[f"slope_in_{name}"],
            table.attrs[f"slope_in_{name}_error"], table["events"].values.sum(), f"{SHARMA}, Fig. 5d",
            f"R² = {table.attrs[f'r_squared_in_{name}']:.3f}",
        )  # fmt: skip


def _threshold_rows(found: Caged) -> Iterator[TableRow]:
    for one in found.motions:
        value, error = one.motion.threshold
        yield _row(
            f"threshold p_c = ⟨Δr²⟩ at the maximum of α₂, σ², {_at(one.point.temperature)}", None, value, error, None,
            f"{SHARMA}, section III", f"p_hop is above it {one.active:.1%} of the time",
        )  # fmt: skip


def warnings_of(found: Caged, fits: list[Fitted]) -> list[str]:
    """Return what a reader must know, in whole sentences."""
    said, place = [], found.place
    limit = place.settings.probabilities.max_active_fraction
    loud = [m for m in found.motions if m.active > limit]
    if loud and len(fits[0].temperatures) < len(found.motions):
        shown = ", ".join(f"{_at(m.point.temperature)} ({m.active:.0%})" for m in loud)
        said.append(
            f"Shown but not fitted, because p_hop exceeds its threshold for more than {limit:.0%} of the time and events merge: "
            f"{shown}."
        )
    missing = {
        m.point.temperature: float(np.isnan(m.softness).mean())
        for m in found.motions
        if np.isnan(m.softness).mean() > _FEW
    }
    if missing:
        shown = ", ".join(f"{_at(t)} ({share:.2%})" for t, share in missing.items())
        said.append(f"Particles whose depth gives no softness, c0 + c1 d ≤ 0, are left out: {shown}.")
    for fit in fits[:1]:
        if fit.onset is None:
            said.append(f"The Arrhenius lines have no common fit. {fit.reason}")
    at_edge = [m.point.temperature for m in found.motions if _peak_at_edge(m)]
    if at_edge:
        shown = ", ".join(_at(t) for t in at_edge)
        said.append(
            f"At {shown} the largest α₂ is at the longest time that was looked at: the threshold p_c may be another with more frames."
        )
    for point in place.settings.points:
        remark = place.folder(point) / "equilibration" / "remarks.json"
        if remark.exists():
            said.append(
                f"Equilibration at {_at(point.temperature)}: {json.loads(remark.read_text())['remark']}."
            )
    return said


def _peak_at_edge(one: Any) -> bool:
    from vitrify.relaxation.non_gaussian import maximum

    return not maximum(one.motion.relaxation).inside


def run_description(found: Caged, fits: list[Fitted]) -> dict[str, Any]:
    """Return what was run, for the page."""
    settings = found.place.settings
    trajectory = found.motions[0].motion.trajectory
    return {
        "title": "Softness of the mean-field caging potential",
        "scale": settings.scale,
        "model": to_plain(trajectory.provenance["run"]["model"]),
        "particles": trajectory.n_particles,
        "density": trajectory.provenance["density"],
        "engine": settings.simulation.engine,
        "time step": settings.simulation.time_step,
        "frames": {p.label: p.frames for p in settings.points},
        "positions": "thermal",
        "S(q) and g(r) from": f"{settings.bulk.frames} frames a temperature, q up to {settings.bulk.q_max:g}",
        "width of the Gaussians": settings.cages.delta,
        "direct correlation function": f"hypernetted chain, of the {settings.cages.correlation} g(r)",
        "limits of r": {
            s.point.label: ", ".join(f"{n} {low:.3f}-{high:.3f}" for n, (low, high) in s.limits.items())
            for s in found.structures
        },
        "p_hop windows": [h.words for h in found.motions[0].motion.hops],
        "p_hop thresholds": {m.point.label: f"{m.motion.threshold[0]:.4g}" for m in found.motions},
        "rearrangements counted": {
            m.point.label: len(m.motion.starts(m.motion.hops[0])[0]) for m in found.motions
        },
        "temperatures fitted": fits[0].temperatures,
        "softness sampled every": f"{settings.cages.stride} frames",
        "segments of each trajectory": settings.probabilities.segments,
        "bootstrap samples": settings.probabilities.resamples,
        "seeds": {
            "simulation": settings.simulation.seed,
            "wave vectors": settings.bulk.seed,
            "bootstrap": settings.probabilities.seed,
        },
        "versions": versions(),
    }
