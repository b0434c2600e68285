"""The steps of a study on a single store: what the verbs of the command line call."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError, SettingsError, StoreError, UnknownNameError
from vitrify.files import write_whole
from vitrify.parallel import Workforce, lock_folder
from vitrify.particles.layout import POSITION_ARRAYS, inherent_arrays
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.rearrangements import INDICATORS
from vitrify.studies.filling import fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.rearrangements.d2min import D2Min
    from vitrify.studies.settings import SoftnessSettings

PREPARED_SOFTNESS = "prepared-softness.json"
_FIRST_COLUMNS = ["particle", "start_frame", "first_frame", "peak_frame", "last_frame", "end_frame"]


def beside(store: Path, name: str) -> Path:
    """Return the file `name` that belongs to a store: ``run.zarr`` -> ``run.events.npz``.

    Examples
    --------
    >>> beside(Path("a/run.zarr"), "events.npz").as_posix()
    'a/run.events.npz'
    """
    return store.with_name(f"{store.stem}.{name}")


def events_table(store: Path) -> Path:
    """Return the file with the events of a store: ``run.events.npz``; in the folder of a study it is ``events.npz``."""
    from vitrify.studies.simulate import STUDY_STORE

    own, of_study = beside(store, "events.npz"), store.with_name("events.npz")
    return of_study if store.name == STUDY_STORE and of_study.exists() and not own.exists() else own


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
            f"{trajectory.path} is not written to its end yet: {trajectory.done_frames('thermal')} of "
            f"{trajectory.n_frames} frames are there. Repeat the command that makes it."
        )
    if trajectory.has_positions(kind):
        return
    if kind == "thermal":
        raise StoreError(
            f"{trajectory.path} was imported as inherent structures and has no thermal positions. Use `--positions inherent`."
        )
    raise StoreError(
        f"{trajectory.path} has no inherent positions, or not of all frames: {trajectory.done_frames(kind)} of "
        f"{trajectory.n_frames} are quenched. Run `vitrify quench {trajectory.path}` first, or use `--positions thermal`."
    )


def _require_positions_or_stage(trajectory: Trajectory, kind: str, prepare: bool) -> None:
    """Require complete positions; to `prepare`, a stage that will hold them is enough."""
    if not (prepare and any(POSITION_ARRAYS.get(kind) in v["arrays"] for v in trajectory.stages.values())):
        require_positions(trajectory, kind)


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
            "Import it with `--model`, or use `--positions thermal` in what follows."
        )
    member = MODELS.load(known["name"])
    return member.from_dict(known)


def quench_store(
    store: Path,
    options: dict[str, Any],
    progress: Progress,
    workers: int | Workforce | None,
    *,
    prepare: bool = False,
) -> None:
    """Fill the stage "inherent" of a store and say how many frames did not converge; or only `prepare` it."""
    from vitrify.protocols.inherent import Quench
    from vitrify.studies.simulate import quench_unit, unconverged_frames

    trajectory, quench = Trajectory.open(store), Quench(**options)
    require_positions(trajectory, "thermal")
    if not trajectory.layout.complete:
        raise StoreError(
            f"{trajectory.path} does not hold every particle in every frame, so it cannot be quenched: a minimum of the energy "
            "of some of the particles is no inherent structure. Use `--positions thermal` in what follows."
        )
    model = _model_of(trajectory)
    parameters = {**to_plain(quench), "model": to_plain(model)}
    known = trajectory.stages.get("inherent")
    if known is not None and not _is_begun(trajectory, "inherent"):
        trajectory.remove_stage("inherent")
    trajectory.add_stage("inherent", inherent_arrays(trajectory.unit_system), parameters)
    if prepare:
        _tell_prepared(trajectory, "inherent", progress)
        return
    fill(trajectory, "inherent", "Quenching", progress, workers, quench_unit, quench, model)
    bad = unconverged_frames(trajectory)
    progress.note(f"{store}: {trajectory.n_frames - len(bad)} of {trajectory.n_frames} frames converged")
    if len(bad):
        shown = ", ".join(map(str, bad[:10])) + (" …" if len(bad) > 10 else "")
        progress.note(f"Not converged, and flagged in `inherent_converged`: frames {shown}")


def _tell_prepared(trajectory: Trajectory, stage: str, progress: Progress) -> None:
    progress.note(
        f"{trajectory.path}: '{stage}' is prepared, {len(trajectory.units())} units. Fill it with "
        f"`vitrify work {trajectory.path} --shard k/n`, every k from 1 to n; then repeat this command without --prepare."
    )


def _is_begun(trajectory: Trajectory, stage: str) -> bool:
    return any(trajectory.is_done(stage, unit) for unit in range(len(trajectory.units())))


def rearrangements_of_store(
    store: Path,
    options: dict[str, Any],
    kind: str,
    progress: Progress,
    workers: int | Workforce | None,
    *,
    prepare: bool = False,
) -> None:
    """Compute p_hop of a store and write its events beside it; or only `prepare` the array."""
    from vitrify.rearrangements.events import Events, rearrangements
    from vitrify.rearrangements.p_hop import PHop
    from vitrify.studies.dynamics import add_p_hop, find_events, p_hop_unit

    trajectory, finder = Trajectory.open(store), Events(**options)
    indicator = PHop(finder.window)
    indicator.require_frames(trajectory.n_frames)
    _require_positions_or_stage(trajectory, kind, prepare)
    add_p_hop(trajectory, indicator, progress, kind)
    if prepare:
        _tell_prepared(trajectory, "p_hop", progress)
        return
    fill(trajectory, "p_hop", "Finding rearrangements", progress, workers, p_hop_unit, indicator, kind)
    events = find_events(trajectory, finder, beside(store, "events.npz"))
    rows = events.to_dataframe()
    write_whole(
        beside(store, "events.csv"),
        rows[[*_FIRST_COLUMNS, *rows.columns.drop(_FIRST_COLUMNS)]].to_csv(index=False),
    )
    n = rearrangements(events).sizes["event"]
    progress.note(
        f"{events.sizes['event']} events, {n} of them rearrangements: {beside(store, 'events.csv')}"
    )


def d2min_options(indicator: str, given: dict[str, Any]) -> D2Min | None:
    """Return the D2min that the options of the command line mean; None for p_hop.

    Raises
    ------
    UnknownNameError
        For another indicator.
    ParameterError
        If an option is missing, or belongs to the other indicator.
    """
    from vitrify.rearrangements.d2min import D2Min

    if indicator not in INDICATORS:
        raise UnknownNameError("indicator", indicator, INDICATORS)
    options = {name: value for name, value in given.items() if value is not None}
    if indicator != D2Min.name:
        if options:
            raise ParameterError(
                f"`--{next(iter(options))}` belongs to `--indicator d2min`; this is '{indicator}'."
            )
        return None
    if "cutoff" not in options:
        raise ParameterError(
            "D2min needs `--cutoff`, the distance within which neighbours count: it has no default that suits every system "
            "(the papers take 2.5 diameters)."
        )
    return D2Min(**{"lag": None, **options})


def describe_store(
    store: Path, out: Path, options: dict[str, Any], progress: Progress, workers: int | Workforce | None
) -> None:
    """Write the features of the particles of every so many frames as one table."""
    import xarray as xr

    from vitrify.studies.describing import features_at, load_descriptors
    from vitrify.studies.out_of_core import folder_for

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
    if trajectory.layout.complete:
        frame, particle = np.repeat(frames, len(particles)), np.tile(particles, len(frames))
    else:  # no rows for particles that are not there
        there = [f.particles for _, f in trajectory.frames(options["positions"], frames)]
        there = [some[np.isin(some, particles)] for some in there]
        frame, particle = np.repeat(frames, [len(some) for some in there]), np.concatenate(there)
    parameters = {**options, "descriptors": to_plain(descriptors), "store": str(store)}
    parts = folder_for(out, {**parameters, "stages": trajectory.stages, "provenance": trajectory.provenance})
    features = features_at(
        trajectory,
        frame,
        particle,
        descriptors,
        kind=options["positions"],
        progress=progress,
        title="Describing",
        workers=workers,
        folder=parts,
    )
    table = xr.Dataset(
        {"features": (("row", "feature"), features), "frame": ("row", frame), "particle": ("row", particle)},
        {"feature": np.array(descriptors.feature_names(trajectory.species_names))},
    )
    save_table(out, table, parameters)
    progress.note(f"{features.shape[0]} rows of {features.shape[1]} features: {out}")
    shutil.rmtree(parts, ignore_errors=True)
    _note_edges(trajectory, np.isnan(features[:, 0]), "rows", descriptors.reach, progress)


def _note_edges(
    trajectory: Trajectory, missing: NDArray[np.bool_], what: str, reach: float, progress: Progress
) -> None:
    """Say how many numbers are NaN because the surroundings of their particles are not wholly seen."""
    if not all(trajectory.layout.periodic) and len(missing):
        progress.note(
            f"{missing.sum()} of {len(missing)} {what} are NaN: closer than {reach:g} {trajectory.unit_system.length}, as "
            "far as the descriptors reach, to an open boundary."
        )


def flow_options(labels: str, quiet_time: int | None, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of a `FlowSelection` that the options of the command line mean; None for p_hop.

    Raises
    ------
    UnknownNameError
        For other labels.
    ParameterError
        If an option belongs to the other labels.
    """
    if labels not in INDICATORS:
        raise UnknownNameError("indicator", labels, INDICATORS)
    options = {name: value for name, value in given.items() if value is not None}
    if labels == "d2min":
        return {**options, "quiet_time": 1 if quiet_time is None else quiet_time}
    if options:
        name = next(iter(options)).replace("_", "-")
        raise ParameterError(f"`--{name}` belongs to `--labels d2min`; this is '{labels}'.")
    return None


