"""The commands that ask and write nothing: sql, funnel, whatif, why, diff."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .cli_app import FormatOption, PresetOption, Root, app, plain_errors, settings_of
from .listings import print_moves, with_clocks
from .report import Format, SqlFormat, cell, emit, emit_data, stderr
from .tables import funnel_table, print_table


def _say_notes(notes: list[str]) -> None:
    for note in notes:
        stderr().print(note, markup=False, style="yellow")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the views.")],
    root: Root = None,
    preset: PresetOption = None,
    form: Annotated[SqlFormat, typer.Option("--format", help="How the result is printed.")] = SqlFormat.table,
) -> None:
    """Answer one read-only SELECT over sources, raw_videos, clips, filter_scores, decisions, tier_1 and the others."""
    with plain_errors():
        from .opening import open_root
        from .overview import notes_on_query
        from .questions import rows_of, select

        curation = open_root(settings_of(root, preset))
        _say_notes(notes_on_query(curation, query))
        table = select(curation, query)
    if form is SqlFormat.parquet:
        import pyarrow.parquet as pq

        pq.write_table(table, sys.stdout.buffer)
    elif form is SqlFormat.table:
        print_table(table.column_names, rows_of(table), exact=True)
    else:
        emit_data(table.column_names, rows_of(table), form)


@app.command()
def funnel(
    root: Root = None,
    preset: PresetOption = None,
    by: Annotated[str | None, typer.Option(help="Split by a column, e.g. orientation or source.")] = None,
    form: FormatOption = Format.table,
) -> None:
    """Clips and hours taken by each rule. `took` adds up: input = all that was taken + kept."""
    with plain_errors():
        from assets.tiers.words import notes_on_rules

        from .curate import titled
        from .opening import open_root
        from .overview import notes_on_scores, require_sources
        from .questions import show_funnel

        curation = open_root(settings_of(root, preset))
        require_sources(curation)
        rows = show_funnel(curation, by)
        _say_notes([*notes_on_scores(curation), *notes_on_rules(curation.preset)])
    if form is Format.table:
        funnel_table(rows, titled(curation.preset), split=by is not None)
    else:
        emit(rows, form)


@app.command()
def whatif(
    changes: Annotated[
        list[str],
        typer.Argument(
            help="[TIER.]COLUMN.min|max|keep_top=BOUND, one or more; without a tier in every tier that has the rule."
        ),
    ],
    root: Root = None,
    preset: PresetOption = None,
    form: FormatOption = Format.table,
) -> None:
    """The counts of every tier with other bounds. Nothing is written, nothing is decoded."""
    with plain_errors():
        from .opening import open_root
        from .overview import require_sources
        from .questions import changed_preset, moved_bounds
        from .questions import whatif as ask

        curation = open_root(settings_of(root, preset))
        require_sources(curation)
        rows = ask(curation, changes)
        _say_notes(moved_bounds(curation.preset, changed_preset(curation.preset, changes)))
    emit(with_clocks(rows) if form is Format.table else rows, form)


@app.command()
def why(
    text: Annotated[str, typer.Argument(help="A clip id, its first digits, or a part of a file's name.")],
    root: Root = None,
    preset: PresetOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Every rule of one clip, with its value, its bound and the verdict; of several clips, what kept each out."""
    with plain_errors():
        from .opening import open_root
        from .overview import require_sources
        from .why import Explanation, short_value
        from .why import why as ask

        curation = open_root(settings_of(root, preset))
        require_sources(curation)
        answer = ask(curation, text)
    if not isinstance(answer, Explanation):
        if form is Format.table:  # `why` takes the first digits too
            answer = [row | {"clip_id": row["clip_id"][:8]} for row in answer]
        emit(answer, form)
        return
    rows = answer.rules
    if form is Format.table:
        clip = answer.clip
        stderr().print(answer.sentence, markup=False, soft_wrap=True)
        where = f"{clip['start_s']:.2f} to {clip['end_s']:.2f} s of {cell(clip['uri'])}"
        stderr().print(f"{clip['clip_id']}: {where}", markup=False, soft_wrap=True)
        rows = [row | {"value": short_value(row["value"])} for row in rows]
    emit(rows, form)


@app.command()
def diff(
    preset_a: Annotated[str, typer.Argument(help="Name or path of a preset.")],
    preset_b: Annotated[str, typer.Argument(help="The one to compare it with.")],
    root: Root = None,
    clips: Annotated[bool, typer.Option("--clips", help="List the clips that move.")] = False,
    form: FormatOption = Format.table,
) -> None:
    """Who moves between two presets: clips of each tier that only one keeps, and the rules that take them."""
    with plain_errors():
        from assets.tiers.rules import load_preset

        from .diff import diff as compare
        from .opening import open_root
        from .overview import require_sources

        curation = open_root(settings_of(root))
        require_sources(curation)
        a, b = (load_preset(p, curation.vocabulary) for p in (preset_a, preset_b))
        rows = compare(curation, a, b, clips)
    if form is Format.table:
        stderr().print(f"a = {a.name}, b = {b.name}", markup=False)
    if form is Format.table and not clips:
        print_moves(rows)
    else:
        emit(rows, form)
