"""Whatever the form in which a file keeps a trajectory, the same trajectory comes out."""

from dataclasses import replace

import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles import Box
from vitrify.readers.base import FileFrame
from vitrify.readers.source import Source


def positions_of(source):
    return np.stack([f.positions for f in source.ordered()])


@pytest.mark.parametrize("form", ["unwrapped", "images", "wrapped"])
def test_ids_images_and_following_give_the_same_positions(walk, file_frames, in_memory, form):
    found = positions_of(Source(in_memory(file_frames(form))))
    expected = walk[0].copy()
    if form == "wrapped":  # which images the first frame was in is not known: all begin inside the box
        first = walk[1][0].images(walk[0][0])
        expected -= np.stack([first @ box.vectors for box in walk[1]])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_type_numbers_become_letters_and_words_stay(file_frames, in_memory):
    assert Source(in_memory(file_frames())).contents.species_names == ("A", "B")
    named = [replace(f, labels=np.where(f.labels == "1", "Si", "Li")) for f in file_frames()]
    contents = Source(in_memory(named)).contents
    assert contents.species_names == ("Li", "Si")
    assert (contents.species == 0).sum() == 5


def test_a_species_map_names_and_merges(file_frames, in_memory):
    contents = Source(in_memory(file_frames()), {"1": "B", "2": "A"}).contents
    assert contents.species_names == ("B", "A")
    assert Source(in_memory(file_frames()), {"1": "X", "2": "X"}).contents.species_names == ("X",)
    with pytest.raises(ParameterError, match="says nothing of 2"):
        _ = Source(in_memory(file_frames()), {"1": "A"}).contents


def test_species_by_a_column(file_frames, in_memory):
    contents = Source(in_memory(file_frames()), {"0.5": "big", "0.4": "small"}, "radius").contents
    assert contents.species_names == ("small", "big")
    divided = Source(in_memory(file_frames()), {}, "radius", (0.45,)).contents
    assert divided.species_names == ("A", "B")
    assert (divided.species == 0).sum() == 5
    with pytest.raises(ParameterError, match="no column 'mass'"):
        _ = Source(in_memory(file_frames()), {}, "mass").contents


def test_sizes_that_scatter_need_edges(file_frames, in_memory):
    rng = np.random.default_rng(0)
    frames = [
        replace(f, positions=np.repeat(f.positions, 5, 0), ids=None, labels=np.repeat(f.labels, 5),
                columns={"radius": rng.random(100)})
        for f in file_frames()
    ]  # fmt: skip
    with pytest.raises(ParameterError, match="100 different values"):
        _ = Source(in_memory(frames), {}, "radius").contents


def test_a_slice_of_frames(walk, file_frames, in_memory):
    source = Source(in_memory(file_frames()), start=1, stop=11, every=3)
    assert len(source) == 4
    np.testing.assert_array_equal(positions_of(source), walk[0][1:11:3])
    assert [f.time for f in source.ordered()] == [10, 40, 70, 100]
    np.testing.assert_array_equal(source[-1].positions, walk[0][10])
    with pytest.raises(ParameterError, match="nothing is left"):
        _ = Source(in_memory(file_frames()), start=40).selected


def test_time_is_steps_times_the_time_step(file_frames, in_memory):
    frames = Source(in_memory(file_frames()), time_step=0.005).ordered()
    assert [f.time for f in frames][:3] == pytest.approx([0, 0.05, 0.1])


def test_a_missing_particle_is_refused_or_absent(walk, file_frames, in_memory):
    frames = file_frames()
    cut = frames[4]
    frames[4] = replace(cut, positions=cut.positions[1:], labels=cut.labels[1:], ids=cut.ids[1:], columns={})
    with pytest.raises(FileFormatError, match="frame 4: 1 of 20 particles are missing, the first with id"):
        positions_of(Source(in_memory(frames)))
    source = Source(in_memory(frames), absent=True)
    assert not source.contents.complete
    found, gone = positions_of(source), int(np.searchsorted(walk[2], cut.ids[0]))
    assert np.argwhere(np.isnan(found).all(axis=2)).tolist() == [[4, gone]]
    assert source[4].n_particles == 19
    assert gone not in source[4].particles


def test_a_particle_that_is_not_in_the_first_frame_is_new_or_found_by_looking_at_all(file_frames, in_memory):
    frames = file_frames()
    cut = frames[0]
    frames[0] = replace(cut, positions=cut.positions[1:], labels=cut.labels[1:], ids=cut.ids[1:], columns={})
    with pytest.raises(FileFormatError, match="frame 1: 1 are new, the first with id"):
        positions_of(Source(in_memory(frames)))
    assert len(Source(in_memory(frames), absent=True).contents.ids) == 20


def test_repeated_ids_are_refused(file_frames, in_memory):
    for k in (0, 3):
        frames = file_frames()
        ids = frames[k].ids.copy()
        ids[1] = ids[0]
        frames[k] = replace(frames[k], ids=ids)
        with pytest.raises(FileFormatError, match=f"frame {k}: the id {ids[0]} stands there more than once"):
            positions_of(Source(in_memory(frames)))


