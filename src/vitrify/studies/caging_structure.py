"""Structure of the whole liquid at each temperature, the depth of its cages, and the linear relations between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.files import write_json
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table, save_table
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.structure.structure_factor import StructureFactor
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.caging_settings import Bulk
from vitrify.studies.kept_arrays import make_files
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import make_model
from vitrify.theory.caging import BulkCaging, CagingMap, bulk_caging, caging_limits, fit_caging_map

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.particles import Frame
    from vitrify.particles.trajectory import Trajectory


def trajectory_identity(trajectory: Trajectory) -> str:
    """Return what the frames of a finished trajectory follow from."""
    return identity({"provenance": trajectory.provenance, "frames": trajectory.n_frames})


@dataclass(frozen=True)
class LiquidStructure:
    """S(q) and g(r) of one temperature.

    Parameters
    ----------
    place : CagingPlace
        Of a study whose structure was measured.
    point : StatePoint
    """

    place: CagingPlace
    point: StatePoint

    @cached_property
    def structure_factor(self) -> xr.Dataset:
        """Of `vitrify.structure.structure_factor.StructureFactor`."""
        return _kept(self.place, self.point, "structure_factor")

    @cached_property
    def rdf_blocks(self) -> list[xr.Dataset]:
        """Of `vitrify.structure.pair_correlation.RadialDistribution`, each of a block of frames."""
        blocks = _kept(self.place, self.point, "rdf")
        return [blocks.isel(block=k) for k in range(blocks.sizes["block"])]

    @cached_property
    def rdf(self) -> xr.Dataset:
        """Their mean, and its standard error from their scatter."""
        blocks = _kept(self.place, self.point, "rdf")["g"]
        error = blocks.std("block", ddof=1) / np.sqrt(blocks.sizes["block"])
        return blocks.mean("block").to_dataset(name="g").assign(g_error=error)

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Ends of the integral over r around the centre species, by species of the neighbour, length."""
        return caging_limits(self.rdf, self.place.settings.cages.centre_species)

    @cached_property
    def bulk(self) -> BulkCaging:
        """Depths and softness of the mean cage."""
        settings = self.place.settings
        return bulk_caging(
            self.structure_factor,
            self.rdf_blocks,
            make_model(settings),
            self.point.temperature,
            self.limits,
            q_max=settings.bulk.q_max,
            species=settings.cages.centre_species,
        )


def structures_of(place: CagingPlace) -> list[LiquidStructure]:
    """Return the structure of every temperature, coldest first."""
    return [LiquidStructure(place, p) for p in place.settings.points]


def measure_structures(
    place: CagingPlace, progress: Progress, workers: int | Workforce | None = None
) -> None:
    """Measure S(q) and g(r) at every temperature; what is there of the same settings is kept."""
    points = place.settings.points
    jobs = [(place, p) for p in points if not _is_measured(place, p)]
    make_files(
        "Structure of the liquid", "state points", measure_structure, jobs, len(points), progress, workers
    )


def measure_structure(job: tuple[CagingPlace, StatePoint]) -> None:
    """Measure S(q) and g(r) of one temperature; for a worker process."""
    place, point = job
    trajectory, bulk = place.trajectory(point), place.settings.bulk
    chosen = np.unique(
        np.linspace(0, trajectory.n_frames - 1, min(bulk.frames, trajectory.n_frames)).astype(int)
    )
    structure = StructureFactor(bulk.q_max, bulk.q_width, bulk.vectors_per_bin, bulk.blocks, bulk.seed)
    found = {
        "structure_factor": structure.compute(_frames(trajectory, chosen), units=trajectory.unit_system),
        "rdf": _rdf_of_blocks(trajectory, np.array_split(chosen, bulk.blocks), bulk),
    }
    for name, table in found.items():
        path = place.file(point, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_table(path, table, _parameters(place, point))


def _frames(trajectory: Trajectory, chosen: NDArray[np.int64]) -> Iterator[Frame]:
    return (frame for _, frame in trajectory.frames("thermal", chosen))


def _rdf_of_blocks(trajectory: Trajectory, blocks: list[NDArray[np.int64]], bulk: Bulk) -> xr.Dataset:
    import xarray as xr

    member = RadialDistribution(bulk.r_max, bulk.r_width)
    found = [
        member.compute(_frames(trajectory, b), units=trajectory.unit_system)[["g", "g_error"]] for b in blocks
    ]
    return xr.concat(found, "block", combine_attrs="override")


def _parameters(place: CagingPlace, point: StatePoint) -> dict[str, Any]:
    trajectory = place.trajectory(point)
    return {"bulk": place.settings.bulk.model_dump(), "trajectory": trajectory_identity(trajectory)}


def _is_measured(place: CagingPlace, point: StatePoint) -> bool:
    parameters = _parameters(place, point)
    return all(load_table(place.file(point, n), parameters) is not None for n in ("structure_factor", "rdf"))


def _kept(place: CagingPlace, point: StatePoint, name: str) -> xr.Dataset:
    found = load_table(place.file(point, name))
    assert found is not None
    return found


def make_map(place: CagingPlace) -> CagingMap:
    """Return the linear relations between depths and softness, and leave them in ``caging-map.json``."""
    found = fit_caging_map([s.bulk for s in structures_of(place)])
    write_json(place.map_file, to_plain(found.to_dict()))
    return read_map(place)


def read_map(place: CagingPlace) -> CagingMap:
    """Return the relations that `make_map` left."""
    return CagingMap.from_dict(json.loads(place.map_file.read_text(encoding="utf-8")))


def pairs_of(species: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of species, each once.

    Examples
    --------
    >>> pairs_of(["A", "B"])
    [(0, 0), (0, 1), (1, 1)]
    """
    return [(i, j) for i in range(len(species)) for j in range(i, len(species))]
