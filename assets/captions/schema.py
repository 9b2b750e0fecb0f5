"""What a captioner is asked for: the versioned fields of a structured caption and their JSON schema.

The fields are HunyuanVideo's (section 3.2): short and dense description, background, style, shot type, lighting,
atmosphere. Camera movement, source tags and quality tags are not asked of a model: they come from measurements and
the manifest.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1
"""Raise it when a field is added, removed or means something else."""

Style = Literal["documentary", "cinematic", "realistic", "animation", "cgi", "game", "anime", "screen", "other"]
ShotType = Literal["aerial", "long", "full", "medium", "close_up", "extreme_close_up", "other"]
STYLES: tuple[str, ...] = get_args(Style)
SHOT_TYPES: tuple[str, ...] = get_args(ShotType)
ENUMS = {"style": STYLES, "shot_type": SHOT_TYPES}

Status = Literal["ok", "repaired", "refused", "bad_json", "truncated", "looped", "error"]
CAPTIONED: tuple[Status, ...] = ("ok", "repaired")
"""Statuses of rows that hold a caption."""


class CaptionFields(BaseModel):
    """A caption of schema version 1. An empty text means that there is nothing to say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    short: Annotated[str, Field(max_length=160)]
    """One sentence: all main subjects and what they do."""
    dense: Annotated[str, Field(max_length=1400)]
    """What happens, in the order of time; no camera words, no style words."""
    background: Annotated[str, Field(max_length=300)]
    """Place, time, weather, objects."""
    style: Style
    shot_type: ShotType
    lighting: Annotated[str, Field(max_length=160)]
    atmosphere: Annotated[str, Field(max_length=60)]


FIELDS: tuple[str, ...] = tuple(CaptionFields.model_fields)
PROSE: tuple[str, ...] = ("short", "dense", "background", "lighting", "atmosphere")
NEEDED: tuple[str, ...] = ("short", "dense")
"""Fields without which there is no caption."""


def json_schema(lengths: bool = True) -> dict[str, Any]:
    """The strict JSON schema: every field required, nothing else allowed, every text bounded.

    `lengths` False leaves maxLength out, for servers that refuse the keyword.
    """
    drawn = CaptionFields.model_json_schema()
    bounds = ("type", "enum", "maxLength") if lengths else ("type", "enum")
    properties = {
        name: {k: drawn["properties"][name][k] for k in bounds if k in drawn["properties"][name]} for name in FIELDS
    }
    return {"type": "object", "properties": properties, "required": list(FIELDS), "additionalProperties": False}


def response_format(lengths: bool = True) -> dict[str, Any]:
    """What a request says about the form of its answer."""
    named = {"name": f"caption_v{VERSION}", "strict": True, "schema": json_schema(lengths)}
    return {"type": "json_schema", "json_schema": named}
