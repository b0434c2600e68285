"""Examples from D2min: which qualify, which are drawn, and how they are grouped."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors import flow_labels
from vitrify.predictors.flow_labels import FlowSelection, select_flow_examples, value_of_rank

LAG = 4
SEGMENTS = [(0, 40), (40, 80), (80, 120)]


@pytest.fixture
def d2min():
    """Skewed as in a glass, correlated in time, with the last frames and a gap undefined."""
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(120, 30)) ** 3
    values[-LAG:] = np.nan
    values[50:60, 7] = np.nan
    return values


class Counted:
    """An array that can only be sliced along frames, and remembers how much was asked for at once."""

    def __init__(self, values):
        self.values, self.shape, self.longest = values, values.shape, 0

    def __getitem__(self, frames):
        assert isinstance(frames, slice)
        self.longest = max(self.longest, frames.stop - frames.start)
        return self.values[frames]


def test_soft_examples_exceed_the_threshold_and_hard_ones_do_not(d2min):
    chosen = select_flow_examples(
        FlowSelection(rearranging_above=5.0, n_per_class=50), d2min, lag=LAG, segments=SEGMENTS
    )
    values = d2min[chosen.frame, chosen.particle]
    assert (values[chosen.label > 0] > 5.0).all()
    assert (values[chosen.label < 0] < 5.0).all()
    assert (chosen.label > 0).sum() == (chosen.label < 0).sum() == 50
    pairs = list(zip(chosen.frame.tolist(), chosen.particle.tolist(), strict=True))
    assert len(set(pairs)) == 100
    assert pairs == sorted(pairs)
    usable = np.concatenate([d2min[a : b - LAG].ravel() for a, b in SEGMENTS])
    assert chosen.n_available == {"soft": int((usable > 5.0).sum()), "hard": int((usable < 5.0).sum())}
    assert chosen.to_dict()["rearranging_above"] == 5.0


@pytest.mark.parametrize("quiet_time", [1, 6])
def test_no_motion_reaches_into_another_group(d2min, quiet_time):
    selection = FlowSelection(
        rearranging_above=3.0, quiet_below=3.0, quiet_time=quiet_time, n_per_class=400, min_per_class=10
    )
    chosen = select_flow_examples(selection, d2min, lag=LAG, segments=SEGMENTS)
    start, stop = np.array(SEGMENTS)[chosen.segment].T
    assert set(chosen.segment.tolist()) == {0, 1, 2}
    last = chosen.frame + LAG + np.where(chosen.label < 0, quiet_time - 1, 0)
    assert (chosen.frame >= start).all()
    assert (last < stop).all()


def test_a_quiet_particle_stays_below_for_the_whole_quiet_time(d2min):
    selection = FlowSelection(
        rearranging_above=3.0, quiet_below=2.0, quiet_time=6, n_per_class=400, min_per_class=10
    )
    chosen = select_flow_examples(selection, d2min, lag=LAG, segments=SEGMENTS)
    hard = chosen.label < 0
    for frame, particle in zip(chosen.frame[hard], chosen.particle[hard], strict=True):
        assert d2min[frame : frame + 6, particle].max() < 2.0


def test_fractions_are_thresholds_of_the_particles_that_are_asked_for(d2min):
    """0.15 per cent of each species, say: the threshold of one does not follow from the other."""
    few = np.arange(0, 30, 3)
    d2min[:, few] *= 100.0
    selection = FlowSelection(rearranging_fraction=0.05, quiet_fraction=0.3, n_per_class=10)
    chosen = select_flow_examples(selection, d2min, lag=LAG, particles=few)
    known = d2min[:, few][~np.isnan(d2min[:, few])]
    high, low = (chosen.thresholds[name] for name in ("rearranging_above", "quiet_below"))
    assert (known > high).sum() == int(0.05 * len(known))
    assert (known < low).sum() == int(0.3 * len(known))
    assert np.isin(chosen.particle, few).all()


def test_by_default_what_does_not_rearrange_is_hard(d2min):
    selection = FlowSelection(rearranging_fraction=0.1, n_per_class=10)
    high, low = selection.thresholds(d2min, np.arange(30))
    assert high == low


def test_every_candidate_is_equally_likely():
    """Chi-squared over the 46 frames of a particle that always rearranges."""
    d2min = np.zeros((50, 2))
    d2min[:, 1] = 1.0
    counts = np.zeros(46)
    for seed in range(400):
        chosen = select_flow_examples(
            FlowSelection(rearranging_above=0.5, n_per_class=5, seed=seed), d2min, lag=LAG
        )
        counts += np.bincount(chosen.frame[chosen.label > 0], minlength=46)
    expected = 400 * 5 / 46
    assert ((counts - expected) ** 2 / expected).sum() < 45 + 5 * np.sqrt(90)


@pytest.mark.parametrize("quiet_time", [1, 5])
def test_blocks_change_nothing_and_bound_what_is_read(d2min, quiet_time, monkeypatch):
    selection = FlowSelection(
        rearranging_fraction=0.1, quiet_fraction=0.8, quiet_time=quiet_time, n_per_class=50, min_per_class=5
    )
    whole = select_flow_examples(selection, d2min, lag=LAG, segments=SEGMENTS)
    for module in (flow_labels, flow_labels.hard_examples.__globals__):
        if isinstance(module, dict):
            monkeypatch.setitem(module, "frames_per_block", lambda n, d: 7)
        else:
            monkeypatch.setattr(module, "frames_per_block", lambda n, d: 7)
    counted = Counted(d2min)
    again = select_flow_examples(selection, counted, lag=LAG, segments=SEGMENTS)
    assert counted.longest == 7
    for name in ("frame", "particle", "label", "segment"):
        assert np.array_equal(getattr(again, name), getattr(whole, name))
    assert again.thresholds == whole.thresholds


@pytest.mark.parametrize("at_once", [1, 50, 10**6])
def test_a_quantile_is_the_sorted_array_s(at_once, monkeypatch):
    monkeypatch.setattr(flow_labels, "_AT_ONCE", at_once)
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [10.0 ** rng.uniform(-300, 300, 500), rng.uniform(1.0, 1.0 + 1e-12, 400), np.zeros(61)]
    )
    rng.shuffle(values)
    table = np.full((100, 10), np.nan)
    table.ravel()[:961] = values
    ordered = np.sort(values)
    for fraction in (0.001, 0.06, 0.3, 0.5, 0.77, 0.999):
        assert value_of_rank(table, np.arange(10), fraction) == ordered[int(fraction * 961)]
        above = value_of_rank(table, np.arange(10), fraction, from_above=True)
        assert above == ordered[961 - 1 - int((1 - fraction) * 961)]


def test_what_cannot_be_described_is_left_out_before_the_choice_and_counted(d2min):
    selection = FlowSelection(rearranging_above=5.0, n_per_class=20)
    chosen = select_flow_examples(
        selection, d2min, lag=LAG, describable=lambda frame, particle: particle >= 10
    )
    assert chosen.n_per_class == 20
    assert (chosen.particle >= 10).all()
    assert chosen.n_left_out["soft"] > 0
    assert chosen.n_left_out["hard"] > 0
    with pytest.raises(
        TooFewEventsError, match=r"only 0 have D2min above 5\. Lower.* Left out were \d+ rearranging"
    ):
        select_flow_examples(selection, d2min, lag=LAG, describable=lambda frame, particle: particle < 0)


def test_too_few_examples_name_the_class_and_the_threshold(d2min):
    with pytest.raises(
        TooFewEventsError,
        match=r"asks for 6000 rearranging particles; only \d+ have D2min above 5 at T = 0\.4",
    ):
        select_flow_examples(FlowSelection(rearranging_above=5.0), d2min, lag=LAG, temperature=0.4)
    selection = FlowSelection(rearranging_above=1.0, quiet_below=1e-9, quiet_time=3, n_per_class=5)
    with pytest.raises(
        TooFewEventsError, match=r"asks for 5 quiet particles; only 0 have D2min below 1e-09 for 3 frames"
    ):
        select_flow_examples(selection, d2min, lag=LAG)
    with pytest.raises(TooFewEventsError, match="all of them are NaN"):
        select_flow_examples(FlowSelection(), np.full((9, 2), np.nan), lag=LAG)


def test_segments_too_short_for_the_lag_have_no_examples(d2min):
    selection = FlowSelection(rearranging_above=1.0, quiet_time=2, n_per_class=5)
    chosen = select_flow_examples(selection, d2min, lag=LAG, segments=[(0, 3), (3, 60)])
    assert set(chosen.segment.tolist()) == {1}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"rearranging_above": 1.0, "rearranging_fraction": 0.1},
            "either `rearranging_above` or `rearranging_fraction`",
        ),
        ({"quiet_below": 1.0, "quiet_fraction": 0.1}, "either `quiet_below` or `quiet_fraction`"),
        ({"rearranging_above": -1.0}, r"`rearranging_above` must be positive; it is -1\.0"),
        ({"quiet_fraction": 1.0}, r"`quiet_fraction` must lie between 0 and 1; it is 1\.0"),
        ({"quiet_time": 0}, "`quiet_time` must be a whole number of at least 1; it is 0"),
        ({"n_per_class": 5, "min_per_class": 6}, "`min_per_class` = 6 is more than `n_per_class` = 5"),
    ],
)
def test_rules_that_mean_nothing_are_refused(parameters, said):
    with pytest.raises(ParameterError, match=said):
        FlowSelection(**parameters)


def test_arguments_that_do_not_fit_are_refused(d2min):
    selection = FlowSelection(rearranging_above=1.0, n_per_class=5)
    with pytest.raises(ShapeError, match=r"`particles` must lie in 0 … 29; they reach 0 … 30"):
        select_flow_examples(selection, d2min, lag=LAG, particles=np.arange(31))
    with pytest.raises(ParameterError, match="`lag` is a number of frames, at least 1; it is 0"):
        select_flow_examples(selection, d2min, lag=0)
    with pytest.raises(
        ParameterError, match=r"Hard examples would have D2min up to 2, above the 1 from which"
    ):
        select_flow_examples(FlowSelection(rearranging_above=1.0, quiet_below=2.0), d2min, lag=LAG)
