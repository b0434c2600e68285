"""The frames and the peers written here: what they are compared with must be right too."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.particles import Box, Frame
from vitrify.rearrangements.p_hop import PHop

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_a_million_is_made_of_a_cube_of_boxes(benchmarks):
    repeats = benchmarks("configurations").repeats
    assert [repeats(k) for k in (1, 10, 100, 1000)] == [(1, 1, 1), (1, 2, 5), (4, 5, 5), (10, 10, 10)]


def test_tiles_have_the_density_and_the_neighbours_of_the_tile(benchmarks):
    rng = np.random.default_rng(0)
    tile = Frame(rng.uniform(0, 3, (20, 3)), rng.integers(0, 2, 20), Box.orthorhombic([3.0, 3.0, 3.0]))
    tiled = benchmarks("configurations").tiled(tile, (1, 2, 3))
    assert tiled.number_density == pytest.approx(tile.number_density)
    radial = RadialDensity(radii=(0.8, 1.2))
    np.testing.assert_allclose(radial.evaluate(tiled), np.tile(radial.evaluate(tile), (6, 1)), rtol=1e-10)


def test_p_hop_by_running_sums_is_p_hop(benchmarks):
    module = benchmarks("bench_p_hop")
    positions = module.walks(40, 7)
    np.testing.assert_allclose(module.by_numpy(positions, 10), PHop(window=10).compute(positions), rtol=1e-9)


def test_gaussians_by_numpy_are_the_radial_functions(benchmarks):
    module = benchmarks("bench_structure_functions")
    rng = np.random.default_rng(1)
    for edge in (4.0, 9.0):  # images beyond the nearest count in the small box
        frame = Frame(rng.uniform(0, edge, (40, 3)), rng.integers(0, 2, 40), Box.orthorhombic([edge] * 3))
        radial, centres = RadialDensity(radii=(0.5, 1.0, 1.5)), np.array([0, 3, 17])
        found = module.by_chunks(module.sums_by_numpy, frame, radial, centres)
        np.testing.assert_allclose(found, radial.evaluate(frame, centres), atol=1e-12)


@pytest.mark.parametrize(
    "descriptor",
    [RadialDensity(radii=(0.9, 1.1)), BondAngle(parameters=((1.5, 2, -1.0), (1.2, 4, 1.0)), cutoff=1.8)],
)
def test_dscribe_has_the_same_functions_where_its_cutoff_function_is_one(benchmarks, descriptor):
    pytest.importorskip("dscribe")
    rng = np.random.default_rng(2)
    frame = Frame(rng.uniform(0, 4, (50, 3)), rng.integers(0, 2, 50), Box.orthorhombic([4.0] * 3))
    centres = np.array([0, 7])
    found = benchmarks("dscribe_functions").without_cutoff(descriptor, frame, centres)
    np.testing.assert_allclose(found, descriptor.evaluate(frame, centres), rtol=1e-8)


def test_two_busy_workers_have_twice_the_throughput_of_one(benchmarks):
    module = benchmarks("bench_workers")
    alone = [module.Done(1, k, k + 1) for k in range(4)]
    both = [module.Done(k % 2, 10 + k // 2, 11 + k // 2) for k in range(4)]
    assert module.throughput(both, 10) == 2 * module.throughput(alone, 10) == 20


def test_every_measurement_has_one_name(benchmarks):
    run = benchmarks("run")
    rows = [name for family in run.FAMILIES for name in benchmarks(family).ROWS]
    assert len(rows) == len(set(rows)) == len(run.measurements())


@pytest.mark.slow
def test_a_quick_run_measures_every_row(tmp_path):
    """Everything on small systems: what is not measured lacks a package, a compiler or a core."""
    out = tmp_path / "results.csv"
    command = [sys.executable, str(FOLDER / "run.py"), "--quick", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "240"}
    )
    assert done.returncode == 0, done.stderr
    with open(out, newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    measured = [line for line in lines if not line["remark"].startswith("not measured")]
    assert {line["kind"] for line in measured} == {"row", "growth", "scaling"}
    reasons = ("pip install", "no C compiler", "two cores")
    assert all(any(r in line["remark"] for r in reasons) for line in lines if line not in measured)
    assert all(float(line["ratio"]) > 0 for line in measured if line["kind"] == "row")
    exponents = [float(line["exponent"]) for line in measured if line["kind"] == "growth"]
    assert all(math.isfinite(x) for x in exponents)
