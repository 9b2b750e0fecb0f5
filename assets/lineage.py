"""What each stored part should be made of: the fingerprints that decide what is stale.

fingerprint = hash(input fingerprints, the step's recipe). The plan and every asset ask here, so that they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

import polars as pl

from .embeddings.by_model import embedder
from .embeddings.hashes import keyframe_hashes
from .embeddings.tables import CONCEPT_CENTROIDS
from .filter_scores.scorers import SCORERS
from .measuring.scorer import Scorer
from .models.catalogue import find_model
from .options import Options
from .raw_videos.sources import Register, identified, identify
from .steps import (
    CAPTIONS_STEP,
    CLIPS_STEP,
    CONCEPTS_STEP,
    DUPLICATES_STEP,
    RAW_VIDEOS_STEP,
    SCAN_STEP,
    Step,
    model_step,
    scorer_step,
)
from .store import WHOLE, Stamp, Store, fingerprint
from .tables import MANIFEST_COLUMNS, SCANS

WORDS = tuple(column.name for column in MANIFEST_COLUMNS)
"""What a manifest says of a file."""


def once_a_shard(stamp: Callable[[Lineage, str], Stamp]) -> Callable[[Lineage, str], Stamp]:
    """Remember a stamp: a lineage is of one state, and each is asked for by all that follows from it."""

    def remembered(lineage: Lineage, shard: str) -> Stamp:
        key = (stamp.__name__, shard)
        if key not in lineage._known:
            lineage._known[key] = stamp(lineage, shard)
        return lineage._known[key]

    return wraps(stamp)(remembered)


class Lineage:
    """Expected stamps for one state of the register. Make a new one after the register or raw_videos changed."""

    def __init__(
        self, store: Store, options: Options, register: pl.DataFrame | None = None, preset: str | None = None
    ) -> None:
        """`register` stands in for the stored one: what would be stale if it were so. `preset`: the active one."""
        self.store, self.options, self._register, self.preset = store, options, register, preset
        self._known: dict[tuple[str, str], Stamp] = {}
        self._recipes: dict[Step, str] = {}
        self._of_scorers: dict[tuple[object, ...], str] = {}

    @cached_property
    def _files(self) -> Register:
        return identified(self.store) if self._register is None else identify(self.store, self._register)

    @property
    def sources(self) -> pl.DataFrame:
        """The register, with video_id where the bytes were read."""
        return self._files.frame

    @property
    def shards(self) -> list[str]:
        return self._files.shards

    def registered(self, shard: str) -> pl.DataFrame:
        """Rows of `sources` under a shard."""
        return self._files.rows(shard)

    def files(self, shard: str) -> pl.DataFrame:
        """Rows of `sources` that are there of the videos that a shard owns, wherever they are registered."""
        return self._files.files(shard)

    def _recipe(self, step: Step) -> str:
        """Remembered: it asks the installed packages for their versions."""
        if step not in self._recipes:
            self._recipes[step] = step.recipe(self.options)
        return self._recipes[step]

    def _stamp(self, step: Step, *inputs: object) -> Stamp:
        recipe = self._recipe(step)
        return Stamp(fingerprint(recipe, *inputs), recipe)

    @once_a_shard
    def raw_videos(self, shard: str) -> Stamp:
        """Made of the shard's files that are there, or were read before they went."""
        return self._stamp(RAW_VIDEOS_STEP, self._files.keys(shard))

    def owned(self, shard: str) -> list[str]:
        """Ids of the videos that this shard owns, sorted. One whose files are all gone counts while its scan holds."""
        owned, there = self._files.owned(shard), self._files.there
        if there.issuperset(owned):
            return owned
        stored = self.store.stamp(SCANS.name, shard)
        if stored is None or stored.recipe != self._recipe(SCAN_STEP):
            return [video for video in owned if video in there]
        scanned = set(self.store.read(SCANS, shard, ["video_id"])["video_id"].to_pylist())
        return [video for video in owned if video in there or video in scanned]

    @once_a_shard
    def scan(self, shard: str) -> Stamp:
        """Made of the bytes of the videos that the shard owns; known once raw_videos is up to date."""
        return self._stamp(SCAN_STEP, self.owned(shard))

    @once_a_shard
    def clips(self, shard: str) -> Stamp:
        """Made of the scan, of which videos it lost (one that is decoded after all brings new frames), and of the
        probe's facts: rate and size of the picture.
        """
        stored = self.store.stamp(SCANS.name, shard)
        lost = stored.extra.get("lost", []) if stored else []
        return Stamp(fingerprint(self._clips_recipe, self.scan(shard).fingerprint, lost), self._clips_recipe)

    @cached_property
    def _clips_recipe(self) -> str:
        """All that makes a clip's row but its video: rows of the same recipe and video are taken over."""
        return fingerprint([self._recipe(step) for step in (RAW_VIDEOS_STEP, SCAN_STEP, CLIPS_STEP)])

    def measured(self, scorer: Scorer, shard: str) -> Stamp:
        """Made of the clips. Its recipe holds that of the clips: rows of the same recipe and clip are taken over."""
        recipe = self._measuring(scorer)
        return Stamp(fingerprint(recipe, self.clips(shard).fingerprint), recipe)

    def _measuring(self, scorer: Scorer) -> str:
        key = (scorer.step, scorer.version, scorer.model, scorer.libraries)
        if key not in self._of_scorers:
            self._of_scorers[key] = fingerprint(self._clips_recipe, *self._without_clips(scorer))
        return self._of_scorers[key]

    def _without_clips(self, scorer: Scorer) -> list[str]:
        """What makes a measurement apart from the clip: the scorer, its model's backend and weights."""
        model = find_model(scorer.model) if scorer.model else None
        weights = [self._recipe(model_step(model)), self.options.models.identity(model)] if model else []
        return [self._recipe(scorer_step(scorer)), *weights]

    def _state(self, scorer: Scorer, shard: str) -> list[Any]:
        """What later tables are made of: the measurement as it should be, and which clips it lost. Another attempt
        brings new rows under the same fingerprint.
        """
        stored = self.store.stamp(scorer.step, shard)
        return [self.measured(scorer, shard).fingerprint, stored.extra.get("lost", []) if stored else []]

    @cached_property
    def scorers(self) -> tuple[Scorer, ...]:
        """The enabled ones: those that need no model, or whose model is here."""
        return tuple(s for s in SCORERS if s.name not in self._lacks)

    @cached_property
    def _lacks(self) -> dict[str, str]:
        """What keeps the other scorers from being used."""
        return {s.name: lack for s in SCORERS if (lack := self.options.lack(s))}

    @once_a_shard
    def filter_scores(self, shard: str) -> Stamp:
        """The wide row is made of every enabled scorer's file, so that one scorer's new version rewrites it."""
        parts = {s.name: self._state(s, shard) for s in self.scorers}
        return Stamp(fingerprint("filter_scores", list(parts.items()), self._lacks), fingerprint("filter_scores"))

    def keyframe_hashes(self, shard: str) -> Stamp:
        return self.measured(keyframe_hashes, shard)

    def embeddings(self, shard: str) -> Stamp:
        return self.measured(embedder(self.options.embedding), shard)

    @cached_property
    def embedded_shards(self) -> list[str]:
        """Shards whose embeddings are there and up to date: the ones that concepts take."""
        return [s for s in self.shards if self.is_fresh("embeddings", s, self.embeddings(s))]

    @cached_property
    def compared_shards(self) -> list[str]:
        """Shards that duplicates take: embedded, and with the hashes of their keyframes."""
        return [s for s in self.embedded_shards if self.is_fresh("keyframe_hashes", s, self.keyframe_hashes(s))]

    def duplicates(self) -> Stamp:
        """Made of the hashes and embeddings of all shards that have both."""
        shards = self.compared_shards
        looks = (keyframe_hashes, embedder(self.options.embedding))
        made_of = {s: [self._state(scorer, s) for scorer in looks] for s in shards}
        return self._stamp(DUPLICATES_STEP, made_of)

    def concept_recipe(self) -> str:
        """What makes centroids apart from the clips that they were trained on."""
        embedding = self._without_clips(embedder(self.options.embedding))
        return fingerprint(self._recipe(CONCEPTS_STEP), *embedding)

    def centroids(self) -> Stamp | None:
        """The stored centroids that clips are assigned to; None when they are to be trained, or trained again.

        While they were made of fewer clips than `settled_at`, twice as many clips are a reason to start again.
        """
        stored = self.store.stamp(CONCEPT_CENTROIDS.name, WHOLE)
        if stored is None or stored.recipe != self.concept_recipe():
            return None
        trained_on = int(stored.extra["clips"])
        grown = trained_on < self.options.concepts.settled_at and self._embedded_clips >= 2 * trained_on
        return None if grown else stored

    @cached_property
    def _embedded_clips(self) -> int:
        return sum(self.store.rows("embeddings", s) for s in self.embedded_shards)

    def concepts(self) -> Stamp:
        """Made of the centroids and of the embeddings of all shards that have them."""
        centroids = self.centroids()
        scorer = embedder(self.options.embedding)
        made_of = {s: self._state(scorer, s) for s in self.embedded_shards}
        return self._stamp(CONCEPTS_STEP, centroids.fingerprint if centroids else "untrained", made_of)

    def captions(self, shard: str) -> Stamp:
        """Made of the shard's clips that the active preset's tier_1 keeps, as its stamp tells, of their scores and
        of the manifest's words: both are told as facts.
        """
        tier = self.store.stamp(f"tiers/{self.preset}", "tier_1")
        kept = tier.extra.get("kept", {}).get(shard) if tier else None
        words = self._files.files(shard).select("uri", "video_id", *WORDS)
        return self._stamp(CAPTIONS_STEP, kept, self.filter_scores(shard).fingerprint, words.write_csv())

    def part(self, view: str) -> str:
        """Fingerprint of a view that the rules of a tier may read beside the population."""
        if view == "duplicates":
            return self.duplicates().fingerprint
        if view == "concepts":
            return self.concepts().fingerprint
        stored = {s: self.store.stamp("captions", s) for s in self.complete_shards}
        states = {s: stamp.extra.get("state") if stamp else None for s, stamp in stored.items()}
        return fingerprint({s: [self.captions(s).fingerprint, state] for s, state in states.items()})

    def is_fresh(self, folder: str, shard: str, expected: Stamp) -> bool:
        """Whether the stored part, and the tables that it certifies, are what they should be."""
        stored = self.store.stamp(folder, shard)
        return stored is not None and stored.fingerprint == expected.fingerprint and self.store.intact(stored, shard)

    def reusable(self, folder: str, shard: str, expected: Stamp) -> bool:
        """Whether rows of the stored part were made as they would be now, whatever its inputs were."""
        stored = self.store.stamp(folder, shard)
        return stored is not None and stored.recipe == expected.recipe and self.store.intact(stored, shard)

    def alive(self, video_id: str) -> bool:
        """Whether a file with these bytes is still there."""
        return video_id in self._files.there

    @cached_property
    def complete_shards(self) -> list[str]:
        """Shards whose scores are there and up to date: the ones that tiers take."""
        return [s for s in self.shards if self.is_fresh("filter_scores", s, self.filter_scores(s))]

    @cached_property
    def population(self) -> str:
        """Fingerprint of what tiers select from: scores of complete shards, living files and their words."""
        scores = {s: self.filter_scores(s).fingerprint for s in self.complete_shards}
        words = self.sources.filter(pl.col("gone_at").is_null() & pl.col("video_id").is_not_null())
        words = words.select("uri", "video_id", *WORDS).sort("uri", "video_id")
        return fingerprint(scores, words.write_csv())
