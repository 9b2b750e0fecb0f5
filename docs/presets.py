"""docs/presets.md: the presets that come with the project, rule by rule, and what a preset file may hold."""

from __future__ import annotations

from assets.captions.tables import CAPTIONS
from assets.embeddings.tables import CONCEPTS, DUPLICATES
from assets.tables import CLIPS, FILTER_SCORES, MANIFEST_COLUMNS, RAW_VIDEOS
from assets.tiers.bounds import Bound, Preset, Tier
from assets.tiers.rules import load_preset, preset_names
from assets.tiers.vocabulary import vocabulary
from assets.tiers.words import bound_text

from .markdown import table

OPENING = """# Presets

Written by `make docs` from `assets/tiers/presets/*.toml`. A preset is a list of progressively stricter tiers, a tier a
list of rules, a rule a bound on a column of [columns.md](columns.md). `paper` marks a number that the paper gives,
`ours` one that it does not. A clip without a value for a rule is held back where the table says `hold`, and let
through where it says `keep`. A rule whose column nothing fills on a machine (weights that are not there) is inactive:
it is named by `run` and `funnel`, and counts for nothing.

Copy one, change a number, and run it: `clipsieve run --input FOLDER --preset mine.toml`. `clipsieve whatif` tells what
a number would do before anything is written.

## Kinds of rules

"""
KINDS = {
    "`min`, `max`": "A bound on a number; both may stand in one rule.",
    "`in`": "A list of allowed texts.",
    "`keep_top`": "The share with the highest values, of the clips that the rules before it let through.",
    "`keep_best`": "On `group_id`: one clip of each group of copies, by the columns listed, the first one deciding; "
    "a minus sign prefers the lower value.",
    "`quota`": "Shares of the tier by a column's values, 0 to 1; the largest set that has them is kept.",
    "`sqrt_sample`": "1/sqrt of the group's size; the number is the share of clips that stays.",
    "`share` (of `sample`)": "A share of the clips, chosen by a hash of their ids and `seed`.",
}


def page() -> str:
    """The whole of docs/presets.md."""
    kinds = table(["kind", "what it keeps"], ([kind, words] for kind, words in KINDS.items()))
    presets = [section(load_preset(name, vocabulary())) for name in preset_names()]
    return OPENING + "\n".join([kinds, *presets])


def section(preset: Preset) -> str:
    """One preset, tier by tier."""
    tiers = "\n".join(f"### {preset.name}: {tier.name}\n\n{rules(tier)}" for tier in preset.tiers)
    return f"## {preset.name}\n\n{preset.title}.\n\n{tiers}"


def rules(tier: Tier) -> str:
    """The tier's rules in their order; which of them are active depends on the machine."""
    ordered = sorted((*tier.bounds, *tier.inactive), key=lambda bound: bound.line)
    head = ["rule", "bound", "unit", "where NULL", "source", "note"]
    return table(head, ([f"`{b.name}`", bound_text(b), unit_of(b), b.unmeasured, b.source, b.note] for b in ordered))


def unit_of(bound: Bound) -> str:
    """Of the number that the bound holds."""
    if bound.kind not in ("min", "max"):
        return ""
    tables = (CLIPS, FILTER_SCORES, RAW_VIDEOS, DUPLICATES, CONCEPTS, CAPTIONS)
    known = {c.name: c.unit for t in reversed(tables) for c in t.columns} | {c.name: "" for c in MANIFEST_COLUMNS}
    return known.get(bound.column, "")
