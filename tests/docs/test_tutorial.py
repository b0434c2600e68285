"""The tutorial as it is typed: its commands on the liquid it simulates, and its Python on a liquid made in seconds."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vitrify.progress import Silent

PAGE = "docs/tutorial/from-trajectory-to-trap-model.md"
PLANTED = {
    "n_clusters": 49, "n_satellites": 6, "softness_scale": 1.0, "e0": 2.6, "e1": 1.2, "sigma0": 0.4, "sigma1": 1.5,
    "memory": 60.0, "one_way": True,
}  # fmt: skip
FOLDERS = {"train": 0.50, "T0.50": 0.50, "T0.53": 0.53, "T0.56": 0.56}


def run_python(blocks, names):
    for block in blocks(PAGE):
        if block.language == "python":
            exec(compile(block.text, PAGE, "exec"), names)


def make_dry_runs(folder):
    """The four stores of the page, from the engine that needs no forces, with softness in every frame."""
    from vitrify.studies.settings import SoftnessSettings
    from vitrify.studies.simulate import Workplace, prepare_trajectory, simulate_state_point
    from vitrify.studies.verbs import rearrangements_of_store, softness_of_store, train_on_store

    points = [
        {"temperature": t, "frames": 330, "hold_time": 1.0, "replica": k, "training": k == 0}
        for k, t in enumerate(FOLDERS.values())
    ]
    settings = SoftnessSettings.model_validate(
        {"scale": "dryrun", "state_points": points, "simulation": {"engine": "dryrun", "planted": PLANTED}}
    )
    training = {
        "descriptors": {"name": "radial_density", "radii": [1.1, 1.5]}, "quiet_time": 40, "min_per_class": 20,
    }  # fmt: skip
    for name, point in zip(FOLDERS, settings.state_points, strict=True):
        store = folder / name / "run.zarr"
        place = Workplace(store.parent, settings, only_store=store)
        prepare_trajectory(place, point)
        simulate_state_point((place, point))
        thresholds = {"event_threshold": 0.05, "rearrangement_threshold": 0.2, "window": 10}
        rearrangements_of_store(store, thresholds, "inherent", Silent(), 1)
        if name == "train":
            train_on_store(store, folder / "softness.json", training, Silent(), 1)
        else:
            softness_of_store(store, folder / "softness.json", 1, Silent(), 1)


def lines(block):
    """The words of each command of a block."""
    found = [shlex.split(line) for line in block.text.strip().splitlines()]
    assert block.language == "sh"
    assert {words[0] for words in found} == {"vitrify"}
    return [words[1:] for words in found]


def test_the_commands_of_the_tutorial_have_the_options_that_they_name(blocks):
    from typer.main import get_command

    from vitrify.cli.app import build_app

    known, seen = get_command(build_app()).commands, []
    for block in blocks(PAGE):
        for verb, *words in lines(block) if block.language == "sh" else ():
            seen.append((verb, str(known[verb].make_context(verb, words).params["store"].parent)))
    steps = {verb: [folder for name, folder in seen if name == verb] for verb, _ in seen}
    assert list(steps) == ["simulate", "quench", "rearrangements", "train", "softness"]
    assert steps["simulate"] == steps["quench"] == steps["rearrangements"] == list(FOLDERS)
    assert steps["train"] + steps["softness"] == list(FOLDERS)


def test_the_python_of_the_tutorial_is_python(blocks):
    found = [block.text for block in blocks(PAGE) if block.language == "python"]
    assert len(found) >= 8
    for text in found:
        compile(text, PAGE, "exec")


@pytest.mark.slow
def test_the_python_of_the_tutorial_finds_what_is_planted(blocks, tmp_path, monkeypatch):
    make_dry_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    run_python(blocks, names)
    assert {p.name for p in tmp_path.glob("*.png")} == {"softness-to-overlap.png", "trap-model.png"}
    assert names["c_a"].value == 1
    measured = names["overlap"]["measured"].values
    predicted = names["overlap"]["predicted"].sel(route="gaussian").values
    assert np.abs(measured - predicted).max() < 0.08
    assert names["barriers"].e1 > 0
    assert names["model"].barrier[1] < 0


@pytest.mark.slow
def test_the_tutorial_runs_as_it_stands(root, blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, program = {}, Path(sys.executable).with_name("vitrify")
    for block in blocks(PAGE):
        if block.language == "python":
            exec(compile(block.text, PAGE, "exec"), names)
            continue
        for words in lines(block):
            ran = subprocess.run([program, *words], check=False, capture_output=True, text=True, timeout=3600)
            assert ran.returncode == 0, f"{words}\n{ran.stdout}\n{ran.stderr}"
    assert names["barriers"].n_events > 300
    assert names["barriers"].e1 > 0
    overlap = names["overlap"]
    assert overlap["distance"].sel(route="gaussian") < overlap["distance"].sel(route="naive")
    for picture in ("softness-to-overlap.png", "trap-model.png"):
        assert (tmp_path / picture).stat().st_size > 5000
        assert (root / "docs" / "images" / picture).stat().st_size < 150_000
