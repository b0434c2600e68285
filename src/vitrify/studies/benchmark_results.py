"""All scores of a benchmark as results of a report, ranked, and as one table in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.citations import for_methods
from vitrify.files import write_whole
from vitrify.provenance import versions
from vitrify.report.benchmark_definitions import BENCHMARK_DATASETS
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.studies.benchmark_rows import PROPENSITY, Observations, Prediction
from vitrify.studies.benchmark_scores import RATES, ScoreOptions, calibration, mobile, roc_curve, scores

if TYPE_CHECKING:
    import xarray as xr

TABLE = "benchmark.csv"
_CURVES = ("benchmark_roc", "benchmark_calibration")


@dataclass(frozen=True)
class Ranking:
    """What predictions are ordered by.

    Attributes
    ----------
    score : {"pearson", "area"}
    species : str
    time : int
        Which of the times.
    """

    score: str
    species: str
    time: int

    def words(self, seen: Observations) -> str:
        """Return it in words."""
        n = len(np.unique(seen.group))
        if self.score == "pearson":
            over = f", mean over {n} configurations" if n > 1 else ""
            return f"Pearson's coefficient of species {self.species} at t = {seen.times[self.time]:g}{over}"
        return f"area under the ROC curve of species {self.species}"


def score_all(
    predictions: Sequence[Prediction],
    seen: Observations,
    ranking: Ranking,
    options: ScoreOptions,
    ceilings: Sequence[xr.Dataset] | None,
) -> xr.Dataset:
    """Return the scores of all predictions, best first; dims prediction, time, species."""
    import xarray as xr

    rows = []
    for prediction in predictions:
        of_times = [
            scores(prediction, seen, k, options, None if ceilings is None else ceilings[k])
            for k in range(len(seen.times))
        ]
        rows.append(xr.concat(of_times, "time", data_vars="all", join="exact"))
    found = xr.concat(rows, "prediction", data_vars="all", join="exact")
    found = found.assign_coords(time=seen.times, prediction=[p.name for p in predictions])
    found["sign"] = ("prediction", np.array([p.sign for p in predictions]))
    found["origin"] = ("prediction", np.array([p.origin for p in predictions]))
    headline = found[ranking.score].isel(time=ranking.time).sel(species=ranking.species).values
    return found.isel(prediction=np.argsort(-headline, kind="stable"))  # NaN last


def curves(
    predictions: Sequence[Prediction], seen: Observations, time: int, options: ScoreOptions
) -> dict[str, xr.Dataset]:
    """Return ROC curves and calibration of every prediction and species at one time."""
    import xarray as xr

    names = sorted(set(seen.species.tolist()))
    target, is_mobile = seen.target[time], mobile(seen, time, options.mobile_fraction)
    shape = (len(predictions), len(names))
    rates = np.full((2, *shape, len(RATES)), np.nan)
    bins: dict[str, Any] = {
        key: np.full((*shape, options.bins), np.nan)
        for key in ("predicted", "measured", "measured_error", "n")
    }
    for i, prediction in enumerate(predictions):
        x = prediction.at(time)
        for s, name in enumerate(names):
            mine = (seen.species == name) & np.isfinite(x)
            if mine.any():
                rates[:, i, s] = roc_curve(x[mine], is_mobile[mine], seen.group[mine])
                for key, values in calibration(x[mine], target[mine], seen.group[mine], options.bins).items():
                    bins[key][i, s] = values
    coords = {"prediction": [p.name for p in predictions], "species": names}
    dims = ("prediction", "species")
    roc = xr.Dataset(
        {
            "true_rate": ((*dims, "false_rate"), rates[0]),
            "true_rate_error": ((*dims, "false_rate"), rates[1]),
        },
        {**coords, "false_rate": RATES},
    )
    bins["share"] = (np.cumsum(np.nan_to_num(bins["n"]), axis=2) - bins["n"] / 2) / np.nansum(
        np.where(bins["n"] > 0, bins["n"], np.nan), axis=2, keepdims=True
    ).clip(1)
    found = xr.Dataset({key: ((*dims, "quantile_bin"), v) for key, v in bins.items()}, coords)
    return dict(zip(_CURVES, (roc, found), strict=True))


def results_of(
    predictions: Sequence[Prediction],
    seen: Observations,
    ranking: Ranking,
    options: ScoreOptions,
    ceilings: Sequence[xr.Dataset] | None,
    run: dict[str, Any],
    warnings: Sequence[str],
) -> SoftnessResults:
    """Return everything that the page of a benchmark shows."""
    found = score_all(predictions, seen, ranking, options, ceilings)
    attrs = {
        "ranked_by": ranking.score,
        "ranked_species": ranking.species,
        "ranked_time": float(seen.times[ranking.time]),
        "labels": seen.kind,
        "mobile_fraction": options.mobile_fraction,
        "words": ranking.words(seen),
    }
    order = found["prediction"].values
    drawn = {k: v.sel(prediction=order) for k, v in curves(predictions, seen, ranking.time, options).items()}
    measured = {
        "units": seen.units,
        "long_name": "propensity" if seen.kind == PROPENSITY else "probability to rearrange",
    }
    drawn["benchmark_calibration"]["measured"].attrs = measured
    drawn["benchmark_calibration"]["slope"] = (
        found["slope"]
        .isel(time=ranking.time)
        .sel(species=drawn["benchmark_calibration"]["species"])
        .drop_vars("time")
    )
    datasets = {"benchmark": found, **drawn}
    return SoftnessResults(
        table=tuple(table_rows(found, ranking, seen)),
        run={**run, "ranked by": ranking.words(seen), "versions": versions()},
        citations=list(dict.fromkeys([*for_methods(["vitrify"]), "cubuk2016"])),
        warnings=list(warnings),
        datasets={name: d.assign_attrs(attrs) for name, d in datasets.items()},
        edition="benchmark",
    )


def table_rows(found: xr.Dataset, ranking: Ranking, seen: Observations) -> list[TableRow]:
    """Return one row for each prediction, best first, below the noise ceiling if it is known."""
    here = found.isel(time=ranking.time).sel(species=ranking.species)
    rows = []
    if ranking.score == "pearson" and "ceiling" in here:
        value, error = float(here["ceiling"].max()), float(here["ceiling_error"].max())
        rows.append(TableRow("noise ceiling", None, value, error, error, None, "split halves of the runs"))
    for k, name in enumerate(here["prediction"].values.tolist()):
        one = here.isel(prediction=k)
        value, error = (float(one[key]) for key in (ranking.score, f"{ranking.score}_error"))
        error = 0.0 if error < _ROUNDING else error
        counted = float(one["n" if seen.kind == PROPENSITY else "n_mobile"])
        events = int(counted) if np.isfinite(counted) else None
        title = f"{k + 1}. {_signed(name, one)}"
        said = ", ".join(
            filter(
                None, [_LARGE_WHERE_STILL * (float(one["sign"]) < 0), *beside(one, ranking.score).values()]
            )
        )
        rows.append(TableRow(title, None, value, error, error, events, one["origin"].item(), said))
    return rows


def _signed(name: str, one: xr.Dataset) -> str:
    return f"−{name}" if float(one["sign"]) < 0 else name


def beside(one: xr.Dataset, headline: str) -> dict[str, str]:
    """Return the other scores of a prediction in words, by what the heading of their column says."""
    found = {}
    for key, (heading, form) in _BESIDE.items():
        if key == headline or key not in one or not np.isfinite(float(one[key])):
            continue
        bound = "at least " if key == "q_ratio" and np.isinf(float(one["q_ratio_high"])) else ""
        found[heading] = f"{heading} {bound}{float(one[key]):{form}}"
    return found


def print_scores(results: SoftnessResults, console: Any = None) -> None:
    """Print the other scores of all predictions, in the order of the ranking.

    Parameters
    ----------
    results : SoftnessResults
    console : rich.console.Console, optional
        Standard output by default.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = results.datasets["benchmark"]
    attrs = found.attrs
    here = found.sel(species=attrs["ranked_species"], time=attrs["ranked_time"])
    rows = [beside(here.isel(prediction=k), attrs["ranked_by"]) for k in range(here.sizes["prediction"])]
    headings = [heading for heading, _ in _BESIDE.values() if any(heading in row for row in rows)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("beside")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for k, row in enumerate(rows):
        name = _signed(str(here["prediction"].values[k]), here.isel(prediction=k))
        values = (row.get(h, "–").removeprefix(f"{h} ").replace("at least ", "> ") for h in headings)
        table.add_row(*(Text(cell) for cell in (f"{k + 1}. {name}", *values)))
    (console or Console()).print(table)


_ROUNDING = 1e-9
_LARGE_WHERE_STILL = "large where particles stay"
_BESIDE = {
    "pearson": ("Pearson", ".3f"),
    "spearman": ("Spearman", ".3f"),
    "area": ("ROC area", ".3f"),
    "q_ratio": ("Q", ".3g"),
    "fraction": ("of the ceiling", ".0%"),
    "slope": ("slope", ".3g"),
    "permuted": ("control", ".3f"),
}


def write_table(results: SoftnessResults, out: Path) -> Path:
    """Write every score of every prediction, time and species as OUT/benchmark.csv and return its path."""
    found = results.datasets["benchmark"]
    dims = {"prediction", "time", "species"}
    keys = [k for k in BENCHMARK_DATASETS["benchmark"] if k in found and set(found[k].dims) == dims]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["prediction", "from", "sign", "time", "species", *keys])
    for name in found["prediction"].values.tolist():
        one = found.sel(prediction=name)
        for time in found["time"].values.tolist():
            for species in found["species"].values.tolist():
                here = one.sel(time=time, species=species)
                values = [float(here[key]) for key in keys]
                if np.isfinite(values).any():
                    head = [name, one["origin"].item(), int(one["sign"]), time, species]
                    writer.writerow([*head, *("" if np.isnan(v) else repr(v) for v in values)])
    return write_whole(out / TABLE, buffer.getvalue())
