"""A store that was killed, filled up, cut or scratched never passes for whole."""

import errno
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import DiskFullError, StoreError
from vitrify.files import write_whole
from vitrify.particles.layout import ArraySpec, Layout
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory

N_FRAMES, N, PER_UNIT = 11, 40, 4
SPECS = {"v": ArraySpec(("particle",)), "flag": ArraySpec(("particle",), dtype="i1", sparse=True)}


def values(a: int, b: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(a)
    return {"v": rng.normal(size=(b - a, N)), "flag": rng.integers(0, 2, (b - a, N))}


def make(path) -> Trajectory:
    """Make the store, or go on with it."""
    store = Trajectory.create(path, Layout(N_FRAMES, [0] * N, ("A",), frames_per_unit=PER_UNIT), {"seed": 1})
    store.add_stage("x", SPECS, {"window": 10})
    for unit, (a, b) in enumerate(store.units()):
        if not store.is_done("x", unit):
            store.write("x", unit, values(a, b))
    return store


@pytest.fixture
def store(tmp_path) -> Trajectory:
    return make(tmp_path / "r.zarr")


# -- killed ----------------------------------------------------------------------------------------------------------

KILLER = textwrap.dedent(
    """
    import os, pathlib, signal, sys
    import numpy as np, zarr  # imported before forking; no thread may run yet
    from vitrify.particles.layout import ArraySpec, Layout
    from vitrify.particles.trajectory import Trajectory

    def make(path, dies_at):
        real = {name: getattr(os, name) for name in ("replace", "link", "rename")}
        calls = 0

        def counted(name):
            def call(*arguments, **keywords):
                nonlocal calls
                calls += 1
                if calls == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real[name](*arguments, **keywords)
            return call

        for name in real:
            setattr(os, name, counted(name))
        layout = Layout(5, [0, 1, 0], ("A", "B"), frames_per_unit=2)
        store = Trajectory.create(path, layout, {"seed": 1})
        store.add_stage("x", {"v": ArraySpec(("particle",)), "n": ArraySpec(dtype="i8")}, {"window": 10})
        for unit, (a, b) in enumerate(store.units()):
            if not store.is_done("x", unit):
                store.write("x", unit, {"v": np.sin(np.arange(3 * a, 3 * b)).reshape(-1, 3), "n": np.arange(a, b) + 1})
        store.verify("x")

    def in_child(path, dies_at):
        pid = os.fork()
        if pid == 0:
            make(path, dies_at)
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    root = pathlib.Path(sys.argv[1])
    assert in_child(root / "whole", -1) == 0
    step = 1
    while in_child(root / str(step), step) == signal.SIGKILL:
        assert in_child(root / str(step), -1) == 0, step
        step += 1
    """
)


def files(folder) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix not in (".partial", ".tmp")
    }


def test_killed_anywhere_and_resumed_gives_the_same_files(tmp_path):
    """SIGKILL just before each rename of the life of a store, from its creation to its last manifest entry."""
    (tmp_path / "killer.py").write_text(KILLER)
    (tmp_path / "stores").mkdir()
    subprocess.run([sys.executable, tmp_path / "killer.py", tmp_path / "stores"], check=True, timeout=120)
    whole = files(tmp_path / "stores" / "whole")
    resumed = [p for p in (tmp_path / "stores").iterdir() if p.name != "whole"]
    assert len(resumed) > 15
    for folder in resumed:
        assert files(folder) == whole, folder.name


def test_killed_before_its_manifest_entry_a_unit_is_not_done(store):
    entry = store.path / "manifest" / "x" / "000002.json"
    before = files(store.path)
    entry.rename(entry.with_name(".000002.json.123.tmp"))
    assert not store.is_done("x")
    with pytest.raises(StoreError, match=r"Frames 8 to 10 of 'v' .* not written yet"):
        store.read("v")
    assert files(make(store.path).path) == before


def test_a_removal_that_was_killed_leaves_nothing_taken_for_whole(store, monkeypatch):
    import vitrify.particles.trajectory as module

    rmtree, removed = shutil.rmtree, []

    def killed(path, *arguments, **keywords):
        if len(removed) == 1:
            raise KeyboardInterrupt
        removed.append(path)
        rmtree(path, *arguments, **keywords)

    monkeypatch.setattr(module.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        store.remove_stage("x")
    monkeypatch.undo()
    again = Trajectory.open(store.path)
    assert not again.is_done("x", 0)
    with pytest.raises(StoreError, match="has no 'v'"):
        again.read("v", 0, 1)


# -- full ------------------------------------------------------------------------------------------------------------


def test_a_full_disk_keeps_what_was_finished(tiny_disk):
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(20, 1000, 3))
    store = Trajectory.create(tiny_disk / "r.zarr", Layout(20, [0] * 1000, ("A",), frames_per_unit=2))
    store.add_stage("x", {"v": ArraySpec(("particle", "xyz"))})

    def write_all():
        for unit, (a, b) in enumerate(store.units()):
            store.write("x", unit, {"v": frames[a:b]})

    with pytest.raises(DiskFullError, match=r"No space left while writing .*r\.zarr.*make room and repeat"):
        write_all()
    done = store.done_frames("x")
    assert 0 < done < 20
    store.verify("x")
    assert np.array_equal(store.read("v", 0, done), frames[:done])
    assert not list(tiny_disk.rglob("*.partial"))


