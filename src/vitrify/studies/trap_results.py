"""From what lies in the stores of a study of the trap model to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.citations import for_methods
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.relaxation.base import Read
from vitrify.relaxation.chi4 import DynamicSusceptibility
from vitrify.relaxation.overlap import Overlap, log_lags
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.studies.ageing import ageing_curves
from vitrify.studies.curves import sampled_softness
from vitrify.studies.describing import centre_particles
from vitrify.studies.fits import Tally, counts_of, fitted_temperatures
from vitrify.studies.results import _methods, _run_description, _warnings
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace
from vitrify.studies.trap_ageing import ageing_rows, with_model
from vitrify.studies.trap_analysis import NOT_FITTED, Measured, TrapAnalysis, analyse, at_each
from vitrify.studies.trap_curves import band
from vitrify.studies.trap_settings import TrapModelSettings
from vitrify.studies.trap_table import RIDOUT, interval_row
from vitrify.theory.rearrangement_probability import combine, softness_bins
from vitrify.theory.softness_moments import softness_moments
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_relaxation import persistence

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

PUBLISHED = {  # Ridout, Tah, Liu (2023), Kob-Andersen
    "fragility": "37.2",
    "fragility_model": "45.2",
    "fall": "> 1",
    "time": "> 1",
}
_CURVE = ("temperature", "lag")
_ORIGINS = 30  # of χ4
_FEWEST_LAGS = 5
_MOST_BYTES = 1.5e9
EDITION = "trap-model"
_ENSEMBLE = {"lammps": "NVT", "verlet": "NVT", "dryrun": "unknown"}


def collect_trap_model(place: Workplace, trained: TrainedSoftness) -> SoftnessResults:
    """Return everything that the report shows; reads stores, runs no simulation.

    Parameters
    ----------
    place : Workplace
        With softness computed, and ageing.
    trained : TrainedSoftness
    """
    settings = place.settings
    assert isinstance(settings, TrapModelSettings)
    tallies = [Tally(place, p) for p in settings.test_points]
    overlap, chi4 = relaxation_of(place)
    measured = measure(place, tallies, overlap)
    found, said = _analysed(measured, settings)
    ageing = with_model(found, ageing_curves(place, settings.ageing))
    rows, more = ageing_rows(ageing, _settled(settings))
    chi4 = with_independent_sites(found, chi4)
    datasets, single = {"trap_susceptibility": chi4, "trap_ageing": ageing}, chi4
    if found is not None:
        datasets |= found.datasets
        single = found.datasets["trap_barriers"]
        rows = [*found.rows, *_peak_rows(chi4, found), *rows]
    return SoftnessResults(
        table=tuple(rows),
        run=_described(place, trained, tallies),
        citations=for_methods(_methods_of(settings)),
        warnings=_warnings(place, trained, tallies, single) + said + more,
        datasets=datasets,
        edition=EDITION,
    )


def _analysed(measured: Measured, settings: TrapModelSettings) -> tuple[TrapAnalysis | None, list[str]]:
    """Return the analysis, None where the counts do not carry it, and what a reader must know."""
    trap = settings.trap
    try:
        found = analyse(
            measured,
            degree=trap.degree,
            n_resamples=trap.resamples,
            seed=trap.seed,
            min_events=settings.statistics.min_events,
            matching_temperature=trap.matching_temperature,
            glass_time=trap.glass_time,
            glass_temperature=trap.glass_temperature,
            published=PUBLISHED if settings.simulation.engine != "dryrun" else None,
        )
    except NOT_FITTED as error:
        return None, [*measured.notes, f"The trap model was not fitted. {error}"]
    return found, list(found.warnings)


def _settled(settings: TrapModelSettings) -> float:
    """Return when the thermostat has cooled a quenched liquid; a planted one is cold at once."""
    return 0.0 if settings.simulation.engine == "dryrun" else 3 * settings.simulation.thermostat_time


def measure(place: Workplace, tallies: list[Tally], overlap: xr.Dataset) -> Measured:
    """Return what the stores of a study say about rates, softness and relaxation."""
    settings = place.settings
    edges = softness_bins(np.concatenate([t.softness for t in tallies]), settings.statistics.bins)
    counts = combine([counts_of(t, edges, settings) for t in tallies])
    fitted, said = fitted_temperatures(tallies, settings)
    return Measured(_liquid(settings), counts, _moments(place), overlap, tuple(fitted), tuple(said))


def _liquid(settings: SoftnessSettings) -> str:
    if settings.simulation.engine == "dryrun":
        return "the planted liquid"
    return "the Kob-Andersen liquid" if settings.simulation.model == "kob_andersen" else "soft spheres"


def _moments(place: Workplace) -> xr.Dataset:
    """Return mean and variance of the softness of all centre particles, moving ones too, at every temperature."""
    n_segments = place.settings.training.segments
    samples: dict[float, list[tuple[Array, NDArray[np.int64]]]] = {}
    for point in place.settings.test_points:
        trajectory = place.trajectory(point)
        frames, softness = sampled_softness(place, point)
        centre = centre_particles(trajectory, place.settings.training.centre_species)
        of_one = samples.setdefault(point.temperature, [])
        segment = frames * n_segments // trajectory.n_frames + n_segments * len(of_one)
        of_one.append((softness[:, centre].ravel(), np.repeat(segment, len(centre))))
    units = place.trajectory(place.settings.test_points[0]).unit_system
    joined = {t: tuple(map(np.concatenate, zip(*parts, strict=True))) for t, parts in samples.items()}
    return softness_moments(joined, units=units)  # type: ignore[arg-type]


def _methods_of(settings: TrapModelSettings) -> list[str]:
    return [*_methods(settings), "trap_model", "parabolic_law"]


def _described(place: Workplace, trained: TrainedSoftness, tallies: list[Tally]) -> dict[str, Any]:
    """Return the description of the softness study with what the trap model and ageing add."""
    settings = place.settings
    assert isinstance(settings, TrapModelSettings)
    run = _run_description(place, trained, tallies)
    a = settings.ageing
    ageing: dict[str, Any] = {
        "from": f"T = {a.initial_temperature:g}",
        "to": list(a.final_temperatures),
        "samples": a.samples,
        "waiting times": f"{a.shortest:g} to {a.longest:g}",
    }
    if settings.simulation.engine != "dryrun":
        ageing["particles"] = a.n_particles
    trap = settings.trap
    words = {
        "overlap within": settings.statistics.overlap_cutoff,
        "barrier": f"polynomial of degree {trap.degree}",
        "resamples": trap.resamples,
    }
    return {**run, "trap model": words, "ageing": ageing}


def _peak_rows(chi4: xr.Dataset, found: TrapAnalysis) -> list[TableRow]:
    """Return when and how high χ4 of the liquid peaks, where its maximum is seen, at the coldest such temperature."""
    for k, t in enumerate(chi4["temperature"].values):
        value, error = chi4["chi4"].values[k], chi4["chi4_error"].values[k]
        seen = np.flatnonzero(np.isfinite(value))
        if len(seen) < _FEWEST_LAGS or not np.isfinite(value[seen]).any():
            continue
        top = int(seen[np.argmax(value[seen])])
        if top == seen[-1]:
            continue
        lag, height, sigma = float(chi4["lag"].values[top]), float(value[top]), float(error[top])
        note = "of the lags that were looked at; the trap model: exactly 1"
        half = found.measured.relaxation.sel(definition="0.5", temperature=t)
        ratio = lag / float(half["relaxation_time"])
        return [
            interval_row(f"largest χ4, simulation, T = {t:g}", (height, height - sigma, height + sigma), None,
                         note=f"at t = {lag:.3g}; a trap model of m particles per site has m / 4"),
            interval_row(f"τ_χ / τ_1/2, simulation, T = {t:g}", (ratio, np.nan, np.nan), None,
                         source=f"{RIDOUT}, Fig. S4", note=note),
        ]  # fmt: skip
    return []


# -- relaxation ------------------------------------------------------------------------------------------------------


def longest_points(settings: SoftnessSettings) -> list[StatePoint]:
    """Return the longest trajectory of each temperature, coldest first; relaxation learns nothing, so the training one too."""
    longest: dict[float, StatePoint] = {}
    for point in settings.state_points:
        known = longest.get(point.temperature)
        if known is None or point.frames > known.frames:
            longest[point.temperature] = point
    return [longest[t] for t in sorted(longest)]


def relaxation_of(place: Workplace) -> tuple[xr.Dataset, xr.Dataset]:
    """Return overlap and χ4 of the centre species, inherent positions, at every temperature."""
    settings = place.settings
    points, cutoff = longest_points(settings), settings.statistics.overlap_cutoff
    ensemble: Any = _ENSEMBLE[settings.simulation.engine]
    overlap, chi4 = Overlap(cutoff), DynamicSusceptibility(cutoff, _ORIGINS, ensemble)
    lags = log_lags(max(place.trajectory(p).n_frames for p in points) - 1)
    overlaps, susceptibilities = {}, {}
    for point in points:
        trajectory = place.trajectory(point)
        centre = centre_particles(trajectory, settings.training.centre_species)
        read, particles = _held(trajectory, centre)
        fitting, units = lags[lags < trajectory.n_frames], trajectory.unit_system
        one = overlap.compute(read, trajectory.times, fitting, particles, units=units)
        two = chi4.compute(read, trajectory.times, fitting, particles, units=units)
        overlaps[point.temperature] = one[["overlap", "overlap_error"]]
        susceptibilities[point.temperature] = two[["chi4", "chi4_error"]]
    return _by_temperature(overlaps), _by_temperature(susceptibilities)


def _by_temperature(curves: dict[float, xr.Dataset]) -> xr.Dataset:
    import xarray as xr

    axis = xr.Variable("temperature", list(curves))
    return xr.concat(list(curves.values()), axis, join="outer", combine_attrs="override")


def _held(trajectory: Trajectory, centre: NDArray[np.int64]) -> tuple[Read, NDArray[np.int64] | None]:
    """Return a reader and which of its particles count: of positions in memory, where they fit, else of the store."""
    shape = (trajectory.n_frames, len(centre), trajectory.layout.dimension)
    if 8 * np.prod(shape, dtype=float) > _MOST_BYTES:
        return trajectory.reader("inherent"), centre
    held = np.empty(shape)
    for a, b in trajectory.units():
        held[a:b] = trajectory.positions("inherent", a, b)[:, centre]
    return lambda a, b: held[a:b], None


def with_independent_sites(found: TrapAnalysis | None, chi4: xr.Dataset) -> xr.Dataset:
    """Return measured χ4 with that of the trap model, whose sites are independent: Q − Q² with one particle a site."""
    if found is None:
        return chi4
    t, lags = chi4["temperature"].values, chi4["lag"].values

    def curves(model: TrapModel) -> Array:
        return at_each(t, lambda x: persistence(model, [x], lags)["chi4"].values[0])

    return chi4.assign(band("chi4", _CURVE, found.band(curves)))
