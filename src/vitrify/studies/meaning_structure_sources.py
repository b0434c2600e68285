"""Which numbers of single particles are measured, and from which evaluation each comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors.base import Descriptor, from_dict
from vitrify.descriptors.surroundings import features_of, whole_surroundings
from vitrify.errors import SettingsError
from vitrify.particles import Frame
from vitrify.predictors.trained import TrainedSoftness, centres_of
from vitrify.provenance import to_plain
from vitrify.studies.meaning_structure_settings import Measured
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import make_model

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Evaluate = Callable[[Frame, Ints], Array]

SOFTNESS = "softness"
THERMAL_SOFTNESS = "thermal_softness"
DEPTH, DEPTH_INHERENT = "caging_depth", "caging_depth_inherent"
CAGING, CAGING_INHERENT = "caging_softness", "caging_softness_inherent"
TWO_FEATURES = "coordination_and_energy"


@dataclass(frozen=True)
class Source:
    """Numbers per particle that come from one evaluation.

    Attributes
    ----------
    names : tuple of str
    positions : {"inherent", "thermal"}
    member : Descriptor or TrainedSoftness
    columns : tuple of int
        Of the descriptor's features, one for each name; of no meaning to a softness.
    """

    names: tuple[str, ...]
    positions: str
    member: Descriptor | TrainedSoftness
    columns: tuple[int, ...] = (0,)

    def evaluator(self) -> Evaluate:
        """Return what gives the numbers of some particles of a frame, (n, k); NaN where their surroundings are not whole."""
        if isinstance(self.member, TrainedSoftness):
            return partial(_as_column, softness_reader(self.member))
        return partial(_columns_of, self.member, list(self.columns))

    def to_dict(self) -> dict[str, Any]:
        """Return what the numbers follow from."""
        learned = isinstance(self.member, TrainedSoftness)
        member = self.member.identity if learned else to_plain(self.member)  # type: ignore[union-attr]
        return {"names": list(self.names), "positions": self.positions, "member": member, "columns": list(self.columns)}  # fmt: skip


def softness_reader(trained: TrainedSoftness) -> Evaluate:
    """Return what gives the softness of particles of a trajectory in one of its frames, (n,); NaN where it is not known.

    Raises
    ------
    ParameterError
        When called for a frame of other species than those of the training.
    """
    return partial(_softness, trained, from_dict(trained.descriptors))


def _softness(trained: TrainedSoftness, descriptors: Descriptor, frame: Frame, particles: Ints) -> Array:
    """Return softness by descriptors that were made once: making them looks for packages that add some."""
    rows, whole = whole_surroundings(descriptors.reach, frame, particles)
    found = np.full(len(particles), np.nan)
    if whole.any():
        chosen = centres_of(frame, trained.species_names, trained.centre_species, rows[whole])
        found[whole] = trained.evaluate(descriptors.evaluate(frame, chosen))
    return found


def _as_column(read: Evaluate, frame: Frame, particles: Ints) -> Array:
    return read(frame, particles)[:, None]


def _columns_of(descriptors: Descriptor, columns: list[int], frame: Frame, particles: Ints) -> Array:
    return features_of(descriptors, frame, particles)[:, columns]


def measured_sources(
    settings: SoftnessSettings, measured: tuple[Measured, ...], species_names: tuple[str, ...]
) -> tuple[list[Source], list[str]]:
    """Return the sources of what the settings name, and sentences about what this liquid does not have.

    Raises
    ------
    UnknownNameError
        If a name is no descriptor.
    SettingsError
        If a descriptor has no such feature.
    """
    found: list[Source] = []
    said = []
    for one in measured:
        member = _member(settings, one)
        if member is None or not member.knows(species_names):
            said.append(f"'{one.called}' was not compared with softness: it is not defined for this model.")
            continue
        column = _column(one, member, species_names)
        same = next((k for k, s in enumerate(found) if s.member == member and s.positions == one.positions), None)  # fmt: skip
        if same is None:
            found.append(Source((one.called,), one.positions, member, (column,)))
        else:
            known = found[same]
            found[same] = Source((*known.names, one.called), one.positions, member, (*known.columns, column))
    return found, said


def _member(settings: SoftnessSettings, one: Measured) -> Descriptor | None:
    described: dict[str, Any] = (
        {"name": one.descriptor} if isinstance(one.descriptor, str) else dict(one.descriptor)
    )
    model = make_model(settings)
    if described.get("name") == "local_energy" and "model" not in described:
        if not hasattr(model, "pair_energy"):
            return None
        described["model"] = to_plain(model)
    if described.get("name") == "voronoi_volume" and "radii" not in described and hasattr(model, "sigma"):
        diameters = np.diagonal(np.asarray(model.sigma, float))
        described["radii"] = [[n, float(d) / 2] for n, d in zip(model.species_names, diameters, strict=True)]
    return from_dict(described)


def _column(one: Measured, member: Descriptor, species_names: tuple[str, ...]) -> int:
    features = member.feature_names(species_names)
    if one.feature is None:
        return len(features) - 1
    fitting = [k for k, f in enumerate(features) if f == one.feature]
    fitting = fitting or [k for k, f in enumerate(features) if f.startswith(one.feature)]
    if not fitting:
        raise SettingsError(
            f"`structure.compared_with` asks for the feature '{one.feature}' of '{member.name}'; it has {', '.join(features)}."
        )
    return fitting[0]


def names_of(sources: list[Source]) -> list[str]:
    """Return the names of all numbers, in the order of the sources."""
    return [name for source in sources for name in source.names]
