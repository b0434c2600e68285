"""The half of `vitrify run meaning-of-softness` that looks at single particles of trajectories nothing was learned from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.studies.meaning_structure_caging import (
    caging_map,
    caging_sources,
    make_caging,
    map_dataset,
)
from vitrify.studies.meaning_structure_correlations import mobility_correlations, pair_correlations
from vitrify.studies.meaning_structure_events import (
    INHERENT,
    KINDS,
    AtRisk,
    Starts,
    event_table,
    first_points,
    make_thermal_events,
    risk_of,
    starts_of,
    structure_section,
)
from vitrify.studies.meaning_structure_fields import (
    HOP_FIELD,
    direction_dataset,
    field_dataset,
    hop_values,
)
from vitrify.studies.meaning_structure_planes import (
    TWO,
    TwoFeatures,
    make_two_features,
    read_thermal_plane,
    read_two_features,
    thermal_plane,
)
from vitrify.studies.meaning_structure_probability import Tally as ScalarTally
from vitrify.studies.meaning_structure_probability import probability_datasets, tally_of
from vitrify.studies.meaning_structure_shape import against_structure, of_simplices
from vitrify.studies.meaning_structure_sources import (
    CAGING,
    CAGING_INHERENT,
    DEPTH,
    DEPTH_INHERENT,
    SOFTNESS,
    THERMAL_SOFTNESS,
    TWO_FEATURES,
    Source,
    measured_sources,
)
from vitrify.studies.meaning_structure_table import Rests, structure_rows, structure_warnings
from vitrify.studies.meaning_structure_units import Table, make_units, table_of
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.report.results import TableRow
    from vitrify.theory.caging import CagingMap

Array = NDArray[np.float64]


@dataclass
class OneTemperature:
    """What statistics of one temperature are made from.

    Attributes
    ----------
    one : CentreTrajectory
    table : Table
        Of numbers of single particles.
    starts : dict of str to Starts
        By kind of event.
    risk : dict of str to AtRisk
    """

    one: CentreTrajectory
    table: Table
    starts: dict[str, Starts]
    risk: dict[str, AtRisk]


# -- making ------------------------------------------------------------------------------------------------------------


def make_structure(
    place: Workplace,
    trained: TrainedSoftness,
    settings: SoftnessSettings,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Measure single particles of the test trajectories, all into the folder "structure"; what is there is kept.

    Parameters
    ----------
    place : Workplace
        With softness computed.
    trained : TrainedSoftness
    settings : SoftnessSettings
        With a section ``structure``; those of `place`.
    progress, workers
    """
    make_thermal_events(place, progress, workers)
    make_caging(place, progress, workers)
    thermal = thermal_plane(place, progress, workers)
    usual, said = measured_sources(settings, structure_section(place).compared_with, trained.species_names)
    for words in said:
        progress.note(words)
    make_two_features(place, usual, progress, workers)
    make_units(place, trained, all_sources(place, trained, thermal, usual), progress, workers)


def all_sources(
    place: Workplace, trained: TrainedSoftness, thermal: TrainedSoftness | None, usual: list[Source]
) -> dict[str, list[Source]]:
    """Return what is measured, by the label of the state point."""
    learned = [Source((SOFTNESS,), trained.positions, trained)]
    if thermal is not None:
        learned.append(Source((THERMAL_SOFTNESS,), "thermal", thermal))
    return {p.label: [*learned, *usual, *caging_sources(place, p)] for p in first_points(place)}


# -- reading -----------------------------------------------------------------------------------------------------------


def structure_results(
    place: Workplace, trained: TrainedSoftness, settings: SoftnessSettings
) -> tuple[dict[str, xr.Dataset], list[TableRow], list[str]]:
    """Return data sets, rows of the key table and warnings, from what `make_structure` made.

    Parameters
    ----------
    place, trained, settings
        As of `make_structure`.
    """
    usual, said = measured_sources(settings, structure_section(place).compared_with, trained.species_names)
    mapped, two = caging_map(place), read_two_features(place, usual)
    sources = all_sources(place, trained, read_thermal_plane(place), usual)
    whole = [_one_temperature(place, p, trained, sources[p.label], mapped, two) for p in first_points(place)]
    datasets = _datasets(place, whole, mapped)
    tables = [event_table(place, m.one.point, "thermal") for m in whole]
    rests = Rests(two, tables, [m.one.temperature for m in whole], _flagged(whole, mapped))
    plain = {name: d for name, d in datasets.items() if d is not None}
    return plain, structure_rows(plain, rests), [*said, *structure_warnings(plain, rests)]


def _one_temperature(
    place: Workplace,
    point: StatePoint,
    trained: TrainedSoftness,
    sources: list[Source],
    mapped: CagingMap | None,
    two: TwoFeatures | None,
) -> OneTemperature:
    table = with_derived(table_of(place, point, trained, sources), mapped, two)
    starts = {kind: starts_of(place, point, kind) for kind in KINDS}
    risk = {kind: risk_of(place, point, kind) for kind in KINDS}
    return OneTemperature(CentreTrajectory(place, point), table, starts, risk)


