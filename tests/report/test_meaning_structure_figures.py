"""The figures of the structure of single particles, from numbers that are made up."""

import csv

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report.figures.style import house_style
from vitrify.report.meaning_structure_captions import MEANING_STRUCTURE_CAPTIONS
from vitrify.report.meaning_structure_definitions import MEANING_STRUCTURE_DATASETS
from vitrify.report.meaning_structure_figures import MEANING_STRUCTURE_FIGURES
from vitrify.report.meaning_structure_figures.drawing import words

NAMES = list(MEANING_STRUCTURE_FIGURES)
SCALARS = np.array(["softness", "caging_softness", "coordination", "local_energy"])
COORDINATES = {
    "temperature": np.array([0.5, 0.6]),
    "event_kind": np.array(["inherent", "thermal"]),
    "scalar": SCALARS,
    "other": SCALARS,
    "lag": np.array([10.0, 100.0]),
    "against": SCALARS[1:],
    "tetrahedra": np.arange(5),
    "octahedra": np.arange(5),
    "field": np.array(["softness", "p_hop"]),
    "r": np.linspace(0.05, 4, 30),
    "cosine": np.linspace(-0.9, 0.9, 6),
}
SIZES = {"quantile_bin": 6, "structure_bin": 6, "gradient_bin": 5}
COUNTS = ("events", "n", "events_high", "events_low")


def made_up(name, *, empty=False):
    """A data set of the right shape with numbers between 0.1 and 0.9, errors and intervals about them."""
    rng = np.random.default_rng(len(name))
    sizes = {**SIZES, **{k: len(v) for k, v in COORDINATES.items()}}
    values, coords = {}, {}
    for variable, described in MEANING_STRUCTURE_DATASETS[name].items():
        shape = tuple(sizes[d] for d in described.dims)
        if described.dims == (variable,):
            coords[variable] = (described.dims, COORDINATES[variable], described.attrs())
            continue
        found = rng.uniform(0.1, 0.9, shape)
        if "error" in variable or variable.endswith("spread"):
            found *= 0.1
        if variable.endswith("_high") and variable not in COUNTS:
            found += 1
        if variable in COUNTS:
            found = np.full(shape, 0.0 if empty else 500.0)
        elif variable == "orientation":
            found = np.ones(shape)
        elif empty:
            found = np.full(shape, np.nan)
        values[variable] = (described.dims, found, described.attrs())
    lines = {f"{k}{i}": 1.0 for k in "abc" for i in (0, 1)} | {"r_squared_c": 0.99, "q_max": 20.0}
    return xr.Dataset(values, coords, {"r_min": 0.9, "r_max": 4.0, **lines})


def draw(name, **how):
    figure = MEANING_STRUCTURE_FIGURES.load(name)
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
    assert set(NAMES) == set(MEANING_STRUCTURE_CAPTIONS)
    for name in NAMES:
        figure = MEANING_STRUCTURE_FIGURES.load(name)
        assert figure.name == name
        assert name.startswith("structure_")
        assert set(figure.needs) <= set(MEANING_STRUCTURE_DATASETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_draws_and_its_csv_explains_every_column(name):
    axes, table = draw(name)
    assert len(table) > 0
    assert any(ax.containers or ax.lines or ax.images for ax in axes)
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


def test_contrasts_of_both_kinds_of_event_are_drawn_at_the_lowest_temperature():
    axes, _ = draw("structure_contrast")
    data = made_up("scalar_contrast").isel(temperature=0)
    for ax, quantity in zip(axes, ("contrast", "area"), strict=True):
        for kind in ("inherent", "thermal"):
            found = np.sort(points(ax, f"{quantity}_{kind}")[:, 0])
            np.testing.assert_array_equal(found, np.sort(data[quantity].sel(event_kind=kind).values))


def test_every_pair_of_quantities_has_its_coefficient_written_into_its_square():
    axes, _ = draw("structure_correlation")
    written = sorted(text.get_text() for text in axes[0].texts)
    pearson = made_up("scalar_correlation")["pearson"].values[0]
    assert written == sorted(f"{v:.2f}" for v in pearson.ravel())


def test_fits_are_drawn_within_their_range():
    axes, _ = draw("structure_fields")
    fits = [line for ax in axes for line in ax.lines if line.get_gid() == "fit"]
    assert len(fits) == 4
    assert all(line.get_xdata().min() == 0.9 and line.get_xdata().max() == 4.0 for line in fits)


def test_quantities_without_words_of_their_own_lose_their_underscores():
    assert words("some_new_thing") == "some new thing"
