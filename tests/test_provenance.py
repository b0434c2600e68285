import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrify.particles import Box
from vitrify.provenance import canonical_json, identity, to_plain, versions

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Thing:
    cutoffs: tuple[float, ...] = (2.5, 2.0)
    name: str = "thing"


def test_identities_are_pinned():
    """Changing one of these orphans every result that lies on somebody's disk."""
    assert identity({"window": 10}) == "f1dcbb341c4d5d10"
    assert identity({}) == "44136fa355b3678a"
    assert identity({"b": 0.1, "a": [True, None, "σ"]}) == "1c3bf3a43d0c22cc"


@settings(deadline=None, max_examples=25)
@given(plain)
def test_json_text_holds_plain_values_without_loss(value):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_the_order_of_keys_does_not_matter_but_that_of_entries_does():
    assert identity({"a": 1, "b": 2}) == identity({"b": 2, "a": 1})
    assert identity([1, 2]) != identity([2, 1])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2.5), [1, 2.5]),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.str_("A"), "A"),
        (Path("runs") / "a", "runs/a"),
        ({1: {"x": (None,)}}, {"1": {"x": [None]}}),
        (Thing(), {"cutoffs": [2.5, 2.0], "name": "thing"}),
        ([Thing(())], [{"cutoffs": [], "name": "thing"}]),
        (frozenset({"b", "a", "c"}), ["a", "b", "c"]),
    ],
)
def test_values_of_the_field_become_plain(value, expected):
    assert to_plain(value) == expected
    assert type(to_plain(value)) is type(expected)


def test_what_has_to_dict_says_itself_what_it_is():
    box = Box.orthorhombic([1.0, 2.0])
    assert to_plain({"box": box}) == {"box": box.to_dict()}


def test_one_and_one_point_zero_are_different_parameters():
    assert identity({"window": 1}) != identity({"window": 1.0})
    assert identity({"window": 1}) != identity({"window": True})


def test_the_identity_is_the_same_in_every_process():
    code = "from vitrify.provenance import identity; print(identity({'s': {'soft', 'hard', 'A', 'B'}, 'x': 0.1}))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_versions_name_what_decides_numbers():
    found = versions()
    assert {"vitrify", "python", "numpy", "zarr"} <= set(found)
    assert found["numpy"] == np.__version__


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr("vitrify.provenance._PACKAGES", ("numpy", "no-such-glass"))
    assert "no-such-glass" not in versions()
