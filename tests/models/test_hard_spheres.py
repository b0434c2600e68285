"""Hard spheres: packing, equations of state, collision rates, and what they refuse."""

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.models import MODELS
from vitrify.models.hard_spheres import HardSpheres, bmcsl, carnahan_starling
from vitrify.particles import Box, Frame

ONE = HardSpheres((1.0,), (1.0,))
THREE = HardSpheres((1.0, 0.7, 1.9), (0.5, 0.3, 0.2), (1.0, 2.0, 0.25))


def test_the_registry_knows_it_by_name():
    assert MODELS.load("hard_spheres") is HardSpheres


@pytest.mark.parametrize("model", [HardSpheres(), ONE, THREE], ids=["two", "one", "three"])
def test_a_model_survives_its_plain_form(model):
    assert HardSpheres.from_dict(model.to_dict()) == model


def test_the_default_is_the_published_mixture():
    model = HardSpheres()
    assert model.number_density(0.58) == pytest.approx(1.51766, abs=5e-6)
    assert (2000 / model.number_density(0.58)) ** (1 / 3) == pytest.approx(10.9636, abs=5e-5)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_packing_fraction_counts_the_volume_of_the_spheres(dimension):
    x, s = np.array(THREE.composition), np.array(THREE.diameters)
    volumes = np.pi * s**2 / 4 if dimension == 2 else np.pi * s**3 / 6
    assert THREE.packing_fraction(0.3, dimension) == pytest.approx(0.3 * (x * volumes).sum(), rel=1e-14)
    assert THREE.packing_fraction(THREE.number_density(0.41, dimension), dimension) == pytest.approx(0.41)


def test_spheres_overlap_or_do_not_interact():
    assert HardSpheres().pair_energy([0.92, 0.93], 0, 1).tolist() == [np.inf, 0.0]
    assert HardSpheres().cutoffs.tolist() == [[1.0, 0.925], [0.925, 0.85]]


@pytest.mark.parametrize("eta", [0.1, 0.3, 0.494])
def test_one_species_has_the_equations_of_state_of_carnahan_starling_and_henderson(eta):
    assert ONE.compressibility_factor(ONE.number_density(eta)) == pytest.approx(
        carnahan_starling(eta), rel=1e-13
    )
    disks = (1 + eta**2 / 8) / (1 - eta) ** 2
    assert ONE.compressibility_factor(ONE.number_density(eta, 2), 2) == pytest.approx(disks, rel=1e-13)


@pytest.mark.parametrize("eta", [0.1, 0.3, 0.58])
@pytest.mark.parametrize("model", [HardSpheres(), THREE], ids=["two", "three"])
def test_contact_values_give_the_pressure_of_bmcsl(model, eta):
    density = model.number_density(eta)
    assert model.compressibility_factor(density) == pytest.approx(bmcsl(model, density), rel=1e-12)
    assert model.pressure(density, 2.0) == pytest.approx(2 * density * bmcsl(model, density), rel=1e-12)


@pytest.mark.parametrize(("dimension", "half_ball"), [(2, np.pi / 2), (3, 2 * np.pi / 3)])
def test_a_dilute_mixture_has_the_second_virial_coefficient(dimension, half_ball):
    x = np.array(THREE.composition)
    second = half_ball * x @ THREE.sigma**dimension @ x
    assert (THREE.compressibility_factor(1e-7, dimension) - 1) / 1e-7 == pytest.approx(second, rel=1e-5)


@pytest.mark.parametrize("dimension", [2, 3])
def test_as_many_collisions_of_a_with_b_as_of_b_with_a(dimension):
    counted = np.array(THREE.composition)[:, None] * THREE.collision_rates(0.2, 1.3, dimension)
    np.testing.assert_allclose(counted, counted.T, rtol=1e-13)
    assert THREE.collision_rate(0.2, 1.3, dimension) == pytest.approx(counted.sum() / 2, rel=1e-13)


def test_the_collision_rate_of_equal_spheres_is_enskogs():
    g = (1 - 0.3 / 2) / (1 - 0.3) ** 3
    rate = 4 * ONE.number_density(0.3) * g * np.sqrt(np.pi * 2.0)
    assert 2 * ONE.collision_rate(ONE.number_density(0.3), 2.0) == pytest.approx(rate, rel=1e-13)


def test_nothing_that_needs_forces_is_done():
    frame = Frame([[0.0, 0, 0], [2.0, 0, 0]], [0, 1], Box.orthorhombic([5.0] * 3))
    for call in (
        lambda: HardSpheres().energy_and_forces(frame),
        lambda: HardSpheres().pair_force(1.0, 0, 0),
        lambda: HardSpheres().interaction(),
        lambda: HardSpheres().kernel_parameters(),
    ):
        with pytest.raises(ParameterError, match="Hard spheres have no forces"):
            call()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"diameters": (1.0, -1.4)}, "`diameters` must be positive lengths"),
        ({"diameters": ()}, "`diameters` must be positive lengths"),
        ({"composition": (0.6, 0.6)}, "`composition` needs 2 fractions that add up to 1"),
        ({"species_masses": (1.0,)}, "`species_masses` must be 2 positive masses"),
        ({"species_masses": (1.0, 0.0)}, "`species_masses` must be 2 positive masses"),
    ],
)
def test_parameters_outside_the_definition_are_refused(parameters, words):
    with pytest.raises(ParameterError, match=words):
        HardSpheres(**parameters)


def test_impossible_densities_are_refused():
    with pytest.raises(ParameterError, match=r"`packing_fraction` must lie between 0 and 1; it is 1\.2"):
        ONE.number_density(1.2)
    with pytest.raises(ParameterError, match=r"fills 1\.05 of the space"):
        ONE.contact_values(2.0)
    with pytest.raises(ParameterError, match="`dimension` must be 2 or 3; it is 4"):
        ONE.number_density(0.3, 4)
