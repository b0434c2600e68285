"""What is drawn in each figure of a benchmark, and how it is defined."""

from __future__ import annotations

from vitrify.report.captions import Caption

_BARS = "Bars and bands are one standard error, over configurations or segments of the trajectory"
_BEST = "The best of them, in the order of the ranking"
_SPECIES = "species {{ d.benchmark.ranked_species }}, <i>t</i> = {{ '%g' | format(d.benchmark.ranked_time) }}"

BENCHMARK_CAPTIONS = {
    "benchmark_ranking": Caption(
        "Ranking",
        f"Best above. Left: Pearson's coefficient with what was measured; grey line, the noise ceiling where it is known. Right: "
        "area under the ROC curve; dotted, chance. Filled: from the tables that were given; open: what vitrify has. A minus means "
        f"that the number is large where particles stay. {_BARS}.",
        f"Of {_SPECIES}. Pearson: {{{{ says('benchmark', 'pearson') }}}}. Area: {{{{ says('benchmark', 'area') }}}}.",
        "",
    ),
    "benchmark_roc": Caption(
        "Finding the mobile particles",
        f"Fraction of the mobile particles that a threshold finds, against the fraction of others that it takes for mobile. {_BEST}; "
        f"dotted, chance. {_BARS}.",
        f"Of {_SPECIES}. Mobile: "
        "{% if d.benchmark.labels == 'propensity' %}the {{ '%g' | format(100 * d.benchmark.mobile_fraction) }} % with the largest "
        "propensity in each configuration{% else %}particles that begin to rearrange in this time{% endif %}.",
        "",
    ),
    "benchmark_calibration": Caption(
        "What was measured where much was predicted",
        f"Left: measured mean against the fraction of particles with a smaller prediction. {_BEST}; a flat curve tells nothing. "
        "Right: the same against the prediction itself, of those whose values and slope (between 1/2 and 2) are those of what is "
        f"measured; a calibrated one lies on the dotted diagonal. {_BARS}.",
        f"Of {_SPECIES}. Bins hold equal numbers of particles of all configurations or frames together.",
        "",
    ),
}
