"""`vitrify run onset`: a softness study at each density, and what its onset temperature depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrify.errors import SettingsError, StoreError
from vitrify.files import write_json
from vitrify.parallel import Workforce
from vitrify.progress import Progress
from vitrify.provenance import identity
from vitrify.studies.finished import inputs_identity
from vitrify.studies.frame import require_extras, run_steps
from vitrify.studies.learning import train
from vitrify.studies.onset_counts import starts_all
from vitrify.studies.onset_settings import OnsetSettings, load_onset_settings
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace
from vitrify.studies.softness import learn_from_trajectories, learn_softness

if TYPE_CHECKING:
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.report.results import SoftnessResults

    _Learned = tuple[Workplace, TrainedSoftness]


def places_of(
    out: Path,
    densities: Sequence[float],
    scale: str = "demo",
    file: Path | None = None,
    given: Mapping[float, Path] | None = None,
) -> list[Workplace]:
    """Return where each density is worked on: OUT/rho1.20, …, or beside the trajectories of a study that is there.

    Parameters
    ----------
    out : Path
    densities : sequence of float
    scale : str
    file : Path, optional
        TOML laid over the settings of every density.
    given : mapping of float to Path, optional
        Folder of a finished study by density; its state points are taken as they stand in its settings.

    Raises
    ------
    SettingsError
        For no density, one that a scale does not have, or a folder without settings or of another density.
    """
    given = dict(given or {})
    wanted = sorted({*densities, *given})
    if not wanted:
        raise SettingsError("`--densities` must name at least one density, such as 1.20,1.30.")
    return [_place(Path(out), density, scale, file, given.get(density)) for density in wanted]


def _place(out: Path, density: float, scale: str, file: Path | None, folder: Path | None) -> Workplace:
    inside = Path(out) / f"rho{density:.2f}"
    if folder is None:
        overrides: dict[str, Any] = {} if file is None else {"simulation": {"density": density}}
        return Workplace(inside, load_onset_settings(scale, density, file, overrides))
    found = _settings_in(Path(folder))
    if round(found["simulation"]["density"], 6) != round(density, 6):
        raise SettingsError(
            f"`--trajectories` {density:g}={folder}: the study there has density {found['simulation']['density']:g}. Give the "
            "density that it was made at."
        )
    asked = load_onset_settings(scale, density, file).onset if file else None
    raw = found | ({"onset": asked.model_dump()} if asked else {})
    return Workplace(inside, OnsetSettings.model_validate(raw), shared=Path(folder))


def _settings_in(folder: Path) -> dict[str, Any]:
    """Return the settings of the study in a folder: those that every study has."""
    path = folder / "settings.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        known = {key: raw[key] for key in SoftnessSettings.model_fields if key in raw}
        return SoftnessSettings.model_validate(known).model_dump()
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"`--trajectories` needs the folder of a study with its settings.json; {folder} has none that can be read "
            f"({type(error).__name__})."
        ) from error


def run_onset(
    places: Sequence[Workplace], out: Path, progress: Progress, workers: int | Workforce | None = None
) -> Path:
    """Run softness at every density, then compare onset temperatures, and return the path of the report.

    Parameters
    ----------
    places : sequence of Workplace
        From `places_of`.
    out : Path
        Made if it does not exist. A run killed at any moment goes on from there with the same call.
    progress, workers
        As of `vitrify.studies.softness.run_softness`.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As `vitrify.studies.softness.run_softness`.
    StoreError
        If trajectories that were given are not there to their end.
    """
    for place in places:
        require_extras(place.settings)

    def make() -> list[_Learned]:
        return [(place, _learn(place, progress, workers)) for place in places]

    held = [*(p.out for p in places), *(p.shared for p in places if p.shared)]
    return run_steps(Workplace(Path(out), places[0].settings), make, _inputs, _collect, progress, held)


def _learn(place: Workplace, progress: Progress, workers: int | Workforce | None) -> TrainedSoftness:
    progress.note(f"Density {place.settings.simulation.density:g}")
    if place.shared is None:
        trained = learn_softness(place, progress, workers)
    else:
        trained = _learn_from_given(place, progress, workers)
    starts_all(place, trained, progress, workers)
    return trained


def _learn_from_given(
    place: Workplace, progress: Progress, workers: int | Workforce | None
) -> TrainedSoftness:
    """Do what `learn_softness` does from the quench on, whatever start the trajectories were once made from.

    The softness is that of the given study, if it has learned one.
    """
    for point in place.settings.state_points:
        if not place.store(point).exists():
            raise StoreError(
                f"{place.store(point)} is not there, though the settings of its study name {point.label}. Finish that study "
                "first, or take the state point out of its settings."
            )
    write_json(place.out / "settings.json", place.settings.model_dump(mode="json"))
    return learn_from_trajectories(place, progress, workers, _softness_of_given)


def _softness_of_given(
    place: Workplace, progress: Progress, workers: int | Workforce | None
) -> TrainedSoftness:
    """Return the softness that the given study learned, or learn one from its training trajectory."""
    from vitrify.predictors.trained import TrainedSoftness

    assert place.shared is not None
    learned = place.shared / "softness.json"
    if not learned.exists():
        return train(place, progress, workers)
    trained = TrainedSoftness.load(learned)
    trained.save(place.model_file)
    return trained


def _inputs(learned: Sequence[_Learned]) -> str:
    return identity({"densities": [inputs_identity(place, trained) for place, trained in learned]})


def _collect(learned: Sequence[_Learned]) -> SoftnessResults:
    from vitrify.studies.onset_results import collect_onset

    return collect_onset(learned)
