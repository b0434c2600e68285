"""Ageing in a study: quenches of an equilibrium liquid, the softness of their frames, and its curves."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce, map_units
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.studies.ageing_settings import AgeingSettings
from vitrify.studies.ageing_stores import AgeingPlace, age_sample, make_starts, prepare
from vitrify.studies.cost import _MD_PARTICLE_STEPS, _QUENCH_PARTICLE_FRAMES, Cost
from vitrify.studies.curves import sampled_softness
from vitrify.studies.describing import centre_particles
from vitrify.studies.filling import once
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, make_model
from vitrify.studies.softness_values import add_softness, softness_unit
from vitrify.units import Units

if TYPE_CHECKING:
    import xarray as xr

_BYTES_PER_FRAME_AND_PARTICLE = 8 * (3 + 3 + 1)


def age_all(
    place: Workplace,
    trained: TrainedSoftness,
    ageing: AgeingSettings,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Make every quench of a study and the softness of its frames, going on where an earlier call was killed.

    Parameters
    ----------
    place : Workplace
    trained : TrainedSoftness
    ageing : AgeingSettings
    progress : Progress
    workers : int or Workforce, optional
        The unit of parallel work is one quench.

    Raises
    ------
    StoreError
        If the folder holds other quenches.
    CrystallizedError
        If the liquid crystallizes at the initial temperature.
    """
    simulate_ageing(place, ageing, progress, workers)
    soften(place, trained, ageing, progress, workers)


