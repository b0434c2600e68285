"""`vitrify run caging-softness`: the softness of the mean-field cage of every particle, and who rearranges (Sharma 2022)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vitrify.citations import for_methods
from vitrify.parallel import Workforce
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain, versions
from vitrify.studies.caging_collect import (
    Caged,
    bulk_dataset,
    correlation_dataset,
    distribution_dataset,
    motion_dataset,
    propagator_dataset,
    smeared_dataset,
    structure_dataset,
)
from vitrify.studies.caging_counts import SoftMotion
from vitrify.studies.caging_depths import measure_depths
from vitrify.studies.caging_motion import measure_motions
from vitrify.studies.caging_place import CagingPlace, simulate_caging
from vitrify.studies.caging_rearranging import (
    barriers_dataset,
    fit_all,
    probability_dataset,
    rearranging_dataset,
    variations_dataset,
)
from vitrify.studies.caging_settings import CagingSettings
from vitrify.studies.caging_structure import make_map, measure_structures, structures_of, trajectory_identity
from vitrify.studies.caging_table import run_description, table_rows, warnings_of
from vitrify.studies.caging_time import measure_times
from vitrify.studies.finished import program_hash
from vitrify.studies.frame import require_engine, require_report, run_steps

if TYPE_CHECKING:
    from vitrify.report.results import SoftnessResults
    from vitrify.theory.caging import CagingMap


def run_caging(
    settings: CagingSettings, out: Path, progress: Progress, workers: int | Workforce | None = None
) -> Path:
    """Run the whole study into `out` and return the path of its report.

    Parameters
    ----------
    settings : CagingSettings
    out : Path
        Made if it does not exist. A run killed at any moment goes on from there with the same call.
    progress : Progress
    workers : int or Workforce, optional

    Raises
    ------
    MissingExtraError
        Before anything runs, if what simulation or report need is not installed.
    SettingsError
        If `out` cannot be a folder.
    StoreBusyError
        If another process works in `out`.
    """
    require_report()
    require_engine(settings)
    place = CagingPlace(Path(out), settings)

    def make() -> CagingMap:
        simulate_caging(place, progress, workers)
        measure_structures(place, progress, workers)
        relation = make_map(place)
        measure_motions(place, progress, workers)
        measure_depths(place, progress, workers)
        measure_times(place, progress, workers)
        return relation

    return run_steps(
        place, make, lambda made: _inputs(place, made), lambda made: collect_caging(place, made), progress
    )


def _inputs(place: CagingPlace, relation: CagingMap) -> str:
    return identity(
        {
            "settings": place.settings.model_dump(mode="json"),
            "trajectories": {
                p.label: trajectory_identity(place.trajectory(p)) for p in place.settings.points
            },
            "map": to_plain(relation.to_dict()),
            "versions": versions(),
            "program": program_hash(),
        }
    )


def collect_caging(place: CagingPlace, relation: CagingMap) -> SoftnessResults:
    """Return everything that the report shows; reads what was measured, runs no simulation."""
    from vitrify.report.results import SoftnessResults

    settings = place.settings
    found = Caged(
        place, relation, structures_of(place), [SoftMotion(place, p, relation) for p in settings.points]
    )
    fits = fit_all(found)
    barriers = barriers_dataset(fits[0], settings.probabilities.min_events)
    datasets = {
        "caging_bulk": bulk_dataset(found),
        "caging_structure": structure_dataset(found),
        "caging_smeared": smeared_dataset(found),
        "caging_depth_distribution": distribution_dataset(found, "depth"),
        "caging_softness_distribution": distribution_dataset(found, "softness"),
        "caging_correlation": correlation_dataset(found),
        "caging_propagator": propagator_dataset(found),
        "caging_motion": motion_dataset(found),
        "caging_rearranging": rearranging_dataset(found, fits[0]),
        "caging_probability": probability_dataset(fits[0]),
        **({} if barriers is None else {"caging_barriers": barriers}),
        "caging_variations": variations_dataset(fits),
    }
    for dataset in datasets.values():
        for name in dataset.variables:
            dataset[name].attrs = {}
    return SoftnessResults(
        table=tuple(table_rows(found, fits, datasets)),
        run=run_description(found, fits),
        citations=for_methods(_methods(settings)),
        warnings=warnings_of(found, fits),
        datasets=datasets,
        edition="caging-softness",
        advice={
            "caging_barriers": "Barriers need two bins of softness with enough rearrangements at three temperatures. Add frames."
        },
    )


def _methods(settings: CagingSettings) -> list[str]:
    engine = ["lammps"] if settings.simulation.engine == "lammps" else []
    return ["caging_softness", "p_hop", "softness", "kob_andersen", *engine, "nose_hoover"]
