"""What compares densities of soft spheres: barriers, structure and fragility, by simulation and by the trap model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.predictors.scores import Score
from vitrify.studies.trap_analysis import Measured, TrapAnalysis
from vitrify.studies.trap_curves import (
    equilibrium_mean,
    glass_temperature_of,
    parabolic_law,
)
from vitrify.studies.trap_table import scalar_band
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_relaxation import fragility

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Band = tuple[float, float, float]

_ENDS = ("", "_low", "_high")


def per_unit_inverse_temperature(measured: Measured) -> tuple[float, float]:
    """Return by how much ⟨S⟩ falls from the hottest to the coldest temperature per unit 1/T, energy, and its error.

    Examples
    --------
    >>> import xarray as xr
    >>> moments = xr.Dataset({"softness_mean": ("temperature", [-1.0, 0.0]), "softness_mean_error": ("temperature", [0.3, 0.4])},
    ...                      {"temperature": [0.5, 1.0]})
    >>> per_unit_inverse_temperature(Measured("", moments, moments, moments, ()))
    (1.0, 0.5)
    """
    t = measured.moments["temperature"].values
    mean, error = (measured.moments[n].values for n in ("softness_mean", "softness_mean_error"))
    span = 1 / t[0] - 1 / t[-1]
    return float((mean[-1] - mean[0]) / span), float(np.hypot(error[-1], error[0]) / span)


def model_per_unit_inverse_temperature(found: TrapAnalysis) -> Band:
    """Return the same of the trap model, and its interval."""
    t = found.measured.moments["temperature"].values[[0, -1]]

    def slope(model: TrapModel) -> float:
        return float(np.diff(equilibrium_mean(model, t))[0] / (1 / t[0] - 1 / t[1]))

    return scalar_band(found, slope)


def fragilities(found: TrapAnalysis, glass_time: float) -> tuple[float, tuple[float, float], Band]:
    """Return the glass temperature of the parabolic law, m of that law with its error, and m of the model there.

    NaN where too few temperatures are seen to relax.
    """
    law = parabolic_law(found.measured)
    at = glass_temperature_of(law, glass_time)
    if law is None or not np.isfinite(at):
        return at, (np.nan, np.nan), (np.nan, np.nan, np.nan)
    return at, (law.fragility(at), law.fragility_error(at)), scalar_band(found, lambda m: fragility(m, at))


def growth(first: TrapAnalysis, last: TrapAnalysis, scales: tuple[float, float] = (1.0, 1.0)) -> Band:
    """Return by how much |ε1| of the second liquid exceeds that of the first, its error, and how often it does not.

    Parameters
    ----------
    first, last : TrapAnalysis
    scales : (float, float), energy
        In units of which ε1 of each is taken.

    Returns
    -------
    difference, standard error, fraction of pairs of resamples in which there is no growth
    """
    ends, spread = [], []
    for one, scale in zip((first, last), scales, strict=True):
        k = one.fit.names.index("e1")
        ends.append(-float(one.fit.values[k]) / scale)
        spread.append(np.array([-f.values[k] / scale for f in one.resampled]))
    without = float((spread[1][:, None] <= spread[0][None, :]).mean())
    return ends[1] - ends[0], float(np.hypot(*(s.std(ddof=1) for s in spread))), without


# -- data sets -------------------------------------------------------------------------------------------------------


def density_datasets(
    analyses: Mapping[float, TrapAnalysis],
    scores: Mapping[float, Score | None],
    references: Mapping[float, float],
    glass_time: float,
) -> dict[str, xr.Dataset]:
    """Return the data sets of the figures that compare densities.

    Parameters
    ----------
    analyses : mapping of float to TrapAnalysis
        By density, ascending.
    scores : mapping of float to Score or None
        Accuracy on trajectories that nothing was learned from.
    references : mapping of float to float, energy / k_B
        Temperature that the threshold of each density is fixed at.
    glass_time : float, time
    """
    if not analyses:
        return {}
    return {
        "soft_sphere_probability": _side_by_side(analyses, "trap_probability"),
        "soft_sphere_barriers": _side_by_side(analyses, "trap_barriers"),
        "soft_sphere_moments": _side_by_side(analyses, "trap_moments"),
        "soft_sphere_densities": _by_density(analyses, scores, references, glass_time),
    }


def _side_by_side(analyses: Mapping[float, TrapAnalysis], name: str) -> xr.Dataset:
    """Return one data set of all densities; each has temperatures and softnesses of its own, padded with NaN."""
    import xarray as xr

    parts = []
    for value, found in analyses.items():
        part = found.datasets[name].reset_coords(drop=False)
        part = part.drop_vars([v for v in part.variables if part[v].dtype.kind in "OUS"])
        if "temperature" in part.dims:
            temperature = part["temperature"].values
            part = part.drop_vars("temperature").rename_dims(temperature="step")
            part = part.assign(temperature=("step", temperature))
        rows = {d: np.arange(n) for d, n in part.sizes.items()}
        part = part.assign_coords(rows).expand_dims(density=[value])
        parts.append(part.assign_attrs({}))
    return xr.concat(parts, "density", join="outer", combine_attrs="drop").drop_vars(
        [d for d in ("step", "softness_bin") if d in parts[0].dims]
    )


def _by_density(
    analyses: Mapping[float, TrapAnalysis],
    scores: Mapping[float, Score | None],
    references: Mapping[float, float],
    glass_time: float,
) -> xr.Dataset:
    import xarray as xr

    columns: dict[str, list[float]] = {}

    def add(name: str, values: Any) -> None:
        for end, one in zip(_ENDS, values, strict=True):
            columns.setdefault(name + end, []).append(float(one))

    for value, found in analyses.items():
        score = scores.get(value)
        add("accuracy", (score.value, score.low, score.high) if score else [np.nan] * 3)
        add("slope", found.parameter("e1"))
        add("slope_reduced", np.array(found.parameter("e1")) / references[value])
        add("inverse_onset", found.parameter("inverse_onset"))
        change, error = per_unit_inverse_temperature(found.measured)
        add("change", (change, change - error, change + error))
        add("change_model", model_per_unit_inverse_temperature(found))
        at, (m, m_error), of_model = fragilities(found, glass_time)
        add("fragility", (m, m - m_error, m + m_error))
        add("fragility_model", of_model)
        columns.setdefault("glass_temperature", []).append(at)
        columns.setdefault("reference_temperature", []).append(references[value])
        columns.setdefault("events", []).append(float(found.measured.quiet_counts()["events"].sum()))
        columns.setdefault("examples", []).append(float(score.n_events) if score else 0.0)
    return xr.Dataset(
        {name: ("density", values) for name, values in columns.items()},
        {"density": list(analyses)},
        attrs={"glass_time": glass_time},
    )


def onset_words(found: TrapAnalysis) -> str:
    """Return T0 with its interval in words; it is negative where the prefactor falls with softness.

    A parameter that may pass through infinity has no interval of the ordinary kind: 1/T0 has.
    """
    inverse, low, high = found.parameter("inverse_onset")
    try:
        value, ends = found.parameter("onset_temperature")[0], found.parameter("onset_temperature")[1:]
    except (ZeroDivisionError, ParameterError):
        return f"1/T0 = {inverse:.4g}"
    between = (
        f"{min(ends):.4g} to {max(ends):.4g}"
        if np.isfinite(ends).all()
        else "any value outside an interval about 0"
    )
    return f"T0 = {value:.4g} ({between}); 1/T0 = {inverse:.4g} ({low:.4g} to {high:.4g})"
