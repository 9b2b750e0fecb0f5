"""The commands about this machine: ui, models, doctor."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from .cli_app import FormatOption, PresetOption, Root, app, plain_errors, settings_of
from .listings import print_checks, print_models
from .report import Format, emit, stderr


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


@app.command()
def explore(
    root: Root = None,
    preset: PresetOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8080,
    save_in: Annotated[Path, typer.Option(help="Where presets are saved.")] = Path(),
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Move bounds on a page, see counts change, and watch the clips at their edges; nothing on the root is written."""
    with plain_errors():
        from .overview import require_sources
        from .questions import QuestionError

        settings = settings_of(root, preset)
        if not _is_free("127.0.0.1", port):
            raise QuestionError(f"port {port} is taken; use --port")
        if not save_in.is_dir():
            raise QuestionError(f"--save-in {save_in}: there is no such folder")
        from .explore.explorer import Explorer
        from .explore.server import serve
        from .opening import open_root

        require_sources(open_root(settings))
        stderr().print(f"Reading the clips of {settings.absolute_root}", markup=False, soft_wrap=True)
        explorer = Explorer(settings, save_in.resolve())
        try:
            explorer.shelf(explorer.first)
            stderr().print(f"http://127.0.0.1:{port} (Ctrl-C ends it)", markup=False)
            serve(explorer, port, browser)
        finally:
            explorer.close()


models = typer.Typer(no_args_is_help=True, help="Which models exist, and fetching their weights.")
app.add_typer(models, name="models")


@models.command("list")
def models_list(root: Root = None, form: FormatOption = Format.table) -> None:
    """Every model: what it fills, whether its weights are here, their size and licence."""
    with plain_errors():
        from .models import models_table

        rows = models_table(settings_of(root))
    if form is not Format.table:
        emit(rows, form)
        return
    print_models(rows)


@models.command("pull")
def models_pull(
    names: Annotated[list[str], typer.Argument(help="Names of models, or `all`.")], root: Root = None
) -> None:
    """Download weights into the models folder; what is there and right is not fetched again."""
    with plain_errors():
        from .models import pull

        code = pull(settings_of(root), names, lambda line: stderr().print(line, markup=False, soft_wrap=True))
    raise typer.Exit(code)


@app.command()
def doctor(root: Root = None, form: FormatOption = Format.table) -> None:
    """What this machine lacks, and the command that mends it; exit status 1 when clipsieve cannot work."""
    with plain_errors():
        from .doctor import doctor as examine

        rows = examine(settings_of(root))
    if form is not Format.table:
        emit(rows, form)
    else:
        print_checks(rows)
    raise typer.Exit(1 if any(row["status"] == "fail" for row in rows) else 0)
