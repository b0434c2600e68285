"""What `vitrify run trap-model --system harmonic-spheres` is told: densities, D²min, and one hyperplane for all of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.studies.settings import (
    Overrides,
    SettingsFile,
    SoftnessSettings,
    StatePoint,
    _Strict,
    settings_of,
)
from vitrify.studies.settings import preset as softness_preset

OF_THE_PAPER = {  # Ridout, Tah, Liu (2023), Fig. S1; that of 0.82 is lost from its caption: Figs. 1 and 5
    0.65: (0.00050, 0.00065, 0.00072, 0.0008, 0.0009, 0.001),
    0.72: (0.0023, 0.0025, 0.003, 0.0035, 0.004, 0.0045, 0.005, 0.006),
    0.78: (0.0045, 0.005, 0.0055, 0.006, 0.007),
    0.82: (0.0045, 0.005, 0.0055, 0.0065, 0.007, 0.008),
}
TRAINED_ON = {0.65: 0.00065, 0.82: 0.0045}
"""Density to temperature: two state points that relax about equally slowly."""


class SphereSettings(_Strict):
    """How rearrangements of soft spheres are seen, and what is made of them.

    Parameters
    ----------
    lag : int, frames
        Δt of D²min, from the frame of the structure on.
    cutoff : float, length
        Of its neighbours, all species.
    normalization : {"mean", "sum"}
        Over them; a threshold that is a fraction of the particles does not depend on it but for their scatter in number.
    rearranging_fraction : float
        The part of the small particles whose D²min exceeds the threshold of their density, at the temperature that it
        is fixed at: that of the training, or the coldest of a density that is not trained on.
    blocks : int
        Pieces of each trajectory in time. Each has eight octants of the box, and an octant of a piece is what
        statistics are resampled in: long after the time between two frames is forgotten, the box is not.
    degree : {1, 2}
        Of ΔE(S).
    resamples : int
    glass_time : float, time
        Relaxation time that defines the glass temperature.
    max_fraction : float
        Temperatures at which a larger part of the particles rearranges within Δt are shown but not fitted.
    seed : int
    """

    lag: int = Field(default=1, ge=1)
    cutoff: float = Field(default=2.5, gt=0)
    normalization: Literal["mean", "sum"] = "mean"
    rearranging_fraction: float = Field(default=0.01, gt=0, lt=1)
    blocks: int = Field(default=1, ge=1)
    degree: Literal[1, 2] = 2
    resamples: int = Field(default=200, ge=20)
    glass_time: float = Field(default=1e7, gt=0)
    max_fraction: float = Field(default=0.3, gt=0, le=1)
    seed: int = Field(default=29, ge=0)


class SoftSphereSettings(SoftnessSettings):
    """Everything that `vitrify run trap-model --system harmonic-spheres` does.

    Every state point has its own density; one or more are trained on. `training.quiet_time` counts frames, and
    `training.segments` the pieces of a training trajectory that a cross-validation holds out.
    """

    spheres: SphereSettings = SphereSettings()

    @model_validator(mode="after")
    def _consistent(self) -> SoftSphereSettings:
        labels = [p.label for p in self.state_points]
        if len(set(labels)) != len(labels):
            raise ValueError("two state points have the same density, temperature and replica")
        if not any(p.training for p in self.state_points):
            raise ValueError("at least one state point must have training = true")
        if any(p.density is None for p in self.state_points):
            raise ValueError("every state point needs its density")
        for density in self.densities:
            if len({p.temperature for p in self.points_of(density)}) < 2:
                raise ValueError(f"density {density:g} needs two temperatures that are not trained on")
        return self

    @property
    def training_points(self) -> tuple[StatePoint, ...]:
        """State points that the hyperplane is trained on, by density."""
        chosen = [p for p in self.state_points if p.training]
        return tuple(sorted(chosen, key=lambda p: (density(p), p.temperature, p.replica)))

    @property
    def densities(self) -> tuple[float, ...]:
        """Ascending."""
        return tuple(sorted({density(p) for p in self.state_points}))

    def points_of(self, value: float) -> tuple[StatePoint, ...]:
        """Return the state points of a density that statistics come from, coldest first."""
        return tuple(p for p in self.test_points if density(p) == value)

    def reference_point(self, value: float) -> StatePoint:
        """Return the state point that the threshold of a density is fixed at."""
        trained = [p for p in self.training_points if density(p) == value]
        return trained[0] if trained else self.points_of(value)[0]


def density(point: StatePoint) -> float:
    """Return the density of a state point that has one of its own."""
    assert point.density is not None
    return point.density


def _points(value: float, temperatures: dict[float, tuple[int, float]]) -> list[dict[str, Any]]:
    """Return test state points of a density: temperature to frames and time of the hold."""
    return [
        {"density": value, "temperature": t, "frames": frames, "hold_time": hold}
        for t, (frames, hold) in temperatures.items()
    ]


def _trained(frames: int, holds: dict[float, float]) -> list[dict[str, Any]]:
    return [
        {**_points(value, {TRAINED_ON[value]: (frames, hold)})[0], "replica": 1, "training": True}
        for value, hold in holds.items()
    ]


def _demo() -> dict[str, Any]:
    points = _trained(100, {0.82: 3000.0, 0.65: 4500.0})
    points += _points(0.82, {0.0045: (80, 3000.0), 0.0055: (80, 1000.0), 0.0065: (80, 500.0)})
    points += _points(0.65, {0.00065: (80, 4500.0), 0.0008: (80, 3000.0), 0.0009: (80, 2500.0)})
    return {
        "state_points": points,
        "simulation": {"n_particles": 1000, "melt_time": 100.0, "cooling_time": 600.0, "frames_per_unit": 20},
        "training": {"quiet_time": 30, "segments": 3, "n_per_class": 1000, "min_per_class": 50},
        "statistics": {"stride": 3, "bins": 8},
    }


def _study() -> dict[str, Any]:
    points = [*_trained(250, {0.82: 6000.0}), *_trained(150, {0.65: 7000.0})]
    points += _points(
        0.82, {0.0045: (100, 5000.0), 0.0050: (100, 2500.0), 0.0055: (100, 1500.0), 0.0065: (400, 2000.0)}
    )
    points += _points(
        0.65, {0.00065: (100, 7000.0), 0.00072: (100, 4000.0), 0.0008: (100, 2000.0), 0.0009: (100, 3000.0)}
    )
    return {
        "state_points": points,
        "simulation": {
            "n_particles": 2000,
            "melt_time": 300.0,
            "cooling_time": 3000.0,
            "frames_per_unit": 50,
        },
        "training": {"quiet_time": 70, "segments": 2},
        "statistics": {"stride": 2, "bins": 12},
    }


def _paper() -> dict[str, Any]:
    points = _trained(10_000, {0.82: 60_000.0, 0.65: 100_000.0})
    for value, temperatures in OF_THE_PAPER.items():
        points += _points(value, dict.fromkeys(temperatures, (5_000, 100_000.0)))
    return {
        "state_points": points,
        "simulation": {
            "n_particles": 10_976,
            "melt_time": 300.0,
            "cooling_time": 3000.0,
            "frames_per_unit": 50,
        },
        "training": {"quiet_time": 2500, "segments": 3},
        "statistics": {"stride": 10, "bins": 20},
        "spheres": {"blocks": 6},
    }


def preset(scale: str) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
        demo: N = 1000, two densities with three temperatures each, minutes. study: N = 2000, two densities with four
        temperatures each. paper: N = 10 976, four densities, particles quiet for 30 000, ten relaxation times.

    Raises
    ------
    SettingsError
        For an unknown scale.

    Examples
    --------
    >>> sorted({p["density"] for p in preset("paper")["state_points"]})
    [0.65, 0.72, 0.78, 0.82]
    """
    softness_preset(scale)  # refuses an unknown one by name
    found = {"demo": _demo, "study": _study, "paper": _paper}[scale]()
    found["simulation"] = {
        "model": "harmonic_spheres",
        "density": 0.82,
        "time_step": 0.03,
        "frame_interval": 12.0,
        "thermostat_time": 3.0,
        "melt_temperature": 0.02,
        "seed": 2023,
    } | found["simulation"]
    found["training"] = {
        "descriptors": "ridout-2023-soft-spheres",
        "penalties": (1.0,),
        "loss": "squared_hinge",
        "solver": "linear_svc",
    } | found["training"]
    found["statistics"]["overlap_cutoff"] = 0.3
    return {"scale": scale, **found}


def load_soft_sphere_settings(
    scale: str = "demo", file: SettingsFile = None, overrides: Overrides = None
) -> SoftSphereSettings:
    """Return the settings of soft spheres: as `settings_of`, whose parameters these are.

    Examples
    --------
    >>> settings = load_soft_sphere_settings("study")
    >>> settings.densities, settings.training.penalties, [p.label for p in settings.training_points]
    ((0.65, 0.82), (1.0,), ['rho0.65-T0.00065-1', 'rho0.82-T0.0045-1'])
    """
    return settings_of(SoftSphereSettings, lambda name, _: preset(name), scale, 0.82, file, overrides)
