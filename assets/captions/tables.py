"""The table of structured captions."""

from __future__ import annotations

from ..columns import BOOL, CLIP_ID, ERROR, INT, STRING, TEXTS, Column, Table

CAPTIONS = Table(
    "captions",
    "One row per clip that has ever been in tier_1 and captioner: the structured caption, or why there is none. "
    "The view shows the one row of each clip that is current.",
    ("clip_id", "caption_recipe"),
    (
        CLIP_ID,
        Column("caption_status", STRING, "ok, repaired, refused, bad_json, truncated, looped or error."),
        Column("captioner", STRING, "Who wrote it: measured (facts only) or openai:MODEL@REVISION."),
        Column("caption_recipe", STRING, "Fingerprint of what makes the captioner's texts: model, prompt, pictures."),
        Column("caption_version", INT, "Version of the schema.", "", 1),
        Column("short", STRING, "One sentence: the main subjects and what they do; of `measured` its facts."),
        Column("dense", STRING, "What happens, in the order of time; no camera words."),
        Column("background", STRING, "Place, time, weather, objects."),
        Column("style", STRING, "documentary, cinematic, realistic, animation, ..."),
        Column("shot_type", STRING, "aerial, long, full, medium, close_up, extreme_close_up or other."),
        Column("lighting", STRING, "How the scene is lit."),
        Column("atmosphere", STRING, "Mood."),
        Column("camera", TEXTS, "Labels of camera movement that were measured with confidence."),
        Column("source_tags", TEXTS, "What the manifest says: source, tags."),
        Column("quality_tags", TEXTS, "What the scores say, as words."),
        Column("caption_attempts", INT, "Answers asked for; repetitions after a server's fault do not count.", "", 0),
        ERROR,
        Column("is_current", BOOL, "The one row of the clip that the view `captions` shows."),
    ),
)
