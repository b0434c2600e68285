"""Fits of one density: every cutoff, every definition of P_R, quadratic terms, and without the hottest liquid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies.fits import fitted_temperatures
from vitrify.studies.onset_counts import DEFINITIONS, CutoffTally, Definition, starts_of
from vitrify.studies.onset_settings import OnsetSettings
from vitrify.studies.simulate import Workplace
from vitrify.theory.cutoff_dependence import CutoffDependence, fit_cutoffs
from vitrify.theory.onset import OnsetBootstrap, bootstrap_onset
from vitrify.theory.quadratic_terms import QuadraticTerms, quadratic_terms
from vitrify.theory.rearrangement_probability import combine, softness_bins

if TYPE_CHECKING:
    import xarray as xr

_Found = TypeVar("_Found")
_FEWEST_TEMPERATURES = 3  # of which one can be left out


@dataclass(frozen=True, eq=False)
class DensityFits:
    """What was found at one density; None where the counts do not carry a fit, and a warning says so.

    Parameters
    ----------
    settings : OnsetSettings
    density : float
        As asked for.
    tallies : tuple of CutoffTally
    edges : (n_bins + 1,) float
    temperatures : tuple of float
        Fitted.
    dependence : dict of str to CutoffDependence or None
        By definition.
    without_hottest : dict of str to OnsetBootstrap or None
        By definition, at `rearrangement_threshold`; empty with fewer than three temperatures.
    curved : QuadraticTerms or None
    warnings : tuple of str
    """

    settings: OnsetSettings
    density: float
    tallies: tuple[CutoffTally, ...]
    edges: NDArray[np.float64]
    temperatures: tuple[float, ...]
    dependence: dict[Definition, CutoffDependence | None]
    without_hottest: dict[Definition, OnsetBootstrap | None]
    curved: QuadraticTerms | None
    warnings: tuple[str, ...]

    @property
    def cutoff_index(self) -> int:
        """Which of the cutoffs is the `rearrangement_threshold`."""
        return self.settings.onset.cutoffs.index(self.settings.rearrangements.rearrangement_threshold)

    def onset(self, definition: Definition) -> OnsetBootstrap | None:
        """Return the onset temperature at the `rearrangement_threshold`."""
        found = self.dependence[definition]
        return None if found is None else found.onsets[self.cutoff_index]

    def counts(self, cutoff: float, definition: Definition) -> xr.Dataset:
        """Return the counts of the fitted temperatures."""
        return _counts(self.tallies, self.temperatures, self.edges, cutoff, definition)


def fit_density(place: Workplace, trained: TrainedSoftness) -> DensityFits:
    """Count and fit everything of one density; reads stores, and the tables that `starts_all` left beside them."""
    settings = place.settings
    assert isinstance(settings, OnsetSettings)
    tallies = tuple(
        CutoffTally(place, point, starts_of(place, trained, point, Silent()))
        for point in settings.test_points
    )
    known = np.concatenate([t.softness[np.isfinite(t.softness)] for t in tallies])
    edges = softness_bins(known, settings.statistics.bins)
    fitted, said = fitted_temperatures(list(tallies), settings)  # type: ignore[arg-type]
    temperatures, statistics = tuple(fitted), settings.statistics
    density, threshold = settings.simulation.density, settings.rearrangements.rearrangement_threshold
    warnings = [f"Density {density:g}: {words}" for words in said]

    def at(cutoff: float, definition: Definition, among: tuple[float, ...] = temperatures) -> xr.Dataset:
        return _counts(tallies, among, edges, cutoff, definition)

    def kept(what: str, fit: Callable[[], _Found]) -> _Found | None:
        try:
            return fit()
        except (ParameterError, TooFewEventsError, ConvergenceError) as error:
            warnings.append(f"Density {density:g}, {what}: not fitted. {error}")
            return None

    draws = (statistics.resamples, statistics.seed)
    dependence: dict[Definition, CutoffDependence | None] = {}
    colder: dict[Definition, OnsetBootstrap | None] = {}
    for definition in DEFINITIONS:
        by_cutoff = {c: at(c, definition) for c in settings.onset.cutoffs}
        dependence[definition] = kept(f"cutoffs by {definition}", partial(fit_cutoffs, by_cutoff, *draws))
        if len(temperatures) >= _FEWEST_TEMPERATURES:
            cold = at(threshold, definition, temperatures[:-1])
            what = f"{definition} without T = {temperatures[-1]:g}"
            colder[definition] = kept(what, partial(bootstrap_onset, cold, 1, *draws))
    curved = kept("quadratic terms", lambda: quadratic_terms(at(threshold, "starts"), *draws))
    return DensityFits(
        settings, density, tallies, edges, temperatures, dependence, colder, curved, tuple(warnings)
    )


def _counts(
    tallies: tuple[CutoffTally, ...],
    temperatures: tuple[float, ...],
    edges: NDArray[Any],
    cutoff: float,
    definition: Definition,
) -> xr.Dataset:
    return combine(
        [t.counts(edges, cutoff, definition) for t in tallies if t.point.temperature in temperatures]
    )
