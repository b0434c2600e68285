"""What `vitrify run` is told: presets, a TOML file, the command line; unknown keys are refused by name."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vitrify.errors import SettingsError
from vitrify.studies.presets import PAPER_TEMPERATURES, REFERENCE_DENSITY, demo, moved, paper, study

SCALES = ("demo", "study", "paper")
SettingsFile: TypeAlias = str | os.PathLike[str] | None
Overrides: TypeAlias = dict[str, Any] | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StatePoint(_Strict):
    """One temperature with its trajectory.

    Parameters
    ----------
    temperature : float, energy / k_B
    frames : int
        Frames of production, one every `frame_interval`.
    hold_time : float, time
        How long the liquid is held at its temperature before production, if it is equilibrated here.
    replica : int, default 0
        Distinguishes independent trajectories of one temperature.
    training : bool, default False
        Whether the hyperplane is trained on this trajectory. Statistics never come from it.
    density : float, optional
        Its own, where it is not that of the simulation.
    """

    temperature: float = Field(gt=0)
    frames: int = Field(ge=30)
    hold_time: float = Field(gt=0)
    replica: int = Field(default=0, ge=0)
    training: bool = False
    density: float | None = Field(default=None, gt=0)

    @property
    def label(self) -> str:
        """Name of its folder."""
        at = "" if self.density is None else f"rho{self.density:.4g}-"
        return f"{at}T{self.temperature:.4g}" + (f"-{self.replica}" if self.replica else "")


class Simulation(_Strict):
    """How the trajectories are made.

    Parameters
    ----------
    engine : {"lammps", "verlet", "dryrun"}
        "verlet" is compiled code of our own, one core a trajectory; for boxes at least twice as high as the cutoff.
    model : {"kob_andersen", "harmonic_spheres"}
    smoothing : {"quad", "shift", "force_shift", "none"}
        Of the Kob-Andersen potential; "quad" has two continuous derivatives.
    n_particles : int
    density : float
    time_step, frame_interval : float, time
    thermostat_time : float, time
    melt_temperature : float, energy / k_B
    melt_time, cooling_time : float, time
        Where a liquid is equilibrated here: held as a melt, then cooled to its temperature.
    frames_per_unit : int
        Frames simulated (and lost at most, if killed) at once.
    seed : int
    planted : dict
        Parameters of the `PlantedLiquid` of the engine "dryrun"; of no meaning to others.
    """

    engine: Literal["lammps", "verlet", "dryrun"] = "lammps"
    model: Literal["kob_andersen", "harmonic_spheres"] = "kob_andersen"
    smoothing: Literal["quad", "shift", "force_shift", "none"] = "quad"
    n_particles: int = Field(default=1000, ge=10)
    density: float = Field(default=1.2, gt=0)
    time_step: float = Field(default=0.005, gt=0)
    frame_interval: float = Field(default=1.0, gt=0)
    thermostat_time: float = Field(default=1.0, gt=0)
    melt_temperature: float = Field(default=1.5, gt=0)
    melt_time: float = Field(default=50.0, gt=0)
    cooling_time: float = Field(default=250.0, gt=0)
    frames_per_unit: int = Field(default=25, ge=1)
    seed: int = Field(default=2016, ge=0)
    planted: dict[str, float | int] = {}

    @property
    def steps_per_frame(self) -> int:
        """Integration steps between frames."""
        return max(1, round(self.frame_interval / self.time_step))


class Minimization(_Strict):
    """How inherent structures are found.

    Parameters
    ----------
    minimizer : {"lbfgs", "fire", "lammps-cg"}
    force_tolerance : float, energy/length
        Largest force left on any particle.
    max_iterations : int
    """

    minimizer: Literal["lbfgs", "fire", "lammps-cg"] = "lbfgs"
    force_tolerance: float = Field(default=1e-4, gt=0)
    max_iterations: int = Field(default=20_000, ge=1)


class Rearrangements(_Strict):
    """What counts as a rearrangement.

    Parameters
    ----------
    window : int, frames
        t_R of p_hop.
    event_threshold, rearrangement_threshold : float, length squared
        An event lasts while p_hop exceeds the first; it is a rearrangement if its peak exceeds the second.
    """

    window: int = Field(default=10, ge=2)
    event_threshold: float = Field(default=0.05, gt=0)
    rearrangement_threshold: float = Field(default=0.2, gt=0)


class Training(_Strict):
    """Which particles the hyperplane learns from.

    Parameters
    ----------
    centre_species : str
    descriptors : str or dict
        Name of a descriptor (set), or its parameters: ``{name = "radial_density", radii = [1.0, 1.1]}``.
    soft_frame : {"start", "crossing", "before_peak"}
        Frame whose structure stands for a rearranging particle. "start" is the first frame of p_hop's first window,
        strictly before the motion; "before_peak" is worth several points of accuracy because motion has begun.
    hard_frame : {"middle", "end", "start"}
        Frame of the quiet time whose structure stands for a hard particle.
    quiet_threshold : float, length squared
    quiet_time : int, frames
        About one relaxation time of the training temperature.
    n_per_class, min_per_class : int
    penalties : tuple of float
        Candidates for C, chosen by cross-validation grouped by trajectory segment.
    loss : {"hinge", "squared_hinge"}
    solver : {"svc", "linear_svc"}
    min_sd : float
        Structure functions that vary less over the examples are left out: a millionth of a neighbour is no structure.
    segments : int
        Contiguous pieces of a trajectory: groups of the cross-validation, units of the bootstrap.
    """

    centre_species: str = "A"
    descriptors: str | dict[str, Any] = "schoenholz-2016"
    soft_frame: Literal["start", "crossing", "before_peak"] = "start"
    hard_frame: Literal["middle", "end", "start"] = "middle"
    quiet_threshold: float = Field(default=0.02, gt=0)
    quiet_time: int = Field(default=300, ge=1)
    n_per_class: int = Field(default=6000, ge=10)
    min_per_class: int = Field(default=100, ge=5)
    penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    loss: Literal["hinge", "squared_hinge"] = "hinge"
    solver: Literal["svc", "linear_svc"] = "svc"
    min_sd: float = Field(default=1e-6, ge=0)
    segments: int = Field(default=6, ge=2)
    seed: int = Field(default=5, ge=0)


class Statistics(_Strict):
    """How softness is turned into probabilities.

    Parameters
    ----------
    stride : int, frames
        Softness of all particles is computed every so many frames (and for every rearranging particle).
    bins : int
    min_events : int
        Bins of softness with fewer events are left out of the fits of single bins.
    max_active_fraction : float
        Temperatures at which p_hop exceeds the event threshold for a larger part of the time are shown but not fitted:
        events merge there. Kob-Andersen at density 1.2: 3 % of the time at T = 0.5, a third at T = 0.6.
    degree : int
        Of the polynomials ΔE(S) and Σ(S).
    resamples : int
        Of the bootstrap over trajectory segments.
    overlap_cutoff : float, length
    seed : int
    """

    stride: int = Field(default=10, ge=1)
    bins: int = Field(default=12, ge=3)
    min_events: int = Field(default=10, ge=1)
    max_active_fraction: float = Field(default=0.2, gt=0, le=1)
    degree: int = Field(default=1, ge=1, le=3)
    resamples: int = Field(default=400, ge=20)
    overlap_cutoff: float = Field(default=0.5, gt=0)
    seed: int = Field(default=11, ge=0)


class SimulatedSettings(_Strict):
    """What every study that simulates its own trajectories is told."""

    scale: str = "demo"
    state_points: tuple[StatePoint, ...]
    simulation: Simulation = Simulation()
    equilibrate: bool = False


class SoftnessSettings(SimulatedSettings):
    """Everything that `vitrify run softness` does."""

    minimization: Minimization = Minimization()
    rearrangements: Rearrangements = Rearrangements()
    training: Training = Training()
    statistics: Statistics = Statistics()

    @model_validator(mode="after")
    def _consistent(self) -> SoftnessSettings:
        labels = [p.label for p in self.state_points]
        if len(set(labels)) != len(labels):
            raise ValueError("two state points have the same temperature and replica")
        if sum(p.training for p in self.state_points) != 1:
            raise ValueError("exactly one state point must have training = true")
        if all(p.training for p in self.state_points):
            raise ValueError("statistics need a state point besides the one that is trained on")
        return self

    @property
    def training_point(self) -> StatePoint:
        """The state point whose trajectory the hyperplane is trained on."""
        return next(p for p in self.state_points if p.training)

    @property
    def test_points(self) -> tuple[StatePoint, ...]:
        """State points that the statistics come from, coldest first."""
        return tuple(
            sorted((p for p in self.state_points if not p.training), key=lambda p: (p.temperature, p.replica))
        )


def preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
        demo: minutes on a laptop. study: N = 4096, three temperatures, about two hours on two cores. paper: N = 10 000, 30 000 τ for all
        temperatures of Table I at `density`.
    density : float, default 1.2
        Of the paper: 1.15, 1.20, 1.25 or 1.30. At demo and study, temperatures and times are those at 1.20 moved along the
        isomorph. Equilibrated starts come with vitrify at 1.20; those at 1.30 are the same, scaled along the isomorph and held.

    Raises
    ------
    SettingsError
        For an unknown scale or density.

    Examples
    --------
    >>> len(preset("paper", 1.15)["state_points"])
    5
    >>> [point["temperature"] for point in preset("study", 1.30)["state_points"]]
    [0.7, 0.7, 0.75, 0.8]
    """
    known_scale(scale)
    if density not in PAPER_TEMPERATURES:
        raise SettingsError(
            f"The paper has no density {density}. It has {', '.join(f'{d:.2f}' for d in PAPER_TEMPERATURES)}."
        )
    if scale == "paper":
        return paper(density)
    base = demo() if scale == "demo" else study()
    return base if density == REFERENCE_DENSITY else moved(base, density)


