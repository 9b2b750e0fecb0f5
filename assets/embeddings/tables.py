"""Tables of what clips look like, which show the same footage, and which concept each belongs to."""

from __future__ import annotations

from ..columns import CLIP_ID, DOUBLE, ERROR, INT, STRING, VECTOR, Column, Table

EMBEDDINGS = Table(
    "embeddings",
    "One vector per clip: what the clip looks like, by the model named in it.",
    ("clip_id",),
    (
        CLIP_ID,
        Column("model", STRING, "Name of the model that made the vector."),
        Column("embedding", VECTOR, "Unit length; the cosine of two vectors of one model is their similarity."),
        ERROR,
    ),
)

DUPLICATE_PAIRS = Table(
    "duplicate_pairs",
    "Pairs of clips that show the same footage, and what says so.",
    ("clip_id_a", "clip_id_b"),
    (
        Column("clip_id_a", STRING, "The smaller of the two ids."),
        Column("clip_id_b", STRING, "The larger of the two ids."),
        Column("method", STRING, "What verified the pair: exact (the same frames), pdq (light over time and hashes of "
               "keyframes) or light (light alone)."),
        Column("pdq_distance", DOUBLE, "Median Hamming distance of the keyframes laid over each other; lower is more "
               "alike; NULL where not compared.", "bits of 256", 0, 256),
        Column("overlap", DOUBLE, "Share of the shorter clip that has its counterpart in the other.", "", 0, 1),
        Column("cosine", DOUBLE, "Cosine of the embeddings; NULL where one has none.", "", -1, 1),
    ),
)  # fmt: skip

DUPLICATES = Table(
    "duplicates",
    "One row per clip that was compared: the group of clips that show the same footage.",
    ("clip_id",),
    (
        CLIP_ID,
        Column("group_id", STRING, "Smallest clip_id of the group; the clip's own when it has no duplicate.",
               serves="deduplication"),
        Column("group_size", INT, "Clips in the group; 1 = no duplicate.", "", 1),
    ),
)  # fmt: skip

CONCEPTS = Table(
    "concepts",
    "One row per clip with an embedding: the nearest of the stored centroids.",
    ("clip_id",),
    (
        CLIP_ID,
        Column("concept_id", INT, "Number of the centroid.", "", 0, serves="resampling by concept"),
        Column("concept_similarity", DOUBLE, "Cosine of the clip's embedding and the centroid; lower is less typical.",
               "", -1, 1),
    ),
)  # fmt: skip

CONCEPT_CENTROIDS = Table(
    "concept_centroids",
    "The centroids that clips are assigned to. They stay when clips are added.",
    ("concept_id",),
    (
        Column("concept_id", INT, "Number of the centroid, from 0.", "", 0),
        Column("model", STRING, "Name of the model whose embeddings were clustered."),
        Column("centroid", VECTOR, "Unit length."),
        Column("clips_at_training", INT, "Clips nearest to it when it was made.", "", 0),
    ),
)
