import pytest

from vitrify.units import LJ, METAL, SYSTEMS, power


def test_reduced_units_have_no_boltzmann_constant_but_one():
    assert LJ.boltzmann == 1.0
    assert METAL.boltzmann == pytest.approx(1.380649e-23 / 1.602176634e-19, rel=1e-9)


def test_systems_are_known_by_the_names_lammps_gives_them_and_microscopes_have_one_of_their_own():
    assert [(name, system.name) for name, system in SYSTEMS.items()] == [
        (n, n) for n in ("lj", "metal", "micron")
    ]


@pytest.mark.parametrize(
    ("unit", "exponent", "expected"),
    [
        ("sigma_AA", 1, "sigma_AA"),
        ("sigma_AA", 2, "sigma_AA^2"),
        ("tau", -1, "tau^-1"),
        ("g/mol", 2, "(g/mol)^2"),
        ("epsilon_AA/k_B", 1, "epsilon_AA/k_B"),
        ("sigma_AA^2", 2, "(sigma_AA^2)^2"),
    ],
)
def test_a_power_applies_to_the_whole_unit(unit, exponent, expected):
    assert power(unit, exponent) == expected
