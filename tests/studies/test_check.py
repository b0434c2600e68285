"""`vitrify check` says what a trajectory is: each property against one that was made so."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.particles.layout import Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.inherent import Quench
from vitrify.provenance import to_plain
from vitrify.readers.base import FileFrame, Reader
from vitrify.readers.source import Source
from vitrify.studies import check_scan
from vitrify.studies.check import check_source, check_store
from vitrify.studies.check_frames import forces_of
from vitrify.studies.check_scan import digits_of
from vitrify.units import LJ

N, EDGE = 64, 4.0


@dataclass(frozen=True)
class Listed(Reader):
    """Frames that are given."""

    name = "listed"
    held: tuple = field(default=(), compare=False)
    in_order: bool = False

    @property
    def n_frames(self):
        return len(self.held)

    @property
    def random_access(self):
        return not self.in_order

    def frames(self, start=0, stop=None):
        yield from self.held[start:stop]


def lattice(n_frames, motion=0.02, seed=0):
    """Positions (F, N, 3) near the sites of a simple cubic crystal."""
    rng = np.random.default_rng(seed)
    sites = np.argwhere(np.ones((4, 4, 4))) * (EDGE / 4) + 0.3
    return sites + motion * rng.normal(size=(n_frames, N, 3))


def made(positions, steps=None, box=None, **others):
    """Frames of a file: wrapped, with ids in another order in each of them."""
    box = Box.orthorhombic([EDGE] * positions.shape[2]) if box is None else box
    frames = []
    for k, x in enumerate(positions):
        order = np.random.default_rng(k).permutation(len(x))
        frames.append(
            FileFrame(
                x[order],
                box,
                np.where(order % 5 == 0, "2", "1"),
                order + 1,
                step=k if steps is None else int(steps[k]),
                label=f"made, frame {k}",
                **others,
            )
        )
    return frames


def source(frames, **options):
    return Source(Listed((Path("made"),), tuple(frames)), **options)


def words(found, level):
    return " ".join(f"{r.what} {r.do}" for r in found.remarks if r.level == level)


def row(found, name):
    return next(a for a in found.analyses if a.name == name)


def test_a_plain_file_is_described():
    found = check_source(source(made(lattice(20, motion=0.12), steps=100 * np.arange(20))))
    assert found.verdict == "good", found.remarks
    assert (found.frames["n"], found.frames["looked_at"], found.frames["times"]) == (20, 20, "steps")
    assert found.frames["spacing"]["interval"] == 100
    assert found.particles == {"min": N, "max": N, "all": N, "ids": "complete", "gaps": 0, "longest_gap": 0}
    assert [(s["name"], s["in_file"], s["n"]) for s in found.species] == [("A", "1", 51), ("B", "2", 13)]
    assert (found.box["dimension"], found.box["change"], found.box["tilted"]) == (3, "constant", False)
    assert found.density["number"] == pytest.approx(1.0)
    assert found.precision["digits"] >= 15
    assert found.state["state"] == "unknown"
    assert "not guessed" in row(found, "import").why


def test_the_shortest_distance_is_that_of_all_pairs():
    positions = np.random.default_rng(1).random((1, N, 3)) * EDGE
    box = Box.orthorhombic([EDGE] * 3)
    i, j = np.triu_indices(N, 1)
    shortest = np.linalg.norm(box.minimum_image(positions[0, i] - positions[0, j]), axis=1).min()
    found = check_source(source(made(positions)))
    assert found.pairs["shortest"] == pytest.approx(shortest)
    assert "overlap" in words(found, "warning")


def test_two_particles_on_one_spot_make_a_file_unusable():
    positions = lattice(2)
    positions[0, 5] = positions[0, 9]
    found = check_source(source(made(positions)))
    assert "sit on one spot" in words(found, "error")
    assert {a.possible for a in found.analyses} == {"no"}
    assert found.exit_code() == 2


@pytest.mark.parametrize(
    ("steps", "kind", "p_hop"),
    [
        (np.arange(12), "linear", "yes"),
        ([0, 10, 40, 70, 100, 400, 700, 1000, 4000, 7000, 10000, 40000], "logarithmic", "no"),
        (np.add.outer(100 * np.arange(4), [0, 1, 10]).ravel(), "blocks", "no"),
    ],
)
def test_spacing_decides_which_analyses_are_possible(steps, kind, p_hop):
    found = check_source(source(made(lattice(12), steps=steps)))
    assert found.frames["spacing"]["kind"] == kind
    assert row(found, "rearrangements: p_hop").possible == p_hop
    assert row(found, "MSD, overlap").possible == "yes"


def test_times_that_go_back_are_refused():
    found = check_source(source(made(lattice(4), steps=[0, 10, 10, 20])))
    assert "`times` must ascend; frame 2" in words(found, "error")
    assert found.verdict == "unusable"


def test_wrapped_positions_are_followed_as_long_as_steps_are_short():
    slow = check_source(source(made(lattice(5))))
    assert slow.unwrapping["how"] == "followed"
    assert slow.unwrapping["safe"]
    drift = np.arange(5)[:, None, None] * np.array([1.8, 0, 0])
    fast = check_source(source(made(lattice(5) + drift)))
    assert not fast.unwrapping["safe"]
    assert 0.85 < 2 * fast.unwrapping["largest_step"] <= 1
    assert "cannot be followed safely" in words(fast, "warning")
    assert row(fast, "MSD, overlap").possible == "no"
    assert row(fast, "import").possible == "no"
    images = check_source(source(made(lattice(5) + drift, images=np.zeros((N, 3), int))))
    assert images.unwrapping["how"] == "images"
    assert row(images, "MSD, overlap").possible == "yes"


def test_the_largest_step_is_that_of_the_same_particle_and_moves_with_the_box():
    """Rows come in another order in each frame, and the box grows by a tenth with everything in it."""
    frames = made(np.repeat(lattice(1, 0), 2, axis=0))
    grown = Box.orthorhombic([1.1 * EDGE] * 3)
    frames[1] = replace(frames[1], positions=1.1 * frames[1].positions, box=grown)
    found = check_source(source(frames))
    assert found.unwrapping["largest_step"] < 1e-12
    assert found.box["largest_change"] == pytest.approx(0.1)


def test_a_box_that_jumps_is_named_and_one_that_breathes_is_not():
    breathing = [EDGE * (1 + 0.003 * np.sin(k)) for k in range(12)]
    frames = [
        replace(f, box=Box.orthorhombic([e] * 3)) for f, e in zip(made(lattice(12)), breathing, strict=True)
    ]
    assert check_source(source(frames)).box["change"] == "changes"
    frames[7:] = [replace(f, box=Box.orthorhombic([1.5 * EDGE] * 3)) for f in frames[7:]]
    found = check_source(source(frames))
    assert found.box["change"] == "jumps"
    assert found.box["jump"] == "made, frame 7"
    assert "The box jumps" in words(found, "error")


def test_a_tilt_that_flips_is_the_same_lattice():
    tilts = [1.8, 1.95, 2.1 - EDGE, 2.2 - EDGE]
    frames = [
        replace(f, box=Box.triclinic([EDGE] * 3, [t, 0, 0]))
        for f, t in zip(made(lattice(4)), tilts, strict=True)
    ]
    found = check_source(source(frames))
    assert (found.box["change"], found.box["flips"], found.box["tilted"]) == ("changes", 1, True)
    assert found.box["largest_change"] == pytest.approx(0.15 / EDGE)
    assert found.unwrapping["largest_step"] < 0.1


def test_particles_that_come_and_go_are_counted_with_their_gaps():
    frames = made(lattice(8), unwrapped=True)
    box = Box.orthorhombic([EDGE] * 3, periodic=[False] * 3)
    for k, frame in enumerate(frames):
        lost = [3] if k in (2, 3, 6) else [10] if k == 5 else []
        lost += [20] if k >= 4 else []
        kept = ~np.isin(frame.ids, lost)
        frames[k] = replace(
            frame, positions=frame.positions[kept], ids=frame.ids[kept], labels=frame.labels[kept], box=box
        )
    found = check_source(source(frames))
    assert found.particles == {"min": N - 2, "max": N, "all": N, "ids": "vary", "gaps": 3, "longest_gap": 2}
    assert "--absent" in words(found, "warning")
    assert found.unwrapping["how"] == "open"
    assert found.crystallinity["fraction"] is None
    assert "absent particles are left out" in row(found, "MSD, overlap").why
    assert (
        "near" in row(found, "describe: first-peaks").why or "NaN" in row(found, "describe: first-peaks").why
    )
    assert check_source(source(frames, absent=True)).verdict == "good"


def fault(frame, what):
    """A frame with something wrong."""
    ids, positions, labels = frame.ids.copy(), frame.positions.copy(), frame.labels.copy()
    if what == "repeated":
        ids[3] = ids[4]
    if what == "nan":
        positions[3, 1] = np.nan
    if what == "species":
        labels[:] = "1"
    if what == "one":
        labels[int(np.flatnonzero(ids == 1)[0])] = "1"
    if what == "no ids":
        ids = None
        return replace(frame, ids=None, positions=positions[:-1], labels=labels[:-1])
    return replace(frame, ids=ids, positions=positions, labels=labels)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("repeated", "frame 2: 1 ids stand there more than once"),
        ("nan", "frame 2: 1 of 64 particles have coordinates that are not finite"),
        ("one", "A particle changes its species in made, frame 2"),
        ("species", "A particle changes its species"),
    ],
)
def test_what_makes_a_file_unusable_is_named_with_its_frame(what, said):
    frames = made(lattice(4))
    frames[2] = fault(frames[2], what)
    found = check_source(source(frames))
    assert said in words(found, "error")
    assert found.exit_code() == 2


def test_a_species_that_vanishes_is_seen():
    frames = made(lattice(4))
    frames[2] = fault(frames[2], "species")
    assert "made, frame 2" in words(check_source(source(frames)), "warning")


def test_without_ids_the_number_of_particles_must_not_change():
    frames = [replace(f, ids=None) for f in made(lattice(4))]
    assert "row k is taken" in words(check_source(source(frames)), "note")
    frames[2] = fault(made(lattice(4))[2], "no ids")
    assert "no ids to say which is which" in words(check_source(source(frames)), "error")


@pytest.mark.parametrize(("digits", "resolution"), [(5, 1e-4), (6, 1e-5), (9, 1e-8)])
def test_digits_are_counted(digits, resolution):
    printed = np.array([float(f"{x:.{digits}g}") for x in 1 + 8 * np.random.default_rng(0).random(500)])
    found, unit = digits_of(printed)
    assert (found, unit) == (digits, pytest.approx(resolution))


def test_few_digits_are_warned_of():
    rounded = np.array([float(f"{x:.6g}") for x in lattice(2).ravel()]).reshape(2, N, 3)
    found = check_source(source(made(rounded)))
    assert "6 significant digits" in words(found, "warning")
    assert found.exit_code() == 0
    assert found.exit_code(strict=True) == 1


def test_single_precision_is_recognized():
    assert digits_of(np.random.default_rng(0).random(400).astype(np.float32).astype(float))[0] == 7
    assert digits_of(np.random.default_rng(0).random(400))[0] == 16


# -- thermal or inherent ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quenched():
    """A disordered minimum of the Kob-Andersen potential."""
    rng = np.random.default_rng(3)
    sites = np.argwhere(np.ones((5, 5, 5))) * 0.95 + 0.1 * rng.normal(size=(125, 3))
    frame = Frame(sites, np.arange(125) % 5 == 0, Box.orthorhombic([4.75] * 3))
    return brought_to_rest(frame, KobAndersen(), 1e-8)


def brought_to_rest(frame, model, tolerance):
    box = frame.box
    found = Quench(force_tolerance=tolerance).run(
        model, frame.positions[None], frame.species, box.vectors[None], box.origin[None], box.periodic
    )
    assert found.converged.all()
    return frame.with_positions(found.positions[0])


def moved(frame, size):
    return frame.with_positions(
        frame.positions + size * np.random.default_rng(4).normal(size=frame.positions.shape)
    )


def test_forces_tell_thermal_from_inherent(quenched):
    model = KobAndersen()
    assert forces_of(quenched, model, 1e-15).state == "inherent"
    found = forces_of(moved(quenched, 0.05), model, 1e-15)
    assert found.state == "thermal"
    assert 0.02 < found.distance < 0.2
    assert forces_of(moved(quenched, 5e-4), model, 1e-15).state == "between"


def test_rounded_minima_are_still_inherent_and_their_forces_are_called_noise(quenched):
    rounded = quenched.with_positions(np.round(quenched.positions, 5))
    found = forces_of(rounded, KobAndersen(), 1e-5)
    assert found.max_force > 1e-4
    assert found.state == "inherent"
    assert found.noise / 5 < found.max_force < 4 * found.noise


def test_the_minimum_of_another_smoothing_is_not_taken_for_one(quenched):
    assert forces_of(quenched, KobAndersen(smoothing="shift"), 1e-15).state == "between"


def test_softer_models_are_judged_by_their_own_stiffness():
    """Forces are a hundredth of those of Lennard-Jones; the judgement is the same."""
    rng = np.random.default_rng(5)
    sites = np.argwhere(np.ones((6, 6, 6))) * 0.85 + 0.1 * rng.normal(size=(216, 3))
    model = HarmonicSpheres()
    frame = Frame(sites, np.zeros(216), Box.orthorhombic([5.1] * 3), model.species_names)
    still = brought_to_rest(frame, model, 1e-10)
    assert forces_of(still, model, 1e-15).state == "inherent"
    assert forces_of(moved(still, 0.03), model, 1e-15).state == "thermal"


def test_a_model_that_does_not_know_the_species_says_nothing():
    frames = made(lattice(3))
    found = check_source(source(frames, species={"1": "X", "2": "Y"}), KobAndersen())
    assert found.state["state"] == "unknown"
    assert "has no species 'X'" in found.state["why"]
    assert row(found, "quench").possible == "no"


# -- stores -------------------------------------------------------------------------------------------------------------


def store(path, positions, *, kind="thermal", model=None, quenched=None, done=None):
    species = (np.arange(positions.shape[1]) % 5 == 0).astype(int)
    layout = Layout(len(positions), species, ("A", "B"), frames_per_unit=5)
    run = {} if model is None else {"model": to_plain(model)}
    made = Trajectory.create(path, layout, {"source": "files", "positions": kind, "run": run})
    arrays = thermal_arrays(LJ)
    if kind == "inherent":
        arrays = {k: v for k, v in arrays.items() if k != "position"}
        made.add_stage("inherent", inherent_arrays(LJ), {"imported": True})
    made.add_stage("thermal", arrays)
    if quenched is not None:
        made.add_stage("inherent", inherent_arrays(LJ), {"minimizer": "lbfgs"})
    for unit, (a, b) in enumerate(made.units()):
        if done is not None and b > done:
            break
        values = {
            "time": np.arange(a, b, dtype=float),
            "box_vectors": np.broadcast_to(np.eye(3) * 4.75, (b - a, 3, 3)),
            "box_origin": np.zeros((b - a, 3)),
        }
        if kind == "thermal":
            values["position"] = positions[a:b]
        else:
            made.write("inherent", unit, inherent_values(positions[a:b]))
        made.write("thermal", unit, values)
        if quenched is not None:
            made.write("inherent", unit, inherent_values(quenched[a:b], max_force=np.full(b - a, 3e-5)))
    return made


def test_a_store_says_what_it_was_imported_as_and_forces_agree(tmp_path, quenched):
    still = np.repeat(quenched.positions[None], 10, axis=0)
    thermal = still + 0.05 * np.random.default_rng(0).normal(size=still.shape)
    found = check_store(store(tmp_path / "t.zarr", thermal, model=KobAndersen(), quenched=still))
    assert (found.state["state"], found.state["model_from"]) == ("thermal", "store")
    assert found.state["said"]["largest_force_left"] == pytest.approx(3e-5)
    assert row(found, "quench").why == "done"
    inherent = check_store(store(tmp_path / "i.zarr", still, kind="inherent", model=KobAndersen()))
    assert inherent.state["state"] == "inherent"
    assert "not needed" in row(inherent, "quench").why
    assert row(inherent, "rearrangements: p_hop").possible == "yes"
    wrong = check_store(store(tmp_path / "w.zarr", thermal, kind="inherent", model=KobAndersen()))
    assert "The store says its positions are inherent" in words(wrong, "warning")


def test_without_a_model_a_store_cannot_be_judged_or_quenched(tmp_path):
    found = check_store(store(tmp_path / "t.zarr", lattice(10)))
    assert found.state["state"] == "unknown"
    assert (row(found, "quench").possible, row(found, "quench").why) == ("no", "no model is known")


def test_an_unfinished_store_is_looked_at_as_far_as_it_goes(tmp_path):
    found = check_store(store(tmp_path / "t.zarr", lattice(20), done=10))
    assert found.frames["n"] == 10
    assert "10 of 20 frames are there" in words(found, "warning")


def test_wrapped_positions_in_a_store_are_found_out(tmp_path):
    drift = 0.1 * np.arange(30)[:, None, None]
    wrapped = (lattice(30, 0.005) * 4.75 / EDGE + drift) % 4.75
    assert "look wrapped" in words(check_store(store(tmp_path / "w.zarr", wrapped)), "warning")
    unwrapped = lattice(30, 0.005) * 4.75 / EDGE + drift
    assert "look wrapped" not in words(check_store(store(tmp_path / "u.zarr", unwrapped)), "warning")


# -- large files --------------------------------------------------------------------------------------------------------


def test_large_files_are_sampled_in_pairs_and_say_so(monkeypatch):
    monkeypatch.setattr(check_scan, "MOST_ROWS", 10 * N)
    frames = made(lattice(200), steps=7 * np.arange(200))
    found = check_source(source(frames))
    assert found.frames["looked_at"] <= 10
    assert found.frames["spacing"]["interval"] == pytest.approx(7)
    assert found.unwrapping["largest_step"] is not None
    assert "Only" in words(found, "note")
    assert check_source(source(frames), everything=True).frames["looked_at"] == 200
    uneven = check_source(source(made(lattice(200), steps=np.arange(200) ** 2)))
    assert uneven.frames["spacing"] is None
    assert row(uneven, "rearrangements: p_hop").possible == "no"


def test_files_that_are_read_from_the_beginning_are_read_once(monkeypatch):
    monkeypatch.setattr(check_scan, "MOST_ROWS", 10 * N)
    reader = Listed((Path("made"),), tuple(made(lattice(50))), True)
    found = check_source(Source(reader))
    assert found.frames["looked_at"] == 10


def test_the_document_is_plain_and_whole():
    import json

    found = check_source(source(made(lattice(3))), KobAndersen())
    text = json.dumps(found.to_dict(), allow_nan=False)
    document = json.loads(text)
    assert document["vitrify_check"] == 1
    assert document["verdict"] == found.verdict
    assert {"frames", "box", "species", "unwrapping", "state", "remarks", "analyses"} <= set(document)
