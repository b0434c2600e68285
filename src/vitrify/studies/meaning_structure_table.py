"""The key numbers of single particles of test trajectories, beside the published ones, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.results import TableRow
from vitrify.studies.meaning_structure_events import INHERENT, THERMAL
from vitrify.studies.meaning_structure_planes import TwoFeatures
from vitrify.studies.meaning_structure_sources import (
    CAGING,
    CAGING_INHERENT,
    SOFTNESS,
    THERMAL_SOFTNESS,
    TWO_FEATURES,
)

if TYPE_CHECKING:
    import xarray as xr

THESIS = "Cubuk 2016, thesis"
SHARMA = "Sharma 2022"
PUBLISHED_Q = {SOFTNESS: "165", "coordination": "6.2", "local_energy": "5.0"}
PUBLISHED_SHARE = {"coordination": "60 %", "local_energy": "65 %"}
PUBLISHED_LENGTH = {SOFTNESS: "1.2", "p_hop": "1.1"}
_BOTH_EVENTS = (SOFTNESS, THERMAL_SOFTNESS, CAGING, CAGING_INHERENT)
_FEW_EVENTS = 10  # in a group of Q

Datasets = dict[str, "xr.Dataset"]


@dataclass(frozen=True)
class Rests:
    """What rows and warnings need beside the data sets.

    Attributes
    ----------
    two : TwoFeatures or None
    thermal_events : list of xarray.Dataset
        Tables of the events of thermal positions, by temperature.
    temperatures : list of float
        Coldest first.
    flagged : float
        Share of thermal depths that are too shallow for a caging softness; NaN without any.
    """

    two: TwoFeatures | None
    thermal_events: list[xr.Dataset]
    temperatures: list[float]
    flagged: float


def structure_rows(datasets: Datasets, rests: Rests) -> list[TableRow]:
    """Return the rows of this half of the study."""
    return [
        *_contrast_rows(datasets),
        *_share_rows(datasets),
        *_two_feature_rows(rests),
        *_simplex_rows(datasets),
        *_length_rows(datasets),
        *_direction_rows(datasets),
        *_side_by_side_rows(datasets),
    ]


def words_of(name: str) -> str:
    """Return the name of a number as the page writes it.

    Examples
    --------
    >>> words_of("caging_softness_inherent")
    'caging softness inherent'
    """
    return name.replace("_", " ")


def _at(temperature: Any) -> str:
    return f"T = {float(temperature):g}"


def _row(
    quantity: str, published: str | None, value: Any, low: Any, high: Any, events: Any, source: str, note: str = ""
) -> TableRow:  # fmt: skip
    below, above = abs(float(value) - float(low)), abs(float(high) - float(value))
    known = [d if np.isfinite(d) else float("nan") for d in (below, above)]
    n = None if events is None or not np.isfinite(float(events)) else int(events)
    return TableRow(quantity, published, float(value), known[0], known[1], n, source, note)


def _symmetric(quantity: str, published: str | None, value: Any, error: Any, events: Any, source: str, note: str = "") -> TableRow:  # fmt: skip
    v, e = float(value), float(error)
    return _row(quantity, published, v, v - e, v + e, events, source, note)


def _contrast_rows(datasets: Datasets) -> Iterator[TableRow]:
    whole = datasets["scalar_contrast"].isel(temperature=0)
    for kind in (INHERENT, THERMAL):
        for name in [str(n) for n in whole["scalar"].values]:
            if kind == THERMAL and name not in _BOTH_EVENTS:
                continue
            one = whole.sel(event_kind=kind, scalar=name)
            bound = {1: "; lower bound", -1: "; upper bound"}.get(int(np.nan_to_num(float(one["contrast_bound"]))), "")  # fmt: skip
            area = f"area under ROC {float(one['area']):.3f} ± {float(one['area_high'] - one['area']):.3f}"
            sign = "" if float(one["orientation"]) > 0 else f"of −{words_of(name)}; "
            counts = f"{_whole(one['events_high'])} and {_whole(one['events_low'])} events"
            published = PUBLISHED_Q.get(name) if kind == INHERENT else None
            yield _row(
                f"contrast Q, {words_of(name)}, {kind} hops, {_at(one['temperature'])}",
                published,
                one["contrast"],
                one["contrast_low"],
                one["contrast_high"],
                one["events"],
                f"{THESIS} 6.3" if published else "",
                f"{sign}{counts}{bound}; {area}",
            )


def _whole(value: Any) -> str:
    return f"{float(value):.0f}"


def _share_rows(datasets: Datasets) -> Iterator[TableRow]:
    whole = datasets["softness_against_structure"].isel(temperature=0)
    for name, published in PUBLISHED_SHARE.items():
        if name not in whole["against"].values:
            continue
        one = whole.sel(against=name)
        yield _row(
            f"rearranging particles on the soft side of {words_of(name)}, {_at(one['temperature'])}",
            published,
            one["share_moving"],
            one["share_low"],
            one["share_high"],
            one["events"],
            f"{THESIS} 6.3",
            f"soft side of {float(one['middle']):.2f}, where softness is on average that of all; {float(one['share_all']):.3f} of all "
            f"particles lie there. Of {float(one['crossing']):.2f}, where it is zero: {float(one['moving_beyond']):.3f} and "
            f"{float(one['all_beyond']):.3f}",
        )


def _two_feature_rows(rests: Rests) -> Iterator[TableRow]:
    if rests.two is None:
        return
    words = ("coordination alone", "local energy alone", "coordination and local energy")
    for k, name in enumerate(words):
        yield _symmetric(
            f"accuracy of {name}",
            "65 %" if k == 2 else None,
            rests.two.accuracy[k],
            rests.two.error[k],
            rests.two.n,
            f"{THESIS} 6.3" if k == 2 else "",
            "examples of softness, cross-validated over segments of the training trajectory",
        )


def _simplex_rows(datasets: Datasets) -> Iterator[TableRow]:
    """Mean softness of the tenth with the fewest tetrahedra and the most quarter-octahedra, and of the opposite corner."""
    if "softness_of_simplices" not in datasets:
        return
    one = datasets["softness_of_simplices"].isel(temperature=0)
    n = one["n"].values
    few_t, many_t = _tenths(n.sum(axis=1))
    few_o, many_o = _tenths(n.sum(axis=0))
    chosen = (
        (
            slice(None, few_t + 1),
            slice(many_o, None),
            f"N_T ≤ {few_t}, N_O ≥ {many_o}",
            "about 1",
            "N_T = 0, N_O > 4",
        ),
        (
            slice(many_t, None),
            slice(None, few_o + 1),
            f"N_T ≥ {many_t}, N_O ≤ {few_o}",
            "−0.8",
            "N_T = 8, N_O = 0",
        ),
    )
    for t, o, words, published, theirs in chosen:
        weight, mean, error = (one[k].values[t, o].ravel() for k in ("n", "mean", "mean_error"))
        known = np.isfinite(mean) & np.isfinite(error)
        if not known.any():
            continue
        w = weight[known] / weight[known].sum()
        yield _symmetric(
            f"mean softness, {words}, {_at(one['temperature'])}", published, (w * mean[known]).sum(),
            np.sqrt((w**2 * error[known] ** 2).sum()), weight[known].sum(), f"{THESIS}, Fig. 6.3",
            f"corners of tenths; published for {theirs}, with thresholds that are not printed. Counted: particles and frames",
        )  # fmt: skip


def _tenths(n: np.ndarray) -> tuple[int, int]:
    """Return the counts that end the lowest tenth and begin the highest, from how many particles have each count."""
    share = np.cumsum(n) / max(n.sum(), 1.0)
    return int(np.searchsorted(share, 0.1)), int(np.searchsorted(share, 0.9))


def _length_rows(datasets: Datasets) -> Iterator[TableRow]:
    whole = datasets["field_correlation"]
    for name in [str(n) for n in whole["field"].values]:
        one = whole.isel(temperature=0).sel(field=name)
        if not np.isfinite(float(one["length"])):
            continue
        yield _symmetric(
            f"correlation length ξ of {words_of(name)}, {_at(one['temperature'])}",
            PUBLISHED_LENGTH.get(name),
            one["length"],
            one["length_error"],
            None,
            f"{THESIS}, Fig. 6.4" if name in PUBLISHED_LENGTH else "",
            f"A = {float(one['amplitude']):.2f}, fitted from r = {whole.attrs['r_min']:g} to {whole.attrs['r_max']:g}",
        )


def _direction_rows(datasets: Datasets) -> Iterator[TableRow]:
    if "softness_gradient" not in datasets:
        return
    one = datasets["softness_gradient"].isel(temperature=0)
    for words, k, published in (("smallest", 0, "0"), ("largest", -1, "0.45")):
        chosen = one.isel(gradient_bin=k)
        yield _symmetric(
            f"⟨cos θ⟩ of displacement and gradient of softness, {words} |Δr||∇S|, {_at(one['temperature'])}",
            published,
            chosen["mean_cosine"],
            chosen["mean_cosine_error"],
            chosen["events"],
            f"{THESIS}, Fig. 6.5",
            f"gradients exchanged between events: {float(chosen['shuffled_mean_cosine']):.3f} ± {float(chosen['shuffled_spread']):.3f}",
        )


def _side_by_side_rows(datasets: Datasets) -> Iterator[TableRow]:
    whole = datasets["scalar_correlation"]
    names = [str(n) for n in whole["scalar"].values]
    for a, b in ((SOFTNESS, CAGING), (SOFTNESS, CAGING_INHERENT), (THERMAL_SOFTNESS, CAGING)):
        if a not in names or b not in names:
            continue
        for t in whole["temperature"].values:
            one = whole.sel(temperature=t, scalar=a, other=b)
            rank = f"{float(one['spearman']):.3f} ± {float(one['spearman_error']):.3f}"
            yield _symmetric(
                f"Pearson coefficient of {words_of(a)} and {words_of(b)}, {_at(t)}", None, one["pearson"], one["pearson_error"],
                one["n"], "", f"counted: particles and frames; Spearman {rank}",
            )  # fmt: skip
    if "caging_map" in datasets:
        found = datasets["caging_map"].attrs
        yield _symmetric(
            "1/S = c0 + c1 depth, slope c1", None, found["c1"], found["c1_error"], None, f"{SHARMA}, Fig. 1b",
            f"c0 = {found['c0']:.1f} ± {found['c0_error']:.1f}, R² = {found['r_squared_c']:.3f}, q < {found['q_max']:g}",
        )  # fmt: skip


# -- warnings ----------------------------------------------------------------------------------------------------------


def structure_warnings(datasets: Datasets, rests: Rests) -> list[str]:
    """Return what a reader must know before comparing, in whole sentences."""
    said = []
    cold = datasets["scalar_contrast"].isel(temperature=0).sel(event_kind=INHERENT)
    few = [
        words_of(str(n))
        for n in cold["scalar"].values
        if float(cold.sel(scalar=n)[["events_high", "events_low"]].to_array().min()) < _FEW_EVENTS
    ]
    if few:
        said.append(
            f"Q of {', '.join(few)} at {_at(cold['temperature'])} has fewer than {_FEW_EVENTS} events in one of its two groups."
        )
    beyond = [
        _at(t)
        for t, table in zip(rests.temperatures, rests.thermal_events, strict=True)
        if not table.attrs["maximum_inside"]
    ]
    if beyond:
        said.append(
            f"At {', '.join(beyond)} the non-Gaussian parameter has no maximum within the trajectory: the threshold of thermal hops "
            "is the mean squared displacement at the longest time."
        )
    if np.isfinite(rests.flagged) and rests.flagged > 0:
        said.append(
            f"{100 * rests.flagged:.3g} % of the particles and frames have a caging depth for which the linear relation gives no softness; "
            "they are left out of what is said of caging softness."
        )
    if TWO_FEATURES in cold["scalar"].values:
        said.append(
            "The plane of coordination and local energy is learned from the examples of softness, and judged on other trajectories."
        )
    return said
