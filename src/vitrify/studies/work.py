"""A share of the work on a store, from what the store says alone: for job arrays, without any scheduler.

The driver's part, creating arrays and writing attributes, is done once by a verb with ``--prepare``. Then any number of
processes, on any machine that sees the folder, fill units k, k + n, k + 2n, … of every prepared stage.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vitrify.errors import ParameterError, StoreError, UnknownNameError
from vitrify.parallel import Workforce, lock_shard, one_thread
from vitrify.particles.layout import POSITION_ARRAYS
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.studies.filling import fill
from vitrify.studies.store_files import PREPARED_SOFTNESS, beside, hold_store

STAGES = {
    "inherent": "vitrify.studies.work:filling_of_inherent",
    "p_hop": "vitrify.studies.work:filling_of_p_hop",
    "d2min": "vitrify.studies.work:filling_of_d2min",
    "softness": "vitrify.studies.work:filling_of_softness",
}
"""Stage -> ``module:function``, in the order in which stages follow from each other. The function takes the trajectory and
the parameters of the stage and returns its `Filling`."""

_MAKES = {  # stage -> the words after `vitrify` that prepare it
    "inherent": "quench {}",
    "p_hop": "rearrangements {}",
    "d2min": "rearrangements {} --indicator d2min",
    "softness": "softness {} --model …",
}
_SHOWN = 10


@dataclass(frozen=True)
class Filling:
    """How the units of a stage are filled.

    Parameters
    ----------
    title : str
        Of the progress.
    positions : {"thermal", "inherent"}
        Which positions must be there in all frames.
    work : callable
        ``work((path, unit, *rest))``, of a module; writes the unit into the store.
    rest : tuple
    """

    title: str
    positions: str
    work: Callable[[Any], None]
    rest: tuple[Any, ...]


@dataclass(frozen=True)
class Share:
    """Share k of n, counted from 1: the units k − 1, k − 1 + n, k − 1 + 2n, …

    Examples
    --------
    >>> share = Share.parse("2/3")
    >>> list(share.units(8)), str(share)
    ([1, 4, 7], '2/3')
    """

    k: int
    n: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read "k/n".

        Raises
        ------
        ParameterError
            If it is none, or k is not one of 1 … n.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        share = cls(*map(int, match.groups())) if match else cls(0, 0)
        if not 1 <= share.k <= share.n:
            raise ParameterError(
                f"`--shard` is k/n with k from 1 to n, such as 3/8; it is '{text}'. A job array needs task ids from 1."
            )
        return share

    def units(self, n_units: int) -> range:
        """Return the units of this share."""
        return range(self.k - 1, n_units, self.n)

    def __str__(self) -> str:
        return f"{self.k}/{self.n}"


def share_store(store: Path) -> AbstractContextManager[Trajectory]:
    """Hold a store together with other shares, against every verb that changes it as a whole.

    Raises
    ------
    StoreError
        If there is no store; nothing is made then.
    StoreBusyError
        If another process holds it for itself.
    """
    return hold_store(store, shared=True)


def work_on_store(
    store: Path, shard: str, stage: str | None, progress: Progress, workers: int | Workforce | None = 1
) -> None:
    """Fill a share of the units of every prepared stage, or of one; repeating it is free.

    Raises
    ------
    StoreError
        If nothing is prepared, or what a stage follows from is not complete; the missing units are named.
    StoreBusyError
        If the same share is at work, or a verb holds the store.
    """
    share = Share.parse(shard)
    if stage is not None and stage not in STAGES:
        raise UnknownNameError("stage that can be shared out", stage, STAGES)
    alone = Workforce.of(workers).workers == 1
    with share_store(store) as trajectory, one_thread() if alone else nullcontext():
        prepared = [s for s in STAGES if s in trajectory.stages and stage in (None, s)]
        if not prepared:
            words = _MAKES[stage or "inherent"].format(store)
            raise StoreError(
                f"{store} has no stage {_quoted(stage)} prepared. Run `vitrify {words} --prepare` first."
            )
        for name in prepared:
            with lock_shard(store.parent, f"{store.stem}.{name}.{share}"):
                _fill_share(trajectory, name, share, progress, workers)


def _quoted(stage: str | None) -> str:
    return f"'{stage}'" if stage is not None else " or ".join(f"'{s}'" for s in STAGES)


def _fill_share(
    trajectory: Trajectory, stage: str, share: Share, progress: Progress, workers: int | Workforce | None
) -> None:
    units = share.units(len(trajectory.units()))
    if all(trajectory.is_done(stage, k) for k in units):
        progress.note(f"{trajectory.path}: share {share} of '{stage}' is done, {len(units)} units")
        return
    filling = filling_of(trajectory, stage)
    require_complete(trajectory, stage, filling.positions)
    title = f"{filling.title} (share {share} on {platform.node()})"
    n = fill(trajectory, stage, title, progress, workers, filling.work, *filling.rest, units=units)
    left = len(missing_units(trajectory, stage))
    progress.note(
        f"{trajectory.path}: share {share} of '{stage}' is done, {n} units now and {len(units) - n} before; "
        f"{left} of {len(trajectory.units())} units are left to other shares"
    )


def filling_of(trajectory: Trajectory, stage: str) -> Filling:
    """Return how a stage is filled, from the parameters that the store keeps."""
    module, _, function = STAGES[stage].partition(":")
    parameters = dict(trajectory.stages[stage]["parameters"])
    found: Filling = getattr(import_module(module), function)(trajectory, parameters)
    return found


def missing_units(trajectory: Trajectory, stage: str) -> list[int]:
    """Return the units of a stage that are not done."""
    return [k for k in range(len(trajectory.units())) if not trajectory.is_done(stage, k)]


def require_complete(trajectory: Trajectory, stage: str, kind: str) -> None:
    """Refuse a stage whose positions are not there in all frames.

    Raises
    ------
    StoreError
        Naming the units that are missing.
    """
    if trajectory.has_positions(kind):
        return
    source = next((s for s, v in trajectory.stages.items() if POSITION_ARRAYS[kind] in v["arrays"]), kind)
    missing = missing_units(trajectory, source)
    shown = ", ".join(map(str, missing[:_SHOWN])) + (" …" if len(missing) > _SHOWN else "")
    raise StoreError(
        f"'{stage}' of {trajectory.path} follows from the {kind} positions of all frames; {len(missing)} of "
        f"{len(trajectory.units())} units of stage '{source}' are not done yet: {shown}. Repeat this command when they are."
    )


# -- stages ----------------------------------------------------------------------------------------------------------


def filling_of_inherent(trajectory: Trajectory, parameters: dict[str, Any]) -> Filling:
    """Quench as the stage says, with the model that it names.

    Raises
    ------
    StoreError
        If the positions were imported.
    """
    from vitrify.models import MODELS
    from vitrify.protocols.inherent import Quench
    from vitrify.studies.simulate import quench_unit

    if "model" not in parameters:
        raise StoreError(
            f"The inherent positions of {trajectory.path} were imported, not quenched here, and not all are there. Repeat the "
            "`vitrify import` that brought them."
        )
    known = parameters.pop("model")
    model = MODELS.load(known["name"]).from_dict(known)
    return Filling("Quenching", "thermal", quench_unit, (Quench(**parameters), model))


def filling_of_p_hop(trajectory: Trajectory, parameters: dict[str, Any]) -> Filling:  # noqa: ARG001
    """Compute the hop indicator with the window and the positions of the stage."""
    from vitrify.rearrangements import INDICATORS
    from vitrify.studies.dynamics import p_hop_unit

    kind = parameters.pop("positions")
    indicator = INDICATORS.load(parameters.pop("name"))(**parameters)
    return Filling("Finding rearrangements", kind, p_hop_unit, (indicator, kind))


def filling_of_d2min(trajectory: Trajectory, parameters: dict[str, Any]) -> Filling:  # noqa: ARG001
    """Compute the non-affine motion with the parameters and the positions of the stage."""
    from vitrify.rearrangements import INDICATORS
    from vitrify.studies.flow_defects import d2min_unit

    kind = parameters.pop("positions")
    indicator = INDICATORS.load(parameters.pop("name"))(**parameters)
    return Filling("Finding non-affine motion", kind, d2min_unit, (indicator, kind))


def filling_of_softness(trajectory: Trajectory, parameters: dict[str, Any]) -> Filling:
    """Apply the trained softness that was left beside the store.

    Raises
    ------
    StoreError
        If it is not there, or is not the one of the stage.
    """
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.softness_values import softness_unit

    path = beside(trajectory.path, PREPARED_SOFTNESS)
    trained = TrainedSoftness.load(path) if path.exists() else None
    if "every" not in parameters or trained is None or trained.identity != parameters["model"]:
        raise StoreError(
            f"The trained softness of the stage 'softness' of {trajectory.path} is not in {path}. Run "
            f"`vitrify softness {trajectory.path} --model … --prepare` first."
        )
    sampled = np.arange(0, trajectory.n_frames, parameters["every"])
    nothing = np.empty(0, np.int64)
    return Filling(
        "Computing softness", trained.positions, softness_unit, (trained, sampled, (nothing, nothing))
    )
