"""What the plane of the radial functions weighs, and g(r) of the particles that it calls hard and soft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.predictors.trained import TrainedSoftness
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.studies.curves import centred_frames, coldest
from vitrify.studies.meaning_examples import Examples, classifier_of, kept, radial_columns, species_and_radius
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_RDF_RANGE, _RDF_BIN = 5.0, 0.05
_MILDER = 0.01  # of the C of softness


def on_grid(names: list[str] | tuple[str, ...], values: dict[str, Any]) -> xr.Dataset:
    """Return one value per radial function as arrays over neighbour species and radius, NaN where there is no function.

    Parameters
    ----------
    names : sequence of n str
        Of radial functions.
    values : dict of str to (n,) array

    Examples
    --------
    >>> on_grid(["G_A(1.0)", "G_B(0.9)"], {"weight": [3.0, 4.0]})["weight"].values.tolist()
    [[nan, 3.0], [4.0, nan]]
    """
    import xarray as xr

    where = [species_and_radius(name) for name in names]
    species = list(dict.fromkeys(s for s, _ in where))
    radii = sorted({r for _, r in where})
    rows = [species.index(s) for s, _ in where]
    columns = [radii.index(r) for _, r in where]
    variables = {}
    for name, found in values.items():
        grid = np.full((len(species), len(radii)), np.nan)
        grid[rows, columns] = np.asarray(found, float)
        variables[name] = (("neighbor_species", "r"), grid)
    return xr.Dataset(variables, {"neighbor_species": species, "r": radii})


def hyperplane_weights(
    place: Workplace, trained: TrainedSoftness, examples: Examples, part: Any
) -> xr.Dataset:
    """Return the weights of planes learned from all radial functions, with errors from leaving out each segment.

    Overlapping functions share what they tell of: at the C of softness the weights of neighbours on the grid jump, at a hundredth of
    it they are spread over each peak.

    Returns
    -------
    xarray.Dataset
        ``weight``, ``weight_error`` (penalty, neighbor_species, r), of standardised functions.
    """
    import xarray as xr

    del part
    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    classifier = classifier_of(settings, trained)
    penalties = [float(classifier.C), _MILDER * float(classifier.C)]
    found = [_weights(classifier.set_params(C=c), examples) for c in penalties]
    return xr.concat(found, xr.Variable("penalty", penalties))


def _weights(classifier: Any, examples: Examples) -> xr.Dataset:
    from sklearn.base import clone

    features, soft, segment, names = examples.table(radial_columns(examples.names))
    whole = clone(classifier).fit(features, soft)
    groups = np.unique(segment)
    without = np.stack(
        [clone(classifier).fit(features[segment != g], soft[segment != g]).coef_[0] for g in groups]
    )
    n = len(groups)
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    seen = np.where(features.std(axis=0) > examples.min_sd, 1.0, np.nan)
    return on_grid(names, {"weight": whole.coef_[0] * seen, "weight_error": error * seen})


def hard_and_soft_rdf(place: Workplace, trained: TrainedSoftness) -> xr.Dataset:
    """Return g(r) around all, hard and soft particles of the coldest trajectory that was not trained on."""
    settings, point = place.settings, coldest(place.settings)
    assert isinstance(settings, MeaningSettings)
    parameters = {
        "softness": trained.identity,
        "point": point.label,
        "trajectory": place.trajectory(point).provenance,
        "stages": {k: v["parameters"] for k, v in place.trajectory(point).stages.items()},
        "frames": settings.meaning.rdf_frames,
        "stride": settings.statistics.stride,
        "range": [_RDF_RANGE, _RDF_BIN],
    }

    def make() -> xr.Dataset:
        chosen = centred_frames(place, point, settings.meaning.rdf_frames)
        groups = [np.where(np.isnan(s), -1, (s > 0).astype(np.int64)) for _, s in chosen]
        frames = (frame for frame, _ in chosen)
        found = RadialDistribution(_RDF_RANGE, _RDF_BIN).compute(
            frames, groups, ("hard", "soft"), total="all"
        )
        counted = {name: int(sum((g == k).sum() for g in groups)) for k, name in enumerate(("hard", "soft"))}
        return found.drop_vars(["g_counting_error", "counts"]).assign_attrs(
            temperature=point.temperature, **{f"n_{name}": n for name, n in counted.items()}
        )

    return kept(place, "rdf", parameters, make)


def peak_of(rdf: xr.Dataset, species: str, group: str = "all") -> float:
    """Return the distance of the first peak of g(r), the highest one."""
    curve = rdf["g"].sel(neighbor_species=species, group=group)
    return float(curve["r"].values[int(np.nanargmax(curve.values))])


def extrema_of(rdf: xr.Dataset, species: str) -> tuple[Array, Array]:
    """Return distances of the peaks and of the troughs of g(r) beyond the first peak, smoothed over five bins."""
    curve = rdf["g"].sel(neighbor_species=species, group="all")
    r, g = curve["r"].values, np.convolve(np.nan_to_num(curve.values), np.full(5, 0.2), "same")
    inside = np.arange(3, len(r) - 3)
    left, right = g[inside] - g[inside - 1], g[inside + 1] - g[inside]
    known = g[inside] > 0.05
    peaks = r[inside[(left > 0) & (right <= 0) & known]]
    troughs = r[inside[(left < 0) & (right >= 0) & known & (r[inside] > peak_of(rdf, species))]]
    return peaks, troughs
