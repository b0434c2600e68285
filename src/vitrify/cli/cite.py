"""`vitrify cite`: what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def cite(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Folder of a study; without it, everything.")
    ] = None,
) -> None:
    """Print BibTeX of vitrify and of the methods that a study used."""
    from vitrify.studies.verbs import citations_of_folder

    print(citations_of_folder(folder))
