import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.rearrangements.base import blocks_with_halo, frames_per_block, stream
from vitrify.rearrangements.p_hop import PHop


@pytest.mark.parametrize("n_frames", [1, 9, 10, 11, 40])
@pytest.mark.parametrize("block", [1, 3, 10, 50])
@pytest.mark.parametrize("halo", [0, 1, 5])
def test_blocks_tile_the_trajectory_with_their_halo(n_frames, block, halo):
    seen = []
    for start, stop, lo, hi in blocks_with_halo(n_frames, block, halo):
        assert 0 <= lo <= max(0, start - halo)
        assert min(n_frames, stop + halo) <= hi <= n_frames
        assert hi - lo >= min(n_frames, 2 * halo + 1)
        seen += range(start, stop)
    assert seen == list(range(n_frames))


def test_a_block_of_many_particles_is_at_least_the_halo():
    assert frames_per_block(10**6, 3, at_least=10) == 10
    assert frames_per_block(10**3, 3) * 24_000 <= 2**26


def test_only_a_block_and_its_halo_are_read():
    positions = np.zeros((100, 4, 3))
    longest = []

    def read(start, stop):
        longest.append(stop - start)
        return positions[start:stop]

    list(stream(PHop(10), read, 100, block=20))
    assert max(longest) == 30


def test_a_block_of_no_frames_is_refused():
    with pytest.raises(ParameterError, match="`block` must be at least 1 frame; it is 0"):
        list(stream(PHop(), lambda a, b: np.zeros((b - a, 1, 3)), 20, block=0))


def test_an_empty_trajectory_is_refused():
    with pytest.raises(ShapeError, match="`n_frames` = 0"):
        list(stream(PHop(), lambda a, b: np.zeros((b - a, 1, 3)), 0))


def test_a_reader_that_returns_other_frames_is_named():
    with pytest.raises(ShapeError, match=r"`read\(0, 15\)` must return positions of shape \(15, N, d\)"):
        list(stream(PHop(), lambda a, b: np.zeros((3, 1, 3)), 20, block=10))


def test_a_short_trajectory_is_named_when_streaming():
    with pytest.raises(ShapeError, match="`window` = 10 frames; this trajectory has 7"):
        list(stream(PHop(), lambda a, b: np.zeros((b - a, 1, 3)), 7, block=2))
