"""What a trajectory store consists of: the layout that all frames share, and the arrays of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.provenance import to_plain
from vitrify.units import Units

POSITION_ARRAYS = {"thermal": "position", "inherent": "inherent_position"}


@dataclass(frozen=True)
class ArraySpec:
    """One per-frame array of a stage.

    Parameters
    ----------
    dims : tuple of str
        Dimensions after ``frame``, out of ``particle``, ``xyz``, ``cell``.
    dtype : str, default "f8"
    attrs : dict
        ``units``, ``long_name``, ``definition``.
    sparse : bool, default False
        Mostly fill values: compressed. Positions are not, their mantissas are noise.
    """

    dims: tuple[str, ...] = ()
    dtype: str = "f8"
    attrs: Mapping[str, str] = field(default_factory=dict)
    sparse: bool = False


@dataclass(frozen=True, eq=False)
class Layout:
    """What is the same for every frame of a trajectory.

    Parameters
    ----------
    n_frames : int
    species : (N,) array_like of int
    species_names : tuple of str
    dimension : int, 2 or 3
    periodic : tuple of bool
    units : str, default "lj"
    frames_per_unit : int, default 50
        Frames in one unit of work, which is one file on disk for each array.
    complete : bool, default True
        Whether every particle is there in every frame. Where not, the position of an absent particle is NaN.
    """

    n_frames: int
    species: NDArray[np.int64]
    species_names: tuple[str, ...]
    dimension: int = 3
    periodic: tuple[bool, ...] = (True, True, True)
    units: str = "lj"
    frames_per_unit: int = 50
    complete: bool = True

    def __post_init__(self) -> None:
        if self.n_frames < 1 or self.frames_per_unit < 1:
            raise ParameterError(
                f"`n_frames` and `frames_per_unit` must be at least 1; they are {self.n_frames}, {self.frames_per_unit}."
            )
        if len(self.periodic) != self.dimension:
            raise ShapeError(f"`periodic` needs {self.dimension} entries; it has {len(self.periodic)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return all but the species; completeness is only mentioned where it is lacking, as older stores do."""
        plain = {f.name: to_plain(getattr(self, f.name)) for f in fields(self) if f.name != "species"}
        return plain if not self.complete else {k: v for k, v in plain.items() if k != "complete"}

    def sizes(self) -> dict[str, int]:
        """Length of every dimension."""
        return {
            "frame": self.n_frames,
            "particle": len(self.species),
            "xyz": self.dimension,
            "cell": self.dimension,
        }


def thermal_arrays(units: Units, thermo: tuple[str, ...] = (), dimension: int = 3) -> dict[str, ArraySpec]:
    """Return the arrays of the stage "thermal" for a system of units in two or three dimensions."""
    names = {
        "potential_energy": (units.energy, "total potential energy"),
        "temperature": (units.temperature, "instantaneous temperature"),
        "pressure": (f"{units.energy}/{units.length}^{dimension}", "pressure"),
        "conserved_energy": (units.energy, "energy that the thermostatted equations conserve"),
    }
    specs = {
        "position": ArraySpec(
            ("particle", "xyz"),
            attrs={
                "units": units.length,
                "long_name": "position",
                "definition": "thermal, unwrapped",
            },
        ),
        "time": ArraySpec(attrs={"units": units.time, "long_name": "time"}),
        "box_vectors": ArraySpec(("cell", "xyz"), attrs={"units": units.length, "long_name": "box vectors"}),
        "box_origin": ArraySpec(("xyz",), attrs={"units": units.length, "long_name": "box origin"}),
    }
    for name in thermo:
        unit, long_name = names.get(name, ("", name.replace("_", " ")))
        specs[name] = ArraySpec(attrs={"units": unit, "long_name": long_name})
    return specs


def inherent_arrays(units: Units) -> dict[str, ArraySpec]:
    """Return the arrays of the stage "inherent"."""
    return {
        "inherent_position": ArraySpec(
            ("particle", "xyz"),
            attrs={
                "units": units.length,
                "long_name": "inherent position",
                "definition": "local minimum of the potential energy below the thermal frame, unwrapped",
            },
        ),
        "inherent_energy": ArraySpec(
            attrs={"units": units.energy, "long_name": "inherent-structure energy per particle"}
        ),
        "inherent_max_force": ArraySpec(
            attrs={
                "units": f"{units.energy}/{units.length}",
                "long_name": "largest force left on any particle",
            }
        ),
        "inherent_iterations": ArraySpec(dtype="i8", attrs={"long_name": "iterations of the minimizer"}),
        "inherent_converged": ArraySpec(
            dtype="i1", attrs={"long_name": "whether the force criterion was reached"}
        ),
    }


def inherent_values(positions: NDArray[np.float64], **diagnostics: Any) -> dict[str, Any]:
    """Return the arrays of a unit of "inherent"; diagnostics that are not given are NaN, zero and converged."""
    n = len(positions)
    return {
        "inherent_position": positions,
        "inherent_energy": diagnostics.get("energy", np.full(n, np.nan)),
        "inherent_max_force": diagnostics.get("max_force", np.full(n, np.nan)),
        "inherent_iterations": diagnostics.get("iterations", np.zeros(n, np.int64)),
        "inherent_converged": diagnostics.get("converged", np.ones(n, np.int8)),
    }
