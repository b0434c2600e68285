"""The onset study on a small planted liquid: counts, given trajectories, report."""

import json
import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure

from vitrify.errors import ParameterError, SettingsError, StoreError
from vitrify.progress import Silent
from vitrify.report.definitions import with_definitions
from vitrify.report.onset_captions import ONSET_CAPTIONS
from vitrify.report.onset_figures import ONSET_FIGURES
from vitrify.studies.curves import sampled_softness
from vitrify.studies.fits import Tally, counts_of
from vitrify.studies.onset import places_of, run_onset
from vitrify.studies.onset_counts import DEFINITIONS, CutoffTally, starts_of
from vitrify.studies.onset_results import collect_onset
from vitrify.studies.onset_settings import OnsetSettings, load_onset_settings
from vitrify.studies.onset_table import scalings
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace
from vitrify.studies.softness import learn_softness
from vitrify.theory.rearrangement_probability import softness_bins

from .conftest import RAW as DRY_RUN

RAW = DRY_RUN | {"training": DRY_RUN["training"] | {"penalties": (0.1,), "solver": "linear_svc"}}


@pytest.fixture(scope="module")
def study(simulated, tmp_path_factory):
    """Folder of a softness study with everything but a report, and its softness."""
    out = tmp_path_factory.mktemp("onset") / "study"
    shutil.copytree(simulated, out)
    place = Workplace(out, SoftnessSettings.model_validate(RAW))
    return place, learn_softness(place, Silent(), workers=1)


@pytest.fixture(scope="module")
def tally(study):
    place, trained = study
    settings = OnsetSettings.model_validate(RAW)
    place = Workplace(place.out, settings)
    point = settings.test_points[1]
    return place, CutoffTally(place, point, starts_of(place, trained, point, Silent()))


@pytest.fixture(scope="module")
def results(study):
    """What the report would be drawn from."""
    place, trained = study
    return collect_onset([(Workplace(place.out, OnsetSettings.model_validate(RAW)), trained)])


@pytest.fixture(scope="module")
def finished(study, tmp_path_factory):
    """Folder of the onset study on the trajectories of that study."""
    out = tmp_path_factory.mktemp("onset-out")
    run_onset(places_of(out, (), given={1.2: study[0].out}), out, Silent(), workers=1)
    return out


# -- counting --------------------------------------------------------------------------------------------------------


def test_starts_at_the_training_cutoff_are_those_of_the_softness_study(tally):
    place, found = tally
    known = Tally(place, found.point)
    assert found.active == known.active
    edges = softness_bins(known.softness, 5)
    ours, theirs = found.counts(edges, 0.2, "starts"), counts_of(known, edges, place.settings)
    assert theirs["events"].sum() > 20
    for name in ("events", "exposure"):
        assert np.array_equal(ours[name].values, theirs[name].values)
    assert np.allclose(np.sort(found.starting(0.2)[0]), np.sort(known.starts))


def test_fewer_events_pass_a_higher_cutoff(tally):
    _, found = tally
    n = [len(found.starting(cutoff)[0]) for cutoff in (0.05, 0.2, 0.32)]
    assert n[0] >= n[1] >= n[2] > 0


@pytest.mark.parametrize(("definition", "lead"), [("fraction", 0), ("fraction_before", 5)])
def test_the_fraction_is_that_of_particles_above_the_cutoff_at_or_after_the_frame(tally, definition, lead):
    place, found = tally
    frames, softness = sampled_softness(place, found.point)
    trajectory = place.trajectory(found.point)
    p_hop = trajectory.read("p_hop")[frames + lead]
    known = np.isfinite(softness) & np.isfinite(p_hop)
    counts = found.counts(np.linspace(-9, 9, 4), 0.2, definition)
    assert counts["exposure"].sum() == known.sum()
    assert counts["events"].sum() == (known & (p_hop > 0.2)).sum() > 0


def test_an_unknown_definition_is_refused(tally):
    with pytest.raises(
        ParameterError, match="one of starts, fraction, fraction_before; it is 'instantaneous'"
    ):
        tally[1].counts(np.linspace(-1, 1, 3), 0.2, "instantaneous")


# -- settings --------------------------------------------------------------------------------------------------------


def test_the_study_scale_adds_hotter_liquids_at_the_density_of_the_paper():
    here, dense = load_onset_settings("study", 1.2), load_onset_settings("study", 1.3)
    assert [p.temperature for p in here.test_points] == [0.47, 0.5, 0.53, 0.56, 0.6]
    assert [(p.temperature, p.frames) for p in dense.test_points] == [(0.7, 300), (0.75, 250), (0.8, 200)]
    assert (dense.training_point.frames, dense.training.quiet_time) == (1000, 240)


@pytest.mark.parametrize(
    ("cutoffs", "words"),
    [
        ([0.1, 0.2], "at least three increasing numbers"),
        ([0.1, 0.3, 0.2], "at least three increasing numbers"),
        ([0.01, 0.1, 0.2], "begin at 0.01, below `event_threshold` = 0.05"),
        ([0.1, 0.3, 0.4], "must hold `rearrangement_threshold` = 0.2"),
    ],
)
def test_cutoffs_that_cannot_be_compared_are_refused(cutoffs, words):
    with pytest.raises(SettingsError, match=words):
        load_onset_settings(overrides={"onset": {"cutoffs": cutoffs}})


