"""`vitrify check` as it is typed: text, JSON and exit codes."""

import json

import numpy as np
import pytest

from vitrify.particles import Box
from vitrify.particles.trajectory import Trajectory

N, EDGE = 125, 5.0


def dump(path, positions, *, columns="xu yu zu", steps=None, digits=12):
    """A LAMMPS text dump."""
    lines = []
    for k, x in enumerate(positions):
        step = 100 * k if steps is None else steps[k]
        lines += [
            "ITEM: TIMESTEP",
            str(step),
            "ITEM: NUMBER OF ATOMS",
            str(len(x)),
            "ITEM: BOX BOUNDS pp pp pp",
        ]
        lines += [f"0.0 {EDGE}"] * 3 + [f"ITEM: ATOMS id type {columns}"]
        rows = [" ".join(f"{c:.{digits}g}" for c in r) for r in x]
        lines += [f"{i + 1} {1 + (i % 5 == 0)} {row}" for i, row in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def liquid(n_frames, seed=0):
    rng = np.random.default_rng(seed)
    sites = np.argwhere(np.ones((5, 5, 5))) * (EDGE / 5) + 0.1 * rng.normal(size=(N, 3))
    return sites + 0.03 * rng.normal(size=(n_frames, N, 3))


def test_a_dump_is_described_in_plain_lines(vitrify, tmp_path):
    said = vitrify("check", dump(tmp_path / "run.lammpstrj", liquid(12)), "--model", "kob_andersen")
    assert said.code == 0, said.err
    assert "linear, one frame every 100" in said.out
    assert "100 A (in the file 1), 80 %, 25 B (in the file 2), 20 %" in said.out
    assert "3D, 5 × 5 × 5, periodic, constant" in said.out
    assert "thermal, if they interact by kob_andersen: max |F| = " in said.out
    assert "\x1b" not in said.out
    assert all(len(line) <= 160 and line == line.rstrip() for line in said.out.splitlines())


def test_the_document_is_one_json_and_the_exit_code_follows_the_verdict(vitrify, tmp_path):
    good = vitrify("check", "--json", dump(tmp_path / "good.lammpstrj", liquid(12)))
    document = json.loads(good.out)
    assert (document["verdict"], good.code) == ("good", 0)
    assert document["frames"]["spacing"]["interval"] == 100
    coarse = dump(tmp_path / "coarse.lammpstrj", liquid(12), digits=5)
    said = vitrify("check", "--json", coarse)
    assert (json.loads(said.out)["verdict"], said.code) == ("warnings", 0)
    assert vitrify("check", "--json", "--strict", coarse).code == 1
    spots = liquid(3)
    spots[1, 3] = spots[1, 7]
    said = vitrify("check", "--json", dump(tmp_path / "spots.lammpstrj", spots))
    assert (json.loads(said.out)["verdict"], said.code) == ("unusable", 2)


@pytest.mark.parametrize("what", ["nan", "repeated"])
def test_a_damaged_frame_is_named_with_its_line(vitrify, tmp_path, what):
    path = dump(tmp_path / "bad.lammpstrj", liquid(4))
    lines = path.read_text().splitlines()
    row = 2 * (9 + N) + 9 + 20
    words = lines[row].split()
    words[0 if what == "repeated" else 3] = "1" if what == "repeated" else "nan"
    lines[row] = " ".join(words)
    path.write_text("\n".join(lines) + "\n")
    said = vitrify("check", path)
    assert said.code == 2
    assert "Error: " in said.out
    assert "bad.lammpstrj, frame 2" in said.out
    assert "`--stop 2`" in said.out
    assert vitrify("check", path, "--stop", "2").code == 0


def test_logarithmic_frames_and_blocks_are_named(vitrify, tmp_path):
    log = dump(tmp_path / "log.lammpstrj", liquid(8), steps=[0, 1, 10, 100, 1000, 10000, 100000, 1000000])
    assert "logarithmic, lags grow by 10 from 1 on" in vitrify("check", log).out
    blocks = np.add.outer(1000 * np.arange(4), [0, 1, 10]).ravel()
    said = vitrify("check", dump(tmp_path / "blocks.lammpstrj", liquid(12), steps=blocks))
    assert "4 blocks of 3 frames, one every 1000" in said.out


def test_species_can_be_named_and_the_model_be_given_in_full(vitrify, tmp_path):
    path = dump(tmp_path / "run.lammpstrj", liquid(3))
    words = ("--species", "1=A,2=B", "--model", "kob_andersen,smoothing=shift")
    said = vitrify("check", path, "--json", *words)
    assert json.loads(said.out)["state"]["state"] == "thermal"
    said = vitrify("check", path, "--species", "1=Si,2=O", "--model", "kob_andersen")
    assert "has no species 'Si'" in said.out


def test_a_store_is_described(vitrify, tmp_path):
    species = np.arange(N) % 5 == 0
    Trajectory.from_arrays(tmp_path / "run.zarr", liquid(12), species, Box.orthorhombic([EDGE] * 3))
    said = vitrify("check", tmp_path / "run.zarr")
    assert said.code == 0, said.out
    assert "double precision" in said.out
    assert "unknown: no model to calculate forces with" in said.out


def test_what_cannot_be_looked_over_ends_with_one_paragraph(vitrify, tmp_path):
    said = vitrify("check", tmp_path / "nothing.dump")
    assert (said.code, said.out) == (2, "")
    assert "does not exist" in said.err
    (tmp_path / "empty").mkdir()
    assert "is not a trajectory store" in vitrify("check", tmp_path / "empty").err
    path = dump(tmp_path / "run.lammpstrj", liquid(2))
    said = vitrify("check", tmp_path / "empty", path)
    assert "looks over one store or the files of one trajectory" in " ".join(said.err.split())
