"""`vitrify run trap-model --system harmonic-spheres`: Ridout et al. 2023 for soft spheres of several densities.

The command line calls ``run_soft_spheres(settings, out, progress, workers, shared)``, with settings from
`vitrify.studies.soft_spheres_settings.load_soft_sphere_settings`; `shared` is the folder given as ``--trajectories``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.citations import for_methods
from vitrify.parallel import Workforce
from vitrify.predictors.scores import Score
from vitrify.progress import Progress, Silent
from vitrify.provenance import to_plain, versions
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.studies.simulate import Workplace, engine_methods, workplace
from vitrify.studies.soft_spheres_compare import density_datasets, growth, onset_words
from vitrify.studies.soft_spheres_learning import (
    accuracy_elsewhere,
    learn_soft_spheres,
    sphere_settings,
    thresholds,
)
from vitrify.studies.soft_spheres_measure import Sampled, measured_of
from vitrify.studies.soft_spheres_settings import SoftSphereSettings, density
from vitrify.studies.softness import run_study
from vitrify.studies.trap_analysis import NOT_FITTED, TrapAnalysis, analyse
from vitrify.studies.trap_table import RIDOUT, interval_row

if TYPE_CHECKING:
    from vitrify.predictors.trained import TrainedSoftness

EDITION, EDITION_OF_ONE = "soft-spheres", "trap-model"
_METHODS = (
    "vitrify", "trap_model", "softness", "d2min", "inherent_structures", "radial_density", "bond_angle",
    "scikit_learn", "parabolic_law", "harmonic_spheres",
)  # fmt: skip
_MODERATE = 3.0  # standard errors from which on a difference is called one


def run_soft_spheres(
    settings: SoftSphereSettings,
    out: Path,
    progress: Progress,
    workers: int | Workforce | None = None,
    shared: Path | None = None,
) -> Path:
    """Compare soft spheres of several densities, all into `out`, and return the path of the report.

    Parameters
    ----------
    settings : SoftSphereSettings
    out, progress, workers
        As of `vitrify.studies.softness.run_softness`. Besides the report that compares densities, each density
        has a page of its own, in a folder such as ``rho0.82``.
    shared : Path, optional
        Folder of another study whose trajectories are used, and added to.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As of `vitrify.studies.softness.run_study`.
    """
    place = workplace(out, settings, shared)
    return run_study(place, collect_soft_spheres, progress, workers, learn=learn_soft_spheres)


def collect_soft_spheres(place: Workplace, trained: TrainedSoftness) -> SoftnessResults:
    """Return everything that the report shows; reads stores, runs no simulation."""
    settings, limits = sphere_settings(place), thresholds(place)
    analyses: dict[float, TrapAnalysis] = {}
    samples: dict[float, list[Sampled]] = {}
    scores: dict[float, Score | None] = {}
    said: list[str] = []
    for value in settings.densities:
        measured, samples[value] = measured_of(place, value, limits[value])
        scores[value], at = accuracy_elsewhere(place, trained, value, Silent(), 1)
        if scores[value] is None:
            said.append(
                f"Density {value:g} has no accuracy on a trajectory that nothing was learned from. {at}"
            )
        try:
            analyses[value] = analyse(
                measured,
                degree=settings.spheres.degree,
                n_resamples=settings.spheres.resamples,
                seed=settings.spheres.seed,
                min_events=settings.statistics.min_events,
                glass_time=settings.spheres.glass_time,
            )
        except NOT_FITTED as error:
            said.append(f"The trap model of density {value:g} was not fitted. {error}")
    references = {v: settings.reference_point(v).temperature for v in settings.densities}
    datasets = density_datasets(analyses, scores, references, settings.spheres.glass_time)
    run = _run_description(place, trained, limits, samples)
    citations = for_methods(_methods(settings))
    _pages_of_densities(place, analyses, run, citations)
    rows = _accuracy_rows(trained, scores) + _fit_rows(analyses) + _growth_rows(analyses, references)
    for found in analyses.values():
        said += [w for w in found.warnings if w not in said]
    return SoftnessResults(
        table=tuple(rows + _change_rows(datasets)),
        run=run,
        citations=citations,
        warnings=_warnings(place, trained, samples) + said,
        datasets=datasets,
        edition=EDITION,
    )


def _pages_of_densities(
    place: Workplace, analyses: dict[float, TrapAnalysis], run: dict[str, Any], citations: list[str]
) -> None:
    """Write the page of every density beside the report."""
    from vitrify.report.page import build_report

    for value, found in analyses.items():
        folder = place.out / f"rho{value:g}"
        results = SoftnessResults(
            table=found.rows,
            run={**run, "density": value, "title": f"Soft spheres of density {value:g}"},
            citations=citations,
            warnings=list(found.warnings),
            datasets=dict(found.datasets),
            edition=EDITION_OF_ONE,
        )
        results.save(folder / "results")
        build_report(results, folder)


# -- the table -------------------------------------------------------------------------------------------------------


def _accuracy_rows(trained: TrainedSoftness, scores: dict[float, Score | None]) -> list[TableRow]:
    held = trained.training
    cv, source = held["cross_validation"], f"{RIDOUT}, supplement S1"
    rows = [
        TableRow(
            "accuracy, one hyperplane, all training state points",
            "0.83",
            cv["accuracy"],
            cv["standard_error"],
            cv["standard_error"],
            cv["n_events"],
            source,
            f"cross-validated over {cv['n_groups']} trajectory segments",
        )
    ]
    for label, score in held["by_state_point"].items():
        note = "by hyperplanes that did not see its segment"
        rows.append(_score_row(f"accuracy, {label}", Score(**score), source, note))
    for value, score_ in scores.items():
        if score_ is not None:
            note = "a trajectory that nothing was learned from"
            rows.append(_score_row(f"accuracy, held-out trajectory, ρ = {value:g}", score_, source, note))
    return rows


def _score_row(quantity: str, score: Score, source: str, note: str) -> TableRow:
    band = (score.value, score.low, score.high)
    return interval_row(quantity, band, score.n_events, source=source, note=note)


def _fit_rows(analyses: dict[float, TrapAnalysis]) -> list[TableRow]:
    rows = []
    for value, found in analyses.items():
        events = int(found.measured.quiet_counts()["events"].sum())
        source = f"{RIDOUT}, Fig. 1"
        note = f"resampled octants of the box; {onset_words(found)}"
        rows.append(
            interval_row(f"ε1 of ΔE, ρ = {value:g}", found.parameter("e1"), events, published="< 0", source=source,
                         note=note)
        )  # fmt: skip
        if "e2" in found.fit.names:
            rows.append(
                interval_row(f"ε2 of ΔE, ρ = {value:g}", found.parameter("e2"), events, source=source)
            )
        rows += [
            replace(r, quantity=f"{r.quantity}, ρ = {value:g}")
            for r in found.rows
            if r.quantity.startswith("deviance per degree of freedom")
        ]
    return rows


def _growth_rows(analyses: dict[float, TrapAnalysis], references: dict[float, float]) -> list[TableRow]:
    """Return whether |ε1| grows from the lowest to the highest density, as such and in units of the temperature."""
    if len(analyses) < 2:
        return []
    low, high = min(analyses), max(analyses)
    rows = []
    for words, scales in (
        ("|ε1|", (1.0, 1.0)),
        ("|ε1| / T of the threshold", (references[low], references[high])),
    ):
        difference, error, without = growth(analyses[low], analyses[high], scales)
        said = f"{difference / error:.1f} standard errors" if error > 0 else "no error"
        verdict = "grows" if difference > _MODERATE * error else "no growth beyond doubt"
        rows.append(
            interval_row(
                f"growth of {words} from ρ = {low:g} to {high:g}",
                (difference, difference - error, difference + error),
                None,
                published="> 0" if scales == (1.0, 1.0) else None,
                source=f"{RIDOUT}, Fig. 1c and text",
                note=f"{said}: {verdict}; no growth in {without:.2%} of pairs of resamples",
            )
        )
    return rows


def _change_rows(datasets: dict[str, Any]) -> list[TableRow]:
    """Return what densities are compared by in the paper's Fig. 3."""
    if not datasets:
        return []
    found, rows = datasets["soft_sphere_densities"], []
    for value in found["density"].values:
        one = found.sel(density=value)
        for name, words, source in (
            ("change", "change of ⟨S⟩ per unit 1/T", f"{RIDOUT}, Fig. 3a is a plot"),
            ("fragility", "fragility m = d ln τ / d(T_g / T)", f"{RIDOUT}, Fig. 3b is a plot"),
        ):
            for end, by in (("", "simulation"), ("_model", "trap model")):
                band = tuple(float(one[name + end + k]) for k in ("", "_low", "_high"))
                if np.isfinite(band[0]):
                    rows.append(interval_row(f"{words}, {by}, ρ = {value:g}", band, None, source=source))  # type: ignore[arg-type]
    return rows


