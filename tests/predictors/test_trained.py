import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.particles import Box, Frame
from vitrify.predictors.softness import Softness
from vitrify.predictors.trained import TrainedSoftness


@pytest.fixture
def plane():
    rng = np.random.default_rng(0)
    return TrainedSoftness(
        rng.normal(size=50) * np.geomspace(1e-9, 1e9, 50),
        0.1 + 0.2,
        rng.normal(size=50) / 3,
        rng.uniform(1e-12, 10, size=50),
        [f"A {r / 10}" for r in range(50)],
        {"name": "radial_density", "radii": (1.1, 0.9)},
        ("A", "B"),
        "A",
        training={"temperature": 0.47, "quiet_time": np.int64(300), "n": (6000, 6000), "σ": None},
    )


@pytest.fixture
def features():
    return np.random.default_rng(1).normal(size=(1000, 50))


def test_it_gives_the_softness_of_the_estimator_to_the_bit():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(200, 4)), np.tile([1, -1], 100)
    features[:, 0] += labels
    fitted = Softness(C=0.5).fit(features, labels)
    plane = TrainedSoftness.from_estimator(
        fitted,
        feature_names="abcd",
        descriptors=[],
        species_names=["A"],
        centre_species="A",
        training={"temperature": 0.5},
    )
    assert np.array_equal(plane.evaluate(features), fitted.decision_function(features))
    assert (plane.training["C"], plane.training["loss"], plane.training["temperature"]) == (0.5, "hinge", 0.5)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 256])
