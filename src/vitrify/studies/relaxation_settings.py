"""What `vitrify run relaxation` is told: the softness study's settings and those of relaxation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.studies.presets import hotter
from vitrify.studies.settings import Overrides, SettingsFile, SoftnessSettings, _Strict, settings_of
from vitrify.studies.settings import preset as softness_preset


class RelaxationSection(_Strict):
    """How relaxation is measured and predicted.

    Parameters
    ----------
    cutoff : float, length
        a of the overlap, the propagator, c_a and f_irrev.
    return_within : float, length
        b: a particle that went away and comes back this near has returned.
    running_mean : int, frames
        Over which positions are averaged for f_irrev.
    watched : int, frames
        How long particles are watched for f_irrev; less where a trajectory is shorter.
    thresholds : tuple of float, length squared
        p_c of the rearrangements that P_R counts, besides `rearrangement_threshold`; none below `event_threshold`.
    lags_per_decade : int
    origins : int
        Time origins for each lag.
    wave_number : float, inverse length
        Of F_s(k, t); near the first peak of the structure factor.
    held_out_temperature : float, optional, energy / k_B
        Quoted in the table; by default the second coldest. Each fitted one is left out in turn.
    held_out_share : float
        Part of the range of time, in its logarithm, that the prediction of later times is measured in.
    degrees : tuple of int
        Of the polynomials ΔE(S) and Σ(S) that are compared; 1 is the law of the papers.
    blocks : int
        Contiguous pieces of each trajectory: what errors are resampled from.
    resamples : int
        Bootstrap samples behind errors of predictions.
    quantile_bins : int
        Of equal exposure, in which structural quantities are compared.
    compared_with : tuple of str
        Descriptors of one particle that are compared with softness: a name, or name:feature (otherwise the last feature).
    variations : bool
        Whether the prediction is repeated with another cutoff, sparser softness and survivors of the whole path.
    other_cutoff : float, length
        Of that repetition.
    seed : int
    """

    cutoff: float = Field(default=0.5, gt=0)
    return_within: float = Field(default=0.2, gt=0)
    running_mean: int = Field(default=30, ge=1)
    watched: int = Field(default=400, ge=5)
    thresholds: tuple[float, ...] = (0.05, 0.07, 0.1, 0.14)
    lags_per_decade: int = Field(default=8, ge=2)
    origins: int = Field(default=50, ge=2)
    wave_number: float = Field(default=7.25, gt=0)
    held_out_temperature: float | None = Field(default=None, gt=0)
    held_out_share: float = Field(default=0.5, gt=0, lt=1)
    degrees: tuple[Literal[1, 2, 3], ...] = (1, 2)
    blocks: int = Field(default=8, ge=2)
    resamples: int = Field(default=100, ge=4)
    quantile_bins: int = Field(default=10, ge=3)
    compared_with: tuple[str, ...] = ("coordination", "local_energy")
    variations: bool = True
    other_cutoff: float = Field(default=0.3, gt=0)
    seed: int = Field(default=17, ge=0)


class RelaxationSettings(SoftnessSettings):
    """Everything that `vitrify run relaxation` does."""

    relaxation: RelaxationSection = RelaxationSection()

    @model_validator(mode="after")
    def _consistent_relaxation(self) -> RelaxationSettings:
        lowest = self.rearrangements.event_threshold
        if not self.relaxation.degrees:
            raise ValueError("relaxation.degrees is empty: barriers need a degree")
        if any(p < lowest for p in self.relaxation.thresholds):
            raise ValueError(
                f"relaxation.thresholds {list(self.relaxation.thresholds)} must not lie below rearrangements.event_threshold = "
                f"{lowest:g}, which cuts the events"
            )
        if self.relaxation.return_within >= self.relaxation.cutoff:
            raise ValueError(
                f"relaxation.return_within = {self.relaxation.return_within:g} must lie below relaxation.cutoff = "
                f"{self.relaxation.cutoff:g}"
            )
        known = [p.temperature for p in self.test_points]
        wanted = self.relaxation.held_out_temperature
        if wanted is not None and wanted not in known:
            raise ValueError(
                f"relaxation.held_out_temperature = {wanted:g} is none of the temperatures {known}"
            )
        return self

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Every p_c, ascending, the rearrangement threshold among them."""
        return tuple(sorted({*self.relaxation.thresholds, self.rearrangements.rearrangement_threshold}))


def preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts: the softness study's, so that its trajectories serve.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
        study adds two hotter, shorter trajectories, which relax within their length.
    density : float, default 1.2
        Only the paper's scale has more than one.

    Raises
    ------
    SettingsError
        For an unknown scale or density.

    Examples
    --------
    >>> [p["temperature"] for p in preset("study")["state_points"]]
    [0.47, 0.47, 0.5, 0.53, 0.56, 0.6]
    """
    base = softness_preset(scale, density)
    if scale == "demo":
        base["relaxation"] = {"blocks": 6, "resamples": 50}
    if scale == "study":
        base["state_points"] += hotter()
    return base


def load_relaxation_settings(
    scale: str = "demo", density: float = 1.2, file: SettingsFile = None, overrides: Overrides = None
) -> RelaxationSettings:
    """Return the settings of `vitrify run relaxation`: as `settings_of`, whose parameters these are.

    Examples
    --------
    >>> load_relaxation_settings("demo").relaxation.wave_number
    7.25
    """
    return settings_of(RelaxationSettings, preset, scale, density, file, overrides)