# -- words -----------------------------------------------------------------------------------------------------------


def _methods(settings: SoftSphereSettings) -> list[str]:
    used = list(_METHODS)
    return used + engine_methods(settings)


def _run_description(
    place: Workplace,
    trained: TrainedSoftness,
    limits: dict[float, float],
    samples: dict[float, list[Sampled]],
) -> dict[str, Any]:
    settings = sphere_settings(place)
    s, t = settings.simulation, settings.training
    trajectory = place.trajectory(settings.training_points[0])
    interval = trajectory.frame_interval
    return {
        "scale": settings.scale,
        "model": to_plain(trajectory.provenance["run"]["model"]),
        "particles": trajectory.n_particles,
        "densities": list(settings.densities),
        "engine": s.engine,
        "time step": s.time_step,
        "frames": {p.label + (" (training)" if p.training else ""): p.frames for p in settings.state_points},
        "D2min": {
            "time": settings.spheres.lag * interval,
            "cutoff": settings.spheres.cutoff,
            "normalization": settings.spheres.normalization,
            "positions": "thermal",
        },
        "D2min thresholds": {
            f"density {v:g}": f"{limit:.4g} (T = {settings.reference_point(v).temperature:g}, "
            f"{settings.spheres.rearranging_fraction:.0%} of the particles of species {t.centre_species})"
            for v, limit in limits.items()
        },
        "rearranging particles": {
            x.point.label: int(x.rearranges.sum()) for xs in samples.values() for x in xs
        },
        "sampled particles": {x.point.label: len(x.softness) for xs in samples.values() for x in xs},
        "training": {
            "state points": list(trained.training["state_points"]),
            "examples per class": trained.training["cross_validation"]["n_events"],
            "quiet for": f"{t.quiet_time} frames, a time of {t.quiet_time * interval:g}; the paper: ten relaxation times",
            "descriptors": t.descriptors,
            "C": trained.training["C"],
            "loss": t.loss,
        },
        "softness sampled every": f"{settings.statistics.stride} frames",
        "errors": f"from octants of the box in {settings.spheres.blocks} pieces of each trajectory",
        "seeds": {"simulation": s.seed, "training": t.seed, "statistics": settings.spheres.seed},
        "versions": versions(),
    }


def _warnings(place: Workplace, trained: TrainedSoftness, samples: dict[float, list[Sampled]]) -> list[str]:
    import json

    settings, words = sphere_settings(place), []
    for x in (x for xs in samples.values() for x in xs if x.n_unconverged):
        words.append(
            f"{x.n_unconverged} of {x.point.frames} frames of {x.point.label} did not reach the force criterion; their "
            "structure was left out."
        )
    used = trained.training["cross_validation"]["n_events"]
    words.append(
        f"The hyperplane rests on {used} rearranging and as many quiet particles; quiet ones are so for a time of "
        f"{settings.training.quiet_time * settings.simulation.frame_interval:g}, in the paper for ten relaxation times."
    )
    for point in settings.state_points:
        remark = place.folder(point) / "equilibration" / "remarks.json"
        if remark.exists():
            words.append(
                f"Equilibration at density {density(point):g}, T = {point.temperature:g}: "
                f"{json.loads(remark.read_text())['remark']}."
            )
    return words
