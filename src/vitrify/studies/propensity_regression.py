"""Ridge regressions of the propensity: every case is scored on configurations that were left out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.predictors.feature_selection import ForwardSelection
from vitrify.predictors.learning_curve import learning_curve
from vitrify.predictors.network_regression import NetworkRegression
from vitrify.predictors.normal_equations import NormalEquations, equations_by_species
from vitrify.predictors.ridge import RidgeRegression, averaging_order
from vitrify.predictors.trained_ridge import TrainedRidge
from vitrify.progress import Progress
from vitrify.provenance import identity
from vitrify.studies.kept_arrays import Arrays, made_of, make_files, read_arrays, write_arrays
from vitrify.studies.propensity_features import Table, feature_file, features_of, motion_names, names_of
from vitrify.studies.propensity_samples import PropensityPlace
from vitrify.studies.propensity_settings import PropensitySettings

Array = NDArray[np.float64]

_ANGULAR = "q_"
NETWORK = "network"


@dataclass(frozen=True)
class Case:
    """One regression: which features it may use.

    Attributes
    ----------
    kind : str
        Reference positions.
    order : int
        Highest order of averaging.
    part : {"both", "radial", "angular", "network"}
        The last: all features, in a neural network instead of a ridge regression.
    motion : bool
        Whether it has fluctuations and displacements between reference positions besides.
    """

    kind: str
    order: int
    part: str = "both"
    motion: bool = False

    @property
    def label(self) -> str:
        """What the table calls it.

        Examples
        --------
        >>> Case("inherent", 2).label, Case("cage", 3, motion=True).label, Case("thermal", 0, "radial").label
        ('inherent LR(2)', 'cage LR(3) + motion', 'thermal LR(0) radial')
        """
        if self.part == NETWORK:
            return f"{self.kind} MLP({self.order})"
        part = "" if self.part == "both" else f" {self.part}"
        return f"{self.kind} LR({self.order}){part}{' + motion' if self.motion else ''}"


def cases_of(settings: PropensitySettings, kind: str) -> list[Case]:
    """Return the regressions on one kind of positions."""
    orders = range(settings.structure.order + 1)
    cases = [Case(kind, n) for n in orders]
    if kind in settings.regression.part_positions:
        cases += [Case(kind, n, part) for part in ("radial", "angular") for n in orders]
    if has_motion(settings, kind):
        cases.append(Case(kind, settings.structure.order, motion=True))
    if kind in settings.regression.network_positions:
        cases.append(Case(kind, settings.structure.order, NETWORK))
    return cases


def has_motion(settings: PropensitySettings, kind: str) -> bool:
    """Return whether fluctuations and displacements are tried beside the features of this kind of positions."""
    return len(settings.structure.positions) > 1 and kind in settings.regression.motion_positions


def columns_of(case: Case, names: Sequence[str], motion: Sequence[str]) -> NDArray[np.int64]:
    """Return which features a case uses.

    Examples
    --------
    >>> columns_of(Case("thermal", 1, "angular"), ["G_A(1)", "q_4(1)", "avg1[q_4(1)]", "avg2[q_4(1)]", "u"], ["u"]).tolist()
    [1, 2]
    """
    chosen = []
    for k, name in enumerate(names):
        inner = name.split("[", 1)[1][:-1] if averaging_order(name) else name
        if inner in motion:
            wanted = case.motion
        else:
            angular = inner.startswith(_ANGULAR)
            wanted = case.part in ("both", NETWORK) or angular == (case.part == "angular")
        if wanted and averaging_order(name) <= case.order:
            chosen.append(k)
    return np.array(chosen, np.int64)


def ridge_of(settings: PropensitySettings, equations: NormalEquations) -> RidgeRegression:
    """Return the regression, its strengths those of the settings times the number of training particles."""
    r = settings.regression
    training = float(equations.count.sum()) * (r.folds - 1) / r.folds
    return RidgeRegression(
        tuple(s * training for s in r.strengths), n_folds=r.inner_folds, within=r.within, min_sd=r.min_sd
    )


def regress_all(
    place: PropensityPlace,
    samples: Sequence[MeasuredPropensity],
    progress: Progress,
    workers: int | Workforce | None = None,
) -> dict[str, Path]:
    """Do the regressions on every kind of positions; what is there of the same settings and features is kept.

    Returns
    -------
    dict of str to Path
        The file of each kind; see `read_regressions`.
    """
    kinds = place.settings.structure.positions
    files: dict[str, Path] = {kind: place.out / "regression" / f"{kind}.npz" for kind in kinds}
    jobs = []
    for kind in kinds:
        wanted = _made_of(place, samples, kind)
        if made_of(files[kind]) != wanted:
            jobs.append((place, kind, files[kind], wanted, list(samples)))
    (place.out / "regression").mkdir(parents=True, exist_ok=True)
    make_files("Regressions", "kinds of positions", _regress, jobs, len(kinds), progress, workers)
    return files


def read_regressions(path: Path) -> Arrays:
    """Return what the regressions on one kind of positions gave.

    Keys are, for each case and species, ``CASE|SPECIES|k`` (T, n): what is predicted of configuration k by the model that
    has not seen it; ``CASE|SPECIES|strength`` (folds, T);
    ``model|CASE|SPECIES`` (M + 1,): weights of the features and bias of a model that learned from all configurations at the
    relaxation time; ``select|KIND|SPECIES|…`` and ``learn|KIND|SPECIES|…``.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    return read_arrays(path)


