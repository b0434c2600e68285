"""What `vitrify run propensity` is told: which configurations, which positions, which descriptors, which regressions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.studies.settings import Overrides, SettingsFile, _Strict, known_scale, settings_of

Kind = Literal["thermal", "inherent", "time-averaged", "cage"]
Part = Literal["both", "radial", "angular"]


class Source(_Strict):
    """Configurations with a measured propensity that are there already.

    Parameters
    ----------
    data : str
        File or folder that `vitrify.readers.propensity.read_propensity` knows.
    transfer : str, optional
        Another such file: models that learned from all of `data` are tried on it, unchanged.
    time : float, time, optional
        Of the end points of `data`, where neither the files nor their names say it.
    temperature : float, energy / k_B, optional
        Of `data`, where the files do not say it; cage states need one.
    smoothing : {"quad", "shift", "force_shift", "none"}
        Of the Kob-Andersen potential that inherent structures and cage states are found with.
    """

    data: str
    transfer: str | None = None
    time: float | None = Field(default=None, gt=0)
    temperature: float | None = Field(default=None, gt=0)
    smoothing: Literal["quad", "shift", "force_shift", "none"] = "shift"


class Runs(_Strict):
    """Isoconfigurational runs that the study makes itself.

    Parameters
    ----------
    system : {"kob-andersen", "hard-spheres"}
    engine : {"verlet", "lammps", "event-driven"}
    smoothing : {"quad", "shift", "force_shift", "none"}
        Of the Kob-Andersen potential.
    n_particles : int
    density : float
        Number density (Kob-Andersen) or packing fraction (hard spheres).
    temperature : float, energy / k_B
    time_step : float, time
    thermostat_time : float, time
    hold_time : float, time
        Between a start and the first configuration, in equilibrium.
    apart : float, time
        Between one configuration and the next, on one long run.
    n_configurations, n_runs : int
    shortest, longest : float, time
        Displacements are looked at from one to the other,
    per_decade : float
        so often in a factor of ten, evenly in ln t.
    leg_ends : tuple of float, time
        All runs reach such a time before any goes on.
    wave_vector : float, 1/length
        Of the scattering function that defines the relaxation time.
    seed : int
    """

    system: Literal["kob-andersen", "hard-spheres"] = "kob-andersen"
    engine: Literal["verlet", "lammps", "event-driven"] = "verlet"
    smoothing: Literal["quad", "shift", "force_shift", "none"] = "quad"
    n_particles: int = Field(default=1000, ge=50)
    density: float = Field(default=1.2, gt=0)
    temperature: float = Field(default=0.5, gt=0)
    time_step: float = Field(default=0.005, gt=0)
    thermostat_time: float = Field(default=1.0, gt=0)
    hold_time: float = Field(default=500.0, ge=0)
    apart: float = Field(default=500.0, gt=0)
    n_configurations: int = Field(default=20, ge=2)
    n_runs: int = Field(default=30, ge=2)
    shortest: float = Field(default=20.0, gt=0)
    longest: float = Field(default=2000.0, gt=0)
    per_decade: float = Field(default=4.0, gt=0)
    leg_ends: tuple[float, ...] = ()
    wave_vector: float = Field(default=7.25, gt=0)
    seed: int = Field(default=2021, ge=0)


class Structure(_Strict):
    """On which positions structure is measured, and how.

    Parameters
    ----------
    positions : tuple of {"thermal", "inherent", "time-averaged", "cage"}
    descriptors : str
        Name of a set of averaged descriptors.
    order : int
        Highest order of averaging.
    minimizer : {"lbfgs", "fire", "lammps-cg"}
    force_tolerance : float, energy / length
    cage_radius : float, length
        How far a particle may go from its start in a cage state.
    cage_sweeps, cage_equilibration : int
    average_time : float, time
        Of the dynamics behind time-averaged positions.
    seed : int
    """

    positions: tuple[Kind, ...] = ("thermal", "inherent", "cage")
    descriptors: str = "boattini-2021"
    order: int = Field(default=3, ge=0, le=6)
    minimizer: Literal["lbfgs", "fire", "lammps-cg"] = "lbfgs"
    force_tolerance: float = Field(default=1e-4, gt=0)
    cage_radius: float = Field(default=0.3, gt=0)
    cage_sweeps: int = Field(default=4000, ge=10)
    cage_equilibration: int = Field(default=200, ge=0)
    average_time: float = Field(default=5.0, gt=0)
    seed: int = Field(default=3, ge=0)


class Regression(_Strict):
    """How propensity is learned and judged.

    Parameters
    ----------
    strengths : tuple of float
        Candidates for λ over the number of training particles.
    folds : int
        Configurations are left out in so many groups in turn.
    inner_folds : int
        Of the choice of λ, among the configurations that are left.
    within : bool
        Learn differences within a configuration, which is what is scored.
    min_sd : float
        Features that vary less, in their own unit, are left out: a thousandth of a neighbour is no structure.
    motion_positions : tuple of str
        Positions whose features are also tried with fluctuations about reference positions, and displacements between
        them, beside.
    part_positions : tuple of str
        Positions on which radial and angular functions are also tried alone.
    network_positions : tuple of str
        Positions on whose features of all orders, in memory, neural networks are tried too.
    selection_positions : tuple of str
        Positions on which functions are selected one after the other,
    selected : int
        so many at most, from the orders up to
    selection_order : int
    learning_positions : tuple of str
        Positions on which the number of training configurations is varied,
    subsets : int
        with so many sets of each number.
    splits : int
        Ways to halve the runs for the noise ceiling.
    permutations : int
        Of the control with shuffled labels.
    seed : int
    """

    strengths: tuple[float, ...] = (1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
    folds: int = Field(default=5, ge=2)
    inner_folds: int = Field(default=4, ge=2)
    within: bool = True
    min_sd: float = Field(default=1e-3, ge=0)
    motion_positions: tuple[Kind, ...] = ("thermal", "inherent", "cage", "time-averaged")
    part_positions: tuple[Kind, ...] = ("thermal", "inherent")
    network_positions: tuple[Kind, ...] = ("inherent",)
    selection_positions: tuple[Kind, ...] = ("thermal", "inherent")
    selected: int = Field(default=150, ge=1)
    selection_order: int = Field(default=2, ge=0)
    learning_positions: tuple[Kind, ...] = ("thermal", "inherent")
    subsets: int = Field(default=2, ge=1)
    splits: int = Field(default=50, ge=2)
    permutations: int = Field(default=20, ge=2)
    seed: int = Field(default=13, ge=0)


class PropensitySettings(_Strict):
    """Everything that `vitrify run propensity` and `vitrify run propensity-hard-spheres` do."""

    scale: str = "demo"
    source: Source | None = None
    runs: Runs = Runs()
    structure: Structure = Structure()
    regression: Regression = Regression()

    @model_validator(mode="after")
    def _possible(self) -> PropensitySettings:
        if self.runs.system == "hard-spheres" and "inherent" in self.structure.positions:
            raise ValueError(
                "hard spheres have no inherent structures; leave them out of `structure.positions`"
            )
        if self.source is None and self.runs.longest < self.runs.shortest:
            raise ValueError("`runs.longest` must not be below `runs.shortest`")
        return self


_DEMO: dict[str, Any] = {
    "n_configurations": 6,
    "n_runs": 10,
    "hold_time": 100.0,
    "apart": 100.0,
    "longest": 100.0,
    "shortest": 10.0,
    "per_decade": 3.0,
}
_STUDY: dict[str, Any] = {
    "n_configurations": 20,
    "n_runs": 30,
    "hold_time": 500.0,
    "apart": 500.0,
    "time_step": 0.0075,
    "shortest": 22.0,
    "longest": 2200.0,
    "per_decade": 4.0,
    "leg_ends": (220.0, 700.0),
}
_PAPER = _STUDY | {
    "n_particles": 4096,
    "temperature": 0.44,
    "n_configurations": 400,
    "hold_time": 50_000.0,
    "apart": 20_000.0,
    "shortest": 0.6,
    "longest": 60_000.0,
    "leg_ends": (6000.0,),
}
_SPHERES: dict[str, dict[str, Any]] = {  # times in σ√(m/k_B T); A relaxes within 8 at 0.55, 24 at 0.56
    "demo": {
        "n_particles": 500,
        "n_configurations": 10,
        "n_runs": 10,
        "hold_time": 100.0,
        "apart": 50.0,
        "shortest": 1.0,
        "longest": 32.0,
        "per_decade": 2.0,
    },
    "study": {
        "n_particles": 1000,
        "n_configurations": 20,
        "n_runs": 30,
        "hold_time": 300.0,
        "apart": 150.0,
        "shortest": 2.5,
        "longest": 250.0,
        "per_decade": 4.0,
        "leg_ends": (25.0, 80.0),
    },
    "paper": {
        "n_particles": 2000,
        "n_configurations": 100,
        "n_runs": 50,
        "hold_time": 100_000.0,
        "apart": 30_000.0,
        "shortest": 1.0,
        "longest": 100_000.0,
        "per_decade": 3.0,
        "leg_ends": (1000.0,),
    },
}
_PACKING = {"demo": 0.55, "study": 0.56, "paper": 0.58}


def propensity_preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of `vitrify run propensity` at a scale, as nested dicts; the density is that of Kob-Andersen.

    Examples
    --------
    >>> propensity_preset("study")["runs"]["n_configurations"]
    20
    """
    runs = {"demo": _DEMO, "study": _STUDY, "paper": _PAPER}[known_scale(scale)]
    regression = {"network_positions": ()} if scale == "paper" else {}  # its features do not fit into memory
    return {"scale": scale, "runs": {**runs, "density": density}, "structure": {}, "regression": regression}


