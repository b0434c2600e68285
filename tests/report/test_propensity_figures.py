"""The figures of the propensity report, from numbers that are made up."""

import csv
import re
from functools import cache

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vitrify.report.definitions import DATASETS, with_definitions
from vitrify.report.editions import edition
from vitrify.report.figures.style import house_style
from vitrify.report.propensity_captions import PROPENSITY_CAPTIONS
from vitrify.report.propensity_definitions import PROPENSITY_DATASETS
from vitrify.report.propensity_figures import PROPENSITY_FIGURES
from vitrify.report.propensity_figures.drawing import color_of

NAMES = list(PROPENSITY_FIGURES)
TAU = 700.0
KINDS = ("thermal", "inherent", "cage")
CASES = [
    *((kind, n, "both", False) for kind in KINDS for n in range(4)),
    *((kind, n, part, False) for kind in KINDS[:2] for part in ("radial", "angular") for n in range(4)),
    *((kind, 3, "both", True) for kind in KINDS),
    ("mean", -1, "both", False),
]


def label(kind, order, part, motion):
    if order < 0:
        return "mean of inherent, cage"
    return f"{kind} LR({order}){'' if part == 'both' else f' {part}'}{' + motion' if motion else ''}"


def times_of(n_times):
    return np.array([TAU]) if n_times == 1 else np.geomspace(1.0, 10 * TAU, n_times)


def scores(n_times=4, species=("A", "B")):
    """Higher orders and inherent positions are better; errors 0.01."""
    t = np.log10(times_of(n_times) / TAU)
    shape = (len(CASES), len(species), n_times)
    pearson = np.empty(shape)
    for c, (kind, order, part, motion) in enumerate(CASES):
        level = {"thermal": 0.42, "inherent": 0.47, "cage": 0.66, "mean": 0.7}[kind] + 0.03 * motion
        level += 0.08 * (1 - 0.4 ** max(order, 0)) - {"both": 0, "radial": 0.06, "angular": 0.03}[part]
        for s in range(len(species)):
            pearson[c, s] = level + 0.05 * s - 0.06 * t**2 / (1 + 0.3 * t**2)
    dims = ("case", "species", "time")
    same = dict.fromkeys(("pearson_pooled", "spearman", "spearman_pooled"), (dims, pearson))
    small = dict.fromkeys(("pearson_error", "spearman_error"), (dims, np.full(shape, 0.01)))
    return xr.Dataset(
        {
            "pearson": (dims, pearson), **same, **small,
            "pearson_sd": (dims, np.full(shape, 0.03)),
            "strength": (dims, np.full(shape, 1e-3)),
        },
        {
            "case": [label(*c) for c in CASES], "species": list(species), "time": times_of(n_times),
            **{name: ("case", [c[k] for c in CASES]) for k, name in enumerate(("kind", "order", "part", "motion"))},
        },
        {"relaxation_time": TAU, "n_configurations": 10, "n_runs": 32, "n_particles": 4096},
    )  # fmt: skip


def ceiling(n_times=4, species=("A", "B")):
    t, dims = times_of(n_times), ("species", "time")
    top = 0.93 - 0.06 * np.abs(np.log10(t / TAU)) / 3 + 0.01 * np.arange(len(species))[:, None]
    return xr.Dataset(
        {
            "ceiling": (dims, top), "ceiling_error": (dims, np.full_like(top, 0.004)), "reliability": (dims, top**2),
            "mobility": (dims, 0.4 * (t / TAU) ** 0.3 * (1 + 0.3 * np.arange(len(species))[:, None])),
            "scattering": ("time", np.exp(-((t / TAU) ** 0.6))),
        },
        {"species": list(species), "time": t},
    )  # fmt: skip


def steps(along, values, species=("A", "B")):
    """A curve that rises and comes to a level, for two kinds."""
    values = np.asarray(values)
    shape = (2, len(species), len(values))
    rise = 0.5 - 0.2 * values**-0.6 + 0.05 * np.arange(2)[:, None, None] + np.zeros(shape)
    dims = ("kind", "species", along)
    found = {"pearson": (dims, rise), "pearson_error": (dims, np.full(shape, 0.012))}
    if along == "step":
        found["feature"] = (dims, np.broadcast_to([f"G_A({k})" for k in values], shape))
    return xr.Dataset(
        found, {"kind": list(KINDS[:2]), "species": list(species), along: values}, {"time": TAU}
    )


