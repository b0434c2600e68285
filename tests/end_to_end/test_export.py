"""`vitrify export` as a user types it."""

import errno
import shutil
import signal
import subprocess
import sys
import textwrap

import gsd.hoomd
import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr

from vitrify.particles import Box
from vitrify.particles.layout import ArraySpec, Layout, thermal_arrays
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.base import open_files
from vitrify.rearrangements.events import rearrangements
from vitrify.units import LJ

ENDINGS = ("extxyz", "gsd", "lammpstrj", "lammpstrj.gz", "parquet", "csv", "nc")


@pytest.fixture
def store(tmp_path):
    """Sixty particles that jump from time to time, quenched, without any analysis."""
    rng = np.random.default_rng(2)
    jumps = (rng.random((60, 60, 1)) < 0.02) * rng.normal(size=(60, 60, 3))
    inherent = rng.random((1, 60, 3)) * 5 + jumps.cumsum(axis=0)
    thermal = inherent + 0.01 * rng.normal(size=inherent.shape)
    box = Box.triclinic([5.0] * 3, [1.0, -0.5, 0.25])
    path = tmp_path / "run.zarr"
    Trajectory.from_arrays(path, thermal, np.arange(60) % 2, box, inherent=inherent)
    return path


@pytest.fixture
def refused(vitrify):
    """``refused(…)``: what a command that must fail says, as one line."""

    def typed(*words):
        said = vitrify(*words)
        assert said.code == 2, said.err
        assert "Traceback" not in said.err
        return " ".join(said.err.split())

    return typed


def test_from_rearrangements_to_every_format(vitrify, store, tmp_path):
    assert vitrify("rearrangements", store, "--workers", 1).code == 0
    kept = Trajectory.open(store)
    inherent, p_hop = kept.positions("inherent"), kept.read("p_hop")
    table = rearrangements(load_table(tmp_path / "run.events.npz"))
    inside = np.zeros((60, 60), int)
    for particle, a, b in zip(
        table["particle"].values, table["first_frame"].values, table["last_frame"].values, strict=True
    ):
        inside[a : b + 1, particle] = 1
    assert inside.any()
    for ending in ENDINGS:
        said = vitrify("export", store, tmp_path / f"a.{ending}")
        assert (said.code, said.out) == (0, "")
        assert "60 frames of inherent positions, 3600 rows with p_hop, event" in said.err
        assert "'p_hop' is NaN where it was not computed" in said.err
    frames = list(open_files([tmp_path / "a.lammpstrj"]).frames())
    assert np.array_equal([f.positions for f in frames], inherent)
    assert np.array_equal([f.columns["p_hop"] for f in frames], p_hop, equal_nan=True)
    assert np.array_equal([f.columns["event"] for f in frames], inside)
    with gsd.hoomd.open(tmp_path / "a.gsd") as held:
        assert np.array_equal([f.log["particles/event"] for f in held], inside)
    with xr.open_dataset(tmp_path / "a.nc") as held:
        assert np.array_equal(held["event"], inside)
    rows = pq.read_table(tmp_path / "a.parquet").to_pandas()
    assert np.array_equal(rows["event"].to_numpy().reshape(60, 60), inside)


def test_a_range_of_frames_and_chosen_columns(vitrify, store, tmp_path):
    vitrify("rearrangements", store, "--workers", 1)
    out = tmp_path / "deep" / "a.lammpstrj"
    words = (
        "--positions",
        "thermal",
        "--start",
        3,
        "--stop",
        20,
        "--every",
        4,
        "--columns",
        "event",
        "--wrapped",
    )
    said = vitrify("export", store, out, *words)
    assert said.code == 0
    frames = list(open_files([out]).frames())
    assert [f.step for f in frames] == [3, 7, 11, 15, 19]
    assert "event" in frames[0].columns
    assert "p_hop" not in frames[0].columns
    assert frames[0].images is not None
    thermal = Trajectory.open(store).positions("thermal")
    assert np.allclose([f.box.unwrap(f.positions, f.images) for f in frames], thermal[3:20:4], atol=1e-13)


