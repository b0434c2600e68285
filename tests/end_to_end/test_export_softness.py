"""A trained softness written for LAMMPS by the command line."""

import numpy as np

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.predictors.trained import TrainedSoftness


def softness_of(descriptor):
    names = descriptor.feature_names(("A", "B"))
    ones = np.ones(len(names))
    return TrainedSoftness(ones, 0.5, ones, 2 * ones, names, descriptor.to_dict(), ("A", "B"), "B")


def test_it_writes_both_files_and_says_how_exact_they_are(vitrify, tmp_path):
    softness_of(RadialDensity(radii=(0.9, 1.1))).save(tmp_path / "softness.json")
    said = vitrify("export-softness", tmp_path / "softness.json", "--out", tmp_path / "for lammps")
    assert (said.code, said.err) == (0, "")
    assert sorted(p.name for p in (tmp_path / "for lammps").iterdir()) == ["in.softness", "softness.table"]
    assert "for each species around B" in said.out
    assert "S_0 = -1.5" in said.out
    assert "e-10 for up to 2000 neighbours" in said.out
    again = vitrify("export-softness", tmp_path / "softness.json", "--out", tmp_path / "for lammps")
    assert again == said


def test_what_is_not_radial_is_refused_in_one_paragraph(vitrify, tmp_path):
    softness_of(BondAngle()).save(tmp_path / "softness.json")
    said = vitrify("export-softness", tmp_path / "softness.json", "--out", tmp_path / "out")
    assert said.code == 2
    assert "66 of the 66 features with a weight are not" in " ".join(said.err.split())
    assert not (tmp_path / "out").exists()


def test_the_help_page_describes_its_arguments(vitrify):
    said = vitrify("export-softness", "--help")
    assert said.code == 0
    assert "Write a softness of radial functions as a LAMMPS pair table." in said.out
    assert "Folder for softness.table and in.softness." in said.out
