"""Verdicts as stored: what a tier's stamp tells, what makes it stale, and the decisions spelled out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from synthetic import ask, judge, preset, root
from test_views import set_gone
from tier_reference import RULES, hashed, random_clips

from assets.compaction import SCORED_CLIPS, compact, sweep
from assets.lineage import Lineage
from assets.options import Options
from assets.store import Stamp, Store, fingerprint, rows_to_table
from assets.tables import CLIPS, FILTER_SCORES, TIERS
from assets.tiers.bounds import Preset, PresetError
from assets.tiers.judge import bounds_of, claim, expected_stamp, folder, hold_mask_of, write_tier
from assets.tiers.rules import load_preset
from assets.tiers.vocabulary import vocabulary
from assets.views import connect


def prints(store: Store, rules: Preset) -> list[str]:
    lineage = Lineage(store, Options())
    return [expected_stamp(lineage, rules, n).fingerprint for n in (1, 2, 3)]


def test_the_stamp_holds_the_rules_that_judged(tmp_path: Path) -> None:
    store, rules = root(tmp_path, random_clips(1, 20)), preset(RULES)
    judge(store, rules)
    for tier in rules.tiers:
        stamp = store.stamp(folder("mine"), tier.name)
        assert stamp is not None and tuple(bounds_of(stamp)) == tier.bounds and hold_mask_of(stamp) == tier.hold_mask


def test_only_the_tiers_that_depend_on_a_change_are_stale(tmp_path: Path) -> None:
    store = root(tmp_path, random_clips(1, 10))
    before = prints(store, preset(RULES))
    assert prints(store, preset(RULES.replace("share = 0.6", "share = 0.5")))[:2] == before[:2]
    assert prints(store, preset(RULES.replace("share = 0.6", "share = 0.5")))[2] != before[2]
    later = prints(store, preset(RULES.replace("min = 3 }", "min = 4 }")))
    assert all(a != b for a, b in zip(later, before, strict=True)), "a tier is made of the one before"
    rows = store.read(FILTER_SCORES, "shard-000001")
    store.write(FILTER_SCORES, "shard-000001", rows, Stamp(fingerprint("another version")))
    assert all(a != b for a, b in zip(prints(store, preset(RULES)), before, strict=True))


def test_decisions_spell_out_each_verdict(tmp_path: Path) -> None:
    store = root(
        tmp_path,
        [{"clip_id": "a" * 32, "sharpness": 25.5, "motion_mean": None}, {"clip_id": "b" * 32, "sharpness": 10.0}],
    )
    judge(
        store,
        preset(
            "[tier_1]\nsharpness = { min = 20.25 }\nmotion_mean = { max = 9 }\n"
            'orientation = { in = ["landscape", "square"] }\n'
            "[tier_2]\nmotion_mean = { max = 9 }\nsample = { share = 1 }"
        ),
    )
    rows = ask(
        store,
        "SELECT tier, clip_id[1] AS clip, rule, value, bound, verdict FROM decisions ORDER BY tier, clip_id, rule",
    )
    assert [tuple(r.values()) for r in rows if r["rule"] != "sample.share"] == [
        ("tier_1", "a", "motion_mean.max", None, "9", "unmeasured"),
        ("tier_1", "a", "orientation.in", "landscape", "landscape, square", "pass"),
        ("tier_1", "a", "sharpness.min", "25.5", "20.25", "pass"),
        ("tier_1", "b", "motion_mean.max", "5.0", "9", "pass"),
        ("tier_1", "b", "orientation.in", "landscape", "landscape, square", "pass"),
        ("tier_1", "b", "sharpness.min", "10.0", "20.25", "fail"),
        ("tier_2", "a", "motion_mean.max", None, "9", "unmeasured"),
    ]
    (sample,) = [r for r in rows if r["rule"] == "sample.share"]
    assert float(sample["value"]) == pytest.approx(hashed("a" * 32, 0)) and sample["verdict"] == "pass"


def test_a_rule_over_many_clips_has_a_verdict_only_for_those_it_was_asked_about(tmp_path: Path) -> None:
    store = root(tmp_path, [{"sharpness": s} for s in (1.0, 50.0, 60.0, 70.0)])
    judge(store, preset("[tier_1]\nsharpness = { min = 20, keep_top = 0.5 }"))
    rows = ask(store, "SELECT rule, verdict, count(*) n FROM decisions GROUP BY ALL ORDER BY ALL")
    assert [tuple(r.values()) for r in rows] == [
        ("sharpness.keep_top", "fail", 1),
        ("sharpness.keep_top", "pass", 2),
        ("sharpness.min", "fail", 1),
        ("sharpness.min", "pass", 3),
    ]


def test_a_stored_rule_on_a_column_that_is_gone_does_not_shift_the_others(tmp_path: Path) -> None:
    """A column was measured when the tier was judged, and no scorer knows it now."""
    store = root(tmp_path, [{"clip_id": "a" * 32}])
    rules = preset("[tier_1]\nsharpness = { min = 20 }\nmotion_mean = { min = 1 }")
    gone = replace(rules.tiers[0].bounds[0], column="of_old")
    then = replace(rules, tiers=(replace(rules.tiers[0], bounds=(gone, *rules.tiers[0].bounds)), *rules.tiers[1:]))
    stamp = expected_stamp(Lineage(store, Options()), then, 1)
    row = {"clip_id": "a" * 32, "fail_mask": 0b010, "unmeasured_mask": 0, "kept": False, "rules_version": "x"}
    store.write(TIERS, "tier_1", rows_to_table(TIERS, [row]), stamp, folder("mine"))
    verdicts = ask(store, "SELECT rule, verdict FROM decisions ORDER BY rule")
    assert [tuple(r.values()) for r in verdicts] == [("motion_mean.min", "pass"), ("sharpness.min", "fail")]


def digests(store: Store) -> list[bytes]:
    return [Path(store.path("tiers/mine", tier)).read_bytes() for tier in ("tier_1", "tier_2", "tier_3")]


def test_rows_are_in_the_order_of_shards_and_clips_and_the_files_are_the_same_twice(tmp_path: Path) -> None:
    """Whatever was copied for reading meanwhile, and whatever file is gone."""
    store = root(tmp_path, *(random_clips(seed, 50) for seed in range(6)))
    listed = [c for s in store.parts("clips") for c in store.read(CLIPS, s, ["clip_id"])["clip_id"].to_pylist()]
    for gone in (False, True):
        if gone:
            set_gone(store, "/media/shard-000001/7.mp4", True)
        expected = [r["clip_id"] for r in ask(store, "SELECT clip_id FROM clips")]
        judge(store, preset(RULES))
        before = digests(store)
        path = store.path("tiers/mine", "tier_1")
        judged = [r["clip_id"] for r in ask(store, f"SELECT clip_id FROM read_parquet('{path}')")]
        assert judged == [c for c in listed if c in set(expected)] and len(judged) == 300 - gone
        for closed in (store.parts("clips")[:4], store.parts("clips")):
            compact(store, SCORED_CLIPS, closed)
            judge(store, preset(RULES))
            assert digests(store) == before
        sweep(store, SCORED_CLIPS)


def tiers_of(store: Store) -> dict[str, set[tuple[object, ...]]]:
    rows = ask(store, "SELECT tier, clip_id, fail_mask, unmeasured_mask, kept FROM tiers")
    return {t: {tuple(r.values()) for r in rows if r["tier"] == t} for t in ("tier_1", "tier_2", "tier_3")}


@pytest.mark.parametrize("change", ["gone", "unscored", "older tier", "no tier_1 that goes with it"])
def test_clips_that_moved_since_the_tier_before_are_found_by_their_ids(tmp_path: Path, change: str) -> None:
    store = root(tmp_path, random_clips(1, 60), random_clips(2, 60))
    rules = preset(RULES)
    judge(store, rules)
    expected = tiers_of(store)
    if change == "gone":
        set_gone(store, "/media/shard-000001/3.mp4", True)
    elif change == "unscored":
        store.delete("filter_scores", "shard-000001")
    else:
        rewritten = "tier_2" if change == "older tier" else "tier_1"
        rows, stamp = pq.read_table(store.path("tiers/mine", rewritten)), store.stamp("tiers/mine", rewritten)
        assert stamp is not None
        extra = {k: v for k, v in stamp.extra.items() if k != "kept_ids"}
        kept = rows if change == "older tier" else rows.slice(1)
        store.write(TIERS, rewritten, kept, replace(stamp, extra=extra), "tiers/mine")
    with connect(store, "mine") as connection:
        write_tier(store, connection, rules, 3, vocabulary(), Stamp("x", extra={"bounds": [], "hold_mask": 0}))
    there = {r["clip_id"] for r in ask(store, "SELECT clip_id FROM scored_clips")}
    judged = {r["clip_id"] for r in ask(store, "SELECT clip_id FROM tiers WHERE tier = 'tier_3'")}
    assert judged == {row[1] for row in expected["tier_2"] if row[4]} & there and judged


def test_the_stamp_of_the_first_tier_tells_of_which_shards_the_kept_clips_changed(tmp_path: Path) -> None:
    store = root(tmp_path, *([{"sharpness": 10.0 * i} for i in range(5)] for _ in range(3)))

    def kept(bound: float) -> dict[str, str]:
        judge(store, preset(f"[tier_1]\nsharpness = {{ min = {bound} }}"))
        stamp = store.stamp("tiers/mine", "tier_1")
        return stamp.extra["kept"] if stamp else {}

    before = kept(15)
    assert list(before) == store.parts("clips") and {told.partition(":")[0] for told in before.values()} == {"3"}
    assert kept(19) == before and len({told.partition(":")[2] for told in before.values()}) == 3
    rows = store.read(FILTER_SCORES, "shard-000002").to_pylist()
    store.write(
        FILTER_SCORES,
        "shard-000002",
        rows_to_table(FILTER_SCORES, [{**r, "sharpness": 40.0 - r["sharpness"]} for r in rows]),
        Stamp(fingerprint("other")),
    )
    after = kept(15)
    assert {s for s in after if after[s] != before[s]} == {"shard-000002"}
    assert kept(1000) == {}


PARTS = """
[tier_1]
group_id = { keep_best = ["short_side", "sharpness"] }
[tier_2]
concept_id = { sqrt_sample = 0.5, preserve = "luma_mean" }
[tier_3]
caption_status = { in = ["ok"] }
"""


class Parts(Lineage):
    """A lineage whose views are what a test says they are."""

    def __init__(self, store: Store, **parts: str) -> None:
        super().__init__(store, Options())
        self.parts = parts
        self.asked: list[str] = []

    def part(self, view: str) -> str:
        self.asked.append(view)
        return self.parts.get(view, "as before")


def test_a_tier_is_made_of_the_views_that_its_rules_read(tmp_path: Path) -> None:
    store, rules = root(tmp_path, [{}]), preset(PARTS)
    assert [t.views for t in rules.tiers] == [("duplicates",), ("concepts",), ("captions",)]

    def now(**parts: str) -> list[str]:
        return [expected_stamp(Parts(store, **parts), rules, n).fingerprint for n in (1, 2, 3)]

    before = now()
    for view, same in (("duplicates", 0), ("concepts", 1), ("captions", 2)):
        after = now(**{view: "other"})
        assert [a == b for a, b in zip(after, before, strict=True)] == [n < same for n in range(3)]
    lineage = Parts(store)
    expected_stamp(lineage, preset("[tier_1]\nsharpness = { min = 1 }"), 3)
    assert lineage.asked == [], "rules on scores ask for no other view"


def test_rules_over_groups_are_stored_and_read_again(tmp_path: Path) -> None:
    store = root(tmp_path, [{"group_id": "g", "short_side": 720}, {"group_id": "g", "short_side": 1080}])
    rules = preset(PARTS.split("[tier_3]")[0])
    judge(store, rules)
    for tier in rules.tiers:
        stamp = store.stamp(folder("mine"), tier.name)
        assert stamp is not None and tuple(bounds_of(stamp)) == tier.bounds
    rows = ask(store, "SELECT rule, value, bound, verdict FROM decisions WHERE tier = 'tier_1' ORDER BY verdict")
    assert [tuple(r.values()) for r in rows] == [
        ("group_id.keep_best", "g", "short_side, sharpness", "fail"),
        ("group_id.keep_best", "g", "short_side, sharpness", "pass"),
    ]
    (drawn,) = ask(store, "SELECT value, bound, verdict FROM decisions WHERE tier = 'tier_2'")
    assert drawn["bound"] == "0.5, preserving luma_mean" and drawn["verdict"] == "pass"


def written(path: Path, text: str = "[tier_1]\n[tier_2]\n[tier_3]\n") -> Preset:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_preset(str(path), vocabulary())


def test_two_presets_of_one_name_do_not_share_their_results(tmp_path: Path) -> None:
    store = root(tmp_path / "root", [{}])
    one, two = written(tmp_path / "a" / "mine.toml"), written(tmp_path / "b" / "mine.toml")
    judge(store, one)
    judge(store, one)
    with pytest.raises(PresetError, match=r"b/mine.toml: the results of another preset called 'mine', .*a/mine.toml"):
        judge(store, two)
    Path(one.path).rename(tmp_path / "a" / "other.toml")
    claim(store, two)
    assert sorted(store.parts(folder("mine"))) == ["tier_1", "tier_2", "tier_3"]


def test_a_preset_of_the_project_belongs_to_no_path(tmp_path: Path) -> None:
    """Two installations may work on one root."""
    store = root(tmp_path, [{}])
    shipped = load_preset("starter", vocabulary())
    claim(store, shipped)
    claim(store, replace(shipped, path=str(written(tmp_path / "elsewhere.toml").path)))
    assert not (tmp_path / "tiers").exists()
