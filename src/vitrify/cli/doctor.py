"""`vitrify doctor`: what is installed and whether it works."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Show versions, cores, kernel cache, LAMMPS with its MPI and what the report needs.

    The exit code is 1 if something that is there is broken; what is optional may be missing.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vitrify.studies.doctor import examine

    table = Table("", "what", "found", box=None, header_style="bold")
    findings = examine()
    for finding in findings:
        mark = {"good": "[green]ok[/]", "missing": "[yellow]--[/]", "broken": "[red]!![/]"}[finding.state]
        table.add_row(mark, Text(finding.what), Text(finding.found))
    Console().print(table)
    if any(f.state == "broken" for f in findings):
        raise typer.Exit(1)
