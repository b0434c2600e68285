"""The caging potential of the whole liquid at the temperatures of the study, from which that of single particles follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.descriptors.caging_depth import CagingDepth
from vitrify.errors import ParameterError
from vitrify.files import write_json
from vitrify.parallel import Workforce
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.structure.structure_factor import StructureFactor
from vitrify.studies.kept_arrays import make_files
from vitrify.studies.meaning_structure_events import (
    THERMAL,
    first_points,
    structure_folder,
    structure_section,
)
from vitrify.studies.meaning_structure_settings import StructureSection
from vitrify.studies.meaning_structure_sources import DEPTH, DEPTH_INHERENT, Source
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace, make_model
from vitrify.theory.caging import BulkCaging, CagingMap, bulk_caging, caging_limits, fit_caging_map

if TYPE_CHECKING:
    import xarray as xr

_RDF_RANGE, _RDF_BIN = 3.0, 0.01
_POINTS = (
    "depth_q",
    "depth_q_error",
    "inverse_softness",
    "inverse_softness_error",
    "depth_r",
    "depth_r_error",
)


def has_caging(place: Workplace) -> bool:
    """Whether the caging potential is wanted and the model gives pair energies."""
    return structure_section(place).caging and hasattr(make_model(place.settings), "pair_energy")


def _file(place: Workplace, point: StatePoint) -> Path:
    return structure_folder(place) / f"{point.label}-caging.json"


def make_caging(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Measure depth and softness of the caging potential at every temperature; files that are there are kept."""
    if not has_caging(place):
        return
    points, model = first_points(place), make_model(place.settings)
    jobs = []
    for point in points:
        file, wanted = _file(place, point), _identity(place, point)
        if _kept(file) != wanted:
            species, section = place.settings.training.centre_species, structure_section(place)
            jobs.append((place.store(point), file, wanted, point.temperature, model, species, section))
    structure_folder(place).mkdir(parents=True, exist_ok=True)
    make_files("Caging potential of the liquid", "temperatures", _measure, jobs, len(points), progress, workers)  # fmt: skip


def _identity(place: Workplace, point: StatePoint) -> str:
    trajectory, section = place.trajectory(point), structure_section(place)
    return identity(
        {
            "frames": section.caging_frames,
            "q_max": section.caging_q_max,
            "rdf": [_RDF_RANGE, _RDF_BIN],
            "species": place.settings.training.centre_species,
            "model": to_plain(make_model(place.settings)),
            "provenance": trajectory.provenance,
            "seed": section.seed,
        }
    )


def _kept(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["made_of"])
    except (OSError, ValueError, KeyError):
        return None


def _measure(job: tuple[Path, Path, str, float, Any, str, StructureSection]) -> None:
    path, file, wanted, temperature, model, species, section = job
    trajectory = Trajectory.open(path)
    n = min(section.caging_frames, trajectory.n_frames)
    chosen = np.unique(np.linspace(0, trajectory.n_frames - 1, n).astype(np.int64))
    frames = [frame for _, frame in trajectory.frames(THERMAL, chosen)]
    factor = StructureFactor(section.caging_q_max, seed=section.seed).compute(frames)
    rdf = RadialDistribution(_RDF_RANGE, _RDF_BIN).compute(frames)
    limits = caging_limits(rdf, species)
    bulk = bulk_caging(factor, rdf, model, temperature, limits, section.caging_q_max, species)
    write_json(file, {"made_of": wanted, "bulk": to_plain(bulk.to_dict())})


def bulk_of(place: Workplace, point: StatePoint) -> BulkCaging:
    """Return what `make_caging` kept of one temperature."""
    return BulkCaging.from_dict(json.loads(_file(place, point).read_text(encoding="utf-8"))["bulk"])


def caging_sources(place: Workplace, point: StatePoint) -> list[Source]:
    """Return the caging depth of thermal and of inherent positions at the temperature of a state point, none without a model.

    Both have the limits and the temperature of the thermal liquid.
    """
    if not has_caging(place):
        return []
    species, section = place.settings.training.centre_species, structure_section(place)
    limits = tuple((species, neighbor, low, high) for neighbor, low, high in bulk_of(place, point).limits)
    depth = CagingDepth(make_model(place.settings), point.temperature, limits, section.caging_delta)
    return [Source((DEPTH,), THERMAL, depth), Source((DEPTH_INHERENT,), "inherent", depth)]


def caging_map(place: Workplace) -> CagingMap | None:
    """Return how softness follows from depth, through the temperatures of the study; None with fewer than two."""
    if not has_caging(place):
        return None
    try:
        return fit_caging_map([bulk_of(place, p) for p in first_points(place)])
    except ParameterError:
        return None


def map_dataset(place: Workplace, found: CagingMap) -> xr.Dataset:
    """Return depths and softness of the whole liquid at every temperature, with the lines through them as attributes."""
    import xarray as xr

    bulk = [bulk_of(place, p) for p in first_points(place)]
    values = {name: ("temperature", [getattr(b, name) for b in bulk]) for name in _POINTS}
    lines = {f"{k}{i}": float(getattr(found, f"{k}{i}")) for k in "abc" for i in (0, 1)}
    lines |= {f"{k}_error": float(v) for k, v in found.errors.items()}
    lines |= {f"r_squared_{k}": float(v) for k, v in found.r_squared.items()}
    return xr.Dataset(values, {"temperature": [b.temperature for b in bulk]}, {**lines, "q_max": found.q_max})
