import builtins
import importlib.util
import math
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from vitrify.errors import MissingExtraError, UnknownNameError
from vitrify.report import SoftnessResults, build_report
from vitrify.report import page as page_module
from vitrify.report.definitions import with_definitions
from vitrify.report.figures import FIGURES
from vitrify.report.figures.base import ReportFigure
from vitrify.report.scene import MAX_BYTES, scene_frames, scene_page


@pytest.fixture
def quick(monkeypatch):
    """Figures of one byte, for tests of the words."""

    def write(self, datasets, folder):
        folder.mkdir(parents=True, exist_ok=True)
        paths = {suffix: folder / f"{self.name}.{suffix}" for suffix in ("svg", "pdf", "png", "csv")}
        for path in paths.values():
            path.write_bytes(b"x")
        return paths

    monkeypatch.setattr(ReportFigure, "write", write)


def only(results, *names):
    return replace(results, datasets={name: results.datasets[name] for name in names})


@pytest.fixture(scope="session")
def page(report):
    return report.read_text(encoding="utf-8")


def test_every_figure_lies_beside_the_page_in_four_formats(report, page):
    for name in FIGURES:
        for suffix in ("svg", "pdf", "png", "csv"):
            assert (report.parent / "figures" / f"{name}.{suffix}").stat().st_size > 100
            assert f'href="figures/{name}.{suffix}"' in page
    assert not list(report.parent.rglob("*.part"))


def test_a_repeated_report_is_bit_identical_and_changes_nothing_else(results, report, tmp_path):
    given = {name: d.copy(deep=True) for name, d in results.datasets.items()}
    settings = dict(mpl.rcParams)
    again = build_report(replace(results, datasets=given), tmp_path)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == 1 + 4 * len(FIGURES)
    for name in files:
        assert (tmp_path / name).read_bytes() == (report.parent / name).read_bytes(), name
    assert again == tmp_path / "report.html"
    assert dict(mpl.rcParams) == settings
    for name, dataset in given.items():
        xr.testing.assert_identical(dataset, results.datasets[name])


def test_results_from_disk_give_the_same_page(results, tmp_path, quick):
    small = only(results, "overlap")
    loaded = SoftnessResults.load(small.save(tmp_path / "r"))
    one, other = build_report(small, tmp_path / "a"), build_report(loaded, tmp_path / "b")
    assert one.read_bytes() == other.read_bytes()


def test_the_page_is_one_file_smaller_than_15_megabytes(report, page):
    assert report.stat().st_size < 15_000_000
    loaded = re.findall(r"""<(?:link|script|img|iframe)\b[^>]*\b(?:src|href)=["']?([^"'\s>]+)""", page)
    assert loaded
    assert all(address.startswith("data:") for address in loaded)


def test_ten_thousand_particles_stay_below_15_megabytes():
    """The worst case: every frame that fits, and numbers that do not compress."""
    rng = np.random.default_rng(0)
    n, frames = 10_000, 300
    position = np.broadcast_to(rng.uniform(0, 20, (1, n, 3)), (frames, n, 3))
    softness = np.broadcast_to(rng.normal(size=(1, n)), (frames, n))
    dataset = xr.Dataset(
        {
            "position": (("snapshot_frame", "particle", "xyz"), position),
            "softness": (("snapshot_frame", "particle"), softness),
        },
        {"time": ("snapshot_frame", np.arange(frames)), "species": ("particle", np.zeros(n, int))},
    )
    kept = scene_frames(dataset)
    assert kept[0] == 0
    assert kept[-1] == frames - 1
    assert len(kept) * n * 16 * 4 / 3 < 14e6
    assert MAX_BYTES < 15e6


def test_what_was_run_is_shown_once_and_provenance_below(page):
    for text in ("Kob-Andersen 80:20", "FIRE, force below 1e-6", "event 0.05, rearrangement 0.2", "41 min"):
        assert page.count(text) == 1
    assert page.index("<h2>How it was made") < page.index("vitrify run softness --scale laptop")
    assert "3 of 900 frames at T = 0.47 did not converge" in page


def test_the_citations_of_the_run_are_on_the_page(page):
    assert "@article{schoenholz2016," in page
    assert "@article{candelier2010," in page
    assert "behler2007" not in page


def test_text_of_the_run_cannot_become_markup(results, tmp_path, quick):
    row = replace(results.table[0], quantity="<b>x</b>", note="a < b & c")
    hostile = replace(
        only(results, "overlap"),
        table=(row,),
        run={"model": "<script>alert(1)</script>"},
        warnings=["</main>"],
    )
    text = build_report(hostile, tmp_path).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>x</b>" not in text
    assert "a &lt; b &amp; c" in text
    assert text.count("</main>") == 1


