"""The half of the report on the meaning of softness that comes from the training examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.report.results import TableRow
from vitrify.studies.meaning_alternatives import REFERENCE, descriptors_for
from vitrify.studies.meaning_examples import Examples, examples_of
from vitrify.studies.meaning_selection import (
    EVOLUTIONARY,
    FORWARD,
    function_pairs,
    function_triplets,
    single_functions,
)
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_steps import Answers, answers_of
from vitrify.studies.meaning_table import table_rows
from vitrify.studies.meaning_weights import hard_and_soft_rdf
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

_FEW = 2000  # examples of a class, below which the published accuracies are out of reach
_PUBLISHED = 6000


def learned_results(
    place: Workplace, trained: TrainedSoftness, settings: MeaningSettings, progress: Progress
) -> tuple[dict[str, xr.Dataset], list[TableRow], list[str]]:
    """Return data sets, rows of the table and what a reader must know; what is missing is made.

    Parameters
    ----------
    place : Workplace
    trained : TrainedSoftness
    settings : MeaningSettings
    progress : Progress
        Told of features that have to be made.
    """
    examples = examples_of(place, progress)
    found = answers_of(place, trained, examples)
    datasets = {
        **_selection(found, settings),
        "radial_weights": found["weights"][None],
        "meaning_rdf": hard_and_soft_rdf(place, trained),
        **_simple(found),
        "training_size": found["training-size"][None],
        "penalty_curve": found["penalty"][None],
        **_compared(found),
        **_maps(found),
    }
    datasets = {name: dataset for name, dataset in datasets.items() if dataset is not None}
    reference = found["set"].get(REFERENCE, found["set"].get("radial"))
    if "selected_functions" in datasets and "radial" in found["set"]:
        radial = found["set"]["radial"]
        datasets["selected_functions"].attrs |= {
            "all_radial": float(radial["accuracy"]),
            "all_radial_error": float(radial["accuracy_error"]),
        }
    for name in ("kernel_grid", "networks"):
        if name in datasets and "linear" not in datasets[name].attrs and reference is not None:
            datasets[name].attrs |= {
                "linear": float(reference["accuracy"]),
                "linear_error": float(reference["accuracy_error"]),
            }
    return (
        datasets,
        table_rows(datasets, found, examples, settings),
        _warnings(place, examples, found, settings),
    )


def _selection(found: Answers, settings: MeaningSettings) -> dict[str, xr.Dataset]:
    scans = found["subsets"]
    datasets = {"single_functions": single_functions(scans[1])} if 1 in scans else {}
    if 2 in scans:
        datasets["function_pairs"] = function_pairs(scans[2])
    if 3 in scans:
        datasets["function_triplets"] = function_triplets(scans[3], settings.meaning.good_triplet)
    return {**datasets, "selected_functions": _searches(found)}


def _searches(found: Answers) -> xr.Dataset:
    """Return both searches over one list of sizes, NaN where one did not look."""
    import xarray as xr

    curves = {FORWARD: found["forward"][None]}
    if found["evolved"]:
        sizes = sorted(found["evolved"])
        curves[EVOLUTIONARY] = xr.concat(
            [found["evolved"][k].drop_vars("n_evaluated") for k in sizes], "size"
        )
    sizes = sorted({int(k) for curve in curves.values() for k in curve["size"].values})
    made = []
    for curve in curves.values():
        words = dict(zip(curve["size"].values.tolist(), curve["functions"].values.tolist(), strict=True))
        numbers = curve.drop_vars("functions").reindex(size=sizes)
        made.append(numbers.assign(functions=("size", np.array([words.get(k, "") for k in sizes]))))
    return xr.concat(made, xr.Variable("search", list(curves)), combine_attrs="drop")


def _simple(found: Answers) -> dict[str, xr.Dataset]:
    whole = found["simple"][None]
    forms = ["accuracy", "accuracy_error", "n_parameters"]
    functions = [n for n in whole.data_vars if "form" not in whole[n].dims]
    fits = {k: v for k, v in whole.attrs.items() if str(k).startswith("fit")}
    return {
        "weight_functions": whole[functions].drop_vars("form", errors="ignore").assign_attrs(fits),
        "simplified_forms": whole[forms].drop_attrs(deep=False),
    }


def _joined(parts: dict[Any, xr.Dataset], dim: str) -> xr.Dataset | None:
    import xarray as xr

    if not parts:
        return None
    return xr.concat(list(parts.values()), xr.Variable(dim, list(parts)), combine_attrs="drop_conflicts")


def _compared(found: Answers) -> dict[str, xr.Dataset | None]:
    sets = _joined(found["set"], "function_set")
    if sets is not None:
        first = found["set"].get(REFERENCE, next(iter(found["set"].values())))
        apart = sets["accuracy_fold"] - first["accuracy_fold"]
        n = apart.sizes["fold"]
        sets = sets.assign(
            difference=apart.mean("fold"), difference_error=apart.std("fold", ddof=1) / np.sqrt(n)
        ).drop_vars("accuracy_fold")
    return {
        "kernel_grid": _of_grid(_joined(found["kernel"], "gamma"), "gamma"),
        "networks": _of_grid(_joined(found["network"], "layers"), "layers"),
        "function_sets": sets,
    }


def _of_grid(dataset: xr.Dataset | None, dim: str) -> xr.Dataset | None:
    return None if dataset is None else dataset.drop_vars("accuracy_fold").sortby(dim)


def _maps(found: Answers) -> dict[str, xr.Dataset]:
    import xarray as xr

    names = ["purity", "purity_error", "shuffled", "shuffled_error"]
    purity = _joined({k: v[names] for k, v in found["map"].items()}, "map")
    drawn = {k: v for k, v in found["map"].items() if "position" in v}
    widest = max(v.sizes["axis"] for v in drawn.values())
    positions = [v["position"].pad(axis=(0, widest - v.sizes["axis"])) for v in drawn.values()]
    whole = xr.concat(positions, xr.Variable("map", list(drawn)))
    soft = next(iter(drawn.values()))["soft"]
    assert purity is not None
    return {"example_maps": xr.Dataset({"position": whole, "soft": soft}), "map_purity": purity}


def _warnings(place: Workplace, examples: Examples, found: Answers, settings: MeaningSettings) -> list[str]:
    said = []
    if examples.n_soft < _FEW:
        said.append(
            f"The plane and everything that is asked of the examples rest on {examples.n_soft} particles per class; the thesis had "
            f"{_PUBLISHED}. Accuracies are expected to be lower, and searches among many sets of functions to find chance."
        )
    still = len([k for k in examples.names if k.startswith("G_")]) - len(examples.radial)
    if still > 0:
        said.append(
            f"{still} radial functions never see a neighbour and were left out of scans and searches."
        )
    lost = [name for name, answer in found["set"].items() if not np.isfinite(float(answer["accuracy"]))]
    if lost:
        said.append(f"No plane was found with the functions {'; '.join(lost)}: the solver did not converge.")
    if settings.meaning.alternatives and "shells" not in descriptors_for(place, settings):
        said.append("Bond order in shells was not compared: spherical harmonics need three dimensions.")
    return said
