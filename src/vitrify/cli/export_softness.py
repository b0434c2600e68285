"""`vitrify export-softness`: a trained softness as files for LAMMPS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export_softness(
    model: Annotated[Path, typer.Argument(metavar="SOFTNESS", help="Trained softness, .json.")],
    out: Annotated[Path, typer.Option(help="Folder for softness.table and in.softness.")],
) -> None:
    """Write a softness of radial functions as a LAMMPS pair table."""
    from vitrify.predictors.compiled import CompiledSoftness
    from vitrify.predictors.compiled_export import export_lammps
    from vitrify.predictors.trained import TrainedSoftness

    trained = TrainedSoftness.load(model)
    compiled = CompiledSoftness.from_trained(trained)
    written = export_lammps(compiled, out)
    print(
        f"{written.table}: {written.points} points from {written.inner:g} to {written.cutoff:g} for each species around "
        f"{compiled.centre_species}; with LAMMPS' spline the softness is exact to {written.error:.1e}"
    )
    print(
        f"{written.commands}: energy of an atom {compiled.centre_species} and S_0 = {compiled.constant:.12g} is its "
        "softness; the energy of other atoms means nothing"
    )
    print(
        f"CompiledSoftness in Python: exact to {compiled.interpolation_error:.1e} for up to {compiled.neighbours} neighbours"
    )
