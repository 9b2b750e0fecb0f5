"""A library of clips with scores drawn by chance, judged by rules of three tiers."""

from __future__ import annotations

import random
from pathlib import Path

from synthetic import Row, curation, preset, root

from assets.curation import Curation

RULES = """
[tier_1]
sharpness = { min = 30 }
dover_technical = { max = 1 }
motion_mean = { max = 8, unmeasured = "hold" }
[tier_2]
sharpness = { min = 50 }
luma_mean = { keep_top = 0.5 }
[tier_3]
sample = { share = 0.7, seed = 2 }
orientation = { in = ["landscape"] }
"""


def random_clips(seed: int, count: int) -> list[Row]:
    chance = random.Random(seed)
    return [
        {
            "sharpness": chance.choice([None, *range(100)]),
            "motion_mean": chance.choice([None, *range(10)]),
            "luma_mean": chance.choice([None, *range(100)]),
            "orientation": chance.choice(["landscape", "portrait"]),
        }
        for _ in range(count)
    ]


def library_of(tmp_path: Path) -> Curation:
    return curation(root(tmp_path, random_clips(1, 80), random_clips(2, 40)), preset(RULES))
