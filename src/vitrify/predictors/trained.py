"""A trained softness as one file: everything that is needed to give the same numbers anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.predictors._model_files import ARRAYS, LinearModel, ModelFile
from vitrify.predictors.drift import Drift, FeatureRange, measure_drift
from vitrify.provenance import to_plain

if TYPE_CHECKING:
    from vitrify.particles import Frame

FORMAT = "vitrify trained softness"
VERSION = 1
_FILE = ModelFile(
    format=FORMAT,
    version=VERSION,
    key="softness",
    name="trained softness",
    kind="trained softness",
    subject="trained softness",
    fields=(
        *ARRAYS,
        "bias",
        "feature_names",
        "descriptors",
        "species_names",
        "centre_species",
        "positions",
        "training",
    ),
    optional=("feature_range",),
)


@dataclass(frozen=True, eq=False)
class TrainedSoftness(LinearModel):
    """A plane in the space of structure functions, with the recipe of the functions and of its training.

    Parameters
    ----------
    weights : (M,) array_like
        w, of the standardised features.
    bias : float
        b, so that S = w · (F − mean) / scale + b.
    mean, scale : (M,) array_like
        Of the features over the training set.
    feature_names : sequence of M str
    descriptors : dict
        ``to_dict()`` of the descriptors that make the features.
    species_names : sequence of str
        In the order of the species indices that the descriptors count.
    centre_species : str
        Whose softness this is.
    positions : {"inherent", "thermal"}, default "inherent"
        Which positions it was trained on and must be given.
    training : dict
        Temperature, model, selection, numbers of examples, C, loss, held-out accuracy, seed: what made it.
    feature_range : FeatureRange or dict, optional
        Range of each feature over the training examples; None in files of older versions.

    Raises
    ------
    ShapeError
        If the arrays do not have one entry per feature name.
    ParameterError
        If a number is not finite, a scale not positive or the species unknown.

    Notes
    -----
    The sum runs over the features in a fixed order, so a value does not depend on the batch it is computed in, and a
    file read back in another process gives the same bits.

    Examples
    --------
    >>> plane = TrainedSoftness(
    ...     [2.0, -1.0], 0.5, [1.0, 0.0], [2.0, 1.0], ("A 1.1", "B 0.9"), {}, ("A", "B"), "A"
    ... )
    >>> plane.evaluate([[3.0, 0.0], [1.0, 1.0]]).tolist()
    [2.5, -0.5]
    """

    FILE: ClassVar[ModelFile] = _FILE
    weights: NDArray[np.float64]
    bias: float
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    feature_names: tuple[str, ...]
    descriptors: Any
    species_names: tuple[str, ...]
    centre_species: str
    positions: str = "inherent"
    training: dict[str, Any] = field(default_factory=dict)
    feature_range: FeatureRange | None = None

    def __post_init__(self) -> None:
        self._tidy()
        if self.positions not in ("inherent", "thermal"):
            raise ParameterError(f"`positions` must be 'inherent' or 'thermal'; it is '{self.positions}'.")
        self._require_centre_species()
        object.__setattr__(self, "descriptors", to_plain(self.descriptors))
        object.__setattr__(self, "training", to_plain(self.training))
        if isinstance(self.feature_range, dict):
            object.__setattr__(self, "feature_range", FeatureRange.from_dict(self.feature_range))
        if self.feature_range is not None and len(self.feature_range.low) != len(self.feature_names):
            raise ShapeError(
                f"`feature_range` needs one entry per feature, {len(self.feature_names)}; it has {len(self.feature_range.low)}."
            )

    @classmethod
    def from_estimator(cls, estimator: Any, **rest: Any) -> TrainedSoftness:
        """Take the plane from a fitted `Softness`; `rest` are the other parameters.

        C, loss, solver and tolerance are added to `training`.

        Examples
        --------
        >>> from vitrify.predictors.softness import Softness
        >>> features, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), [-1, -1, 1, 1]
        >>> fitted = Softness().fit(features, labels)
        >>> plane = TrainedSoftness.from_estimator(
        ...     fitted, feature_names=["A 1.1"], descriptors={}, species_names=["A"], centre_species="A"
        ... )
        >>> bool((plane.evaluate(features) == fitted.decision_function(features)).all())
        True
        """
        training = {**to_plain(estimator.get_params()), **rest.pop("training", {})}
        return cls(
            estimator.coef_[0],
            float(estimator.intercept_[0]),
            estimator.mean_,
            estimator.scale_,
            training=training,
            **rest,
        )

    def evaluate(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the softness of each row of features.

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

    def softness(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the softness of particles of a configuration.

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
            If the species of the frame are not those of the training, or the descriptors have other features now.
        """
        return self.evaluate(self.features(frame, particles))

    def features(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the features that the softness is computed from, (n, M); parameters and errors as of `softness`."""
        chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        return self._features_of(frame, chosen)

    def drift(self, frame: Frame, particles: ArrayLike | None = None) -> Drift:
        """Compare the features of particles of a configuration with those of the training examples.

        Parameters
        ----------
        frame, particles
            As of `softness`.

        Returns
        -------
        Drift
            ``drift.is_outside`` says whether the softness of this frame is an extrapolation, ``drift.describe()`` which
            feature is farthest.

        Raises
        ------
        ParameterError
            As of `softness`, and if the range of the training is not known.
        """
        return self.drift_of(self.features(frame, particles))

    def drift_of(self, features: ArrayLike) -> Drift:
        """Compare rows of features (n, M) with those of the training examples; rows with NaN are left out.

        Raises
        ------
        ParameterError
            If the range of the training is not known.
        """
        if self.feature_range is None:
            raise ParameterError(
                "This softness does not say which range its features had over the training examples: it was written before "
                "that was kept. Train again to have its `drift`."
            )
        return measure_drift(self.feature_range, self.feature_names, self.weights != 0, features)


def centres_of(
    frame: Frame, species_names: tuple[str, ...], centre_species: str, particles: ArrayLike | None
) -> NDArray[np.int64]:
    """Return the particles whose softness is asked for, (n,): by default all of `centre_species`.

    Raises
    ------
    ParameterError
        If the frame has other species than the softness was trained on, or no such particle.
    ShapeError
        If `particles` is not one row of integers.
    """
    from vitrify.descriptors.base import as_particles

    if tuple(frame.species_names) != species_names:
        raise ParameterError(
            f"This softness was trained on the species {', '.join(species_names)}; the frame has "
            f"{', '.join(frame.species_names)}."
        )
    return frame.of_species(centre_species) if particles is None else as_particles(frame, particles)
