"""Files are either what they were or the whole new ones."""

import errno
import json
import os

import numpy as np
import pytest

from vitrify.errors import DiskFullError
from vitrify.files import whole_file, write_json, write_whole


def test_a_full_disk_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "a.txt", b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match=r"No space left while writing .*a\.txt"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_other_errors_pass_and_clean_up(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match="no"):
        write_whole(tmp_path / "a.txt", "new")
    assert not list(tmp_path.iterdir())


def test_written_json_is_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "entry.json"
    write_json(path, {"b": np.float64(1.5), "a": (1, 2)})
    assert json.loads(path.read_text()) == {"a": [1, 2], "b": 1.5}

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"a": "new"})
    assert json.loads(path.read_text())["b"] == 1.5
    assert [p.name for p in path.parent.iterdir()] == ["entry.json"]


def test_a_file_is_flushed_to_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda fd: (calls.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr("os.replace", lambda a, b: (calls.append("replace"), replace(a, b))[1])
    write_whole(tmp_path / "entry.txt", "text as it stands")
    assert calls == ["fsync", "replace"]
    assert (tmp_path / "entry.txt").read_text() == "text as it stands"


def test_a_block_that_fails_changes_nothing(tmp_path):
    path = write_whole(tmp_path / "a.txt", "old")

    def half():
        with whole_file(path) as beside:
            beside.write_text("half")
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        half()
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
