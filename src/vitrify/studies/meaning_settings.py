"""What `vitrify run meaning-of-softness` is told: the softness study's settings and those of its interpretation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.studies.meaning_structure_settings import DEMO, PAPER, StructureSection
from vitrify.studies.settings import Overrides, SettingsFile, SoftnessSettings, _Strict, settings_of
from vitrify.studies.settings import preset as softness_preset


class MeaningSection(_Strict):
    """What is asked of the examples that softness is learned from.

    Parameters
    ----------
    good_triplet : float
        Accuracy above which a triplet of radial functions counts as good.
    confirmed : int
        So many of the best pairs and triplets are classified again by a support vector machine.
    greedy_size : int
        Radial functions that forward selection goes up to.
    evolved_sizes : tuple of int
        Numbers of radial functions for which the evolutionary search runs.
    population, generations : int
        Of that search.
    ridge : float
        Added to the variances in the fast classifier behind scans and searches, in units of the mean variance.
    training_sizes : tuple of int
        Examples per class of the training-size curve; those above what there is are left out.
    penalties : tuple of float
        C of the curve of the linear machine.
    rbf_gammas, rbf_penalties : tuple of float
        Grid of the machine with a Gaussian kernel; gamma in units of one over the number of functions.
    rbf_examples : int
        Examples of both classes in that grid, at most.
    network_nodes : tuple of int
        Hidden nodes in each layer.
    network_layers : tuple of int
        Numbers of hidden layers.
    network_examples : int
        Examples of both classes for the networks, at most.
    alternatives : bool
        Whether other structure functions are compared.
    ordered_neighbors : int
        Nearest neighbours whose distances are such an alternative.
    map_examples : int
        Examples of each class in the maps, at most.
    map_radius : float, length
        Radial functions nearer than this are left out of the maps.
    map_dimensions : tuple of {2, 3}
        Of the t-SNE maps.
    perplexity : float
        Of t-SNE.
    map_neighbors : int
        Nearest neighbours in a map whose labels are compared.
    rdf_frames : int
        Frames behind g(r) of hard and soft particles.
    seed : int
    """

    good_triplet: float = Field(default=0.75, gt=0.5, lt=1)
    confirmed: int = Field(default=10, ge=1)
    greedy_size: int = Field(default=20, ge=1)
    evolved_sizes: tuple[int, ...] = (1, 2, 3, 4, 5, 7, 10, 15)
    population: int = Field(default=200, ge=8)
    generations: int = Field(default=60, ge=1)
    ridge: float = Field(default=1e-3, gt=0)
    training_sizes: tuple[int, ...] = (50, 100, 200, 400, 800, 1600, 3200, 6400)
    penalties: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    rbf_gammas: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    rbf_penalties: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    rbf_examples: int = Field(default=10_000, ge=20)
    network_nodes: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    network_layers: tuple[Literal[1, 2], ...] = (1, 2)
    network_examples: int = Field(default=10_000, ge=20)
    alternatives: bool = True
    ordered_neighbors: int = Field(default=160, ge=1)
    map_examples: int = Field(default=16_000, ge=10)
    map_radius: float = Field(default=0.4, ge=0)
    map_dimensions: tuple[Literal[2, 3], ...] = (2,)
    perplexity: float = Field(default=30.0, gt=1)
    map_neighbors: int = Field(default=20, ge=1)
    rdf_frames: int = Field(default=40, ge=1)
    seed: int = Field(default=23, ge=0)


class MeaningSettings(SoftnessSettings):
    """Everything that `vitrify run meaning-of-softness` does."""

    meaning: MeaningSection = MeaningSection()
    structure: StructureSection = StructureSection()

    @model_validator(mode="after")
    def _consistent_meaning(self) -> MeaningSettings:
        m = self.meaning
        lists = {
            "evolved_sizes": m.evolved_sizes,
            "training_sizes": m.training_sizes,
            "network_nodes": m.network_nodes,
        }
        for name, values in lists.items():
            if any(v < 1 for v in values):
                raise ValueError(f"meaning.{name} {list(values)} must be whole numbers of at least 1")
        positive = {"penalties": m.penalties, "rbf_gammas": m.rbf_gammas, "rbf_penalties": m.rbf_penalties}
        for name, numbers in positive.items():
            if any(v <= 0 for v in numbers):
                raise ValueError(f"meaning.{name} {list(numbers)} must be positive")
        return self


_DEMO = {
    "greedy_size": 12,
    "evolved_sizes": [2, 3, 5, 10],
    "population": 60,
    "generations": 20,
    "training_sizes": [50, 100, 200, 400, 800],
    "penalties": [1e-3, 1e-2, 1e-1, 1.0],
    "rbf_gammas": [0.03, 0.1, 0.3, 1.0],
    "rbf_penalties": [1.0, 10.0, 100.0],
    "rbf_examples": 1000,
    "network_nodes": [2, 10],
    "network_examples": 1000,
    "map_examples": 600,
    "rdf_frames": 20,
}

_STUDY = {
    "evolved_sizes": [2, 3, 5, 10, 15],
    "confirmed": 3,
    "rbf_penalties": [1.0, 10.0, 100.0],
    "rbf_examples": 3000,
    "network_examples": 4000,
}


def preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts: the softness study's, so that its trajectories serve.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
    density : float, default 1.2
        As of the softness study.

    Raises
    ------
    SettingsError
        For an unknown scale or density.

    Examples
    --------
    >>> [point["temperature"] for point in preset("study")["state_points"]]
    [0.47, 0.47, 0.5, 0.53]
    """
    base = softness_preset(scale, density)
    if scale == "demo":
        base["meaning"], base["structure"] = dict(_DEMO), dict(DEMO)
    if scale == "study":
        base["meaning"] = dict(_STUDY)
    if scale == "paper":
        base["structure"] = dict(PAPER)
        finer = [round(10 ** (k / 2), 4) for k in range(-5, 2)]
        base["meaning"] = {
            "generations": 400,
            "population": 5000,
            "evolved_sizes": list(range(1, 16)),
            "rbf_gammas": finer,
            "rbf_penalties": [round(10 ** (k / 2), 4) for k in range(-1, 7)],
            "network_nodes": [1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50],
            "map_dimensions": [2, 3],
        }
    return base


def load_meaning_settings(
    scale: str = "demo", density: float = 1.2, file: SettingsFile = None, overrides: Overrides = None
) -> MeaningSettings:
    """Return the settings of `vitrify run meaning-of-softness`: as `settings_of`, whose parameters these are.

    Examples
    --------
    >>> load_meaning_settings("demo").meaning.greedy_size
    12
    """
    return settings_of(MeaningSettings, preset, scale, density, file, overrides)