def train_on_store(
    store: Path,
    out: Path,
    options: dict[str, Any],
    progress: Progress,
    workers: int | Workforce | None,
    *,
    kind: str | None = None,
    flow: dict[str, Any] | None = None,
) -> None:
    """Train a softness on one store and write it to `out`.

    Parameters
    ----------
    store, out : Path
    options : dict
        Of the settings `training`.
    progress, workers
        As elsewhere.
    kind : {"inherent", "thermal"}, optional
        Positions that the structure is taken from; by default those that the labels were made from.
    flow : dict, optional
        Parameters of the `FlowSelection`, for labels from D2min. Without it labels come from p_hop.

    Raises
    ------
    StoreError
        Naming the verb that has to come first.
    """
    from vitrify.studies.describing import load_descriptors
    from vitrify.studies.flow_defects import flow_examples_with_features, require_d2min
    from vitrify.studies.learning import examples_with_features, train_on_examples

    trajectory = Trajectory.open(store)
    load_descriptors(options["descriptors"])
    run = trajectory.provenance.get("run", {})
    temperature = run.get("temperature")
    # frames, and a temperature that nobody knows, only have to be ones that settings accept
    point = {"temperature": temperature or 1.0, "frames": max(30, trajectory.n_frames), "hold_time": 1.0}
    given = {
        "training": options,
        "state_points": [{**point, "training": True}, {**point, "replica": 1}],
    }
    if flow is None:
        given["rearrangements"] = _found_with(trajectory)
    labels = require_d2min(trajectory) if flow is not None else trajectory.stages["p_hop"]["parameters"]
    kind = labels["positions"] if kind is None else kind
    require_positions(trajectory, kind)
    settings = _single_settings(given)
    require_file_name(out, ".json")
    rest: dict[str, Any] = {"kind": kind, "progress": progress, "workers": workers}
    table = beside(store, "examples.npz")
    if flow is None:
        events = events_table(store)
        examples = examples_with_features(trajectory, settings, temperature, events, table, **rest)
    else:
        from vitrify.predictors.flow_labels import FlowSelection

        t = settings.training
        counts = {"n_per_class": t.n_per_class, "min_per_class": t.min_per_class, "seed": t.seed}
        selection = FlowSelection(**{**flow, **counts})
        examples = flow_examples_with_features(trajectory, settings, selection, temperature, table, **rest)
    about = {"temperature": temperature, "labels": labels}
    trained = train_on_examples(
        trajectory, settings, settings.training_point, examples, kind=kind, about=about
    )
    trained.save(out)
    cv = trained.training["cross_validation"]
    progress.note(
        f"Accuracy on held-out segments {cv['accuracy']:.3f} ± {cv['standard_error']:.3f} "
        f"({cv['n']} particles, {cv['n_events']} of them rearranging): {out}"
    )


