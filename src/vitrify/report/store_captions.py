"""What is drawn in each figure of the report of a single trajectory, and how it is defined.

As in `vitrify.report.captions`, a caption says how to read the picture, never what it turned out to show.
"""

from __future__ import annotations

from vitrify.report.captions import CAPTIONS, Caption

_S = "<i>S</i>"
_PR = "<i>P</i><sub>R</sub>"
_OPEN = "Open symbols have no error: the trajectory is shorter than twice that time."

STORE_CAPTIONS = {
    "snapshot": Caption(
        "Particles in space",
        "{% if d.snapshot.coloured_by is not defined %}"
        f"Coloured by softness {_S}, from blue (hard, {_S} &lt; 0) to red (soft, {_S} &gt; 0); small grey particles have none. "
        "Patches of one colour mean that softness is correlated in space."
        "{% elif d.snapshot.coloured_by == 'species' %}Coloured by species."
        "{% else %}Coloured by {{ d.snapshot.indicator_words }}, from pale (rattles in its place) to dark red (moves to another "
        "place). Neighbouring red particles move together.{% endif %}",
        "Positions: {{ d.snapshot.positions }}, wrapped into the box."
        "{% if d.snapshot.coloured_by is not defined %}"
        f" The colours end at the 90th percentile of |{_S}|."
        "{% endif %}",
        "",
    ),
    "rdf": Caption(
        "Structure: radial distribution functions",
        "One panel per species of the neighbour, one curve per species of the central particle. Bands are the errors.",
        "<i>g</i>(<i>r</i>): {{ says('rdf', 'g') }}, from {{ d.rdf.n_frames }} frames; errors {{ says('rdf', 'g_error') }}.",
        "",
    ),
    "softness_rdf": Caption(
        "Structure around hard and soft particles",
        "Around all (grey), hard (blue) and soft (red, dashed) particles that have a softness, one panel per species of the "
        "neighbour. Bands are the errors.",
        f"<i>g</i>(<i>r</i>): {{{{ says('softness_rdf', 'g') }}}}. Hard: {_S} &lt; 0; soft: {_S} &gt; 0.",
        "Cubuk 2016 thesis, Fig. 5.17",
    ),
    "species_msd": Caption(
        "Mean squared displacement",
        "One curve per species. A flat part at short times is rattling in the cage; slope 1 at long times is diffusion. "
        + _OPEN,
        "&Delta;<i>r</i>&sup2;: {{ says('species_msd', 'msd') }}; the motion of the centre of mass is left in.",
        "",
    ),
    "species_overlap": Caption(
        "Decay of the overlap",
        "Fraction of particles still near their old place, one curve per species; dotted, the level 1/e that defines the "
        "relaxation time. " + _OPEN,
        "<i>q</i>(<i>t</i>): {{ says('species_overlap', 'overlap') }}, with <i>a</i> = "
        "{{ '%.3g' | format(d.species_overlap.cutoff) }}, {{ d.species_overlap.cutoff_words }}.",
        "Schoenholz 2016, Fig. 3a",
    ),
    "p_hop_distribution": Caption(
        "Distribution of the hop indicator",
        "The hump at small values is rattling; the tail beyond the thresholds are particles that change their place. A "
        "threshold inside the hump counts rattling as motion.",
        "<i>p</i><sub>hop</sub>: {{ says('p_hop_distribution', 'value') }}; a clean step of length <i>d</i> gives <i>d</i>&sup2;.",
        "",
    ),
    "p_hop_example": Caption(
        CAPTIONS["p_hop_example"].title,
        "Hop indicator (above) and displacement (below) of particle {{ d.p_hop_example.particle }}. A lasting step of the "
        "displacement is a peak of the indicator.",
        "Displacement: {{ says('p_hop_example', 'displacement') }}. Events are runs above "
        "{{ '%g' | format(d.p_hop_example.event_threshold) }}; rearrangements those that pass "
        "{{ '%g' | format(d.p_hop_example.rearrangement_threshold) }}.",
        "Cubuk 2016 thesis, Fig. 5.1",
    ),
    "rearrangement_rate": Caption(
        "Rate of rearrangements along the trajectory",
        "One point per tenth of the trajectory. In equilibrium the points scatter about one value; a drift means aging, "
        "crystallization or a change of the state.",
        "Rate: {{ says('rearrangement_rate', 'rate') }}; errors {{ says('rearrangement_rate', 'rate_error') }}.",
        "",
    ),
    "d2min_distribution": Caption(
        "Distribution of the non-affine displacement",
        "Particles in the tail have changed their neighbourhood in a way that no uniform strain and rotation explains.",
        "<i>D</i>&sup2;<sub>min</sub>: {{ says('d2min_distribution', 'value') }}.",
        "Cubuk 2016 thesis, eq. 4.3",
    ),
    "softness_distribution": Caption(
        CAPTIONS["softness_distribution"].title,
        f"Black: softness of all particles that could rearrange. Red: of those about to rearrange; the part with {_S} &gt; 0 is "
        "shaded. The further apart the two are, the more softness tells about the dynamics.",
        f"Softness: {{{{ says('softness_distribution', 'softness') }}}}; {_S} = 0 is the hyperplane. Both areas are 1.",
        "Schoenholz 2016, Fig. 1b",
    ),
    "rearrangement_probability": Caption(
        CAPTIONS["rearrangement_probability"].title,
        "Bars are 68 % intervals from counting. Open triangles: upper bounds of bins without one rearrangement. A straight line "
        "on this logarithmic axis means that each step of softness multiplies the probability by the same factor.",
        f"{_PR}({_S}): {{{{ says('rearrangement_probability', 'probability') }}}}; per particle and frame.",
        "Schoenholz 2016, Fig. 2a",
    ),
}
