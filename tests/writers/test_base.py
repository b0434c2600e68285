"""Finding a writer, blocks of frames, and the table of formats."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import vitrify.writers
from vitrify.errors import UnknownNameError
from vitrify.particles import Box
from vitrify.studies.exporting import inside
from vitrify.writers import WRITERS, base
from vitrify.writers.base import Selection, right_handed, writer_for

from .conftest import FRAMES, N


def test_every_file_of_the_folder_is_registered():
    folder = Path(vitrify.writers.__file__).parent
    files = {p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")} - {"base"}
    assert files == {WRITERS[name].partition(":")[0].rpartition(".")[2] for name in WRITERS}


def test_members_know_their_name_and_no_two_claim_one_ending():
    members = {name: WRITERS.load(name) for name in WRITERS}
    assert {member.name for member in members.values()} == set(members)
    endings = [ending for member in members.values() for ending in member.suffixes]
    assert len(endings) == len(set(endings))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.xyz", "extxyz"),
        ("b.XYZ.gz", "extxyz"),
        ("a.GSD", "gsd"),
        ("a.dump.gz", "lammps_dump"),
        ("a.b.nc", "netcdf"),
    ],
)
def test_the_ending_says_the_format(name, kind):
    assert writer_for(Path(name)).name == kind
    assert getattr(writer_for(Path(name)), "compressed", False) == name.endswith(".gz")


def test_a_format_may_be_named():
    assert writer_for(Path("a.dat"), "csv").name == "csv"
    with pytest.raises(UnknownNameError, match="No writer is called 'cvs'"):
        writer_for(Path("a.csv"), "cvs")


@pytest.mark.parametrize("frames", [range(FRAMES), range(1, FRAMES, 3), range(2, 3)])
@pytest.mark.parametrize("bytes_at_once", [1, 3 * N * 24, 1 << 20])
def test_blocks_are_bounded_and_hold_every_frame_once(make, monkeypatch, frames, bytes_at_once):
    made = make()
    monkeypatch.setattr(base, "_BLOCK_BYTES", bytes_at_once)
    blocks = list(Selection(made.store, frames, "thermal").blocks())
    assert [k for block in blocks for k in block.frames.tolist()] == list(frames)
    assert np.array_equal(np.concatenate([b.positions for b in blocks]), made.positions[list(frames)])
    for block in blocks:
        assert (int(np.ptp(block.frames)) + 1) * N * 24 <= max(bytes_at_once, N * 24)


def test_a_left_handed_box_becomes_the_same_lattice():
    box = Box([[0.0, 3.0, 0.0], [2.0, 0.5, 0.0], [0.0, 0.3, 4.0]], [1.0, -2.0, 0.5], [True, True, False])
    other = right_handed(box)
    assert np.linalg.det(other.vectors) == pytest.approx(-np.linalg.det(box.vectors))
    corners = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    ours, theirs = (
        sorted((c @ b.vectors + b.origin).round(12).tolist() for c in corners) for b in (box, other)
    )
    assert ours == theirs


@pytest.mark.parametrize("seed", range(3))
def test_marks_of_events_do_not_depend_on_the_block(seed):
    rng = np.random.default_rng(seed)
    particle, first = rng.integers(0, 9, 40), rng.integers(0, 50, 40)
    last = first + rng.integers(0, 12, 40)
    naive = np.zeros((60, 9), int)
    for p, a, b in zip(particle, first, last, strict=True):
        naive[a : b + 1, p] = 1
    cuts = [0, *sorted(rng.choice(np.arange(1, 55), 4, replace=False).tolist()), 55]
    parts = [inside(particle, first, last, 9, a, b) for a, b in itertools.pairwise(cuts)]
    assert np.concatenate(parts).tolist() == naive[:55].tolist()
