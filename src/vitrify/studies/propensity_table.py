"""The table of the report on propensity: published coefficients beside those found here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.results import TableRow

if TYPE_CHECKING:
    import xarray as xr

BOATTINI = "Boattini 2021"
_NETWORKS = "0.752 to 0.817"
_MANY = (
    "Kob-Andersen, T = 0.44, at the relaxation time, hundreds of training configurations: BOTAN 0.752, GlassMLP 0.756, CAGE "
    "0.782, SE(3) 0.791, EIGNN 0.817"
)


def propensity_table(
    found: Mapping[str, xr.Dataset | None], control: Mapping[str, tuple[float, float]], at: int
) -> Iterator[TableRow]:
    """Yield the rows, species after species.

    Parameters
    ----------
    found : mapping of str to Dataset
        The data sets of the report.
    control : mapping of str to (float, float)
        Mean and scatter of the coefficient with shuffled labels, by species.
    at : int
        Which time is nearest the relaxation time.
    """
    scores, ceiling = found["propensity_scores"], found["propensity_ceiling"]
    assert scores is not None
    assert ceiling is not None
    n = int(scores.attrs["n_configurations"])
    if np.isfinite(scores.attrs["relaxation_time"]):
        yield TableRow(
            "relaxation time, F_s = 1/e, A", None, scores.attrs["relaxation_time"], np.nan, np.nan, n, "", "between the times evenly in ln t"
        )  # fmt: skip
    for species in scores["species"].values.tolist():
        here, top = scores.sel(species=species).isel(time=at), ceiling.sel(species=species).isel(time=at)
        yield _ceiling_row(top, species, n)
        yield from _orders(here, species, n)
        yield from _parts(here, species, n)
        yield from _networks(here, species, n)
        yield _best_row(here, top, species, n)
        mean, scatter = control[species]
        yield TableRow(
            f"the same with shuffled labels, {species}",
            "0",
            mean,
            scatter,
            scatter,
            n,
            "",
            "scatter over permutations",
        )
        yield from _selection_rows(found.get("propensity_selection"), here, species, n)
        yield from _learning_rows(found.get("propensity_learning"), species)
    yield from _transfer_rows(found.get("propensity_transfer"))


def _ceiling_row(top: xr.Dataset, species: str, n: int) -> TableRow:
    error = float(top["ceiling_error"])
    note = f"reliability of the propensity {float(top['reliability']):.3f}, from split halves; no prediction can do better"
    return TableRow(
        f"noise ceiling of Pearson's r, {species}", None, float(top["ceiling"]), error, error, n, "", note
    )


def _orders(here: xr.Dataset, species: str, n: int) -> Iterator[TableRow]:
    for k in np.flatnonzero((here["part"].values == "both") & ~here["motion"].values):
        one = here.isel(case=k)
        if int(one["order"]) >= 0:
            source = f"{BOATTINI}, Fig. 1 is a plot" if str(one["kind"].values) == "thermal" else ""
            yield _score_row(one, species, n, source)


def _parts(here: xr.Dataset, species: str, n: int) -> Iterator[TableRow]:
    """Yield what radial and angular functions do alone, in the lowest order and the second."""
    for k in np.flatnonzero((here["part"].values != "both") & np.isin(here["order"].values, (0, 2))):
        one = here.isel(case=k)
        source = f"{BOATTINI}, Fig. 1c is a plot" if str(one["kind"].values) == "thermal" else ""
        yield _score_row(one, species, n, source)


def _networks(here: xr.Dataset, species: str, n: int) -> Iterator[TableRow]:
    """Yield what neural networks do with the same features."""
    for k in np.flatnonzero(here["part"].values == "network"):
        yield _score_row(here.isel(case=k), species, n, "")


def _score_row(one: xr.Dataset, species: str, n: int, source: str, published: str | None = None) -> TableRow:
    error, strength = float(one["pearson_error"]), float(one["strength"])
    note = (
        f"left-out configurations, spread {float(one['pearson_sd']):.3f}; Spearman {float(one['spearman']):.3f}; pooled "
        f"{float(one['pearson_pooled']):.3f}"
    )
    if np.isfinite(strength):
        note += f"; λ/n = {strength:.2g}"
    label = str(one["case"].values)
    return TableRow(
        f"Pearson's r, {label}, {species}", published, float(one["pearson"]), error, error, n, source, note
    )


def _best_row(here: xr.Dataset, top: xr.Dataset, species: str, n: int) -> TableRow:
    best = here.isel(case=int(np.nanargmax(here["pearson"].values)))
    row = _score_row(best, species, n, _MANY if species == "A" else "", _NETWORKS if species == "A" else None)
    fraction = row.value / float(top["ceiling"])
    note = row.note + (f"; {100 * fraction:.0f} % of the ceiling" if np.isfinite(fraction) else "")
    note += "; the best of all rows was chosen by this number"
    label = str(best["case"].values)
    return TableRow(
        f"best: {label}, {species}",
        row.published,
        row.value,
        row.error_low,
        row.error_high,
        n,
        row.source,
        note,
    )


def _selection_rows(curves: xr.Dataset | None, here: xr.Dataset, species: str, n: int) -> Iterator[TableRow]:
    if curves is None:
        return
    for kind in curves["kind"].values.tolist():
        one = curves.sel(kind=kind, species=species)
        whole = _value_of(here, f"{kind} LR(0)")
        known = one["pearson"].values
        enough = np.flatnonzero(known >= whole)
        first = ", ".join(one["feature"].values[:4].tolist())
        for steps in (1, 6, 20, 100):
            if steps <= np.isfinite(known).sum():
                error = float(one["pearson_error"].values[steps - 1])
                yield TableRow(
                    f"Pearson's r of {steps} selected functions, {kind}, {species}",
                    "about 0.4" if (steps, species, kind) == (1, "A", "thermal") else None,
                    float(known[steps - 1]),
                    error,
                    error,
                    n,
                    f"{BOATTINI}, Fig. 2" if kind == "thermal" else "",
                    f"first of all: {first}" if steps == 1 else "",
                )
        if len(enough):
            yield TableRow(
                f"selected functions that do what all of order 0 do, {kind}, {species}", "a handful" if kind == "thermal" else None,
                float(enough[0] + 1), np.nan, np.nan, n, f"{BOATTINI}, Fig. 2" if kind == "thermal" else "", f"order 0: r = {whole:.3f}",
            )  # fmt: skip


def _value_of(here: xr.Dataset, label: str) -> float:
    return float(here["pearson"].sel(case=label)) if label in here["case"].values else float("nan")


def _learning_rows(curves: xr.Dataset | None, species: str) -> Iterator[TableRow]:
    if curves is None:
        return
    for kind in curves["kind"].values.tolist():
        one = curves.sel(kind=kind, species=species)
        words = ", ".join(
            f"{int(size)}: {value:.3f}"
            for size, value in zip(one["size"].values, one["pearson"].values, strict=True)
        )
        gain = float(one["pearson"].values[-1] - one["pearson"].values[0])
        yield TableRow(
            f"gain from 1 to {int(one['size'].values[-1])} training configurations, {kind}, {species}", None, gain, np.nan, np.nan,
            int(one["size"].values[-1]), "", words,
        )  # fmt: skip


def _transfer_rows(transfer: xr.Dataset | None) -> Iterator[TableRow]:
    if transfer is None:
        return
    for species in transfer["species"].values.tolist():
        here: Any = transfer["pearson"].sel(species=species)
        k, t = np.unravel_index(int(np.nanargmax(here.values)), here.shape)
        yield TableRow(
            f"largest Pearson's r by transfer, {species}", None, float(here.values[k, t]), np.nan, np.nan, 1, "",
            f"{transfer['case'].values[k]}, t = {transfer['time'].values[t]:g}; one configuration of {transfer.attrs['source']}",
        )  # fmt: skip