def test_features_become_a_table(vitrify, store, tmp_path):
    vitrify(
        "describe", store, "--out", tmp_path / "features.npz", "--descriptors", "coordination", "--workers", 1
    )
    assert vitrify("export", tmp_path / "features.npz", tmp_path / "features.parquet").code == 0
    table, rows = (
        load_table(tmp_path / "features.npz"),
        pq.read_table(tmp_path / "features.parquet").to_pandas(),
    )
    names = [str(name) for name in table["feature"].values]
    assert list(rows) == ["frame", "particle", *names]
    assert np.array_equal(rows[names], table["features"], equal_nan=True)


# -- refused ---------------------------------------------------------------------------------------------------------


def test_files_are_not_replaced_unless_asked(vitrify, refused, store, tmp_path):
    out = tmp_path / "a.csv"
    out.write_text("mine")
    assert f"{out} is there already. Choose another name, or replace it with `--overwrite`." in refused(
        "export", store, out
    )
    assert out.read_text() == "mine"
    assert vitrify("export", store, out, "--overwrite").code == 0
    assert out.read_text().startswith('"frame","time"')


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.pdf",), "The ending of 'a.pdf' says no format. Use one of .extxyz, .xyz,"),
        (("a.dat", "--format", "gsdd"), "No writer is called 'gsdd'. Known: csv, extxyz, gsd"),
        (("a.csv", "--start", "60"), "No frame is left between `--start` 60 and `--stop` None:"),
        (("a.csv", "--positions", "frozen"), "`--positions` must be inherent or thermal; it is 'frozen'."),
        (("a.csv", "--table", "bonds"), "`--table` must be particles or events; it is 'bonds'."),
        (("a.csv", "--columns", "sofness"), "No column is called 'sofness'."),
        (("a.csv", "--columns", "softness"), "has no 'softness' of these frames. Run `vitrify softness "),
        (("a.csv", "--columns", "event"), "has no 'event' of these frames. Run `vitrify rearrangements "),
        (("a.csv", "--table", "events"), "has no 'event' of these frames. Run `vitrify rearrangements "),
    ],
)
def test_what_cannot_be_written_is_said(refused, store, tmp_path, words, message):
    said = refused("export", store, tmp_path / words[0], *words[1:])
    assert message in said
    assert {p.name for p in tmp_path.iterdir()} == {"run.zarr"}


def test_a_folder_is_no_place(refused, store, tmp_path):
    assert "is a folder; give the name of a file in it." in refused(
        "export", store, tmp_path, "--format", "csv"
    )


def test_a_table_does_not_fit_into_a_format_of_particles(vitrify, refused, store, tmp_path):
    vitrify("rearrangements", store, "--workers", 1)
    said = refused("export", store, tmp_path / "a.gsd", "--table", "events")
    assert "The format gsd holds particles; a table needs a file that ends in .parquet or .csv." in said
    assert not (tmp_path / "a.gsd").exists()


def test_what_is_no_store_and_no_table(refused, tmp_path):
    (tmp_path / "a.txt").write_text("x")
    assert "is a file; name a trajectory store (.zarr)" in refused(
        "export", tmp_path / "a.txt", tmp_path / "a.csv"
    )
    assert "There is no table" in refused("export", tmp_path / "a.npz", tmp_path / "a.csv")
    assert "is not a trajectory store" in refused("export", tmp_path / "a.zarr", tmp_path / "a.csv")


