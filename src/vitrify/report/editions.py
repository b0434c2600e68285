"""The pages that results can be shown on: that of a whole study and that of a single trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitrify.errors import UnknownNameError
from vitrify.registry import Registry
from vitrify.report.captions import CAPTIONS, Caption
from vitrify.report.figures import FIGURES
from vitrify.report.store_captions import STORE_CAPTIONS
from vitrify.report.store_figures import STORE_FIGURES


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