def test_what_was_not_measured_is_named_instead_of_drawn(results, tmp_path, quick):
    text = build_report(only(results, "overlap"), tmp_path).read_text()
    assert "Not measured in this run: Softness in space; " in text
    assert text.count("<figure ") == 1
    assert 'id="turning"' not in text
    assert sorted(p.stem for p in (tmp_path / "figures").iterdir()) == ["overlap"] * 4


def test_an_empty_run_is_still_a_page(tmp_path):
    text = build_report(SoftnessResults((), {}, [], [], {}), tmp_path).read_text()
    assert "<h1>" in text
    assert "<table" not in text
    assert "How to cite" not in text


def test_a_figure_without_finite_values_says_so_on_the_page(results, tmp_path, quick):
    nothing = results.datasets["overlap"] * math.nan
    text = build_report(replace(results, datasets={"overlap": nothing}), tmp_path).read_text()
    assert "This run has no finite values to draw here." in text


def test_a_note_of_the_study_is_added_to_the_caption(results, tmp_path, quick):
    noted = results.datasets["overlap"].assign_attrs(
        note="thermal positions; 50 < 100 origins.", definition="q of A"
    )
    text = build_report(replace(results, datasets={"overlap": noted}), tmp_path).read_text()
    assert "In this run: q of A. In this run: thermal positions; 50 &lt; 100 origins." in text


def test_the_caption_of_the_lines_says_whether_they_meet(results, tmp_path, quick):
    small = only(results, "rearrangement_probability", "arrhenius")
    assert "Vertical line: the onset temperature" in build_report(small, tmp_path).read_text()
    small.datasets["arrhenius"] = small.datasets["arrhenius"].assign_attrs(T0=-0.4)
    text = build_report(small, tmp_path).read_text()
    assert "Vertical line" not in text
    assert "No onset temperature" in text


def test_unknown_data_sets_and_citations_are_refused(results, tmp_path, quick):
    with pytest.raises(
        UnknownNameError, match=r"No report data set is called 'overlaps'.*Did you mean 'overlap'"
    ):
        build_report(replace(results, datasets={"overlaps": results.datasets["overlap"]}), tmp_path)
    with pytest.raises(UnknownNameError, match="No citation is called 'nobody2016'"):
        build_report(replace(results, datasets={}, citations=["nobody2016"]), tmp_path)


@pytest.mark.parametrize("package", ["matplotlib", "jinja2", "k3d"])
def test_a_missing_extra_is_named_before_anything_is_written(results, tmp_path, monkeypatch, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else found(name, *a)
    )
    with pytest.raises(MissingExtraError, match=rf"needs '{package}'.*pip install 'vitrify\[report\]'"):
        build_report(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_figures_and_scene_name_their_missing_extra_too(results, tmp_path, monkeypatch):
    imported = builtins.__import__

    def without(*names):
        def fake(name, *args, **kwargs):
            if name.split(".")[0] in names:
                raise ImportError(name)
            return imported(name, *args, **kwargs)

        return fake

    snapshot = with_definitions("snapshot", results.datasets["snapshot"])
    overlap = {"overlap": with_definitions("overlap", results.datasets["overlap"])}
    monkeypatch.setattr(builtins, "__import__", without("k3d", "matplotlib", "jinja2"))
    with pytest.raises(MissingExtraError, match="needs 'k3d'"):
        scene_page(snapshot)
    with pytest.raises(MissingExtraError, match="needs 'matplotlib'"):
        FIGURES.load("overlap").write(overlap, tmp_path)
    with pytest.raises(MissingExtraError, match="needs 'matplotlib'"):
        FIGURES.load("overlap").plot(overlap["overlap"])
    with pytest.raises(MissingExtraError, match="needs 'jinja2'"):
        page_module.environment()


def test_an_interrupted_report_leaves_the_old_page(results, tmp_path, monkeypatch, quick):
    small = only(results, "overlap")
    old = build_report(small, tmp_path).read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(page_module, "_render", stop)
    with pytest.raises(KeyboardInterrupt):
        build_report(replace(small, warnings=[]), tmp_path)
    assert (tmp_path / "report.html").read_bytes() == old


def test_one_frame_a_plane_and_lost_particles_make_a_scene_too(results):
    snapshot = results.datasets["snapshot"]
    single = with_definitions("snapshot", snapshot.isel(snapshot_frame=[0]))
    flat = with_definitions(
        "snapshot", snapshot.isel(xyz=slice(0, 2)).assign_attrs(box_vectors=[[8.5, 0], [0, 8.5]])
    )
    lost = with_definitions(
        "snapshot", snapshot.where(snapshot["particle"] > 3).assign_coords(snapshot.coords)
    )
    for dataset in (single, flat, lost):
        assert "const times = [" in scene_page(dataset)
