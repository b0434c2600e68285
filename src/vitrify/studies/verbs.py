"""The steps of a study on a single store: what the verbs of the command line call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError, SettingsError, StoreError
from vitrify.parallel import lock_folder, map_units
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import POSITION_ARRAYS, Trajectory, inherent_arrays, write_json
from vitrify.progress import Progress
from vitrify.provenance import to_plain

if TYPE_CHECKING:
    from vitrify.studies.settings import SoftnessSettings

_FIRST_COLUMNS = ["particle", "start_frame", "first_frame", "peak_frame", "last_frame", "end_frame"]


def beside(store: Path, name: str) -> Path:
    """Return the file `name` that belongs to a store: ``run.zarr`` -> ``run.events.npz``.

    Examples
    --------
    >>> beside(Path("a/run.zarr"), "events.npz").as_posix()
    'a/run.events.npz'
    """
    return store.with_name(f"{store.stem}.{name}")


@contextmanager
def hold_store(store: Path) -> Iterator[Trajectory]:
    """Open a store and hold its folder, and that of the study it belongs to, against other processes.

    Raises
    ------
    StoreError
        If there is no store; nothing is made then.
    StoreBusyError
        If another process works there.
    """
    Trajectory.open(store)
    with ExitStack() as held:
        held.enter_context(lock_folder(store.parent))
        for study in list(store.resolve().parents)[2:3]:
            if (study / "settings.json").exists():
                held.enter_context(lock_folder(study))
        yield Trajectory.open(store)


def require_positions(trajectory: Trajectory, kind: str) -> None:
    """Refuse a store whose positions of this kind are not complete.

    Raises
    ------
    ParameterError
        For an unknown kind.
    StoreError
        Naming the command that makes them.
    """
    if kind not in POSITION_ARRAYS:
        raise ParameterError(f"`--positions` must be {' or '.join(sorted(POSITION_ARRAYS))}; it is '{kind}'.")
    if not trajectory.is_done("thermal"):
        raise StoreError(
            f"{trajectory.path} is not simulated to its end yet: {trajectory.done_frames('thermal')} of "
            f"{trajectory.n_frames} frames are there. Repeat the command that makes it."
        )
    if not trajectory.is_done(kind):
        raise StoreError(
            f"{trajectory.path} has no inherent positions, or not of all frames: {trajectory.done_frames(kind)} of "
            f"{trajectory.n_frames} are quenched. Run `vitrify quench {trajectory.path}` first."
        )


def require_file_name(out: Path, suffix: str) -> None:
    """Refuse a name that nothing can be written to, before hours of work.

    Raises
    ------
    ParameterError
        If it has another suffix, or is a folder.
    """
    if out.suffix != suffix:
        raise ParameterError(f"`--out` must end in {suffix}; it is '{out}'.")
    if out.is_dir():
        raise ParameterError(f"`--out` {out} is a folder; give the name of a file in it.")
    out.parent.mkdir(parents=True, exist_ok=True)


def _single_settings(overrides: dict[str, Any]) -> SoftnessSettings:
    """Return settings for one store; what is wrong is said without naming a scale that nobody gave."""
    from vitrify.studies.settings import load_settings

    try:
        return load_settings("demo", overrides={"scale": "single", **overrides})
    except SettingsError as error:
        words = re.sub(r"state_points\.\d+\.", "", str(error).removeprefix("scale 'demo': "))
        each_once = dict.fromkeys(words.removeprefix("`").split("; `"))
        raise SettingsError("`" + "; `".join(each_once)) from error


def simulate_store(store: Path, options: dict[str, Any], progress: Progress) -> Trajectory:
    """Equilibrate and simulate one trajectory into `store`."""
    from vitrify.engines.lammps import load_lammps
    from vitrify.studies.settings import StatePoint
    from vitrify.studies.simulate import Workplace, prepare_trajectory, simulate_state_point

    point = {k: options[k] for k in ("temperature", "frames", "hold_time")}
    settings = _single_settings(
        {
            "equilibrate": True,
            "simulation": options["simulation"],
            "state_points": [point, {**point, "replica": 1, "training": True}],
        },
    )
    load_lammps()
    place = Workplace(store.parent, settings, only_store=store)
    chosen = StatePoint(**point)
    trajectory = prepare_trajectory(place, chosen)
    if not trajectory.is_done("thermal"):
        progress.note(
            f"Equilibrating for {chosen.hold_time:g} and simulating {chosen.frames} frames into {store}"
        )
        simulate_state_point((place, chosen))
    progress.note(f"{store}: {trajectory.n_frames} frames of {trajectory.n_particles} particles")
    remarks = place.folder(chosen) / "equilibration" / "remarks.json"
    if remarks.exists():
        progress.note(f"Remark on the equilibration: {json.loads(remarks.read_text())['remark']}")
    return trajectory


def _model_of(trajectory: Trajectory) -> Any:
    """Return the model that a store says it was simulated with."""
    from vitrify.models import MODELS

    known = trajectory.provenance.get("run", {}).get("model")
    if not known:
        raise StoreError(
            f"{trajectory.path} does not say which model its particles interact by, so it cannot be quenched. "
            "Simulate it with `vitrify simulate`."
        )
    member = MODELS.load(known["name"])
    return member.from_dict(known)


def quench_store(store: Path, options: dict[str, Any], progress: Progress, workers: int | None) -> None:
    """Fill the stage "inherent" of a store and say how many frames did not converge."""
    from vitrify.protocols.inherent import Quench
    from vitrify.studies.simulate import quench_unit, unconverged_frames

    trajectory, quench = Trajectory.open(store), Quench(**options)
    require_positions(trajectory, "thermal")
    model = _model_of(trajectory)
    parameters = {**to_plain(quench), "model": to_plain(model)}
    known = trajectory.stages.get("inherent")
    if known is not None and not _is_begun(trajectory, "inherent"):
        trajectory.remove_stage("inherent")
    trajectory.add_stage("inherent", inherent_arrays(trajectory.unit_system), parameters)
    _fill(trajectory, "inherent", "Quenching", progress, workers, quench_unit, quench, model)
    bad = unconverged_frames(trajectory)
    progress.note(f"{store}: {trajectory.n_frames - len(bad)} of {trajectory.n_frames} frames converged")
    if len(bad):
        shown = ", ".join(map(str, bad[:10])) + (" …" if len(bad) > 10 else "")
        progress.note(f"Not converged, and flagged in `inherent_converged`: frames {shown}")


def _is_begun(trajectory: Trajectory, stage: str) -> bool:
    return any(trajectory.is_done(stage, unit) for unit in range(len(trajectory.units())))


def _fill(
    trajectory: Trajectory,
    stage: str,
    title: str,
    progress: Progress,
    workers: int | None,
    work: Any,
    *rest: Any,
) -> None:
    """Run `work((path, unit, *rest))` for every unit of a stage that is not done."""
    todo = [k for k in range(len(trajectory.units())) if not trajectory.is_done(stage, k)]
    if not todo:
        return
    done_before = trajectory.n_frames - sum(b - a for k in todo for a, b in [trajectory.units()[k]])
    finished = [float(done_before)]
    with progress.step(title, trajectory.n_frames) as update:

        def done(index: int, _: Any) -> None:
            a, b = trajectory.units()[todo[index]]
            finished[0] += b - a
            update(finished[0])

        map_units(work, [(trajectory.path, k, *rest) for k in todo], workers=workers, done=done)


def rearrangements_of_store(
    store: Path, options: dict[str, Any], kind: str, progress: Progress, workers: int | None
) -> None:
    """Compute p_hop of a store and write its events beside it."""
    from vitrify.rearrangements.events import Events, rearrangements
    from vitrify.rearrangements.p_hop import PHop
    from vitrify.studies.dynamics import add_p_hop, find_events, p_hop_unit

    trajectory, finder = Trajectory.open(store), Events(**options)
    indicator = PHop(finder.window)
    indicator.require_frames(trajectory.n_frames)
    require_positions(trajectory, kind)
    add_p_hop(trajectory, indicator, progress, kind)
    _fill(trajectory, "p_hop", "Finding rearrangements", progress, workers, p_hop_unit, indicator, kind)
    events = find_events(trajectory, finder, beside(store, "events.npz"))
    rows = events.to_dataframe()
    write_json(
        beside(store, "events.csv"),
        rows[[*_FIRST_COLUMNS, *rows.columns.drop(_FIRST_COLUMNS)]].to_csv(index=False),
    )
    n = rearrangements(events).sizes["event"]
    progress.note(
        f"{events.sizes['event']} events, {n} of them rearrangements: {beside(store, 'events.csv')}"
    )


def describe_store(
    store: Path, out: Path, options: dict[str, Any], progress: Progress, workers: int | None
) -> None:
    """Write the features of the particles of every so many frames as one table."""
    import xarray as xr

    from vitrify.studies.learning import features_at, load_descriptors

    trajectory, descriptors = Trajectory.open(store), load_descriptors(options["descriptors"])
    require_positions(trajectory, options["positions"])
    require_file_name(out, ".npz")
    particles = np.arange(trajectory.n_particles)
    if options["species"] is not None:
        if options["species"] not in trajectory.species_names:
            raise ParameterError(
                f"There is no species '{options['species']}' in {store}; there are {', '.join(trajectory.species_names)}."
            )
        particles = particles[trajectory.species == trajectory.species_names.index(options["species"])]
    frames = np.arange(0, trajectory.n_frames, options["every"])
    frame, particle = np.repeat(frames, len(particles)), np.tile(particles, len(frames))
    features = features_at(
        trajectory,
        frame,
        particle,
        descriptors,
        kind=options["positions"],
        progress=progress,
        title="Describing",
        workers=workers,
    )
    table = xr.Dataset(
        {"features": (("row", "feature"), features), "frame": ("row", frame), "particle": ("row", particle)},
        {"feature": np.array(descriptors.feature_names(trajectory.species_names))},
    )
    save_table(out, table, {**options, "descriptors": to_plain(descriptors), "store": str(store)})
    progress.note(f"{features.shape[0]} rows of {features.shape[1]} features: {out}")


def train_on_store(
    store: Path, out: Path, options: dict[str, Any], progress: Progress, workers: int | None
) -> None:
    """Train a softness on one store and write it to `out`.

    Raises
    ------
    StoreError
        Naming the verb that has to come first.
    """
    from vitrify.studies.learning import examples_with_features, load_descriptors, train_on_examples

    trajectory = Trajectory.open(store)
    require_positions(trajectory, "inherent")
    load_descriptors(options["descriptors"])
    run = trajectory.provenance.get("run", {})
    point = {"temperature": run.get("temperature", 1.0), "frames": trajectory.n_frames, "hold_time": 1.0}
    settings = _single_settings(
        {
            "training": options,
            "rearrangements": _found_with(trajectory),
            "state_points": [{**point, "training": True}, {**point, "replica": 1}],
        },
    )
    require_file_name(out, ".json")
    examples = examples_with_features(
        trajectory,
        settings,
        settings.training_point.temperature,
        beside(store, "events.npz"),
        beside(store, "examples.npz"),
        progress=progress,
        workers=workers,
    )
    trained = train_on_examples(trajectory, settings, settings.training_point, examples)
    trained.save(out)
    cv = trained.training["cross_validation"]
    progress.note(
        f"Accuracy on held-out segments {cv['accuracy']:.3f} ± {cv['standard_error']:.3f} "
        f"({cv['n']} particles, {cv['n_events']} of them rearranging): {out}"
    )


def _found_with(trajectory: Trajectory) -> dict[str, Any]:
    """Return window and thresholds of the events beside a store."""
    events = load_table(beside(trajectory.path, "events.npz"))
    if events is None or not trajectory.is_done("p_hop"):
        raise StoreError(
            f"{trajectory.path} has no events yet. Run `vitrify rearrangements {trajectory.path}` first."
        )
    names = ("window", "event_threshold", "rearrangement_threshold")
    return {name: events.attrs[name] for name in names}


def softness_of_store(store: Path, model: Path, every: int, progress: Progress, workers: int | None) -> None:
    """Write softness of every so many frames into a store."""
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.learning import add_softness, softness_unit

    if not model.exists():
        raise StoreError(
            f"There is no trained softness {model}. Make one with `vitrify train`, or name another with `--model`."
        )
    trajectory, trained = Trajectory.open(store), TrainedSoftness.load(model)
    require_positions(trajectory, trained.positions)
    add_softness(trajectory, trained, {"every": every}, progress)
    sampled = np.arange(0, trajectory.n_frames, every)
    nothing = np.empty(0, np.int64)
    _fill(
        trajectory,
        "softness",
        "Computing softness",
        progress,
        workers,
        softness_unit,
        trained,
        sampled,
        (nothing, nothing),
    )
    progress.note(f"Softness of {len(sampled)} frames is in {store}, array 'softness'.")


def report_of_folder(folder: Path) -> Path:
    """Draw the report of a study again and return its path."""
    from vitrify.report.page import build_report
    from vitrify.report.results import SoftnessResults

    results = folder / "results"
    if not results.exists():
        raise SettingsError(
            f"{folder} holds no results of a study. Run `vitrify run softness --out {folder}` first."
        )
    return build_report(SoftnessResults.load(results), folder)


def citations_of_folder(folder: Path | None) -> str:
    """Return BibTeX of what a study used, or of everything."""
    from vitrify.citations import CITATIONS, bibtex

    if folder is None:
        return bibtex(CITATIONS)
    from vitrify.report.results import SoftnessResults

    if not (folder / "results").exists():
        raise SettingsError(
            f"{folder} holds no results of a study. Run `vitrify run softness --out {folder}` first."
        )
    return bibtex(SoftnessResults.load(folder / "results").citations)
