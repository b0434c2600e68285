"""What is drawn in each figure of the report on the softness of cages, how it is defined, and where the paper shows the same."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _T, _D = "<i>S</i>", "<i>T</i>", "<i>d</i>"
_PR = "<i>P</i><sub>R</sub>"
_COLOURS = "One colour per temperature, from cold (blue) to hot (red)"
_HOW = "{{ d.KEY.convention }}; windows of {{ d.KEY.window // 2 }} + {{ d.KEY.window // 2 }} frames"


def _how(key: str) -> str:
    return _HOW.replace("KEY", key)


def _at(key: str) -> str:
    return f"{_T} = {{{{ '%g' | format(d.{key}.temperature) }}}}"


CAGING_CAPTIONS = {
    "caging_map": Caption(
        "Depth and softness of the mean cage",
        "Points: one temperature each, from cold (blue) to hot (red), with errors from blocks of frames. Dashed: least squares. "
        "Left: inverse softness against the depth from the structure factor, <i>a</i>. Middle: that depth against the depth from "
        "<i>g</i>(<i>r</i>) of the first shell, <i>b</i>. Right: inverse softness against the latter, <i>c</i>, which gives the "
        "softness of every particle.",
        f"<i>d</i><sub>q</sub>: {{{{ says('caging_bulk', 'depth_q') }}}}. 1/{_S}: {{{{ says('caging_bulk', 'inverse_softness') }}}}. "
        "<i>d</i><sub>r</sub>: {{ says('caging_bulk', 'depth_r') }}. Integrals over <i>q</i> end at "
        "{{ '%g' | format(d.caging_bulk.q_max) }}, where 1/<i>S</i> has not converged; signs and densities as in the documentation, "
        "not as printed.",
        "Sharma 2022, Fig. 1",
    ),
    "caging_structure": Caption(
        "Radial distribution function and structure factor",
        f"{_COLOURS}. Left and middle: <i>g</i>(<i>r</i>) around the centre species, by species of the neighbour; dotted, the limits of "
        "the integral over <i>r</i>. Right: structure factor of the centre species.",
        "Lower limit: {{ says('caging_structure', 'lower_limit') }}. Upper limit: {{ says('caging_structure', 'upper_limit') }}.",
        "",
    ),
    "caging_smeared": Caption(
        "Radial distribution function of single particles, smeared",
        "Dashed: every neighbour is a Gaussian, averaged over particles and frames; one colour per width. Black: the liquid's own. The "
        "narrower the Gaussians, the nearer the two.",
        f"{_at('caging_smeared')}. The study uses &delta; = {{{{ '%g' | format(d.caging_smeared.chosen_delta) }}}}, a standard "
        "deviation.",
        "Sharma 2022, Fig. 2",
    ),
    "caging_distributions": Caption(
        "Depth and softness over particles",
        f"{_COLOURS}. Left: depth of the cage of every particle. Right: its softness. On cooling, a shift to the right and a wider curve "
        "on the left is a shift to the left, and a narrower curve, on the right.",
        f"{_D}<sub>i</sub>: {{{{ says('caging_depth_distribution', 'value') }}}}. {_S}: "
        "{{ says('caging_softness_distribution', 'value') }}. Areas are 1; bands are one standard error.",
        "Sharma 2022, Fig. 3",
    ),
    "caging_correlation": Caption(
        "How long softness lasts",
        f"Points: correlation of softness over particles between two times. Dotted: overlap. {_COLOURS}. Open points have no error: "
        "the trajectory is shorter than twice that time.",
        "<i>C</i><sub>S</sub>(<i>t</i>): {{ says('caging_correlation', 'correlation') }}. <i>Q</i>(<i>t</i>): "
        "{{ says('caging_correlation', 'overlap') }}, <i>a</i> = {{ '%g' | format(d.caging_correlation.cutoff) }}. Times below a frame "
        "of the long trajectory are from a second, short one from the same start.",
        "Sharma 2022, Fig. 4a",
    ),
    "caging_propagator": Caption(
        "Softness of particles that stay",
        "Left: distribution of softness of the hardest group after a few times, from early (blue) to late (red). Right: mean softness of "
        "each group against time, from hard (blue) to soft (red); dotted, the mean of all particles.",
        "Particles that moved less than {{ '%g' | format(d.caging_propagator.cutoff) }} up to the time <i>t</i>. "
        f"{_at('caging_propagator')}. Groups hold equal numbers.",
        "Sharma 2022, Fig. 4b, c",
    ),
    "caging_motion": Caption(
        "Motion, and the threshold of a rearrangement",
        f"Left: non-Gaussian parameter. Right: mean squared displacement. {_COLOURS}. Stars: the largest &alpha;<sub>2</sub>, and the "
        "threshold <i>p</i><sub>c</sub>.",
        "<i>p</i><sub>c</sub>: {{ says('caging_motion', 'threshold') }}; an area, as <i>p</i><sub>hop</sub> is here. The paper takes a "
        "further root of both, which leaves the same rearrangements.",
        "Sharma 2022, section III",
    ),
    "caging_rearranging": Caption(
        "Softness of all particles, and of those about to rearrange",
        "Black: distribution of softness of all particles. Red: of those about to rearrange. Vertical line: the mode of the first, and "
        "which part of the second lies above it. Coldest temperature with rearrangements.",
        f"Structure of a rearrangement: {_how('caging_rearranging')}. Both areas are 1. The other temperatures are in the CSV.",
        "Sharma 2022, Fig. 5a",
    ),
    "caging_probability": Caption(
        "Probability to rearrange against softness",
        f"{_COLOURS}; the legend gives the number of rearrangements. Dashed: one fit to all. Open: temperatures that were not fitted, "
        "because rearrangements merge there.",
        f"{_PR}({_S}): {{{{ says('caging_probability', 'probability') }}}}; {_how('caging_probability')}. Fit: "
        "{{ says('caging_probability', 'fitted') }}.",
        "Sharma 2022, Fig. 5b",
    ),
    "caging_lines": Caption(
        "Arrhenius lines, one per softness",
        f"The same probability against 1/{_T} for a few values of {_S}; dashed, the Arrhenius line of each. Vertical line: where the lines "
        f"of the fit to all cross, {_T}<sub>0</sub>, with its 68 % interval, if that is in reach. Inset: {_PR}/<i>P</i><sub>0</sub> "
        f"against &Delta;<i>E</i>/{_T}, with exp(&minus;<i>x</i>) as a line.",
        f"{_PR} = <i>P</i><sub>0</sub>({_S}) exp(&minus;&Delta;<i>E</i>({_S})/{_T}) in each bin, two parameters: with "
        "<i>P</i><sub>0</sub> = 1, as the caption of the paper has it, lines could not cross at a finite temperature. The collapse "
        "follows largely from the fit.",
        "Sharma 2022, Fig. 5c",
    ),
    "caging_barriers": Caption(
        "Energy barrier against softness, and against its inverse",
        "Barrier of each bin of softness with counting errors. Dashed: least squares. Which of the two is straighter?",
        "&Delta;<i>E</i>: {{ says('caging_barriers', 'energy_barrier') }}.",
        "Sharma 2022, Fig. 5d",
    ),
    "caging_variations": Caption(
        "What the numbers depend on",
        f"Left: part of the rearranging particles above the mode of <i>P</i>({_S}), coldest temperature. Right: where the Arrhenius lines "
        "cross, with 68 % intervals from resampled trajectory segments. Start: structure at the first frame of the event. Before peak: one "
        "frame before the largest <i>p</i><sub>hop</sub>. Every frame: part of the particles with <i>p</i><sub>hop</sub> above the threshold "
        "half a window later. Windows and thresholds as written.",
        "A row without a crossing has none in reach, or an interval that does not end.",
        "Sharma 2022, Fig. 5a, c",
    ),
}
