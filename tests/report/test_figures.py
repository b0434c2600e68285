import csv
import importlib
import pkgutil

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from vitrify.errors import ShapeError
from vitrify.report import figures
from vitrify.report.captions import CAPTIONS
from vitrify.report.definitions import with_definitions
from vitrify.report.figures import FIGURES
from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.snapshot import box_edges
from vitrify.report.figures.style import blue_to_red, house_style, softness_colors, unit_text

NAMES = list(FIGURES)


@pytest.fixture(scope="module")
def datasets(results):
    return {name: with_definitions(name, d) for name, d in results.datasets.items()}


def inputs_of(name, datasets):
    figure = FIGURES.load(name)
    return figure, [datasets[need] for need in figure.needs]


def draw(name, datasets, *, render=False):
    figure, inputs = inputs_of(name, datasets)
    rows, columns = figure.panels(*inputs) if callable(figure.panels) else figure.panels
    with house_style():
        canvas = Figure(figsize=figure.size)
        axes = canvas.subplots(rows, columns, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
        if render:
            canvas.draw_without_rendering()
    return list(axes), figure.table(*inputs)


def points(ax, gid):
    """Data of all lines of that gid, as (n, 2)."""
    found = [np.column_stack(line.get_data()) for line in ax.lines if line.get_gid() == gid]
    found += [
        np.column_stack(b[0].get_data()) for b in ax.containers if b[0] is not None and b[0].get_gid() == gid
    ]
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2))


def bars(ax, gid):
    """Vertical bars of all error-bar containers of that gid, as rows (x, low, high)."""
    rows = []
    for container in ax.containers:
        if container[0].get_gid() == gid:
            for s in container[2][0].get_segments():
                if len(s):
                    rows.append((s[0, 0], s[0, 1], s[1, 1]))
    return np.array(sorted(rows))


def rows_of(table, *columns, keep=None):
    keep = np.ones(len(table), bool) if keep is None else keep
    return np.unique(np.column_stack([table[c][keep].astype(float) for c in columns]), axis=0)


