"""The descriptor that CONTRIBUTING.md adds in ten minutes keeps the promises of one."""

import doctest
import importlib
import sys
import tomllib
from pathlib import Path

import pytest

from vitrify.descriptors import DESCRIPTORS
from vitrify.descriptors.base import from_dict

PAGE = "CONTRIBUTING.md"


@pytest.fixture
def recipe(blocks):
    """The file, the line of the table, the entry point and the trial, as the page gives them."""
    of = {
        language: [b.text for b in blocks(PAGE) if b.language == language]
        for language in ("python", "text", "toml")
    }
    (file, trial), (line,), (entry,) = of["python"], of["text"], of["toml"]
    return {"file": file, "trial": trial, "line": line, "entry": tomllib.loads(entry)}


@pytest.fixture
def installed(recipe, tmp_path, monkeypatch):
    """Put the file into a package of its own that has the page's entry point."""
    ((group, members),) = recipe["entry"]["project"]["entry-points"].items()
    ((name, target),) = members.items()
    module = target.partition(":")[0]
    folder = tmp_path / module.partition(".")[0]
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / f"{module.partition('.')[2]}.py").write_text(recipe["file"], encoding="utf-8")
    metadata = tmp_path / f"{folder.name}-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.name}\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(module)
    for known in [m for m in sys.modules if m.partition(".")[0] == folder.name]:
        del sys.modules[known]


def test_an_entry_point_is_enough_to_register_it(installed):
    assert DESCRIPTORS.load("imbalance") is installed.Imbalance
    assert from_dict({"name": "imbalance", "cutoff": 2.0}) == installed.Imbalance(cutoff=2.0)


def test_it_passes_the_contract_as_the_page_tries_it(installed, recipe, capsys):
    exec(compile(recipe["trial"], PAGE, "exec"), {})
    assert capsys.readouterr().out.endswith("checks passed\n")


def test_its_own_example_runs(installed):
    found = doctest.testmod(installed)
    assert found.attempted > 0
    assert found.failed == 0


def test_it_says_what_every_descriptor_says(installed):
    for line in ("**Scale**", "**Differs from**", "**Invariant under**", "**Cost**"):
        assert line in installed.Imbalance.__doc__


def test_the_line_of_the_table_names_the_same_file_and_class(recipe, installed):
    ((name, target),) = eval(f"{{{recipe['line']}}}").items()
    module, _, attribute = target.partition(":")
    assert name == installed.Imbalance.name
    assert Path(*module.split(".")).parent == Path("vitrify/descriptors")
    assert module.rpartition(".")[2] == installed.__name__.rpartition(".")[2]
    assert hasattr(installed, attribute)


def test_the_table_of_commands_names_what_exists(root):
    text = (root / PAGE).read_text(encoding="utf-8")
    assert "`.ci/run`" in text
    assert (root / ".ci" / "run").stat().st_mode & 0o100
    assert (root / "tests" / "rearrangements" / "test_p_hop.py").exists()
    for checker in ("ruff", "mypy", "pytest"):
        assert f"[tool.{checker}" in (root / "pyproject.toml").read_text(encoding="utf-8")
