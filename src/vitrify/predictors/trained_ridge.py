"""A fitted linear model as one file: everything that is needed to give the same predictions anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import DiskFullError, ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.files import write_whole
from vitrify.predictors.trained import centres_of
from vitrify.provenance import canonical_json, identity, to_plain

if TYPE_CHECKING:
    from vitrify.particles import Frame

FORMAT = "vitrify trained ridge regression"
VERSION = 1
POSITIONS = ("thermal", "inherent", "time-averaged", "cage", "unspecified")
_ARRAYS = ("weights", "mean", "scale")
_FIELDS = (
    *_ARRAYS,
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
)


@dataclass(frozen=True, eq=False)
class TrainedRidge:
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
    """

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
        if not np.isfinite(self.bias) or (self.scale <= 0).any():
            raise ParameterError(f"`bias` must be finite and `scale` positive; bias is {self.bias}.")
        if not (np.isfinite(self.strength) and self.strength >= 0):
            raise ParameterError(f"`strength` must be a number of at least 0; it is {self.strength}.")
        if self.positions not in POSITIONS:
            raise ParameterError(
                f"`positions` must be one of {', '.join(POSITIONS)}; it is '{self.positions}'."
            )
        species = tuple(str(n) for n in self.species_names)
        if self.centre_species and self.centre_species not in species:
            raise ParameterError(
                f"`centre_species` = '{self.centre_species}' is none of the species {', '.join(species)}."
            )
        object.__setattr__(self, "bias", float(self.bias))
        object.__setattr__(self, "strength", float(self.strength))
        object.__setattr__(self, "feature_names", names)
        object.__setattr__(self, "species_names", species)
        for name in ("unused", "descriptors", "training"):
            object.__setattr__(self, name, to_plain(getattr(self, name)))

    @property
    def identity(self) -> str:
        """Hash of the whole content."""
        return identity(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {name: to_plain(getattr(self, name)) for name in _FIELDS}

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
        from vitrify.predictors.plane import evaluate_plane

        rows = np.ascontiguousarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.weights):
            raise ShapeError(
                f"`features` must have shape (n, {len(self.weights)}), one column per feature; it has {rows.shape}."
            )
        return evaluate_plane(rows, self.mean, self.scale, self.weights, self.bias)

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
        from vitrify.descriptors.base import as_particles, from_dict

        if not self.descriptors:
            raise ParameterError(
                "This model does not say which `descriptors` made its features. Give `predict` rows of features."
            )
        if self.centre_species:
            chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        else:
            chosen = as_particles(frame, particles)
        descriptors = from_dict(self.descriptors)
        names = tuple(descriptors.feature_names(frame.species_names))
        if names != self.feature_names:
            raise ParameterError(
                f"The descriptors make {len(names)} features, {', '.join(names[:3])} …, where `feature_names` has "
                f"{len(self.feature_names)}, {', '.join(self.feature_names[:3])} …. Train again."
            )
        return self.predict(descriptors.evaluate(frame, chosen))

    def save(self, path: str | Path) -> None:
        """Write one JSON file; it is there whole or not at all.

        Raises
        ------
        DiskFullError, StoreError
            If it cannot be written; an older file of this name is then untouched.
        """
        path = Path(path)
        model = self.to_dict()
        content = {"format": FORMAT, "version": VERSION, "hash": identity(model), "ridge": model}
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
            raise StoreError(f"The model {path} cannot be written: {problem.strerror}.") from problem

    @classmethod
    def load(cls, path: str | Path) -> TrainedRidge:
        """Read a file written by `save`.

        Raises
        ------
        StoreError
            If there is no such file, or it is no trained ridge regression, or incomplete, or changed since it was written.
        StoreVersionError
            If a newer vitrify wrote it.

        Examples
        --------
        >>> import tempfile
        >>> line = TrainedRidge([1.5], 0.1, [0.0], [1.0], ["x"], 3.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     line.save(Path(folder) / "ridge.json")
        ...     TrainedRidge.load(Path(folder) / "ridge.json") == line
        True
        """
        content = _parse(Path(path))
        model = content.get("ridge")
        if not isinstance(model, dict) or content.get("hash") != identity(model):
            raise StoreError(
                f"{path} was edited or damaged: its content does not match its hash {content.get('hash')}. "
                "Train again or restore the file."
            )
        unlike = sorted(set(_FIELDS) ^ set(model))
        if unlike:
            raise StoreError(
                f"{path} is no complete trained ridge regression; these entries differ: {', '.join(unlike)}."
            )
        return cls(**model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainedRidge) and canonical_json(self) == canonical_json(other)

    def __hash__(self) -> int:
        return hash(self.identity)


def _parse(path: Path) -> dict[str, Any]:
    """Return the content of a file of this format and of a version that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise StoreError(f"The model {path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError:
        raise StoreError(f"{path} is not JSON: it is no text. A trained model is one JSON file.") from None
    except json.JSONDecodeError as problem:
        raise StoreError(
            f"{path} is not JSON, or ends in the middle: {problem.msg} in line {problem.lineno}."
        ) from None
    except RecursionError:
        raise StoreError(f"{path} is no trained ridge regression: it is nested without end.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise StoreError(
            f"{path} is no trained ridge regression: its format is {found!r} instead of '{FORMAT}'."
        )
    version = content.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise StoreVersionError(
            f"{path} has version {version} of its format; this vitrify reads up to version {VERSION}. Update vitrify."
        )
    return content
