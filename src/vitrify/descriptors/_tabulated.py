"""Numbers that are known of each particle already, as a descriptor: so that they can be averaged and set side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.errors import ShapeError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units


@dataclass(frozen=True, eq=False)
class Tabulated(Descriptor):
    """Features of one configuration that come from elsewhere.

    Parameters
    ----------
    values : (N, M) array_like of float
        One row a particle.
    names : tuple of M str
    range : float, length, default 1
        What `cutoff` says: how far the values can depend on other particles.

    Raises
    ------
    ShapeError
        If values and names do not pair up; on evaluation, if the frame has another number of particles.

    Notes
    -----
    **Scale**: that of the values. **Differs from**: other descriptors, which know what they measure: this one belongs to one
    configuration, and neither registry nor file knows it. **Invariant under**: what the values are invariant under.
    **Cost**: none.

    Examples
    --------
    >>> from vitrify.descriptors.shell_average import ShellAverage
    >>> from vitrify.particles import Box
    >>> pair = Frame([[0.0, 0.0], [1.0, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> ShellAverage(Tabulated([[0.0], [1.0]], ("u",)), 1, cutoff=2.0).evaluate(pair).round(3).tolist()
    [[0.0, 0.378], [1.0, 0.622]]
    """

    name: ClassVar[str] = "tabulated"
    values: NDArray[np.float64]
    names: tuple[str, ...]
    range: float = 1.0

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise ShapeError(
                f"`values` must have a row a particle and a column for each of {len(self.names)} `names`; they have "
                f"{values.shape}."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "range", positive_length("range", self.range))

    @property
    def cutoff(self) -> float:
        """How far the values can depend on other particles, length."""
        return self.range

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names that were given."""
        return self.names

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the rows of the particles, (n, M)."""
        if frame.n_particles != len(self.values):
            raise ShapeError(
                f"A table of {len(self.values)} particles cannot describe {frame.n_particles}. Use that of the configuration."
            )
        return np.asarray(self.values[as_particles(frame, particles)])

    def attributes(self, units: Units = LJ) -> dict[str, str]:  # noqa: ARG002
        """Return what is known of the features: their names."""
        return {
            "units": "as given",
            "symbol": "x",
            "long_name": "values that were given",
            "definition": "of each particle, from elsewhere",
        }

    def to_dict(self) -> dict[str, Any]:
        """Return names and shape: the values are of one configuration."""
        return {"name": self.name, "names": list(self.names), "particles": len(self.values)}
