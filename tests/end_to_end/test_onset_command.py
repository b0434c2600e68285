"""`vitrify run onset` as a user types it."""

import pytest


def test_the_cost_of_every_density_is_said_before_anything_runs(vitrify, tmp_path):
    out = tmp_path / "onset"
    said = vitrify("run", "onset", "--scale", "study", "--dry-run", "--workers", 2, "--out", out)
    assert said.code == 0
    for words in ("onset --densities 1.2", "onset --densities 1.3", "T0.56", "T0.75", "nothing has been run"):
        assert words in " ".join(said.out.split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--densities", "1.2,thick"), "must be numbers with commas between them, such as 1.20,1.30; it is '1.2,thick'"),
        (("--densities", ""), "`--densities` must name at least one density"),
        (("--densities", "1.4"), "The paper has no density 1.4. It has 1.15, 1.20, 1.25, 1.30."),
        (("--trajectories", "runs/softness"), "must be a density and the folder of a study at it"),
        (("--trajectories", "1.2=nowhere"), "needs the folder of a study with its settings.json; nowhere has none"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_in_one_paragraph(vitrify, words, complaint):
    said = vitrify("run", "onset", "--dry-run", *words)
    assert said.code == 2
    assert complaint in " ".join(said.err.split())
