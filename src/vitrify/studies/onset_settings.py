"""What `vitrify run onset` is told: the softness study's settings at each density, and which cutoffs to compare."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from vitrify.studies.presets import hotter
from vitrify.studies.settings import Overrides, SettingsFile, SoftnessSettings, _Strict, preset, settings_of
from vitrify.theory.cutoff_dependence import CUTOFFS

_STUDY_DENSITY = 1.20


class Onset(_Strict):
    """What the onset temperature is tried against.

    Parameters
    ----------
    cutoffs : tuple of float, length squared
        p_c in place of `rearrangement_threshold`; at least three, in increasing order, none below `event_threshold`.
    lead : int, frames
        Where P_R is the fraction of particles above p_c at a frame: how long before that frame the structure is taken, besides
        the structure of the frame itself. Half a window of p_hop is the first frame that p_hop knows of.
    """

    cutoffs: tuple[float, ...] = CUTOFFS
    lead: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _increasing(self) -> Onset:
        if len(self.cutoffs) < 3 or any(a >= b for a, b in zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            raise ValueError(f"`cutoffs` must be at least three increasing numbers; they are {self.cutoffs}")
        return self


class OnsetSettings(SoftnessSettings):
    """Everything that `vitrify run onset` does at one density."""

    onset: Onset = Onset()

    @model_validator(mode="after")
    def _above_events(self) -> OnsetSettings:
        lowest, threshold = self.onset.cutoffs[0], self.rearrangements.event_threshold
        if lowest < threshold:
            raise ValueError(
                f"`onset.cutoffs` begin at {lowest:g}, below `event_threshold` = {threshold:g}: such events were never told apart"
            )
        if self.rearrangements.rearrangement_threshold not in self.onset.cutoffs:
            raise ValueError(
                f"`onset.cutoffs` {self.onset.cutoffs} must hold `rearrangement_threshold` = "
                f"{self.rearrangements.rearrangement_threshold:g}, that softness is trained with"
            )
        return self


def onset_preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale at one density: those of the softness study, at study scale with hotter liquids.

    Examples
    --------
    >>> [point["temperature"] for point in onset_preset("study", 1.2)["state_points"]]
    [0.47, 0.47, 0.5, 0.53, 0.56, 0.6]
    """
    raw = preset(scale, density)
    if scale == "study" and density == _STUDY_DENSITY:
        raw["state_points"] = [*raw["state_points"], *hotter()]
    return raw


def load_onset_settings(
    scale: str = "demo", density: float = 1.2, file: SettingsFile = None, overrides: Overrides = None
) -> OnsetSettings:
    """Return the settings of `vitrify run onset` at one density: as `settings_of`, whose parameters these are."""
    return settings_of(OnsetSettings, onset_preset, scale, density, file, overrides)
