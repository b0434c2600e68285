"""The figures of the report on the softness of cages, from numbers that are made up."""

import csv
import re
from functools import cache

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report.caging_captions import CAGING_CAPTIONS
from vitrify.report.caging_definitions import CAGING_DATASETS
from vitrify.report.caging_figures import CAGING_FIGURES
from vitrify.report.definitions import DATASETS, with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures.style import house_style

NAMES = list(CAGING_FIGURES)
SIZES = {"value_bin": 20, "softness_bin": 7, "later_bin": 12, "delta": 3, "variation": 4}
ASCENDING = {
    "temperature": [0.5, 0.7, 1.0],
    "lag": np.concatenate([[0.0], np.geomspace(0.05, 500.0, 12)]),
    "r": np.linspace(0.02, 3.0, 60),
    "q": np.linspace(0.5, 20.0, 40),
}
WORDS = {"neighbor_species": ["A", "B"], "pair": ["AA", "AB", "BB"], "variation": ["a", "b", "c", "d"]}
COORDINATES = {"softness", "value", "later", "delta", "inverse_softness"}
ATTRS = {
    "caging_bulk": {"r_squared_a": 0.999, "r_squared_b": 0.99, "r_squared_c": 0.98, "q_max": 20.0},
    "caging_structure": {"centre_species": "A"},
    "caging_smeared": {"temperature": 0.5, "centre_species": "A", "chosen_delta": 0.09},
    "caging_correlation": {"cutoff": 0.3},
    "caging_propagator": {"temperature": 0.5, "cutoff": 0.5, "mean_softness": 1.4},
    "caging_rearranging": {"convention": "at the start", "window": 16},
    "caging_probability": {"convention": "at the start", "window": 16, "interval": 1.0, "T0": 0.8, "T0_low": 0.7, "T0_high": 0.9},
    "caging_barriers": {"slope_in_softness": -1.0, "r_squared_in_softness": 0.9, "r_squared_in_inverse": 0.95, "T0": 0.8},
}  # fmt: skip


def size(dim):
    return len(ASCENDING[dim]) if dim in ASCENDING else len(WORDS[dim]) if dim in WORDS else SIZES[dim]


def made_up(name, *, empty=False):
    """Every variable of a data set: ascending coordinates, numbers between 0.1 and 1, counts of 300."""
    rng, values, coords = np.random.default_rng(7), {}, {}
    for key, variable in CAGING_DATASETS[name].items():
        shape = tuple(size(d) for d in variable.dims)
        if key in ASCENDING or key in WORDS:
            coords[key] = (variable.dims, np.asarray(ASCENDING.get(key, WORDS.get(key))))
        elif key in COORDINATES and len(shape) == 1 and (name, key) != ("caging_bulk", "inverse_softness"):
            found = np.linspace(0.5, 2.5, *shape)
            coords[key] = (variable.dims, 1 / found if key == "inverse_softness" else found)
        elif key in ("n", "n_rearranging", "events", "exposure"):
            values[key] = (variable.dims, np.full(shape, 300.0))
        elif key == "used":
            values[key] = (variable.dims, np.arange(np.prod(shape)).reshape(shape) % 3 < 2)
        else:
            values[key] = (variable.dims, np.nan * np.ones(shape) if empty else rng.uniform(0.1, 1.0, shape))
    if empty:
        for key in ("n", "n_rearranging", "events", "exposure"):
            if key in values:
                values[key] = (values[key][0], 0 * values[key][1])
    return with_definitions(name, xr.Dataset(values, coords, ATTRS.get(name, {})))


@cache
def draw(name, *, empty=False):
    figure = CAGING_FIGURES.load(name)
    inputs = [made_up(need, empty=empty) for need in figure.needs]
    rows, columns = figure.panels
    with house_style():
        axes = Figure(figsize=figure.size).subplots(rows, columns, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
    return list(axes), figure.table(*inputs), inputs


def test_every_figure_has_a_caption_data_sets_and_its_own_name():
    assert set(NAMES) == set(CAGING_CAPTIONS)
    for name in NAMES:
        figure = CAGING_FIGURES.load(name)
        assert figure.name == name
        assert set(figure.needs) <= set(CAGING_DATASETS) <= set(DATASETS)
    assert edition("caging-softness").figures is CAGING_FIGURES
    assert edition("caging-softness").published


def test_every_data_set_is_drawn_somewhere():
    assert {need for name in NAMES for need in CAGING_FIGURES.load(name).needs} == set(CAGING_DATASETS)


def test_captions_name_variables_that_exist():
    for caption in CAGING_CAPTIONS.values():
        for text in (caption.seen, caption.defined):
            for dataset, variable in re.findall(r"says\('(\w+)', '(\w+)'\)", text):
                assert variable in CAGING_DATASETS[dataset]
            assert set(re.findall(r"\bd\.(\w+)", text)) <= set(CAGING_DATASETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_draws_and_its_csv_explains_every_column(name):
    axes, table, _ = draw(name)
    assert len(table) > 0
    assert all(ax.containers or ax.lines or ax.collections for ax in axes)
    assert not any(text.get_gid() == "empty" for ax in axes for text in ax.texts)
    lines = table.to_csv().splitlines()
    header = [line for line in lines if line.startswith("#")]
    columns = next(csv.reader([lines[len(header)]]))
    assert all(any(line.startswith(f"# {c}:") for line in header) or c == "of" for c in columns)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_measured_is_drawn_as_nothing(name):
    axes, _, _ = draw(name, empty=True)
    assert len(axes) == int(np.prod(CAGING_FIGURES.load(name).panels))


def test_lines_and_points_are_those_of_the_numbers():
    axes, table, (bulk,) = draw("caging_map")
    drawn = next(line for line in axes[2].lines if line.get_gid() == "line_c")
    order = np.argsort(bulk["depth_r"].values)
    np.testing.assert_array_equal(drawn.get_ydata(), bulk["line_c"].values[order])
    np.testing.assert_array_equal(table["depth_r"], bulk["depth_r"].values)


def test_temperatures_that_were_not_fitted_are_open_and_have_no_fit():
    axes, _, (probability,) = draw("caging_probability")
    fits = [line for line in axes[0].lines if line.get_gid() == "fitted"]
    assert len(fits) == int(probability["used"].sum()) == 2
    points = [c[0] for c in axes[0].containers]
    assert [str(p.get_markerfacecolor()) for p in points].count("white") == 1


def test_arrhenius_lines_in_the_csv_follow_from_the_barriers_of_their_bin():
    _, table, (probability, barriers) = draw("caging_lines")
    softness = probability["softness"].values
    for k in range(len(table)):
        b = int(np.flatnonzero(softness == table["softness"][k])[0])
        expected = np.exp(
            float(barriers["log_prefactor"][b])
            - float(barriers["energy_barrier"][b]) / table["temperature"][k]
        )
        assert table["arrhenius_line"][k] == pytest.approx(expected)


def test_the_mode_and_the_part_above_it_are_written_beside_the_distributions():
    axes, _, (found,) = draw("caging_rearranging")
    one = found.isel(temperature=0)
    assert any(line.get_xdata()[0] == float(one["mode"]) for line in axes[0].lines)
    assert any(f"{float(one['share']):.1%} above" in text.get_text() for text in axes[0].texts)
