import pytest

from vitrify.engines import ENGINES
from vitrify.errors import UnknownNameError, VitrifyError
from vitrify.registry import Registry

TABLE = {"coordination": "math:pi", "radial_density": "collections:OrderedDict"}


def test_a_member_is_imported_when_it_is_asked_for():
    registry = Registry("descriptor", {**TABLE, "broken": "vitrify.nowhere:Nothing"})
    assert registry.load("coordination") == pytest.approx(3.14159265)
    assert list(registry) == [*TABLE, "broken"]
    assert len(registry) == 3
    with pytest.raises(ModuleNotFoundError, match=r"vitrify\.nowhere"):
        registry.load("broken")


def test_an_unknown_name_lists_the_choices_and_suggests_one():
    registry = Registry("descriptor", TABLE)
    with pytest.raises(UnknownNameError) as caught:
        registry.load("coordinaton")
    assert str(caught.value) == (
        "No descriptor is called 'coordinaton'. Known: coordination, radial_density. Did you mean 'coordination'?"
    )
    with pytest.raises(KeyError, match=r"Known: coordination, radial_density\.$"):
        registry["xyz"]
    assert isinstance(caught.value, VitrifyError)


def test_a_registry_is_a_mapping():
    registry = Registry("descriptor", TABLE)
    assert "coordination" in registry
    assert "coordinaton" not in registry
    assert registry.get("coordinaton") is None
    assert dict(registry) == TABLE


def test_changing_the_given_table_does_not_change_the_registry():
    table = dict(TABLE)
    registry = Registry("descriptor", table)
    table["new"] = "math:e"
    assert "new" not in registry


def test_another_package_adds_members_through_entry_points(tmp_path, monkeypatch):
    (tmp_path / "glassware.py").write_text("class Tetrahedra:\n    pass\n")
    metadata = tmp_path / "glassware-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: glassware\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[vitrify.local_structures]\ntetrahedra = glassware:Tetrahedra\ncoordination = glassware:Tetrahedra\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("local structure", TABLE)
    assert registry.load("tetrahedra").__name__ == "Tetrahedra"
    assert set(registry) == {*TABLE, "tetrahedra"}
    assert registry["coordination"] == "math:pi", "the own member goes before another package's"
    assert "tetrahedra" not in Registry("descriptor", TABLE)


def test_the_engines_are_registered_by_name():
    assert ENGINES.load("lammps")().name == "lammps"
    with pytest.raises(UnknownNameError, match=r"No engine is called 'lamps'.*Did you mean 'lammps'"):
        ENGINES.load("lamps")
