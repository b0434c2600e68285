"""The grids of the averaged descriptors, which its two systems share but for the first radius."""

from __future__ import annotations

from vitrify.descriptors.base import Descriptor
from vitrify.descriptors.bond_order import BondOrder
from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.descriptors.shell_average import ShellAverage


def averaged_grids(first: int, cutoff: float) -> Descriptor:
    """Return radial densities from `first` fortieths on and bond orders, averaged within `cutoff`, in the orders 0, 1 and 2.

    Examples
    --------
    >>> averaged_grids(21, 2.3).feature_names(("A", "B"))[0]
    'G_A(0.525; 0.025)'
    """
    near = RadialDensity(tuple(k / 40 for k in range(first, 81)), delta=0.025)
    middle = RadialDensity(tuple(k / 20 for k in range(41, 61)), delta=0.05)
    far = RadialDensity(tuple(k / 10 for k in range(31, 51)), delta=0.1)
    return ShellAverage(DescriptorSet((near, middle, far, BondOrder())), order=2, cutoff=cutoff)
