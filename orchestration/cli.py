"""The command line `clipsieve`: arguments in, work done elsewhere, exit status out."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from assets.raw_videos.discover import InputError
from assets.tiers.rules import PresetError

from .report import Format, SqlFormat, cell, emit, emit_data, stderr
from .settings import ConfigError, Settings
from .tables import funnel_table, print_table

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Curate raw video into training data: decode once, score once, tier in SQL.",
)  # fmt: skip

Root = Annotated[
    str | None, typer.Option(help="Where tables lie: a folder or s3://bucket/prefix. [CLIPSIEVE_ROOT, else ./data]")
]
PresetOption = Annotated[
    str | None,
    typer.Option(help="starter, movie_gen, or the path of a .toml file. [the root's last preset, else starter]"),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is printed.")]


def settings_of(root: str | None, preset: str | None = None, workers: int | None = None) -> Settings:
    given = {"root": root, "preset": preset, "workers": workers}
    return Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]


@contextmanager
def plain_errors() -> Iterator[None]:
    """What a user did wrong is one message and exit status 2, never a traceback."""
    from .opening import RootError
    from .plan import PlanError
    from .questions import QuestionError
    from .run import BusyError

    try:
        yield
    except (InputError, PresetError, PlanError, QuestionError, BusyError, ConfigError, RootError) as error:
        raise _refused(str(error)) from None
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise _refused(f"a setting is not valid: {lines}") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _refused(str(error)) from None
    except KeyboardInterrupt:
        stderr().print("clipsieve: stopped", style="yellow")
        raise typer.Exit(130) from None


def _refused(message: str) -> typer.Exit:
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)
    stderr().print(f"clipsieve: {shown}", markup=False, style="red", soft_wrap=True)
    return typer.Exit(2)


def _say_notes(notes: list[str]) -> None:
    for note in notes:
        stderr().print(note, markup=False, style="yellow")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"clipsieve {version_of('clipsieve')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Curate raw video into training data: decode once, score once, tier in SQL."""


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

        if not source.strip():
            raise InputError("--input is empty: give a folder, a media file or a manifest")
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
        from .curate import titled
        from .opening import open_root
        from .overview import notes_on_scores, require_sources
        from .questions import show_funnel

        curation = open_root(settings_of(root, preset))
        require_sources(curation)
        rows = show_funnel(curation, by)
        _say_notes(notes_on_scores(curation))
    if form is Format.table:
        funnel_table(rows, titled(curation.preset), split=by is not None)
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
        from .opening import open_root
        from .overview import require_sources
        from .questions import whatif as ask

        curation = open_root(settings_of(root, preset))
        require_sources(curation)
        rows = ask(curation, changes)
    emit(rows, form)


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
def ui(
    root: Root = None,
    preset: PresetOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on; the UI has no password.")] = "127.0.0.1",
) -> None:
    """Open Dagster's UI and daemon over the root; Ctrl-C ends both."""
    with plain_errors():
        from .instance import prepare_home
        from .opening import open_root
        from .questions import QuestionError

        settings = settings_of(root, preset)
        open_root(settings)
        if not _is_free(host, port):
            raise QuestionError(f"port {port} is taken; use --port")
        home = prepare_home(settings)
    os.environ |= {
        "DAGSTER_HOME": str(home),
        "CLIPSIEVE_ROOT": settings.absolute_root,
        "PYTHONWARNINGS": "ignore",
    }
    if preset:
        os.environ["CLIPSIEVE_PRESET"] = preset if not preset.endswith(".toml") else str(Path(preset).resolve())
    stderr().print(f"Dagster over {settings.absolute_root} at http://{host}:{port} (instance {home})")
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-m", "orchestration.definitions", "-h", host, "-p", str(port)])


def _is_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port. Raises OSError for an address that is not this machine's."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