def test_every_density_has_a_folder_of_its_own(tmp_path):
    places = places_of(tmp_path, (1.3, 1.2))
    assert [p.out.name for p in places] == ["rho1.20", "rho1.30"]
    assert [p.settings.simulation.density for p in places] == [1.2, 1.3]
    with pytest.raises(SettingsError, match="`--densities` must name at least one density"):
        places_of(tmp_path, ())


def test_given_trajectories_must_be_a_study_of_that_density(study, tmp_path):
    with pytest.raises(SettingsError, match=r"1\.3=.*: the study there has density 1\.2"):
        places_of(tmp_path, (), given={1.3: study[0].out})
    with pytest.raises(SettingsError, match=r"needs the folder of a study with its settings\.json"):
        places_of(tmp_path, (), given={1.2: tmp_path})


def test_given_trajectories_that_are_not_there_are_named(study, tmp_path):
    raw = json.loads((study[0].out / "settings.json").read_text())
    raw["state_points"].append({"temperature": 0.9, "frames": 130, "hold_time": 1.0})
    (tmp_path / "settings.json").write_text(json.dumps(raw))
    shutil.copytree(study[0].out / "trajectories", tmp_path / "trajectories")
    with pytest.raises(StoreError, match=r"T0\.9/trajectory\.zarr is not there, though .* name T0\.9"):
        run_onset(places_of(tmp_path / "out", (), given={1.2: tmp_path}), tmp_path / "out", Silent(), 1)


# -- the whole study -------------------------------------------------------------------------------------------------


def test_the_report_has_the_onset_by_every_definition_and_every_cutoff(results):
    assert results.edition == "onset"
    found = results.datasets["onset_cutoffs"]
    assert found["onset_temperature"].shape == (1, len(DEFINITIONS), 6)
    rows = {row.quantity: row for row in results.table}
    onset = rows["T0 = e1 / Σ1, rearrangements that start, ρ = 1.20"]
    assert onset.published == "0.80"
    assert onset.value == found["onset_temperature"].values[0, 0, 3]
    assert onset.events == found["events"].values[0, 0, 3]


def test_hops_of_one_size_shift_no_barrier_with_the_cutoff(results):
    found = results.datasets["onset_cutoffs"]
    by_starts = found.isel(density=0, definition=0, cutoff=slice(0, 4))
    assert np.ptp(by_starts["events"].values) <= 0.1 * by_starts["events"].values.max()
    widths = (by_starts["e0_high"] - by_starts["e0_low"]).values
    assert np.ptp(by_starts["e0"].values) < widths.min()


@pytest.mark.parametrize("name", list(ONSET_FIGURES))
def test_every_figure_draws_the_numbers_of_its_table(results, name):
    figure = ONSET_FIGURES.load(name)
    (need,) = figure.needs
    dataset = with_definitions(need, results.datasets[need].isel(density=[0, 0]))
    rows, columns = figure.panels(dataset) if callable(figure.panels) else figure.panels
    axes = Figure().subplots(rows, columns, squeeze=False).ravel()
    figure.plot(dataset, ax=axes if len(axes) > 1 else axes[0])
    assert len(figure.table(dataset)) > 0
    assert any(len(line.get_xdata()) for ax in axes for line in ax.lines)
    assert all(ax.get_xlabel() for ax in axes[-columns:])


def test_every_figure_has_a_caption_and_every_caption_a_figure():
    assert set(ONSET_CAPTIONS) == set(ONSET_FIGURES)
    for name in ONSET_FIGURES:
        assert ONSET_FIGURES.load(name).name == name


@pytest.mark.slow
def test_every_figure_of_the_page_has_its_numbers(finished):
    page = (finished / "report.html").read_text()
    for name in ONSET_FIGURES:
        assert ONSET_CAPTIONS[name].title in page
        lines = (finished / "figures" / f"{name}.csv").read_text().splitlines()
        assert len([line for line in lines if not line.startswith("#")]) > 1


@pytest.mark.slow
def test_the_same_command_again_changes_nothing(finished, study):
    def contents():
        return {p: p.read_bytes() for p in finished.rglob("*") if p.is_file() and p.name != ".lock"}

    before = contents()
    run_onset(places_of(finished, (), given={1.2: study[0].out}), finished, Silent(), workers=1)
    assert contents() == before


def test_densities_are_compared_only_where_two_onsets_have_an_interval(tally):
    class Fits:
        def __init__(self, density, onset, width):
            self.density, self._onset, self._width = density, onset, width

        def onset(self, definition):
            found = type("Found", (), {"bounded": np.isfinite(self._width)})()
            found.fit = type("Fit", (), {"onset_temperature": self._onset})()
            found.interval = lambda name: (self._onset - self._width, self._onset + self._width)
            return found

    thin, dense, open_ended = Fits(1.2, 0.63, 0.02), Fits(1.3, 0.95, 0.04), Fits(1.3, 0.95, np.inf)
    assert scalings([thin, open_ended])["starts"] is None
    found = scalings([thin, dense])["starts"]
    assert found.ratio[1] == pytest.approx(0.95 / 0.63)
    assert found.expected[1] == pytest.approx(0.70 / 0.47)
    assert found.chi_square < 1