def with_derived(table: Table, mapped: CagingMap | None, two: TwoFeatures | None) -> Table:
    """Return the table with what follows from its numbers: caging softness from depth, the plane of coordination and energy."""
    for depth, name in ((DEPTH, CAGING), (DEPTH_INHERENT, CAGING_INHERENT)):
        if mapped is not None and depth in table.names:
            row = table.names.index(depth)
            table = table.with_scalar(name, partial(_caging_softness, mapped, row))
    if two is not None:
        rows = (table.names.index(TWO[0]), table.names.index(TWO[1]))
        table = table.with_scalar(TWO_FEATURES, partial(two.of, rows=rows))
    return table


def _caging_softness(mapped: CagingMap, row: int, values: Array) -> Array:
    return mapped.softness(values[row])


def _flagged(whole: list[OneTemperature], mapped: CagingMap | None) -> float:
    """Return the share of thermal depths too shallow for the map, NaN without any."""
    if mapped is None:
        return float("nan")
    depths = [m.table.value[m.table.names.index(DEPTH)].ravel() for m in whole]
    known = [d[np.isfinite(d)] for d in depths]
    n = sum(len(d) for d in known)
    return sum(int(mapped.flagged(d).sum()) for d in known) / n if n else float("nan")


def _datasets(
    place: Workplace, whole: list[OneTemperature], mapped: CagingMap | None
) -> dict[str, xr.Dataset | None]:
    section, names = structure_section(place), whole[0].table.names
    temperatures = [m.one.temperature for m in whole]
    values = [m.table.value for m in whole]
    segments = [m.one.segment(m.one.frames, section.blocks) for m in whole]
    resampling = {"blocks": section.blocks, "resamples": section.resamples, "seed": section.seed}
    fields = {SOFTNESS: [m.table.value[names.index(SOFTNESS)] for m in whole], HOP_FIELD: [hop_values(m.one) for m in whole]}  # fmt: skip
    if CAGING_INHERENT in names:
        fields[CAGING_INHERENT] = [m.table.value[names.index(CAGING_INHERENT)] for m in whole]
    return {
        **probability_datasets(
            [tallies_of(m, place) for m in whole],
            temperatures,
            names,
            n_bins=section.quantile_bins,
            blocks=section.blocks,
            interval=whole[0].one.trajectory.frame_interval,
        ),
        "scalar_correlation": pair_correlations(values, segments, temperatures, names, **resampling),
        "scalar_mobility": mobility_correlations(
            values, [displacements_after(m.one, section.mobility_times) for m in whole], segments, temperatures, names, **resampling
        ),
        "softness_against_structure": against_structure(
            values, [m.table.start[INHERENT] for m in whole], segments, temperatures, names, blocks=section.blocks
        ),
        "softness_of_simplices": of_simplices(values, segments, temperatures, names, blocks=section.blocks),
        "field_correlation": field_dataset([m.one for m in whole], fields, section),
        "softness_gradient": direction_dataset([_directions(m) for m in whole], section),
        "caging_map": None if mapped is None else map_dataset(place, mapped),
    }  # fmt: skip


def tallies_of(m: OneTemperature, place: Workplace) -> dict[str, dict[str, ScalarTally]]:
    """Return who is at risk and who starts, for each kind of event and each number."""
    section = structure_section(place)
    how = {
        "n_frames": m.one.trajectory.n_frames,
        "blocks": section.blocks,
        "frames_per_sample": place.settings.statistics.stride / section.event_stride,
    }
    return {
        kind: {
            name: tally_of(m.table.value[k], m.table.start[kind][k], m.starts[kind], m.risk[kind], **how)  # type: ignore[arg-type]
            for k, name in enumerate(m.table.names)
        }
        for kind in KINDS
    }


def displacements_after(one: CentreTrajectory, times: tuple[float, ...]) -> dict[float, Array]:
    """Return |Δr| of the centre particles after each time that fits, from the first sampled frames on.

    Times are rounded to frames; positions are inherent, so that vibrations do not count.
    """
    found = {}
    step = one.trajectory.frame_interval
    for time in times:
        lag = round(time / step)
        first = one.frames[one.frames + lag < one.trajectory.n_frames]
        if lag < 1 or len(first) < 2:
            continue
        moved = [one.read(int(t) + lag, int(t) + lag + 1)[0] - one.read(int(t), int(t) + 1)[0] for t in first]
        found[float(time)] = np.linalg.norm(np.stack(moved), axis=2)
    return found


def _directions(m: OneTemperature) -> tuple[float, Starts, Array, Array, int]:
    table, one = m.table, m.one
    return one.temperature, m.starts[INHERENT], table.gradient, table.displacement, one.trajectory.n_frames
