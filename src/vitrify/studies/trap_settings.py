"""What `vitrify run trap-model` is told: the softness study's settings, the trap model's own, and those of ageing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vitrify.errors import SettingsError
from vitrify.studies.ageing_settings import AgeingSettings
from vitrify.studies.presets import hotter
from vitrify.studies.settings import Overrides, SettingsFile, SoftnessSettings, _Strict, settings_of
from vitrify.studies.settings import preset as softness_preset

_FINAL_TEMPERATURES = (0.70, 0.60, 0.53, 0.47, 0.40)
_HOT_FRAMES = 80  # of which p_hop leaves the first fifty to softness


class TrapSettings(_Strict):
    """How the trap model is fitted, and what it is asked.

    Parameters
    ----------
    degree : {1, 2}
        Of ΔE(S).
    resamples : int
        Of trajectory segments; every band of the report is what scatters among them.
    seed : int
    matching_temperature : float, optional, energy / k_B
        Where the one factor of all rates is fixed, so that model and liquid relax alike there. By default the hottest
        temperature whose overlap is seen to fall to 1/e.
    glass_time : float, time
        Relaxation time that defines the glass temperature of the parabolic law.
    glass_temperature : float, optional, energy / k_B
        At which fragility is quoted besides.
    """

    degree: Literal[1, 2] = 2
    resamples: int = Field(default=200, ge=20)
    seed: int = Field(default=23, ge=0)
    matching_temperature: float | None = Field(default=None, gt=0)
    glass_time: float = Field(default=1e7, gt=0)
    glass_temperature: float | None = Field(default=None, gt=0)


class TrapModelSettings(SoftnessSettings):
    """Everything that `vitrify run trap-model` does.

    Hot state points with few frames are good for ⟨S⟩(T) and relaxation; rates are fitted where p_hop is quiet enough,
    as `Statistics.max_active_fraction` says.
    """

    trap: TrapSettings = TrapSettings()
    ageing: AgeingSettings = AgeingSettings()


def _hot(temperature: float, hold_time: float) -> dict[str, Any]:
    return {"temperature": temperature, "frames": _HOT_FRAMES, "hold_time": hold_time}


def _demo() -> dict[str, Any]:
    base = softness_preset("demo")
    # liquids this hot forget their melt within a few units of time
    base["simulation"] = {"melt_time": 20.0, "cooling_time": 60.0}
    base["state_points"] += [_hot(0.70, 40.0), _hot(1.0, 20.0)]
    base["ageing"] = {"samples": 3, "longest": 40.0}
    return base


def _study() -> dict[str, Any]:
    base = softness_preset("study")
    base["state_points"] += [*hotter(), _hot(0.70, 60.0), _hot(1.0, 40.0)]
    base["ageing"] = {"samples": 6, "longest": 400.0, "per_decade": 5}
    return base


def _paper() -> dict[str, Any]:
    base = softness_preset("paper", 1.2)
    cold, warm = (0.43, 0.45, 0.47), (0.55, 0.60)
    points = [{"temperature": t, "frames": 30_000, "hold_time": 30_000.0} for t in cold]
    points += [{"temperature": t, "frames": 10_000, "hold_time": 3_000.0} for t in warm]
    points += [{"temperature": t, "frames": 1_000, "hold_time": 500.0} for t in (0.70, 1.0)]
    points.append(
        {"temperature": 0.47, "frames": 30_000, "hold_time": 30_000.0, "replica": 1, "training": True}
    )
    base["state_points"] = points
    base["ageing"] = {
        "final_temperatures": (0.70, 0.60, 0.55, 0.53, 0.47, 0.40, 0.35),
        "samples": 10,
        "longest": 10_000.0,
        "per_decade": 5,
        "n_particles": 10_000,
    }
    return base


def preset(scale: str, density: float = 1.2) -> dict[str, Any]:
    """Return the settings of a scale as nested dicts.

    Parameters
    ----------
    scale : {"demo", "study", "paper"}
        demo: ten minutes on a laptop. study: the softness study's N = 4096 with four hotter temperatures, and ageing of
        N = 1000. paper: N = 10 000 and the temperatures of Ridout et al.
    density : float, default 1.2
        The paper has no other.

    Raises
    ------
    SettingsError
        For an unknown scale or density.

    Examples
    --------
    >>> [p["temperature"] for p in preset("study")["state_points"][-4:]]
    [0.56, 0.6, 0.7, 1.0]
    """
    if density != 1.2:
        raise SettingsError(f"The trap model of Kob-Andersen liquids is at density 1.20, not {density}.")
    softness_preset(scale)
    base = {"demo": _demo, "study": _study, "paper": _paper}[scale]()
    base.setdefault("statistics", {})["overlap_cutoff"] = 0.3
    base["trap"] = {"glass_temperature": 0.40, "resamples": 100 if scale == "demo" else 200}
    base["ageing"].setdefault("final_temperatures", _FINAL_TEMPERATURES)
    return base


def load_trap_settings(
    scale: str = "demo", file: SettingsFile = None, overrides: Overrides = None
) -> TrapModelSettings:
    """Return the settings of `vitrify run trap-model`: as `settings_of`, whose parameters these are.

    Examples
    --------
    >>> load_trap_settings("study").trap.glass_temperature
    0.4
    """
    return settings_of(TrapModelSettings, preset, scale, 1.2, file, overrides)
