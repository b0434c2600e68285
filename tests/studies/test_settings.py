import numpy as np
import pytest
from pydantic import ValidationError

from vitrify.errors import SettingsError
from vitrify.studies.presets import coldest_temperatures
from vitrify.studies.settings import SCALES, SoftnessSettings, load_settings, preset
from vitrify.studies.simulate import needs_equilibration

PAPER_DENSITIES = (1.15, 1.2, 1.25, 1.3)


@pytest.fixture
def toml(tmp_path):
    """Write a settings file and return its path."""

    def write(text: str, name: str = "mine.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


# -- presets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("density", PAPER_DENSITIES)
def test_every_preset_is_valid(scale, density):
    settings = load_settings(scale, density)
    assert settings.scale == scale
    assert settings.simulation.density == density
    assert len({p.label for p in settings.state_points}) == len(settings.state_points)
    assert settings.training_point.training
    temperatures = [p.temperature for p in settings.test_points]
    assert temperatures == sorted(temperatures)
    assert not any(p.training for p in settings.test_points)


@pytest.mark.parametrize("density", PAPER_DENSITIES)
def test_the_paper_trains_on_an_independent_trajectory_of_its_coldest_liquid(density):
    settings = load_settings("paper", density)
    assert settings.training_point.temperature == min(p.temperature for p in settings.test_points)
    assert settings.training_point.label not in {p.label for p in settings.test_points}


@pytest.mark.parametrize("scale", ["demo", "study"])
def test_other_densities_are_run_along_the_isomorph_of_the_published_temperatures(scale):
    def points(density):
        return load_settings(scale, density).state_points

    reference = np.array([p.temperature for p in points(1.2)])
    for density in PAPER_DENSITIES:
        ratio = np.array([p.temperature for p in points(density)]) / reference
        assert np.ptp(ratio) < 0.02 * ratio.mean()  # temperatures are given to a hundredth
        assert ratio[0] == coldest_temperatures()[density] / coldest_temperatures()[1.2]


def test_a_denser_liquid_moves_along_its_isomorph_in_shorter_time_and_smaller_steps():
    thin, dense = load_settings("study"), load_settings("study", 1.3)
    faster = np.sqrt(0.70 / 0.47) * (1.3 / 1.2) ** (1 / 3)
    assert thin.training.quiet_time / dense.training.quiet_time == pytest.approx(faster, rel=0.02)
    assert dense.simulation.time_step < thin.simulation.time_step
    assert dense.simulation.steps_per_frame == 250


@pytest.mark.parametrize("density", [1.2, 1.3])
def test_equilibrated_starts_of_the_study_come_with_the_program(density):
    settings = load_settings("study", density)
    assert not any(needs_equilibration(settings, p) for p in settings.state_points)


def test_settings_survive_being_written_down():
    settings = load_settings("study")
    assert SoftnessSettings.model_validate(settings.model_dump()) == settings
    assert SoftnessSettings.model_validate_json(settings.model_dump_json()) == settings


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().simulation.seed = 3


def test_unknown_scales_and_densities_are_refused():
    with pytest.raises(
        SettingsError, match=r"No scale is called 'dmeo'\. Known: demo, study, paper\. Did you mean 'demo'"
    ):
        preset("dmeo")
    for scale in SCALES:
        with pytest.raises(SettingsError, match=r"no density 1\.21\. It has 1\.15, 1\.20, 1\.25, 1\.30"):
            preset(scale, 1.21)
    assert set(SCALES) == {"demo", "study", "paper"}


def test_frames_lie_a_whole_number_of_steps_apart():
    assert load_settings("demo").simulation.steps_per_frame == 200
    assert load_settings("paper").simulation.steps_per_frame == 400


# -- a file over a preset --------------------------------------------------------------------------------------------


def test_a_file_replaces_only_the_keys_it_names(toml):
    file = toml("[simulation]\nn_particles = 500\n\n[training]\npenalties = [1, 10.0]\n")
    settings, untouched = load_settings("demo", file=file), load_settings("demo")
    assert settings.simulation.n_particles == 500
    assert settings.simulation.seed == untouched.simulation.seed
    assert settings.training.penalties == (1.0, 10.0)
    assert settings.state_points == untouched.state_points


def test_state_points_of_a_file_replace_those_of_the_preset(toml):
    points = "[[state_points]]\ntemperature = 0.5\nframes = 40\nhold_time = 1\ntraining = {}\n"
    settings = load_settings(file=toml(points.format("true") + points.replace("0.5", "0.6").format("false")))
    assert [p.label for p in settings.state_points] == ["T0.5", "T0.6"]


def test_the_command_line_goes_over_the_file(toml):
    file = toml("[simulation]\nseed = 1\nn_particles = 500\n")
    settings = load_settings(file=file, overrides={"simulation": {"seed": 2}})
    assert (settings.simulation.seed, settings.simulation.n_particles) == (2, 500)


def test_an_empty_file_changes_nothing(toml):
    assert load_settings(file=toml("")) == load_settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[simulation]\nn_partciles = 5",
            "there is no setting `simulation.n_partciles`.*Did you mean 'n_particles'",
        ),
        (
            "[trainig]\nseed = 1",
            "there is no setting `trainig`. Known here: .*statistics, training.*mean 'training'",
        ),
        (
            "[rearrangements]\ntau = 1",
            "`rearrangements.tau`. Known here: event_threshold, rearrangement_threshold, window",
        ),
        (
            "[[state_points]]\ntemprature = 0.5\nframes = 40\nhold_time = 1",
            "`state_points.0.temprature`. Known here: .*Did you mean 'temperature'",
        ),
    ],
)
def test_an_unknown_key_is_refused_by_name_with_a_suggestion(toml, text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(file=toml(text, "mine.toml"))
    assert "mine.toml: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[simulation]\nn_particles = 'many'", "`simulation.n_particles`: .*valid integer.*; it is 'many'"),
        ("[simulation]\nn_particles = 5", "`simulation.n_particles`: .*greater than or equal to 10; it is 5"),
        ("[simulation]\nsmoothing = 'cubic'", "`simulation.smoothing`: .*'quad'.*; it is 'cubic'"),
        ("[simulation]\ntime_step = nan", "`simulation.time_step`: .*; it is nan"),
        ("[simulation]\nframe_interval = inf", "`simulation.frame_interval`: .*finite number; it is inf"),
        ("simulation = 3", "`simulation`: must be a table; it is 3"),
        ("[training]\npenalties = ['a']", "`training.penalties.0`: .*; it is 'a'"),
        ("equilibrate = 'perhaps'", "`equilibrate`: .*; it is 'perhaps'"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_is(toml, text, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(file=toml(text))
    assert "mine.toml: " in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(toml):
    with pytest.raises(SettingsError, match=r"`simulation\.seed`.*; .*`training\.segments`"):
        load_settings(file=toml("[simulation]\nseed = -1\n[training]\nsegments = 1"))


def test_what_is_not_toml_is_refused(toml, tmp_path):
    with pytest.raises(SettingsError, match=r"mine\.toml is not TOML: .*line 1"):
        load_settings(file=toml("simulation: {seed: 1}"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary\.toml is not TOML"):
        load_settings(file=tmp_path / "binary.toml")
    with pytest.raises(SettingsError, match="There is no settings file"):
        load_settings(file=tmp_path / "nowhere.toml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(file=tmp_path)


# -- what must agree -------------------------------------------------------------------------------------------------


def point(**changes):
    return {"temperature": 0.5, "frames": 40, "hold_time": 1.0, **changes}


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([point(), point(replica=1)], "exactly one state point must have training = true"),
        (
            [point(training=True), point(replica=1, training=True)],
            "exactly one state point must have training = true",
        ),
        ([point(training=True)], "statistics need a state point besides the one that is trained on"),
        ([point(training=True), point()], "two state points have the same temperature and replica"),
        ([point(training=True), point(temperature=0.50001)], "two state points have the same temperature"),
    ],
)
def test_state_points_need_one_for_training_and_others_besides(points, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(overrides={"state_points": points})
    assert "Value error" not in str(caught.value)
