"""What is drawn in each figure of the relaxation report, how it is defined, and where the papers show the same."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _T, _Q, _C = "<i>S</i>", "<i>T</i>", "<i>q</i>(<i>t</i>)", "<i>c</i>"
_PR, _A = "<i>P</i><sub>R</sub>", "<i>a</i>"
_COLOURS = "One colour per temperature, from cold (blue) to hot (red)"
_BANDS = "Bands and bars are one standard error, from resampled pieces of the trajectory"
_C_COUNTED = f"{_C} = <i>c</i><sub>{_A}</sub><i>f</i><sub>irrev</sub>"
_COLD = "{% if d.KEY.temperature is defined %} {T} = {{ '%g' | format(d.KEY.temperature) }}.{% endif %}"


def _cold(key: str) -> str:
    return _COLD.replace("KEY", key).replace("{T}", _T)


RELAXATION_CAPTIONS = {
    "overlap_prediction": Caption(
        "The overlap, measured and predicted from softness",
        f"{_COLOURS}; points measured, lines predicted. Left: each particle keeps its softness. Right: softness changes as the "
        f"Gaussian propagator says. From top to bottom, three ways to fix {_C}, the displacements per rearrangement: counted over "
        f"events ({_C_COUNTED}), from the initial decay of the overlap, and from early times. {_BANDS}. The measured propagator "
        "and the direct route are in the CSV.",
        f"{_Q}: {{{{ says('overlap_prediction', 'measured') }}}}, {_A} = {{{{ '%g' | format(d.overlap_prediction.cutoff) }}}}. "
        f"Early: {{{{ says('overlap_prediction', 'latest') }}}}. Routes: {{{{ says('overlap_prediction', 'route') }}}}.",
        "Schoenholz 2016, Fig. 3a, b",
    ),
    "overlap_of_softness": Caption(
        "The overlap by softness",
        f"Fraction of the particles of one softness that are still within {_A}, from hard (blue) to soft (red); points measured, "
        f"lines predicted with the propagator and {_C} from early times. {_BANDS}.",
        f"<i>q</i>({_S}, <i>t</i>): {{{{ says('overlap_of_softness', 'measured_of_softness') }}}}.{_cold('overlap_of_softness')}",
        "Cubuk 2016 thesis, Fig. 5.18",
    ),
    "propagator_moments": Caption(
        "How softness is forgotten",
        f"Mean (above) and variance (below) of the softness of particles that began at {_S}<sub>0</sub> and are still within "
        f"{_A}, one colour per {_S}<sub>0</sub>. {_BANDS}.",
        f"At <i>t</i> = 0 the variance is that within the bin of {_S}<sub>0</sub>.{_cold('propagator')}",
        "Schoenholz 2016, Fig. 4",
    ),
    "propagator_density": Caption(
        "The softness propagator",
        f"Distribution of softness after a time, one colour per time, one panel for each of three {_S}<sub>0</sub>. Points: "
        "measured. Lines: a Gaussian of the same mean and variance.",
        f"<i>G</i>({_S}, <i>t</i> | {_S}<sub>0</sub>): particles that have not moved by more than {_A}.{_cold('propagator')}",
        "Schoenholz 2016, Fig. 4a-c",
    ),
    "initial_decay": Caption(
        "Initial decay of the overlap, and rearrangements",
        f"Above: how fast <i>q</i>({_S}, <i>t</i>) begins to fall (points), and <i>c</i><sub>{_A}</sub>{_PR}({_S}) (lines). "
        f"Below: their ratio. {_COLOURS}. A ratio that does not depend on {_S} says that softness orders the displacements as it "
        "orders rearrangements; above 1, motion that is not counted as a rearrangement empties the overlap, too.",
        f"Decay: {{{{ says('initial_decay', 'decay') }}}} per frame, at the shortest time between frames with softness; "
        f"<i>c</i><sub>{_A}</sub>: part of the rearrangements that move by more than {_A}.",
        "Schoenholz 2016, text to Fig. 3",
    ),
    "displacing_events": Caption(
        "What stands behind displacements",
        f"Above: part of the displacements beyond {_A} after a time in which no event passes the highest threshold of "
        f"<i>p</i><sub>hop</sub>. Middle: part in which no single event went beyond {_A}, so that several add up. Below: "
        f"{_C}(<i>t</i>), the decay of the overlap over the rearrangements of the survivors; a prediction with one constant {_C} "
        f"is right where it is constant. {_COLOURS}.",
        "Lower thresholds are in the CSV.",
        "",
    ),
    "prediction_threshold": Caption(
        "Distance of prediction and measurement against the threshold of a rearrangement",
        f"Root mean square distance of the predicted {_Q}, one panel for each way to fix {_C}. Full symbols: propagator. Open "
        f"symbols, dashed: each particle keeps its softness. {_COLOURS}.",
        f"{_PR}, <i>c</i><sub>{_A}</sub> and {_C} belong to each threshold. Distance: "
        "{{ says('prediction_threshold', 'distance') }}.",
        "",
    ),
    "prediction_variation": Caption(
        "What the distance depends on",
        f"The same distance with another {_A}, with softness sampled more rarely, and with survivors that were within {_A} in "
        "every sampled frame. Full: propagator. Open: each particle keeps its softness.",
        "Distance: {{ says('prediction_variation', 'distance') }}.",
        "",
    ),
    "held_out_temperature": Caption(
        "A temperature that was left out",
        f"Above: ln {_PR}({_S}), measured (points), and predicted from barriers that were fitted to the other temperatures "
        f"(lines). Below: predicted &minus; measured; the grey strip is &plusmn;0.3. Each temperature is left out in turn; the "
        "coldest and the hottest are extrapolated to. Left: the law of the paper, linear in softness. Right: the highest degree.",
        f"{_PR}: rearrangements that start, per particle at risk and frame. Barriers &Delta;<i>E</i>({_S}) and prefactors "
        f"&Sigma;({_S}) are fitted by likelihood.",
        "Schoenholz 2016, Fig. 2b",
    ),
    "held_out_time": Caption(
        "Later times from earlier ones",
        f"Open points: what {_C} and the propagator were measured on. Full points: later times, left out. Lines: predicted. "
        f"{_BANDS}.",
        "After the last early time the propagator is held constant. Early: {{ says('held_out_time', 'latest') }}.",
        "Schoenholz 2016, Fig. 3",
    ),
    "structure_probability": Caption(
        "Probability to rearrange against structural quantities",
        f"{_PR} in bins that hold the same exposure, one panel per quantity, on one scale. {_COLOURS}. The steeper, the more the "
        "quantity tells.",
        f"{_PR}: {{{{ says('structure_probability', 'probability') }}}}. Whole numbers fill fewer bins.",
        "Cubuk 2016 thesis, Fig. 6.1",
    ),
    "structure_gain": Caption(
        "What each quantity tells about the next rearrangement",
        "Left: log likelihood gained per rearrangement on pieces of the trajectory that were left out, over one rate for all "
        "particles. Right: area under the receiver operating characteristic. One colour per temperature.",
        "Gain: {{ says('structure_gain', 'gain') }}. Area: {{ says('structure_gain', 'area') }}.",
        "",
    ),
    "relaxation_functions": Caption(
        "Relaxation",
        f"Mean squared displacement, overlap, self-intermediate scattering function, non-Gaussian parameter and dynamic "
        f"susceptibility of the centre particles, inherent positions. {_COLOURS}. Dotted: 1/e.",
        f"{_A} = {{{{ '%g' | format(d.relaxation_functions.cutoff) }}}}, <i>k</i> = "
        "{{ '%g' | format(d.relaxation_functions.wave_number) }}; &chi;<sub>4</sub> over time origins of one run, ensemble "
        "{{ d.relaxation_functions.ensemble }}. Errors from blocks of time origins.",
        "",
    ),
    "relaxation_times": Caption(
        "Relaxation times by several definitions",
        "Each curve is one definition, named in the legend; they do not compare with one another. Temperatures at which a "
        "function does not fall far enough have no point.",
        "Errors from curves within the error bars.",
        "",
    ),
    "irreversible": Caption(
        "Motion that is not undone",
        f"Left: part of the particles that went away and did not come back, against their softness. Middle: of all particles, "
        f"and <i>c</i><sub>{_A}</sub>, part of the rearrangements that move by more than {_A}. Right: mean duration of a "
        "rearrangement.",
        "Away: farther than {{ '%g' | format(d.irreversible.cutoff) }} on running average over {{ d.irreversible.window }} frames; "
        "back: within {{ '%g' | format(d.irreversible.return_within) }} again within {{ d.irreversible.duration }} frames.",
        "Cubuk 2016 thesis, Fig. 5.21",
    ),
}
