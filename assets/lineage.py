"""What each stored part should be made of: the fingerprints that decide what is stale.

fingerprint = hash(input fingerprints, the step's recipe). The plan and every asset ask here, so that they agree.
"""

from __future__ import annotations

from functools import cached_property

import polars as pl

from .filter_scores.scorers import SCORERS
from .measuring.scorer import Scorer
from .models.catalogue import find_model
from .options import Options
from .raw_videos.sources import identified, owned_videos
from .steps import CLIPS_STEP, RAW_VIDEOS_STEP, SCAN_STEP, Step, model_step, scorer_step
from .store import Stamp, Store, fingerprint
from .tables import SCANS


class Lineage:
    """Expected stamps for one state of the register. Make a new one after the register or raw_videos changed."""

    def __init__(self, store: Store, options: Options, register: pl.DataFrame | None = None) -> None:
        """`register` stands in for the stored one: what would be stale if it were so."""
        self.store, self.options, self._register = store, options, register
        self._scans: dict[str, Stamp] = {}

    @cached_property
    def sources(self) -> pl.DataFrame:
        """The register, with video_id where the bytes were read."""
        return identified(self.store, self._register)

    @cached_property
    def shards(self) -> list[str]:
        return sorted(self.sources["shard"].unique())

    def _stamp(self, step: Step, *inputs: object) -> Stamp:
        recipe = step.recipe(self.options)
        return Stamp(fingerprint(recipe, *inputs), recipe)

    def raw_videos(self, shard: str) -> Stamp:
        """Made of the shard's files that are there, or were read before they went."""
        rows = self.sources.filter(
            (pl.col("shard") == shard) & (pl.col("gone_at").is_null() | pl.col("video_id").is_not_null())
        )
        return self._stamp(RAW_VIDEOS_STEP, sorted(rows["source_key"]))

    def owned(self, shard: str) -> list[str]:
        """Ids of the videos that this shard owns, sorted. One whose files are all gone counts while its scan holds."""
        owned = self._owners.get(shard, [])
        if self._alive.issuperset(owned):
            return owned
        stored = self.store.stamp(SCANS.name, shard)
        if stored is None or stored.recipe != SCAN_STEP.recipe(self.options):
            return [video for video in owned if video in self._alive]
        scanned = set(self.store.read(SCANS, shard, ["video_id"])["video_id"].to_pylist())
        return [video for video in owned if video in self._alive or video in scanned]

    @cached_property
    def _owners(self) -> dict[str, list[str]]:
        return owned_videos(self.sources)

    @cached_property
    def _alive(self) -> set[str]:
        return set(self.sources.filter(pl.col("gone_at").is_null())["video_id"].drop_nulls())

    def scan(self, shard: str) -> Stamp:
        """Made of the bytes of the videos that the shard owns; known once raw_videos is up to date."""
        if shard not in self._scans:
            self._scans[shard] = self._stamp(SCAN_STEP, self.owned(shard))
        return self._scans[shard]

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
        return fingerprint([step.recipe(self.options) for step in (RAW_VIDEOS_STEP, SCAN_STEP, CLIPS_STEP)])

    def measured(self, scorer: Scorer, shard: str) -> Stamp:
        """Made of the clips. Its recipe holds that of the clips: rows of the same recipe and clip are taken over."""
        model = find_model(scorer.model) if scorer.model else None
        weights = [model_step(model).recipe(self.options), self.options.models.identity(model)] if model else []
        recipe = fingerprint(self._clips_recipe, scorer_step(scorer).recipe(self.options), *weights)
        return Stamp(fingerprint(recipe, self.clips(shard).fingerprint), recipe)

    @cached_property
    def scorers(self) -> tuple[Scorer, ...]:
        """The enabled ones: those that need no model, or whose model is here."""
        return tuple(s for s in SCORERS if self.options.lack(s.model) is None)

    def filter_scores(self, shard: str) -> Stamp:
        """The wide row is made of every enabled scorer's file, so that one scorer's new version rewrites it."""
        parts = {s.name: self.measured(s, shard).fingerprint for s in self.scorers}
        lacks = {s.name: self.options.lack(s.model) for s in SCORERS if s not in self.scorers}
        return Stamp(fingerprint("filter_scores", list(parts.items()), lacks), fingerprint("filter_scores"))

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
        return video_id in self._alive

    def complete_shards(self) -> list[str]:
        """Shards whose scores are there and up to date: the ones that global assets take."""
        return [s for s in self.shards if self.is_fresh("filter_scores", s, self.filter_scores(s))]

    def population(self) -> str:
        """Fingerprint of what tiers select from: scores of complete shards, living files and their words."""
        scores = {s: self.filter_scores(s).fingerprint for s in self.complete_shards()}
        words = self.sources.filter(pl.col("gone_at").is_null() & pl.col("video_id").is_not_null())
        words = words.select("uri", "video_id", "source", "licence", "title", "url", "tags").sort("uri", "video_id")
        return fingerprint(scores, words.write_csv())
