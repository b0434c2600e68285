"""The pages hold together: links resolve, examples run, layers and versions are those of the project."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from vitrify._version import __version__

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/definitions.md",
    "docs/bad-input.md",
)
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchor(heading):
    """The name that a heading is linked by."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def pages(root):
    return [*(root / p for p in PAGES), *sorted((root / "docs").rglob("*.md"))]


def test_links_between_pages_resolve(root):
    broken = []
    for page in pages(root):
        for target in LINK.findall(prose(page.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, name = target.partition("#")
            other = (page.parent / file).resolve() if file else page
            known = other.exists() and other.is_relative_to(root)
            if known and name:
                headings = re.findall(r"^#+ (.+)$", prose(other.read_text(encoding="utf-8")), re.MULTILINE)
                known = name in {anchor(h) for h in headings}
            if not known:
                broken.append((page.name, target))
    assert not broken


def test_the_readme_has_two_commands_of_one_line_each(blocks):
    commands = blocks("README.md")
    assert len(commands) == 2
    assert all(len(c.text.strip().splitlines()) == 1 for c in commands)


def test_python_in_the_docs_runs(root, blocks):
    for page in (p for p in pages(root) if p.parent.name == "docs" or p.parent.parent.name == "docs"):
        if page.parent.name == "tutorial":
            continue  # it needs what its commands make, and runs with them, among the slow tests, in test_tutorial.py
        names = {}
        for block in blocks(page.relative_to(root)):
            if block.language == "python":
                exec(compile(block.text, str(page), "exec"), names)


def test_the_rooms_are_those_whose_imports_are_checked(root):
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| Room |")[2].partition("\n\n")[0]
    rooms = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert [f"vitrify.{room}" for room in reversed(rooms)] == contract["layers"]
    package = root / "src" / "vitrify"
    assert all((package / room).is_dir() or (package / f"{room}.py").is_file() for room in rooms)


def test_modules_and_names_that_the_pages_mention_exist(root):
    from importlib import import_module

    from vitrify.descriptors import DESCRIPTOR_SETS

    entry_points = {f"vitrify.{DESCRIPTOR_SETS.kind.replace(' ', '_')}s"}
    wrong = []
    for page in pages(root):
        for dotted in (
            set(re.findall(r"`(vitrify(?:\.\w+)+)`", page.read_text(encoding="utf-8"))) - entry_points
        ):
            parts = dotted.split(".")
            for k in range(len(parts), 0, -1):
                try:
                    found = import_module(".".join(parts[:k]))
                except ModuleNotFoundError:
                    continue
                break
            for name in parts[k:]:
                found = getattr(found, name, None)
            if found is None:
                wrong.append((page.name, dotted))
    assert not wrong


def test_verbs_that_the_pages_mention_exist(root):
    from typer.main import get_command

    from vitrify.cli.app import build_app

    known = set(get_command(build_app()).commands)
    text = "\n".join(p.read_text(encoding="utf-8") for p in pages(root))
    used = set(re.findall(r"(?:`|bin/)vitrify ([a-z][\w-]*)", text))
    assert used
    assert used <= known


def test_the_citation_file_is_cff(root):
    import yaml  # comes with zarr

    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": "The vitrify developers"}]
    assert citation["license"] == "BSD-3-Clause"
    known = {
        "cff-version",
        "message",
        "title",
        "abstract",
        "type",
        "authors",
        "version",
        "license",
        "keywords",
    }
    assert set(citation) <= known


def test_the_version_is_the_same_everywhere(root):
    number = re.match(r"\d+\.\d+\.\d+", __version__).group()
    assert f"\nversion: {number}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE).group(
        1
    )
    assert newest == number


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_runs(script, tmp_path):
    assert len(script.read_text(encoding="utf-8").splitlines()) < 60
    if script.stem == "colloid_tracks":
        pytest.skip("it runs with its page, among the slow tests, in test_colloid_tracks.py")
    command = [sys.executable, "-W", "error", str(script)]
    ran = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_no_room_imports_a_heavy_package_by_itself(root):
    rooms = sorted(p.name for p in (root / "src" / "vitrify").iterdir() if (p / "__init__.py").exists())
    heavy = ("numba", "xarray", "sklearn", "scipy", "zarr", "matplotlib")
    script = (
        f"import sys\nimport vitrify.{', vitrify.'.join(rooms)}\nfrom vitrify.cli.app import build_app\nbuild_app()\n"
        f"assert not set({heavy}) & set(sys.modules), set({heavy}) & set(sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
