"""The pages that results can be shown on: that of a whole study and that of a single trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitrify.errors import UnknownNameError
from vitrify.registry import Registry
from vitrify.report.benchmark_captions import BENCHMARK_CAPTIONS
from vitrify.report.benchmark_figures import BENCHMARK_FIGURES
from vitrify.report.caging_captions import CAGING_CAPTIONS
from vitrify.report.caging_figures import CAGING_FIGURES
from vitrify.report.captions import CAPTIONS, Caption
from vitrify.report.figures import FIGURES
from vitrify.report.meaning_captions import MEANING_CAPTIONS
from vitrify.report.meaning_figures import MEANING_FIGURES
from vitrify.report.meaning_structure_captions import MEANING_STRUCTURE_CAPTIONS
from vitrify.report.meaning_structure_figures import MEANING_STRUCTURE_FIGURES
from vitrify.report.onset_captions import ONSET_CAPTIONS
from vitrify.report.onset_figures import ONSET_FIGURES
from vitrify.report.propensity_captions import PROPENSITY_CAPTIONS
from vitrify.report.propensity_figures import PROPENSITY_FIGURES
from vitrify.report.relaxation_captions import RELAXATION_CAPTIONS
from vitrify.report.relaxation_figures import RELAXATION_FIGURES
from vitrify.report.soft_sphere_captions import SOFT_SPHERE_CAPTIONS
from vitrify.report.soft_sphere_figures import SOFT_SPHERE_FIGURES
from vitrify.report.store_captions import STORE_CAPTIONS
from vitrify.report.store_figures import STORE_FIGURES
from vitrify.report.trap_captions import TRAP_CAPTIONS
from vitrify.report.trap_figures import TRAP_FIGURES


@dataclass(frozen=True)
class Edition:
    """Words and figures of one kind of page.

    Parameters
    ----------
    figures : Registry
        In the order of the page.
    captions : mapping of str to Caption
        By name of the figure.
    title, lede : str
        At the top, where the run has no title of its own.
    table_title : str
    published : bool
        Whether the table has a column for published numbers.
    """

    figures: Registry
    captions: Mapping[str, Caption]
    title: str
    lede: str
    table_title: str
    published: bool


EDITIONS = {
    "study": Edition(
        FIGURES,
        CAPTIONS,
        "Softness and relaxation of a glass-forming liquid",
        "What was run, the numbers it gave beside the published ones, and the figures they come from.",
        "Published and found here",
        published=True,
    ),
    "store": Edition(
        STORE_FIGURES,
        STORE_CAPTIONS,
        "A trajectory",
        "What the trajectory is, the numbers found in it with their errors, and the figures they come from.",
        "Found in this trajectory",
        published=False,
    ),
    "onset": Edition(
        ONSET_FIGURES,
        ONSET_CAPTIONS,
        "The onset temperature of softness",
        "What was run, the onset temperature at each density beside the published ones, and what it owes to the cutoff and to "
        "the definition of a rearrangement.",
        "Published and found here",
        published=True,
    ),
    "relaxation": Edition(
        RELAXATION_FIGURES,
        RELAXATION_CAPTIONS,
        "From softness to relaxation",
        "What was run, how far relaxation follows from the softness of particles, and what softness adds to simpler "
        "structure.",
        "Published and found here",
        published=True,
    ),
    "meaning-of-softness": Edition(
        Registry("figure of the meaning of softness", {**MEANING_FIGURES, **MEANING_STRUCTURE_FIGURES}),
        {**MEANING_CAPTIONS, **MEANING_STRUCTURE_CAPTIONS},
        "What softness means",
        "What was run, which structure softness is made of, how simple it can be made, and how its field lies in space; beside the "
        "published numbers.",
        "Published and found here",
        published=True,
    ),
    "trap-model": Edition(
        TRAP_FIGURES,
        TRAP_CAPTIONS,
        "A trap model of a glass-forming liquid",
        "What was run, the numbers it gave beside the published ones, and how far sites that rearrange at the rate of their "
        "softness, and then forget it, describe the liquid.",
        "Published and found here",
        published=True,
    ),
    "soft-spheres": Edition(
        SOFT_SPHERE_FIGURES,
        SOFT_SPHERE_CAPTIONS,
        "Soft spheres: softness and the trap model at several densities",
        "What was run, the numbers it gave beside the published ones, and how they change with density. Each density has a "
        "page of its own beside this one.",
        "Published and found here",
        published=True,
    ),
    "propensity": Edition(
        PROPENSITY_FIGURES,
        PROPENSITY_CAPTIONS,
        "Propensity from structure",
        "What was run, how well ridge regression on averaged descriptors predicts where particles will be mobile, on "
        "configurations that it has not seen, and how far that is from the noise ceiling.",
        "Published and found here",
        published=True,
    ),
    "caging-softness": Edition(
        CAGING_FIGURES,
        CAGING_CAPTIONS,
        "Softness of the mean-field caging potential",
        "What was run, how depth and softness of the mean cage are related, how the softness of single particles lasts, and "
        "whether soft particles rearrange, beside the published numbers.",
        "Published and found here",
        published=True,
    ),
    "benchmark": Edition(
        BENCHMARK_FIGURES,
        BENCHMARK_CAPTIONS,
        "Predictions of where particles move",
        "What was scored on which labels, every prediction in the order of its score, and how far each can be trusted. All scores "
        "of all times and species are in benchmark.csv beside this page.",
        "Ranking",
        published=False,
    ),
}


def edition(name: str) -> Edition:
    """Return an edition.

    Raises
    ------
    UnknownNameError
        If there is none of this name.

    Examples
    --------
    >>> edition("store").published
    False
    """
    if name not in EDITIONS:
        raise UnknownNameError("edition of the report", name, EDITIONS)
    return EDITIONS[name]
