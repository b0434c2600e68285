"""Correlation functions in time of one trajectory and the relaxation times they give, each with its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vitrify.relaxation.base import log_lags
from vitrify.relaxation.chi4 import DynamicSusceptibility
from vitrify.relaxation.msd import MeanSquaredDisplacement
from vitrify.relaxation.non_gaussian import NonGaussian
from vitrify.relaxation.overlap import Overlap
from vitrify.relaxation.relaxation_time import RelaxationTimes
from vitrify.relaxation.scattering import SelfScattering
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_settings import RelaxationSettings

if TYPE_CHECKING:
    import xarray as xr

CURVES = ("msd", "overlap", "self_scattering", "non_gaussian", "chi4")
_TIMES = {"overlap": ("1/e", "integral", "stretched"), "self_scattering": ("1/e", "integral", "stretched")}


def ensemble_of(settings: RelaxationSettings) -> Literal["NVT", "unknown"]:
    """Return what the runs hold fixed: with a thermostat, particles and volume."""
    return "unknown" if settings.simulation.engine == "dryrun" else "NVT"


def relaxation_functions(one: CentreTrajectory, settings: RelaxationSettings) -> xr.Dataset:
    """Return MSD, overlap, F_s, α₂ and χ₄ of the centre particles with their errors, inherent positions.

    Parameters
    ----------
    one : CentreTrajectory
    settings : RelaxationSettings

    Returns
    -------
    xarray.Dataset
        Dim lag: each of `CURVES` with ``…_error``. Lag 0 is left out.
    """
    import xarray as xr

    r, times = settings.relaxation, one.trajectory.times
    n = r.origins
    units = one.trajectory.unit_system
    lags = log_lags(len(times) - 1, r.lags_per_decade)
    members: dict[str, Any] = {
        "msd": MeanSquaredDisplacement(n),
        "overlap": Overlap(r.cutoff, n),
        "self_scattering": SelfScattering(r.wave_number, n_origins=n),
        "non_gaussian": NonGaussian(n),
        "chi4": DynamicSusceptibility(r.cutoff, n, ensemble_of(settings)),
    }
    found = {}
    for name, member in members.items():
        curve = member.compute(one.read, times, lags, units=units)
        for variable in (name, f"{name}_error"):
            values = curve[variable].isel(q=0) if "q" in curve[variable].dims else curve[variable]
            found[variable] = ("lag", values.values, values.attrs)
    lag = curve["lag"]
    whole = xr.Dataset(found, {"lag": ("lag", lag.values, lag.attrs)})
    return whole.isel(lag=np.flatnonzero(lag.values > 0)).assign_attrs(
        cutoff=r.cutoff, wave_number=r.wave_number, ensemble=ensemble_of(settings)
    )


def relaxation_times(curves: xr.Dataset, settings: RelaxationSettings) -> xr.Dataset:
    """Return relaxation times of one temperature by every definition that is used here.

    Parameters
    ----------
    curves : xarray.Dataset
        From `relaxation_functions`.
    settings : RelaxationSettings

    Returns
    -------
    xarray.Dataset
        Dim definition: ``relaxation_time`` and its error, NaN where the function does not fall so far; the definition in words.
    """
    import xarray as xr

    r = settings.relaxation
    pieces = []
    for name, definitions in _TIMES.items():
        curve = curves[[name, f"{name}_error"]].assign_attrs(cutoff=r.cutoff) if name == "overlap" else curves[[name, f"{name}_error"]].drop_attrs(deep=False).assign_coords(q=r.wave_number)  # fmt: skip
        found = RelaxationTimes(definitions, seed=r.seed, n_samples=r.resamples).compute(curve)
        kept = found[["relaxation_time", "relaxation_time_error"]].drop_vars(["q"], errors="ignore")
        words = [str(w) for w in found["meaning"].values]
        pieces.append(kept.assign_coords(definition=np.array(words)))
    return xr.concat(pieces, "definition").drop_vars(
        [c for c in ("meaning", "note") if c in pieces[0].coords], errors="ignore"
    )