def test_every_module_is_registered_and_every_figure_has_a_caption():
    modules = {m.name for m in pkgutil.iter_modules(figures.__path__)} - {"base", "style"}
    assert modules == set(NAMES) == set(CAPTIONS)
    for name in NAMES:
        assert FIGURES.load(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_holds_exactly_the_table_that_is_drawn(name, datasets, tmp_path):
    figure, inputs = inputs_of(name, datasets)
    table = figure.table(*inputs)
    (tmp_path / "t.csv").write_text(table.to_csv())
    lines = (tmp_path / "t.csv").read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    body = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(body) == len(table) > 0
    for column, values in table.columns.items():
        assert any(line.startswith(f"# {column}: ") for line in header), column
        read = [row[column] for row in body]
        if values.dtype.kind in "fiu":
            np.testing.assert_array_equal(np.array(read, dtype=float), values.astype(float))
        else:
            assert read == [str(v) for v in values.tolist()]


def test_softness_distribution_draws_its_table(datasets):
    (ax,), table = draw("softness_distribution", datasets)
    assert set(table["temperature"]) == {0.47}
    for name in ("density", "density_rearranging"):
        np.testing.assert_array_equal(points(ax, name), rows_of(table, "softness", name))
        drawn = bars(ax, name)
        np.testing.assert_allclose(drawn[:, 2] - drawn[:, 1], 2 * table[f"{name}_error"], atol=1e-12)
    labels = " ".join(t.get_text() for t in ax.get_legend().get_texts())
    assert str(int(table["n_rearranging"].sum())) in labels.replace("\u00a0", "")
    shaded = ax.collections[-1].get_paths()[0].vertices[:, 0]
    assert shaded.min() == pytest.approx(0.0, abs=1e-12)


def test_rearrangement_probability_draws_its_table(datasets):
    (ax,), table = draw("rearrangement_probability", datasets)
    some = table["probability"] > 0
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal(
        points(ax, "measured"), rows_of(table, "softness", "probability", keep=some)
    )
    np.testing.assert_array_equal(
        points(ax, "upper_bound"), rows_of(table, "softness", "probability_high", keep=~some)
    )
    np.testing.assert_array_equal(points(ax, "fitted"), rows_of(table, "softness", "fitted"))
    expected = rows_of(table, "softness", "probability_low", "probability_high", keep=some)
    np.testing.assert_allclose(bars(ax, "measured"), expected, rtol=1e-12)


def test_arrhenius_lines_draw_their_table_and_meet_at_the_onset(datasets):
    (ax,), table = draw("arrhenius_lines", datasets)
    some = table["probability"] > 0
    assert len(np.unique(table["softness"])) == 5
    expected = rows_of(table, "inverse_temperature", "probability", keep=some)
    np.testing.assert_array_equal(points(ax, "measured"), expected)
    np.testing.assert_array_equal(
        points(ax, "arrhenius_line"), rows_of(table, "inverse_temperature", "arrhenius_line")
    )
    (inset,) = ax.child_axes
    expected = rows_of(table, "reduced_barrier", "reduced_probability", keep=some)
    np.testing.assert_array_equal(points(inset, "collapse"), expected)
    exponential = points(inset, "exponential")
    np.testing.assert_array_equal(exponential[:, 1], np.exp(-exponential[:, 0]))
    onset = datasets["arrhenius"].attrs["T0"]
    assert np.isnan(table["probability"][table["temperature"] == onset]).all()
    assert (table["temperature"] == onset).sum() == 5


def test_an_onset_that_is_negative_or_unknown_is_not_drawn(datasets):
    for onset in (-0.3, np.nan, 50.0):
        arrhenius = datasets["arrhenius"].assign_attrs(T0=onset)
        _, table = draw("arrhenius_lines", datasets | {"arrhenius": arrhenius})
        assert set(table["temperature"]) <= set(datasets["rearrangement_probability"]["temperature"].values)


def test_arrhenius_lines_refuse_other_bins(datasets):
    figure, (probability, arrhenius) = inputs_of("arrhenius_lines", datasets)
    with pytest.raises(ShapeError, match="`probability` has 15 softness bins and `arrhenius` 14"):
        figure.table(probability, arrhenius.isel(softness_bin=slice(1, None)))


def test_barriers_draw_their_table_with_open_symbols_outside_the_fit(datasets):
    axes, table = draw("barriers", datasets)
    used = table["used"].astype(bool)
    assert 0 < used.sum() < len(used)
    for ax, name in zip(axes, ("energy_barrier", "log_prefactor"), strict=True):
        for kind, keep in (("used", used), ("left_out", ~used)):
            np.testing.assert_array_equal(
                points(ax, f"{name}_{kind}"), rows_of(table, "softness", name, keep=keep)
            )
            drawn = bars(ax, f"{name}_{kind}")
            np.testing.assert_allclose(drawn[:, 2] - drawn[:, 1], 2 * table[f"{name}_error"][keep], rtol=1e-9)
        np.testing.assert_array_equal(points(ax, f"{name}_fit"), rows_of(table, "softness", f"{name}_fit"))


def test_a_global_fit_of_higher_degree_is_drawn_as_it_is(datasets):
    bent = datasets["arrhenius"].assign_attrs(
        energy_barrier_powers=[8.7, -1.0, 0.05], log_prefactor_powers=[9.6, -1.3, 0.0]
    )
    axes, table = draw("barriers", datasets | {"arrhenius": bent})
    s = table["softness"]
    np.testing.assert_allclose(table["energy_barrier_fit"], 8.7 - s + 0.05 * s**2, rtol=1e-12)
    np.testing.assert_array_equal(
        points(axes[0], "energy_barrier_fit"), rows_of(table, "softness", "energy_barrier_fit")
    )
    assert "S^{2}" in axes[0].get_legend().get_texts()[0].get_text()


def test_bins_that_nobody_visited_may_have_no_center(datasets):
    holed = {}
    for name in ("rearrangement_probability", "arrhenius"):
        softness = datasets[name]["softness"].values.copy()
        softness[[0, -1]] = np.nan
        holed[name] = datasets[name].assign_coords(softness=("softness_bin", softness))
    _, table = draw("arrhenius_lines", holed)
    assert len(np.unique(table["softness"])) == 5


def test_p_hop_example_draws_its_table_and_thresholds(datasets):
    axes, table = draw("p_hop_example", datasets)
    for ax, name in zip(axes, ("p_hop", "displacement"), strict=True):
        np.testing.assert_array_equal(points(ax, name), rows_of(table, "time", name))
    heights = {line.get_gid(): line.get_ydata()[0] for line in axes[0].lines if len(line.get_ydata()) == 2}
    assert heights == {"event_threshold": 0.05, "rearrangement_threshold": 0.2}
    assert "event_threshold = 0.05" in table.remarks


def test_rdf_draws_its_table_in_one_panel_per_species(datasets):
    axes, table = draw("rdf", datasets)
    for ax, species in zip(axes, ("A", "B"), strict=True):
        for group in ("all", "hard", "soft"):
            keep = (table["neighbor_species"] == species) & (table["group"] == group)
            np.testing.assert_array_equal(points(ax, group), rows_of(table, "r", "g", keep=keep))


def test_overlap_draws_its_table_at_positive_times(datasets):
    (ax,), table = draw("overlap", datasets)
    assert ax.get_xscale() == "log"
    assert (table["lag"] > 0).all()
    np.testing.assert_array_equal(points(ax, "overlap"), rows_of(table, "lag", "overlap"))
    assert table.remarks == ("cutoff = 0.5",)


def test_the_still_paints_every_particle_from_far_to_near(datasets):
    (ax,), table = draw("snapshot", datasets)
    assert len(table) == datasets["snapshot"].sizes["particle"]
    assert (np.diff(table["near"]) >= 0).all()
    (balls,) = (c for c in ax.collections if isinstance(c, EllipseCollection))
    np.testing.assert_allclose(
        balls.get_offsets()[::3], np.column_stack([table["across"], table["up"]]), atol=1e-12
    )
    first = datasets["snapshot"].isel(snapshot_frame=0)
    np.testing.assert_array_equal(first["position"].values[table["particle"], 0], table["x"])
    np.testing.assert_array_equal(first["softness"].values[table["particle"]], table["softness"])


def test_a_projection_keeps_distances():
    from vitrify.report.figures.snapshot import _view

    np.testing.assert_allclose(_view().T @ _view(), np.eye(3), atol=1e-14)
    assert np.linalg.det(_view()) > 0


def test_a_box_has_twelve_edges_as_long_as_its_vectors():
    vectors = np.array([[4.0, 0, 0], [1.0, 3.0, 0], [0.5, 0.2, 2.0]])
    edges = box_edges(vectors)
    found = np.sort(np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1))
    np.testing.assert_allclose(found, np.sort(np.repeat(np.linalg.norm(vectors, axis=1), 4)))


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_of_nothing_but_nan_says_so(name, datasets):
    empty = {
        key: d.map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)
        for key, d in datasets.items()
    }
    axes, table = draw(name, empty, render=True)
    assert len(table) == 0 or not np.isfinite(table.columns.get("p_hop", np.ones(1))).any()
    assert all(any(t.get_gid() == "empty" for t in ax.texts) for ax in axes)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_survives_single_temperature_holes_and_no_events(name, datasets):
    worn = {}
    for key, dataset in datasets.items():
        worn[key] = dataset.isel(temperature=[0]) if "temperature" in dataset.dims else dataset.copy()
        for variable in worn[key].data_vars:
            if worn[key][variable].dtype.kind == "f":
                values = worn[key][variable].values.copy()
                values.reshape(-1)[::3] = np.nan
                worn[key][variable] = (worn[key][variable].dims, values, worn[key][variable].attrs)
    for variable in ("events", "n_rearranging"):
        for dataset in worn.values():
            if variable in dataset:
                dataset[variable] = dataset[variable] * 0
    _, table = draw(name, worn, render=True)
    assert table.to_csv()


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_can_be_drawn_in_a_notebook_without_axes(name, datasets):
    from matplotlib import pyplot

    figure, inputs = inputs_of(name, datasets)
    with mpl.rc_context({"backend": "agg"}):
        assert figure.plot(*inputs) is not None
    pyplot.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_labels_come_from_the_attributes(name, datasets):
    foreign = {}
    for key, dataset in datasets.items():
        foreign[key] = dataset.copy()
        for variable in foreign[key].variables:
            foreign[key][variable].attrs = foreign[key][variable].attrs | {
                "long_name": "quokka",
                "units": "furlong",
            }
    axes, _ = draw(name, foreign)
    canvas = axes[0].figure
    words = " ".join(t.get_text() for t in canvas.findobj(mpl.text.Text))
    assert "quokka" in words or "furlong" in words


