"""A store and the files beside it: their names, who holds them, and what must be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vitrify.errors import ParameterError, StoreError
from vitrify.parallel import lock_folder
from vitrify.particles.layout import POSITION_ARRAYS
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress

PREPARED_SOFTNESS = "prepared-softness.json"


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
def hold_store(store: Path, *, shared: bool = False) -> Iterator[Trajectory]:
    """Open a store and hold its folder, and that of the study it belongs to, against other processes.

    Parameters
    ----------
    store : Path
    shared : bool, default False
        Let others hold it as well that share it.

    Raises
    ------
    StoreError
        If there is no store; nothing is made then.
    StoreBusyError
        If another process works there, or holds it for itself.
    """
    Trajectory.open(store)
    with ExitStack() as held:
        held.enter_context(lock_folder(store.parent, shared=shared))
        for study in list(store.resolve().parents)[2:3]:
            if (study / "settings.json").exists():
                held.enter_context(lock_folder(study, shared=shared))
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


def require_positions_or_stage(trajectory: Trajectory, kind: str, prepare: bool) -> None:
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


def tell_prepared(trajectory: Trajectory, stage: str, progress: Progress) -> None:
    """Say how a stage that is prepared is filled."""
    progress.note(
        f"{trajectory.path}: '{stage}' is prepared, {len(trajectory.units())} units. Fill it with "
        f"`vitrify work {trajectory.path} --shard k/n`, every k from 1 to n; then repeat this command without --prepare."
    )
