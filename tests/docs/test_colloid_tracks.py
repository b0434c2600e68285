"""The page on colloid tracks, from images to the report, as it is typed."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vitrify.particles.trajectory import Trajectory

PAGE = "docs/how-to/colloid-tracks.md"


@pytest.mark.slow
def test_the_page_on_colloid_tracks_ends_in_a_report(root, blocks, tmp_path):
    pytest.importorskip("trackpy")
    (tmp_path / "examples").symlink_to(root / "examples")
    program = {"python": [sys.executable], "vitrify": [str(Path(sys.executable).with_name("vitrify"))]}
    said = ""
    for block in blocks(PAGE):
        assert block.language == "sh"
        for line in block.text.strip().splitlines():
            first, *rest = shlex.split(line)
            ran = subprocess.run(
                [*program[first], *rest],
                check=False,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
            said += ran.stdout + ran.stderr
    assert (tmp_path / "run.report" / "report.html").stat().st_size > 10_000
    assert "Particles come and go" in said
    assert said.count("are NaN: closer than 2.5") == 2
    trajectory = Trajectory.open(tmp_path / "run.zarr")
    assert not trajectory.layout.complete
    assert trajectory.species_names == ("A", "B")
    assert not any(trajectory.layout.periodic)
    softness = trajectory.read("softness")[::5]
    there = np.isfinite(trajectory.positions("thermal")[::5, :, 0]) & (trajectory.species == 0)
    assert 0.3 < np.isfinite(softness[there]).mean() < 0.9, "the others are near an edge"
    assert np.isnan(softness[~there]).all()
