"""One hyperplane for soft spheres of all densities: D²min, a threshold per density, examples, softness."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.flow_labels import FlowSelection, value_of_rank
from vitrify.predictors.scores import Score, accuracy
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.rearrangements.d2min import D2Min
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import StoredValues
from vitrify.studies.filling import once
from vitrify.studies.flow_defects import (
    add_d2min,
    d2min_unit,
    flow_examples_with_features,
    require_even_lag,
)
from vitrify.studies.learning import train_on_examples, training_identity
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace, _counting, quench_all, simulate_study
from vitrify.studies.soft_spheres_settings import SoftSphereSettings, density
from vitrify.studies.softness_values import add_softness, softness_unit

if TYPE_CHECKING:
    import xarray as xr

_FOLDS = 6


def sphere_settings(place: Workplace) -> SoftSphereSettings:
    """Return the settings of a place of this study."""
    assert isinstance(place.settings, SoftSphereSettings)
    return place.settings


def learn_soft_spheres(
    place: Workplace, progress: Progress, workers: int | Workforce | None = None
) -> TrainedSoftness:
    """Simulate, quench, find rearrangements, train one hyperplane, and compute softness of every test trajectory."""
    simulate_study(place, progress, workers)
    quench_all(place, progress, workers)
    d2min_all(place, progress, workers)
    trained = train_on_densities(place, progress, workers)
    softness_of_spheres(place, trained, progress, workers)
    return trained


# -- rearrangements --------------------------------------------------------------------------------------------------


def make_d2min(settings: SoftSphereSettings) -> D2Min:
    """Return the D²min of the settings."""
    s = settings.spheres
    return D2Min(lag=s.lag, cutoff=s.cutoff, normalization=s.normalization)


def d2min_all(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Compute D²min of all trajectories, thermal positions."""
    settings, jobs = sphere_settings(place), []
    indicator = make_d2min(settings)
    for point in settings.state_points:
        trajectory = place.trajectory(point)
        indicator.require_frames(trajectory.n_frames)
        require_even_lag(trajectory, indicator)
        add_d2min(trajectory, indicator, progress, "thermal")
        jobs += [
            (trajectory.path, unit, indicator, "thermal")
            for unit in range(len(trajectory.units()))
            if not trajectory.is_done("d2min", unit)
        ]
    if jobs:
        with _counting(place, settings.state_points, "d2min", progress, "Finding non-affine motion") as poll:
            map_units(partial(once, "d2min", d2min_unit), jobs, workers=workers, poll=poll)


def thresholds(place: Workplace) -> dict[float, float]:
    """Return D²min,0 of each density, length²: what 1 % of the small particles exceed at its reference state point.

    The fraction is that of `rearranging_fraction`, of all values of all small particles in all frames of the training
    trajectory of the density; of its coldest trajectory where it has none. The threshold then holds at all temperatures.
    """
    settings = sphere_settings(place)
    found = {}
    for value in settings.densities:
        trajectory = place.trajectory(settings.reference_point(value))
        found[value] = value_of_rank(
            StoredValues(trajectory, "d2min"),
            centre_particles(trajectory, settings.training.centre_species),
            1.0 - settings.spheres.rearranging_fraction,
            from_above=True,
        )
    return found


# -- the hyperplane --------------------------------------------------------------------------------------------------


