"""The training examples as the study of their meaning takes them: columns by what they are, and kept answers about them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress, Silent
from vitrify.studies.dynamics import keep_table
from vitrify.studies.learning import examples_with_features, training_identity
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

FOLDER = "meaning"
_RADIAL = re.compile(r"^G_(?P<species>.+)\((?P<radius>[0-9.eE+-]+)\)$")


@dataclass(frozen=True, eq=False)
class Examples:
    """Soft and hard examples with their features.

    Parameters
    ----------
    features : (n, M) float
    soft : (n,) int
        1 about to rearrange, 0 quiet.
    segment : (n,) int
        Of the trajectory: what may be left out together.
    frame, particle : (n,) int
    names : tuple of M str
    identity : str
        Hash of all of it, and of how softness is learned from it.
    min_sd : float
        Columns that vary less count as constant.
    """

    features: Array
    soft: NDArray[np.int64]
    segment: NDArray[np.int64]
    frame: NDArray[np.int64]
    particle: NDArray[np.int64]
    names: tuple[str, ...]
    identity: str
    min_sd: float = 0.0

    @property
    def n_soft(self) -> int:
        """Rearrangements among the examples."""
        return int(self.soft.sum())

    @property
    def radial(self) -> list[int]:
        """Columns of the radial functions that vary."""
        return [k for k in radial_columns(self.names) if self.features[:, k].std() > self.min_sd]

    @property
    def angular(self) -> list[int]:
        """All other columns."""
        radial = set(radial_columns(self.names))
        return [k for k in range(len(self.names)) if k not in radial]

    def table(self, columns: list[int]) -> tuple[Array, NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Return features of some columns, classes, segments and names, as predictors take them."""
        chosen = np.ascontiguousarray(self.features[:, columns])
        return chosen, self.soft, self.segment, [self.names[k] for k in columns]

    def thinned(self, n: int, seed: int) -> Examples:
        """Return about `n` examples, as many of each class and spread over all segments, the same for the same seed."""
        if n >= len(self.soft):
            return self
        rng = np.random.default_rng(seed)
        kept = np.sort(
            np.concatenate([rng.permutation(np.flatnonzero(self.soft == c))[: n // 2] for c in (0, 1)])
        )
        rows = ("features", "soft", "segment", "frame", "particle")
        fewer: dict[str, Any] = {name: getattr(self, name)[kept] for name in rows}
        return replace(self, **fewer, identity=f"{self.identity} {n} {seed}")


def radial_columns(names: tuple[str, ...]) -> list[int]:
    """Return the columns of radial functions, known by their names.

    Examples
    --------
    >>> radial_columns(("G_A(1.1)", "Psi_AA(1)", "G_B(0.9)"))
    [0, 2]
    """
    return [k for k, name in enumerate(names) if _RADIAL.match(name)]


def species_and_radius(name: str) -> tuple[str, float]:
    """Return what a radial function counts, and where.

    Examples
    --------
    >>> species_and_radius("G_B(0.9)")
    ('B', 0.9)
    """
    found = _RADIAL.match(name)
    assert found is not None
    return found["species"], float(found["radius"])


def examples_of(
    place: Workplace, progress: Progress | None = None, workers: int | Workforce | None = None
) -> Examples:
    """Return the examples that the softness of a study was learned from.

    Raises
    ------
    ParameterError
        If none of their features is a radial function.
    """
    settings, point = place.settings, place.settings.training_point
    table = examples_with_features(
        place.trajectory(point),
        settings,
        point.temperature,
        place.table(point, "events"),
        place.table(point, "examples"),
        progress=progress or Silent(),
        workers=workers,
    )
    names = tuple(str(n) for n in table["feature"].values)
    if not radial_columns(names):
        raise ParameterError(
            "`training.descriptors` must have radial functions G_X(r), whose weights are interpreted; it has "
            f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}. Take schoenholz-2016 or radial_density."
        )
    return Examples(
        np.asarray(table["features"].values),
        (table["label"].values > 0).astype(np.int64),
        np.asarray(table["segment"].values),
        np.asarray(table["frame"].values),
        np.asarray(table["particle"].values),
        names,
        training_identity(settings, table),
        settings.training.min_sd,
    )


def kept(
    place: Workplace, name: str, parameters: dict[str, Any], make: Callable[[], xr.Dataset]
) -> xr.Dataset:
    """Return a table of the study, from its file if that was made from the same parameters."""
    path = place.out / FOLDER / f"{name}.npz"
    found = load_table(path, parameters)
    if found is not None:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    return keep_table(path, make(), parameters)


def machine_of(settings: MeaningSettings, trained: TrainedSoftness) -> Any:
    """Return the machine that sets of functions and numbers of examples are compared by, not fitted.

    Its loss is the square of the hinge, with the C of softness: the same accuracy within half a point, found by Newton's method in
    a second where functions that are nearly the same keep a solver for the hinge busy for an hour.
    """
    from vitrify.predictors.softness import Softness

    C, min_sd = float(trained.training["C"]), settings.training.min_sd
    return Softness(C, loss="squared_hinge", solver="linear_svc", min_sd=min_sd, random_state=0)


def classifier_of(settings: MeaningSettings, trained: TrainedSoftness) -> Any:
    """Return the classifier that softness was learned with, not fitted: the same loss, solver and C."""
    from vitrify.predictors.softness import Softness

    t = settings.training
    C = float(trained.training["C"])
    return Softness(C, loss=t.loss, solver=t.solver, min_sd=t.min_sd, random_state=0)
