"""The scorers that exist. The order of this tuple is the order of their columns in `filter_scores`.

A new scorer is one file in this folder and its name here. Scorers import numpy and polars at most when they are
loaded: this list is read when Dagster loads its definitions.
"""

from ...measuring.scorer import Scorer
from .aesthetic_laion import aesthetic_laion
from .aesthetic_siglip import aesthetic_siglip
from .borders import borders
from .camera import camera
from .clarity import clarity
from .colour import colour
from .compression import compression
from .cut_rate import cut_rate
from .exposure import exposure
from .faces import faces
from .motion import motion
from .overlays import overlays
from .repeats import repeats
from .sensitive import sensitive
from .shake import shake
from .sharpness import sharpness
from .slideshow import slideshow
from .subjects import subjects
from .text import text
from .vmaf import vmaf

SCORERS: tuple[Scorer, ...] = (
    motion,
    sharpness,
    borders,
    exposure,
    camera,
    shake,
    slideshow,
    repeats,
    cut_rate,
    vmaf,
    compression,
    colour,
    clarity,
    aesthetic_laion,
    aesthetic_siglip,
    subjects,
    faces,
    sensitive,
    text,
    overlays,
)
