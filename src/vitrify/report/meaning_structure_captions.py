"""What is drawn in the figures of the structure of single particles, how it is defined, and where the papers show the same."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _T, _PR, _Q = "<i>S</i>", "<i>T</i>", "<i>P</i><sub>R</sub>", "<i>Q</i>"
_COLOURS = "One colour per temperature, from cold (blue) to hot (red)"
_HELD_OUT = "All particles and events are of trajectories that nothing was learned from"
_KINDS = (
    "Inherent hops are the rearrangements of the study of softness: <i>p</i><sub>hop</sub> of inherent positions, structure before its "
    "first window. Thermal hops are those of Sharma et al.: <i>p</i><sub>hop</sub> of thermal positions in a longer window, threshold "
    "the mean squared displacement where the non-Gaussian parameter is largest"
)
_CAGE = (
    "Caging softness is that of Sharma et al.: inverse curvature of the mean-field caging potential, from the depth that the neighbours "
    "of a particle give it"
)

MEANING_STRUCTURE_CAPTIONS = {
    "structure_softness": Caption(
        "Softness, coordination and local energy",
        f"Mean softness against coordination number (left) and local energy (middle), mean local energy against coordination number "
        f"(right). {_COLOURS}; bars, at the lowest temperature, are standard deviations between particles.",
        "Whole numbers have a bin each, other quantities bins of equally many particles. All other quantities are in the CSV.",
        "Cubuk 2016 thesis, Fig. 6.1",
    ),
    "structure_simplices": Caption(
        "Softness and regular tetrahedra",
        "Mean softness of particles on <i>N</i><sub>T</sub> regular tetrahedra of the Delaunay tessellation, one curve for each number "
        "<i>N</i><sub>O</sub> of regular quarter-octahedra, at the lowest temperature. Bars are one standard error.",
        "Bins with fewer than 50 particles and frames are left out; the last bin holds larger counts, too.",
        "Cubuk 2016 thesis, Fig. 6.3",
    ),
    "structure_probability": Caption(
        "Probability to rearrange against structure",
        f"{_PR} in bins of equal exposure against the quantile of each quantity, at the lowest temperature, for two kinds of event. The "
        f"steeper, the more the quantity tells. {_HELD_OUT}.",
        f"{_PR}: {{{{ says('scalar_probability', 'probability') }}}}. {_KINDS}. Quantities without a curve, and all temperatures, are in "
        "the CSV.",
        "Cubuk 2016 thesis, Fig. 6.2",
    ),
    "structure_contrast": Caption(
        "How well each quantity tells who rearranges",
        f"Left: contrast {_Q}. Right: area under the receiver operating characteristic, one half for a quantity that knows nothing. Full "
        f"symbols: inherent hops; open: thermal hops. Lowest temperature. {_HELD_OUT}.",
        f"{_Q}: {{{{ says('scalar_contrast', 'contrast') }}}}; an interval of Poisson counts, and its scatter between blocks of time in the "
        f"CSV with the events of both groups. {_KINDS}. A quantity is turned once for all, so that it favours inherent hops at the lowest "
        "temperature.",
        "Cubuk 2016 thesis, section 6.3",
    ),
    "structure_temperature": Caption(
        "What structure tells, against temperature",
        f"Contrast {_Q} (above) and area under the curve (below), for inherent (left) and thermal hops (right), one colour per quantity. "
        f"{_HELD_OUT}.",
        f"{_Q}: {{{{ says('scalar_contrast', 'contrast') }}}}. The planes of softness are learned at the lowest temperature.",
        "",
    ),
    "structure_side_by_side": Caption(
        "Learned softness beside caging softness",
        f"{_PR} against softness that is learned, from inherent and from thermal positions, and against the softness of the caging "
        f"potential, of thermal and of inherent positions; same particles. Above: inherent hops. Below: thermal hops. {_COLOURS}.",
        f"{_KINDS}. {_CAGE}. Bins with fewer than three events are left out of the drawing.",
        "Sharma 2022, Fig. 5b; Schoenholz 2016, Fig. 2a",
    ),
    "structure_correlation": Caption(
        "What goes together",
        "Pearson coefficients of every two quantities of the same particles, at the lowest temperature.",
        "Over all particles of the centre species in the sampled frames. Errors, rank correlations and other temperatures are in the CSV.",
        "",
    ),
    "structure_mobility": Caption(
        "Structure and later displacements",
        "Pearson (left) and Spearman (right) coefficients of each quantity with the distance that the particle has moved after a time, at the "
        "lowest temperature. Bars are one standard error, from blocks of time.",
        "Displacements of inherent positions. One run has one path for each particle: coefficients with the propensity, a mean over many "
        "runs, would be larger.",
        "",
    ),
    "structure_fields": Caption(
        "How far softness is alike in space",
        f"Correlation of the field of softness, of <i>p</i><sub>hop</sub>, and of caging softness, against distance; dashed: "
        f"<i>A</i> exp(&minus;<i>r</i>/&xi;). {_COLOURS}.",
        "{{ says('field_correlation', 'correlation')[0] | upper }}{{ says('field_correlation', 'correlation')[1:] }}, fitted by least "
        "squares from <i>r</i> = {{ '%g' | format(d.field_correlation.r_min) }} to {{ '%g' | format(d.field_correlation.r_max) }}. "
        "Waves are those of the structure of the liquid.",
        "Cubuk 2016 thesis, Fig. 6.4",
    ),
    "structure_gradient": Caption(
        "Whether particles move up the gradient of softness",
        f"Left: mean cosine of the angle between the displacement of a rearrangement and the gradient of softness just before it, against "
        f"the product of their lengths; {_COLOURS.lower()}; grey: gradients exchanged between events. Right: distribution of the cosine, "
        f"at the lowest temperature.",
        f"&nabla;{_S}: sum of (<i>S<sub>j</sub></i> &minus; <i>S<sub>i</sub></i>) <b>R</b><sub><i>ij</i></sub> / <i>R</i>&sup2; over the "
        "neighbours of the centre species. Displacement: from the first frame of the first window to the last of the last.",
        "Cubuk 2016 thesis, Fig. 6.5",
    ),
    "structure_caging_map": Caption(
        "Depth and softness of the mean caging potential",
        f"Inverse softness against depth of the caging potential of the whole liquid, and both against the depth from <i>g</i>(<i>r</i>) of "
        f"first neighbours; dashed: lines that turn the depth of one particle into its softness. {_COLOURS}.",
        "Integrals end at <i>q</i> = {{ '%g' | format(d.caging_map.q_max) }}. {{ says('caging_map', 'depth_r') }}; "
        "<i>R</i>&sup2; = {{ '%.3f' | format(d.caging_map.r_squared_c) }} for the line to the right.",
        "Sharma 2022, Fig. 1",
    ),
}