def _made_of(place: PropensityPlace, samples: Sequence[MeasuredPropensity], kind: str) -> str:
    """Return the hash of what the regressions of a kind follow from: of all kinds, where motion between them counts."""
    kinds = place.settings.structure.positions if has_motion(place.settings, kind) else (kind,)
    described = [made_of(feature_file(place, k, c)) for k in kinds for c in range(len(samples))]
    return identity(
        {
            "structure": described,
            "order": place.settings.structure.order,
            "regression": place.settings.regression.model_dump(mode="json"),
            "times": samples[0].times.tolist(),
            "propensity": [float(np.float64(s.propensity.sum())) for s in samples],
        }
    )


# -- one kind of positions -------------------------------------------------------------------------------------------


def _regress(job: tuple[PropensityPlace, str, Path, str, list[MeasuredPropensity]]) -> None:
    import scipy.linalg  # noqa: F401  # its BLAS is to be there when threads are limited
    from threadpoolctl import threadpool_limits

    place, kind, path, wanted, samples = job
    with threadpool_limits(
        1, user_api="blas"
    ):  # workers share the cores, and threads would change the last bits
        found = _found(_Work(place, kind, samples))
    write_arrays(path, found, wanted)


def _found(work: _Work) -> Arrays:
    """Return everything that the regressions on one kind of positions give, see `read_regressions`."""
    found: Arrays = {}
    fits = []
    for species, equations in work.equations().items():
        for case in cases_of(work.settings, work.kind):
            if case.part == NETWORK:
                found |= work.learn_networks(case, species)
            else:
                fits.append(work.fit(case, species, equations))
        found |= work.learn_from_all(species, equations)
        found |= work.select(species, equations)
        found |= work.learn(species, equations)
    for fit in fits:
        found[f"{fit.head}|strength"] = fit.strengths
    for k in range(len(work.samples)):
        found |= work.predict(fits, k)
    return found


@dataclass(frozen=True, eq=False)
class _Fit:
    """The models of one case and species: one for each fold and time."""

    head: str
    species: str
    columns: NDArray[np.int64]
    models: tuple[tuple[TrainedRidge, ...], ...]
    fold_of: NDArray[np.int64]
    strengths: Array


