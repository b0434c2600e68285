"""What a descriptor promises: numbers per particle that depend on one configuration and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, UnknownNameError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray


class Descriptor(ABC):
    """Features of the neighbourhood of each particle, one row per particle.

    Members are frozen dataclasses; their fields are their identity. The number and the meaning of the features depend
    on the species names of a frame, never on which species happen to be around a particle, so rows of different
    frames of one system can be stacked.
    """

    name: ClassVar[str]
    lengths: ClassVar[tuple[str, ...]] = ()
    """Fields that are lengths, or descriptors that have some."""

    @property
    @abstractmethod
    def cutoff(self) -> float:
        """Distance beyond which no neighbour counts, length."""

    @property
    def reach(self) -> float:
        """Distance beyond which no particle can change the features, length: the cutoff, if nothing else is said."""
        return self.cutoff

    @abstractmethod
    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the name of each feature in a mixture of these species, (M,)."""

    @abstractmethod
    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the features as a plain array.

        Parameters
        ----------
        frame : Frame
        particles : (n,) array_like of int, optional
            Which particles to describe, in the order wanted; every particle by default. The cost is that of these
            particles plus one sorting of the frame into cells.

        Returns
        -------
        (n, M) float
        """

    @abstractmethod
    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> Descriptor:
        """Return a member that can be evaluated for a mixture of these species: the default parameters, where they do."""
        del species_names
        return cls()

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Descriptor:
        """Return the member with these parameters, lists standing for tuples as JSON has them."""
        return cls(**{key: _to_tuples(value) for key, value in parameters.items()})

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether mixtures of these species can be described; others make `evaluate` raise a ParameterError."""
        del species_names
        return True

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> Descriptor:
        """Return a cheaper member that still has the `wanted` features; by default the member itself."""
        del wanted, species_names
        return self

    def scaled(self, length: float) -> Self:
        """Return the member whose lengths are all `length` times longer: the same features of a system in other units.

        A set made for diameters of 1 describes particles of diameter 1.4 um when scaled by 1.4.

        Raises
        ------
        ParameterError
            If `length` is not a positive number, or the member has lengths that are not its own.
        """
        assert is_dataclass(self)
        factor = positive_length("length", length)
        if not self.lengths:
            raise ParameterError(
                f"The lengths of '{self.name}' are not its own parameters, so it cannot be scaled. Make one for the other units."
            )
        lengths = {
            f.name: _scaled(getattr(self, f.name), factor) for f in fields(self) if f.name in self.lengths
        }
        return replace(self, **lengths)

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        assert is_dataclass(self)
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"name": self.name, **{key: _to_plain(value) for key, value in parameters.items()}}

    def compute(
        self,
        frame: Frame,
        particles: ArrayLike | None = None,
        *,
        positions: str = "unspecified",
        units: Units = LJ,
    ) -> xarray.DataArray:
        """Return the features as a labelled array.

        Parameters
        ----------
        frame : Frame
        particles : (n,) array_like of int, optional
            As in `evaluate`.
        positions : str, default "unspecified"
            Which positions the frame holds: "thermal", "inherent" or "time-averaged". Written into the attributes.
        units : Units, default LJ
            Whose names are written into the attributes.

        Returns
        -------
        xarray.DataArray
            Dims (particle, feature), with the original indices, the species of each particle and the feature names
            as coordinates.
        """
        import xarray

        chosen = as_particles(frame, particles)
        values = self.evaluate(frame, chosen)
        names = self.feature_names(frame.species_names)
        species = np.array(frame.species_names, dtype=str)[frame.species[chosen]]
        return xarray.DataArray(
            values,
            dims=("particle", "feature"),
            coords={"particle": chosen, "species": ("particle", species), "feature": list(names)},
            name=self.name,
            attrs={**self.attributes(units), "positions": positions, "frame": frame.label},
        )


def from_dict(parameters: dict[str, Any]) -> Descriptor:
    """Return the descriptor that `to_dict` described.

    Parameters
    ----------
    parameters : dict
        "name" and the parameters of the member, as read from JSON; what is left out takes its default.

    Raises
    ------
    UnknownNameError
        If there is no descriptor of this name.
    ParameterError
        If the name is missing, or a parameter is not one of this descriptor.

    Examples
    --------
    >>> from_dict({"name": "radial_density", "radii": [1.0], "delta": 0.2})
    RadialDensity(radii=(1.0,), delta=0.2, cutoff=2.6)
    """
    from vitrify.descriptors import COMBINATIONS, DESCRIPTORS

    rest = dict(parameters)
    name = rest.pop("name", None)
    if name is None:
        raise ParameterError(f"A descriptor needs a `name`; got only {sorted(rest)}.")
    member = (COMBINATIONS if name in COMBINATIONS else DESCRIPTORS).load(name)
    known = [f.name for f in fields(member)]
    for key in rest:
        if key not in known:
            raise UnknownNameError(f"parameter of '{name}'", key, known)
    return member.from_parameters(rest)


def as_particles(frame: Frame, particles: ArrayLike | None) -> NDArray[np.int64]:
    """Return `particles` as checked indices, (n,); all particles for None.

    Raises
    ------
    ShapeError
        If they are not one row of integers.
    ParameterError
        If an index is not that of a particle of the frame.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> as_particles(Frame([[0.0, 0.0]] * 3, [0, 0, 0], Box.orthorhombic([4.0, 4.0])), None).tolist()
    [0, 1, 2]
    """
    if particles is None:
        return np.arange(frame.n_particles)
    chosen = np.asarray(particles)
    if chosen.size == 0:
        return np.empty(0, np.int64)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise ShapeError(
            f"`particles` must be one row of integer indices; it has shape {chosen.shape} and type {chosen.dtype}."
        )
    if chosen.min() < 0 or chosen.max() >= frame.n_particles:
        wrong = chosen[(chosen < 0) | (chosen >= frame.n_particles)][0]
        raise ParameterError(
            f"`particles` holds {wrong}; the frame has particles 0 to {frame.n_particles - 1}."
        )
    return chosen.astype(np.int64)


def positive_length(parameter: str, value: float) -> float:
    """Return `value` as a float, or refuse it under the name of its parameter.

    Raises
    ------
    ParameterError
        If it is not a positive finite number.

    Examples
    --------
    >>> positive_length("cutoff", 2)
    2.0
    """
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"`{parameter}` must be a positive length; it is {value}.")
    return float(value)


def ascending_radii(radii: Any) -> tuple[float, ...]:
    """Return radii as floats, the first of which may be zero, or refuse them.

    Raises
    ------
    ParameterError
        If there is none, one is negative or not finite, or they do not ascend.

    Examples
    --------
    >>> ascending_radii((0, 1))
    (0.0, 1.0)
    """
    checked = tuple(positive_length("radii", r) if r != 0 else 0.0 for r in radii)
    if not checked or any(b <= a for a, b in pairwise(checked)):
        raise ParameterError(
            f"`radii` must ascend and there must be at least one; got {len(checked)}: {checked}."
        )
    return checked


def _scaled(value: Any, factor: float) -> Any:
    """Return lengths, descriptors, and whatever nesting of tuples they stand in, times a factor; words stay."""
    if isinstance(value, tuple):
        return tuple(_scaled(v, factor) for v in value)
    if isinstance(value, Descriptor):
        return value.scaled(factor)
    return value if isinstance(value, str) else factor * value


def _to_tuples(value: Any) -> Any:
    return tuple(_to_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _to_plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return [_to_plain(v) for v in value] if isinstance(value, list | tuple) else value
