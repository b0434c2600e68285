"""`vitrify work`: a store filled in shares, without any scheduler, is the store that the verbs fill."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.base import from_dict
from vitrify.models.kob_andersen import KobAndersen
from vitrify.parallel import lock_folder, lock_shard
from vitrify.particles import Box
from vitrify.particles.layout import Layout, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import to_plain
from vitrify.units import LJ

FRAMES, PER_UNIT, SIDE = 24, 5, 4
N_UNITS = 5
STEPS = (
    ("quench", "--force-tolerance", "1e-2"),
    ("rearrangements", "--window", "4"),
    ("rearrangements", "--indicator", "d2min", "--lag", "2", "--cutoff", "1.5"),
    ("softness", "--model", "softness.json", "--every", "3"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with run.zarr, rattling Kob-Andersen particles on a lattice, and a softness."""
    rng, box = np.random.default_rng(3), Box.orthorhombic([SIDE * 1.1] * 3)
    sites = 1.1 * np.array(list(np.ndindex(SIDE, SIDE, SIDE)), float)
    species = (np.arange(len(sites)) % 5 == 0).astype(np.int64)
    layout = Layout(FRAMES, species, ("A", "B"), frames_per_unit=PER_UNIT)
    model = {"run": {"model": to_plain(KobAndersen())}}
    trajectory = Trajectory.create(tmp_path / "run.zarr", layout, model)
    trajectory.add_stage("thermal", thermal_arrays(LJ))
    for unit, (a, b) in enumerate(trajectory.units()):
        values = {
            "position": sites + rng.normal(scale=0.05, size=(b - a, len(sites), 3)),
            "time": np.arange(a, b, dtype=float),
            "box_vectors": np.repeat(box.vectors[None], b - a, axis=0),
            "box_origin": np.zeros((b - a, 3)),
        }
        trajectory.write("thermal", unit, values)
    recipe = {"name": "radial_density", "radii": [1.1]}
    names = from_dict(recipe).feature_names(("A", "B"))
    trained = TrainedSoftness([1.0, -1.0], 0.2, [0, 0], [1, 1], names, recipe, ("A", "B"), "A")
    trained.save(tmp_path / "softness.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries(store: Path) -> dict[str, str]:
    """Content hashes of all units of all stages."""
    found = sorted((store / "manifest").glob("*/[0-9]*.json"))
    return {f"{e.parent.name}/{e.stem}": json.loads(e.read_text())["sha256"] for e in found}


def prepare(vitrify, store="run.zarr"):
    for verb, *options in STEPS:
        said = vitrify(verb, store, *options, "--prepare")
        assert said.code == 0, said.err
        assert f"`vitrify work {store} --shard k/n`" in said.err.replace("\n", " ")


def test_shares_fill_what_the_verbs_fill_and_repeating_them_is_free(vitrify, folder):
    shutil.copytree("run.zarr", "whole.zarr")
    for verb, *options in STEPS:
        assert vitrify(verb, "whole.zarr", *options, "--workers", 1).code == 0
    prepare(vitrify)
    assert vitrify("work", "run.zarr", "--shard", "1/2", "--stage", "inherent").code == 0
    said = vitrify("work", "run.zarr", "--shard", "1/2")
    assert said.code == 2
    assert "'p_hop' of run.zarr follows from the inherent positions of all frames; 2 of 5 units" in said.err
    assert "are not done yet: 1, 3. Repeat this command when they are." in said.err
    assert vitrify("work", "run.zarr", "--shard", "2/2").code == 0
    said = vitrify("work", "run.zarr", "--shard", "1/2")
    assert said.code == 0
    assert "share 1/2 of 'inherent' is done, 3 units" in said.err
    assert "share 1/2 of 'softness' is done, 3 units now and 0 before; 0 of 5 units are left" in said.err
    found = entries(folder / "run.zarr")
    assert found == entries(folder / "whole.zarr")
    assert len(found) == 5 * N_UNITS
    written = {p: p.stat().st_mtime_ns for p in (folder / "run.zarr").rglob("*")}
    assert vitrify("work", "run.zarr", "--shard", "1/1").code == 0
    for verb, *options in STEPS:
        assert vitrify(verb, "run.zarr", *options).code == 0
    assert {p: p.stat().st_mtime_ns for p in (folder / "run.zarr").rglob("*")} == written
    assert (folder / "run.events.csv").read_bytes() == (folder / "whole.events.csv").read_bytes()


def test_shares_work_side_by_side_in_processes_of_their_own(vitrify, folder):
    prepare(vitrify)
    command = [
        Path(sys.executable).with_name("vitrify"),
        "work",
        "run.zarr",
        "--stage",
        "inherent",
        "--shard",
    ]
    running = [subprocess.Popen([*command, f"{k}/2"], stderr=subprocess.PIPE, text=True) for k in (1, 2)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert Trajectory.open("run.zarr").is_done("inherent")
    assert {p.name for p in folder.iterdir() if p.name.startswith(".")} == {".lock"}


def test_a_share_is_refused_twice_and_beside_a_verb(vitrify, folder):
    prepare(vitrify)
    work = ("work", "run.zarr", "--shard", "1/2", "--stage", "inherent")
    with lock_folder(folder, shared=True), lock_shard(folder, "run.inherent.1/2"):
        said = vitrify(*work)
        assert said.code == 2
        assert f"Shard run.inherent.1/2 in . is in use by process {os.getpid()} on" in said.err
        assert vitrify("work", "run.zarr", "--shard", "2/2", "--stage", "inherent").code == 0
        said = vitrify("quench", "run.zarr")
        assert said.code == 2
        assert "(shard run.inherent.1/2). Wait for it to end" in said.err.replace("\n", " ")
    with lock_folder(folder):
        said = vitrify(*work)
        assert said.code == 2
        assert f"is in use by process {os.getpid()}" in said.err
    assert vitrify(*work).code == 0


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/0", "a/b", "1/2/3", "-1/2", "0.5/2"])
def test_a_share_that_is_none_is_refused(vitrify, folder, shard):
    said = vitrify("work", "run.zarr", f"--shard={shard}")
    assert said.code == 2
    assert f"`--shard` is k/n with k from 1 to n, such as 3/8; it is '{shard}'" in said.err


def test_what_is_not_prepared_names_the_verb_that_prepares_it(vitrify, folder):
    said = vitrify("work", "run.zarr", "--shard", "1/1")
    assert said.code == 2
    assert "no stage 'inherent' or 'p_hop' or 'd2min' or 'softness'" in said.err
    assert "Run `vitrify quench run.zarr --prepare` first" in said.err.replace("\n", " ")
    said = vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "p_hop")
    assert "Run `vitrify rearrangements run.zarr --prepare` first" in said.err.replace("\n", " ")
    said = vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "p_hopp")
    assert said.code == 2
    assert "Did you mean 'p_hop'?" in said.err
    said = vitrify("rearrangements", "run.zarr", "--prepare")
    assert said.code == 2
    assert "Run `vitrify quench run.zarr` first" in said.err.replace("\n", " ")