def slab(n=400, side=15.0):
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, side, (2, n))
    species = np.where(rng.random(n) < 0.2, "B", "A")
    field = np.sin(2 * np.pi * x / side) * np.cos(4 * np.pi * y / side)
    measured = 0.4 + 0.1 * field + 0.08 * rng.normal(size=n) + 0.1 * (species == "B")
    return xr.Dataset(
        {
            "x": ("particle", x), "y": ("particle", y), "measured": ("particle", measured),
            "predicted": ("particle", 0.4 + 0.08 * field), "species": ("particle", species),
            "diameter": ("particle", np.where(species == "A", 1.0, 0.88)),
        },
        attrs={
            "case": "inherent LR(2)", "configuration": 3, "thickness": 1.5, "time": TAU, "length_x": side, "length_y": side,
            "pearson": 0.61,
        },
    )  # fmt: skip


def configurations(species=("A", "B")):
    rng = np.random.default_rng(5)
    values = 0.55 + 0.1 * np.arange(3)[:, None, None] + 0.03 * rng.normal(size=(3, len(species), 10))
    return xr.Dataset(
        {"pearson": (("case", "species", "configuration"), values)},
        {"case": [f"{k} LR(2)" for k in KINDS], "species": list(species), "configuration": np.arange(10)},
        {"time": TAU},
    )


def transfer(n_times=4, species=("A", "B")):
    there = scores(n_times, species)
    chosen = there.isel(case=slice(12))
    return xr.Dataset(
        {"pearson": chosen["pearson"] - 0.05, "scattering": ceiling(n_times, species)["scattering"]},
        attrs={"source": "a glass of another source", "trained_time": TAU},
    ).reset_coords(["kind", "order", "part", "motion"], drop=True)


def made_up(name, n_times=4, species=("A", "B"), *, empty=False):
    found = {
        "propensity_scores": lambda: scores(n_times, species),
        "propensity_ceiling": lambda: ceiling(n_times, species),
        "propensity_selection": lambda: steps("step", np.arange(1, 31), species),
        "propensity_learning": lambda: steps("size", np.array([1, 2, 4, 6, 9]), species),
        "propensity_map": slab,
        "propensity_configurations": lambda: configurations(species),
        "propensity_transfer": lambda: transfer(n_times, species),
    }[name]()
    if empty:
        found = found.map(lambda v: v * np.nan if v.dtype.kind == "f" else v, keep_attrs=True)
    return with_definitions(name, found)


@cache
def draw(name, **how):
    """Draw from made-up data; what is drawn once serves every test that only looks at it."""
    return draw_from(name, *(made_up(need, **how) for need in PROPENSITY_FIGURES.load(name).needs))


