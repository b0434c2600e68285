import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.particles.propensity import MeasuredPropensity, displacements_of_runs
from vitrify.predictors.noise_ceiling import noise_ceiling

BOX = Box.orthorhombic([5.0] * 3)


def frame(n: int = 4) -> Frame:
    return Frame(np.random.default_rng(0).random((n, 3)) * 5, [0] * (n - 1) + [1], BOX, ("A", "B"))


def measured(n: int = 4, runs: int = 6, source: str = "") -> MeasuredPropensity:
    rng = np.random.default_rng(runs)
    return MeasuredPropensity.from_displacements(frame(n), [1.0, 10.0], rng.random((2, runs, n)), 0.5, source)


def test_propensity_is_the_mean_distance_and_not_its_root_mean_square():
    found = MeasuredPropensity.from_displacements(frame(2), [1.0], [[[1.0, 2.0], [3.0, 2.0]]])
    assert found.propensity.tolist() == [[2.0, 2.0]]
    assert found.standard_error.tolist() == [[1.0, 0.0]]


def test_single_run_has_no_standard_error():
    assert measured(runs=1).standard_error is None


def test_times_and_species_are_found():
    found = measured()
    assert found.index(10.0 * (1 + 1e-8)) == 1
    np.testing.assert_array_equal(found.at(1.0), found.propensity[0])
    np.testing.assert_array_equal(found.of_species("B"), found.propensity[:, 3:])
    with pytest.raises(ParameterError, match=r"not measured at t = 5. It was at 1, 10"):
        found.at(5.0)


def test_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        measured().propensity[0, 0] = 1.0


def test_runs_go_to_the_noise_ceiling():
    rng = np.random.default_rng(1)
    own = rng.random(400)
    samples = [
        MeasuredPropensity.from_displacements(
            frame(400), [1.0], np.abs(3 + own + rng.normal(0, 0.3, (1, runs, 400))), source=name
        )
        for name, runs in (("first", 10), ("second", 6))
    ]
    runs = displacements_of_runs(samples, 1.0)
    assert runs.sizes == {"configuration": 2, "run": 10, "particle": 400}
    ceiling = noise_ceiling(runs, n_splits=20)
    assert ceiling["n_runs"].values.tolist() == [10, 6]
    variance = own.var()
    expected = [np.sqrt(variance / (variance + 0.09 / m)) for m in (10, 6)]
    np.testing.assert_allclose(ceiling["ceiling"].sel(species="all"), expected, rtol=0.02)
    assert ceiling["configuration"].values.tolist() == ["first", "second"]


def test_configurations_without_names_of_their_own_are_numbered():
    assert displacements_of_runs([measured(), measured()], 1.0)["configuration"].values.tolist() == [0, 1]


def test_means_alone_have_no_runs():
    means = MeasuredPropensity(frame(), [1.0], np.ones((1, 4)), 30, source="table.npz")
    with pytest.raises(ParameterError, match=r"table.npz has only means over its 30 runs"):
        displacements_of_runs([means], 1.0)
    with pytest.raises(ParameterError, match="at least one configuration"):
        displacements_of_runs([], 1.0)
    with pytest.raises(ShapeError, match="same number of particles; number 1 has 5, the first has 4"):
        displacements_of_runs([measured(4), measured(5)], 1.0)


@pytest.mark.parametrize("times", [[1.0, 1.0], [0.0], [], [np.inf]])
def test_times_that_do_not_ascend_are_refused(times):
    with pytest.raises(ParameterError, match="must be positive and ascend"):
        MeasuredPropensity(frame(), times, np.ones((len(times), 4)), 1)


def test_shapes_and_values_are_checked():
    with pytest.raises(ShapeError, match=r"`propensity` must have shape \(1, 4\); it has \(1, 3\) \(here\)"):
        MeasuredPropensity(frame(), [1.0], np.ones((1, 3)), 1, source="here")
    with pytest.raises(ParameterError, match="`n_runs` of a propensity must be at least 1"):
        MeasuredPropensity(frame(), [1.0], np.ones((1, 4)), 0)
    with pytest.raises(
        ParameterError, match="`propensity` has 1 of 4 values that are negative or not finite"
    ):
        MeasuredPropensity(frame(), [1.0], [[1.0, 1.0, -1.0, 1.0]], 1)
    with pytest.raises(ShapeError, match=r"must be \(times, runs, particles\)"):
        MeasuredPropensity.from_displacements(frame(), [1.0], np.ones((1, 4)))
    with pytest.raises(ParameterError, match="`n_runs` of a propensity must be at least 1"):
        MeasuredPropensity.from_displacements(frame(), [1.0], np.ones((1, 0, 4)))
