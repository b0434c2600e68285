"""What is drawn in each figure, how it is defined, and where the papers show the same.

A caption says how to read the picture, never what it turned out to show: that is for the numbers of the run. Texts are
HTML with jinja fields; `d` holds the attributes of each data set by name, and `says(dataset, variable)` the definition
that the study gave to a variable.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """Words beside one figure.

    Parameters
    ----------
    title : str
        Plain text; also the beginning of the alternative text.
    seen : str
        What is drawn and how to read it.
    defined : str
        How it is defined, with the numbers of this run.
    paper : str
        The figure of the paper that shows the same.
    """

    title: str
    seen: str
    defined: str
    paper: str


_S = "<i>S</i>"
_T = "<i>T</i>"
_PR = "<i>P</i><sub>R</sub>"

CAPTIONS = {
    "snapshot": Caption(
        "Softness in space",
        f"Particles coloured by softness {_S}, from blue (hard, {_S} &lt; 0) to red (soft, {_S} &gt; 0); small grey ones are "
        "not analysed. Patches of one colour mean that softness is correlated in space.",
        "{% if d.snapshot.temperature is defined %}"
        f"{_T} = {{{{ '%g' | format(d.snapshot.temperature) }}}}. "
        "{% endif %}"
        "Position: {{ says('snapshot', 'position') }}. "
        f"The colours end at the 90th percentile of |{_S}|.",
        "Schoenholz 2016, Fig. 1a",
    ),
    "softness_distribution": Caption(
        "Softness of all particles, and of those about to rearrange",
        f"Black: distribution of softness of all analysed particles. Red: of those about to rearrange; the part with {_S} "
        "&gt; 0 is shaded. The further apart the two are, the more softness tells about the dynamics.",
        f"Softness: {{{{ says('softness_distribution', 'softness') }}}}; {_S} = 0 is the hyperplane. Both areas are 1. Drawn "
        "is the coldest temperature with rearrangements.",
        "Schoenholz 2016, Fig. 1b",
    ),
    "rearrangement_probability": Caption(
        "Probability to rearrange against softness",
        "One colour per temperature, from cold (blue) to hot (red); the legend gives the number of rearrangements. Dashed: "
        "the fit. Open triangles: upper bounds of bins without one rearrangement.",
        f"{_PR}({_S}): {{{{ says('rearrangement_probability', 'probability') }}}}. Fit: "
        "{{ says('rearrangement_probability', 'fitted') }}.",
        "Schoenholz 2016, Fig. 2a",
    ),
    "arrhenius_lines": Caption(
        "Arrhenius lines, one per softness",
        f"The same probability against 1/{_T} for a few values of {_S}; dashed, the Arrhenius line of each. "
        "{% if onset_drawn %}"
        f"Vertical line: the onset temperature {_T}<sub>0</sub> of the global fit, where the lines should meet; grey, its "
        "interval. "
        "{% else %}"
        f"No onset temperature {_T}<sub>0</sub> is drawn: the global fit gave none in reach of these temperatures. "
        "{% endif %}"
        f"Inset: {_PR}/<i>P</i><sub>0</sub> against &Delta;<i>E</i>/{_T}, with exp(&minus;<i>x</i>) as a line.",
        f"{_PR} = exp(&Sigma; &minus; &Delta;<i>E</i>/{_T}) in each bin of softness, <i>P</i><sub>0</sub> = exp &Sigma;. "
        "The collapse of the inset follows largely from the fit and is no test of its own.",
        "Schoenholz 2016, Fig. 2b",
    ),
    "barriers": Caption(
        "Energy barrier and log prefactor against softness",
        "&Delta;<i>E</i> (above) and &Sigma; (below) of each bin of softness. Dashed: the global fit. Open symbols: bins left "
        "out for too few events.",
        "{% if d.arrhenius.energy_barrier_powers is defined %}The global fit is a polynomial in softness, written in the "
        "legend.{% else %}"
        f"&Delta;<i>E</i> = <i>e</i><sub>0</sub> &minus; <i>e</i><sub>1</sub>{_S}, &Sigma; = &Sigma;<sub>0</sub> &minus; "
        f"&Sigma;<sub>1</sub>{_S}. {_T}<sub>0</sub> = <i>e</i><sub>1</sub>/&Sigma;<sub>1</sub> does not depend "
        f"on the scale of {_S}.{{% endif %}}",
        "Schoenholz 2016, Fig. 2c",
    ),
    "p_hop_example": Caption(
        "Hop indicator of one particle",
        "Hop indicator (above) and displacement (below) of one particle. A lasting step of the displacement is a peak of the "
        "indicator.",
        "<i>p</i><sub>hop</sub>: {{ says('p_hop_example', 'p_hop') }}; a clean step of length <i>d</i> gives <i>d</i>&sup2;. "
        "Displacement: {{ says('p_hop_example', 'displacement') }}."
        "{% if d.p_hop_example.event_threshold is defined %} Events are runs above "
        "{{ '%g' | format(d.p_hop_example.event_threshold) }}.{% endif %}"
        "{% if d.p_hop_example.rearrangement_threshold is defined %} Rearrangements are those that pass "
        "{{ '%g' | format(d.p_hop_example.rearrangement_threshold) }}.{% endif %}"
        f"{{% if d.p_hop_example.temperature is defined %}} {_T} = {{{{ '%g' | format(d.p_hop_example.temperature) }}}}."
        "{% endif %}",
        "Cubuk 2016 thesis, Fig. 5.1",
    ),
    "rdf": Caption(
        "Structure around hard and soft particles",
        "Radial distribution functions around all (grey), hard (blue) and soft (red, dashed) particles, one panel per "
        "species of the neighbor. Bands are the errors.",
        "<i>g</i>(<i>r</i>): {{ says('rdf', 'g') }}. Groups: {{ says('rdf', 'group') }}.",
        "Cubuk 2016 thesis, Fig. 5.17",
    ),
    "overlap": Caption(
        "Decay of the overlap",
        "Overlap with the initial configuration against time, one colour per temperature, from cold (blue) to hot (red).",
        "<i>q</i>(<i>t</i>): {{ says('overlap', 'overlap') }}"
        "{% if d.overlap.cutoff is defined %}, <i>a</i> = {{ '%g' | format(d.overlap.cutoff) }}{% endif %}.",
        "Schoenholz 2016, Fig. 3a",
    ),
}
