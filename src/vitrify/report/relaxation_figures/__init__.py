"""Figures of the relaxation report: several of one family to a file."""

from vitrify.registry import Registry

_HERE = "vitrify.report.relaxation_figures"

RELAXATION_FIGURES = Registry(
    "relaxation figure",
    {
        "overlap_prediction": f"{_HERE}.prediction:OVERLAP_PREDICTION",
        "overlap_of_softness": f"{_HERE}.prediction:OVERLAP_OF_SOFTNESS",
        "propagator_moments": f"{_HERE}.propagator:PROPAGATOR_MOMENTS",
        "propagator_density": f"{_HERE}.propagator:PROPAGATOR_DENSITY",
        "initial_decay": f"{_HERE}.decay:INITIAL_DECAY",
        "displacing_events": f"{_HERE}.decay:DISPLACING_EVENTS",
        "prediction_threshold": f"{_HERE}.distances:PREDICTION_THRESHOLD",
        "prediction_variation": f"{_HERE}.distances:PREDICTION_VARIATION",
        "held_out_temperature": f"{_HERE}.held_out:HELD_OUT_TEMPERATURE",
        "held_out_time": f"{_HERE}.held_out:HELD_OUT_TIME",
        "structure_probability": f"{_HERE}.structure:STRUCTURE_PROBABILITY",
        "structure_gain": f"{_HERE}.structure:STRUCTURE_GAIN",
        "relaxation_functions": f"{_HERE}.mobility:RELAXATION_FUNCTIONS",
        "relaxation_times": f"{_HERE}.mobility:RELAXATION_TIMES",
        "irreversible": f"{_HERE}.mobility:IRREVERSIBLE",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