def simulate_ageing(
    place: Workplace,
    ageing: AgeingSettings,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Make the frames and inherent structures of every quench; parameters as of `age_all`."""
    at = AgeingPlace(place, ageing)
    prepare(at)
    starts = [at.start_store(k) for k in range(ageing.samples)]
    if not all(s.is_done("inherent") for s in starts):
        progress.note(f"Ageing: equilibrium at T = {ageing.initial_temperature:g}")
        map_units(make_starts, [at], workers=workers)
    stores = [at.store(*q) for q in at.quenches()]
    todo = [(at, *q) for q, store in zip(at.quenches(), stores, strict=True) if not store.is_done("inherent")]
    if not todo:
        return
    passed = np.concatenate([[0.0], at.waiting_times])
    with progress.step("Ageing", len(stores) * float(passed[-1]), "τ") as update:

        def poll() -> None:
            update(float(sum(passed[store.done_frames("thermal")] for store in stores)))

        poll()
        map_units(age_sample, todo, workers=workers, poll=poll)


def soften(
    place: Workplace,
    trained: TrainedSoftness,
    ageing: AgeingSettings,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Compute the softness of all centre particles in every frame that there is; parameters as of `age_all`."""
    at, nothing = AgeingPlace(place, ageing), np.empty(0, np.int64)
    stores = [at.start_store(k) for k in range(ageing.samples)] + [at.store(*q) for q in at.quenches()]
    jobs: list[Any] = []
    for store in stores:
        add_softness(store, trained, {"frames": "converged"}, progress)
        n = store.done_frames("inherent")
        frames = np.flatnonzero(store.read("inherent_converged", 0, n))
        jobs += [
            (store.path, unit, trained, frames, (nothing, nothing))
            for unit in range(n)
            if not store.is_done("softness", unit)
        ]
    if not jobs:
        return
    with progress.step("Computing softness while ageing", len(jobs)) as update:
        map_units(
            partial(once, "softness", softness_unit),
            jobs,
            workers=workers,
            done=lambda k, _: update(float(k + 1)),
        )


def ageing_cost(settings: SoftnessSettings, ageing: AgeingSettings) -> Cost:
    """Return the estimated cost of all quenches, softness not counted.

    Examples
    --------
    >>> from vitrify.studies.settings import load_settings
    >>> ageing_cost(load_settings("demo"), AgeingSettings(samples=2, longest=100.0)).frames
    112
    """
    at = AgeingPlace(Workplace(Path(), settings), ageing)
    runs = len(at.quenches())
    frames = ageing.samples + runs * len(at.waiting_times)
    n, seconds = ageing.n_particles, 0.0
    if at.planted:
        n = make_model(settings).n_particles
    else:
        time = at.equilibration.total_time + ageing.samples * ageing.separation + runs * ageing.longest
        seconds = n * (
            time / settings.simulation.time_step / _MD_PARTICLE_STEPS + frames / _QUENCH_PARTICLE_FRAMES
        )
    return Cost("ageing", frames, seconds, n * frames * _BYTES_PER_FRAME_AND_PARTICLE / 1e9)


# -- curves ----------------------------------------------------------------------------------------------------------


def ageing_curves(place: Workplace, ageing: AgeingSettings) -> xr.Dataset:
    r"""Return mean softness and inherent energy after every waiting time, with errors from the scatter of samples.

    Waiting times that a quench has not come to yet are left out, so that an unfinished run can be looked at.

    Parameters
    ----------
    place : Workplace
        After `age_all`.
    ageing : AgeingSettings

    Returns
    -------
    xarray.Dataset
        Dims temperature, waiting_time: softness_mean, softness_mean_error, n_samples, inherent_energy_mean,
        inherent_energy_mean_error; with dim sample as well: softness, inherent_energy (NaN where not finished or not
        quenched to the force criterion). Of the equilibrium at T_I: softness_initial, softness_initial_error,
        inherent_energy_initial, inherent_energy_initial_error; of that at T_F, where the study has a test trajectory
        there, else NaN: softness_equilibrium, softness_equilibrium_error (temperature).

    Notes
    -----
    A standard error of n samples is itself uncertain by 1 / sqrt(2 n - 2): a third with six. Errors at different waiting
    times of one temperature are correlated, and so are those at different temperatures: sample k starts from the same
    configuration everywhere. What is compared between them is compared sample by sample.
    """
    import xarray as xr

    at, shape = AgeingPlace(place, ageing), ("temperature", "waiting_time", "sample")
    temperatures, times = ageing.final_temperatures, at.waiting_times
    softness = np.full((len(temperatures), len(times), ageing.samples), np.nan)
    energy = softness.copy()
    for k, t in enumerate(temperatures):
        for sample in range(ageing.samples):
            softness[k, :, sample], energy[k, :, sample] = _sample_means(place, at.store(t, sample))
    starts = np.array([_sample_means(place, at.start_store(k)) for k in range(ageing.samples)])[:, :, 0]
    mean, error, n = _over_samples(softness)
    energy_mean, energy_error, _ = _over_samples(energy)
    (first, first_error, _), (first_energy, first_energy_error, _) = map(_over_samples, starts.T)
    rest = np.array([_equilibrium(place, t) for t in temperatures])
    values: dict[str, Any] = {
        "softness": (shape, softness),
        "softness_mean": (shape[:2], mean),
        "softness_mean_error": (shape[:2], error),
        "n_samples": (shape[:2], n),
        "inherent_energy": (shape, energy),
        "inherent_energy_mean": (shape[:2], energy_mean),
        "inherent_energy_mean_error": (shape[:2], energy_error),
        "softness_initial": ((), first),
        "softness_initial_error": ((), first_error),
        "inherent_energy_initial": ((), first_energy),
        "inherent_energy_initial_error": ((), first_energy_error),
        "softness_equilibrium": (shape[:1], rest[:, 0]),
        "softness_equilibrium_error": (shape[:1], rest[:, 1]),
    }
    store = at.start_store(0)
    found = xr.Dataset(
        values,
        {"temperature": list(temperatures), "waiting_time": times, "sample": np.arange(ageing.samples)},
        attrs={
            "initial_temperature": ageing.initial_temperature,
            "centre_species": place.settings.training.centre_species,
            "n_particles": store.n_particles,
        },
    )
    return _labelled(found.sortby("temperature"), store.unit_system)


def _sample_means(place: Workplace, store: Trajectory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return softness of the centre particles and inherent energy, (F,) each; NaN where a store has no more yet."""
    centre = centre_particles(store, place.settings.training.centre_species)
    softness, energy = np.full(store.n_frames, np.nan), np.full(store.n_frames, np.nan)
    n = store.done_frames("softness")
    if n:
        values, whole = store.read("softness", 0, n)[:, centre], store.read("inherent_converged", 0, n) != 0
        seen = np.isfinite(values)
        mean = np.where(seen, values, 0.0).sum(axis=1) / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan)
        softness[:n] = np.where(whole, mean, np.nan)
        energy[:n] = np.where(whole, store.read("inherent_energy", 0, n), np.nan)
    return softness, energy


def _over_samples(values: NDArray[np.float64]) -> tuple[Any, Any, Any]:
    """Return mean, standard error and number over the last axis, NaN left out; no error from fewer than two."""
    seen = np.isfinite(values)
    n = seen.sum(axis=-1)
    mean = np.where(seen, values, 0.0).sum(axis=-1) / np.where(n > 0, n, np.nan)
    apart = np.where(seen, values - mean[..., None], 0.0)
    return mean, np.sqrt((apart**2).sum(axis=-1) / np.where(n > 1, n * (n - 1.0), np.nan)), n


def _equilibrium(place: Workplace, temperature: float) -> tuple[float, float]:
    """Return mean softness at a temperature that the study has a test trajectory of, and its error from segments."""
    own = place.settings.simulation.density
    for point in place.settings.test_points:
        same = abs(point.temperature - temperature) < 1e-9 and point.density in (None, own)
        if not (same and place.store(point).exists() and place.trajectory(point).is_done("softness")):
            continue
        centre = centre_particles(place.trajectory(point), place.settings.training.centre_species)
        by_frame = np.nanmean(sampled_softness(place, point)[1][:, centre], axis=1)
        parts = [p.mean() for p in np.array_split(by_frame, place.settings.training.segments) if len(p)]
        return float(by_frame.mean()), float(_over_samples(np.array(parts))[1])
    return np.nan, np.nan


def _labelled(found: xr.Dataset, units: Units) -> xr.Dataset:
    samples = "standard error from the scatter of samples"
    words = {
        "temperature": ("T_F", "final temperature", units.temperature, "of the thermostat after the quench"),
        "waiting_time": ("t_w", "waiting time", units.time, "since the quench"),
        "softness": ("S", "softness", "1", "mean of the centre particles of one sample"),
        "softness_mean": (r"\langle S\rangle", "mean softness", "1", "mean of the samples"),
        "softness_mean_error": (r"\delta\langle S\rangle", "standard error of softness_mean", "1", samples),
        "n_samples": ("n", "samples", "1", "quenches that the mean is of"),
        "inherent_energy": ("e", "inherent energy", units.energy, "per particle, of one sample"),
        "inherent_energy_mean": (r"e_{IS}", "mean inherent energy", units.energy, "per particle"),
        "inherent_energy_mean_error": (r"\delta e_{IS}", "its standard error", units.energy, samples),
        "softness_initial": (r"\langle S\rangle_I", "softness at T_I", "1", "mean of the starts"),
        "softness_initial_error": (r"\delta\langle S\rangle_I", "its standard error", "1", samples),
        "inherent_energy_initial": (r"e_I", "inherent energy at T_I", units.energy, "mean of the starts"),
        "inherent_energy_initial_error": (r"\delta e_I", "its standard error", units.energy, samples),
        "softness_equilibrium": (
            r"\langle S\rangle_F",
            "softness at T_F",
            "1",
            "of the study's test trajectory",
        ),
        "softness_equilibrium_error": (
            r"\delta\langle S\rangle_F",
            "its standard error",
            "1",
            "from the scatter of trajectory segments",
        ),
    }
    for name, (symbol, long_name, unit, definition) in words.items():
        found[name].attrs = {
            "symbol": symbol,
            "long_name": long_name,
            "units": unit,
            "definition": definition,
        }
    return found
