"""What is imported is what was in the files, however often the import is stopped."""

from dataclasses import replace

import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError, StoreError
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.importing import Import
from vitrify.readers.source import Source


@pytest.mark.parametrize("form", ["unwrapped", "images", "wrapped"])
def test_a_store_holds_what_the_source_gives(file_frames, in_memory, tmp_path, form):
    source = Source(in_memory(file_frames(form)))
    stored = Import("thermal", frames_per_unit=5).run(source, tmp_path / "a.zarr")
    expected = list(source.ordered())
    np.testing.assert_array_equal(stored.positions("thermal"), np.stack([f.positions for f in expected]))
    np.testing.assert_array_equal(stored.times, [f.time for f in expected])
    assert all(stored.box(k) == f.box for k, f in enumerate(expected))
    assert stored.species_names == ("A", "B")
    assert stored.has_positions("thermal")
    assert not stored.has_positions("inherent")


def test_quenched_frames_become_inherent_positions(walk, file_frames, in_memory, tmp_path):
    stored = Import("inherent").run(Source(in_memory(file_frames())), tmp_path / "a.zarr")
    np.testing.assert_array_equal(stored.positions("inherent"), walk[0])
    assert stored.has_positions("inherent")
    assert not stored.has_positions("thermal")
    assert stored.frame(3, "inherent").box == walk[1][3]


@pytest.mark.parametrize("form", ["images", "wrapped"])
def test_an_import_that_is_stopped_goes_on_with_the_same_bits(file_frames, in_memory, tmp_path, form):
    whole = Import("thermal", frames_per_unit=3).run(
        Source(in_memory(file_frames(form))), tmp_path / "a.zarr"
    )
    broken = file_frames(form)
    broken[7] = replace(broken[7], ids=broken[6].ids * 0)
    source = Source(in_memory(broken))
    with pytest.raises(FileFormatError, match="frame 7"):
        Import("thermal", frames_per_unit=3).run(source, tmp_path / "b.zarr")
    assert Trajectory.open(tmp_path / "b.zarr").done_frames("thermal") == 6
    again = Import("thermal", frames_per_unit=3).run(
        Source(in_memory(file_frames(form))), tmp_path / "b.zarr"
    )
    np.testing.assert_array_equal(again.positions("thermal"), whole.positions("thermal"))


def test_another_file_is_not_mixed_in(file_frames, in_memory, tmp_path):
    Import("thermal").run(Source(in_memory(file_frames())), tmp_path / "a.zarr")
    with pytest.raises(StoreError, match="another trajectory"):
        Import("thermal").run(Source(in_memory(file_frames()), {"1": "X", "2": "Y"}), tmp_path / "a.zarr")


def test_a_file_that_changes_while_it_is_read_is_refused(file_frames, in_memory, tmp_path, file):
    class Growing(type(in_memory([]))):
        def frames(self, start=0, stop=None):
            for k, frame in enumerate(self.held[start:stop], start):
                if k == 7:
                    file.write_bytes(b"more than there was")
                yield frame

    source = Source(Growing((file,), tuple(file_frames())))
    with pytest.raises(
        FileFormatError, match=r"frames.bin changed while it was read: it had 8 bytes and has 19"
    ):
        Import("thermal", frames_per_unit=4).run(source, tmp_path / "a.zarr")
    assert Trajectory.open(tmp_path / "a.zarr").done_frames("thermal") == 4


def test_absent_particles_are_nan_in_the_store_and_missing_in_frames(file_frames, in_memory, tmp_path):
    frames = file_frames()
    cut = frames[4]
    frames[4] = replace(cut, positions=cut.positions[2:], labels=cut.labels[2:], ids=cut.ids[2:], columns={})
    stored = Import("thermal").run(Source(in_memory(frames), absent=True), tmp_path / "a.zarr")
    assert not Trajectory.open(stored.path).layout.complete
    assert stored.frame(4, "thermal").n_particles == 18
    assert stored.frame(5, "thermal").n_particles == 20
    assert np.isnan(stored.positions("thermal", 4, 5)).sum() == 6


def test_thermal_or_inherent_must_be_said():
    with pytest.raises(ParameterError, match="must be inherent or thermal"):
        Import("quenched")
