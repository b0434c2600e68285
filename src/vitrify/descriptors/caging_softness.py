"""Caging softness: how soft the bottom of the caging potential of each particle is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, from_dict
from vitrify.descriptors.caging_depth import CagingDepth
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units, power


@dataclass(frozen=True)
class CagingSoftness(Descriptor):
    r"""Softness of the mean-field caging potential of each particle, from its depth.

    .. math:: S_i = \frac{1}{c_0 + c_1 d_i}

    with the intercept and the slope that relate curvature and depth of the averaged potential at several temperatures.

    Parameters
    ----------
    depth : CagingDepth
        Gives d_i = −βΦ_r.
    intercept : float, 1/length²
        c_0.
    slope : float, 1/length²
        c_1. Both from `vitrify.theory.caging.fit_caging_map`.

    Raises
    ------
    ParameterError
        If `depth` is no `CagingDepth`, or intercept or slope are not finite.

    Notes
    -----
    **Scale**: length²; 0.001 in the Kob-Andersen liquid at density 1.2, T = 0.5. NaN where c_0 + c_1 d_i ≤ 0: a potential so
    shallow that the relation gives it no minimum.
    **Differs from**: the softness of support vector machines, which is a number without unit learned from rearrangements.
    **Invariant under**: what the depth is invariant under.
    **Cost**: that of the depth.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eq. 7.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> from vitrify.particles.frame import Frame
    >>> alone = Frame([[1.0, 1.0, 1.0]], [0], Box.orthorhombic([9.0] * 3))
    >>> CagingSoftness(CagingDepth(), 100.0, 90.0).evaluate(alone).tolist()
    [[0.01]]
    """

    name: ClassVar[str] = "caging_softness"
    depth: CagingDepth
    intercept: float
    slope: float

    def __post_init__(self) -> None:
        if not isinstance(self.depth, CagingDepth):
            raise ParameterError(f"`depth` must be a CagingDepth; it is {self.depth!r}.")
        for key in ("intercept", "slope"):
            value = getattr(self, key)
            if not np.isfinite(value):
                raise ParameterError(f"`{key}` must be a finite number; it is {value}.")
            object.__setattr__(self, key, float(value))

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> CagingSoftness:
        """Return the softness of depths that are positive everywhere: the limits leave out repulsion."""
        del species_names
        attractive = (("A", "A", 1.1, 1.5), ("A", "B", 0.9, 1.3), ("B", "A", 0.9, 1.3), ("B", "B", 1.0, 1.4))
        return cls(CagingDepth(limits=attractive), 100.0, 90.0)

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> CagingSoftness:
        """Return the softness of the depth that ``parameters["depth"]`` describes."""
        return cls(**{**parameters, "depth": from_dict(parameters["depth"])})

    @property
    def cutoff(self) -> float:
        """That of the depth, length."""
        return self.depth.cutoff

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether the model of the depth has all these species."""
        return self.depth.knows(species_names)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``("caging_softness",)``."""
        del species_names
        return ("caging_softness",)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the feature."""
        return {
            "units": power(units.length, 2),
            "symbol": "S",
            "long_name": "softness of the caging potential",
            "definition": f"1 / ({self.intercept:g} + {self.slope:g} d), d = {self.depth.attributes(units)['definition']}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the softness of each particle, (n, 1), length²; NaN where the depth gives none."""
        stiffness = self.intercept + self.slope * self.depth.evaluate(frame, particles)
        return 1.0 / np.where(stiffness > 0, stiffness, np.nan)
