"""A trajectory that comes back from a file of another program gives what it gave before."""

import shutil

import numpy as np
import pytest

from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory


@pytest.fixture
def own(finished_study, tmp_path):
    """The training trajectory of a study, its events beside it, and the trained softness."""
    (known,) = (finished_study / "study" / "trajectories").glob("T0.6-1")
    folder = tmp_path / "known"
    shutil.copytree(known, folder)
    shutil.copy(finished_study / "study" / "softness.json", tmp_path / "softness.json")
    return folder / "trajectory.zarr"


FORMS = [
    ("out.lammpstrj", ("--unwrapped",), ()),
    ("out.lammpstrj.gz", ("--wrapped",), ()),
    ("out.gsd", (), ()),
    ("out.extxyz", ("--unwrapped",), ("--reader-option", "unwrapped=true")),
]


@pytest.mark.parametrize(("name", "how", "said_of_it"), FORMS)
def test_every_verb_gives_the_same_on_an_imported_store(vitrify, own, tmp_path, name, how, said_of_it):
    said = vitrify("export", own, tmp_path / name, "--positions", "inherent", *how)
    assert said.code == 0, said.err
    store = tmp_path / "run.zarr"
    said = vitrify("import", tmp_path / name, store, "--positions", "inherent", *said_of_it)
    assert said.code == 0, said.err
    before, after = Trajectory.open(own), Trajectory.open(store)
    np.testing.assert_array_equal(before.species, after.species)
    assert before.species_names == after.species_names
    a, b = before.positions("inherent"), after.positions("inherent")
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    assert vitrify("rearrangements", store).code == 0
    events, known = load_table(tmp_path / "run.events.npz"), load_table(own.parent / "events.npz")
    for column in ("particle", "start_frame", "peak_frame"):
        np.testing.assert_array_equal(events[column], known[column])
    train = ("train", store, "--out", tmp_path / "new.json", "--descriptors", "first-peaks")
    said = vitrify(*train, "--quiet-time", 40, "--min-per-class", 20)
    assert said.code == 0, said.err
    assert "Accuracy on held-out segments" in said.err
    said = vitrify("softness", store, "--model", tmp_path / "softness.json", "--every", 20)
    assert said.code == 0, said.err
    said = vitrify(
        "describe", store, "--out", tmp_path / "f.npz", "--descriptors", "coordination", "--every", 40
    )
    assert said.code == 0, said.err


def test_a_quench_of_imported_thermal_frames_needs_their_model(vitrify, own, tmp_path):
    vitrify("export", own, tmp_path / "out.lammpstrj", "--positions", "inherent", "--stop", 3)
    for model, code in (((), 2), (("--model", "kob_andersen,smoothing=quad"), 0)):
        store = tmp_path / f"run{len(model)}.zarr"
        assert (
            vitrify("import", tmp_path / "out.lammpstrj", store, "--positions", "thermal", *model).code == 0
        )
        said = vitrify("quench", store, "--max-iterations", 30)
        assert said.code == code, said.err
        if not model:
            assert "Import it with `--model`" in said.err
    assert Trajectory.open(store).provenance["run"]["model"]["smoothing"] == "quad"


def test_options_of_import_that_make_no_sense_are_refused(vitrify, own, tmp_path):
    vitrify("export", own, tmp_path / "out.lammpstrj", "--positions", "inherent", "--stop", 3)
    begin = ("import", tmp_path / "out.lammpstrj", tmp_path / "run.zarr", "--positions", "thermal")
    for words, message in (
        (("--species", "A=X"), "`species` says nothing of B"),
        (("--species", "1:A"), "`--species` is a list such as 1=A,2=B"),
        (("--model", "kob_anderson"), "Did you mean 'kob_andersen'?"),
        (("--model", "kob_andersen,smooth=1"), "has no parameter 'smooth'"),
        (("--species", "A=Li,B=Si", "--model", "kob_andersen"), "the files have Li, Si besides"),
        (("--pixel-size", "0.1"), "has no option pixel_size"),
        (("--reader-option", "nonsense"), "`--reader-option` is NAME=VALUE"),
        (("--start", "7"), "nothing is left"),
        (("--units", "metre"), "`units` must be one of"),
        (("--species-edges", "a,b", "--species-by", "radius"), "`--species-edges` is a list of numbers"),
    ):
        said = vitrify(*begin, *words)
        assert said.code == 2
        assert message in " ".join(said.err.split()), said.err
    assert not (tmp_path / "run.zarr").exists()


def test_descriptors_come_from_a_file_and_in_the_units_of_the_store(vitrify, own, tmp_path):
    """The same frames with all lengths doubled, described in a unit twice as long, have the same features."""
    from vitrify.descriptors.radial_density import RadialDensity
    from vitrify.provenance import canonical_json

    known = Trajectory.open(own)
    larger = Trajectory.from_arrays(
        tmp_path / "larger.zarr",
        2 * known.positions("inherent", 0, 2),
        known.species,
        type(known.box(0))(2 * known.box(0).vectors, 2 * known.box(0).origin),
    )
    (tmp_path / "d.json").write_text(canonical_json(RadialDensity(radii=(0.9, 1.1)).to_dict()))
    said = []
    for store, kind, unit in ((own, "inherent", ()), (larger.path, "thermal", ("--length-unit", 2))):
        out = tmp_path / f"{kind}.npz"
        every = 1 if kind == "thermal" else known.n_frames
        words = ("--descriptors", tmp_path / "d.json", "--positions", kind, "--every", every, "--out", out)
        assert vitrify("describe", store, *words, *unit).code == 0
        said.append(load_table(out)["features"].values[: known.n_particles])
    np.testing.assert_allclose(said[0], said[1], rtol=1e-12)
    for text, message in (("{", "cannot be read as the JSON"), ("[1]", "holds no descriptor: list")):
        (tmp_path / "bad.json").write_text(text)
        said = vitrify("describe", own, "--descriptors", tmp_path / "bad.json", "--out", tmp_path / "x.npz")
        assert said.code == 2
        assert message in " ".join(said.err.split())
