"""What a study will cost, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitrify.parallel import available_cores
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import make_model, needs_equilibration

# Rates of one 2026 x86-64 core on Kob-Andersen at rho = 1.2; benchmarks/ measures them, results never depend on them.
_MD_PARTICLE_STEPS = 1.2e6
_QUENCH_PARTICLE_FRAMES = 9.0e3
_DESCRIBED_PARTICLES = 9.0e3
_BYTES_PER_POSITION = 8


@dataclass(frozen=True)
class Cost:
    """Estimated cost of one state point.

    Attributes
    ----------
    label : str
    frames : int
    core_seconds : float
    gigabytes : float
        On disk.
    """

    label: str
    frames: int
    core_seconds: float
    gigabytes: float


def cost_of(settings: SoftnessSettings, point: StatePoint) -> Cost:
    """Return the estimated cost of one state point.

    Examples
    --------
    >>> from vitrify.studies.settings import load_settings
    >>> settings = load_settings("study")
    >>> cost_of(settings, settings.state_points[0]).frames
    3000
    """
    n, seconds = settings.simulation.n_particles, 0.0
    if settings.simulation.engine == "dryrun":  # frames are drawn, and come quenched
        n = make_model(settings).n_particles
    else:
        seconds = n * _simulated_time(settings, point) / settings.simulation.time_step / _MD_PARTICLE_STEPS
        seconds += n * point.frames / _QUENCH_PARTICLE_FRAMES
    if not point.training:
        seconds += 0.8 * n * point.frames / settings.statistics.stride / _DESCRIBED_PARTICLES
    volume = n * point.frames * _BYTES_PER_POSITION * (3 + 3 + 1)  # thermal, inherent, p_hop
    return Cost(point.label, point.frames, seconds, volume / 1e9)


def _simulated_time(settings: SoftnessSettings, point: StatePoint) -> float:
    production = point.frames * settings.simulation.frame_interval
    if needs_equilibration(settings, point):
        s = settings.simulation
        return production + point.hold_time + s.melt_time + s.cooling_time
    return production


def minutes_in_words(seconds: float) -> str:
    """Return a duration in minutes, and what that is in hours or days where it is long.

    Examples
    --------
    >>> minutes_in_words(540.0), minutes_in_words(18_000.0), minutes_in_words(864_000.0)
    ('9 minutes', '300 minutes (5 hours)', '14400 minutes (10 days)')
    """
    minutes = f"{max(1, seconds / 60):.0f} minutes"
    if seconds < 2 * 3600:
        return minutes
    if seconds < 48 * 3600:
        return f"{minutes} ({seconds / 3600:.0f} hours)"
    return f"{minutes} ({seconds / 86400:.0f} days)"


def print_cost(
    settings: SoftnessSettings,
    workers: int | None = None,
    study: str = "softness",
    more: tuple[Cost, ...] = (),
) -> None:
    """Print a table of frames, minutes and gigabytes per state point, of what a study does besides, and in all."""
    print_costs(
        [*(cost_of(settings, p) for p in settings.state_points), *more], settings.scale, workers, study
    )


def print_costs(
    costs: Sequence[Cost], scale: str, workers: int | None = None, study: str = "softness"
) -> None:
    """Print a table of frames, minutes and gigabytes, line by line and in all."""
    from rich.console import Console
    from rich.table import Table

    cores = workers or available_cores()
    table = Table("state point", title=f"vitrify run {study}, {scale}")
    for heading in ("frames", "core minutes", "GB on disk"):
        table.add_column(heading, justify="right")
    for c in costs:
        table.add_row(c.label, str(c.frames), f"{c.core_seconds / 60:.1f}", f"{c.gigabytes:.3f}")
    total = sum(c.core_seconds for c in costs)
    longest = max(c.core_seconds for c in costs)
    table.add_section()
    table.add_row(
        "all",
        str(sum(c.frames for c in costs)),
        f"{total / 60:.1f}",
        f"{sum(c.gigabytes for c in costs):.3f}",
    )
    console = Console()
    console.print(table)
    console.print(
        f"About {minutes_in_words(max(total / cores, longest))} on {cores} cores, after installation and the first "
        "compilation (a minute). Estimated from the speed of one common core; nothing has been run."
    )
