"""What a study will cost, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from vitrify.parallel import available_cores
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import needs_equilibration

# Rates of one 2026 x86-64 core on Kob-Andersen at rho = 1.2; benchmarks/ measures them, results never depend on them.
_MD_PARTICLE_STEPS = 1.2e6
_QUENCH_PARTICLE_FRAMES = 9.0e3
_DESCRIBED_PARTICLES = 9.0e3
_BYTES_PER_POSITION = 8
_EQUILIBRATION_OVERHEAD = 300.0


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
    s, n = settings.simulation, settings.simulation.n_particles
    simulated = point.frames * s.frame_interval
    if needs_equilibration(settings, point):
        simulated += point.hold_time + _EQUILIBRATION_OVERHEAD
    seconds = n * simulated / s.time_step / _MD_PARTICLE_STEPS
    seconds += n * point.frames / _QUENCH_PARTICLE_FRAMES
    if not point.training:
        seconds += 0.8 * n * point.frames / settings.statistics.stride / _DESCRIBED_PARTICLES
    volume = n * point.frames * _BYTES_PER_POSITION * (3 + 3 + 1)  # thermal, inherent, p_hop
    return Cost(point.label, point.frames, seconds, volume / 1e9)


def print_cost(settings: SoftnessSettings, workers: int | None = None) -> None:
    """Print a table of frames, minutes and gigabytes per state point and in all."""
    from rich.console import Console
    from rich.table import Table

    cores = workers or available_cores()
    costs = [cost_of(settings, p) for p in settings.state_points]
    table = Table(
        "state point", "frames", "core minutes", "GB on disk", title=f"vitrify run softness, {settings.scale}"
    )
    for c in costs:
        table.add_row(c.label, str(c.frames), f"{c.core_seconds / 60:.1f}", f"{c.gigabytes:.2f}")
    total = sum(c.core_seconds for c in costs)
    longest = max(c.core_seconds for c in costs)
    table.add_section()
    table.add_row(
        "all",
        str(sum(c.frames for c in costs)),
        f"{total / 60:.1f}",
        f"{sum(c.gigabytes for c in costs):.2f}",
    )
    console = Console()
    console.print(table)
    console.print(
        f"About {max(total / cores, longest) / 60:.0f} minutes on {cores} cores, after installation and the first "
        "compilation (a minute). Estimated from the speed of one common core; nothing has been run."
    )
