"""`vitrify report`: the page of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a study, as given to --out.")],
) -> None:
    """Draw the figures and write report.html again from the results of a study."""
    from vitrify.studies.verbs import report_of_folder

    print(report_of_folder(folder))
