"""What is drawn in each figure that compares soft spheres of several densities, and how it is defined."""

from __future__ import annotations

from vitrify.report.captions import Caption

_S, _T = "<i>S</i>", "<i>T</i>"
_RHO = "<i>&rho;</i>"

SOFT_SPHERE_CAPTIONS = {
    "soft_sphere_probability": Caption(
        "Probability to rearrange against softness",
        "One panel per density, one colour per temperature, from cold (blue) to hot (red); dashed, the trap model.",
        f"<i>P</i>(R|{_S}): {{{{ says('soft_sphere_probability', 'probability') }}}}.",
        "Ridout 2023, Fig. 1b",
    ),
    "soft_sphere_barriers": Caption(
        "Energy barrier and log prefactor against softness",
        "&Delta;<i>E</i> (above) and &Sigma; (below) of each bin of softness, from Arrhenius lines of its own; dashed, the fit "
        f"in which both are quadratic and tied by one onset temperature {_T}<sub>0</sub>, with its 68 % band.",
        f"&Delta;<i>E</i> = &epsilon;<sub>0</sub> + &epsilon;<sub>1</sub>{_S} + &epsilon;<sub>2</sub>{_S}&sup2;, &Sigma; = "
        f"&Sigma;<sub>0</sub> + (&epsilon;<sub>1</sub>{_S} + &epsilon;<sub>2</sub>{_S}&sup2;)/{_T}<sub>0</sub>.",
        "Ridout 2023, Fig. 1c, d",
    ),
    "soft_sphere_moments": Caption(
        "Mean and width of the distribution of softness",
        f"Mean (above) and standard deviation (below) of softness against inverse temperature in units of the coldest {_T} of "
        "each density. Symbols: simulation. Dashed: the trap model, which takes the distribution from one temperature and "
        "predicts it at all others.",
        "Errors of symbols: scatter among octants of the box. The trap model: eqs. 10 and 11.",
        "Ridout 2023, Fig. 2a, c",
    ),
    "soft_sphere_densities": Caption(
        "What changes with density",
        f"Against density {_RHO}: slope &epsilon;<sub>1</sub> of the barrier in softness, inverse onset temperature "
        f"1/{_T}<sub>0</sub> (negative where the prefactor falls with softness), change of mean softness per unit 1/{_T}, "
        "and fragility. Bars: 68 % intervals.",
        "Change of mean softness: {{ says('soft_sphere_densities', 'change') }}. Fragility: "
        "{{ says('soft_sphere_densities', 'fragility') }}.",
        "Ridout 2023, Fig. 3",
    ),
}