def draw_from(name, *inputs):
    figure = PROPENSITY_FIGURES.load(name)
    rows, columns = figure.panels(*inputs) if callable(figure.panels) else figure.panels
    with house_style():
        axes = Figure(figsize=figure.size).subplots(rows, columns, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
    return list(axes), figure.table(*inputs)


def points(ax, gid):
    found = [np.column_stack(b[0].get_data()) for b in ax.containers if b[0].get_gid() == gid]
    return np.concatenate(found) if found else np.empty((0, 2))


def lines(ax, gid):
    return np.concatenate([line.get_ydata() for line in ax.lines if line.get_gid() == gid])


def levels(ax, gid):
    return [line.get_ydata()[0] for line in ax.lines if line.get_gid() == gid]


def test_every_figure_has_a_caption_data_sets_and_its_own_name():
    assert set(NAMES) == set(PROPENSITY_CAPTIONS)
    for name in NAMES:
        figure = PROPENSITY_FIGURES.load(name)
        assert figure.name == name
        assert set(figure.needs) <= set(PROPENSITY_DATASETS) <= set(DATASETS)
    assert edition("propensity").figures is PROPENSITY_FIGURES
    assert edition("propensity").published


def test_captions_name_variables_that_exist():
    for caption in PROPENSITY_CAPTIONS.values():
        for text in (caption.seen, caption.defined):
            for dataset, variable in re.findall(r"says\('(\w+)', '(\w+)'\)", text):
                assert variable in PROPENSITY_DATASETS[dataset]
            assert set(re.findall(r"\bd\.(\w+)", text)) <= set(PROPENSITY_DATASETS)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_draws_and_its_csv_explains_every_column(name):
    axes, table = draw(name)
    assert len(table) > 0
    assert all(ax.containers or ax.lines or ax.collections for ax in axes)
    assert not any(text.get_gid() == "empty" for ax in axes for text in ax.texts)
    lines = table.to_csv().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == len(table)
    for column in table.columns:
        assert any(line.startswith(f"# {column}: ") for line in lines)


@pytest.mark.parametrize(
    ("name", "n_times"),
    [
        *((n, 1) for n in NAMES),
        *(pytest.param(f"propensity_{n}", 2, marks=pytest.mark.slow) for n in ("time", "parts")),
    ],
)
def test_a_figure_of_nothing_says_so(name, n_times):
    axes, table = draw(name, n_times=n_times, empty=True)
    assert all(any(text.get_gid() == "empty" for text in ax.texts) for ax in axes)
    assert len(table) == 0


@pytest.mark.parametrize("name", [n for n in NAMES if n != "propensity_map"])
def test_one_species_and_one_time_are_drawn(name):
    axes, table = draw(name, n_times=1, species=("A",))
    assert len(table) > 0
    assert all(ax.containers or ax.lines for ax in axes)


def test_pearson_is_drawn_over_the_relaxation_time_for_every_order():
    axes, _ = draw("propensity_time")
    data = made_up("propensity_scores")
    assert len(axes) == 2 * len(KINDS)
    drawn = points(axes[1], "pearson")  # species A, inherent
    expected = data["pearson"].sel(species="A", case=[f"inherent LR({n})" for n in range(4)]).values
    np.testing.assert_array_equal(drawn[:, 1], expected.ravel())
    np.testing.assert_allclose(drawn[:4, 0], data["time"].values / TAU)
    top = next(line for line in axes[4].lines if line.get_gid() == "ceiling")
    np.testing.assert_array_equal(top.get_ydata(), made_up("propensity_ceiling")["ceiling"].sel(species="B"))


def test_times_stay_times_where_the_relaxation_time_is_not_known():
    data = made_up("propensity_scores").assign_attrs(relaxation_time=float("nan"))
    axes, _ = draw_from("propensity_time", data, made_up("propensity_ceiling"))
    np.testing.assert_array_equal(points(axes[0], "pearson")[:4, 0], data["time"].values)
    assert "over" not in axes[-1].get_xlabel()


def test_one_time_is_drawn_against_the_order_with_the_ceiling_as_a_level():
    axes, _ = draw("propensity_time", n_times=1)
    data = made_up("propensity_scores", n_times=1)
    assert [ax.get_title() for ax in axes] == ["A particles", "B particles"]
    drawn = points(axes[0], "pearson")
    np.testing.assert_allclose(drawn[:, 0].round(), np.tile(np.arange(4.0), 3))
    expected = data["pearson"].sel(species="A", case=[f"{k} LR({n})" for k in KINDS for n in range(4)]).values
    np.testing.assert_array_equal(drawn[:, 1], expected.ravel())
    top = made_up("propensity_ceiling", n_times=1)["ceiling"].values
    assert [levels(ax, "ceiling")[0] for ax in axes] == top.ravel().tolist()


def test_parts_are_those_of_the_kinds_that_have_them():
    for n_times, n_points in ((4, 8), (1, 4)):
        axes, table = draw("propensity_parts", n_times=n_times)
        assert [ax.get_title() for ax in axes[:2]] == ["A particles, thermal", "A particles, inherent"]
        assert [len(points(axes[0], part)) for part in ("radial", "angular", "both")] == [n_points] * 3
        assert not any(case.startswith("cage") for case in table["case"])


def test_cases_are_ranked_at_the_relaxation_time():
    axes, table = draw("propensity_best")
    data = made_up("propensity_scores")
    at = data["pearson"].isel(time=int(np.abs(np.log(data["time"].values / TAU)).argmin()))
    drawn = points(axes[0], "pearson")
    np.testing.assert_array_equal(np.sort(drawn[:, 0]), np.sort(at.sel(species="A").values))
    assert (np.diff(drawn[:, 0]) <= 1e-12).all()  # best on top
    assert axes[0].get_yticklabels()[0].get_text() == table["case"][0] == "cage LR(3) + motion"
    assert table["pearson"][0] == str(float(at.max("case").sel(species="A")))


def test_selection_ends_at_the_level_of_all_functions():
    axes, table = draw("propensity_selection")
    data, steps_of = made_up("propensity_scores"), made_up("propensity_selection")
    at = data.isel(time=int(np.abs(np.log(data["time"].values / TAU)).argmin()))["pearson"].sel(species="B")
    assert levels(axes[1], "all functions") == [float(at.sel(case=f"{k} LR(2)")) for k in KINDS[:2]]
    np.testing.assert_array_equal(
        lines(axes[1], "pearson"), steps_of["pearson"].sel(species="B").values.ravel()
    )
    assert table["feature"][0] == "G_A(1)"
    assert axes[0].get_xscale() == "log"


def test_the_mean_stroke_is_at_the_mean_of_the_rings():
    axes, _ = draw("propensity_configurations")
    data = made_up("propensity_configurations")["pearson"].sel(species="B").values
    rings = [line.get_xdata() for line in axes[1].lines if line.get_gid() == "pearson"]
    strokes = [line.get_xdata()[0] for line in axes[1].lines if line.get_gid() == "mean"]
    np.testing.assert_array_equal(np.stack(rings), data)
    np.testing.assert_allclose(strokes, data.mean(axis=1))


def test_circles_of_the_map_have_the_diameter_of_their_particles_and_close_over_the_box():
    axes, table = draw("propensity_map")
    data = made_up("propensity_map")
    assert len(table) == data.sizes["particle"]
    mine = table["species"] == "B"
    np.testing.assert_allclose(table["measured_deviation"][mine].mean(), 0.0, atol=1e-12)
    np.testing.assert_allclose(table["predicted_deviation"][mine].std(), 1.0)
    for ax in axes[:2]:
        circles = next(c for c in ax.collections if c.get_gid() == "circles")
        assert len(circles.get_offsets()) > data.sizes["particle"]  # images over the edges
        assert set(np.unique(circles.get_widths())) == {1.0, 0.88}
        assert ax.get_xlim() == (0.0, 15.0)
        assert ax.get_aspect() == 1.0


def test_the_time_of_learning_and_the_scattering_are_beside_the_transfer():
    axes, _ = draw("propensity_transfer")
    data = made_up("propensity_transfer")
    for ax, species in zip(axes, "AB", strict=True):
        expected = data["pearson"].sel(species=species).values.ravel()
        np.testing.assert_array_equal(points(ax, "pearson")[:, 1], expected)
        assert next(line for line in ax.lines if line.get_gid() == "trained").get_xdata()[0] == TAU
        faint = next(line for line in ax.lines if line.get_gid() == "scattering")
        np.testing.assert_array_equal(faint.get_ydata(), data["scattering"].values)


def test_displacements_and_scattering_are_drawn_as_they_are():
    axes, _ = draw("propensity_mobility")
    data = made_up("propensity_ceiling")
    np.testing.assert_array_equal(points(axes[0], "mobility")[:, 1], data["mobility"].values.ravel())
    np.testing.assert_array_equal(points(axes[1], "scattering")[:, 1], data["scattering"].values)


def test_models_of_one_kind_are_told_apart_by_their_shade():
    axes, _ = draw("propensity_transfer")
    colors = {b[0].get_color() for b in axes[0].containers}
    assert len(colors) == 4 * len(KINDS)


def test_an_index_of_the_relaxation_time_is_taken_as_it_is():
    data = made_up("propensity_scores").assign_attrs(relaxation_index=0)
    axes, _ = draw_from("propensity_best", data, made_up("propensity_ceiling"))
    assert points(axes[0], "pearson")[:, 0].max() == data["pearson"].isel(time=0).sel(species="A").max()


def test_a_kind_has_one_colour_and_a_mean_of_models_has_its_own():
    colors = [color_of(label(*case)) for case in CASES]
    assert len(set(colors)) == len(KINDS) + 1
    assert color_of("inherent") == color_of("inherent LR(3) + motion")
