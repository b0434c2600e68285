"""The steps of a study on a single store: what the verbs of the command line call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vitrify.errors import ParameterError, SettingsError, StoreError
from vitrify.parallel import map_units
from vitrify.particles.tables import save_table
from vitrify.particles.trajectory import Trajectory, inherent_arrays, write_json
from vitrify.progress import Progress
from vitrify.provenance import to_plain


def beside(store: Path, name: str) -> Path:
    """Return the file `name` that belongs to a store: ``run.zarr`` -> ``run.events.npz``.

    Examples
    --------
    >>> beside(Path("a/run.zarr"), "events.npz").as_posix()
    'a/run.events.npz'
    """
    return store.with_name(f"{store.stem}.{name}")


def simulate_store(store: Path, options: dict[str, Any], progress: Progress) -> Trajectory:
    """Equilibrate and simulate one trajectory into `store`."""
    from vitrify.studies.settings import StatePoint, load_settings
    from vitrify.studies.simulate import Workplace, prepare_trajectory, simulate_state_point

    point = {k: options[k] for k in ("temperature", "frames", "hold_time")}
    settings = load_settings(
        "demo",
        overrides={
            "scale": "single",
            "equilibrate": True,
            "simulation": options["simulation"],
            "state_points": [point, {**point, "replica": 1, "training": True}],
        },
    )
    place = Workplace(store.parent, settings, only_store=store)
    chosen = StatePoint(**point)
    trajectory = prepare_trajectory(place, chosen)
    if not trajectory.is_done("thermal"):
        progress.note(
            f"Equilibrating for {chosen.hold_time:g} and simulating {chosen.frames} frames into {store}"
        )
        simulate_state_point((place, chosen))
    progress.note(f"{store}: {trajectory.n_frames} frames of {trajectory.n_particles} particles")
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
    model = _model_of(trajectory)
    parameters = {**to_plain(quench), "model": to_plain(model)}
    trajectory.add_stage("inherent", inherent_arrays(trajectory.unit_system), parameters)
    _fill(trajectory, "inherent", "Quenching", progress, workers, quench_unit, quench, model)
    bad = unconverged_frames(trajectory)
    progress.note(f"{store}: {trajectory.n_frames - len(bad)} of {trajectory.n_frames} frames converged")
    if len(bad):
        progress.note(f"Not converged, and flagged in `inherent_converged`: frames {bad[:10].tolist()} …")


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
    add_p_hop(trajectory, indicator, kind)
    _fill(trajectory, "p_hop", "Finding rearrangements", progress, workers, p_hop_unit, indicator, kind)
    events = find_events(trajectory, finder, beside(store, "events.npz"))
    write_json(beside(store, "events.csv"), events.to_dataframe().to_csv(index=False))
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

    if out.suffix != ".npz":
        raise ParameterError(f"`--out` of describe is a table and must end in .npz; it is '{out}'.")
    trajectory = Trajectory.open(store)
    descriptors = load_descriptors(options["descriptors"])
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
    """Train a softness on one store and write it to `out`."""
    from vitrify.studies.learning import examples_with_features, train_on_examples
    from vitrify.studies.settings import load_settings

    trajectory = Trajectory.open(store)
    for stage, verb in (("inherent", "quench"), ("p_hop", "rearrangements")):
        if not trajectory.is_done(stage):
            raise StoreError(f"{store} has no complete '{stage}' yet. Run `vitrify {verb} {store}` first.")
    p_hop = trajectory.stages["p_hop"]["parameters"]
    run = trajectory.provenance.get("run", {})
    point = {"temperature": run.get("temperature", 1.0), "frames": trajectory.n_frames, "hold_time": 1.0}
    settings = load_settings(
        "demo",
        overrides={
            "scale": "single",
            "training": options,
            "rearrangements": {"window": p_hop["window"]},
            "state_points": [{**point, "training": True}, {**point, "replica": 1}],
        },
    )
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


def softness_of_store(store: Path, model: Path, every: int, progress: Progress, workers: int | None) -> None:
    """Write softness of every so many frames into a store."""
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.learning import add_softness, softness_unit

    trajectory, trained = Trajectory.open(store), TrainedSoftness.load(model)
    add_softness(trajectory, trained, {"every": every})
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
