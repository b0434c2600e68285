"""How the accuracy of softness depends on what is called soft and hard.

python benchmarks/label_study.py STUDY --out labels.csv

STUDY is the folder of a finished `vitrify run softness`. Each variant changes one rule of the choice of examples on its
training trajectory, and is scored on held-out segments of it, with the same classifier. Rows are written one by one; a
second call goes on after the last.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.errors import TooFewEventsError
from vitrify.predictors.softness import Softness, cross_validate
from vitrify.predictors.training_sets import TrainingSelection, TrainingSet, select_training_set
from vitrify.progress import Silent
from vitrify.studies.describing import centre_particles, features_at
from vitrify.studies.dynamics import events_of
from vitrify.studies.learning import make_selection
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace

SEGMENTS = 6
SUBSETS = {"all": "schoenholz-2016", "radial": "schoenholz-2016-radial", "first_peaks": "first-peaks"}
COLUMNS = ["variant", "per_class", "available_soft", "available_hard"] + [
    f"{subset}{what}" for subset in SUBSETS for what in ("", "_error")
]


def variants(base: TrainingSelection) -> Iterator[tuple[str, TrainingSelection, dict[str, Any]]]:
    """Yield name, selection and whatever else differs from the base, one rule at a time."""
    yield "as chosen", base, {}
    for n in (125, 250, 500, 1000, 2000, 4000):
        yield f"{n} per class", replace(base, n_per_class=n), {}
    for frame in ("start", "crossing", "before_peak"):
        yield f"soft frame: {frame}", replace(base, soft_frame=frame), {}
    for lead in (2, 5, 20, 100):
        yield f"soft frame: {lead} before start", replace(base, soft_frame="start", lead=lead), {}
    for threshold in (0.1, 0.4, 0.6):
        yield f"rearrangement above {threshold}", replace(base, rearrangement_threshold=threshold), {}
    for threshold in (0.01, 0.05, 0.1):
        yield f"quiet below {threshold}", replace(base, quiet_threshold=threshold), {}
    for time in (50, 150, 500, 1000):
        yield f"quiet for {time}", replace(base, quiet_time=time), {}
    for frame in ("start", "middle", "end"):
        yield f"hard frame: {frame}", replace(base, hard_frame=frame), {}
    for c in (0.001, 0.1, 1.0):
        yield f"C = {c}", base, {"C": c}
    yield "squared hinge, C = 1", base, {"C": 1.0, "loss": "squared_hinge"}
    yield "thermal positions", base, {"kind": "thermal"}
    late = replace(base, soft_frame="before_peak")
    yield "before the peak, C = 1", late, {"C": 1.0}
    quiet = replace(late, quiet_threshold=0.01)
    yield "before the peak, quiet below 0.01, C = 1", quiet, {"C": 1.0}
    yield "strictly before, quiet below 0.01, C = 1", replace(quiet, soft_frame="start"), {"C": 1.0}


def chosen_examples(place: Workplace, selection: TrainingSelection) -> TrainingSet:
    """Return the examples of the training trajectory under these rules."""
    point = place.settings.training_point
    trajectory = place.trajectory(point)
    return select_training_set(
        selection,
        events_of(place, point),
        trajectory.read("p_hop"),
        particles=centre_particles(trajectory, place.settings.training.centre_species),
    )


def subset_columns() -> dict[str, NDArray[np.int64]]:
    """Return which columns of all functions each subset has."""
    names = list(DESCRIPTOR_SETS.load(SUBSETS["all"])().feature_names(("A", "B")))
    return {
        key: np.array([names.index(n) for n in DESCRIPTOR_SETS.load(name)().feature_names(("A", "B"))])
        for key, name in SUBSETS.items()
    }


def scored(place: Workplace, selection: TrainingSelection, other: dict[str, Any]) -> dict[str, Any]:
    """Return one row: how many examples, and the held-out accuracy of each subset of functions."""
    examples = chosen_examples(place, selection)
    trajectory = place.trajectory(place.settings.training_point)
    features = features_at(
        trajectory,
        examples.frame,
        examples.particle,
        DESCRIPTOR_SETS.load(SUBSETS["all"])(),
        kind=other.get("kind", "inherent"),
        progress=Silent(),
        title="",
    )
    group = examples.frame * SEGMENTS // trajectory.n_frames
    row = {
        "per_class": examples.n_per_class,
        "available_soft": examples.n_available["soft"],
        "available_hard": examples.n_available["hard"],
    }
    for key, columns in subset_columns().items():
        estimator = Softness(
            C=other.get("C", 0.01), loss=other.get("loss", "hinge"), solver="linear_svc", random_state=0
        )
        score = cross_validate(
            features[:, columns], examples.label, group, estimator=estimator, n_splits=SEGMENTS
        )
        row |= {key: round(score.accuracy, 4), f"{key}_error": round(score.standard_error, 4)}
    return row


def main() -> None:
    """Score every variant that is not in the table yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("study", type=Path, help="folder of a finished study")
    parser.add_argument("--out", type=Path, required=True, help="table to write, CSV")
    arguments = parser.parse_args()
    settings = SoftnessSettings.model_validate_json((arguments.study / "settings.json").read_text())
    place = Workplace(arguments.study, settings)
    base = replace(make_selection(settings), n_per_class=6000, min_per_class=100)
    done = set()
    if arguments.out.exists():
        with open(arguments.out, newline="") as f:
            done = {row["variant"] for row in csv.DictReader(f)}
    for name, selection, other in variants(base):
        if name in done:
            continue
        try:
            row = {"variant": name, **scored(place, selection, other)}
        except TooFewEventsError as reason:
            row = {"variant": name, "per_class": 0}
            print(f"{name}: {reason}")
        first = not arguments.out.exists()
        with open(arguments.out, "a", newline="") as f:
            writer = csv.DictWriter(f, COLUMNS)
            if first:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
