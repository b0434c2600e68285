"""Every reader and writer is registered, names itself, and says what it promises."""

import pkgutil
from dataclasses import fields, is_dataclass

import pytest

import vitrify.readers
import vitrify.writers
from vitrify.readers import READERS
from vitrify.readers.base import Reader
from vitrify.writers import WRITERS

NOT_READERS = {"base", "source", "following", "importing", "propensity", "predictions"}
NOT_WRITERS = {"base"}


def modules(package, but):
    names = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return {f"{package.__name__}.{name}" for name in names - but}


def test_every_file_is_registered():
    for table, package, but in (
        (READERS, vitrify.readers, NOT_READERS),
        (WRITERS, vitrify.writers, NOT_WRITERS),
    ):
        assert modules(package, but) == {table.load(name).__module__ for name in table}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_a_frozen_dataclass_of_options_under_its_own_name(name):
    kind = READERS.load(name)
    assert issubclass(kind, Reader)
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert kind.name == name
    assert fields(kind)[0].name == "files"
    documented = kind.__doc__.split("Parameters\n")[1]
    assert all(
        f"    {f.name} :" in documented or f"{f.name}, " in documented or f", {f.name}" in documented
        for f in fields(kind)
    )


@pytest.mark.parametrize("name", READERS)
def test_no_reader_claims_a_file_of_python_or_a_store(name, tmp_path):
    kind = READERS.load(name)
    for other in ("run.py", "softness.json", "report.html"):
        path = tmp_path / other
        path.write_text("x = 1\n")
        assert not kind.recognizes(path)
