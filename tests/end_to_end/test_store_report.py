"""From a user's file to the page of his trajectory, as the how-to pages say."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from vitrify.report.results import SoftnessResults

ROOT = Path(__file__).parents[2]
PAGES = ("docs/how-to/lammps-dump.md", "docs/how-to/gsd.md")


def commands(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def write_dump(path, n=216, frames=60, seed=2):
    """A LAMMPS text dump of particles on a lattice that rattle and hop."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(6)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)
    hop = (rng.random((frames, n)) < 5e-3)[..., None] * rng.normal(size=(frames, n, 3)) * 0.6
    positions = grid + np.cumsum(hop, axis=0) + 0.03 * rng.normal(size=(frames, n, 3))
    with open(path, "w") as f:
        for k in range(frames):
            f.write(f"ITEM: TIMESTEP\n{200 * k}\nITEM: NUMBER OF ATOMS\n{n}\nITEM: BOX BOUNDS pp pp pp\n")
            f.write("0.0 6.0\n" * 3 + "ITEM: ATOMS id type xu yu zu\n")
            for i in rng.permutation(n):
                x, y, z = positions[k, i].tolist()
                f.write(f"{i + 1} {1 + (i % 5 == 0)} {x:.12g} {y:.12g} {z:.12g}\n")


@pytest.mark.slow
def test_a_dump_becomes_a_page(vitrify, tmp_path):
    write_dump(tmp_path / "dump.lammpstrj")
    store = tmp_path / "run.zarr"
    said = vitrify(
        "import", tmp_path / "dump.lammpstrj", store, "--positions", "thermal", "--species", "1=A,2=B", "--time-step", 0.005
    )  # fmt: skip
    assert said.code == 0, said.err
    assert vitrify("rearrangements", store, "--positions", "thermal", "--workers", 1).code == 0
    said = vitrify("report", store)
    assert said.code == 0, said.err
    page = tmp_path / "run.report" / "report.html"
    assert said.out == f"{page}\n"
    found = SoftnessResults.load(page.parent / "results")
    assert found.run["particles"] == "216 (172 A, 44 B), 3 dimensions"
    assert found.run["time between frames"] == "1 τ"
    assert found.run["origin"].startswith("imported from dump.lammpstrj (lammps_dump)")
    text = page.read_text()
    for name in (
        "snapshot",
        "rdf",
        "species_msd",
        "species_overlap",
        "p_hop_distribution",
        "rearrangement_rate",
    ):
        assert f'<figure id="{name}"' in text
        for suffix in ("svg", "pdf", "png", "csv"):
            assert (page.parent / "figures" / f"{name}.{suffix}").stat().st_size > 100
    assert page.stat().st_size < 5_000_000
    assert f"<code>vitrify train {store} --positions thermal --quiet-time FRAMES</code>" in text
    assert vitrify("cite", page.parent).out.startswith("@")


@pytest.mark.slow
def test_a_store_of_a_study_finds_its_softness_and_gives_its_numbers(vitrify, finished_study, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(finished_study / "study", study)
    store = study / "trajectories" / "T0.6" / "trajectory.zarr"
    said = vitrify("report", store, "--out", tmp_path / "page")
    assert said.code == 0, said.err
    found = SoftnessResults.load(tmp_path / "page" / "results")
    names = [row.quantity for row in found.table]
    assert "accuracy of softness on held-out segments" in names
    assert {"softness_distribution", "rearrangement_probability", "softness_rdf"} <= set(found.datasets)
    assert not any("same trajectory" in words for words in found.warnings)
    of_study = {
        row.quantity.partition(", T =")[0]: row for row in SoftnessResults.load(study / "results").table
    }
    here = {row.quantity: row for row in found.table}
    for name in (
        "rearranging particles with S > 0",
        "area under ROC",
        "Q = P_R(S > mean + sd) / P_R(S < mean − sd)",
    ):
        assert here[name].events == of_study[name].events > 5
        assert here[name].value == pytest.approx(of_study[name].value, rel=1e-12)


def test_a_softness_of_another_store_is_refused_by_name(vitrify, finished_study, tmp_path):
    store = finished_study / "study" / "trajectories" / "T0.6" / "trajectory.zarr"
    said = vitrify("report", store, "--out", tmp_path / "page", "--model", tmp_path / "none.json")
    assert said.code == 2
    assert "There is no trained softness" in said.err
    assert not (tmp_path / "page").exists()
    said = vitrify("report", tmp_path / "nothing.zarr")
    assert said.code == 2
    assert "is not a trajectory store" in said.err


@pytest.mark.parametrize("page", PAGES)
def test_options_of_the_how_to_pages_exist(page):
    from typer.main import get_command

    from vitrify.cli.app import build_app

    verbs = get_command(build_app()).commands
    assert len(commands(page)) > 7
    for program, verb, *rest in commands(page):
        assert program == "vitrify"
        known = {option for p in verbs[verb].params for option in (*p.opts, *p.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= known, verb


def test_the_commands_for_a_quenched_gsd_run_as_they_stand(vitrify, finished_study, tmp_path, monkeypatch):
    """All but the numbers that suit a small trajectory."""
    store = finished_study / "study" / "trajectories" / "T0.6-1" / "trajectory.zarr"
    monkeypatch.chdir(tmp_path)
    assert vitrify("export", store, "trajectory.gsd", "--positions", "inherent").code == 0
    for _, *words in commands("docs/how-to/gsd.md"):
        if "warm.zarr" in words:
            continue
        if words[0] == "train":
            words[words.index("--quiet-time") + 1] = "40"
            words += ["--min-per-class", "20", "--descriptors", "first-peaks"]
        said = vitrify(
            *words, *(["--workers", 1] if words[0] in ("rearrangements", "train", "softness") else [])
        )
        assert said.code == 0, (words, said.err)
    text = Path("run.report/report.html").read_text()
    assert "Softness was trained on this same trajectory" in text
    assert "inherent, quenched before the import" in text
    assert Path("for-ovito.extxyz").stat().st_size > 1000
