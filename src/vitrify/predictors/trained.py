"""A trained softness as one file: everything that is needed to give the same numbers anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import DiskFullError, ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.files import write_whole
from vitrify.predictors.drift import Drift, FeatureRange, measure_drift
from vitrify.provenance import canonical_json, identity, to_plain

if TYPE_CHECKING:
    from vitrify.particles import Frame

FORMAT = "vitrify trained softness"
VERSION = 1
_ARRAYS = ("weights", "mean", "scale")
_FIELDS = (
    *_ARRAYS,
    "bias",
    "feature_names",
    "descriptors",
    "species_names",
    "centre_species",
    "positions",
    "training",
)
_OPTIONAL = ("feature_range",)  # files without it are read as well


@dataclass(frozen=True, eq=False)
class TrainedSoftness:
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
        names = tuple(str(n) for n in self.feature_names)
        for name in _ARRAYS:
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != (len(names),):
                raise ShapeError(
                    f"`{name}` needs one entry per feature, {len(names)}; it has shape {array.shape}."
                )
            if not np.isfinite(array).all():
                raise ParameterError(
                    f"`{name}` holds {np.sum(~np.isfinite(array))} entries that are not finite."
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        species = tuple(str(n) for n in self.species_names)
        if not np.isfinite(self.bias) or (self.scale <= 0).any():
            raise ParameterError(f"`bias` must be finite and `scale` positive; bias is {self.bias}.")
        if self.positions not in ("inherent", "thermal"):
            raise ParameterError(f"`positions` must be 'inherent' or 'thermal'; it is '{self.positions}'.")
        if self.centre_species not in species:
            raise ParameterError(
                f"`centre_species` = '{self.centre_species}' is none of the species {', '.join(species)}."
            )
        object.__setattr__(self, "bias", float(self.bias))
        object.__setattr__(self, "feature_names", names)
        object.__setattr__(self, "species_names", species)
        object.__setattr__(self, "descriptors", to_plain(self.descriptors))
        object.__setattr__(self, "training", to_plain(self.training))
        if isinstance(self.feature_range, dict):
            object.__setattr__(self, "feature_range", FeatureRange.from_dict(self.feature_range))
        if self.feature_range is not None and len(self.feature_range.low) != len(names):
            raise ShapeError(
                f"`feature_range` needs one entry per feature, {len(names)}; it has {len(self.feature_range.low)}."
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

    @property
    def identity(self) -> str:
        """Hash of the whole content."""
        return identity(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        there = [name for name in _OPTIONAL if getattr(self, name) is not None]
        return {name: to_plain(getattr(self, name)) for name in (*_FIELDS, *there)}

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
        from vitrify.predictors.plane import evaluate_plane

        rows = np.ascontiguousarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.weights):
            raise ShapeError(
                f"`features` must have shape (n, {len(self.weights)}), one column per feature; it has {rows.shape}."
            )
        return evaluate_plane(rows, self.mean, self.scale, self.weights, self.bias)

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
        from vitrify.descriptors.base import from_dict

        chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        descriptors = from_dict(self.descriptors)
        names = tuple(descriptors.feature_names(frame.species_names))
        if names != self.feature_names:
            raise ParameterError(
                f"The descriptors make {len(names)} features, {', '.join(names[:3])} …, where `feature_names` has "
                f"{len(self.feature_names)}, {', '.join(self.feature_names[:3])} …. Train again."
            )
        return descriptors.evaluate(frame, chosen)

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

    def save(self, path: str | Path) -> None:
        """Write one JSON file; it is there whole or not at all.

        Raises
        ------
        DiskFullError, StoreError
            If it cannot be written; an older file of this name is then untouched.
        """
        path = Path(path)
        model = self.to_dict()
        content = {"format": FORMAT, "version": VERSION, "hash": identity(model), "softness": model}
        try:
            text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError:
            raise ParameterError(
                "`training` or `descriptors` holds a number that is not finite; JSON has none. Leave it out or write None."
            ) from None
        try:
            write_whole(path, text)
        except DiskFullError:
            raise
        except OSError as problem:
            raise StoreError(
                f"The trained softness {path} cannot be written: {problem.strerror}."
            ) from problem

    @classmethod
    def load(cls, path: str | Path) -> TrainedSoftness:
        """Read a file written by `save`.

        Raises
        ------
        StoreError
            If there is no such file, or it is no trained softness, or incomplete, or changed since it was written.
        StoreVersionError
            If a newer vitrify wrote it.

        Examples
        --------
        >>> import tempfile
        >>> plane = TrainedSoftness([1.5], 0.1, [0.0], [1.0], ["A 1.1"], {}, ["A"], "A")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plane.save(Path(folder) / "softness.json")
        ...     TrainedSoftness.load(Path(folder) / "softness.json").identity == plane.identity
        True
        """
        content = _parse(Path(path))
        model = content.get("softness")
        if not isinstance(model, dict) or content.get("hash") != identity(model):
            raise StoreError(
                f"{path} was edited or damaged: its content does not match its hash {content.get('hash')}. "
                "Train again or restore the file."
            )
        unlike = sorted(set(_FIELDS) ^ (set(model) - set(_OPTIONAL)))
        if unlike:
            raise StoreError(
                f"{path} is no complete trained softness; these entries differ: {', '.join(unlike)}."
            )
        return cls(**model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainedSoftness) and canonical_json(self) == canonical_json(other)

    def __hash__(self) -> int:
        return hash(self.identity)


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


def _parse(path: Path) -> dict[str, Any]:
    """Return the content of a file of this format and of a version that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise StoreError(f"The trained softness {path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError:
        raise StoreError(f"{path} is not JSON: it is no text. A trained softness is one JSON file.") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as problem:
        if FORMAT in text[:200] and text.rstrip("\n").rpartition("\n")[2] != "}":
            n_lines = text.count("\n") + 1
            raise StoreError(f"{path} is truncated: it ends in the middle, in line {n_lines}.") from None
        raise StoreError(f"{path} is not JSON: {problem.msg} in line {problem.lineno}.") from None
    except RecursionError:
        raise StoreError(f"{path} is no trained softness: it is nested without end.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise StoreError(f"{path} is no trained softness: its format is {found!r} instead of '{FORMAT}'.")
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise StoreVersionError(
            f"{path} has version {version} of its format; this vitrify reads up to version {VERSION}. Update vitrify."
        )
    return content
