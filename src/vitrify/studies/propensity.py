"""`vitrify run propensity` and `vitrify run propensity-hard-spheres`: how far structure tells where particles will go."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vitrify.files import write_json
from vitrify.parallel import Workforce, one_thread
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.progress import Progress
from vitrify.provenance import identity, versions
from vitrify.studies.finished import content_hash, program_hash
from vitrify.studies.frame import require_report, run_steps
from vitrify.studies.propensity_features import describe_all
from vitrify.studies.propensity_predictions import read_predictions
from vitrify.studies.propensity_regression import regress_all
from vitrify.studies.propensity_results import collect_propensity
from vitrify.studies.propensity_samples import PropensityPlace, samples_of
from vitrify.studies.propensity_settings import PropensitySettings
from vitrify.studies.propensity_transfer import transfer_all

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.report.results import SoftnessResults


class _Made(NamedTuple):
    """What the results are collected from."""

    samples: list[MeasuredPropensity]
    files: dict[str, Path]
    transfer: xr.Dataset | None


def run_propensity(
    settings: PropensitySettings, out: Path, progress: Progress, workers: int | Workforce | None = None
) -> Path:
    """Run the whole study into `out` and return the path of its report.

    Parameters
    ----------
    settings : PropensitySettings
    out : Path
        Made if it does not exist. A run killed at any moment goes on from there with the same call.
    progress : Progress
    workers : int or Workforce, optional

    Raises
    ------
    MissingExtraError
        Before anything runs, if what simulation or report need is not installed.
    SettingsError
        If `out` cannot be a folder, or the data have too few configurations.
    StoreBusyError
        If another process works in `out`.
    FileFormatError
        If the data cannot be read.
    """
    _require(settings)
    place = PropensityPlace(Path(out), settings)

    def make() -> _Made:
        write_json(place.out / "settings.json", settings.model_dump(mode="json"))
        samples = samples_of(place, progress, workers)
        describe_all(place, samples, progress, workers)
        files = regress_all(place, samples, progress, workers)
        return _Made(samples, files, transfer_all(place, samples, files, progress, workers))

    def inputs(made: _Made) -> str:
        of_files = {kind: content_hash(path) for kind, path in made.files.items()}
        transferred = None if made.transfer is None else made.transfer.to_dict()
        return identity(
            {
                "settings": settings.model_dump(mode="json"),
                "files": of_files,
                "transfer": str(transferred),
                "versions": versions(),
                "program": program_hash(),
            }
        )

    def collect(made: _Made) -> SoftnessResults:
        predictions = read_predictions(place, made.samples, made.files)
        return collect_propensity(place, predictions, made.transfer)

    with one_thread() if Workforce.of(workers).workers == 1 else nullcontext():
        return run_steps(place, make, inputs, collect, progress)


def _require(settings: PropensitySettings) -> None:
    require_report()
    if settings.source is None and settings.runs.engine == "lammps":
        from vitrify.engines.lammps import load_lammps

        load_lammps()
