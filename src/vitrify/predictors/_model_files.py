"""What every trained linear model shares: the checks of its numbers and features, and the one file that it is kept in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import DiskFullError, ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.files import write_whole
from vitrify.provenance import canonical_json, identity, to_plain

if TYPE_CHECKING:
    from vitrify.particles import Frame

ARRAYS = ("weights", "mean", "scale")


@dataclass(frozen=True)
class ModelFile:
    """A format: what is in the file and what the messages call it.

    Parameters
    ----------
    format : str
        What the file says that it is.
    version : int
        The latest that can be read.
    key : str
        Under which the model stands.
    name, kind, subject : str
        What it is, what such a file holds, and how one of them is spoken of.
    fields : tuple of str
        Of the model, in the order of the file.
    optional : tuple of str
        Fields that are written where they are known; files without them are read as well.
    """

    format: str
    version: int
    key: str
    name: str
    kind: str
    subject: str
    fields: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def write(self, path: Path, model: dict[str, Any]) -> None:
        """Write one JSON file; errors as of `LinearModel.save`."""
        content = {"format": self.format, "version": self.version, "hash": identity(model), self.key: model}
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
            raise StoreError(f"The {self.subject} {path} cannot be written: {problem.strerror}.") from problem

    def read(self, path: Path) -> dict[str, Any]:
        """Return the fields of the model; errors as of `LinearModel.load`."""
        content = self._of_this_format(path, self._parsed(path))
        model = content.get(self.key)
        if not isinstance(model, dict) or content.get("hash") != identity(model):
            raise StoreError(
                f"{path} was edited or damaged: its content does not match its hash {content.get('hash')}. "
                "Train again or restore the file."
            )
        unlike = sorted(set(self.fields) ^ (set(model) - set(self.optional)))
        if unlike:
            raise StoreError(f"{path} is no complete {self.name}; these entries differ: {', '.join(unlike)}.")
        return model

    def _parsed(self, path: Path) -> Any:
        """Return what the JSON holds."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as problem:
            raise StoreError(f"The {self.subject} {path} cannot be read: {problem.strerror}.") from problem
        except UnicodeDecodeError:
            raise StoreError(f"{path} is not JSON: it is no text. A {self.kind} is one JSON file.") from None
        try:
            return json.loads(text)
        except json.JSONDecodeError as problem:
            if self.format in text[:200] and text.rstrip("\n").rpartition("\n")[2] != "}":
                n_lines = text.count("\n") + 1
                raise StoreError(f"{path} is truncated: it ends in the middle, in line {n_lines}.") from None
            raise StoreError(f"{path} is not JSON: {problem.msg} in line {problem.lineno}.") from None
        except RecursionError:
            raise StoreError(f"{path} is no {self.name}: it is nested without end.") from None

    def _of_this_format(self, path: Path, content: Any) -> dict[str, Any]:
        """Return the content if it is of this format and of a version that can be read."""
        if not isinstance(content, dict) or content.get("format") != self.format:
            found = content.get("format") if isinstance(content, dict) else type(content).__name__
            raise StoreError(f"{path} is no {self.name}: its format is {found!r} instead of '{self.format}'.")
        version = content.get("version")
        if not isinstance(version, int) or version > self.version:
            raise StoreVersionError(
                f"{path} has version {version} of its format; this vitrify reads up to version {self.version}. "
                "Update vitrify."
            )
        return content


class LinearModel:
    """A linear function of standardised features that is kept as one file; what is one is a frozen dataclass with these fields."""

    FILE: ClassVar[ModelFile]
    weights: NDArray[np.float64]
    bias: float
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    feature_names: tuple[str, ...]
    species_names: tuple[str, ...]
    centre_species: str
    descriptors: Any

    @property
    def identity(self) -> str:
        """Hash of the whole content."""
        return identity(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        there = [name for name in self.FILE.optional if getattr(self, name) is not None]
        return {name: to_plain(getattr(self, name)) for name in (*self.FILE.fields, *there)}

    def save(self, path: str | Path) -> None:
        """Write one JSON file; it is there whole or not at all.

        Raises
        ------
        DiskFullError, StoreError
            If it cannot be written; an older file of this name is then untouched.
        """
        self.FILE.write(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file written by `save`.

        Raises
        ------
        StoreError
            If there is no such file, or it holds no such model, or is incomplete, or changed since it was written.
        StoreVersionError
            If a newer vitrify wrote it.

        Examples
        --------
        >>> import tempfile
        >>> from vitrify.predictors.trained import TrainedSoftness
        >>> plane = TrainedSoftness([1.5], 0.1, [0.0], [1.0], ["A 1.1"], {}, ["A"], "A")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plane.save(Path(folder) / "softness.json")
        ...     TrainedSoftness.load(Path(folder) / "softness.json").identity == plane.identity
        True
        """
        return cls(**cls.FILE.read(Path(path)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and canonical_json(self) == canonical_json(other)

    def __hash__(self) -> int:
        return hash(self.identity)

    def _tidy(self) -> None:
        """Check and freeze the numbers, and make the names tuples."""
        names = tuple(str(n) for n in self.feature_names)
        for name in ARRAYS:
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
        object.__setattr__(self, "bias", float(self.bias))
        object.__setattr__(self, "feature_names", names)
        object.__setattr__(self, "species_names", tuple(str(n) for n in self.species_names))

    def _require_centre_species(self) -> None:
        if self.centre_species not in self.species_names:
            raise ParameterError(
                f"`centre_species` = '{self.centre_species}' is none of the species {', '.join(self.species_names)}."
            )

    def _values(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the value of each row of features, (n,)."""
        from vitrify.predictors.plane import evaluate_rows

        return evaluate_rows(features, self.mean, self.scale, self.weights, self.bias)

    def _features_of(self, frame: Frame, particles: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the features of particles of a frame, (n, M), if the descriptors still make those of the training."""
        from vitrify.descriptors.base import from_dict

        descriptors = from_dict(self.descriptors)
        names = tuple(descriptors.feature_names(frame.species_names))
        if names != self.feature_names:
            raise ParameterError(
                f"The descriptors make {len(names)} features, {', '.join(names[:3])} …, where `feature_names` has "
                f"{len(self.feature_names)}, {', '.join(self.feature_names[:3])} …. Train again."
            )
        return descriptors.evaluate(frame, particles)