def _found_with(trajectory: Trajectory) -> dict[str, Any]:
    """Return window and thresholds of the events beside a store."""
    events = load_table(events_table(trajectory.path))
    if events is None or not trajectory.is_done("p_hop"):
        raise StoreError(
            f"{trajectory.path} has no events yet. Run `vitrify rearrangements {trajectory.path}` first."
        )
    names = ("window", "event_threshold", "rearrangement_threshold")
    return {name: events.attrs[name] for name in names}


def softness_of_store(
    store: Path,
    model: Path,
    every: int,
    progress: Progress,
    workers: int | Workforce | None,
    *,
    prepare: bool = False,
) -> None:
    """Write softness of every so many frames into a store; or only `prepare` the array and leave the model beside it."""
    from vitrify.descriptors.base import from_dict
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.softness_values import add_softness, softness_unit

    if not model.exists():
        raise StoreError(
            f"There is no trained softness {model}. Make one with `vitrify train`, or name another with `--model`."
        )
    trajectory, trained = Trajectory.open(store), TrainedSoftness.load(model)
    _require_positions_or_stage(trajectory, trained.positions, prepare)
    add_softness(trajectory, trained, {"every": every}, progress)
    if prepare:
        trained.save(beside(store, PREPARED_SOFTNESS))
        _tell_prepared(trajectory, "softness", progress)
        return
    sampled = np.arange(0, trajectory.n_frames, every)
    _tell_drift(trajectory, trained, sampled, progress)
    nothing = np.empty(0, np.int64)
    fill(
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
    if not all(trajectory.layout.periodic):
        missing = _softness_missing(trajectory, trained, sampled)
        reach = from_dict(trained.descriptors).reach
        _note_edges(trajectory, missing, f"values of species {trained.centre_species}", reach, progress)


def _softness_missing(trajectory: Trajectory, trained: TrainedSoftness, sampled: Any) -> NDArray[np.bool_]:
    """Return which particles of the species that are there in the sampled frames have no softness."""
    centre, missing = trajectory.species_names.index(trained.centre_species), []
    for k, frame in trajectory.frames(trained.positions, sampled):
        here = frame.particles[frame.species == centre]
        missing.append(np.isnan(trajectory.read("softness", k, k + 1)[0, here]))
    return np.concatenate(missing)


def _tell_drift(trajectory: Trajectory, trained: TrainedSoftness, frames: Any, progress: Progress) -> None:
    """Warn where the structure of a store is not the one that the softness was trained on."""
    from vitrify.studies.softness_values import drift_in

    if trained.feature_range is None:
        progress.note(
            "This softness does not say on which range of its features it was trained, so nothing can be said about whether "
            f"{trajectory.path} lies inside. Train again to know."
        )
        return
    drift = drift_in(trajectory, trained, frames)
    if drift.is_outside:
        progress.note(
            f"Warning: this softness is applied outside the range that it was trained on. {drift.describe()}. Its values are "
            "an extrapolation; train one on such a store to compare."
        )


def report_of_folder(
    folder: Path, out: Path | None = None, model: Path | None = None, progress: Progress | None = None
) -> Path:
    """Draw the report of a study again, or that of a single store, and return its path."""
    from vitrify.report.page import build_report
    from vitrify.report.results import SoftnessResults

    if folder.suffix == ".zarr" or (folder / "zarr.json").exists():
        from vitrify.studies.store_results import report_of_store

        return report_of_store(folder, out, model, progress)
    for name, given in (("--out", out), ("--model", model)):
        if given is not None:
            raise ParameterError(
                f"`{name}` is for the report of a single store; {folder} is none. Leave it out, or name a .zarr folder."
            )
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
