"""Structure per particle: what the neighbourhood of each particle in one configuration looks like.

A new descriptor is one file here and one line in `DESCRIPTORS`; a new named set is one function and one line in
`DESCRIPTOR_SETS`.
"""

from vitrify.registry import Registry

DESCRIPTORS = Registry(
    "descriptor",
    {
        "radial_density": "vitrify.descriptors.radial_density:RadialDensity",
        "bond_angle": "vitrify.descriptors.bond_angle:BondAngle",
        "bond_order": "vitrify.descriptors.bond_order:BondOrder",
        "steinhardt": "vitrify.descriptors.steinhardt:Steinhardt",
        "coordination": "vitrify.descriptors.coordination:Coordination",
        "local_energy": "vitrify.descriptors.local_energy:LocalEnergy",
        "cumulative_density": "vitrify.descriptors.cumulative_density:CumulativeDensity",
        "shell_bond_order": "vitrify.descriptors.shell_bond_order:ShellBondOrder",
        "ordered_distances": "vitrify.descriptors.ordered_distances:OrderedDistances",
        "voronoi_volume": "vitrify.descriptors.voronoi_volume:VoronoiVolume",
        "delaunay_shapes": "vitrify.descriptors.tetrahedra:DelaunayShapes",
        "caging_depth": "vitrify.descriptors.caging_depth:CagingDepth",
    },
)
"""Members that their name and default parameters describe."""

COMBINATIONS = Registry(
    "combination of descriptors",
    {
        "set": "vitrify.descriptors.combined:DescriptorSet",
        "select": "vitrify.descriptors.combined:Select",
        "shell_average": "vitrify.descriptors.shell_average:ShellAverage",
        "caging_softness": "vitrify.descriptors.caging_softness:CagingSoftness",
    },
)
"""Descriptors made of others, known to `vitrify.descriptors.base.from_dict`."""

DESCRIPTOR_SETS = Registry(
    "descriptor set",
    {
        "schoenholz-2016": "vitrify.descriptors.named_sets:schoenholz_2016",
        "schoenholz-2016-radial": "vitrify.descriptors.named_sets:schoenholz_2016_radial",
        "cubuk-2016-cumulative": "vitrify.descriptors.named_sets:cubuk_2016_cumulative",
        "cubuk-2016-shells": "vitrify.descriptors.named_sets:cubuk_2016_shells",
        "cubuk-2016-maps": "vitrify.descriptors.named_sets:cubuk_2016_maps",
        "first-peaks": "vitrify.descriptors.named_sets:first_peaks",
        "boattini-2021": "vitrify.descriptors.named_sets:boattini_2021",
        "boattini-2021-hard-spheres": "vitrify.descriptors.named_sets:boattini_2021_hard_spheres",
        "ridout-2023": "vitrify.descriptors.named_sets:ridout_2023",
        "ridout-2023-soft-spheres": "vitrify.descriptors.named_sets:ridout_2023_soft_spheres",
    },
)
"""Functions without arguments that return the descriptor of a published study."""

__all__ = ["COMBINATIONS", "DESCRIPTORS", "DESCRIPTOR_SETS"]
