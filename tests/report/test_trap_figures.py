"""Figures of the report on the trap model: points are the liquid, lines the model."""

import pkgutil

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report import trap_figures
from vitrify.report.definitions import DATASETS, with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures.style import house_style
from vitrify.report.trap_captions import TRAP_CAPTIONS
from vitrify.report.trap_definitions import TRAP_DATASETS
from vitrify.report.trap_figures import TRAP_FIGURES

SIZES = {"temperature": 3, "softness_bin": 5, "lag": 6, "waiting_time": 4}
TEMPERATURES = np.array([0.4, 0.5, 0.8])


def some(name: str, *, fitted: bool = True) -> xr.Dataset:
    """Positive numbers in the shapes of a data set; with bounds around the model."""
    rng = np.random.default_rng(3)
    values, coords = {}, {"temperature": TEMPERATURES}
    for variable, words in TRAP_DATASETS[name].items():
        if words.optional and not fitted:
            continue
        column = 0.2 + 0.3 * rng.random([SIZES[d] for d in words.dims])
        if variable.endswith(("_low", "_lower")):
            column -= 0.15
        if variable.endswith(("_high", "_upper")):
            column += 0.3
        if variable in ("events", "exposure", "n", "n_samples", "used", "fitted"):
            column = np.ones_like(column, int)
        if variable in ("lag", "waiting_time", "softness"):
            coords[variable] = (words.dims, np.arange(1.0, SIZES[words.dims[0]] + 1))
        elif variable != "temperature":
            values[variable] = (words.dims, column)
    attrs = {
        "cutoff": 0.3,
        "initial_temperature": 1.0,
        "ensemble": "NVT",
        "T0": 0.7,
        "landing_temperature": 0.8,
    }
    return with_definitions(name, xr.Dataset(values, coords, attrs))


def draw(name: str, dataset: xr.Dataset):
    figure = TRAP_FIGURES.load(name)
    with house_style():
        axes = Figure().subplots(*figure.panels, squeeze=False).ravel()
        figure.plot(dataset, ax=axes[0] if len(axes) == 1 else axes)
    return axes, figure.table(dataset)


def gids(axes) -> set[str]:
    return {str(a.get_gid()) for ax in axes for a in ax.findobj() if a.get_gid()}


def test_every_figure_has_a_file_words_and_a_data_set():
    files = {m.name for m in pkgutil.iter_modules(trap_figures.__path__)} - {"lines"}
    assert set(TRAP_FIGURES) == set(TRAP_CAPTIONS) == set(TRAP_DATASETS) == files
    assert set(TRAP_DATASETS) <= set(DATASETS)
    assert edition("trap-model").figures is TRAP_FIGURES


@pytest.mark.parametrize("name", TRAP_DATASETS)
def test_liquid_and_model_are_drawn_and_tabulated(name: str):
    axes, table = draw(name, some(name))
    drawn = gids(axes)
    assert any(g.endswith("_model") for g in drawn)
    assert any(g.endswith("_interval") for g in drawn)
    assert len(table) > 0
    assert any(column.endswith("_model") for column in table.columns)
    assert set(table.columns) == set(table.meanings)


@pytest.mark.parametrize("name", ["trap_susceptibility", "trap_ageing"])
def test_without_a_fit_the_liquid_is_drawn_alone(name: str):
    axes, table = draw(name, some(name, fitted=False))
    assert not any(g.endswith("_model") for g in gids(axes))
    assert len(table) > 0


@pytest.mark.parametrize("name", TRAP_DATASETS)
def test_a_figure_without_numbers_says_so(name: str):
    full = some(name)
    empty = full.map(lambda v: v * np.nan if v.dtype.kind == "f" else 0 * v, keep_attrs=True)
    axes, table = draw(name, empty)
    assert len(table) == 0
    assert "empty" in gids(axes)


def test_temperatures_that_were_not_fitted_are_open_and_have_no_line():
    dataset = some("trap_probability")
    dataset["fitted"][2] = 0
    (ax,), _ = draw("trap_probability", dataset)
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() not in ("None", "")]
    assert "white" in map(str, faces)
    assert sum(line.get_gid() == "probability_model" for line in ax.lines) == 2


def test_both_sides_of_the_ageing_figure_share_their_axis():
    axes, _ = draw("trap_ageing", some("trap_ageing"))
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [ax.get_title() for ax in axes] == ["simulation", "trap model"]
