"""What is drawn in each figure of the report on the trap model, and how it is defined.

As in `vitrify.report.captions`, a caption says how to read the picture, never what it turned out to show.
"""

from __future__ import annotations

from vitrify.report.captions import Caption

_S = "<i>S</i>"
_T = "<i>T</i>"
_T0 = "<i>T</i><sub>0</sub>"
_TQ = "&tau;<sub>Q</sub>"
_LINES = (
    "Points: simulation. Lines: trap model, with 68 % intervals from refits to resampled trajectory segments."
)

TRAP_CAPTIONS = {
    "trap_probability": Caption(
        "Probability to rearrange, and the fit that ties all temperatures",
        f"One colour per temperature, from cold (blue) to hot (red). {_LINES} Open points: temperatures that were not fitted, "
        "because events merge there.",
        f"<i>P</i>(R|{_S}): {{{{ says('trap_probability', 'probability') }}}}. Line: "
        "{{ says('trap_probability', 'probability_model') }}, parameters tied by " + _T0 + ".",
        "Ridout 2023, Figs. 1a and S3",
    ),
    "trap_barriers": Caption(
        "Energy barrier and log prefactor against softness",
        "Points: each bin of softness on its own, with counting errors. Line: one fit to all counts in which barrier and "
        f"prefactor share their dependence on softness, so that it vanishes at {_T0}.",
        f"&Delta;<i>E</i> = &epsilon;<sub>0</sub> + &epsilon;<sub>1</sub>{_S} + &epsilon;<sub>2</sub>{_S}&sup2;, &Sigma; = "
        f"&Sigma;<sub>0</sub> + (&epsilon;<sub>1</sub>{_S} + &epsilon;<sub>2</sub>{_S}&sup2;)/{_T0}; &Sigma; belongs to one frame "
        "interval. The signs of the last bracket are opposite to the printed eq. 9, which eqs. 10 to 13 contradict.",
        "Ridout 2023, Fig. 1c to f",
    ),
    "trap_moments": Caption(
        "Mean and spread of softness against temperature",
        f"{_LINES} Ring: the temperature that the distribution after a rearrangement is taken from; all others are "
        f"predicted. Dotted: {_T0}.",
        f"Model: eqs. 10 and 11; constant above {_T0}.",
        "Ridout 2023, Fig. 2b and d",
    ),
    "trap_persistence": Caption(
        "Decay of the overlap, and persistence of the trap model",
        f"{_LINES} Star: the temperature at which the one factor of all rates is fixed. Open points have no error: the "
        "trajectory is shorter than twice that time. Dotted: 1/e.",
        "<i>Q</i>(<i>t</i>): {{ says('trap_persistence', 'overlap') }}, <i>a</i> = "
        "{{ '%g' | format(d.trap_persistence.cutoff) }}; of the model, {{ says('trap_persistence', 'overlap_model') }}."
        "{% if d.trap_persistence.rate_factor is defined %} All rates of rearrangement are multiplied by "
        "{{ '%.3g' | format(d.trap_persistence.rate_factor) }}.{% endif %}",
        "Ridout 2023, Fig. 4d",
    ),
    "trap_times": Caption(
        "Relaxation time and stretching against temperature",
        f"{_LINES} Ring: the temperature at which the factor of all rates is fixed. Dashed: parabolic law through the measured "
        f"times, with one standard error. Below: {_TQ} over the half time; dotted, the value without stretching.",
        f"{_TQ}: {{{{ says('trap_times', 'tau_q') }}}}, by the same definition for both.",
        "Ridout 2023, Figs. 4b and S4a",
    ),
    "trap_susceptibility": Caption(
        "Fluctuations of the overlap",
        f"{_LINES} Dotted: 1/4, which independent sites of one particle cannot exceed. A maximum that grows on cooling means "
        "that particles rearrange together, which the model leaves out.",
        "&chi;<sub>4</sub>: {{ says('trap_susceptibility', 'chi4') }}, ensemble "
        "{{ d.trap_susceptibility.ensemble }}{% if d.trap_persistence is defined %}; of the model, "
        "{{ says('trap_susceptibility', 'chi4_model') }}{% endif %}.",
        "Ridout 2023, eqs. 15 to 19",
    ),
    "trap_ageing": Caption(
        "Ageing: mean softness after a quench",
        "Left: simulation, means of samples with their standard errors; ticks on the right, equilibrium where it was "
        "simulated. Right: trap model, quenched alike, at the same waiting times. One colour per final temperature. Do the "
        "curves of different temperatures fall together?",
        f"From equilibrium at {_T} = {{{{ '%g' | format(d.trap_ageing.initial_temperature) }}}}. Model: "
        "{% if d.trap_persistence is defined %}{{ says('trap_ageing', 'softness_mean_model') }}, with the rates of the "
        "overlap's relaxation{% else %}not fitted{% endif %}.",
        "Ridout 2023, Fig. 5b and d",
    ),
}
