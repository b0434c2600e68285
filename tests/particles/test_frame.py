import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ShapeError
from vitrify.particles import Box, Frame

BOX = Box.orthorhombic([4.0, 5.0])


def test_frame_counts_and_finds_species():
    frame = Frame([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [1, 0, 1], BOX, ("Si", "Li"))
    assert frame.n_particles == 3
    assert frame.number_density == pytest.approx(0.15)
    assert frame.of_species("Li").tolist() == [0, 2]
    with pytest.raises(ConfigurationError, match="There is no species 'B'; there are Si, Li"):
        frame.of_species("B")


def test_frame_copies_and_freezes_its_arrays():
    positions = np.zeros((2, 2))
    frame = Frame(positions, [0, 1], BOX)
    positions[0, 0] = 1.0
    assert frame.positions[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        frame.positions[0, 0] = 1.0


def test_species_keep_their_names_when_particles_move():
    frame = Frame(np.zeros((2, 2)), [0, 0], BOX, ("A", "B"), "run, frame 3")
    moved = frame.with_positions(np.ones((2, 2)))
    assert moved.species_names == ("A", "B")
    assert moved.label == "run, frame 3"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (np.zeros((2, 3)), [0, 0]),
            ShapeError,
            r"`positions` must have shape \(N, 2\).*\(2, 3\) \(dump, frame 7\)",
        ),
        ((np.zeros((2, 2)), [0]), ShapeError, r"one entry per particle, 2; it has shape \(1,\)"),
        (
            ([[0.0, np.inf], [0.0, 0.0]], [0, 0]),
            ConfigurationError,
            "1 of 2 particles .* the first is particle 0",
        ),
        ((np.zeros((2, 2)), [0, 2]), ConfigurationError, "Species indices run from 0 to 2"),
        ((np.zeros((2, 2)), [0, -1]), ConfigurationError, "Species indices run from -1"),
    ],
)
def test_what_is_no_configuration_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Frame(*arguments, BOX, ("A", "B"), "dump, frame 7")
