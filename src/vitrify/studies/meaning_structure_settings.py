"""What the half of `vitrify run meaning-of-softness` that looks at test trajectories is told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from vitrify.studies.settings import _Strict


class Measured(_Strict):
    """A number of one particle that is compared with softness.

    Parameters
    ----------
    called : str
        Its name in tables and figures.
    descriptor : str or dict
        A registered name, or name and parameters as `to_dict` gives them; of single descriptors, not of sets.
    feature : str, optional
        Which feature, or the beginning of its name; the last one by default.
    positions : {"inherent", "thermal"}
    """

    called: str = Field(min_length=1)
    descriptor: str | dict[str, Any]
    feature: str | None = None
    positions: Literal["inherent", "thermal"] = "inherent"


def _steinhardt(degree: int) -> Measured:
    parameters = {"name": "steinhardt", "degrees": [4, 6], "cutoff": 1.4, "averaged": True}
    return Measured(called=f"qbar_{degree}", descriptor=parameters, feature=f"qbar_{degree}")


USUAL = (
    Measured(called="coordination", descriptor="coordination"),
    Measured(called="local_energy", descriptor="local_energy"),
    Measured(called="voronoi_volume", descriptor="voronoi_volume"),
    Measured(called="n_tetrahedra", descriptor="delaunay_shapes", feature="N_T"),
    Measured(called="n_octahedra", descriptor="delaunay_shapes", feature="N_O"),
    Measured(called="tetrahedricity", descriptor="delaunay_shapes", feature="chi_T"),
    _steinhardt(6),
    _steinhardt(4),
)
"""Compared with softness where nothing else is said; what a liquid does not have is left out and said."""


class StructureSection(_Strict):
    """How single particles of the test trajectories are measured.

    Parameters
    ----------
    compared_with : tuple of Measured
        Quantities beside softness. Those of the caging potential come with `caging`.
    caging : bool
        Whether depth and softness of the mean-field caging potential are among them, of thermal and of inherent positions.
    caging_delta : float, length
        Width of the Gaussians of the local g(r).
    caging_frames : int
        Thermal frames of each temperature that the caging potential of the whole liquid is calibrated on.
    caging_q_max : float, inverse length
        Up to which the structure factor is integrated.
    thermal_softness : bool
        Whether a second plane is learned from thermal positions of the same examples, so that both softnesses are compared on
        the same positions.
    thermal_window : int, frames
        Of p_hop on thermal positions; both halves together span `thermal_window` − 1 frame intervals.
    blocks : int
        Contiguous pieces of each trajectory: what errors are resampled from.
    resamples : int
        Bootstrap samples behind errors of correlations.
    quantile_bins : int
        Of equal exposure.
    mobility_times : tuple of float, time
        After which displacements are compared with structure.
    event_stride : int
        Structure at the start of an event is taken in every so-many-th frame only, and events of other frames are left out of
        the counts of all quantities.
    field_range : float, length
        Up to which spatial correlations are measured.
    field_bin : float, length
    field_fit : (float, float), length
        Range of the exponential fits.
    gradient_cutoff : float, length
        R_c of the gradient of softness.
    gradient_bins : int
        Of |Δr| |∇S|, of equal numbers of events.
    seed : int
    """

    compared_with: tuple[Measured, ...] = USUAL
    caging: bool = True
    caging_delta: float = Field(default=0.09, gt=0)
    caging_frames: int = Field(default=20, ge=2)
    caging_q_max: float = Field(default=20.0, gt=0)
    thermal_softness: bool = True
    thermal_window: int = Field(default=16, ge=2, multiple_of=2)
    blocks: int = Field(default=8, ge=2)
    resamples: int = Field(default=200, ge=10)
    quantile_bins: int = Field(default=10, ge=3)
    mobility_times: tuple[float, ...] = (10.0, 50.0, 200.0)
    event_stride: int = Field(default=1, ge=1)
    field_range: float = Field(default=6.0, gt=0)
    field_bin: float = Field(default=0.1, gt=0)
    field_fit: tuple[float, float] = (1.0, 4.0)
    gradient_cutoff: float = Field(default=2.5, gt=0)
    gradient_bins: int = Field(default=8, ge=2)
    seed: int = Field(default=23, ge=0)

    @model_validator(mode="after")
    def _consistent_structure(self) -> StructureSection:
        names = [m.called for m in self.compared_with]
        twice = sorted({n for n in names if names.count(n) > 1} | (set(names) & RESERVED))
        if twice:
            raise ValueError(
                f"compared_with needs a different `called` for each quantity, and none of {', '.join(sorted(RESERVED))}; "
                f"given twice or reserved: {', '.join(twice)}"
            )
        low, high = self.field_fit
        if not 0 <= low < high <= self.field_range:
            raise ValueError(
                f"field_fit {list(self.field_fit)} must ascend and end within field_range = {self.field_range:g}"
            )
        if any(t <= 0 for t in self.mobility_times):
            raise ValueError(f"mobility_times {list(self.mobility_times)} must all be positive")
        return self


RESERVED = frozenset(
    {
        "softness",
        "thermal_softness",
        "coordination_and_energy",
        "caging_depth",
        "caging_softness",
        "caging_depth_inherent",
        "caging_softness_inherent",
    }
)

DEMO: dict[str, Any] = {"blocks": 6, "resamples": 50, "caging_frames": 8, "mobility_times": [10.0, 50.0]}
"""What the demo has other than the defaults."""
PAPER: dict[str, Any] = {}
"""What the scale of the papers has other than the defaults."""