def test_a_value_does_not_depend_on_its_batch(plane, features, size):
    whole = plane.evaluate(features)
    parts = [plane.evaluate(features[k : k + size]) for k in range(0, 1000, size)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(plane.evaluate(np.asfortranarray(features)), whole)


def test_another_process_reads_the_same_bits(plane, features, tmp_path):
    plane.save(tmp_path / "softness.json")
    np.save(tmp_path / "features.npy", features)
    code = (
        "import sys, numpy as np; from vitrify.predictors.trained import TrainedSoftness;"
        "plane = TrainedSoftness.load(sys.argv[1] + '/softness.json');"
        "np.save(sys.argv[1] + '/found.npy', plane.evaluate(np.load(sys.argv[1] + '/features.npy')));"
        "plane.save(sys.argv[1] + '/again.json')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert np.load(tmp_path / "found.npy").tobytes() == plane.evaluate(features).tobytes()
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "softness.json").read_bytes()


def test_everything_comes_back(plane, tmp_path):
    plane.save(tmp_path / "softness.json")
    again = TrainedSoftness.load(tmp_path / "softness.json")
    assert again == plane
    assert hash(again) == hash(plane)
    assert again.training == {"temperature": 0.47, "quiet_time": 300, "n": [6000, 6000], "σ": None}
    for name in ("weights", "mean", "scale"):
        assert getattr(again, name).tobytes() == getattr(plane, name).tobytes()


def test_saving_leaves_one_whole_file_and_replaces_an_older_one(plane, tmp_path):
    (tmp_path / "softness.json").write_text("old")
    plane.save(tmp_path / "softness.json")
    assert [p.name for p in tmp_path.iterdir()] == ["softness.json"]
    assert TrainedSoftness.load(str(tmp_path / "softness.json")) == plane


def test_a_failed_save_leaves_the_older_file(plane, tmp_path, monkeypatch):
    plane.save(tmp_path / "softness.json")
    before = (tmp_path / "softness.json").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"No space left while writing .*softness.json"):
        plane.save(tmp_path / "softness.json")
    assert (tmp_path / "softness.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there_is_made_and_one_that_cannot_be_is_named(plane, tmp_path):
    plane.save(tmp_path / "new" / "softness.json")
    assert TrainedSoftness.load(tmp_path / "new" / "softness.json") == plane
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/softness.json cannot be written: "):
        plane.save(tmp_path / "file" / "softness.json")
    with pytest.raises(StoreError, match=r"nowhere.json cannot be read: No such file"):
        TrainedSoftness.load(tmp_path / "nowhere.json")


def edited(path: Path, change) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_an_edited_number_is_noticed(plane, tmp_path):
    plane.save(tmp_path / "s.json")
    edited(tmp_path / "s.json", lambda c: c["softness"]["weights"].__setitem__(3, 1.0))
    with pytest.raises(
        StoreError, match=r"s.json was edited or damaged: its content does not match its hash"
    ):
        TrainedSoftness.load(tmp_path / "s.json")


def test_reformatting_is_no_edit(plane, tmp_path):
    plane.save(tmp_path / "s.json")
    assert TrainedSoftness.load(edited(tmp_path / "s.json", lambda c: None)) == plane


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_called_so(plane, tmp_path, fraction):
    plane.save(tmp_path / "s.json")
    text = (tmp_path / "s.json").read_text()
    (tmp_path / "s.json").write_text(text[: int(len(text) * fraction)])
    with pytest.raises(StoreError, match=r"s.json is truncated: it ends in the middle, in line"):
        TrainedSoftness.load(tmp_path / "s.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"softness = 3", "is not JSON: Expecting value in line 1"),
        (b"\xff\xfe\x00", "is not JSON: it is no text"),
        (b"", "is not JSON"),
        (b"[1, 2]", "is no trained softness: its format is 'list'"),
        (b'{"format": "other"}', "is no trained softness: its format is 'other'"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(StoreError, match=message):
        TrainedSoftness.load(tmp_path / "s.json")


def test_a_newer_version_is_named(plane, tmp_path):
    plane.save(tmp_path / "s.json")
    edited(tmp_path / "s.json", lambda c: c.__setitem__("version", 7))
    with pytest.raises(
        StoreVersionError, match="has version 7 of its format; this vitrify reads up to version 1"
    ):
        TrainedSoftness.load(tmp_path / "s.json")


def test_a_missing_entry_with_a_right_hash_is_named(plane, tmp_path):
    from vitrify.provenance import identity

    def drop(content):
        del content["softness"]["mean"]
        content["hash"] = identity(content["softness"])

    plane.save(tmp_path / "s.json")
    with pytest.raises(StoreError, match="no complete trained softness; these entries differ: mean"):
        TrainedSoftness.load(edited(tmp_path / "s.json", drop))


def test_features_of_another_length_are_refused(plane):
    with pytest.raises(
        ShapeError, match=r"must have shape \(n, 50\), one column per feature; it has \(3, 49\)"
    ):
        plane.evaluate(np.zeros((3, 49)))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weights": [1.0]}, ShapeError, r"`weights` needs one entry per feature, 2; it has shape \(1,\)"),
        ({"mean": [np.nan, 0]}, ParameterError, "`mean` holds 1 entries that are not finite"),
        ({"scale": [0.0, 1.0]}, ParameterError, "`scale` positive"),
        ({"bias": np.inf}, ParameterError, "`bias` must be finite"),
        (
            {"positions": "quenched"},
            ParameterError,
            "`positions` must be 'inherent' or 'thermal'; it is 'quenched'",
        ),
        ({"centre_species": "C"}, ParameterError, "`centre_species` = 'C' is none of the species A, B"),
    ],
)
def test_what_cannot_be_a_plane_is_refused(change, error, message):
    parameters = {
        "weights": [1.0, 2.0],
        "bias": 0.0,
        "mean": [0.0, 0.0],
        "scale": [1.0, 1.0],
        "feature_names": ["a", "b"],
        "descriptors": [],
        "species_names": ["A", "B"],
        "centre_species": "A",
    }
    with pytest.raises(error, match=message):
        TrainedSoftness(**{**parameters, **change})


def test_numbers_that_json_has_not_are_refused(plane, tmp_path):
    plane.training["accuracy"] = float("nan")
    with pytest.raises(ParameterError, match="a number that is not finite"):
        plane.save(tmp_path / "s.json")
    assert not list(tmp_path.iterdir())


def test_it_cannot_be_changed(plane):
    with pytest.raises(ValueError, match="read-only"):
        plane.weights[0] = 1.0


@pytest.fixture
def frame():
    return Frame(np.arange(8.0).reshape(4, 2), [0, 1, 0, 0], Box.orthorhombic([9.0, 9.0]))


def trained_on(descriptors, species_names=("A", "B")):
    names = descriptors.feature_names(species_names)
    ones = np.ones(len(names))
    return TrainedSoftness(ones, -1.0, ones, 2 * ones, names, descriptors.to_dict(), species_names, "A")


def test_the_softness_of_a_configuration_is_that_of_its_features(frame, tmp_path):
    descriptors = RadialDensity(radii=(1.0, 2.0, 3.0))
    plane = trained_on(descriptors)
    plane.save(tmp_path / "s.json")
    again = TrainedSoftness.load(tmp_path / "s.json")
    assert np.array_equal(again.softness(frame), plane.evaluate(descriptors.evaluate(frame, [0, 2, 3])))
    assert np.array_equal(again.softness(frame, [3]), again.softness(frame)[2:])


def test_descriptors_that_make_other_features_are_refused(frame, plane):
    other = replace(trained_on(RadialDensity(radii=(1.0,))), feature_names=("G_A(2)", "G_B(2)"))
    with pytest.raises(
        ParameterError, match=r"make 2 features, G_A\(1\), G_B\(1\) …, where `feature_names` has 2, G_A\(2\)"
    ):
        other.softness(frame)


def test_species_that_it_was_not_trained_on_are_refused(plane, frame):
    strange = Frame(frame.positions, frame.species, frame.box, ("Ni", "P"))
    with pytest.raises(ParameterError, match="trained on the species A, B; the frame has Ni, P"):
        plane.softness(strange)
