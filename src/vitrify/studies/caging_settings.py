"""What `vitrify run caging-softness` is told: state points, simulation, and how the softness of cages is measured."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.errors import SettingsError
from vitrify.studies.settings import (
    Overrides,
    SettingsFile,
    SimulatedSettings,
    Simulation,
    _Strict,
    known_scale,
    settings_of,
)


class Bulk(_Strict):
    """How the structure of the whole liquid is measured.

    Parameters
    ----------
    frames : int
        Of each trajectory, evenly spaced, that S(q) and g(r) are averaged over.
    q_max : float, inverse length
        End of the integrals over q. 1/S has not converged there (its integrand grows as q⁴): it belongs to this q_max.
    vectors_per_bin : int
        Reciprocal vectors of each bin of q, chosen by the seed.
    q_width : float, inverse length
        Of the bins.
    r_max, r_width : float, length
        Of g(r), for its figure, its limits and the depth in r.
    blocks : int
        Groups of frames, whose scatter gives errors.
    seed : int
    """

    frames: int = Field(default=100, ge=8)
    q_max: float = Field(default=20.0, gt=0)
    vectors_per_bin: int = Field(default=60, ge=1)
    q_width: float = Field(default=0.1, gt=0)
    r_max: float = Field(default=4.0, gt=0)
    r_width: float = Field(default=0.01, gt=0)
    blocks: int = Field(default=8, ge=2)
    seed: int = Field(default=7, ge=0)


class Cages(_Strict):
    """How the softness of every particle is measured.

    Parameters
    ----------
    centre_species : str
    delta : float, length
        Standard deviation that each neighbour is smeared with.
    step : float, length
        Of the integral over r.
    correlation : {"local", "averaged"}
        Whether the direct correlation function follows from the particle's own g(r) or from that of the liquid.
    stride : int, frames
        Every so many frames all particles are measured.
    other_deltas : tuple of float, length
        Also drawn in the figure of the smeared g(r).
    smeared_frames : int
        Frames behind that figure.
    """

    centre_species: str = "A"
    delta: float = Field(default=0.09, gt=0)
    step: float = Field(default=0.01, gt=0)
    correlation: Literal["local", "averaged"] = "local"
    stride: int = Field(default=5, ge=1)
    other_deltas: tuple[float, ...] = (0.03, 0.1056, 0.2)
    smeared_frames: int = Field(default=4, ge=1)


class Hops(_Strict):
    """What counts as a rearrangement.

    Parameters
    ----------
    window : int, frames
        Both windows of p_hop together; two of eight frames span a time of 15, Δt of the paper.
    other_window : int, frames, optional
        A second one, whose numbers stand in the table beside.
    threshold : float, length squared, optional
        Of p_hop. By default that of the paper, measured at each temperature: the mean squared displacement at the time
        at which the non-Gaussian parameter is largest.
    also_common : bool
        Whether numbers stand in the table beside for one threshold at all temperatures, that of the coldest: p_c of each is noisy,
        and the probability to rearrange depends on it.
    also_root : bool
        Whether numbers stand in the table beside for the square root of the threshold, in the unit of p_hop here. The paper calls
        its threshold a root mean square, and writes p_hop as a length; either with both is the same, one without the other is not.
    """

    window: int = Field(default=16, ge=2, multiple_of=2)
    other_window: int | None = Field(default=14, ge=2, multiple_of=2)
    threshold: float | None = Field(default=None, gt=0)
    also_common: bool = True
    also_root: bool = True


class Time(_Strict):
    """How softness is followed in time.

    Parameters
    ----------
    overlap_cutoff : float, length
        a of Q(t).
    cage_cutoff : float, length
        Particles of the propagator have moved less.
    lags_per_decade : int
    origins : int
        Time origins for each lag.
    short_interval : float, time
        Between the frames of a second, short trajectory from the same start: what happens within a frame of the first.
    short_frames : int
        0 makes none.
    groups : int
        Of initial softness, of equal numbers, that are followed.
    wave_number : float, inverse length
        Of the scattering function behind the relaxation time.
    """

    overlap_cutoff: float = Field(default=0.3, gt=0)
    cage_cutoff: float = Field(default=0.5, gt=0)
    lags_per_decade: int = Field(default=8, ge=2)
    origins: int = Field(default=100, ge=2)
    short_interval: float = Field(default=0.05, gt=0)
    short_frames: int = Field(default=200, ge=0)
    groups: int = Field(default=7, ge=2)
    wave_number: float = Field(default=7.25, gt=0)


class Probabilities(_Strict):
    """How softness is turned into probabilities and barriers.

    Parameters
    ----------
    bins : int
        Of softness, of equal width between quantiles of all temperatures.
    min_events : int
        Bins with fewer events are left out of fits of single bins.
    degree : int
        Of the polynomials ΔE(S) and Σ(S) of the global fit.
    max_active_fraction : float
        Temperatures at which p_hop is above the threshold for a larger part of the time are shown but not fitted.
    segments : int
        Contiguous pieces of each trajectory, which errors are resampled from.
    resamples : int
    seed : int
    """

    bins: int = Field(default=12, ge=4)
    min_events: int = Field(default=10, ge=1)
    degree: int = Field(default=1, ge=1, le=3)
    max_active_fraction: float = Field(default=0.2, gt=0, le=1)
    segments: int = Field(default=8, ge=2)
    resamples: int = Field(default=200, ge=20)
    seed: int = Field(default=19, ge=0)


class CagingSettings(SimulatedSettings):
    """Everything that `vitrify run caging-softness` does."""

    simulation: Simulation = Simulation(engine="verlet", smoothing="shift")
    bulk: Bulk = Bulk()
    cages: Cages = Cages()
    hops: Hops = Hops()
    time: Time = Time()
    probabilities: Probabilities = Probabilities()

    @model_validator(mode="after")
    def _consistent(self) -> CagingSettings:
        temperatures = [p.temperature for p in self.state_points]
        if len(set(temperatures)) != len(temperatures):
            raise ValueError("two state points have the same temperature")
        if len(temperatures) < 3:
            raise ValueError(
                f"linear relations need three temperatures or more; there are {len(temperatures)}"
            )
        if any(p.density is not None for p in self.state_points):
            raise ValueError("state points have the density of the simulation here; leave out their own")
        if any(p.training for p in self.state_points):
            raise ValueError("nothing is learned: no state point can have training = true")
        if self.simulation.engine == "dryrun":
            raise ValueError(
                "simulation.engine = 'dryrun' has no forces, and cages are made of them: use 'verlet' or 'lammps'"
            )
        return self

    @property
    def points(self) -> tuple[Any, ...]:
        """State points, coldest first."""
        return tuple(sorted(self.state_points, key=lambda p: p.temperature))


def _points(rows: dict[float, tuple[int, float]]) -> list[dict[str, Any]]:
    """Return state points: temperature to frames and time of the hold."""
    return [{"temperature": t, "frames": n, "hold_time": hold} for t, (n, hold) in rows.items()]


_SIMULATION: dict[str, Any] = {
    "engine": "verlet",
    "smoothing": "shift",
    "melt_time": 30.0,
    "cooling_time": 150.0,
}


def _demo() -> dict[str, Any]:
    return {
        "state_points": _points(
            {
                0.50: (3000, 2500.0), 0.56: (1500, 500.0), 0.60: (1000, 250.0), 0.65: (600, 150.0), 0.80: (300, 60.0),
                1.0: (200, 40.0),
            }
        ),
        "simulation": {**_SIMULATION, "n_particles": 1000},
    }  # fmt: skip


def _study() -> dict[str, Any]:
    return {
        "state_points": _points(
            {
                0.47: (2000, 2500.0), 0.50: (1500, 1200.0), 0.53: (1000, 500.0), 0.56: (800, 300.0), 0.60: (500, 150.0),
                0.65: (400, 100.0), 0.70: (300, 80.0), 0.80: (300, 50.0), 1.0: (200, 40.0),
            }
        ),
        "simulation": {**_SIMULATION, "n_particles": 4096},
        "cages": {"stride": 5},
        "probabilities": {"bins": 16},
    }  # fmt: skip


def _paper() -> dict[str, Any]:
    return {
        "state_points": _points(
            {
                0.47: (20_000, 20_000.0), 0.50: (10_000, 10_000.0), 0.53: (5_000, 5_000.0), 0.56: (3_000, 2_000.0),
                0.60: (2_000, 1_000.0), 0.65: (2_000, 500.0), 0.70: (1_000, 300.0), 0.80: (1_000, 200.0), 1.0: (500, 100.0),
            }
        ),
        "simulation": {
            **_SIMULATION, "n_particles": 4000, "time_step": 0.0025, "thermostat_time": 0.25, "melt_time": 100.0,
            "cooling_time": 500.0, "frames_per_unit": 50,
        },
        "bulk": {"frames": 200},
        "cages": {"stride": 10},
        "probabilities": {"bins": 20},
    }  # fmt: skip


def preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
        demo: N = 1000, six temperatures, minutes. study: N = 4096 and nine temperatures from 0.47 to 1. paper: N = 4000
        with the time step and the thermostat of the paper, and longer runs.
    density : float, default 1.2
        The paper has no other.

    Raises
    ------
    SettingsError
        For an unknown scale or density.

    Examples
    --------
    >>> [p["temperature"] for p in preset("demo")["state_points"]]
    [0.5, 0.56, 0.6, 0.65, 0.8, 1.0]
    """
    if density != 1.2:
        raise SettingsError(f"The softness of cages is studied at density 1.20, not {density}.")
    return {"scale": scale, **{"demo": _demo, "study": _study, "paper": _paper}[known_scale(scale)]()}


def load_caging_settings(
    scale: str = "demo", file: SettingsFile = None, overrides: Overrides = None
) -> CagingSettings:
    """Return the settings of `vitrify run caging-softness`: as `settings_of`, whose parameters these are.

    Examples
    --------
    >>> load_caging_settings("study").hops.window
    16
    """
    return settings_of(CagingSettings, preset, scale, 1.2, file, overrides)
