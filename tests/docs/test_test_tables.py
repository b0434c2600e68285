"""The tests that docs/formats.md and docs/faults.md name exist, and no cell of the table of formats is without one."""

import ast
import re

import pytest


def rows(root, page):
    """(cells before, tests) of each row that names tests."""
    for line in (root / page).read_text(encoding="utf-8").splitlines():
        named = re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", line)
        if named and line.startswith("|"):
            yield [c.strip() for c in line.strip("|").split("|")], named


@pytest.mark.parametrize("page", ["docs/formats.md", "docs/faults.md"])
def test_every_test_that_is_named_exists(root, page):
    found = list(rows(root, page))
    assert len(found) > 10
    for _, named in found:
        for file, test in named:
            tree = ast.parse((root / file).read_text(encoding="utf-8"))
            assert test in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, f"{file}::{test}"


def test_every_cell_of_the_table_of_formats_has_a_test(root):
    lines = (root / "docs/formats.md").read_text(encoding="utf-8").splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("| Format | Ids |"))
    properties = [c.strip() for c in lines[head].strip("|").split("|")][1:]
    formats = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        formats.append(line.strip("|").split("|")[0].strip())
    tested = {(cells[0], cells[1]) for cells, _ in rows(root, "docs/formats.md")}
    assert len(formats) >= 5
    for name in formats:
        (short,) = {f for f, _ in tested if name.startswith(f)}
        assert {p for f, p in tested if f == short} == set(properties), name
