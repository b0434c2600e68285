"""A neural network on the same features as the ridge regression: what a nonlinear function of them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors._ridge_path import configuration_folds
from vitrify.predictors.propensity_scores import rows_pearson

Array = NDArray[np.float64]
Small = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkRegression:
    r"""A multilayer perceptron that learns several targets at once, stopped on configurations left out.

    .. math::

        \hat y = W_L\,\mathrm{relu}(\dots \mathrm{relu}(W_1 \tilde x + b_1) \dots) + b_L

    with x̃ the largest principal components of the standardised features of the training particles. Training of each network stops when Pearson's coefficient on some of the training
    configurations, kept aside for that, has not grown for `patience` passes; the best pass is kept. Several networks, each
    with other starting weights and other configurations kept aside, are averaged.

    Parameters
    ----------
    components : int
        Principal components that the network sees, in units of their own spread; all, if there are fewer features.
    hidden : tuple of int
        Nodes of each hidden layer.
    penalty : float
        Of the squared weights.
    learning_rate : float
        Of Adam.
    passes, patience : int
        Over the training particles: at most, and without gain.
    members : int
        Networks that are averaged.
    min_sd : float
        Features that vary less, in their own unit, are left out.
    seed : int

    Raises
    ------
    ParameterError
        If there is no hidden node, or a number is not positive.

    Notes
    -----
    **Scale** as the targets; learned are differences within a configuration, which is what is scored.
    **Differs from** GlassMLP (Jung et al. 2023), whose inputs are physics-inspired and whose loss is weighted.
    **Invariant under** changes of unit of single features; the order of configurations decides who is kept aside.
    **Cost** all features of all configurations in memory, four bytes each.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021): that nonlinear methods gain little on averaged
    descriptors.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> features = [rng.normal(size=(300, 2)) for _ in range(4)]
    >>> targets = [np.abs(f[:, :1]) for f in features]  # no linear function sees it
    >>> found = NetworkRegression(hidden=(16,), learning_rate=0.01).cross_validate(features, targets, n_folds=2)
    >>> bool(np.corrcoef(found[3][:, 0], targets[3][:, 0])[0, 1] > 0.8)
    True
    """

    name: ClassVar[str] = "network_regression"
    components: int = 50
    hidden: tuple[int, ...] = (32,)
    penalty: float = 1.0
    learning_rate: float = 1e-3
    passes: int = 40
    patience: int = 4
    members: int = 2
    min_sd: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ParameterError(f"`hidden` needs at least one node in each layer; it is {self.hidden}.")
        for name in ("components", "penalty", "learning_rate", "passes", "patience", "members"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"`{name}` must be positive; it is {getattr(self, name)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def cross_validate(
        self, features: Sequence[NDArray[Any]], targets: Sequence[NDArray[Any]], n_folds: int = 5
    ) -> list[Array]:
        """Return what networks that have not seen a configuration predict of it.

        Parameters
        ----------
        features : sequence of (n, M) array
            One for each configuration.
        targets : sequence of (n, T) array
        n_folds : int, default 5
            Configurations are left out in so many groups in turn, as by the ridge regression.

        Returns
        -------
        list of (n, T) array
            In the order of the configurations, up to a constant for each configuration and target.

        Raises
        ------
        ShapeError
            If features and targets do not match.
        TooFewEventsError
            If there are fewer configurations than folds, or none is left to stop on.
        """
        for k, (x, y) in enumerate(zip(features, targets, strict=True)):
            if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
                raise ShapeError(
                    f"Configuration {k} has features of shape {x.shape} and targets of shape {y.shape}; needed are (n, M) "
                    "and (n, T)."
                )
        fold_of = configuration_folds(len(features), n_folds)
        found: list[Array] = [np.empty(0)] * len(features)
        for fold in range(n_folds):
            kept = np.flatnonzero(fold_of != fold).tolist()
            if len(kept) < 2:
                raise TooFewEventsError(
                    f"A network is stopped on configurations left out of its training, which takes two; there are {len(kept)}."
                )
            scaler = _Scaler.of(
                [features[k] for k in kept], [targets[k] for k in kept], self.min_sd, self.components
            )
            judged = np.flatnonzero(fold_of == fold).tolist()
            members = [self._member(features, targets, kept, scaler, m) for m in range(self.members)]
            for k in judged:
                x = scaler.features(features[k])
                each = [np.asarray(net.predict(x), np.float64).reshape(len(x), -1) for net in members]
                found[k] = np.mean(each, axis=0) * scaler.target_sd
        return found

    def _member(
        self,
        features: Sequence[NDArray[Any]],
        targets: Sequence[NDArray[Any]],
        kept: list[int],
        scaler: _Scaler,
        member: int,
    ) -> Any:
        """Return one network, trained on some of the kept configurations and stopped on the others."""
        rng = np.random.default_rng((self.seed, member))
        aside = rng.permutation(kept)[: max(1, len(kept) // 4)].tolist()
        training = [k for k in kept if k not in aside]
        x = np.concatenate([scaler.features(features[k]) for k in training])
        y = np.concatenate([scaler.targets(targets[k]) for k in training])
        judged = [(scaler.features(features[k]), scaler.targets(targets[k])) for k in aside]
        return self._trained(x, y, judged, int(rng.integers(2**31)))

    def _trained(self, x: Small, y: Small, judged: Sequence[tuple[Small, Small]], seed: int) -> Any:
        from sklearn.neural_network import MLPRegressor

        net = MLPRegressor(
            hidden_layer_sizes=self.hidden,
            alpha=self.penalty,
            learning_rate_init=self.learning_rate,
            batch_size=min(256, len(x)),
            random_state=seed,
        )
        best, since = -np.inf, 0
        kept: tuple[list[Array], list[Array]] = ([], [])
        for _ in range(self.passes):
            net.partial_fit(x, y if y.shape[1] > 1 else y[:, 0])
            score = float(np.mean([_agreement(net, *pair) for pair in judged]))
            since += 1
            if score > best or not kept[0]:
                best, since = score, 0
                kept = ([w.copy() for w in net.coefs_], [b.copy() for b in net.intercepts_])
            if since >= self.patience:
                break
        net.coefs_, net.intercepts_ = kept
        return net


@dataclass(frozen=True)
class _Scaler:
    """Standardisation and principal components of features; standardisation of targets within a configuration."""

    used: NDArray[np.bool_]
    mean: Array
    axes: Small
    target_sd: Array

    @classmethod
    def of(
        cls,
        features: Sequence[NDArray[Any]],
        targets: Sequence[NDArray[Any]],
        min_sd: float,
        components: int,
    ) -> _Scaler:
        n = sum(len(x) for x in features)
        mean = np.sum([x.sum(axis=0, dtype=np.float64) for x in features], axis=0) / n
        squares = np.sum([np.square(x - mean).sum(axis=0, dtype=np.float64) for x in features], axis=0)
        sd = np.sqrt(squares / n)
        used = sd > min_sd
        mean, sd, products = mean[used], sd[used], np.zeros((used.sum(), used.sum()))
        for x in features:
            standard = np.asarray((x[:, used] - mean) / sd, np.float32)
            products += standard.T @ standard
        spread, axes = np.linalg.eigh(products / n)
        largest = np.argsort(-spread, kind="stable")[:components]
        largest = largest[spread[largest] > 1e-6 * spread.max(initial=0.0)]
        axes = axes[:, largest] / np.sqrt(spread[largest]) / sd[:, None]
        within = np.concatenate([y - y.mean(axis=0) for y in targets]).std(axis=0)
        return cls(used, mean, axes.astype(np.float32), np.where(within > 0, within, 1.0))

    def features(self, x: NDArray[Any]) -> Small:
        return np.asarray((x[:, self.used] - self.mean).astype(np.float32) @ self.axes, np.float32)

    def targets(self, y: NDArray[Any]) -> Small:
        return np.asarray((y - y.mean(axis=0)) / self.target_sd, np.float32)


def _agreement(net: Any, x: Small, y: Small) -> float:
    """Return Pearson's coefficient, averaged over targets."""
    predicted = np.asarray(net.predict(x), np.float64).reshape(len(x), -1)
    return float(np.mean(rows_pearson(predicted.T, y.T.astype(np.float64))))
