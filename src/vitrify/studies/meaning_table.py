"""The key numbers about the training examples beside those of the thesis, each with the range that would agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.results import TableRow
from vitrify.studies.meaning_alternatives import REFERENCE
from vitrify.studies.meaning_examples import Examples
from vitrify.studies.meaning_selection import EVOLUTIONARY, FORWARD, names_of_best
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_weights import peak_of

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.studies.meaning_steps import Answers

THESIS = "Cubuk 2016, thesis"
Datasets = dict[str, "xr.Dataset"]

_SUBSETS = {
    1: ("best single radial function", "0.64", (0.58, 0.68), "5.5.1, Fig. 5.11"),
    2: ("best pair of radial functions", "0.77", (0.72, 0.82), "5.5.2, Fig. 5.12"),
    3: ("best triplet of radial functions", "0.78", (0.72, 0.85), "5.5.3, Fig. 5.13"),
}
_SIZES = {10: ("0.84", (0.80, 0.88)), 15: ("0.86", (0.82, 0.90))}
_SETS = {
    "radial": ("0.88", (0.80, 0.93)),
    REFERENCE: ("0.90", (0.84, 0.93)),
}
_SET_DIFFERENCE = 0.03
_CLAIMED_ALIKE = {
    "cumulative and angular", "radial and bond order", "cumulative and bond order", "radial and both orders of invariants",
    "all and ordered distances",
}  # fmt: skip
_FORMS = {"all radial": "0.88", "pair sum": "0.88", "exponential": "0.825", "exponential with core": "0.85"}
_FORM_DIFFERENCE = 0.10
_PEAK = 0.15  # distance: a radius of the grid counts as that of a peak


def table_rows(
    datasets: Datasets, found: Answers, examples: Examples, settings: MeaningSettings
) -> list[TableRow]:
    """Return the rows of the key table."""
    n = examples.n_soft
    return [
        *_subset_rows(found, n),
        *_triplet_rows(datasets, found, n),
        *_size_rows(datasets, n),
        *_set_rows(datasets, n),
        *_weight_rows(datasets, n),
        *_form_rows(datasets, n),
        *_classifier_rows(datasets, found, n, settings),
        *_map_rows(datasets, n),
    ]


def row(
    quantity: str, published: str | None, value: Any, error: Any, events: int | None, source: str, *notes: str
) -> TableRow:
    """Return a row with a symmetric error; notes that are empty are left out."""
    e = float(error)
    note = "; ".join(filter(None, notes))
    return TableRow(quantity, published, float(value), e, e, events, source, note)


def expected(value: Any, between: tuple[float, float]) -> str:
    """Return the range that would agree, and where the value lies.

    Examples
    --------
    >>> expected(0.7, (0.6, 0.8)), expected(0.5, (0.6, 0.8))
    ('expected 0.6 to 0.8: inside', 'expected 0.6 to 0.8: below')
    """
    low, high = between
    where = "inside" if low <= float(value) <= high else ("below" if float(value) < low else "above")
    return f"expected {low:g} to {high:g}: {where if np.isfinite(float(value)) else 'not measured'}"


def shown(value: Any, error: Any) -> str:
    """Return a value with its error.

    Examples
    --------
    >>> shown(0.7312, 0.004)
    '0.731 ± 0.004'
    """
    return f"{float(value):.3f} ± {float(error):.3f}"


def _subset_rows(found: Answers, n: int) -> Iterator[TableRow]:
    for size, scan in found["subsets"].items():
        words, published, between, where = _SUBSETS[size]
        best = int(np.argmax(scan["accuracy"].values))
        machine = int(np.argmax(scan["svm_accuracy"].values))
        svm = shown(scan["svm_accuracy"].values[machine], scan["svm_error"].values[machine])
        yield row(
            f"accuracy, {words}",
            published,
            scan["accuracy"].values[best],
            scan["accuracy_error"].values[best],
            n,
            f"{THESIS} {where}",
            " with ".join(names_of_best(scan)),
            f"support vector machine {svm}",
            f"on segments that did not choose it {shown(scan['judged'], scan['judged_error'])}",
            expected(scan["accuracy"].values[best], between),
        )


def _triplet_rows(datasets: Datasets, found: Answers, n: int) -> Iterator[TableRow]:
    if "function_triplets" not in datasets or 2 not in found["subsets"]:
        return
    triplets, pairs = found["subsets"][3], found["subsets"][2]
    gain = float(triplets["accuracy"].max() - pairs["accuracy"].max())
    error = float(np.hypot(triplets["judged_error"], pairs["judged_error"]))
    judged = float(triplets["judged"] - pairs["judged"])
    yield row(
        "accuracy, best triplet − best pair", "0.01", gain, error, n, f"{THESIS} 5.5.3",
        f"on segments that did not choose them {judged:+.3f}", expected(gain, (0.0, 0.03)),
    )  # fmt: skip
    attrs = datasets["function_triplets"].attrs
    yield row(
        f"triplets above {attrs['threshold']:g}", "296 of 161 700", attrs["n_good"], np.sqrt(attrs["n_good"]), n,
        f"{THESIS} 5.5.3", f"of {attrs['n_triplets']}; the best {attrs['n_top']} lie above {attrs['lowest_top']:.3f}",
    )  # fmt: skip
    yield from _peak_rows(datasets, triplets, n)


def _peak_rows(datasets: Datasets, scan: xr.Dataset, n: int) -> Iterator[TableRow]:
    """How many of the best triplets have a function at the first peak of each g(r)."""
    rdf, n_top = datasets["meaning_rdf"], int(datasets["function_triplets"].attrs["n_top"])
    order = np.argsort(-scan["accuracy"].values, kind="stable")[:n_top]
    names = scan["feature"].values.astype(str)
    printed = {"A": "294 of 296 = 0.993", "B": "291 of 296 = 0.983"}
    for species in (str(s) for s in rdf["neighbor_species"].values):
        peak = peak_of(rdf, species)
        near = [k for k, name in enumerate(names) if _is_near(name, species, peak)]
        share = float(np.isin(scan["column"].values[order], near).any(axis=1).mean())
        yield row(
            f"best triplets with the first peak of g(r) of neighbors {species}", printed.get(species), share,
            np.sqrt(share * (1 - share) / n_top), n, f"{THESIS} 5.5.3, Fig. 5.13",
            f"of {n_top}; {', '.join(names[near])}; peak at {peak:.2f}", expected(share, (0.9, 1.0)),
        )  # fmt: skip


def _is_near(name: str, species: str, distance: float) -> bool:
    from vitrify.studies.meaning_examples import species_and_radius

    of, radius = species_and_radius(name)
    return of == species and abs(radius - distance) < _PEAK


def _size_rows(datasets: Datasets, n: int) -> Iterator[TableRow]:
    whole = datasets["selected_functions"]
    for size in (s for s in _SIZES if s in whole["size"].values):
        published, between = _SIZES[size]
        one = whole.sel(size=size)
        known = [m for m in (EVOLUTIONARY, FORWARD) if m in one["search"].values]
        best = max(known, key=lambda m: np.nan_to_num(float(one["accuracy"].sel(search=m))))
        chosen = one.sel(search=best)
        yield row(
            f"accuracy, {size} radial functions", published, chosen["accuracy"], chosen["accuracy_error"], n,
            f"{THESIS} 5.5.4, Fig. 5.15", f"{best} search",
            f"on segments that did not choose them {shown(chosen['held_out_accuracy'], chosen['held_out_error'])}",
            expected(chosen["accuracy"], between),
        )  # fmt: skip


def _set_rows(datasets: Datasets, n: int) -> Iterator[TableRow]:
    whole = datasets["function_sets"]
    for name in (str(s) for s in whole["function_set"].values):
        one = whole.sel(function_set=name)
        published, between = _SETS.get(name, (None, None))
        difference, error = float(one["difference"]), float(one["difference_error"])
        apart = "" if name == REFERENCE else f"{difference:+.3f} ± {error:.3f} to {REFERENCE}"
        inside = expected(one["accuracy"], between) if between else ""
        if name in _CLAIMED_ALIKE:
            inside = f"expected within {_SET_DIFFERENCE:g}: {_yes(abs(difference) <= _SET_DIFFERENCE)}"
        yield row(
            f"accuracy, functions: {name}", published, one["accuracy"], one["accuracy_error"], n,
            f"{THESIS} 5.5" if between else f"{THESIS} 5.5.7", f"{int(one['n_functions'])} functions", apart, inside,
        )  # fmt: skip


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _weight_rows(datasets: Datasets, n: int) -> Iterator[TableRow]:
    """Where the most negative weight and the largest difference of hard and soft lie, beside the first peak of g(r)."""
    weights, rdf = datasets["radial_weights"], datasets["meaning_rdf"]
    cases = [
        (str(s), float(c)) for c in weights["penalty"].values for s in weights["neighbor_species"].values
    ]
    for species, penalty in cases:
        w = weights.sel(neighbor_species=species, penalty=penalty)
        if not np.isfinite(w["weight"].values).any():
            continue
        least = int(np.nanargmin(w["weight"].values))
        at = float(w["r"].values[least])
        yield row(
            f"most negative weight, neighbors {species}, C = {penalty:g}", "at the first peak of g(r)", w["weight"].values[least],
            w["weight_error"].values[least], n, f"{THESIS} 5.5.5, Fig. 5.16", f"at {at:g}: {_of_peak(at, rdf, species)}",
        )  # fmt: skip
    for species in (str(s) for s in rdf["neighbor_species"].values):
        hard, soft = (rdf.sel(neighbor_species=species, group=g) for g in ("hard", "soft"))
        difference = (hard["g"] - soft["g"]).values
        if not np.isfinite(difference).any():
            continue
        k = int(np.nanargmax(np.abs(difference)))
        error = float(np.hypot(hard["g_error"].values, soft["g_error"].values)[k])
        at = float(rdf["r"].values[k])
        yield row(
            f"largest g_hard − g_soft, neighbors {species}", "at the first peak, positive", difference[k], error, None,
            f"{THESIS} 5.5.6, Fig. 5.17", f"at {at:.2f}: {_of_peak(at, rdf, species)}",
        )  # fmt: skip


def _of_peak(distance: float, rdf: xr.Dataset, species: str) -> str:
    peak = peak_of(rdf, species)
    return "the first peak" if abs(distance - peak) < _PEAK else f"not the first peak, {peak:.2f}"


def _form_rows(datasets: Datasets, n: int) -> Iterator[TableRow]:
    whole = datasets["simplified_forms"]
    full, simple = (float(whole["accuracy"].sel(form=f)) for f in ("all radial", "exponential"))
    for form in (str(f) for f in whole["form"].values):
        one, note = whole.sel(form=form), ""
        value = float(one["accuracy"])
        if form == "exponential":
            words = f"expected at most {_FORM_DIFFERENCE:.2f} below all radial functions"
            note = f"{words}: {_yes(full - value <= _FORM_DIFFERENCE)}"
        if form == "exponential with core":
            note = f"expected not below the exponential: {_yes(value >= simple)}"
        yield row(
            f"accuracy, softness as {form}" if form != "all radial" else "accuracy, softness of all radial functions",
            _FORMS.get(form), value, one["accuracy_error"], n, f"{THESIS} 6.5, Fig. 6.6",
            f"{int(one['n_parameters'])} parameters", note,
        )  # fmt: skip


def _classifier_rows(
    datasets: Datasets, found: Answers, n: int, settings: MeaningSettings
) -> Iterator[TableRow]:
    cases = {
        "kernel_grid": ("Gaussian kernel", "kernel", "0.904", "Fig. 5.19", settings.meaning.rbf_examples),
        "networks": ("neural networks", "network", "< 0.90", "5.6.2", settings.meaning.network_examples),
    }
    for name, (words, step, published, where, most) in cases.items():
        if name not in datasets:
            continue
        whole = datasets[name]
        value, error = whole["accuracy"].values, whole["accuracy_error"].values
        k = int(np.nanargmax(value))
        linear = float(whole.attrs.get("linear", np.nan))
        judged, spread = judged_choice(list(found[step].values()))
        yield row(
            f"accuracy, {words}, best of {value.size}", published, value.flat[k], error.flat[k], min(n, most // 2),
            f"{THESIS} {where}", f"{value.flat[k] - linear:+.3f} to the linear machine on the same examples",
            f"chosen on other segments {shown(judged, spread)}",
            f"expected within 0.02 of the linear machine: {_yes(abs(value.flat[k] - linear) <= 0.02)}",
        )  # fmt: skip


def judged_choice(parts: list[xr.Dataset]) -> tuple[float, float]:
    """Return accuracy and error where each fold is judged with the cell that is best on all other folds.

    Parameters
    ----------
    parts : list of xarray.Dataset
        With ``accuracy_fold`` (…, fold).
    """
    folds = np.concatenate([p["accuracy_fold"].transpose(..., "fold").values.reshape(-1, p.sizes["fold"]) for p in parts])  # fmt: skip
    n = folds.shape[1]
    others = (np.nansum(folds, axis=1, keepdims=True) - folds) / (n - 1)
    judged = np.array([folds[int(np.nanargmax(others[:, k])), k] for k in range(n)])
    return float(judged.mean()), float(judged.std(ddof=1) / np.sqrt(n))


def _map_rows(datasets: Datasets, n: int) -> Iterator[TableRow]:
    whole = datasets["map_purity"]
    events = int(datasets["example_maps"]["soft"].sum())
    for name in (str(m) for m in whole["map"].values):
        one = whole.sel(map=name)
        tsne = name.startswith("t-SNE")
        yield row(
            f"neighbors of the same class, {name}", "clear separation" if tsne else None, one["purity"],
            one["purity_error"], min(events, n), f"{THESIS} 6.6, Fig. 6.7" if tsne else "",
            f"labels shuffled {shown(one['shuffled'], one['shuffled_error'])}",
            expected(one["purity"], (0.65, 1.0)) if tsne else "",
        )  # fmt: skip
