"""Scores of one prediction: correlations, Q ratio, area under the ROC curve, calibration, and a control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors.propensity_scores import (
    ALL,
    ONE_SIGMA,
    bootstrap_configurations,
    correlations,
    fraction_of_ceiling,
    permutation_control,
    spread_over_configurations,
)
from vitrify.predictors.scores import q_ratio_from_counts, roc_area
from vitrify.studies.benchmark_rows import PROPENSITY, Observations, Prediction

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FEWEST = 3
RATES = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class ScoreOptions:
    """How predictions are scored.

    Parameters
    ----------
    mobile_fraction : float, default 0.1
        Of the particles of a species in a configuration that count as mobile: those with the largest propensity.
    n_resamples : int, default 1000
    n_permutations : int, default 20
    bins : int, default 10
        Of calibration, each with as many particles.
    seed : int, default 0

    Raises
    ------
    ParameterError
        If the fraction is not between 0 and 1/2, or a number is too small.
    """

    mobile_fraction: float = 0.1
    n_resamples: int = 1000
    n_permutations: int = 20
    bins: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.mobile_fraction <= 0.5:
            raise ParameterError(
                f"`mobile_fraction` must be above 0 and at most 0.5; it is {self.mobile_fraction}."
            )
        for name, least in (("n_resamples", 10), ("n_permutations", 2), ("bins", 2)):
            if getattr(self, name) < least:
                raise ParameterError(f"`{name}` must be at least {least}; it is {getattr(self, name)}.")


def mobile(seen: Observations, time: int, fraction: float) -> Flags:
    """Return who is mobile: the given fraction of each species in each configuration; those that rearrange, (M,).

    Ties go to the particle with the smaller number.
    """
    target = seen.target[time]
    if seen.kind != PROPENSITY:
        return np.asarray(target > 0)
    out = np.zeros(len(target), bool)
    for group in np.unique(seen.group):
        for species in np.unique(seen.species):
            rows = np.flatnonzero((seen.group == group) & (seen.species == species))
            n = max(1, round(fraction * len(rows))) if len(rows) else 0
            out[rows[np.argsort(-target[rows], kind="stable")[:n]]] = True
    return out


def scores(
    prediction: Prediction,
    seen: Observations,
    time: int,
    options: ScoreOptions,
    ceiling: xr.Dataset | None = None,
) -> xr.Dataset:
    """Return every score of a prediction at one time.

    Parameters
    ----------
    prediction : Prediction
    seen : Observations
    time : int
        Which of the times.
    options : ScoreOptions
    ceiling : xarray.Dataset, optional
        From `vitrify.predictors.noise_ceiling.noise_ceiling`, its configurations numbered.

    Returns
    -------
    xarray.Dataset
        Dim species, "all" first; see `vitrify.report.benchmark_definitions`. NaN for a species that is not predicted, and
        for "all" where one of them is not.
    """
    import xarray as xr

    x = prediction.at(time)
    kept = np.isfinite(x)
    names = [ALL, *sorted(set(seen.species.tolist()))]
    empty = xr.Dataset(coords={"species": names})
    if kept.sum() < _FEWEST:
        return empty
    x, y, group, kind = x[kept], seen.target[time][kept], seen.group[kept], seen.species[kept]
    is_mobile = mobile(seen, time, options.mobile_fraction)[kept]
    found = _correlations(x, y, group, kind, options, ceiling)
    rows = {name: _of_species(x, y, is_mobile, group, kind, name, seen.kind, options) for name in names}
    of_species = xr.Dataset(
        {key: ("species", np.array([rows[name].get(key, np.nan) for name in names])) for key in _KEYS},
        {"species": names},
    )
    result = xr.merge([found.reindex(species=names), of_species], join="exact", compat="equals")
    covered = {name: bool((seen.species == name).any()) and bool((kind == name).any()) for name in names[1:]}
    covered[ALL] = all(covered.values()) and bool(kept.all())
    mask = xr.DataArray([covered[name] for name in names], dims="species", coords={"species": names})
    return result.where(mask)


_KEYS = (
    "n", "n_groups", "n_mobile", "area", "area_error", "q_ratio", "q_ratio_low", "q_ratio_high", "n_high", "n_low",
    "slope", "slope_error", "intercept", "intercept_error",
)  # fmt: skip


def _correlations(
    x: Array,
    y: Array,
    group: NDArray[np.int64],
    species: NDArray[np.str_],
    options: ScoreOptions,
    ceiling: xr.Dataset | None,
) -> xr.Dataset:
    """Return coefficients with their errors, the ceiling, and the control, dim species."""
    import xarray as xr

    each = correlations(x, y, group, species)
    found = {
        **{f"{c}{end}": each[f"{c}{end}"] for c in ("pearson", "spearman") for end in ("_error", "_pooled")},
        **{c: each[f"{c}_mean"] for c in ("pearson", "spearman")},
    }
    if each.sizes["configuration"] > 1:
        drawn = bootstrap_configurations(each["pearson"], options.n_resamples, options.seed)
        found |= {f"pearson_{end}": drawn[end] for end in ("low", "high")}
    if ceiling is not None:
        known = ceiling.sel(configuration=each["configuration"])
        ratio = fraction_of_ceiling(each, known).to_dataset(name="fraction")
        both = spread_over_configurations(ratio, ["fraction"])
        of_ceiling = spread_over_configurations(known[["ceiling"]], ["ceiling"])
        found |= {"fraction": both["fraction_mean"], "fraction_error": both["fraction_error"]}
        found |= {"ceiling": of_ceiling["ceiling_mean"], "ceiling_error": of_ceiling["ceiling_error"]}
    dealt = permutation_control(x, y, group, species, options.n_permutations, options.seed)
    found |= {"permuted": dealt.mean("permutation"), "permuted_error": dealt.std("permutation", ddof=1)}
    return xr.Dataset(
        {name: v.drop_attrs().drop_vars("configuration", errors="ignore") for name, v in found.items()}
    )


def _of_species(
    x: Array,
    y: Array,
    is_mobile: Flags,
    group: NDArray[np.int64],
    kind: NDArray[np.str_],
    name: str,
    labels: str,
    options: ScoreOptions,
) -> dict[str, float]:
    """Return area, Q ratio and regression of one species, or of all."""
    mine = np.ones(len(x), bool) if name == ALL else kind == name
    if mine.sum() < _FEWEST:
        return {}
    x, y, is_mobile, group = x[mine], y[mine], is_mobile[mine], group[mine]
    found = {
        "n": float(mine.sum()),
        "n_groups": float(len(np.unique(group))),
        "n_mobile": float(is_mobile.sum()),
    }
    per_group = labels == PROPENSITY
    found |= _area(x, is_mobile, group, per_group)
    found |= _q_ratio(x, is_mobile, group, per_group, options)
    lines = [_line(x[group == g], y[group == g]) for g in np.unique(group)]
    for key, values in zip(("slope", "intercept"), np.array(lines).T, strict=True):
        found[key], found[f"{key}_error"] = _mean(values)
    return found


def _mean(values: Array) -> tuple[float, float]:
    """Return mean and standard error of the finite values."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    error = known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan
    return float(known.mean()), float(error)


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return slope and intercept of the measured on the predicted."""
    d = x - x.mean()
    if len(x) < _FEWEST or not d @ d > 0:
        return float("nan"), float("nan")
    slope = float(d @ y / (d @ d))
    return slope, float(y.mean() - slope * x.mean())


def _area(x: Array, is_mobile: Flags, group: NDArray[np.int64], per_group: bool) -> dict[str, float]:
    """Return the area under the ROC curve: the mean over configurations, or that of all frames with segments as groups."""
    try:
        if not per_group:
            many = len(np.unique(group)) > 1
            score = roc_area(x, is_mobile, group if many else None)
            return {"area": score.value, "area_error": (score.high - score.low) / 2}
        parts = [group == g for g in np.unique(group)]
        areas = [roc_area(x[part], is_mobile[part]).value for part in parts]
    except TooFewEventsError:
        return {}
    value, error = _mean(np.array(areas))
    return {"area": value, "area_error": error}


def _q_ratio(
    x: Array, is_mobile: Flags, group: NDArray[np.int64], per_group: bool, options: ScoreOptions
) -> dict[str, float]:
    """Return Q = P(mobile | X > mean + sd) / P(mobile | X < mean - sd), groups drawn with replacement for its interval.

    Mean and standard deviation are those of the configuration, or of all frames.
    """
    parts = [group == g for g in np.unique(group)]
    centre, spread = np.full(len(x), x.mean()), np.full(len(x), x.std())
    if per_group:
        for part in parts:
            centre[part], spread[part] = x[part].mean(), x[part].std()
    high, low = x > centre + spread, x < centre - spread
    events = np.stack([high & is_mobile, high, low & is_mobile, low])
    counts = np.stack([events[:, part].sum(axis=1) for part in parts])
    total = counts.sum(axis=0)
    try:
        q = q_ratio_from_counts(int(total[0]), float(total[1]), int(total[2]), float(total[3]))
    except TooFewEventsError:
        return {}
    ends = (q.low, q.high)
    if q.bound == "" and len(parts) > 1:
        ends = _drawn_ratio(counts, options)
    return {
        "q_ratio": q.value,
        "q_ratio_low": ends[0],
        "q_ratio_high": ends[1],
        "n_high": float(total[0]),
        "n_low": float(total[2]),
    }


def _drawn_ratio(counts: NDArray[np.int64], options: ScoreOptions) -> tuple[float, float]:
    """Return the interval of a ratio of rates; of K groups K - 1 are drawn."""
    k = len(counts)
    drawn = np.random.default_rng(options.seed).integers(k, size=(options.n_resamples, k - 1))
    sums = counts[drawn].sum(axis=1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (sums[:, 0] / sums[:, 1]) / (sums[:, 2] / sums[:, 3])
    ratio = np.sort(np.where(np.isnan(ratio), np.inf, ratio))
    at = [round((len(ratio) - 1) * (0.5 + s * ONE_SIGMA / 2)) for s in (-1, 1)]
    return float(ratio[at[0]]), float(ratio[at[1]])


# -- curves ----------------------------------------------------------------------------------------------------------


def roc_curve(x: Array, is_mobile: Flags, group: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the rate of mobile particles found at each of `RATES` of others, mean and standard error over groups.

    Groups without a mobile particle, or with no other, are left out.
    """
    curves = []
    for g in np.unique(group):
        part = group == g
        m, n = int(is_mobile[part].sum()), int((~is_mobile[part]).sum())
        if m and n:
            curves.append(_one_curve(x[part], is_mobile[part], m, n))
    if not curves:
        return np.full(len(RATES), np.nan), np.full(len(RATES), np.nan)
    stack = np.array(curves)
    error = stack.std(axis=0, ddof=1) / np.sqrt(len(stack)) if len(stack) > 1 else np.full(len(RATES), np.nan)
    return stack.mean(axis=0), error


