"""From structure to dynamics, particle by particle: training sets, softness and its scores.

A new predictor is one file here and one line in `PREDICTORS`.
"""

from vitrify.registry import Registry

PREDICTORS = Registry("predictor", {"softness": "vitrify.predictors.softness:Softness"})

__all__ = ["PREDICTORS"]
