"""Figures that only the report of a single trajectory has, and the colours of its snapshot."""

import pkgutil

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.errors import ShapeError, UnknownNameError
from vitrify.report import store_figures
from vitrify.report.coloring import coloring
from vitrify.report.definitions import with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures import FIGURES
from vitrify.report.figures.snapshot import plot_snapshot, snapshot_table
from vitrify.report.figures.style import house_style, unit_text, unit_words
from vitrify.report.scene import scene_page
from vitrify.report.store_captions import STORE_CAPTIONS
from vitrify.report.store_figures import STORE_FIGURES

OWN = [name for name in STORE_FIGURES if name not in FIGURES]


def of_species(name, rng):
    lag = np.geomspace(1, 100, 9)
    value = np.stack([0.01 * lag, 0.02 * lag]) if name == "msd" else np.exp(-np.stack([lag, 2 * lag]) / 80)
    error = np.where(lag < 50, 0.1 * value, np.nan)
    dims = ("species", "lag")
    return xr.Dataset(
        {name: (dims, value), f"{name}_error": (dims, error)},
        {"species": ["A", "B"], "lag": lag},
        {"cutoff": 0.5},
    )


def distribution(rng):
    edges = 10.0 ** np.arange(-4, 1.01, 0.1)
    n = rng.poisson(2000 * np.exp(-((np.log10(edges[:-1]) + 2.4) ** 2) * 3))
    density = n / n.sum() / np.diff(edges)
    columns = {
        "density": density,
        "density_error": 0.1 * density,
        "n": n,
        "low": edges[:-1],
        "high": edges[1:],
    }
    found = {key: ("value_bin", v) for key, v in columns.items()}
    attrs = {"event_threshold": 0.05, "rearrangement_threshold": 0.2}
    return xr.Dataset(found, {"value": ("value_bin", np.sqrt(edges[:-1] * edges[1:]))}, attrs)


def rate():
    n = np.array([4, 0, 7, 5])
    columns = {"rate": n / 1e4, "rate_error": np.sqrt(np.maximum(n, 1)) / 1e4, "events": n}
    return xr.Dataset(
        {k: ("segment", v) for k, v in columns.items()}, {"time": ("segment", [10.0, 30.0, 50.0, 70.0])}
    )


@pytest.fixture
def datasets(results):
    rng = np.random.default_rng(4)
    made = {
        "species_msd": of_species("msd", rng),
        "species_overlap": of_species("overlap", rng),
        "p_hop_distribution": distribution(rng),
        "d2min_distribution": distribution(rng),
        "rearrangement_rate": rate(),
        "softness_rdf": results.datasets["rdf"],
    }
    return {name: with_definitions(name, dataset) for name, dataset in made.items()}


def draw(figure, dataset, render=False):
    rows, columns = figure.panels(dataset) if callable(figure.panels) else figure.panels
    with house_style():
        canvas = Figure(figsize=figure.size)
        axes = canvas.subplots(rows, columns, squeeze=False).ravel()
        figure.plot(dataset, ax=axes if len(axes) > 1 else axes[0])
        if render:
            canvas.draw_without_rendering()
    return list(axes), figure.table(dataset)


def test_every_module_is_registered_and_every_figure_has_a_caption():
    modules = {m.name for m in pkgutil.iter_modules(store_figures.__path__)} - {"curves"}
    assert modules == set(OWN)
    assert set(STORE_FIGURES) == set(STORE_CAPTIONS)
    for name in STORE_FIGURES:
        assert STORE_FIGURES.load(name).name == name


def test_an_edition_that_does_not_exist_is_named():
    with pytest.raises(UnknownNameError, match="No edition of the report is called 'stores'"):
        edition("stores")


@pytest.mark.parametrize("name", OWN)
def test_a_figure_of_nothing_but_nan_says_so(name, datasets):
    empty = datasets[name].map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)
    axes, table = draw(STORE_FIGURES.load(name), empty, render=True)
    assert len(table) == 0
    assert all(any(t.get_gid() == "empty" for t in ax.texts) for ax in axes)


@pytest.mark.parametrize("name", OWN)
def test_the_numbers_of_a_figure_have_units_and_meanings(name, datasets):
    _, table = draw(STORE_FIGURES.load(name), datasets[name], render=True)
    assert len(table) > 3
    assert set(table.columns) == set(table.meanings)


def test_points_without_an_error_are_open(datasets):
    (ax,), table = draw(STORE_FIGURES.load("species_msd"), datasets["species_msd"])
    unknown = np.isnan(table["msd_error"]).sum()
    markers = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sum(len(line.get_xdata()) for line in markers) == unknown > 0
    assert ax.get_yscale() == "log"


def test_a_distribution_shows_its_thresholds_and_no_empty_bin(datasets):
    (ax,), table = draw(STORE_FIGURES.load("p_hop_distribution"), datasets["p_hop_distribution"])
    assert (table["n"] > 0).all()
    assert {line.get_gid() for line in ax.lines} >= {"event_threshold", "rearrangement_threshold"}


