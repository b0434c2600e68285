"""What other classifiers make of the same examples: fewer of them, another penalty, a kernel, a small network (thesis 5.6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.predictors import classifier_sweeps
from vitrify.predictors.trained import TrainedSoftness
from vitrify.studies.meaning_examples import Examples, machine_of
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr


def _settings(place: Workplace) -> MeaningSettings:
    assert isinstance(place.settings, MeaningSettings)
    return place.settings


def _all(examples: Examples) -> tuple[Any, Any, Any]:
    """Return all functions that vary, classes and segments."""
    varying = [k for k in range(len(examples.names)) if examples.features[:, k].std() > examples.min_sd]
    return examples.table(varying)[:3]


def _folds(examples: Examples) -> int:
    return len(np.unique(examples.segment))


def _with_linear(
    found: xr.Dataset, place: Workplace, trained: TrainedSoftness, examples: Examples
) -> xr.Dataset:
    """Return a sweep with the accuracy of the linear machine on the same examples and folds in its attributes."""
    from vitrify.predictors.softness import cross_validate

    classifier = machine_of(_settings(place), trained)
    score = cross_validate(*_all(examples), estimator=classifier, n_splits=_folds(examples))
    plain = found.drop_attrs(deep=True)
    return plain.assign_attrs(linear=score.accuracy, linear_error=score.standard_error)


def against_training_size(
    place: Workplace, trained: TrainedSoftness, examples: Examples, part: Any
) -> xr.Dataset:
    """Return accuracy against the number of examples that were learned from, up to all that every fold leaves."""
    del part
    settings, n = _settings(place), _folds(examples)
    left = [
        int(np.bincount(examples.soft[examples.segment != g], minlength=2).min())
        for g in np.unique(examples.segment)
    ]
    sizes = [s for s in settings.meaning.training_sizes if 2 <= s < min(left)]
    found = classifier_sweeps.training_size_curve(
        *_all(examples), [*sizes, min(left)], estimator=machine_of(settings, trained), folds=n,
        seed=settings.meaning.seed, workers=1,
    )  # fmt: skip
    return found.drop_vars("accuracy_fold").drop_attrs(deep=True)


def against_penalty(place: Workplace, trained: TrainedSoftness, examples: Examples, part: Any) -> xr.Dataset:
    """Return accuracy against C of the linear machine."""
    del part
    settings = _settings(place)
    found = classifier_sweeps.penalty_curve(
        *_all(examples), settings.meaning.penalties, estimator=machine_of(settings, trained),
        folds=_folds(examples), workers=1,
    )  # fmt: skip
    return found.rename(C="penalty").drop_vars("accuracy_fold").drop_attrs(deep=True)


def kernel_widths(settings: MeaningSettings, examples: Examples) -> list[float]:
    """Return the widths of the Gaussian kernel, the slowest first."""
    del examples
    return sorted(settings.meaning.rbf_gammas, reverse=True)


def with_kernel(place: Workplace, trained: TrainedSoftness, examples: Examples, part: float) -> xr.Dataset:
    """Return the accuracy of machines with a Gaussian kernel of one width against C.

    Returns
    -------
    xarray.Dataset
        Dim penalty: ``accuracy``, ``accuracy_error``, and with fold ``accuracy_fold``; attributes ``linear``, ``linear_error``.
    """
    m = _settings(place).meaning
    chosen = examples.thinned(m.rbf_examples, m.seed)
    features, soft, segment = _all(chosen)
    found = classifier_sweeps.rbf_grid(
        features, soft, segment, [part / features.shape[1]], m.rbf_penalties, folds=_folds(chosen), workers=1
    )
    found = found.isel(gamma=0, drop=True).rename(C="penalty")
    return _with_linear(found, place, trained, chosen)


def network_layers(settings: MeaningSettings, examples: Examples) -> list[int]:
    """Return the numbers of hidden layers, the slowest first."""
    del examples
    return sorted(settings.meaning.network_layers, reverse=True)


def with_layers(place: Workplace, trained: TrainedSoftness, examples: Examples, part: int) -> xr.Dataset:
    """Return the accuracy of networks with so many hidden layers against the nodes in each.

    Returns
    -------
    xarray.Dataset
        Dim nodes: ``accuracy``, ``accuracy_error``, and with fold ``accuracy_fold``; attributes ``linear``, ``linear_error``.
    """
    m = _settings(place).meaning
    chosen = examples.thinned(m.network_examples, m.seed)
    found = classifier_sweeps.network_grid(
        *_all(chosen), [part], m.network_nodes, folds=_folds(chosen), seed=m.seed, workers=1
    )
    return _with_linear(found.isel(layers=0, drop=True), place, trained, chosen)
