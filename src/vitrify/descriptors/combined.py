"""Descriptors made of descriptors: several side by side, or some features out of many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, from_dict
from vitrify.errors import ParameterError, UnknownNameError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units

# large frames are described in parts, so that the members' rows are not there twice
_PARTS = 8
_FEWEST_AT_ONCE = 16_384


@dataclass(frozen=True)
class DescriptorSet(Descriptor):
    """Several descriptors side by side: their features in one row, in the order of the members.

    Parameters
    ----------
    members : tuple of Descriptor
        At least one.

    Raises
    ------
    ParameterError
        If there is no member, or one is not a descriptor; on evaluation, if two features have one name.

    Notes
    -----
    **Scale**: that of each member; standardize before features are compared.
    **Differs from**: nothing; a set adds no physics.
    **Invariant under**: what all members are invariant under.
    **Cost**: the sum of the members'.

    Examples
    --------
    >>> from vitrify.descriptors.coordination import Coordination
    >>> from vitrify.descriptors.radial_density import RadialDensity
    >>> both = DescriptorSet((RadialDensity(radii=(1.0,)), Coordination()))
    >>> both.feature_names(("A", "B"))
    ('G_A(1)', 'G_B(1)', 'n_A', 'n_B', 'n')
    >>> from_dict(both.to_dict()) == both
    True
    """

    name: ClassVar[str] = "set"
    lengths: ClassVar[tuple[str, ...]] = ("members",)
    members: tuple[Descriptor, ...]

    def __post_init__(self) -> None:
        members = tuple(self.members)
        wrong = [m for m in members if not isinstance(m, Descriptor)]
        if wrong or not members:
            raise ParameterError(
                f"`members` must be one or more descriptors; got {wrong[0] if wrong else 'none'}."
            )
        object.__setattr__(self, "members", members)

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> DescriptorSet:
        """Return radial densities, few bond angles and coordination numbers for these species."""
        from vitrify.descriptors.bond_angle import BondAngle
        from vitrify.descriptors.coordination import Coordination
        from vitrify.descriptors.radial_density import RadialDensity

        angles = BondAngle(parameters=((2.554, 1, -1.0), (1.204, 4, 1.0)))
        return cls((RadialDensity(radii=(0.9, 1.0, 1.1)), angles, Coordination.example(species_names)))

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> DescriptorSet:
        """Return the set of the members that the dicts in ``parameters["members"]`` describe."""
        return cls(tuple(from_dict(member) for member in parameters["members"]))

    @property
    def cutoff(self) -> float:
        """The largest cutoff of the members, length."""
        return max(member.cutoff for member in self.members)

    @property
    def reach(self) -> float:
        """The largest reach of the members, length."""
        return max(member.reach for member in self.members)

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether all members know these species."""
        return all(member.knows(species_names) for member in self.members)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of all members' features, in order.

        Raises
        ------
        ParameterError
            If two features have one name.
        """
        names = [name for member in self.members for name in member.feature_names(species_names)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ParameterError(
                f"Two features of the set are called '{twice}'. Give each member of `members` once."
            )
        return tuple(names)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return what the members say, joined by semicolons where they differ."""
        each = [member.attributes(units) for member in self.members]
        return {key: "; ".join(dict.fromkeys(a[key] for a in each)) for key in each[0]}

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> DescriptorSet:
        """Return the set of the members, themselves narrowed, that have a `wanted` feature."""
        members = [m for m in self.members if wanted.intersection(m.feature_names(species_names))]
        return DescriptorSet(tuple(m.narrowed(wanted, species_names) for m in members)) if members else self

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return all members' features, (n, M), in order."""
        chosen = as_particles(frame, particles)
        values = np.empty((len(chosen), len(self.feature_names(frame.species_names))))
        size = max(len(chosen) // _PARTS, _FEWEST_AT_ONCE)
        for begin in range(0, len(chosen), size):
            rows, column = slice(begin, begin + size), 0
            for member in self.members:
                part = member.evaluate(frame, chosen[rows])
                values[rows, column : column + part.shape[1]] = part
                column += part.shape[1]
        return values


@dataclass(frozen=True)
class Select(Descriptor):
    """Some features of a descriptor, by name and in the order given; only what they need is computed.

    Parameters
    ----------
    inner : Descriptor
    features : tuple of str
        Names as ``inner.feature_names`` gives them.

    Raises
    ------
    ParameterError
        If no feature is named, or one twice.
    UnknownNameError
        On evaluation, if the inner descriptor has no such feature for the species of the frame.

    Notes
    -----
    **Scale**: that of the inner descriptor.
    **Differs from**: the columns of the inner descriptor only by rounding and by what that one's own cutoff leaves out
    (for `RadialDensity` terms below 1.3e-14).
    **Invariant under**: what the inner descriptor is invariant under.
    **Cost**: that of the inner descriptor narrowed to these features.

    Examples
    --------
    >>> from vitrify.descriptors.radial_density import RadialDensity
    >>> peaks = Select(RadialDensity(), ("G_B(0.9)", "G_A(1.1)"))
    >>> peaks.feature_names(("A", "B"))
    ('G_B(0.9)', 'G_A(1.1)')
    """

    name: ClassVar[str] = "select"
    inner: Descriptor
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        features = (self.features,) if isinstance(self.features, str) else tuple(self.features)
        if not features or len(set(features)) < len(features):
            raise ParameterError(f"`features` must name one or more features, each once; got {features}.")
        if not isinstance(self.inner, Descriptor):
            raise ParameterError(f"`inner` must be a descriptor; it is {self.inner!r}.")
        object.__setattr__(self, "features", features)

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> Select:
        """Return one radial and one angular feature of the last of these species."""
        from vitrify.descriptors.bond_angle import BondAngle
        from vitrify.descriptors.radial_density import RadialDensity

        last = species_names[-1]
        inner = DescriptorSet((RadialDensity(radii=(0.9, 1.1)), BondAngle()))
        return cls(inner, (f"Psi_{last}{last}(1.204,2,1)", f"G_{last}(1.1)"))

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Select:
        """Return the selection from the descriptor that ``parameters["inner"]`` describes."""
        return cls(from_dict(parameters["inner"]), tuple(parameters["features"]))

    @property
    def cutoff(self) -> float:
        """Cutoff of the inner descriptor, length: an upper bound, since what is selected may reach less far."""
        return self.inner.cutoff

    @property
    def reach(self) -> float:
        """Reach of the inner descriptor, length: an upper bound as well."""
        return self.inner.reach

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether the inner descriptor knows these species and has the features for them."""
        known = self.inner.knows(species_names)
        return known and set(self.features) <= set(self.inner.feature_names(species_names))

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the selected names, checked.

        Raises
        ------
        UnknownNameError
            If the inner descriptor has no such feature for these species.
        """
        known = self.inner.feature_names(species_names)
        for feature in self.features:
            if feature not in known:
                near = get_close_matches(feature, known, n=10, cutoff=0.0)
                kind = f"feature of '{self.inner.name}' (it has {len(known)} for {', '.join(species_names)})"
                raise UnknownNameError(kind, feature, near)
        return self.features

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return what the inner descriptor says."""
        return self.inner.attributes(units)

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> Select:
        """Return the selection of the `wanted` features only."""
        del species_names
        features = tuple(f for f in self.features if f in wanted)
        return replace(self, features=features) if features else self

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the selected features, (n, M), in the order of `features`."""
        names = self.feature_names(frame.species_names)
        inner = self.inner.narrowed(frozenset(names), frame.species_names)
        known = inner.feature_names(frame.species_names)
        return inner.evaluate(frame, particles)[:, [known.index(name) for name in names]]