def test_the_rate_counts_its_events(datasets):
    (ax,), _ = draw(STORE_FIGURES.load("rearrangement_rate"), datasets["rearrangement_rate"])
    assert ax.get_legend().get_texts()[0].get_text() == "16 rearrangements"


# -- temperatures that nobody knows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softness_distribution", "rearrangement_probability"])
def test_an_unknown_temperature_is_drawn_without_one(results, name):
    one = results.datasets[name].isel(temperature=[2]).assign_coords(temperature=[np.nan])
    one = one.drop_vars("fitted", errors="ignore")
    (ax,), table = draw(STORE_FIGURES.load(name), with_definitions(name, one), render=True)
    assert len(table) > 5
    words = [t.get_text() for t in ax.get_legend().findobj(lambda t: hasattr(t, "get_text"))]
    assert not any("unknown" in w or "nan" in w for w in words)


# -- colours ---------------------------------------------------------------------------------------------------------


def by_species(snapshot, names=("A", "B")):
    numbers = (snapshot["species"].values == "B").astype(int)
    plain = snapshot.drop_vars("softness").assign_coords(species=("particle", numbers))
    return plain.assign_attrs(coloured_by="species", species_names=list(names))


def by_p_hop(snapshot):
    values = np.abs(snapshot["softness"].fillna(0.0)) / 10
    return (
        snapshot.drop_vars("softness").assign(p_hop=values).assign_attrs(coloured_by="p_hop", color_limit=0.2)
    )


def test_species_have_a_colour_each_and_a_name_in_both_pictures(results):
    snapshot = with_definitions("snapshot", by_species(results.datasets["snapshot"]))
    painted = coloring(snapshot)
    assert [name for name, _ in painted.categories] == ["A", "B"]
    of_a, of_b = (painted.paint(painted.values[:1, snapshot["species"].values == k])[0] for k in (0, 1))
    assert len(np.unique(of_a, axis=0)) == len(np.unique(of_b, axis=0)) == 1
    assert np.abs(of_a[0] - of_b[0]).max() > 0.2
    page = scene_page(snapshot)
    assert all(f"background: {color}" in page for _, color in painted.categories)
    assert "softness" not in snapshot_table(snapshot).columns


def test_many_species_run_from_blue_to_red(results):
    snapshot = results.datasets["snapshot"]
    numbers = np.arange(snapshot.sizes["particle"]) % 20
    many = by_species(snapshot, [str(k) for k in range(20)]).assign_coords(species=("particle", numbers))
    painted = coloring(with_definitions("snapshot", many))
    assert [name for name, _ in painted.categories] == ["0", "10", "19"]
    ends = painted.paint(np.array([0.0, 19.0]))
    assert ends[0, 2] > ends[0, 0]
    assert ends[1, 0] > ends[1, 2]


def test_motion_goes_from_pale_to_red_at_the_threshold(results):
    snapshot = with_definitions("snapshot", by_p_hop(results.datasets["snapshot"]))
    painted = coloring(snapshot)
    assert (painted.low, painted.high, painted.ends[2]) == (0.0, 0.2, "0.2 σ_AA²")
    still, moving, more = painted.paint(np.array([0.0, 0.2, 5.0]))
    assert still.min() > 0.85
    np.testing.assert_array_equal(moving, more)
    assert painted.packed(np.array([0.2]))[0] == 0xA50026
    assert "p_hop" in snapshot_table(snapshot).columns


def test_a_snapshot_needs_what_it_is_coloured_by(results):
    lacking = results.datasets["snapshot"].drop_vars("softness")
    with pytest.raises(ShapeError, match="needs a variable `softness`"):
        with_definitions("snapshot", lacking)
    with pytest.raises(ShapeError, match="needs a variable `p_hop`"):
        with_definitions("snapshot", lacking.assign_attrs(coloured_by="p_hop"))


@pytest.mark.parametrize("paint", [by_species, by_p_hop])
def test_a_plane_is_seen_from_above_whatever_its_unit_of_length(results, paint):
    flat = paint(results.datasets["snapshot"].isel(xyz=slice(0, 2)))
    small = flat.assign(position=flat["position"] * 1e-6)
    attrs = {"diameter": 1e-6, "box_vectors": [[8e-6, 0.0], [0.0, 8e-6]], "box_origin": [1e-6, 0.0]}
    small = with_definitions("snapshot", small.assign_attrs(attrs))
    table = snapshot_table(small)
    np.testing.assert_array_equal(table["across"], table["x"])
    with house_style():
        ax = plot_snapshot(small, ax=Figure().subplots())
    low, high = ax.get_xlim()
    assert 5e-6 < high - low < 2e-5
    assert "const times = [" in scene_page(small)


def test_units_are_set_in_plain_text_and_tex():
    assert (unit_text("um^2"), unit_words("um^2")) == (r"\mu\mathrm{m}^{2}", "µm²")
    assert unit_words("tau^-1") == "τ⁻¹"
