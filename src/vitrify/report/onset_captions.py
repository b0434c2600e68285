"""What is drawn in each figure of the onset report; texts as in `vitrify.report.captions`."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _T, _PC = "<i>S</i>", "<i>T</i>", "<i>p</i><sub>c</sub>"
_E = "&Delta;<i>E</i>"
_E0, _E1 = "<i>e</i><sub>0</sub>", "<i>e</i><sub>1</sub>"
_T0 = "<i>T</i><sub>0</sub>"

ONSET_CAPTIONS = {
    "onset_density": Caption(
        "Onset temperature against density",
        f"{_T0} of each density, one symbol for each definition of the probability to rearrange; symbols of one density stand "
        "beside each other. Dashed: what the isomorph expects.",
        f"{_T0} = {_E1}/&Sigma;<sub>1</sub>: {{{{ says('onset_density', 'onset_low') }}}}. Line: "
        "{{ says('onset_density', 'expected_onset') }}. Each density has its own hyperplane: "
        f"{_T0} does not depend on the scale of {_S}.",
        "Schoenholz 2016, Fig. 2d",
    ),
    "cutoff_barriers": Caption(
        "Energy barrier and log prefactor for several cutoffs",
        f"{_E} (above) and &Sigma; (below) of each bin of softness, one column per density and one colour per cutoff "
        f"{_PC}, from low (blue) to high (red). Lines: the global fits.",
        f"{_PC}: {{{{ says('onset_barriers', 'cutoff') }}}}. Points: fits of single bins, errors from counting. The same "
        "rearrangements count at every cutoff that they pass.",
        "Cubuk 2016 thesis, Fig. 5.5",
    ),
    "cutoff_shift": Caption(
        "Shift of the energy barrier with the cutoff",
        f"{_E0} against {_PC} on a logarithmic axis, one colour per density; dashed, a straight line.",
        f"{_E} = {_E0} &minus; {_E1}{_S}. Intervals: {{{{ says('onset_cutoffs', 'e0_low') }}}}; they are strongly correlated "
        "between cutoffs, so the line is known better than they suggest.",
        "Cubuk 2016 thesis, Fig. 5.6",
    ),
    "cutoff_slopes": Caption(
        "Slopes of barrier and prefactor for several cutoffs",
        f"{_E1} (above) and &Sigma;<sub>1</sub> (below) against {_PC}, one column per density and one symbol per definition of "
        "the probability to rearrange.",
        "Definitions: {{ says('onset_cutoffs', 'definition') }}. Whether slopes are equal is told in the table, from segments "
        "that are drawn for all cutoffs together.",
        "Cubuk 2016 thesis, Fig. 5.5",
    ),
    "onset_cutoffs": Caption(
        "Onset temperature for several cutoffs and definitions",
        f"{_T0} against {_PC}, one column per density and one symbol per definition. Where an interval has no end, only the "
        "value is drawn.",
        f"{_T0}: {{{{ says('onset_cutoffs', 'onset_temperature') }}}}, intervals "
        "{{ says('onset_cutoffs', 'onset_temperature_low') }}, by Fieller's theorem.",
        "Cubuk 2016 thesis, section 5.3.2",
    ),
    "soft_fraction": Caption(
        "Rearranging particles that are soft, against the cutoff",
        f"Fraction of rearranging particles with {_S} &gt; 0 against {_PC}, at the coldest temperature of each density.",
        "{{ says('onset_soft', 'fraction') }}; {{ says('onset_soft', 'low') }}.",
        "Cubuk 2016 thesis, Fig. 5.4",
    ),
    "onset_curvature": Caption(
        "How far barrier and prefactor are from straight lines",
        f"{_E} (above) and &Sigma; (below) of each bin of softness, one column per density. Dashed: the straight fit. Red: the "
        "fit with quadratic terms, with a band of one standard error.",
        "Points: fits of single bins. Both global fits are to all temperatures and softnesses together.",
        "Cubuk 2016 thesis, Fig. 5.20",
    ),
}
