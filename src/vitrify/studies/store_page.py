"""What gathers while the report of a single trajectory is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.report.results import TableRow
from vitrify.studies.store_curves import IndicatorSample

if TYPE_CHECKING:
    import xarray as xr


@dataclass
class Page:
    """What gathers while a store is read."""

    trajectory: Trajectory
    kind: str
    trained: TrainedSoftness | None
    rows: list[TableRow] = field(default_factory=list)
    datasets: dict[str, xr.Dataset] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    advice: dict[str, str] = field(default_factory=dict)
    methods: list[str] = field(default_factory=lambda: ["vitrify"])
    samples: dict[str, IndicatorSample] = field(default_factory=dict)

    def cannot(self, names: tuple[str, ...], why: str) -> None:
        """Say why figures are not on the page, and what to do."""
        self.advice |= dict.fromkeys(names, why)


def positions_option(trajectory: Trajectory) -> str:
    """Return the option by which verbs take the positions that there are."""
    return "" if trajectory.has_positions("inherent") else " --positions thermal"


def row_reader(trajectory: Trajectory, name: str) -> Callable[[int], NDArray[np.float64]]:
    """Return a function of a frame that reads its row of an array."""
    return lambda frame: trajectory.read(name, int(frame), int(frame) + 1)[0]
