"""The command `run` as a person sees it: what was found, what is done, how it ended, what to look at next."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from rich.console import Console

from assets.curation import Curation

from .plan import Task, make_plan
from .progress import TerminalProgress
from .questions import emptied, not_ok, show_funnel, totals
from .report import Format, cell, emit, funnel_table, stderr
from .resources import build_curation
from .run import RunResult, execute, find, root_lock
from .settings import Settings

SHOWN_FILES = 200


def curate(
    settings: Settings, source: str, *, until: str | None, limit: int | None, only: str | None, dry_run: bool,
    force: bool, retry_failed: bool, form: Format,
) -> int:  # fmt: skip
    """Run, or print the plan. Returns the exit status: 0 when every asset of the plan materialized."""
    console, started = stderr(), time.monotonic()
    curation = build_curation(settings)
    curation.progress, curation.force, curation.retry_failed = TerminalProgress(console), force, retry_failed
    make_plan(curation, until, only)
    result = RunResult()
    with root_lock(settings):
        find(curation, settings, source, limit, result)
        _say_found(console, settings, source, result)
        if dry_run:
            _print_plan(make_plan(curation, until, only), form)
            return 0
        execute(curation, settings, until, only, result, lambda line: console.print(line, markup=False))
    _summary(console, curation, result, form, time.monotonic() - started)
    return 1 if result.failures else 0


def _say_found(console: Console, settings: Settings, source: str, result: RunResult) -> None:
    found = result.registration
    assert found is not None
    parts = [f"{found.new} new", f"{found.known} known"]
    optional = {"replaced": found.replaced, "back again": found.returned, "gone": found.gone,
                "left for later (--limit)": found.left, "listed but not there": len(result.missing)}  # fmt: skip
    parts += [f"{count} {word}" for word, count in optional.items() if count]
    console.print(
        f"{source}: {', '.join(parts)}; {result.ignored} other files ignored. Root: {settings.absolute_root}",
        markup=False,
    )
    for uri in result.missing[:SHOWN_FILES]:
        console.print(f"  listed but not there: {cell(uri)}", markup=False)


def _print_plan(tasks: list[Task], form: Format) -> None:
    rows = [{"step": t.step, "shard": t.shard or "all", "reason": t.reason} for t in tasks]
    if not rows and form is Format.table:
        stderr().print("Nothing to do: everything is up to date.")
    else:
        emit(rows, form, "plan")


def _summary(console: Console, curation: Curation, result: RunResult, form: Format, seconds: float) -> None:
    bad = not_ok(curation)
    if form is Format.table:
        _print_bad(console, bad)
        _print_counts(console, curation, result, seconds)
        if any(t.shard is None for t in result.tasks):
            funnel_table(show_funnel(curation, None), f"{curation.preset.name}: {curation.preset.title}")
        _advise(console, curation, result)
    else:
        emit([_as_row(curation, result, seconds) | {"not_ok": bad}], form)
    for failure in result.failures:
        console.print(f"FAILED {failure}", markup=False, style="red")


def _print_bad(console: Console, bad: list[dict[str, Any]]) -> None:
    if not bad:
        return
    by_status = ", ".join(f"{n} {s}" for s, n in sorted(Counter(r["status"] for r in bad).items()))
    console.print(f"\nNot ok: {by_status}")
    for row in bad[:SHOWN_FILES]:
        copies = f" (and {row['uri_count'] - 1} copies)" if row["uri_count"] > 1 else ""
        console.print(
            f"  {row['status']:<11} {cell(row['uri'])}{copies}: {cell(row['error'])}", markup=False, soft_wrap=True
        )
    if len(bad) > SHOWN_FILES:
        query = "SELECT uri, status, error FROM raw_videos WHERE status <> 'ok'"
        console.print(f'  and {len(bad) - SHOWN_FILES} more: clipsieve sql "{query}"', markup=False)


def work_done(curation: Curation) -> dict[str, int]:
    """Opens, decodes and computations of this process's run, summed over its shards."""
    every = curation.counts.values()
    return {
        "demux_opens": sum(c.demux_opens for c in every),
        "decode_opens": sum(c.decode_opens for c in every),
        "frames_decoded": sum(c.frames_decoded for c in every),
        "scorer_calls": sum(c.computed for (step, _), c in curation.counts.items() if step.startswith("scores/")),
    }


def _as_row(curation: Curation, result: RunResult, seconds: float) -> dict[str, Any]:
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
        | totals(curation)
        | work_done(curation)
        | {"tasks": tasks, "failures": result.failures, "seconds": round(seconds, 2)}
    )


def _print_counts(console: Console, curation: Curation, result: RunResult, seconds: float) -> None:
    sums, work = totals(curation), work_done(curation)
    console.print(
        f"\n{sums['files']} files hold {sums['videos']} videos, {sums['hours'] or 0:.2f} hours; "
        f"{sums['clips']} clips, {sums['clip_hours'] or 0:.2f} hours."
    )
    if not result.tasks:
        console.print(f"Everything was up to date; nothing was decoded. {seconds:.1f} s.")
        return
    console.print(
        f"Done in {seconds:.1f} s: {work['demux_opens']} files read, {work['decode_opens']} decoded "
        f"({work['frames_decoded']} frames), {work['scorer_calls']} clip measurements."
    )


def _advise(console: Console, curation: Curation, result: RunResult) -> None:
    """What to try when a tier ended empty; where to look next otherwise."""
    if not any(t.shard is None for t in result.tasks):
        return
    for row in emptied(curation):
        console.print(
            f"{row['tier']} is empty: {row['rule']} = {row['bound']} took the last {row['taken']} clips.", markup=False
        )
        if "try" in row:
            console.print(f"  half of them would pass with: clipsieve whatif {row['try']}", markup=False)
    console.print('Ask: clipsieve funnel | why CLIP_ID | whatif motion_mean.min=1 | sql "SELECT ..." | ui')
