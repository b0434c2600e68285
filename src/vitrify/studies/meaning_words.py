"""What a report on the meaning of softness says besides numbers: what was run, methods, what is missing and why."""

from __future__ import annotations

from typing import Any

from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain, versions
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.results import METHODS
from vitrify.studies.simulate import Workplace

ADVICE = {
    "function_pairs": "Pairs need two radial functions that vary.",
    "function_triplets": "Triplets need three radial functions that vary.",
    "triplet_weights": "Triplets need three radial functions that vary.",
    "function_sets": "Set `meaning.alternatives` to true.",
}


def methods_of(settings: MeaningSettings) -> list[str]:
    """Return the keys of the methods that were used."""
    used = list(METHODS)
    if settings.simulation.engine == "lammps":
        used += ["kob_andersen", "lammps", "nose_hoover"]
    return used


def run_description(place: Workplace, trained: TrainedSoftness, settings: MeaningSettings) -> dict[str, Any]:
    """Return what was run, for the page."""
    held, m = trained.training, settings.meaning
    trajectory = place.trajectory(settings.training_point)
    return {
        "title": "What softness means",
        "scale": settings.scale,
        "model": to_plain(trajectory.provenance["run"]["model"]),
        "particles": trajectory.n_particles,
        "density": trajectory.provenance["density"],
        "engine": settings.simulation.engine,
        "frames": {p.label + (" (training)" if p.training else ""): p.frames for p in settings.state_points},
        "trained at": f"T = {held['temperature']:g}, {held['examples']['selected_per_class']} examples per class",
        "functions": len(trained.feature_names),
        "C": held["C"],
        "segments left out in turn": settings.training.segments,
        "evolutionary search": f"{m.population} sets, {m.generations} generations",
        "examples on maps": f"at most {m.map_examples} of each class",
        "seeds": {
            "simulation": settings.simulation.seed,
            "training": settings.training.seed,
            "meaning": m.seed,
            "structure": settings.structure.seed,
        },
        "versions": versions(),
    }
