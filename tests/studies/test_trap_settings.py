"""What `vitrify run trap-model` is told."""

import pytest

from vitrify.errors import SettingsError
from vitrify.studies.settings import load_settings
from vitrify.studies.trap_settings import load_trap_settings, preset


@pytest.mark.parametrize("scale", ["demo", "study", "paper"])
def test_every_scale_has_temperatures_to_fit_and_hotter_ones_to_compare(scale: str):
    settings = load_trap_settings(scale)
    temperatures = sorted({p.temperature for p in settings.test_points})
    assert len(temperatures) >= 5
    assert temperatures[-1] == 1.0 == settings.ageing.initial_temperature
    assert min(settings.ageing.final_temperatures) < temperatures[0]
    assert settings.scale == scale
    assert settings.statistics.overlap_cutoff == 0.3


@pytest.mark.parametrize("scale", ["demo", "study"])
def test_trajectories_of_the_softness_study_serve_the_trap_model(scale: str):
    softness, trap = load_settings(scale), load_trap_settings(scale)
    assert set(softness.state_points) < set(trap.state_points)
    same = ("engine", "model", "n_particles", "density", "time_step", "frame_interval", "seed")
    assert all(getattr(softness.simulation, k) == getattr(trap.simulation, k) for k in same)
    assert softness.training == trap.training


def test_there_is_one_density():
    with pytest.raises(SettingsError, match=r"at density 1\.20, not 1\.3"):
        preset("demo", 1.3)


def test_unknown_settings_are_named():
    with pytest.raises(SettingsError, match=r"there is no setting `trap\.degre`"):
        load_trap_settings("demo", overrides={"trap": {"degre": 1}})
