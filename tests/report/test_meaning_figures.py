"""The figures about training examples in the report on the meaning of softness, from numbers that are made up."""

import csv

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report.definitions import DATASETS, with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures.style import house_style
from vitrify.report.meaning_captions import MEANING_CAPTIONS
from vitrify.report.meaning_definitions import MEANING_DATASETS
from vitrify.report.meaning_figures import MEANING_FIGURES
from vitrify.report.templates import environment

NAMES = list(MEANING_FIGURES)
FUNCTIONS = np.array(["G_A(0.9)", "G_A(1.1)", "G_B(0.9)", "G_B(1.1)"])
COORDINATES = {
    "neighbor_species": np.array(["A", "B"]),
    "r": np.array([0.9, 1.1, 1.3]),
    "function": FUNCTIONS,
    "other_function": FUNCTIONS,
    "search": np.array(["forward", "evolutionary"]),
    "size": np.array([1, 2, 5]),
    "group": np.array(["all", "hard", "soft"]),
    "n_per_class": np.array([50, 500]),
    "penalty": np.array([0.1, 1.0]),
    "gamma": np.array([0.3, 1.0, 3.0]),
    "layers": np.array([1, 2]),
    "nodes": np.array([1, 10]),
    "function_set": np.array(["radial and angular", "cumulative"]),
    "form": np.array(["all radial", "exponential"]),
    "map": np.array(["principal components", "t-SNE 2D"]),
}
SIZES = {"example": 12, "axis": 2}
ATTRS = {
    "n_top": 9, "n_triplets": 5000, "n_good": 3, "threshold": 0.75, "lowest_top": 0.74, "all_radial": 0.8, "all_radial_error": 0.01,
    "linear": 0.8, "linear_error": 0.01, "temperature": 0.47,
}  # fmt: skip
WHOLE = ("top", "good", "n_parameters", "n_functions", "soft")


def made_up(name, *, empty=False):
    """A data set of the right shape with numbers between 0.1 and 0.9, errors a tenth of them."""
    rng = np.random.default_rng(len(name))
    sizes = {**SIZES, **{k: len(v) for k, v in COORDINATES.items()}}
    values, coords = {}, {}
    for variable, words in MEANING_DATASETS[name].items():
        shape = tuple(sizes[d] for d in words.dims)
        if words.dims == (variable,):
            coords[variable] = COORDINATES[variable]
        elif variable == "functions":
            values[variable] = (words.dims, np.full(shape, "G_A(1.1)"))
        elif variable in WHOLE:
            values[variable] = (words.dims, rng.integers(0, 2, shape))
        else:
            found = rng.uniform(0.1, 0.9, shape) * (0.1 if "error" in variable else 1.0)
            values[variable] = (words.dims, np.full(shape, np.nan) if empty else found)
    if empty and name == "function_triplets":
        values = {k: (d, np.full(np.shape(v), np.nan)) for k, (d, v) in values.items()}
    return with_definitions(name, xr.Dataset(values, coords, ATTRS))


def draw(name, **how):
    figure = MEANING_FIGURES.load(name)
    inputs = [made_up(need, **how) for need in figure.needs]
    rows, columns = figure.panels(*inputs) if callable(figure.panels) else figure.panels
    with house_style():
        axes = Figure(figsize=figure.size).subplots(rows, columns, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
    return list(axes), figure.table(*inputs)


def test_every_figure_has_a_caption_data_sets_and_its_own_name():
    assert set(NAMES) == set(MEANING_CAPTIONS)
    page = edition("meaning-of-softness")
    assert page.published
    assert set(NAMES) <= set(page.figures)
    assert set(page.figures) == set(page.captions)
    for name in NAMES:
        figure = MEANING_FIGURES.load(name)
        assert figure.name == name
        assert set(figure.needs) <= set(DATASETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_draws_and_its_csv_explains_every_column(name):
    axes, table = draw(name)
    assert len(table) > 0
    assert any(ax.containers or ax.lines or ax.collections for ax in axes)
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


@pytest.mark.parametrize("name", NAMES)
def test_a_caption_finds_every_number_that_it_names(name):
    caption = MEANING_CAPTIONS[name]
    datasets = {need: made_up(need) for need in MEANING_FIGURES.load(name).needs}
    fields = {
        "d": {key: dataset.attrs for key, dataset in datasets.items()},
        "says": lambda key, variable: datasets[key][variable].attrs["definition"],
    }
    for text in (caption.seen, caption.defined):
        assert "{" not in environment().from_string(text).render(fields)


def test_a_pair_stands_once_in_its_table():
    _, table = draw("function_pairs")
    pairs = {tuple(sorted(p)) for p in zip(table["function"], table["other_function"], strict=True)}
    assert len(pairs) == len(table) == 6


def test_sets_are_drawn_on_their_own_and_on_other_segments():
    axes, _ = draw("selected_functions")
    names = [c[0].get_gid() for c in axes[0].containers]
    assert names.count("accuracy") == names.count("held_out") == 2


def test_maps_are_drawn_in_two_colours_with_their_purity():
    axes, _ = draw("example_maps")
    for ax in axes:
        assert "purity 0." in ax.get_title()
        assert len(np.unique(ax.collections[0].get_facecolors(), axis=0)) == 2
