"""What is drawn in each figure about the training examples, how it is defined, and where the thesis shows the same."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _GR, _C = "<i>S</i>", "<i>g</i>(<i>r</i>)", "<i>C</i>"
_THESIS = "Cubuk 2016 thesis, Fig. "
_BARS = "Bars are one standard error, from the scatter of the segments of the trajectory"
_RED = f"The red line is {_GR} around all particles of the central species"
_LEFT_OUT = "in segments of the trajectory that were not learned from"

MEANING_CAPTIONS = {
    "single_functions": Caption(
        "One radial function",
        f"Accuracy with which each radial function alone tells particles about to rearrange from quiet ones {_LEFT_OUT}; the "
        f"dotted line is guessing. {_RED}. {_BARS}.",
        "{{ says('single_functions', 'accuracy') }}.",
        f"{_THESIS}5.11",
    ),
    "function_pairs": Caption(
        "Pairs of radial functions",
        f"Accuracy of every pair of radial functions {_LEFT_OUT}. The axes name neighbour species and distance; circles mark the "
        "best pair.",
        "Each pair by its linear discriminant; the best ones again by support vector machines, in the table.",
        f"{_THESIS}5.12",
    ),
    "function_triplets": Caption(
        "Which radial functions the best triplets have",
        "Part of the best triplets that contain each function: "
        "{{ d.function_triplets.n_top }} of {{ d.function_triplets.n_triplets }}, the same share as in the thesis, with an accuracy above "
        "{{ '%.3f' | format(d.function_triplets.lowest_top) }}. "
        f"{_RED}.",
        "{{ d.function_triplets.n_good }} triplets are more accurate than {{ '%g' | format(d.function_triplets.threshold) }}, the threshold "
        "of the thesis; their counts are in the CSV.",
        f"{_THESIS}5.13",
    ),
    "triplet_weights": Caption(
        "Weights in the best triplets",
        "Median weight of each function in those of the best triplets that contain it, bars to the quartiles; larger points are in "
        f"more triplets. Negative: more neighbours at this distance make a particle harder. {_RED}.",
        "{{ says('function_triplets', 'weight') }}.",
        f"{_THESIS}5.14",
    ),
    "selected_functions": Caption(
        "Accuracy against the number of radial functions",
        "Open symbols: the best set of each size on the segments that it was chosen on. Full symbols: the whole search repeated "
        "without each segment, and judged there. Dashed: all radial functions, by the classifier of softness. "
        f"{_BARS}.",
        "{{ says('selected_functions', 'search') }}. The sets are named in the CSV.",
        f"{_THESIS}5.15",
    ),
    "radial_weights": Caption(
        "Weights of the plane of all radial functions",
        f"Weight of each radial function, at the {_C} of softness and at a hundredth of it, where functions that overlap share what they "
        f"tell of. {_RED}. Bars are one standard error, leaving out each segment.",
        "{{ says('radial_weights', 'weight') }}.",
        f"{_THESIS}5.16",
    ),
    "hard_and_soft_rdf": Caption(
        "The radial distribution function of hard and of soft particles",
        f"Below: {_GR} around hard (blue) and soft (red) particles; above: their difference. Bands are one standard error, from the "
        "scatter between frames.",
        f"Hard: {_S} &lt; 0; soft: {_S} &gt; 0, in a trajectory that was not learned from"
        "{% if d.meaning_rdf.temperature is defined %}, <i>T</i> = {{ '%g' | format(d.meaning_rdf.temperature) }}{% endif %}.",
        f"{_THESIS}5.17",
    ),
    "weight_functions": Caption(
        "The weight as a function of distance",
        "Points: what a neighbour at this distance adds to softness. Dashed blue: exponential fit. Red: the same with a constant core "
        "below the first zero. Bars are one standard error, leaving out each segment.",
        "{{ says('weight_functions', 'weight_function') }}.",
        f"{_THESIS}6.6",
    ),
    "simplified_forms": Caption(
        "Simpler forms of softness",
        f"Accuracy {_LEFT_OUT} of softness of all radial functions, of the sum of its weight function over neighbours, and of two "
        f"simple forms of that function; in brackets the number of parameters. {_BARS}.",
        "{{ says('simplified_forms', 'form') }}.",
        "Cubuk 2016 thesis, 6.5",
    ),
    "training_size": Caption(
        "Accuracy against the number of examples",
        f"Accuracy {_LEFT_OUT} of a plane that learned from so many examples of each class. {_BARS}.",
        "All functions; a linear machine with the squared hinge and the C of softness.",
        "",
    ),
    "penalty_curve": Caption(
        "Accuracy against the penalty",
        f"Accuracy {_LEFT_OUT} against {_C} of the linear machine. {_BARS}.",
        "All functions and all examples; the squared hinge.",
        "",
    ),
    "kernel_grid": Caption(
        "A Gaussian kernel",
        f"Accuracy in per cent {_LEFT_OUT} over the width of the kernel and {_C}; the title says what the linear machine gives on the "
        "same examples.",
        "{{ says('kernel_grid', 'gamma') }}.",
        f"{_THESIS}5.19",
    ),
    "networks": Caption(
        "Small neural networks",
        f"Accuracy {_LEFT_OUT} against the number of nodes in each hidden layer. Dashed: the linear machine on the same examples. "
        f"{_BARS}.",
        "All functions, standardized.",
        "Cubuk 2016 thesis, 5.6.2",
    ),
    "function_sets": Caption(
        "Other structure functions",
        f"Accuracy {_LEFT_OUT} of planes learned from other descriptions of the same examples; in brackets the number of functions. "
        f"Dotted: the functions of softness. {_BARS}.",
        "Cumulative: neighbours within 0.1, 0.2, … 3.5 by species. Bond order in shells: <i>Q<sub>l</sub></i> with <i>l</i> = 2, 4, … 14 "
        "between 1, 1.5, 2, 2.5, 3 and 3.5; both orders of invariants: with <i>W<sub>l</sub></i>. All planes are those of "
        f"the squared hinge with one {_C}.",
        "Cubuk 2016 thesis, 5.5.7",
    ),
    "example_maps": Caption(
        "Maps made without labels",
        "Each point is an example; red: about to rearrange, blue: quiet, coloured after the map was made. The title says which part of the "
        "nearest neighbours on the map are of the same class.",
        "{{ says('map_purity', 'purity') }}; 0.5 is chance. First two axes; all are in the CSV. Radial functions nearer than the "
        "closest pairs are left out.",
        f"{_THESIS}6.7",
    ),
}
