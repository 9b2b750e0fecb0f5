"""The clips that can be compared, as flat arrays: what find_pairs knows of a library before it opens signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .overlay import Look
from .pdq import BYTES, GOOD_QUALITY
from .signature import unpacked

ReadSignatures = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Clip ids to the stored bytes of their signatures."""


@dataclass(frozen=True)
class Library:
    """Clips with at least one keyframe of good quality, by number in the order of their ids.

    Hashes of all clips lie in one array; those of clip i are rows ends[i] to ends[i + 1].
    """

    ids: list[str]
    videos: npt.NDArray[np.int64]
    """Equal numbers where clips are of one video."""
    starts_s: npt.NDArray[np.float64]
    ends: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint8]
    times_s: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int64]
    light: npt.NDArray[np.float32]
    """(clips, 192), unit length."""
    change: npt.NDArray[np.float64]
    content: list[str]
    vectors: npt.NDArray[np.float32]
    """(clips, dimensions); zeros where a clip has no embedding."""
    read: ReadSignatures

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def owners(self) -> npt.NDArray[np.int64]:
        """By hash: number of its clip."""
        return np.repeat(np.arange(len(self)), np.diff(self.ends))

    def look(self, number: int, signature: bytes) -> Look:
        """The clip with its light."""
        own = slice(self.ends[number], self.ends[number + 1])
        return Look(unpacked(signature), self.hashes[own], self.times_s[own], self.quality[own])

    def cosine(self, one: int, other: int) -> float | None:
        """None when one of the two has no embedding."""
        first, second = self.vectors[one], self.vectors[other]
        return float(np.clip(first @ second, -1, 1)) if first.any() and second.any() else None


def library_of(
    clips: pa.Table, hashes: pa.Table, embeddings: pa.Table | None, signatures: ReadSignatures | None
) -> Library:
    """See find_pairs for the tables. Clips without hashes, without a row in `clips`, or featureless are left out."""
    table = _comparable(clips, hashes)
    ids = table["clip_id"].to_pylist()
    lengths = pc.list_value_length(table["pdq_times_s"]).to_numpy()
    packed = b"".join(table["pdq"].to_pylist())
    return Library(
        ids,
        np.unique(table["video_id"].to_numpy(), return_inverse=True)[1].astype(np.int64),
        table["start_s"].to_numpy(),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.frombuffer(packed, np.uint8).reshape(-1, BYTES),
        _flat(table["pdq_times_s"], np.float64),
        _flat(table["pdq_quality"], np.int64),
        _flat(table["light"], np.float32).reshape(len(ids), -1 if ids else 0),
        table["light_change"].to_numpy(),
        table["content"].to_pylist(),
        _vectors(ids, embeddings),
        signatures or _stored(ids, table["signature"]),
    )


def _comparable(clips: pa.Table, hashes: pa.Table) -> pa.Table:
    """Rows of hashes with video_id and start_s, in the order of clip_id."""
    table = hashes.filter(pc.is_valid(hashes["pdq"]))
    lengths = pc.list_value_length(table["pdq_quality"]).to_numpy()
    good = _flat(table["pdq_quality"], np.int64) >= GOOD_QUALITY
    voters = np.bincount(np.repeat(np.arange(len(lengths)), lengths)[good], minlength=len(lengths))
    table = table.filter(pa.array(voters > 0)).sort_by("clip_id")
    facts = clips.select(["clip_id", "video_id", "start_s"])
    at = pc.index_in(table["clip_id"], facts["clip_id"].combine_chunks())
    table = table.filter(pc.is_valid(at))
    facts = facts.take(at.drop_null())
    return table.append_column("video_id", facts["video_id"]).append_column("start_s", facts["start_s"])


def _stored(ids: list[str], signatures: pa.ChunkedArray) -> ReadSignatures:
    held = dict(zip(ids, signatures.to_pylist(), strict=True))
    return lambda wanted: {clip_id: held[clip_id] for clip_id in wanted}


def _flat(column: pa.ChunkedArray, kind: type) -> npt.NDArray[Any]:
    values = column.combine_chunks().flatten() if column.num_chunks else pa.array([], pa.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False), kind)


def _vectors(ids: list[str], embeddings: pa.Table | None) -> npt.NDArray[np.float32]:
    """Embeddings in the order of ids, zeros where there is none."""
    if embeddings is None or not embeddings.num_rows:
        return np.zeros((len(ids), 1), np.float32)
    embeddings = embeddings.filter(pc.is_valid(embeddings["embedding"]))
    at = pc.index_in(pa.array(ids, pa.string()), embeddings["clip_id"].combine_chunks())
    known = np.asarray(at.is_valid())
    taken = embeddings["embedding"].take(at.drop_null())
    if not len(taken):
        return np.zeros((len(ids), 1), np.float32)
    rows = _flat(taken, np.float32).reshape(len(taken), -1)
    vectors = np.zeros((len(ids), rows.shape[1]), np.float32)
    vectors[known] = rows
    return vectors
