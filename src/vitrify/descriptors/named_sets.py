"""Descriptors of published studies under their names."""

from __future__ import annotations

from vitrify.descriptors._averaged_grids import averaged_grids
from vitrify.descriptors.base import Descriptor
from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.combined import DescriptorSet, Select
from vitrify.descriptors.cumulative_density import CumulativeDensity
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.descriptors.shell_bond_order import ShellBondOrder


def schoenholz_2016() -> Descriptor:
    """Return the 166 structure functions of a binary mixture: 100 radial and 66 angular ones.

    Radii 0.1, 0.2, … 5.0 with δ = 0.1; the 22 rows of Table 5.2 for AA, AB and BB within 2.5. The text gives the radii
    as "between 0 and 5 in steps of 0.1, 50 a species"; functions below 0.6 see no neighbour either way.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016).
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.

    Examples
    --------
    >>> len(schoenholz_2016().feature_names(("A", "B")))
    166
    """
    return DescriptorSet((RadialDensity(), BondAngle()))


def schoenholz_2016_radial() -> Descriptor:
    """Return only the radial functions of `schoenholz_2016`: 50 a species.

    Examples
    --------
    >>> len(schoenholz_2016_radial().feature_names(("A", "B")))
    100
    """
    return RadialDensity()


def cubuk_2016_cumulative() -> Descriptor:
    """Return the cumulative radial functions: neighbours of each species within 0.1, 0.2, … 3.5.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.7, eq. 5.8.

    Examples
    --------
    >>> len(cubuk_2016_cumulative().feature_names(("A", "B")))
    70
    """
    return CumulativeDensity()


def cubuk_2016_shells() -> Descriptor:
    """Return the angular functions of spherical harmonics: Q_l with l = 2, 4, … 14 in five shells, all species together.

    Shells of width 0.5 begin at 1.0, 1.5, 2.0, 2.5 and 3.0. Third orders and shells of each species, which the thesis
    found to add nothing, are options of `ShellBondOrder`.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.7, eqs. 5.9 and 5.10.

    Examples
    --------
    >>> len(cubuk_2016_shells().feature_names(("A", "B")))
    35
    """
    return ShellBondOrder()


def cubuk_2016_maps() -> Descriptor:
    """Return the 160 structure functions from which the maps of structure were drawn: 94 radial and 66 angular ones.

    `schoenholz_2016` without the radii below 0.4: 0.4, 0.5, … 5.0. The thesis leaves out "the first 6" radial functions, three a
    species, "closer than 0.3"; no neighbour comes that near.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 6.6.

    Examples
    --------
    >>> len(cubuk_2016_maps().feature_names(("A", "B")))
    160
    """
    return DescriptorSet((RadialDensity(radii=tuple(k / 10 for k in range(4, 51))), BondAngle()))


def first_peaks() -> Descriptor:
    """Return the densities at the first peaks of g_AA and g_AB: the two features that carry most of the softness.

    They are those of an A particle of the Kob-Andersen mixture.

    Examples
    --------
    >>> first_peaks().feature_names(("A", "B"))
    ('G_A(1.1)', 'G_B(0.9)')
    """
    return Select(RadialDensity(radii=(0.9, 1.1)), ("G_A(1.1)", "G_B(0.9)"))


def boattini_2021() -> Descriptor:
    """Return the averaged descriptors of a binary mixture: 200 radial and 192 angular ones in the orders 0, 1 and 2.

    Radii 0.525, 0.55, … 2.0 with δ = 0.025, then 2.05, … 3.0 with 0.05, then 3.1, … 5.0 with 0.1 for each species; q_l
    with l = 1 … 12 at 1.0, 1.1, … 2.5 with δ = 0.1 for all together; averages within 2.3, the second minimum of g(r) of
    the Kob-Andersen mixture. The letter prints the counts; its supplement, which has the radii, was not at hand. These
    grids are the simplest that give the counts of both of its systems.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021).

    Examples
    --------
    >>> len(boattini_2021().feature_names(("A", "B")))
    1176
    """
    return averaged_grids(first=21, cutoff=2.3)


def boattini_2021_hard_spheres() -> Descriptor:
    """Return the averaged descriptors of a binary mixture of hard spheres: 172 radial and 192 angular ones.

    As `boattini_2021`, in diameters of the large spheres, from 0.875 on, since no two centres come closer than the
    diameter 0.85 of the small ones; averages within 2.1.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021).

    Examples
    --------
    >>> len(boattini_2021_hard_spheres().feature_names(("A", "B")))
    1092
    """
    return averaged_grids(first=35, cutoff=2.1)


def ridout_2023() -> Descriptor:
    """Return the 266 structure functions of the Kob-Andersen mixture: 200 radial and 66 angular ones.

    Radii 0.05, 0.1, … 5.0 with exp(−(r − μ)²/σ²), σ = 0.05, which is δ = σ/√2 here, and the angular functions of
    `schoenholz_2016`. The supplement counts in σ_AB, with which the functions would end at 4.0 σ_AA; taken as σ_AA they
    reach as far as those that it calls more finely spaced.

    References
    ----------
    Ridout, Tah, Liu (2023), supplement S1.

    Examples
    --------
    >>> len(ridout_2023().feature_names(("A", "B")))
    266
    """
    radii = tuple(round(0.05 * k, 2) for k in range(1, 101))
    return DescriptorSet((RadialDensity(radii, delta=0.05 / 2**0.5, cutoff=5.0), BondAngle()))


def ridout_2023_soft_spheres() -> Descriptor:
    """Return the 166 structure functions of soft spheres: 100 radial and 66 angular ones, in units of the small diameter.

    Radii 0.1, 0.2, … 5.0 with exp(−(r − μ)²/σ²), σ = 0.1, which is δ = σ/√2 here, and the angular functions of
    `schoenholz_2016`, within 2.5. The first shells of a small sphere, at 1 and 1.2, lie on the grid.

    References
    ----------
    Ridout, Tah, Liu (2023), supplement S1 and S2.

    Examples
    --------
    >>> len(ridout_2023_soft_spheres().feature_names(("A", "B")))
    166
    """
    return DescriptorSet((RadialDensity(delta=0.1 / 2**0.5, cutoff=5.0), BondAngle()))