def half_written(path):
    """A store of four units of five frames, two of which are there, with coordinates that are not finite in frame 7."""
    store = Trajectory.create(path, Layout(20, [0, 0], ("A",), frames_per_unit=5), {"seed": 1})
    store.add_stage("thermal", thermal_arrays(LJ))
    store.add_stage("p_hop", {"p_hop": ArraySpec(("particle",))})
    rng = np.random.default_rng(0)
    for unit in (0, 1):
        positions = rng.random((5, 2, 3))
        if unit == 1:
            positions[2, 1, 0] = np.inf
        box = np.broadcast_to(np.eye(3) * 4, (5, 3, 3))
        values = {
            "position": positions,
            "time": np.arange(5.0),
            "box_vectors": box,
            "box_origin": np.zeros((5, 3)),
        }
        store.write("thermal", unit, values)
    return path


def test_a_store_that_is_not_finished_can_be_written_as_far_as_it_is(vitrify, refused, tmp_path):
    store = half_written(tmp_path / "run.zarr")
    said = refused("export", store, tmp_path / "a.csv")
    assert "is not finished: 10 of 20 thermal frames are there." in said
    assert "`--stop 10`" in said
    said = vitrify("export", store, tmp_path / "a.csv", "--stop", 7)
    assert said.code == 0
    assert "'p_hop' is left out: it is not finished" in said.err
    assert "has no inherent positions; it has thermal." in refused(
        "export", store, tmp_path / "b.csv", "--stop", 7, "--positions", "inherent"
    )


def test_coordinates_that_are_not_finite_are_refused_and_nothing_is_left(refused, tmp_path):
    store = half_written(tmp_path / "run.zarr")
    said = refused("export", store, tmp_path / "a.extxyz", "--stop", 10)
    assert "Particle 1 has a coordinate that is not finite in frame 7 of" in said
    assert {p.name for p in tmp_path.iterdir()} == {"run.zarr"}


def test_events_of_another_p_hop_are_refused(vitrify, refused, store, tmp_path):
    vitrify("rearrangements", store, "--workers", 1)
    kept = (tmp_path / "run.events.npz").read_bytes()
    vitrify("rearrangements", store, "--workers", 1, "--window", 6)
    (tmp_path / "run.events.npz").write_bytes(kept)
    said = refused("export", store, tmp_path / "a.csv")
    assert "was not made from what" in said
    assert vitrify("export", store, tmp_path / "a.csv", "--columns", "p_hop").code == 0


# -- whole or absent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["extxyz", "extxyz.gz", "gsd", "dump", "parquet", "csv", "nc"])
def test_a_full_disk_leaves_what_was_there(refused, store, small_disk, ending):
    out = small_disk(60) / f"a.{ending}"
    out.write_text("what was there")
    said = refused("export", store, out, "--overwrite", "--columns", "none", "--positions", "thermal")
    assert f"No space left while writing {out}" in said
    assert [p.name for p in out.parent.iterdir()] == [out.name]
    assert out.read_text() == "what was there"


def test_a_library_that_hides_why_it_failed_is_seen_through(tmp_path, monkeypatch):
    from vitrify.errors import DiskFullError
    from vitrify.writers import base

    monkeypatch.setattr(base.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with (
        pytest.raises(DiskFullError, match="No space left while writing"),
        base.written_whole(tmp_path / "a.nc"),
    ):
        raise RuntimeError("unable to flush")
    with pytest.raises(OSError, match="denied"), base.written_whole(tmp_path / "a.nc"):
        raise OSError(errno.EACCES, "denied")


def test_a_killed_export_leaves_no_file_of_that_name(store, tmp_path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        from vitrify.writers.base import Selection
        blocks = Selection.blocks
        def dying(self):
            for block in blocks(self):
                yield block
                os.kill(os.getpid(), signal.SIGKILL)
        Selection.blocks = dying
        from vitrify.cli import main
        sys.argv = ["vitrify", "export", sys.argv[1], sys.argv[2]]
        main()
        """
    )
    for ending in ("lammpstrj.gz", "gsd", "nc"):
        out = tmp_path / f"a.{ending}"
        ended = subprocess.run([sys.executable, "-c", script, store, out], capture_output=True, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert not out.exists()
