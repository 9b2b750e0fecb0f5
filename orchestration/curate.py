"""The command `run` as a person sees it: what was found, what is done, how it ended, what to look at next."""

from __future__ import annotations

import difflib
import time
from collections import Counter
from contextlib import nullcontext
from typing import Any

from rich.console import Console

from assets.curation import Curation
from assets.raw_videos.discover import MANIFEST_FIELDS
from assets.steps import SCAN_STEP
from assets.tiers.rules import Preset
from assets.tiers.words import notes_on_rules

from .flow import TIER
from .opening import open_root
from .overview import (
    Views,
    blind_rules,
    blind_scorers,
    caption_failures,
    emptied,
    looks,
    not_enabled,
    not_ok,
    note_on_quick,
    notes_on_clipless,
    quickly_scanned,
    totals,
)
from .plan import PlanError, Task, check_request, make_plan, wanted_steps
from .progress import TerminalProgress
from .questions import Rows, open_views, show_funnel
from .quick import decided, remember_quick, was_quick, whole_scans
from .report import Format, cell, emit, plural, span, stderr
from .run import RunResult, execute, find, root_lock
from .settings import Settings
from .tables import funnel_table

SHOWN_FILES = 200
SENSOR_WAIT_S = 2.0
"""How long a run waits for the root: a sensor holds it while it registers files."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells give it."""


def curate(
    settings: Settings, source: str, *, until: str | None, limit: int | None, only: str | None, dry_run: bool,
    force: bool, retry_failed: bool, form: Format,
) -> int:  # fmt: skip
    """Run, or print the plan. Returns the exit status: 0 when every asset of the plan materialized."""
    console, started = stderr(), time.monotonic()
    settings = decided(settings)
    curation = open_root(settings)
    curation.progress, curation.force, curation.retry_failed = TerminalProgress(console), force, retry_failed
    curation.only, curation.renews_views = only, False
    scans = SCAN_STEP.name in check_request(curation, until, only)
    _keep_whole_scans(curation)
    result = RunResult()
    with nullcontext() if dry_run else root_lock(curation, SENSOR_WAIT_S):
        find(curation, settings, source, limit, result, dry_run)
        _say_found(console, settings, curation, source, result)
        if was_quick(curation.store) and not curation.options.scan.quick:
            console.print("The last run was quick: what it left out is decoded now.")
        if dry_run:
            _print_plan(make_plan(curation, until, only), form)
            return 0
        if scans:
            remember_quick(curation.store, bool(curation.options.scan.quick))
        execute(curation, settings, until, only, result, lambda line: console.print(line, markup=False))
    judged = _tiers_are_judged(curation, result, until, only)
    _summary(console, curation, result, form, time.monotonic() - started, judged)
    if result.interrupted:
        return INTERRUPTED
    return 1 if result.failures else 0


def _keep_whole_scans(curation: Curation) -> None:
    """Raises PlanError when a quick run would put coarser scans in the place of whole ones, and is not forced to."""
    if not curation.options.scan.quick or curation.force:
        return
    if whole := whole_scans(curation.store, curation.options):
        raise PlanError(
            f"a quick run would undo the whole scans of {plural(whole, 'shard')} at {curation.store.root}: "
            "leave out --quick, give new files a --root of their own, or add --force"
        )


def titled(preset: Preset) -> str:
    """`name: title`, or the name alone where the preset has no other title."""
    return preset.name if preset.title == preset.name else f"{preset.name}: {preset.title}"


def _tiers_are_judged(curation: Curation, result: RunResult, until: str | None, only: str | None) -> bool:
    """Whether the run reached the tiers, or was to reach them and found everything up to date."""
    if not wanted_steps(curation, until)[-1].startswith(TIER) or result.failures or result.interrupted:
        return False
    return only is None or not result.tasks or any(t.shard is None for t in result.tasks)


def _say_found(console: Console, settings: Settings, curation: Curation, source: str, result: RunResult) -> None:
    found = result.registration
    assert found is not None
    others = plural(result.ignored, "other file")
    optional = {"replaced": found.replaced, "back again": found.returned, "gone": found.gone,
                "left for later (--limit)": found.left, "listed but not there": len(result.missing)}  # fmt: skip
    parts = [f"{found.new} new", f"{found.known} known"] + [f"{n} {word}" for word, n in optional.items() if n]
    told = f"{', '.join(parts)}; {others} ignored"
    if not any((found.new, found.known, *optional.values())):
        told = f"no media files in {cell(source)} ({others})"
    else:
        told = f"{cell(source)}: {told}"
    console.print(f"{told}. Root: {cell(settings.absolute_root)}, preset {curation.preset.name}", markup=False)
    for uri in result.missing[:SHOWN_FILES]:
        console.print(f"  listed but not there: {cell(uri)}", markup=False, soft_wrap=True)
    if result.unused_columns:
        listed = ", ".join(map(_with_hint, result.unused_columns))
        console.print(f"columns of the manifest that nothing reads: {listed}", markup=False, style="yellow")


def _with_hint(column: str) -> str:
    near = difflib.get_close_matches(column.lower(), MANIFEST_FIELDS, n=1)
    return cell(column) + (f" (did you mean {near[0]}?)" if near else "")


def _print_plan(tasks: list[Task], form: Format) -> None:
    rows = [{"step": t.step, "shard": t.shard or "all", "reason": t.reason} for t in tasks]
    if not rows and form is Format.table:
        stderr().print("Nothing to do: everything is up to date.")
    else:
        emit(rows, form, "plan")


