"""What is drawn in each figure of the propensity report; texts as in `vitrify.report.captions`."""

from __future__ import annotations

from vitrify.report.captions import Caption

_LR = "LR(<i>n</i>): ridge regression on descriptors averaged up to <i>n</i> times over neighbors"
_UNSEEN = "of configurations that the model has not seen"
_BARS = "Bars: one standard error, from the spread over configurations"
_BANDS = "Bands: one standard error, from the spread over configurations"
_CEILING = "Grey: noise ceiling, what a perfect prediction would reach, since the propensity itself is a mean over few runs"
_R = "<i>r</i>: {{ says('propensity_scores', 'pearson') }}"
_TAU = (
    "{% if d.propensity_scores.relaxation_time is defined and d.propensity_scores.relaxation_time > 0 %} &tau;<sub>&alpha;</sub> "
    "= {{ '%g' | format(d.propensity_scores.relaxation_time) }}.{% endif %}"
)
_HOW_MANY = (
    "{% if d.propensity_scores.n_configurations is defined %} {{ d.propensity_scores.n_configurations }} configurations"
    "{% if d.propensity_scores.n_runs is defined %}, {{ d.propensity_scores.n_runs }} runs of each{% endif %}.{% endif %}"
)


def _at(key: str) -> str:
    """Return a sentence with the time of a data set, where it has one."""
    return "{% if d.KEY.time is defined %} <i>t</i> = {{ '%g' | format(d.KEY.time) }}.{% endif %}".replace(
        "KEY", key
    )


PROPENSITY_CAPTIONS = {
    "propensity_time": Caption(
        "How well structure predicts the propensity",
        f"Pearson correlation of measured and predicted propensity {_UNSEEN}, against time or, where there is one time only, "
        f"against the order of averaging. {_CEILING}. {_BARS}.",
        f"{_LR}. {_R}. Ceiling: {{{{ says('propensity_ceiling', 'ceiling') }}}}.{_TAU}{_HOW_MANY}",
        "Boattini 2021, Figs. 1a, b and 3",
    ),
    "propensity_best": Caption(
        "All models at the relaxation time",
        "One row per model, ordered by the mean over species; colours are the positions that structure is measured on. Circles: "
        "all descriptors; squares: radial ones; triangles: angular ones; diamonds: with motion besides; crosses: a neural network. "
        f"{_CEILING}. {_BARS}.",
        f"{_LR}. Motion: {{{{ says('propensity_scores', 'motion') }}}}. Drawn is the time at which "
        f"the liquid has relaxed to 1/e, or the nearest one. All are tried on the same configurations, so that differences between models may be known better than the bars suggest.{_TAU}",
        "",
    ),
    "propensity_parts": Caption(
        "Radial and angular descriptors alone",
        "Pearson correlation with radial (blue), angular (red) and all descriptors (black). Against time: full lines with the "
        "highest order of averaging, dashed with the lowest. Where there is one time only: against the order. "
        f"{_BARS}.",
        f"{_LR}. {_R}. Parts: {{{{ says('propensity_scores', 'part') }}}}.{_TAU}",
        "Boattini 2021, Fig. 1c",
    ),
    "propensity_map": Caption(
        "Propensity in space, measured and predicted",
        "Particles of a slab through one configuration that the model has not seen, as circles of their diameter. Blue: less "
        "mobile than the mean of its species in the slab; red: more. Both panels have one scale, in standard deviations of each, "
        "so that the smaller spread of a prediction does not show.",
        "Measured: {{ says('propensity_map', 'measured') }}. Predicted: {{ says('propensity_map', 'predicted') }}"
        "{% if d.propensity_map.case is defined %}, {{ d.propensity_map.case }}{% endif %}."
        "{% if d.propensity_map.pearson is defined %} <i>r</i> = {{ '%.3g' | format(d.propensity_map.pearson) }}.{% endif %}"
        f"{_at('propensity_map')}",
        "",
    ),
    "propensity_selection": Caption(
        "How many functions a prediction needs",
        "Pearson correlation against the number of structure functions, added one by one as they raise the correlation most, one "
        f"colour per kind of positions. Dashed: all functions up to order 2, with regularization. {_BANDS}.",
        f"<i>r</i>: {{{{ says('propensity_selection', 'pearson') }}}}. Which functions: in the CSV, "
        f"{{{{ says('propensity_selection', 'feature') }}}}.{_at('propensity_selection')}",
        "Boattini 2021, Fig. 2",
    ),
    "propensity_learning": Caption(
        "How many configurations a model needs",
        f"Pearson correlation {_UNSEEN} against the number that it learns from, one colour per kind of positions. Where a curve "
        f"still rises, more configurations would help. {_BANDS}.",
        f"<i>r</i>: {{{{ says('propensity_learning', 'pearson') }}}}.{_at('propensity_learning')}",
        "",
    ),
    "propensity_configurations": Caption(
        "Configuration by configuration",
        "The best model on each kind of positions: a ring for each configuration, a stroke at their mean.",
        "<i>r</i>: {{ says('propensity_configurations', 'pearson') }}; each configuration is "
        f"{{{{ says('propensity_configurations', 'configuration') }}}}.{_at('propensity_configurations')}",
        "",
    ),
    "propensity_transfer": Caption(
        "Models of one source on another one",
        "Pearson correlation against time on a source that no model has seen, by models that learned at one time (dotted line). "
        "Dashed grey: how far the other source has relaxed. One colour per kind of positions, stronger the more descriptors are averaged.",
        "<i>r</i>: {{ says('propensity_transfer', 'pearson') }}. The other source has too few configurations for bars."
        "{% if d.propensity_transfer.source is defined %} Source: {{ d.propensity_transfer.source }}.{% endif %}",
        "",
    ),
    "propensity_mobility": Caption(
        "Motion behind the propensity",
        "Mean displacement of each species (above) and self-intermediate scattering function (below) against time. Dotted: 1/e, "
        "where the relaxation time is read.",
        "Displacement: {{ says('propensity_ceiling', 'mobility') }}. Scattering: "
        f"{{{{ says('propensity_ceiling', 'scattering') }}}}.{_TAU}".replace(
            "d.propensity_scores.relaxation_time is defined",
            "d.propensity_scores is defined and d.propensity_scores.relaxation_time is defined",
        ),
        "",
    ),
}