def examples_of(
    place: Workplace,
    point: StatePoint,
    threshold: float,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return rearranging and quiet examples of one trajectory with their features.

    One that is not trained on is not cut into segments: nothing of it is learned.
    """
    settings = sphere_settings(place)
    t = settings.training
    if not point.training:
        t = t.model_copy(update={"segments": 1})
        settings = settings.model_copy(update={"training": t})
    selection = FlowSelection(
        rearranging_above=threshold,
        quiet_time=t.quiet_time,
        n_per_class=t.n_per_class,
        min_per_class=t.min_per_class,
        seed=t.seed,
    )
    return flow_examples_with_features(
        place.trajectory(point), settings, selection, point.temperature,
        place.table(point, "sphere_examples"), kind="inherent", progress=progress, workers=workers,
    )  # fmt: skip


def equal_mixture(examples: list[xr.Dataset], seed: int) -> xr.Dataset:
    """Join the examples of several trajectories with equally many of each class from each.

    Parameters
    ----------
    examples : list of xarray.Dataset
        features (example, feature); label, frame, particle, segment (example).
    seed : int
        Of the choice among those of a trajectory that has more.

    Returns
    -------
    xarray.Dataset
        The same, with `trajectory`, its number; segments are numbered on from one trajectory to the next.

    Examples
    --------
    >>> import xarray as xr
    >>> one = xr.Dataset({"features": (("example", "feature"), np.arange(6.0)[:, None]), "label": ("example", [1, -1] * 3),
    ...                   "segment": ("example", [0, 0, 1, 1, 1, 1])}, {"feature": ["f"]})
    >>> both = equal_mixture([one, one.isel(example=slice(2))], 0)
    >>> sorted(both["label"].values.tolist()), both["trajectory"].values.tolist(), both["segment"].values[-2:].tolist()
    ([-1, -1, 1, 1], [0, 0, 1, 1], [2, 2])
    """
    import xarray as xr

    rng = np.random.default_rng(seed)
    n = min(int(np.count_nonzero(e["label"].values == side)) for e in examples for side in (1, -1))
    chosen, first = [], 0
    for k, one in enumerate(examples):
        label = one["label"].values
        rows = np.sort(
            np.concatenate([rng.choice(np.flatnonzero(label == side), n, replace=False) for side in (1, -1)])
        )
        part = one.isel(example=rows)
        part = part.assign(
            segment=("example", part["segment"].values + first),
            trajectory=("example", np.full(len(rows), k)),
        )
        first += int(one["segment"].values.max()) + 1
        chosen.append(part)
    return xr.concat(chosen, "example", combine_attrs="drop").assign_attrs(selected_per_class=n * len(chosen))


def train_on_densities(
    place: Workplace, progress: Progress, workers: int | Workforce | None = None
) -> TrainedSoftness:
    """Train one hyperplane on all training trajectories together and save it; one of the same examples is used as it is."""
    settings, limits = sphere_settings(place), thresholds(place)
    points = settings.training_points
    parts = [examples_of(place, p, limits[density(p)], progress, workers) for p in points]
    examples = equal_mixture(parts, settings.training.seed)
    if place.model_file.exists():
        known = TrainedSoftness.load(place.model_file)
        if known.training.get("identity") == training_identity(settings, examples):
            return known
    n = examples.attrs["selected_per_class"]
    progress.note(f"Training on {n} rearranging and as many quiet particles of {len(points)} state points")
    held = held_out_softness(settings, examples)
    trained = train_on_examples(
        place.trajectory(points[0]),
        settings,
        points[0],
        examples,
        folds=_FOLDS,
        about={
            "labels": "d2min",
            "state_points": {p.label: limits[density(p)] for p in points},
            "thresholds": {f"{value:g}": limit for value, limit in limits.items()},
            "provenance": [to_plain(place.trajectory(p).provenance) for p in points],
            "by_state_point": {
                p.label: asdict(_of_trajectory(examples, held, k)) for k, p in enumerate(points)
            },
        },
    )
    trained.save(place.model_file)
    return trained


def held_out_softness(settings: SoftSphereSettings, examples: xr.Dataset) -> NDArray[np.float64]:
    """Return the softness of every example by a hyperplane that has not seen its trajectory segment, (n,)."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    from vitrify.predictors.softness import Softness

    t = settings.training
    features, label, group = (examples[k].values for k in ("features", "label", "segment"))
    folds = min(_FOLDS, len(np.unique(group)))
    if folds < 2:
        raise ParameterError(
            "Held-out softness needs at least two trajectory segments; all examples lie in one. Raise `training.segments`."
        )
    estimator = Softness(C=t.penalties[0], loss=t.loss, solver=t.solver, min_sd=t.min_sd, random_state=0)
    found: Any = cross_val_predict(
        estimator, features, label, groups=group, cv=StratifiedGroupKFold(folds), method="decision_function"
    )
    return np.asarray(found, float)


def _of_trajectory(examples: xr.Dataset, held: NDArray[np.float64], k: int) -> Score:
    mine = examples["trajectory"].values == k
    return accuracy(held[mine], examples["label"].values[mine])


def accuracy_elsewhere(
    place: Workplace,
    trained: TrainedSoftness,
    value: float,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> tuple[Score | None, str]:
    """Return the accuracy on a trajectory of this density that nothing was learned from, or None, and at which state.

    Parameters
    ----------
    place : Workplace
    trained : TrainedSoftness
    value : float
        Of the density.
    progress, workers
        As elsewhere.
    """
    settings = sphere_settings(place)
    reference = settings.reference_point(value)
    point = min(
        settings.points_of(value), key=lambda p: (abs(p.temperature - reference.temperature), p.replica)
    )
    at = f"T = {point.temperature:g}"
    try:
        examples = examples_of(place, point, thresholds(place)[value], progress, workers)
    except TooFewEventsError as error:
        return None, f"{at}: {error}"
    return accuracy(trained.evaluate(examples["features"].values), examples["label"].values), at


# -- softness --------------------------------------------------------------------------------------------------------


def frames_with_outcome(settings: SoftSphereSettings, trajectory: Trajectory) -> NDArray[np.int64]:
    """Return the frames at which softness is computed: every `stride`, quenched, and with a D²min of their own, (n,)."""
    frames = np.arange(0, trajectory.n_frames - settings.spheres.lag, settings.statistics.stride)
    return frames[trajectory.read("inherent_converged")[frames] != 0]


def softness_of_spheres(
    place: Workplace, trained: TrainedSoftness, progress: Progress, workers: int | Workforce | None = None
) -> None:
    """Fill the array "softness" of every test trajectory: all small particles of sampled frames."""
    settings, jobs = sphere_settings(place), []
    points = settings.test_points
    nothing = (np.empty(0, np.int64), np.empty(0, np.int64))
    for point in points:
        trajectory = place.trajectory(point)
        sampling = {"stride": settings.statistics.stride, "lag": settings.spheres.lag}
        add_softness(trajectory, trained, sampling, progress)
        sampled = frames_with_outcome(settings, trajectory)
        jobs += [
            (trajectory.path, unit, trained, sampled, nothing)
            for unit in range(len(trajectory.units()))
            if not trajectory.is_done("softness", unit)
        ]
    if jobs:
        with _counting(place, points, "softness", progress, "Computing softness") as poll:
            map_units(partial(once, "softness", softness_unit), jobs, workers=workers, poll=poll)
