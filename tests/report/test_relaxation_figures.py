"""The figures of the relaxation report, from numbers that are made up."""

import csv

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report.definitions import DATASETS, with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures.style import house_style
from vitrify.report.relaxation_captions import RELAXATION_CAPTIONS
from vitrify.report.relaxation_definitions import RELAXATION_DATASETS
from vitrify.report.relaxation_figures import RELAXATION_FIGURES

NAMES = list(RELAXATION_FIGURES)
COORDINATES = {
    "temperature": np.array([0.5, 0.6]),
    "lag": np.array([0.0, 1.0, 10.0, 100.0]),
    "route": np.array(["naive", "gaussian", "binned", "direct"]),
    "calibration": np.array(["counted", "initial", "early"]),
    "threshold": np.array([0.1, 0.2]),
    "variation": np.array(["a = 0.5", "a = 0.3"]),
    "scalar": np.array(["softness", "coordination"]),
    "definition": np.array(["overlap falls to 1/e", "integral"]),
    "degree": np.array([1, 2]),
}
SIZES = {"softness_bin": 6, "later_bin": 9, "quantile_bin": 4}


def made_up(name, *, empty=False):
    """A data set of the right shape with numbers between 0.1 and 0.9, errors a tenth of them."""
    rng = np.random.default_rng(len(name))
    sizes = {**SIZES, **{k: len(v) for k, v in COORDINATES.items()}}
    values, coords = {}, {}
    for variable, words in RELAXATION_DATASETS[name].items():
        shape = tuple(sizes[d] for d in words.dims)
        if words.dims == (variable,):
            coords[variable] = COORDINATES[variable]
        elif variable in ("softness", "later"):
            coords[variable] = (words.dims[0], np.linspace(-3, 3, shape[0]))
        elif variable in ("n", "events", "n_away_of_softness"):
            values[variable] = (words.dims, np.full(shape, 0.0 if empty else 500.0))
        else:
            found = rng.uniform(0.1, 0.9, shape) * (0.1 if "error" in variable else 1.0)
            values[variable] = (words.dims, np.full(shape, np.nan) if empty else found)
    attrs = {"cutoff": 0.5, "temperature": 0.5, "wave_number": 7.25, "ensemble": "NVT"}
    return with_definitions(name, xr.Dataset(values, coords, attrs))


def draw(name, **how):
    figure = RELAXATION_FIGURES.load(name)
    inputs = [made_up(need, **how) for need in figure.needs]
    rows, columns = figure.panels(*inputs) if callable(figure.panels) else figure.panels
    with house_style():
        axes = Figure(figsize=figure.size).subplots(rows, columns, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
    return list(axes), figure.table(*inputs)


def points(ax, gid):
    found = [np.column_stack(b[0].get_data()) for b in ax.containers if b[0].get_gid() == gid]
    return np.concatenate(found) if found else np.empty((0, 2))


def test_every_figure_has_a_caption_a_data_set_and_its_own_name():
    assert set(NAMES) == set(RELAXATION_CAPTIONS)
    for name in NAMES:
        figure = RELAXATION_FIGURES.load(name)
        assert figure.name == name
        assert set(figure.needs) <= set(DATASETS)
    assert edition("relaxation").published


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_draws_and_its_csv_explains_every_column(name):
    axes, table = draw(name)
    assert len(table) > 0
    assert any(ax.containers or ax.lines for ax in axes)
    lines = table.to_csv().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == len(table)
    for column in table.columns:
        assert any(line.startswith(f"# {column}: ") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_of_nothing_says_so(name):
    axes, _ = draw(name, empty=True)
    assert any(text.get_gid() == "empty" for ax in axes for text in ax.texts)


def test_the_measured_overlap_is_drawn_at_positive_times_in_every_panel():
    axes, _ = draw("overlap_prediction")
    expected = made_up("overlap_prediction")["measured"].values[:, 1:].ravel()
    for ax in axes:
        np.testing.assert_array_equal(np.sort(points(ax, "measured")[:, 1]), np.sort(expected))


def test_times_that_were_left_out_are_told_from_those_that_were_used():
    axes, _ = draw("held_out_time")
    data = made_up("held_out_time")
    latest = data["latest"].values
    n_used = sum(int(((data["lag"].values > 0) & (data["lag"].values <= t)).sum()) for t in latest)
    for ax in axes:
        assert len(points(ax, "used")) == n_used
        assert len(points(ax, "used")) + len(points(ax, "left_out")) == 6
