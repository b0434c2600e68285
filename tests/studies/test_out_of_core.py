"""Features that are more than memory holds: the same bits, and blocks that a killed call left are used."""

import functools
import shutil

import numpy as np
import pytest

from vitrify.particles.tables import load_table
from vitrify.progress import Silent
from vitrify.studies import describing, verbs
from vitrify.studies.out_of_core import folder_for, rows_by_way_of_disk

JOBS = [(3, 1.0), (0, 2.0), (5, 3.0)]


def rows_of(made, job):
    """Stands for an expensive work that writes down what it was asked."""
    made.append(job)
    n, value = job
    return np.full((n, 2), value) + np.arange(n)[:, None]


def test_blocks_are_put_together_in_their_order_and_only_mapped(tmp_path):
    made, counts = [], {}
    work = functools.partial(rows_of, made)
    rows = rows_by_way_of_disk(work, JOBS, tmp_path / "parts", workers=1, done=counts.__setitem__)
    assert isinstance(rows, np.memmap)
    assert np.array_equal(rows, np.concatenate([rows_of([], job) for job in JOBS]))
    assert counts == {0: 3, 1: 0, 2: 5}
    assert made == JOBS


def test_what_a_killed_call_left_is_not_made_again(tmp_path):
    whole, made = rows_by_way_of_disk(functools.partial(rows_of, []), JOBS, tmp_path, workers=1), []
    (tmp_path / "rows.npy").unlink()
    (tmp_path / "block-000002.npy").unlink()
    again = rows_by_way_of_disk(functools.partial(rows_of, made), JOBS, tmp_path, workers=1)
    assert made == [JOBS[2]]
    assert np.array_equal(again, whole)


@pytest.fixture
def store(place, tmp_path):
    path = tmp_path / "run.zarr"
    shutil.copytree(place.store(place.settings.training_point), path)
    return path


def test_a_table_above_the_limit_holds_the_same_and_leaves_no_parts(store, tmp_path, monkeypatch):
    options = {"descriptors": "coordination", "every": 20, "species": None, "positions": "thermal"}
    verbs.describe_store(store, tmp_path / "a.npz", options, Silent(), 1)
    monkeypatch.setattr(describing, "IN_MEMORY", 1000)
    monkeypatch.setattr(describing, "_BLOCK_BYTES", 1000)
    used = []
    monkeypatch.setattr(
        describing, "rows_by_way_of_disk", lambda *a, **k: used.append(a[2]) or rows_by_way_of_disk(*a, **k)
    )
    verbs.describe_store(store, tmp_path / "b.npz", options, Silent(), 1)
    assert load_table(tmp_path / "b.npz").identical(load_table(tmp_path / "a.npz"))
    assert (tmp_path / "b.npz").read_bytes() == (tmp_path / "a.npz").read_bytes()
    assert len(used) == 1
    assert not used[0].exists()


def test_other_parameters_have_other_parts(tmp_path):
    folders = [folder_for(tmp_path / "t.npz", {"every": k}) for k in (1, 2, 1)]
    assert folders[0] == folders[2] != folders[1]
    assert folders[0].parent == tmp_path