def test_temperatures_have_one_colour_on_a_page():
    wide = blue_to_red([0.47, 0.58, 0.70])
    np.testing.assert_array_equal(blue_to_red([0.58], (0.47, 0.70))[0], wide[1])
    assert wide[0, 2] > wide[0, 0]
    assert wide[-1, 0] > wide[-1, 2]


def test_soft_is_red_hard_is_blue_and_unknown_is_grey():
    hard, soft, unknown = softness_colors([-3.0, 3.0, np.nan], 2.0)
    assert hard[2] > hard[0]
    assert soft[0] > soft[2]
    assert np.ptp(unknown) < 0.06


@pytest.mark.parametrize(
    ("units", "tex"),
    [
        ("1", ""),
        ("tau", r"\tau"),
        ("sigma_AA", r"\sigma_{AA}"),
        ("angstrom", r"\mathrm{angstrom}"),
        ("K", "K"),
    ],
)
def test_units_are_set_in_tex(units, tex):
    assert unit_text(units) == tex


def test_columns_of_different_length_are_refused():
    with pytest.raises(ShapeError, match="`columns` of one table need one length"):
        PlottedTable({"a": np.zeros(2), "b": np.zeros(3)})


def test_missing_and_misshapen_variables_are_named(results):
    overlap = results.datasets["overlap"]
    with pytest.raises(ShapeError, match="The data set 'overlap' needs a variable `overlap_error`"):
        with_definitions("overlap", overlap.drop_vars("overlap_error"))
    with pytest.raises(ShapeError, match=r"`overlap` of the data set 'overlap' has dimensions \('lag',\)"):
        with_definitions("overlap", overlap.assign(overlap=overlap["overlap"].isel(temperature=0, drop=True)))


def test_dimensions_may_come_in_any_order(results):
    turned = results.datasets["overlap"].transpose("lag", "temperature")
    xr.testing.assert_equal(
        with_definitions("overlap", turned), with_definitions("overlap", results.datasets["overlap"])
    )


def test_what_the_study_says_wins_over_the_defaults(results):
    overlap = results.datasets["overlap"].copy()
    overlap["lag"].attrs["units"] = "ps"
    described = with_definitions("overlap", overlap)
    assert described["lag"].attrs["units"] == "ps"
    assert described["lag"].attrs["symbol"] == "t"
    assert "symbol" not in overlap["lag"].attrs


def test_a_report_figure_is_a_plain_description():
    assert isinstance(FIGURES.load("rdf"), ReportFigure)
    importlib.import_module("vitrify.report.figures.rdf")