def test_a_full_disk_leaves_no_half_files(tiny_disk):
    rng = np.random.default_rng(0)
    table = xr.Dataset({"v": ("n", np.zeros(50_000))})
    with pytest.raises(DiskFullError, match=r"No space left while writing .*table\.npz"):
        save_table(tiny_disk / "table.npz", table, {})
    with pytest.raises(DiskFullError, match=r"No space left while writing .*entry\.json"):
        write_whole(tiny_disk / "entry.json", "x" * 400_000)
    with pytest.raises(DiskFullError, match=r"No space left while writing .*r\.zarr"):
        Trajectory.create(tiny_disk / "r.zarr", Layout(1, rng.integers(0, 2**60, 60_000), ("A",)))
    left = [p for p in tiny_disk.rglob("*") if p.is_file() and p.stat().st_size > 10_000]
    assert left == []
    save_table(tiny_disk / "table.npz", table.isel(n=slice(100)), {})
    assert load_table(tiny_disk / "table.npz").sizes["n"] == 100


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_while_writing_is_said_as_such(store, monkeypatch, reason):
    def full(*_):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFullError, match=r"MB free\)\. What was finished before is whole"):
        store.write("x", 2, values(8, 11))
    assert not store.is_done("x", 2)
    with pytest.raises(DiskFullError, match=r"t\.npz"):
        save_table(store.path.parent / "t.npz", xr.Dataset({"v": ("n", [1.0])}), {})
    monkeypatch.undo()
    assert make(store.path).is_done("x")


def test_other_errors_of_the_disk_stay_what_they_are(store, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="Input/output error") as caught:
        store.write("x", 2, values(8, 11))
    assert not isinstance(caught.value, StoreError)


# -- damaged ---------------------------------------------------------------------------------------------------------


def test_a_flipped_byte_is_found(store):
    store.verify("x")
    shard = store.path / "v" / "c" / "1" / "0"
    whole = shard.read_bytes()
    for k in range(0, len(whole), len(whole) // 25):
        shard.write_bytes(whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :])
        with pytest.raises(StoreError, match=r"'v' of frames 4 to 7 is not what was written.*000001\.json"):
            store.verify("x")
    shard.write_bytes(whole)
    store.verify("x")


def test_a_flipped_byte_of_a_compressed_shard_is_found_or_harmless(store):
    shard = store.path / "flag" / "c" / "0" / "0"
    whole, expected, found = shard.read_bytes(), store.read("flag", 0, 4), 0
    for k in range(0, len(whole), 3):
        shard.write_bytes(whole[:k] + bytes([whole[k] ^ 16]) + whole[k + 1 :])
        if _is_damaged(store):
            found += 1
        else:
            assert np.array_equal(store.read("flag", 0, 4), expected)
    assert found > len(whole) // 6


def _is_damaged(store: Trajectory) -> bool:
    try:
        store.verify("x")
    except StoreError:
        return True
    return False


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_a_shard_cut_short_is_found(store, keep):
    shard = store.path / "v" / "c" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:keep])
    with pytest.raises(StoreError, match="'v' of frames 0 to 3 is not what was written"):
        store.verify("x")
    if keep:  # an empty or missing shard is how zarr stores frames that hold nothing but the fill value
        with pytest.raises(StoreError, match=r"Frames 0 to 1 of 'v' .*the file is damaged"):
            store.read("v", 0, 2)


def test_missing_files_are_found(store):
    (store.path / "flag" / "c" / "2" / "0").unlink()
    with pytest.raises(StoreError, match="'flag' of frames 8 to 10 is not what was written"):
        store.verify("x")
    shutil.rmtree(store.path / "v")
    with pytest.raises(StoreError, match="'v' of frames 0 to 3 is not what was written"):
        store.verify("x")
    with pytest.raises(StoreError, match="cannot be read"):
        store.read("v")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"sha256": {"v": "0"}}', "\x00"])
def test_a_damaged_manifest_entry_is_found(store, text):
    (store.path / "manifest" / "x" / "000001.json").write_text(text)
    with pytest.raises(StoreError, match="'v' of frames 4 to 7 is not what was written"):
        store.verify("x")


def test_what_verify_advises_repairs_the_store(store):
    before = files(store.path)
    shard = store.path / "v" / "c" / "1" / "0"
    shard.write_bytes(b"\0" * shard.stat().st_size)
    with pytest.raises(StoreError, match=r"Delete .*000001\.json and repeat"):
        store.verify("x")
    (store.path / "manifest" / "x" / "000001.json").unlink()
    make(store.path).verify("x")
    assert files(store.path) == before


def test_other_species_than_were_written_are_found(store):
    shutil.rmtree(store.path / "species" / "c", ignore_errors=True)
    other = Trajectory.create(store.path.parent / "other.zarr", Layout(1, [1] * N, ("A", "B")))
    shutil.copytree(other.path / "species" / "c", store.path / "species" / "c")
    with pytest.raises(StoreError, match="'species' is not what was written"):
        Trajectory.open(store.path).verify("x")


@pytest.mark.parametrize("content", [b"", b"\x28\xb5\x2f\xfd scratched"])
def test_species_that_cannot_be_read_are_a_store_error(tmp_path, content):
    store = Trajectory.create(tmp_path / "r.zarr", Layout(1, [0, 1] * 20, ("A", "B")))
    (store.path / "species" / "c" / "0").write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Trajectory.open(store.path)
