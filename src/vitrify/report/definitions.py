"""What each data set of a softness report holds: dimensions, symbols, units, definitions.

Figures take their labels, and tables their headers, from the attributes of the variables. A study may set any of
`symbol`, `long_name`, `units` and `definition` itself; what it leaves out is filled in from here. The attributes
`definition` and `note` of a whole data set are added to the captions of its figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrify.errors import ShapeError, UnknownNameError
from vitrify.report.benchmark_definitions import BENCHMARK_DATASETS
from vitrify.report.caging_definitions import CAGING_DATASETS
from vitrify.report.meaning_definitions import MEANING_DATASETS
from vitrify.report.meaning_structure_definitions import MEANING_STRUCTURE_DATASETS
from vitrify.report.onset_definitions import ONSET_DATASETS
from vitrify.report.propensity_definitions import PROPENSITY_DATASETS
from vitrify.report.relaxation_definitions import RELAXATION_DATASETS
from vitrify.report.soft_sphere_definitions import SOFT_SPHERE_DATASETS
from vitrify.report.trap_definitions import TRAP_DATASETS
from vitrify.report.variables import Variable

if TYPE_CHECKING:
    import xarray as xr


_BIN = ("temperature", "softness_bin")
_TEMPERATURE = Variable(("temperature",), "T", "temperature", "epsilon_AA/k_B", "of the thermostat")
_SOFTNESS = Variable(
    ("softness_bin",), "S", "softness", "1", "w\u00b7F \u2212 b on standardized features; center of the bin"
)
_P_R = "rearrangements over exposure, particles at risk times frames"
_RDF = {
    "r": Variable(("r",), "r", "distance", "sigma_AA", "center of the bin"),
    "neighbor_species": Variable(
        ("neighbor_species",), r"\alpha", "neighbor species", "1", "of the second particle"
    ),
    "group": Variable(("group",), "", "central particles", "1", "all; hard: S < 0; soft: S > 0"),
    "g": Variable(
        ("neighbor_species", "group", "r"),
        "g(r)",
        "radial distribution function",
        "1",
        "neighbors over ideal gas",
    ),
    "g_error": Variable(("neighbor_species", "group", "r"), r"\delta g(r)", "standard error of g", "1", ""),
}
_OF_SPECIES = ("species", "lag")
_SPECIES = Variable(("species",), r"\alpha", "species", "1", "whose motion it is")
_LAG = Variable(("lag",), "t", "time", "tau", "between the two configurations")
_DISTRIBUTION = {
    "low": Variable(("value_bin",), "", "lower edge of the bin", "sigma_AA^2", ""),
    "high": Variable(("value_bin",), "", "upper edge of the bin", "sigma_AA^2", ""),
    "density_error": Variable(
        ("value_bin",), "", "standard error of density", "1", "from the scatter of trajectory segments"
    ),
    "n": Variable(("value_bin",), "n", "values", "1", "particles times frames in the bin"),
}

DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "snapshot": {
        "position": Variable(
            ("snapshot_frame", "particle", "xyz"),
            r"\mathbf{r}",
            "position",
            "sigma_AA",
            "wrapped into the box",
        ),
        "softness": Variable(
            ("snapshot_frame", "particle"),
            "S",
            "softness",
            "1",
            "w\u00b7F \u2212 b on standardized features; NaN: not analysed",
        ),
        "time": Variable(("snapshot_frame",), "t", "time", "tau", "since the first frame of the run"),
        "species": Variable(("particle",), r"\alpha", "species", "1", "name or index of the species"),
    },
    "softness_distribution": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        "density": Variable(_BIN, "P(S)", "distribution of softness", "1", "all analysed particles; area 1"),
        "density_error": Variable(_BIN, r"\delta P(S)", "standard error of density", "1", ""),
        "density_rearranging": Variable(
            _BIN,
            "P(S|R)",
            "distribution of softness, about to rearrange",
            "1",
            "particles about to rearrange; area 1",
        ),
        "density_rearranging_error": Variable(
            _BIN, r"\delta P(S|R)", "standard error of density_rearranging", "1", ""
        ),
        "n": Variable(_BIN, "n", "analysed particles", "1", "particles times frames in the bin"),
        "n_rearranging": Variable(_BIN, "n_R", "rearranging particles", "1", "rearrangements in the bin"),
    },
    "rearrangement_probability": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        "probability": Variable(_BIN, "P_R(S)", "probability to rearrange", "1", _P_R),
        "probability_low": Variable(
            _BIN, "P_R^-", "lower end of the interval of probability", "1", "lower bound"
        ),
        "probability_high": Variable(
            _BIN, "P_R^+", "upper end of the interval of probability", "1", "upper bound"
        ),
        "events": Variable(_BIN, "n_R", "rearrangements", "1", "in the bin"),
        "exposure": Variable(_BIN, "n", "exposure", "1", "particles times frames at risk in the bin"),
        "fitted": Variable(
            _BIN,
            r"P_R^{\,\mathrm{fit}}(S)",
            "fitted probability",
            "1",
            "exp(\u03a3(S) \u2212 \u0394E(S)/T)",
            optional=True,  # a single temperature has no fit
        ),
    },
    "arrhenius": {
        "softness": _SOFTNESS,
        "energy_barrier": Variable(
            ("softness_bin",),
            r"\Delta E",
            "energy barrier",
            "epsilon_AA",
            "minus slope of ln P_R against 1/T",
        ),
        "energy_barrier_error": Variable(
            ("softness_bin",), r"\delta\Delta E", "standard error of energy_barrier", "epsilon_AA", ""
        ),
        "log_prefactor": Variable(
            ("softness_bin",), r"\Sigma", "log prefactor", "1", "ln P_0: intercept of ln P_R against 1/T"
        ),
        "log_prefactor_error": Variable(
            ("softness_bin",), r"\delta\Sigma", "standard error of log_prefactor", "1", ""
        ),
        "events": Variable(("softness_bin",), "n_R", "rearrangements", "1", "at all temperatures together"),
        "used": Variable(("softness_bin",), "", "used", "1", "1: used; 0: left out for too few events"),
    },
    "p_hop_example": {
        "time": Variable(("time",), "t", "time", "tau", "since the first frame of the run"),
        "p_hop": Variable(
            ("time",),
            r"p_{\mathrm{hop}}",
            "hop indicator",
            "sigma_AA^2",
            "Candelier 2010; the root of a product of two mean squares",
        ),
        "displacement": Variable(
            ("time",), r"|\Delta\mathbf{r}|", "displacement", "sigma_AA", "from the first frame"
        ),
    },
    "rdf": _RDF,
    "softness_rdf": _RDF,
    "species_msd": {
        "species": _SPECIES,
        "lag": _LAG,
        "msd": Variable(
            _OF_SPECIES,
            r"\Delta r^2(t)",
            "mean squared displacement",
            "sigma_AA^2",
            "mean of |r(t) \u2212 r(0)|\u00b2 over particles and time origins",
        ),
        "msd_error": Variable(
            _OF_SPECIES, r"\delta\Delta r^2(t)", "standard error of the msd", "sigma_AA^2", ""
        ),
    },
    "species_overlap": {
        "species": _SPECIES,
        "lag": _LAG,
        "overlap": Variable(
            _OF_SPECIES, "q(t)", "overlap", "1", "fraction of particles that moved less than a in the time t"
        ),
        "overlap_error": Variable(_OF_SPECIES, r"\delta q(t)", "standard error of overlap", "1", ""),
    },
    "p_hop_distribution": {
        "value": Variable(
            ("value_bin",),
            r"p_{\mathrm{hop}}",
            "hop indicator",
            "sigma_AA^2",
            "Candelier 2010; the root of a product of two mean squares",
        ),
        "density": Variable(
            ("value_bin",), r"P(p_{\mathrm{hop}})", "distribution", "sigma_AA^-2", "all particles; area 1"
        ),
        **_DISTRIBUTION,
    },
    "d2min_distribution": {
        "value": Variable(
            ("value_bin",),
            r"D^2_{\mathrm{min}}",
            "non-affine displacement",
            "sigma_AA^2",
            "Falk and Langer 1998; what no uniform deformation of the neighbors explains",
        ),
        "density": Variable(
            ("value_bin",), r"P(D^2_{\mathrm{min}})", "distribution", "sigma_AA^-2", "all particles; area 1"
        ),
        **_DISTRIBUTION,
    },
    "rearrangement_rate": {
        "time": Variable(("segment",), "t", "time", "tau", "middle of a segment of the trajectory"),
        "rate": Variable(
            ("segment",),
            "k",
            "rearrangements per particle",
            "tau^-1",
            "that begin, per particle and unit of time",
        ),
        "rate_error": Variable(
            ("segment",), r"\delta k", "standard error of rate", "tau^-1", "from counting: root of the number"
        ),
        "events": Variable(("segment",), "n_R", "rearrangements", "1", "that begin in the segment"),
    },
    "overlap": {
        "temperature": _TEMPERATURE,
        "lag": Variable(("lag",), "t", "time", "tau", "between the two configurations"),
        "overlap": Variable(
            ("temperature", "lag"),
            "q(t)",
            "overlap",
            "1",
            "fraction of particles that moved less than the cutoff a in the time t",
        ),
        "overlap_error": Variable(
            ("temperature", "lag"), r"\delta q(t)", "standard error of overlap", "1", ""
        ),
    },
    **ONSET_DATASETS,
    **RELAXATION_DATASETS,
    **MEANING_DATASETS,
    **MEANING_STRUCTURE_DATASETS,
    **TRAP_DATASETS,
    **SOFT_SPHERE_DATASETS,
    **BENCHMARK_DATASETS,
    **PROPENSITY_DATASETS,
    **CAGING_DATASETS,
}


def with_definitions(name: str, dataset: xr.Dataset) -> xr.Dataset:
    """Return the data set with every variable checked and every missing attribute filled in.

    Parameters
    ----------
    name : str
        Of `DATASETS`.
    dataset : xarray.Dataset

    Returns
    -------
    xarray.Dataset
        The same values; dimensions in the order of `DATASETS`.

    Raises
    ------
    UnknownNameError
        For a name that no figure knows.
    ShapeError
        If a variable is missing or has other dimensions.

    Examples
    --------
    >>> import xarray as xr
    >>> overlap = xr.Dataset(
    ...     {"overlap": (("temperature", "lag"), [[1.0]]), "overlap_error": (("temperature", "lag"), [[0.0]])},
    ...     {"temperature": [0.47], "lag": [1.0]},
    ... )
    >>> with_definitions("overlap", overlap)["overlap"].attrs["symbol"]
    'q(t)'
    """
    if name not in DATASETS:
        raise UnknownNameError("report data set", name, DATASETS)
    described = dataset.copy()
    expected = _expected(name, dataset)
    for variable, words in expected.items():
        if variable not in dataset.variables:
            if words.optional:
                continue
            raise ShapeError(
                f"The data set '{name}' needs a variable `{variable}` with dimensions {words.dims}; "
                f"it has {', '.join(sorted(map(str, dataset.variables)))}."
            )
        found = dataset[variable]
        if set(found.dims) != set(words.dims):
            raise ShapeError(
                f"`{variable}` of the data set '{name}' has dimensions {found.dims}; it needs {words.dims}."
            )
        described[variable].attrs = words.attrs() | found.attrs
    order = dict.fromkeys(d for words in expected.values() for d in words.dims)
    return described.transpose(*order, ...)


_INDICATORS = ("p_hop", "d2min")


def _expected(name: str, dataset: xr.Dataset) -> Mapping[str, Variable]:
    """Return the variables of a data set; a snapshot has the one that its particles are coloured by."""
    by = str(dataset.attrs.get("coloured_by", "softness"))
    if name != "snapshot" or by == "softness":
        return DATASETS[name]
    expected = {k: v for k, v in DATASETS[name].items() if k != "softness"}
    if by in _INDICATORS:
        words = DATASETS[f"{by}_distribution"]["value"]
        expected[by] = replace(words, dims=("snapshot_frame", "particle"))
    return expected