def test_the_trained_softness_of_a_share_is_the_one_that_was_prepared(vitrify, folder):
    prepare(vitrify)
    assert vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "inherent").code == 0
    beside = folder / "run.prepared-softness.json"
    beside.rename(folder / "gone.json")
    said = vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "softness")
    assert said.code == 2
    assert (
        "The trained softness of the stage 'softness' of run.zarr is not in run.prepared-softness.json"
        in said.err
    )
    trained = TrainedSoftness.load(folder / "gone.json")
    changed = TrainedSoftness(**{**trained.to_dict(), "bias": 0.3})
    changed.save(beside)
    assert vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "softness").code == 2
    trained.save(beside)
    assert vitrify("work", "run.zarr", "--shard", "1/1", "--stage", "softness").code == 0


def test_imported_inherent_positions_are_not_made_here(vitrify, folder):
    from vitrify.particles.layout import inherent_arrays

    trajectory = Trajectory.open("run.zarr")
    trajectory.add_stage("inherent", inherent_arrays(LJ), {"imported": True})
    said = vitrify("work", "run.zarr", "--shard", "1/1")
    assert said.code == 2
    assert "were imported, not quenched here, and not all are there. Repeat the `vitrify import`" in said.err


def test_the_scheduler_of_another_executor_is_refused_and_an_unknown_one_answered(vitrify, folder):
    said = vitrify("quench", "run.zarr", "--executor", "mpi")
    assert said.code == 2
    assert "No executor is called 'mpi'. Known: serial, processes, dask." in said.err
    said = vitrify("quench", "run.zarr", "--executor", "serial", "--scheduler", "tcp://127.0.0.1:8786")
    assert said.code == 2
    assert "Only the executor 'dask' has a scheduler; the executor is 'serial'" in said.err


def test_the_command_line_runs_on_dask(vitrify, folder):
    pytest.importorskip("distributed")
    shutil.copytree("run.zarr", "whole.zarr")
    assert vitrify("quench", "whole.zarr", "--executor", "serial").code == 0
    assert vitrify("quench", "run.zarr", "--executor", "dask", "--workers", 2).code == 0
    assert entries(folder / "run.zarr") == entries(folder / "whole.zarr")


def test_the_job_array_of_the_docs_fills_a_store_with_the_variables_that_slurm_sets(vitrify, folder):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md"
    script = re.search(r"```bash\n(#!/bin/bash\n.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1]
    (folder / "fill.sh").write_text(script)
    prepare(vitrify)
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for task in (1, 2):
        slurm = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "2", "PATH": tools}
        done = subprocess.run(
            ["bash", "fill.sh", "inherent"],
            env={**os.environ, **slurm},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert Trajectory.open("run.zarr").is_done("inherent")
