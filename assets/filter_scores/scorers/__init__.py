"""The scorers that exist. The order of this tuple is the order of their columns in `filter_scores`.

A new scorer is one file in this folder and its name here. Scorers import numpy and polars at most when they are
loaded: this list is read when Dagster loads its definitions.
"""

from ...measuring.scorer import Scorer
from .borders import borders
from .exposure import exposure
from .motion import motion
from .sharpness import sharpness

SCORERS: tuple[Scorer, ...] = (motion, sharpness, borders, exposure)