class _Work:
    """All regressions on one kind of positions."""

    def __init__(self, place: PropensityPlace, kind: str, samples: list[MeasuredPropensity]) -> None:
        self.place, self.kind, self.samples = place, kind, samples
        settings = place.settings
        self.settings = settings
        self.table = Table((kind,), settings.structure.order, has_motion(settings, kind))
        self.names = names_of(settings, self.table, samples[0].frame.species_names)
        self.motion = motion_names(settings) if self.table.motion else ()
        self.times = [f"{t:.10g}" for t in samples[0].times]

    def features(self, k: int) -> Array:
        return features_of(self.place, self.table, k, self.samples[k].frame)

    def species(self, k: int) -> NDArray[np.str_]:
        frame = self.samples[k].frame
        return np.array(frame.species_names)[frame.species]

    def equations(self) -> dict[str, NormalEquations]:
        blocks = (
            (f"{k:03d}", self.features(k), sample.propensity.T, self.species(k))
            for k, sample in enumerate(self.samples)
        )
        return equations_by_species(blocks, self.names, self.times)

    def fit(self, case: Case, species: str, equations: NormalEquations) -> _Fit:
        """Return the models of a case, one for each fold and time."""
        columns = columns_of(case, self.names, self.motion)
        few = equations.select(columns)
        held_out = ridge_of(self.settings, few).cross_validate(few, self.settings.regression.folds)
        strengths = held_out.scores["strength"].values / few.count.sum()
        fold_of = held_out.scores["fold"].values
        return _Fit(f"{case.label}|{species}", species, columns, held_out.models, fold_of, strengths)

    def learn_networks(self, case: Case, species: str) -> Arrays:
        """Return what networks that have not seen a configuration predict of it, for every configuration."""
        columns = columns_of(case, self.names, self.motion)
        features, targets = [], []
        for k, sample in enumerate(self.samples):
            rows = np.flatnonzero(self.species(k) == species)
            features.append(self.features(k)[np.ix_(rows, columns)].astype(np.float32))
            targets.append(sample.propensity[:, rows].T)
        r = self.settings.regression
        network = NetworkRegression(min_sd=r.min_sd, seed=r.seed)
        predicted = network.cross_validate(features, targets, r.folds)
        return {f"{case.label}|{species}|{k}": one.T.astype(np.float32) for k, one in enumerate(predicted)}

    def predict(self, fits: Sequence[_Fit], k: int) -> Arrays:
        """Return what the models that have not seen configuration k predict of it."""
        features, species, found = self.features(k), self.species(k), {}
        for fit in fits:
            rows = features[np.ix_(np.flatnonzero(species == fit.species), fit.columns)]
            predicted = [model.predict(rows) for model in fit.models[fit.fold_of[k]]]
            found[f"{fit.head}|{k}"] = np.stack(predicted).astype(np.float32)
        return found

    def learn_from_all(self, species: str, equations: NormalEquations) -> Arrays:
        """Return what models of each order learn at the relaxation time from all configurations: weights, then the bias."""
        found = {}
        for case in cases_of(self.settings, self.kind):
            if case.part == "both" and not case.motion:
                columns = columns_of(case, self.names, self.motion)
                few = equations.select(columns)
                model = ridge_of(self.settings, few).fit(few, target=self.target)
                weights = model.weights / model.scale
                bias = model.bias - weights @ model.mean
                found[f"model|{case.label}|{species}"] = np.append(weights, bias)
        return found

    def select(self, species: str, equations: NormalEquations) -> Arrays:
        """Return the curve of forward selection at the relaxation time."""
        r = self.settings.regression
        if self.kind not in r.selection_positions:
            return {}
        few = equations.select(columns_of(Case(self.kind, r.selection_order), self.names, self.motion))
        selection = ForwardSelection(r.selected, ridge=ridge_of(self.settings, few))
        curve = selection.cross_validate(few, r.folds, target=self.target)
        whole = selection.select(few, target=self.target)
        head = f"select|{self.kind}|{species}"
        return {
            f"{head}|pearson": curve["pearson"].values,
            f"{head}|names": np.array(whole.names),
            f"{head}|multiple_correlation": whole.multiple_correlation,
        }

    def learn(self, species: str, equations: NormalEquations) -> Arrays:
        """Return the learning curve at the relaxation time, with the order that selection may use."""
        r = self.settings.regression
        if self.kind not in r.learning_positions:
            return {}
        few = equations.select(columns_of(Case(self.kind, r.selection_order), self.names, self.motion))
        most = few.n_configurations - int(np.ceil(few.n_configurations / r.folds))
        sizes = [n for n in _SIZES if n < most] + [most]
        curve = learning_curve(
            few, ridge_of(self.settings, few), sizes, r.subsets, r.folds, self.target, r.seed
        )
        return {
            f"learn|{self.kind}|{species}|pearson": curve["pearson"].values,
            f"learn|{self.kind}|{species}|size": np.array(sizes),
        }

    @property
    def target(self) -> int:
        """The time nearest the relaxation time."""
        return relaxation_index(self.samples, self.settings.runs.wave_vector)


_SIZES = (1, 2, 4, 8, 16, 32, 64)


def relaxation_index(samples: Sequence[MeasuredPropensity], wave_vector: float) -> int:
    """Return the time at which the scattering function of species A is nearest 1/e.

    Where the runs are known it follows from their displacements, F_s = ⟨sin(k Δr)/(k Δr)⟩; otherwise it must be the only time.
    """
    scattering = scattering_of(samples, wave_vector)
    return 0 if scattering is None else int(np.argmin(np.abs(np.log(np.maximum(scattering, 1e-9)) + 1)))


def scattering_of(samples: Sequence[MeasuredPropensity], wave_vector: float) -> Array | None:
    """Return F_s(k, t) of species A over all configurations and runs, (T,), or what the data say of it, or None."""
    if samples[0].scattering is not None:
        return samples[0].scattering
    if any(s.displacements is None for s in samples):
        return None
    return np.asarray(np.mean([_scattering(s, wave_vector) for s in samples], axis=0))


def _scattering(sample: MeasuredPropensity, wave_vector: float) -> Array:
    assert sample.displacements is not None
    of_first = sample.displacements[:, :, sample.frame.species == 0]
    return np.asarray(np.sinc(wave_vector * of_first / np.pi).mean(axis=(1, 2)))
