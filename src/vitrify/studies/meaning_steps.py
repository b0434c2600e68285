"""The questions put to the training examples, cut into parts that worker processes answer and files keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from vitrify.parallel import Workforce, map_units
from vitrify.particles.tables import load_table
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.studies.meaning_alternatives import accuracy_of_set, alternative_sets, describe_alternatives
from vitrify.studies.meaning_classifiers import (
    against_penalty,
    against_training_size,
    kernel_widths,
    network_layers,
    with_kernel,
    with_layers,
)
from vitrify.studies.meaning_examples import FOLDER, Examples, examples_of, kept
from vitrify.studies.meaning_maps import map_kinds, map_of
from vitrify.studies.meaning_selection import (
    evolved,
    scanned,
    selected_forward,
    sizes_to_evolve,
    sizes_to_scan,
)
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_simple import simpler_forms
from vitrify.studies.meaning_weights import hard_and_soft_rdf, hyperplane_weights
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Part = Any
Make = Callable[[Workplace, TrainedSoftness, Examples, Part], "xr.Dataset"]


@dataclass(frozen=True)
class Step:
    """One question.

    Parameters
    ----------
    name : str
    make : callable
        (place, trained, examples, part) -> the answer to one part.
    parts : callable
        (place, settings, examples) -> the parts, plain values, the longest first; of which there may be none.
    uses : tuple of str
        Names of the settings in `meaning` that the answer follows from.
    """

    name: str
    make: Make
    parts: Callable[[Workplace, MeaningSettings, Examples], list[Part]]
    uses: tuple[str, ...] = ()

    def parameters(
        self, settings: MeaningSettings, trained: TrainedSoftness, examples: Examples, part: Part
    ) -> dict[str, Any]:
        """Return what the answer to one part follows from."""
        chosen = settings.meaning.model_dump(mode="json")
        return {
            "examples": examples.identity,
            "C": trained.training["C"],
            "part": part,
            "seed": settings.meaning.seed,
            **{name: chosen[name] for name in self.uses},
        }

    def file(self, part: Part) -> str:
        """Return the name of the file of one part."""
        return self.name if part is None else f"{self.name}-{part}".replace(" ", "-")

    def answer(
        self, place: Workplace, trained: TrainedSoftness, examples: Examples, part: Part
    ) -> xr.Dataset:
        """Return the answer to one part, from its file if it is there."""
        assert isinstance(place.settings, MeaningSettings)
        parameters = self.parameters(place.settings, trained, examples, part)
        make = partial(self.make, place, trained, examples, part)
        return kept(place, self.file(part), parameters, make)

    def is_answered(self, place: Workplace, trained: TrainedSoftness, examples: Examples, part: Part) -> bool:
        """Whether the file of one part is there, made from the same."""
        assert isinstance(place.settings, MeaningSettings)
        path = place.out / FOLDER / f"{self.file(part)}.npz"
        return load_table(path, self.parameters(place.settings, trained, examples, part)) is not None


def _whole(place: Workplace, settings: MeaningSettings, examples: Examples) -> list[Part]:
    """Return the one part of a question that is not cut."""
    del place, settings, examples
    return [None]


def _of_settings(parts: Callable[[MeaningSettings, Examples], list[Part]]) -> Callable[..., list[Part]]:
    return partial(_without_place, parts)


def _without_place(
    parts: Callable[[MeaningSettings, Examples], list[Part]],
    place: Workplace,
    settings: MeaningSettings,
    examples: Examples,
) -> list[Part]:
    del place
    return parts(settings, examples)


STEPS = {
    step.name: step
    for step in (
        Step(
            "map",
            map_of,
            _of_settings(map_kinds),
            ("map_examples", "map_radius", "perplexity", "map_neighbors"),
        ),
        Step("kernel", with_kernel, _of_settings(kernel_widths), ("rbf_penalties", "rbf_examples")),
        Step("network", with_layers, _of_settings(network_layers), ("network_nodes", "network_examples")),
        Step("evolved", evolved, _of_settings(sizes_to_evolve), ("ridge", "population", "generations")),
        Step("subsets", scanned, _of_settings(sizes_to_scan), ("ridge", "confirmed")),
        Step("set", accuracy_of_set, alternative_sets, ("alternatives", "ordered_neighbors")),
        Step("training-size", against_training_size, _whole, ("training_sizes",)),
        Step("penalty", against_penalty, _whole, ("penalties",)),
        Step("forward", selected_forward, _whole, ("ridge", "greedy_size")),
        Step("weights", hyperplane_weights, _whole),
        Step("simple", simpler_forms, _whole),
    )
}
"""Every question by its name, those that take longest first."""

Answers = dict[str, dict[Part, "xr.Dataset"]]


def make_learned(
    place: Workplace,
    trained: TrainedSoftness,
    settings: MeaningSettings,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Answer every question about the training examples that is not answered yet, and keep the answers.

    Parameters
    ----------
    place : Workplace
    trained : TrainedSoftness
    settings : MeaningSettings
    progress, workers
        As elsewhere.
    """
    examples = examples_of(place, progress, workers)
    describe_alternatives(place, settings, examples, progress, workers)
    hard_and_soft_rdf(place, trained)
    parts = [(step.name, part) for step in STEPS.values() for part in step.parts(place, settings, examples)]
    jobs = [(n, p) for n, p in parts if not STEPS[n].is_answered(place, trained, examples, p)]
    if not jobs:
        return
    with progress.step("Questions about the examples", len(parts), "parts") as update:
        done = [float(len(parts) - len(jobs))]

        def finished(_: int, __: Any) -> None:
            done[0] += 1
            update(done[0])

        map_units(partial(_answer, place, trained), jobs, workers=workers, done=finished)


def _answer(place: Workplace, trained: TrainedSoftness, job: tuple[str, Part]) -> None:
    """Answer one part of a question, for a worker process."""
    name, part = job
    STEPS[name].answer(place, trained, examples_of(place), part)


def answers_of(place: Workplace, trained: TrainedSoftness, examples: Examples) -> Answers:
    """Return the answers to all questions, by question and part; one that is missing is found now."""
    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    return {
        step.name: {
            part: step.answer(place, trained, examples, part)
            for part in step.parts(place, settings, examples)
        }
        for step in STEPS.values()
    }
