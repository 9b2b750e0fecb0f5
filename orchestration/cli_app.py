"""The application, what all its commands share, and its first command: `run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from assets.raw_videos.discover import InputError
from assets.tiers.rules import PresetError

from .report import Format, stderr
from .settings import ConfigError, Settings

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Curate raw video into training data: decode once, score once, tier in SQL.",
)  # fmt: skip

Root = Annotated[
    str | None, typer.Option(help="Where tables lie: a folder or s3://bucket/prefix. [CLIPSIEVE_ROOT, else ./data]")
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        help="starter, movie_gen, hunyuan_video, or the path of a .toml file. [the root's last preset, else starter]"
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is printed.")]


def settings_of(
    root: str | None, preset: str | None = None, workers: int | None = None, quick: bool | None = None
) -> Settings:
    given = {"root": root, "preset": preset, "workers": workers, "scan": None if quick is None else {"quick": quick}}
    return Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]


@contextmanager
def plain_errors() -> Iterator[None]:
    """What a user did wrong is one message and exit status 2, never a traceback."""
    import duckdb

    from assets.parquet_file import BrokenPart

    from .models import ModelsError
    from .opening import RootError
    from .plan import PlanError
    from .questions import QuestionError
    from .run import BusyError

    try:
        yield
    except (
        InputError,
        PresetError,
        PlanError,
        QuestionError,
        BusyError,
        ConfigError,
        RootError,
        ModelsError,
    ) as error:
        raise _refused(str(error)) from None
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise _refused(f"a setting is not valid: {lines}") from None
    except SettingsError as error:
        raise _refused(f"a setting is not valid: {error}; lists are written as JSON, e.g. '[\"text\"]'") from None
    except (BrokenPart, duckdb.Error) as error:
        raise _refused(str(error).split("\n\nLINE", 1)[0]) from None
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
    quick: Annotated[
        bool | None,
        typer.Option(
            "--quick/--no-quick",
            show_default=False,
            help="Decode only the frames that others refer to: some half of the work, for a first look. "
            "Without it, what was scanned quickly is decoded whole.",
        ),
    ] = None,
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
        settings = settings_of(root, preset, workers, quick)
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