def _summary(
    console: Console, curation: Curation, result: RunResult, form: Format, seconds: float, judged: bool
) -> None:
    with open_views(curation) as views:
        if form is Format.table:
            _print_bad(console, not_ok(views))
            _print_counts(console, curation, views, result, seconds)
        else:
            emit([_as_row(curation, views, result, seconds)], form)
    if judged and form is Format.table:
        _print_funnel(console, curation)
    if result.interrupted:
        console.print("Stopped. What was finished is kept; the same command goes on.", style="yellow")
        return
    for failure in result.failures:
        console.print(f"FAILED {failure}", markup=False, style="red")


def _print_bad(console: Console, bad: list[dict[str, Any]]) -> None:
    if not bad:
        return
    by_status = ", ".join(f"{n} {s}" for s, n in sorted(Counter(r["status"] for r in bad).items()))
    console.print(f"\nNot ok: {by_status}. What could be decoded of them is cut and judged all the same.")
    for row in bad[:SHOWN_FILES]:
        line = f"  {row['status']:<11} {cell(row['uri'])}: {cell(row['error'])}"
        console.print(line, markup=False, soft_wrap=True)
    if len(bad) > SHOWN_FILES:
        query = "SELECT s.uri, status, error FROM sources s JOIN raw_videos USING (video_id) WHERE status <> 'ok'"
        console.print(f'  and {len(bad) - SHOWN_FILES} more: clipsieve sql "{query}"', markup=False, soft_wrap=True)


def _print_funnel(console: Console, curation: Curation) -> None:
    rows = show_funnel(curation, None)
    funnel_table(rows, titled(curation.preset))
    for line in [*blind_rules(rows), *notes_on_rules(curation.preset)]:
        console.print(line, markup=False, style="bold yellow")
    _advise(console, curation, rows)


def work_done(curation: Curation) -> dict[str, int]:
    """Opens, decodes and computations of this process's run, summed over its shards."""
    every = curation.counts.values()
    return {
        "demux_opens": sum(c.demux_opens for c in every),
        "decode_opens": sum(c.decode_opens for c in every),
        "frames_decoded": sum(c.frames_decoded for c in every),
        "scorer_calls": sum(c.computed for (step, _), c in curation.counts.items() if step.startswith("scores/")),
    }


def _as_row(curation: Curation, views: Views, result: RunResult, seconds: float) -> dict[str, Any]:
    found = result.registration
    assert found is not None
    files = {
        "new": found.new,
        "known": found.known,
        "replaced": found.replaced,
        "gone": found.gone,
        "ignored": result.ignored,
    }
    tasks = [f"{t.step} {t.shard or ''}".strip() for t in result.tasks]
    return (
        files
        | totals(views)
        | looks(views)
        | {"quick_videos": quickly_scanned(views)["videos"]}
        | work_done(curation)
        | {"tasks": tasks, "failures": result.failures, "seconds": round(seconds, 2), "not_ok": not_ok(views)}
    )


def _print_counts(console: Console, curation: Curation, views: Views, result: RunResult, seconds: float) -> None:
    sums, work = totals(views), work_done(curation)
    console.print(
        f"\n{plural(sums['files'], 'file')} {'holds' if sums['files'] == 1 else 'hold'} "
        f"{plural(sums['videos'], 'video')}, {span(sums['hours'])}; "
        f"{plural(sums['clips'], 'clip')}, {span(sums['clip_hours'])}."
    )
    for line in notes_on_clipless(views):
        console.print(line, markup=False, soft_wrap=True, style="yellow")
    _print_looks(console, curation, views)
    if told := note_on_quick(curation, views):
        console.print(told, markup=False, soft_wrap=True, style="yellow")
    if not result.tasks and not result.failures:
        console.print(f"Everything was up to date; nothing was decoded. {seconds:.1f} s.")
        return
    if result.interrupted:
        return  # a stopped step has not told what it did; `--dry-run` shows what is left
    ended = "Not finished; in" if result.failures else "Done in"
    console.print(
        f"{ended} {seconds:.1f} s: {plural(work['demux_opens'], 'file')} read, {work['decode_opens']} decoded "
        f"({plural(work['frames_decoded'], 'frame')}), {plural(work['scorer_calls'], 'clip measurement')}."
    )


def _print_looks(console: Console, curation: Curation, views: Views) -> None:
    """Duplicates, concepts and captions, as far as they are there; scorers that are not run."""
    known = looks(views)
    if known["compared"]:
        groups = plural(known["copied_groups"], "group of copies", "groups of copies")
        console.print(
            f"{plural(known['compared'], 'clip')} compared: {groups} ({plural(known['copied_clips'], 'clip')}), "
            f"{plural(known['concepts'], 'concept')}; {known['captioned']} of the {known['in_tier_1']} in tier_1 "
            "captioned."
        )
    for row in caption_failures(views):
        line = f"  {row['status']:<11} {plural(row['clips'], 'caption')}: {cell(row['reason'])}"
        console.print(line, markup=False, soft_wrap=True, style="yellow")
    for line in not_enabled(curation):
        hint = " (clipsieve models list)" if "weights" in line else ""
        console.print(f"Scorers {line}{hint}", markup=False, soft_wrap=True)
    for line in blind_scorers(curation, views):
        console.print(line, markup=False, soft_wrap=True, style="bold yellow")


def _advise(console: Console, curation: Curation, funnel: Rows) -> None:
    """What to try when a tier ended empty; where to look next otherwise."""
    for row in emptied(curation, funnel):
        took = plural(row["taken"], "clip")
        console.print(f"{row['tier']} is empty: {row['rule']} = {row['bound']} took the last {took}.", markup=False)
        if "try" in row:
            console.print(f"  half of them or more would pass with: clipsieve whatif {row['try']}", markup=False)
    console.print(
        'Ask: clipsieve funnel | why CLIP_ID | whatif tier_1.motion_mean.min=1 | explore | sql "SELECT ..." | ui'
    )
