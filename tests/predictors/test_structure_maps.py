import sys

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors import structure_maps
from vitrify.predictors.structure_maps import neighbour_purity, principal_components, tsne


def two_kinds(n=120, m=6, distance=6.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1], n // 2)
    x = rng.normal(size=(n, m))
    x[:, 2] += distance * y
    return x, y, rng.integers(6, size=n)


def test_principal_components_are_uncorrelated_and_ordered():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5)) * 10.0 ** np.arange(5)
    found = principal_components(x, 5)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    singular = np.linalg.svd(z, compute_uv=False) ** 2
    np.testing.assert_allclose(found["variance"], singular / singular.sum(), rtol=1e-10)
    assert np.abs(np.corrcoef(found["coordinate"].values.T) - np.eye(5)).max() < 1e-9
    np.testing.assert_allclose(found["coordinate"].values @ found["direction"].values, z, atol=1e-9)


@pytest.mark.parametrize("peer", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_map_keeps_kinds_apart(peer, monkeypatch):
    if peer:
        pytest.importorskip("openTSNE")
    else:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    x, y, groups = two_kinds()
    mapped = tsne(x, perplexity=10, seed=1, workers=1)
    assert mapped.shape == (120, 2)
    assert neighbour_purity(mapped, y, groups, 5).value > 0.95
    if peer:
        np.testing.assert_array_equal(mapped, tsne(x, perplexity=10, seed=1, workers=1))


def test_purity_is_the_share_of_neighbours_of_ones_own_kind():
    x, y, groups = two_kinds(distance=1.0)
    found = neighbour_purity(x, y, groups, 4)
    share = np.empty(len(x))
    for i in range(len(x)):
        others = np.flatnonzero(groups != groups[i])
        near = others[np.argsort(np.linalg.norm(x[others] - x[i], axis=1))[:4]]
        share[i] = np.mean(y[near] == y[i])
    each = [share[groups == g].mean() for g in range(6)]
    assert found.value == pytest.approx(np.mean(each))
    assert found.error == pytest.approx(np.std(each, ddof=1) / np.sqrt(6))
    votes = np.where(share == 0.5, 0.5, share > 0.5)
    assert found.vote == pytest.approx(np.mean([votes[groups == g].mean() for g in range(6)]))
    assert (found.n, found.n_events, found.n_groups, found.k) == (120, 60, 6, 4)


def test_shuffled_labels_are_chance_and_neighbours_of_one_segment_do_not_count():
    x, y, _ = two_kinds(600)
    far = neighbour_purity(x, y, np.repeat(np.arange(6), 100), 10)
    assert far.value > 0.99
    assert abs(far.shuffled - 0.5) < 0.03
    copies = np.random.default_rng(0).normal(size=(60, 3))
    repeated = np.repeat(copies, 5, axis=0)  # each structure five times in its own segment
    labels = np.repeat(np.random.default_rng(1).permutation(np.tile([0, 1], 30)), 5)
    assert abs(neighbour_purity(repeated, labels, np.repeat(np.arange(60), 5), 4).value - 0.5) < 0.1


@pytest.mark.slow
def test_without_the_extra_scikit_learn_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(structure_maps, "_with_open_tsne", None)
    x, *_ = two_kinds(60)
    assert np.isfinite(tsne(x, 3, perplexity=5)).all()


def test_bad_input_is_named():
    x, y, groups = two_kinds(60)
    with pytest.raises(ParameterError, match="A map has `n` = 2 or 3 dimensions; it is 4"):
        tsne(x, 4)
    with pytest.raises(ParameterError, match="`perplexity` must lie between 1 and a third"):
        tsne(x, 2, perplexity=20)
    with pytest.raises(ParameterError, match="`n` = 7 components need as many features"):
        principal_components(x, 7)
    with pytest.raises(ShapeError, match="A map needs a table of finite features"):
        principal_components(np.full((3, 2), np.nan))
    with pytest.raises(TooFewEventsError, match="`k` = 60 neighbours from other segments"):
        neighbour_purity(x, y, groups, 60)


@pytest.mark.slow
def test_a_map_of_the_published_size_takes_minutes():
    """32 000 structures of 160 features, of two kinds that a few features tell apart."""
    import time

    pytest.importorskip("openTSNE")
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 16_000)
    x = rng.normal(size=(32_000, 12)) @ rng.normal(size=(12, 160)) + rng.normal(size=(32_000, 160))
    x[:, :20] += 6.0 * y[:, None]
    start = time.process_time()
    mapped = tsne(x)
    assert time.process_time() - start < 1200  # 10 minutes on two cores
    purity = neighbour_purity(mapped, y, rng.integers(12, size=32_000))
    assert purity.value > purity.shuffled + 0.1
