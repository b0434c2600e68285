"""`vitrify benchmark`: predictions from anybody's code, and those that vitrify has, scored on the same labels."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, SettingsError
from vitrify.particles.ensemble import SETTINGS, read_settings
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain, versions
from vitrify.readers.predictions import PredictionTable, read_predictions
from vitrify.readers.propensity import read_propensity
from vitrify.report.results import SoftnessResults
from vitrify.studies import benchmark_labels as labels
from vitrify.studies import benchmark_own as own
from vitrify.studies.benchmark_results import Ranking, print_scores, results_of, write_table
from vitrify.studies.benchmark_rows import Observations, Prediction, from_samples, predictions_of
from vitrify.studies.benchmark_scores import ScoreOptions
from vitrify.studies.finished import content_hash, program_hash
from vitrify.studies.frame import require_report, run_steps

_STUDY = "regression"


@dataclass(frozen=True)
class BenchmarkSettings:
    """What is scored on what.

    Parameters
    ----------
    labels : Path
        File or folder of configurations with a measured propensity, folder of a propensity study, or a trajectory store
        with rearrangements.
    tables : tuple of Path
        With predictions.
    own : bool, default True
        Whether vitrify's own numbers are ranked too.
    time : float, time, optional
        Of end points whose files do not say it.
    rank_time : float, time, optional
        At which predictions are ranked; by default the one nearest the relaxation time.
    species : str, optional
        By which predictions are ranked; by default the most numerous.
    configurations : tuple of int, optional
        To score; all by default.
    within : int, frames, optional
        In which a rearrangement counts; by default the window of p_hop.
    model : str, optional
        For the local energy, where the labels do not say which it is.
    scoring : ScoreOptions
    """

    labels: Path
    tables: tuple[Path, ...] = ()
    own: bool = True
    time: float | None = None
    rank_time: float | None = None
    species: str | None = None
    configurations: tuple[int, ...] | None = None
    within: int | None = None
    model: str | None = None
    scoring: ScoreOptions = field(default_factory=ScoreOptions)


@dataclass(frozen=True)
class BenchmarkPlace:
    """Where a benchmark keeps what.

    Parameters
    ----------
    out : Path
        The folder given as ``--out``.
    """

    out: Path

    @property
    def results(self) -> Path:
        """Folder of everything that the report is made from."""
        return self.out / "results"


class _Labels(NamedTuple):
    """Labels, and how to make what else is ranked on them."""

    seen: Observations
    ranking: Ranking
    numbers: Callable[[], Iterator[tuple[str, NDArray[np.float64]]]]
    regressions: Callable[[], Iterator[Prediction]]
    ceilings: Callable[[], Any]
    said: list[str]


class _Made(NamedTuple):
    labels: _Labels
    given: list[Prediction]


def run_benchmark(settings: BenchmarkSettings, out: Path, progress: Progress) -> Path:
    """Score and rank predictions into `out` and return the path of the page.

    Parameters
    ----------
    settings : BenchmarkSettings
    out : Path
        For report.html, figures and benchmark.csv; made if it does not exist. Where the same was scored before, it stays as
        it is.
    progress : Progress

    Raises
    ------
    MissingExtraError
        If what the page needs is not installed.
    FileFormatError
        If a table or the labels cannot be read, or rows and particles do not match; file and line are named.
    ParameterError, SettingsError, StoreError, TooFewEventsError
        If an option cannot be meant, the labels are incomplete, or there is nothing to rank.
    """
    require_report()
    place = BenchmarkPlace(Path(out))

    def make() -> _Made:
        store = _is_store(settings.labels)
        tables = [read_predictions(path, "frame" if store else "configuration") for path in settings.tables]
        found = _of_store(settings, tables) if store else _of_propensity(settings)
        for table in tables:
            if table.ignored:
                found.said.append(
                    f"Columns of {table.path.name} that are no numbers: {', '.join(table.ignored)}."
                )
        return _Made(found, predictions_of(tables, found.seen))

    def inputs(made: _Made) -> str:
        plain = to_plain({k: str(v) for k, v in asdict(settings).items()})
        files = [content_hash(path) for path in settings.tables]
        seen = _hash(made.labels.seen.target, made.labels.seen.index, made.labels.seen.particle)
        return identity(
            {
                "settings": plain,
                "tables": files,
                "labels": seen,
                "versions": versions(),
                "program": program_hash(),
            }
        )

    def collect(made: _Made) -> SoftnessResults:
        given = {row.name for row in made.given}
        own_rows = _own(made.labels) if settings.own else []
        predictions = [*made.given, *(_apart(row, given) for row in own_rows)]
        if not predictions:
            raise SettingsError(
                "There is nothing to rank: name a table of predictions, or leave out `--no-own`."
            )
        ceilings = made.labels.ceilings()
        said = list(made.labels.said)
        if made.labels.seen.kind == "propensity" and ceilings is None:
            said.append("Single runs are not known, so there is no noise ceiling.")
        run = _run(settings, made.labels.seen, predictions)
        return results_of(
            predictions, made.labels.seen, made.labels.ranking, settings.scoring, ceilings, run, said
        )

    report = run_steps(place, make, inputs, collect, progress)
    results = SoftnessResults.load(place.results)
    print_scores(results)
    progress.note(f"Ranked by {results.run['ranked by']}. Every score: {write_table(results, place.out)}")
    return report


def _is_store(path: Path) -> bool:
    return path.suffix == ".zarr" or (path / "zarr.json").exists()


def _hash(*arrays: NDArray[Any]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _run(
    settings: BenchmarkSettings, seen: Observations, predictions: Sequence[Prediction]
) -> dict[str, Any]:
    groups = np.unique(seen.index)
    mobile = (
        f"the {settings.scoring.mobile_fraction:.0%} of each species in each configuration that go farthest"
    )
    rearranging = f"those that begin to rearrange in the time {seen.times[0]:g}"
    return {
        "title": f"Predictions on {settings.labels.name}",
        "labels": str(settings.labels),
        f"{seen.group_name}s": len(groups),
        "particles": len(seen.index),
        "times": [float(t) for t in seen.times],
        "mobile": mobile if seen.kind == "propensity" else rearranging,
        "predictions": len(predictions),
        "tables": [str(path) for path in settings.tables] or "none",
        "command line": " ".join(["vitrify", *sys.argv[1:]]),
    }


# -- labels ----------------------------------------------------------------------------------------------------------


def _of_propensity(settings: BenchmarkSettings) -> _Labels:
    path = settings.labels
    is_study = (path / _STUDY).is_dir() and (path / SETTINGS).exists()
    samples, model = _of_study(path) if is_study else (
        read_propensity(path, time=settings.time),
        _model_of_runs(path),
    )  # fmt: skip
    chosen = list(range(len(samples)) if settings.configurations is None else settings.configurations)
    seen = from_samples(samples, str(path), chosen)
    if settings.within is not None:
        raise ParameterError(
            "`--within` belongs to the rearrangements of a trajectory; these labels are a propensity."
        )
    kept = [samples[k] for k in chosen]
    time = labels.relaxation_time_index(kept, settings.rank_time)
    model = own.model_called(settings.model) or model
    said = [] if len(kept) > 1 else ["One configuration gives no error: its particles move together."]
    return _Labels(
        seen,
        Ranking("pearson", _species(settings, seen), time),
        lambda: own.numbers_of_samples(samples, chosen, model),
        lambda: own.held_out_regressions(path, seen) if is_study else iter(()),
        lambda: labels.ceilings(samples, chosen),
        said,
    )


def _of_study(path: Path) -> tuple[list[MeasuredPropensity], Any]:
    """Return the configurations of a propensity study, and its model."""
    from vitrify.particles.ensemble import read_ensemble
    from vitrify.studies.propensity_samples import PropensityPlace, model_of
    from vitrify.studies.propensity_settings import PropensitySettings

    try:
        settings = PropensitySettings.model_validate_json((path / SETTINGS).read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(
            f"{path / SETTINGS} is not that of a propensity study: {error}. Name the folder given as `--out` of one."
        ) from error
    source = settings.source
    if source is None:
        return read_ensemble(PropensityPlace(path, settings).ensemble), model_of(settings)
    return read_propensity(Path(source.data), time=source.time, temperature=source.temperature), model_of(
        settings
    )


def _model_of_runs(path: Path) -> Any:
    """Return the model of a folder of our own runs; None for data of others."""
    if not (path / SETTINGS).exists():
        return None
    return own.model_called(None, read_settings(path).get("run", {}).get("model"))


def _of_store(settings: BenchmarkSettings, tables: Sequence[PredictionTable]) -> _Labels:
    for name, given in (("--configurations", settings.configurations), ("--rank-time", settings.rank_time)):
        if given is not None:
            raise ParameterError(f"`{name}` belongs to a propensity; {settings.labels} is a trajectory.")
    trajectory = Trajectory.open(settings.labels)
    seen, unused = labels.from_store(settings.labels, tables, settings.within)
    known = trajectory.provenance.get("run", {}).get("model")
    model = own.model_called(settings.model, known)
    said = [
        f"{unused} frames are too near the ends to see whether a rearrangement follows, and were left out."
    ]
    return _Labels(
        seen,
        Ranking("area", _species(settings, seen), 0),
        lambda: own.numbers_of_store(seen, trajectory, model),
        lambda: iter(()),
        lambda: None,
        said[: unused > 0],
    )


def _species(settings: BenchmarkSettings, seen: Observations) -> str:
    names = seen.species_names
    if settings.species is not None and settings.species not in names:
        raise ParameterError(
            f"`--species` must be one of {', '.join(sorted(names))}, those of {seen.source}; it is '{settings.species}'."
        )
    return settings.species or names[0]


def _own(made: _Labels) -> list[Prediction]:
    """Return the rows that vitrify adds, oriented so that large means mobile."""
    found = list(made.regressions())
    for name, values in made.numbers():
        row = own.oriented(name, values, made.seen, made.ranking.time, made.ranking.species)
        if row is not None:
            found.append(row)
    return found


def _apart(row: Prediction, taken: set[str]) -> Prediction:
    """Return a row of vitrify under a name that no table has."""
    return replace(row, name=f"{row.name} ({own.OWN})") if row.name in taken else row