def hard_sphere_preset(scale: str, density: float = 0.0) -> dict[str, Any]:
    """Return the settings of `vitrify run propensity-hard-spheres`; the density is a packing
    fraction, by default that of the scale.

    Examples
    --------
    >>> hard_sphere_preset("paper")["runs"]["n_runs"]
    50
    """
    runs: dict[str, Any] = {
        "system": "hard-spheres",
        "engine": "event-driven",
        "temperature": 1.0,
        "wave_vector": 7.2,
    }
    return {
        "scale": scale,
        "runs": {**runs, **_SPHERES[known_scale(scale)], "density": density or _PACKING[scale]},
        "structure": {
            "positions": ("thermal", "cage"),
            "descriptors": "boattini-2021-hard-spheres",
            "cage_radius": 0.2,
        },
        "regression": {
            "selection_positions": ("thermal",),
            "learning_positions": ("thermal",),
            "network_positions": () if scale == "paper" else ("thermal",),
        },
    }


def load_propensity_settings(
    scale: str = "demo", density: float = 1.2, file: SettingsFile = None, overrides: Overrides = None
) -> PropensitySettings:
    """Return the settings of `vitrify run propensity`: as `settings_of`, whose parameters these are."""
    return settings_of(PropensitySettings, propensity_preset, scale, density, file, overrides)


def load_hard_sphere_settings(
    scale: str = "demo", density: float = 0.0, file: SettingsFile = None, overrides: Overrides = None
) -> PropensitySettings:
    """Return the settings of `vitrify run propensity-hard-spheres`: as `settings_of`, whose parameters these are."""
    return settings_of(PropensitySettings, hard_sphere_preset, scale, density, file, overrides)
