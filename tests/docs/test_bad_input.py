"""The messages in docs/bad-input.md are those of the source, and its errors are those of `vitrify.errors`."""

import ast
import re
from functools import cache

import pytest

from vitrify import errors
from vitrify.errors import VitrifyError

PAGE = "docs/bad-input.md"
CLASSES = {name: c for name, c in vars(errors).items() if isinstance(c, type) and issubclass(c, VitrifyError)}


def template(node):
    """The text of a string in the source, with … where a value is put in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


@cache
def templates(root):
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in (root / "src" / "vitrify").rglob("*.py")]
    return {template(node) for tree in trees for node in ast.walk(tree)} - {None}


@cache
def raised(root):
    """(class, text) of every error that is raised with its text in place."""
    trees = [ast.parse(p.read_text(encoding="utf-8")) for p in (root / "src" / "vitrify").rglob("*.py")]
    calls = [
        n.exc
        for tree in trees
        for n in ast.walk(tree)
        if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call)
    ]
    return {(getattr(c.func, "id", ""), template(c.args[0])) for c in calls if c.args and template(c.args[0])}


@pytest.fixture
def rows(root):
    """Cells of every row that names an error: what goes wrong, error, message, what to do."""
    lines = (root / PAGE).read_text(encoding="utf-8").splitlines()
    cells = [
        [c.strip() for c in line.strip().strip("|").split(" | ")] for line in lines if line.startswith("| ")
    ]
    return [row for row in cells if len(row) == 4 and re.fullmatch(r"`\w+Error`", row[1])]


def test_every_message_is_in_the_source(rows, root):
    assert len(rows) > 50
    unknown = [message for _, _, message, _ in rows if not any(message in known for known in templates(root))]
    assert not unknown


def test_every_error_exists_and_has_its_builtin(rows, root):
    assert {error.strip("`") for _, error, _, _ in rows} <= set(CLASSES)
    text = (root / PAGE).read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+Error)` \| `(\w+)` \|", text, re.MULTILINE))
    assert set(listed) == set(CLASSES)
    for name, builtin in listed.items():
        assert issubclass(CLASSES[name], __builtins__[builtin])


def test_every_message_belongs_to_the_error_beside_it(rows, root):
    for _, error, message, _ in rows:
        classes = {name for name, text in raised(root) if message in text} & set(CLASSES)
        assert not classes or error.strip("`") in classes, message


def test_every_row_says_what_to_do(rows):
    assert all(len(row[3]) > 5 for row in rows)
