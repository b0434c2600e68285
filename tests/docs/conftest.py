"""Reading markdown: fenced blocks, links and headings of the project's pages."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def blocks():
    """Return ``blocks(page)``: language and text of each fenced block of a page, in order."""

    def found(page):
        text = (ROOT / page).read_text(encoding="utf-8")
        return [SimpleNamespace(language=language, text=body) for language, body in FENCE.findall(text)]

    return found
