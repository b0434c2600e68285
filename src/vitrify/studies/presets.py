"""What the scales of a study stand for: state points, sizes and times at every density of the paper."""

from __future__ import annotations

from typing import Any


def demo() -> dict[str, Any]:
    """Return the settings of a laptop: minutes, at density 1.20."""
    points = [
        {"temperature": 0.47, "frames": 950, "hold_time": 4000.0, "replica": 1, "training": True},
        {"temperature": 0.47, "frames": 500, "hold_time": 4000.0},
        {"temperature": 0.50, "frames": 440, "hold_time": 2500.0},
        {"temperature": 0.53, "frames": 330, "hold_time": 1200.0},
        {"temperature": 0.58, "frames": 80, "hold_time": 600.0},
    ]
    # so short a run has few particles that stay quiet for a whole relaxation time (300): two thirds of it
    return {"scale": "demo", "state_points": points, "training": {"quiet_time": 200}}


def study() -> dict[str, Any]:
    """Return the settings of an afternoon: N = 4096, three temperatures, at density 1.20."""
    points = [
        {"temperature": 0.47, "frames": 3000, "hold_time": 2500.0, "replica": 1, "training": True},
        {"temperature": 0.47, "frames": 1000, "hold_time": 2500.0},
        {"temperature": 0.50, "frames": 1000, "hold_time": 1200.0},
        {"temperature": 0.53, "frames": 500, "hold_time": 500.0},
    ]
    return {
        "scale": "study",
        "state_points": points,
        "simulation": {"n_particles": 4096, "frames_per_unit": 25},
        "training": {"solver": "linear_svc"},
        "statistics": {"bins": 20},
    }


def hotter() -> list[dict[str, Any]]:
    """Return two liquids hotter than those of `study`, shorter: they relax within their length."""
    return [
        {"temperature": 0.56, "frames": 400, "hold_time": 250.0},
        {"temperature": 0.60, "frames": 200, "hold_time": 150.0},
    ]


PAPER_TEMPERATURES = {  # Schoenholz et al. 2016, Table I; 0.97 stands there twice for 1.25
    1.15: (0.37, 0.42, 0.45, 0.52),
    1.20: (0.47, 0.51, 0.53, 0.56, 0.58, 0.70),
    1.25: (0.58, 0.61, 0.69, 0.76, 0.97),
    1.30: (0.70, 0.75, 0.84, 0.92, 1.12),
}

REFERENCE_DENSITY = 1.20  # density of the liquids that demo and study describe
_ISOMORPHS: dict[float, tuple[tuple[float, ...], float]] = {
    # temperatures at which a liquid moves as at 0.47, 0.50, 0.53, 0.58 and density 1.20: those scaled by the ratio of the
    # coldest temperatures of Table I; and the length of a relaxation time in units of that at 1.20
    1.15: ((0.37, 0.39, 0.42, 0.46), 1.15),
    1.25: ((0.58, 0.62, 0.65, 0.71), 0.9),
    1.30: ((0.70, 0.75, 0.80, 0.87), 0.8),
}
_FRAMES = {"demo": (950, 500, 440, 330, 80), "study": (1000, 300, 250, 200)}
_HOLD = 300.0  # at 1.20; starts that come with vitrify for other densities are scaled from those at 1.20 and held so long


def moved(base: dict[str, Any], density: float) -> dict[str, Any]:
    """Return the settings of a scale at another density: state points along the isomorph, times in its units."""
    temperatures, factor = _ISOMORPHS[density]
    frames = _FRAMES[base["scale"]]
    training, *others = base["state_points"]
    hold = {"hold_time": _HOLD * factor} if density == 1.30 else {}
    points = [
        {**point, "hold_time": point["hold_time"] * factor, **hold, "temperature": t, "frames": n}
        for point, t, n in zip(
            (training, *others), (temperatures[0], *temperatures[: len(others)]), frames, strict=True
        )
    ]
    time_step = 0.004 if density > REFERENCE_DENSITY else 0.005
    quiet = base["training"].get("quiet_time", 300)
    return {
        **base,
        "state_points": points,
        "simulation": {**base.get("simulation", {}), "density": density, "time_step": time_step},
        "training": {**base["training"], "quiet_time": round(quiet * factor)},
    }


def paper(density: float) -> dict[str, Any]:
    """Return the settings of the paper at one of its densities."""
    temperatures = PAPER_TEMPERATURES[density]
    points = [{"temperature": t, "frames": 30_000, "hold_time": 30_000.0} for t in temperatures]
    points.append({**points[0], "replica": 1, "training": True})
    return {
        "scale": "paper",
        "state_points": points,
        "simulation": {"n_particles": 10_000, "density": density, "time_step": 0.0025, "frames_per_unit": 50},
        "training": {"segments": 10, "quiet_time": 500, "solver": "linear_svc"},
        "statistics": {"bins": 30},
        "equilibrate": True,
    }


def coldest_temperatures() -> dict[float, float]:
    """Return the coldest temperature of Table I at each of its densities.

    Examples
    --------
    >>> coldest_temperatures()[1.3]
    0.7
    """
    return {density: min(temperatures) for density, temperatures in PAPER_TEMPERATURES.items()}
