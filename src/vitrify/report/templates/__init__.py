"""The page, its style, and the controls of the turning snapshot."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from vitrify.errors import MissingExtraError

if TYPE_CHECKING:
    import jinja2


def read_template(name: str) -> str:
    """Return the text of a file of this folder."""
    return (files(__name__) / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Return a jinja environment that escapes HTML and refuses unknown fields.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("The report page", "jinja2", "report") from error
    return jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