def test_a_particle_keeps_its_species(file_frames, in_memory):
    frames = file_frames()
    labels = frames[5].labels.copy()
    labels[frames[5].ids == 5] = "2"
    frames[5] = replace(frames[5], labels=labels)
    with pytest.raises(FileFormatError, match="frame 5: particle 5 is '2', and was '1' before"):
        positions_of(Source(in_memory(frames)))


def test_a_box_that_jumps_is_refused(file_frames, in_memory):
    frames = file_frames()
    box = frames[6].box
    frames[6] = replace(frames[6], box=type(box)(box.vectors * 1.2, box.origin))
    with pytest.raises(FileFormatError, match="frame 6: the box jumps"):
        positions_of(Source(in_memory(frames)))


def test_time_must_advance(file_frames, in_memory):
    frames = file_frames()
    frames[3] = replace(frames[3], step=20)
    with pytest.raises(FileFormatError, match="frame 3: its time 20 does not come after 20"):
        positions_of(Source(in_memory(frames)))


def test_steps_of_nearly_half_a_box_cannot_be_followed(file_frames, in_memory):
    frames = file_frames("wrapped")
    moved = frames[2].positions.copy()
    moved[7] += 0.45 * frames[2].box.vectors[0]
    frames[2] = replace(frames[2], positions=frames[2].box.wrap(moved))
    with pytest.raises(FileFormatError, match=r"frame 2: 1 particles move by more than 0.4 of the box"):
        positions_of(Source(in_memory(frames)))


def test_without_ids_the_order_counts_and_the_number_must_stay(walk, file_frames, in_memory):
    frames = file_frames(with_ids=False)
    np.testing.assert_array_equal(positions_of(Source(in_memory(frames))), walk[0])
    cut = frames[2]
    frames[2] = replace(cut, positions=cut.positions[1:], labels=cut.labels[1:], columns={})
    with pytest.raises(FileFormatError, match="frame 2 has 19 particles, the first frame 20"):
        positions_of(Source(in_memory(frames)))


def test_a_species_that_vanishes_is_missing_particles(file_frames, in_memory):
    frames = file_frames()
    here = frames[6].labels == "1"
    cut = frames[6]
    frames[6] = replace(
        cut, positions=cut.positions[here], labels=cut.labels[here], ids=cut.ids[here], columns={}
    )
    with pytest.raises(FileFormatError, match="frame 6: 5 of 20 particles are missing"):
        positions_of(Source(in_memory(frames)))


@pytest.mark.parametrize("form", ["unwrapped", "images"])
def test_long_steps_are_no_matter_where_images_are_known(walk, file_frames, in_memory, form):
    frames = file_frames(form)
    kept = [frames[k] for k in (0, 11)]
    fractional = walk[1][0].fractional(walk[0][0]), walk[1][11].fractional(walk[0][11])
    assert np.abs(fractional[1] - fractional[0]).max() > 0.5
    found = positions_of(Source(in_memory(kept)))
    np.testing.assert_allclose(found, walk[0][[0, 11]], rtol=0, atol=1e-12)


def test_a_flipped_tilt_does_not_disturb_following(in_memory):
    """A box under shear whose tilt jumps back by a whole edge is the same lattice."""
    rng = np.random.default_rng(1)
    fractional, frames, truth = rng.random((30, 3)), [], []
    for k in range(40):
        tilt = 0.1 * k
        sheared = np.array([[4.0, 0, 0], [tilt, 4.0, 0], [0, 0, 4.0]])
        flipped = Box.triclinic([4.0] * 3, [tilt - 4.0 * np.rint(tilt / 4.0), 0, 0])
        fractional = fractional + rng.normal(0, 0.01, fractional.shape)
        truth.append(fractional @ sheared)
        frames.append(
            FileFrame(
                flipped.wrap(truth[-1]), flipped, np.full(30, "1"), np.arange(30), step=k, label=f"frame {k}"
            )
        )
    found = positions_of(Source(in_memory(frames)))
    first = truth[0] - found[0]  # whole cells that wrapping took off
    cells = np.rint(first / 4.0)
    sheared = [np.array([[4.0, 0, 0], [0.1 * k, 4.0, 0], [0, 0, 4.0]]) for k in range(40)]
    moved = np.stack([t - cells @ s for t, s in zip(truth, sheared, strict=True)])
    np.testing.assert_allclose(found, moved, rtol=0, atol=1e-10)


def test_a_particle_that_comes_back_as_another_species_is_refused(file_frames, in_memory):
    frames = file_frames()
    cut = frames[3]
    frames[3] = replace(cut, positions=cut.positions[1:], labels=cut.labels[1:], ids=cut.ids[1:], columns={})
    labels = frames[8].labels.copy()
    labels[frames[8].ids == cut.ids[0]] = "3"
    frames[8] = replace(frames[8], labels=labels)
    with pytest.raises(FileFormatError, match=f"frame 8: particle {cut.ids[0]} is '3', and was"):
        _ = Source(in_memory(frames), absent=True).contents
