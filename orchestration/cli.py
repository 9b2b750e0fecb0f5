"""The command line `clipsieve`: arguments in, work done elsewhere, exit status out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from assets.raw_videos.discover import InputError
from assets.tiers.rules import PresetError

from .report import Format, SqlFormat, cell, emit, funnel_table, stderr
from .settings import Settings

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Curate raw video into training data: decode once, score once, tier in SQL.",
)  # fmt: skip

Root = Annotated[
    str | None, typer.Option(help="Where tables lie: a folder or s3://bucket/prefix. [CLIPSIEVE_ROOT, else ./data]")
]
PresetOption = Annotated[str | None, typer.Option(help="starter, movie_gen, or the path of a .toml file.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is printed.")]


def settings_of(root: str | None, preset: str | None = None, workers: int | None = None) -> Settings:
    given = {"root": root, "preset": preset, "workers": workers}
    return Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]


@contextmanager
def plain_errors() -> Iterator[None]:
    """What a user did wrong is one message and exit status 2, never a traceback."""
    from .plan import PlanError
    from .questions import QuestionError
    from .run import BusyError

    try:
        yield
    except (InputError, PresetError, PlanError, QuestionError, BusyError) as error:
        stderr().print(f"clipsieve: {error}", markup=False, style="red")
        raise typer.Exit(2) from None
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        stderr().print(f"clipsieve: a setting is not valid: {lines}", markup=False, style="red")
        raise typer.Exit(2) from None


@app.command()
def run(
    source: Annotated[
        str, typer.Option("--input", help="A folder, a media file, or a manifest (.csv, .jsonl, .parquet) with `uri`.")
    ],
    root: Root = None,
    preset: PresetOption = None,
    until: Annotated[str | None, typer.Option(help="Stop after this asset, e.g. clips or tier_1.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Take at most so many new files.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes. [all cores]")] = None,
    only: Annotated[str | None, typer.Option(help="Of the scorers run this one alone.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what is stale and why; decode nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Compute again what is up to date.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Decode again what crashed or timed out.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """Find new files, make shards, and materialize what is stale. Run again: only what is new."""
    with plain_errors():
        from .curate import curate

        settings = settings_of(root, preset, workers)
        code = curate(
            settings,
            source,
            until=until,
            limit=limit,
            only=only,
            dry_run=dry_run,
            force=force,
            retry_failed=retry_failed,
            form=form,
        )
    raise typer.Exit(code)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the views.")],
    root: Root = None,
    preset: PresetOption = None,
    form: Annotated[SqlFormat, typer.Option("--format", help="How the result is printed.")] = SqlFormat.table,
) -> None:
    """Answer one read-only SELECT over sources, raw_videos, clips, filter_scores, decisions, tier_1 and the others."""
    with plain_errors():
        from .questions import select
        from .resources import build_curation

        table = select(build_curation(settings_of(root, preset)), query)
    if form is SqlFormat.parquet:
        import pyarrow.parquet as pq

        pq.write_table(table, sys.stdout.buffer)
        return
    names = table.column_names
    emit(
        [dict(zip(names, row, strict=True)) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)], form
    )


@app.command()
def funnel(
    root: Root = None,
    preset: PresetOption = None,
    by: Annotated[str | None, typer.Option(help="Split by a column, e.g. orientation or source.")] = None,
    form: FormatOption = Format.table,
) -> None:
    """Clips and hours taken by each rule. `took` adds up: input = all that was taken + kept."""
    with plain_errors():
        from .questions import show_funnel
        from .resources import build_curation

        curation = build_curation(settings_of(root, preset))
        rows = show_funnel(curation, by)
    if form is Format.table:
        funnel_table(rows, f"{curation.preset.name}: {curation.preset.title}")
    else:
        emit(rows, form)


@app.command()
def whatif(
    changes: Annotated[list[str], typer.Argument(help="[TIER.]COLUMN.min|max|keep_top=BOUND, one or more.")],
    root: Root = None,
    preset: PresetOption = None,
    form: FormatOption = Format.table,
) -> None:
    """The counts of every tier with other bounds. Nothing is written, nothing is decoded."""
    with plain_errors():
        from .questions import whatif as ask
        from .resources import build_curation

        rows = ask(build_curation(settings_of(root, preset)), changes)
    emit(rows, form)


@app.command()
def why(
    clip_id: Annotated[str, typer.Argument(help="A clip id, or its first digits.")],
    root: Root = None,
    preset: PresetOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Every rule of one clip, with its value, its bound and the verdict."""
    with plain_errors():
        from .questions import why as ask
        from .resources import build_curation

        clip, rows = ask(build_curation(settings_of(root, preset)), clip_id)
    if form is Format.table:
        stderr().print(
            f"{clip['clip_id']}: {clip['start_s']:.2f} to {clip['end_s']:.2f} s of {cell(clip['uri'])}", markup=False
        )
    emit(rows, form)


@app.command()
def ui(
    root: Root = None,
    preset: PresetOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on; the UI has no password.")] = "127.0.0.1",
) -> None:
    """Open Dagster's UI and daemon over the root; Ctrl-C ends both."""
    with plain_errors():
        from .instance import prepare_home
        from .resources import build_curation

        settings = settings_of(root, preset)
        build_curation(settings)
        home = prepare_home(settings)
    os.environ |= {"DAGSTER_HOME": str(home), "CLIPSIEVE_ROOT": settings.absolute_root}
    if preset:
        os.environ["CLIPSIEVE_PRESET"] = preset if not preset.endswith(".toml") else str(Path(preset).resolve())
    stderr().print(f"Dagster over {settings.absolute_root} at http://{host}:{port} (instance {home})")
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "orchestration.definitions", "-h", host, "-p", str(port)])


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
