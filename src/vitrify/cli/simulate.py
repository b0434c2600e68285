"""`vitrify simulate`: a trajectory of a glass-forming liquid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Trajectory store to make (a .zarr folder).")
    ],
    temperature: Annotated[float, typer.Option(help="Temperature, in epsilon_AA / k_B.")],
    frames: Annotated[int, typer.Option(help="Frames to save, one every --interval.")] = 200,
    n_particles: Annotated[int, typer.Option(help="Number of particles.")] = 1000,
    density: Annotated[float, typer.Option(help="Number density, in 1 / sigma_AA^3.")] = 1.2,
    smoothing: Annotated[
        str, typer.Option(help="Of the potential: quad, shift, force_shift or none.")
    ] = "quad",
    hold: Annotated[
        float, typer.Option(help="Time to hold at the temperature before the first frame.")
    ] = 1000.0,
    interval: Annotated[float, typer.Option(help="Time between frames.")] = 1.0,
    time_step: Annotated[float, typer.Option(help="Time step.")] = 0.005,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 2016,
) -> None:
    """Melt, cool, hold and simulate a Kob-Andersen liquid; repeat the command to resume."""
    from vitrify.cli.console import make_progress
    from vitrify.parallel import lock_folder
    from vitrify.studies.verbs import simulate_store

    with lock_folder(store.parent):
        simulate_store(
            store,
            {
                "temperature": temperature,
                "frames": frames,
                "hold_time": hold,
                "simulation": {
                    "n_particles": n_particles,
                    "density": density,
                    "smoothing": smoothing,
                    "frame_interval": interval,
                    "time_step": time_step,
                    "seed": seed,
                },
            },
            make_progress(),
        )