def _one_curve(x: Array, is_mobile: Flags, m: int, n: int) -> Array:
    order = np.argsort(-x, kind="stable")
    last = np.flatnonzero(np.append(np.diff(x[order]) != 0, True))  # ties fall together
    true = np.concatenate([[0.0], np.cumsum(is_mobile[order])[last] / m])
    false = np.concatenate([[0.0], np.cumsum(~is_mobile[order])[last] / n])
    highest = np.append(np.diff(false) > 0, True)  # where the curve rises straight up, its upper end
    return np.interp(RATES, false[highest], true[highest])


def calibration(x: Array, y: Array, group: NDArray[np.int64], bins: int) -> dict[str, Array]:
    """Return predicted and measured means in bins of equal numbers of particles, with the error of the measured ones.

    Particles of one group are allowed to be correlated. Equal predictions share a bin.
    """
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(0, len(edges) - 2))
    found = {key: np.full(bins, np.nan) for key in ("predicted", "measured", "measured_error")}
    found["n"] = np.zeros(bins)
    _, groups = np.unique(group, return_inverse=True)
    k = int(groups.max()) + 1
    for b in np.unique(which):
        inside = which == b
        n = inside.sum()
        mean = y[inside].mean()
        found["n"][b], found["predicted"][b], found["measured"][b] = n, x[inside].mean(), mean
        off = np.bincount(groups[inside], y[inside] - mean, minlength=k)
        if k > 1:
            found["measured_error"][b] = np.sqrt(k / (k - 1) * (off @ off)) / n
        elif n > 1:
            found["measured_error"][b] = y[inside].std(ddof=1) / np.sqrt(n)
    return found