def known_scale(scale: str) -> str:
    """Return the scale, or refuse one that there is not.

    Raises
    ------
    SettingsError
    """
    if scale not in SCALES:
        raise SettingsError(
            f"No scale is called '{scale}'. Known: {', '.join(SCALES)}.{_did_you_mean(scale, SCALES)}"
        )
    return scale


def load_settings(
    scale: str = "demo", density: float = 1.2, file: SettingsFile = None, overrides: Overrides = None
) -> SoftnessSettings:
    """Return the settings of `vitrify run softness`: as `settings_of`, whose parameters these are."""
    return settings_of(SoftnessSettings, preset, scale, density, file, overrides)


Settings = TypeVar("Settings", bound=BaseModel)


def settings_of(
    kind: type[Settings],
    presets: Callable[[str, float], dict[str, Any]],
    scale: str = "demo",
    density: float = 1.2,
    file: SettingsFile = None,
    overrides: Overrides = None,
) -> Settings:
    """Return the settings of a preset, with a TOML file and overrides laid over it.

    Parameters
    ----------
    kind : type
        Of the settings.
    presets : callable
        (scale, density) -> the settings of a scale as nested dicts, as `preset`.
    scale : {"demo", "study", "paper"}
    density : float
    file : path-like, optional
        TOML with the same tables as the settings; a key given there replaces the preset's, and a ``scale`` that names
        a preset chooses which.
    overrides : dict, optional
        Laid over both.

    Raises
    ------
    SettingsError
        Naming an unknown key, or what is wrong with a value, and the file it stands in.
    """
    where, given = f"scale '{scale}'", {}
    if file is not None:
        where, given = str(file), _read_toml(Path(file))
    base = given["scale"] if given.get("scale") in SCALES else scale
    raw = _laid_over(presets(base, density), given)
    raw = _laid_over(raw, overrides or {})
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{where}: " + "; ".join(_explain(kind, e) for e in error.errors())) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as f:
            return tomllib.load(f)
    except FileNotFoundError as error:
        raise SettingsError(f"There is no settings file {path}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from error
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from error


def _laid_over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _laid_over(out[key], value) if both else value
    return out


def _did_you_mean(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def _explain(kind: type[BaseModel], error: Any) -> str:
    path = ".".join(str(p) for p in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _fields_at(kind, error["loc"][:-1])
        return f"there is no setting `{path}`. Known here: {', '.join(known)}.{_did_you_mean(str(error['loc'][-1]), known)}"
    got = error.get("input")
    shown = f"; it is {got!r}" if not isinstance(got, dict | list) else ""
    message = (
        "must be a table" if error["type"] == "model_type" else error["msg"].removeprefix("Value error, ")
    )
    return f"`{path}`: {message}{shown}" if path else message


def _fields_at(kind: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    model: Any = kind
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            model = StatePoint if part == "state_points" else annotation
    return sorted(model.model_fields)
