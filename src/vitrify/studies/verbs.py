"""The steps of a study on a single store: what the verbs of the command line call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrify.errors import ParameterError, SettingsError, StoreError, UnknownNameError
from vitrify.files import write_whole
from vitrify.parallel import Workforce
from vitrify.particles.layout import inherent_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.rearrangements import INDICATORS
from vitrify.studies.filling import fill
from vitrify.studies.store_files import (
    beside,
    events_table,
    hold_store,
    require_file_name,
    require_positions,
    require_positions_or_stage,
    tell_prepared,
)
from vitrify.studies.store_learning import (
    _single_settings,
    describe_store,
    flow_options,
    softness_of_store,
    train_on_store,
)

if TYPE_CHECKING:
    from vitrify.rearrangements.d2min import D2Min
    from vitrify.report.results import SoftnessResults

__all__ = [
    "beside",
    "citations_of_folder",
    "d2min_options",
    "describe_store",
    "events_table",
    "flow_options",
    "hold_store",
    "quench_store",
    "rearrangements_of_store",
    "report_of_folder",
    "require_file_name",
    "require_positions",
    "simulate_store",
    "softness_of_store",
    "train_on_store",
]
_FIRST_COLUMNS = ["particle", "start_frame", "first_frame", "peak_frame", "last_frame", "end_frame"]


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
        tell_prepared(trajectory, "inherent", progress)
        return
    fill(trajectory, "inherent", "Quenching", progress, workers, quench_unit, quench, model)
    bad = unconverged_frames(trajectory)
    progress.note(f"{store}: {trajectory.n_frames - len(bad)} of {trajectory.n_frames} frames converged")
    if len(bad):
        shown = ", ".join(map(str, bad[:10])) + (" …" if len(bad) > 10 else "")
        progress.note(f"Not converged, and flagged in `inherent_converged`: frames {shown}")


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
    require_positions_or_stage(trajectory, kind, prepare)
    add_p_hop(trajectory, indicator, progress, kind)
    if prepare:
        tell_prepared(trajectory, "p_hop", progress)
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


def report_of_folder(
    folder: Path, out: Path | None = None, model: Path | None = None, progress: Progress | None = None
) -> Path:
    """Draw the report of a study again, or that of a single store, and return its path."""
    from vitrify.report.page import build_report

    if folder.suffix == ".zarr" or (folder / "zarr.json").exists():
        from vitrify.studies.store_results import report_of_store

        return report_of_store(folder, out, model, progress)
    for name, given in (("--out", out), ("--model", model)):
        if given is not None:
            raise ParameterError(
                f"`{name}` is for the report of a single store; {folder} is none. Leave it out, or name a .zarr folder."
            )
    return build_report(_results_in(folder), folder)


def citations_of_folder(folder: Path | None) -> str:
    """Return BibTeX of what a study used, or of everything."""
    from vitrify.citations import CITATIONS, bibtex

    if folder is None:
        return bibtex(CITATIONS)
    return bibtex(_results_in(folder).citations)


def _results_in(folder: Path) -> SoftnessResults:
    from vitrify.report.results import SoftnessResults

    if not (folder / "results").exists():
        raise SettingsError(
            f"{folder} holds no results of a study. Run `vitrify run softness --out {folder}` first."
        )
    return SoftnessResults.load(folder / "results")
