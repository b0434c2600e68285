"""A fitted linear model as one file: everything that is needed to give the same predictions anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.predictors._model_files import ARRAYS, LinearModel, ModelFile
from vitrify.predictors.trained import centres_of
from vitrify.provenance import to_plain

if TYPE_CHECKING:
    from vitrify.particles import Frame

FORMAT = "vitrify trained ridge regression"
VERSION = 1
POSITIONS = ("thermal", "inherent", "time-averaged", "cage", "unspecified")
_FILE = ModelFile(
    format=FORMAT,
    version=VERSION,
    key="ridge",
    name="trained ridge regression",
    kind="trained model",
    subject="model",
    fields=(
        *ARRAYS,
        "bias",
        "feature_names",
        "strength",
        "unused",
        "target",
        "descriptors",
        "species_names",
        "centre_species",
        "positions",
        "training",
    ),
)


@dataclass(frozen=True, eq=False)
class TrainedRidge(LinearModel):
    """A linear function of standardised features, with the recipe of the features and of its training.

    Parameters
    ----------
    weights : (M,) array_like
        w, of the standardised features; 0 for `unused` ones.
    bias : float
        b, so that the prediction is w · (X − mean) / scale + b; unit of the target.
    mean, scale : (M,) array_like
        Of the features over the training particles; scale is 1 where a feature does not vary.
    feature_names : sequence of M str
    strength : float
        λ of the penalty λ ‖w‖² beside the sum of squared errors over all training particles.
    unused : dict, optional
        Features without weight and why.
    target : str, default "target"
        What is predicted.
    descriptors : dict, optional
        ``to_dict()`` of the descriptors that make the features; without it only rows of features can be given.
    species_names : sequence of str, optional
        In the order of the species indices that the descriptors count.
    centre_species : str, default ""
        Whose value this is; empty: any species.
    positions : {"thermal", "inherent", "time-averaged", "cage", "unspecified"}, default "unspecified"
        Which positions it was trained on and must be given.
    training : dict, optional
        Configurations, particles, scores, settings: what made it.

    Raises
    ------
    ShapeError
        If the arrays do not have one entry per feature name.
    ParameterError
        If a number is not finite, a scale not positive, λ negative, or the species or positions unknown.

    Notes
    -----
    The sum runs over the features in a fixed order, so a value does not depend on the batch it is computed in, and a
    file read back in another process gives the same bits.

    Examples
    --------
    >>> line = TrainedRidge([2.0, -1.0], 0.5, [1.0, 0.0], [2.0, 1.0], ("x", "y"), 0.0)
    >>> line.predict([[3.0, 0.0], [1.0, 1.0]]).tolist()
    [2.5, -0.5]

    As a file:

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     line.save(Path(folder) / "ridge.json")
    ...     TrainedRidge.load(Path(folder) / "ridge.json") == line
    True
    """

    FILE: ClassVar[ModelFile] = _FILE
    weights: NDArray[np.float64]
    bias: float
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    feature_names: tuple[str, ...]
    strength: float
    unused: dict[str, str] = field(default_factory=dict)
    target: str = "target"
    descriptors: Any = field(default_factory=dict)
    species_names: tuple[str, ...] = ()
    centre_species: str = ""
    positions: str = "unspecified"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tidy()
        if not (np.isfinite(self.strength) and self.strength >= 0):
            raise ParameterError(f"`strength` must be a number of at least 0; it is {self.strength}.")
        if self.positions not in POSITIONS:
            raise ParameterError(
                f"`positions` must be one of {', '.join(POSITIONS)}; it is '{self.positions}'."
            )
        if self.centre_species:
            self._require_centre_species()
        object.__setattr__(self, "strength", float(self.strength))
        for name in ("unused", "descriptors", "training"):
            object.__setattr__(self, name, to_plain(getattr(self, name)))

    def predict(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted target of each row of features.

        Parameters
        ----------
        features : (n, M) array_like
            In the order of `feature_names`, not standardised.

        Returns
        -------
        (n,) float

        Raises
        ------
        ShapeError
            If there are not M columns.
        """
        return self._values(features)

    def predict_frame(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the predicted target of particles of a configuration.

        Parameters
        ----------
        frame : Frame
            Of the kind of positions (`positions`) that this was trained on.
        particles : (n,) array_like of int, optional
            By default all of `centre_species`.

        Returns
        -------
        (n,) float

        Raises
        ------
        ParameterError
            If the descriptors are not known, the species of the frame are not those of the training, or the descriptors have
            other features now.
        """
        from vitrify.descriptors.base import as_particles

        if not self.descriptors:
            raise ParameterError(
                "This model does not say which `descriptors` made its features. Give `predict` rows of features."
            )
        if self.centre_species:
            chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        else:
            chosen = as_particles(frame, particles)
        return self.predict(self._features_of(frame, chosen))
