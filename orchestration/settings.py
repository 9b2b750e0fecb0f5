"""Which machine, which root, which preset: environment CLIPSIEVE_* and one optional TOML file. No thresholds."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from platformdirs import user_data_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from assets.captions.options import CaptionOptions
from assets.embeddings.by_model import DEFAULT
from assets.filter_scores.scorers import SCORERS
from assets.models.catalogue import find_model
from assets.models.weights import ModelFolder
from assets.options import ConceptOptions, Options, ScanOptions, ShotOptions
from assets.raw_videos.sources import ShardLimits
from assets.store import fingerprint

CRON_WORDS = 5
CONFIG_VARIABLE = "CLIPSIEVE_CONFIG"


class ConfigError(ValueError):
    """The file of settings cannot be read; the message names it."""


@dataclass(frozen=True)
class AutomationOptions:
    """When sensors and the schedule act, and how much they ask for at once."""

    quiet_s: float = 60.0
    """A file is taken that nothing has changed for so long; a shard is run that no file has joined for so long."""
    listing_s: float = 15.0
    """What one look at the input may take. Dagster stops a sensor after 60 s."""
    nightly: str = "0 2 * * *"
    """Cron line of the schedule."""
    timezone: str = "UTC"
    """Of the cron line, e.g. Europe/Berlin."""
    runs_a_night: int = 50
    """Most runs that the schedule asks for; a run takes up to 20 shards."""
    runs_at_once: int = 20
    """Most runs that a sensor asks for; what is left comes after them."""

    def __post_init__(self) -> None:
        if len(self.nightly.split()) != CRON_WORDS:
            raise ValueError(f"automation.nightly = {self.nightly!r} is no cron line, such as 0 2 * * *")
        if self.timezone not in available_timezones():
            raise ValueError(f"automation.timezone = {self.timezone!r} is no time zone, such as Europe/Berlin")
        if min(self.runs_a_night, self.runs_at_once) < 1 or min(self.quiet_s, self.listing_s) < 0:
            raise ValueError("automation: runs are 1 or more, seconds 0 or more")


class Settings(BaseSettings):
    """Every setting, e.g. CLIPSIEVE_ROOT=/data CLIPSIEVE_WORKERS=8 CLIPSIEVE_SHOTS__MAX_CLIP_S=10."""

    model_config = SettingsConfigDict(env_prefix="CLIPSIEVE_", env_nested_delimiter="__", extra="forbid")

    root: str = "data"
    """Where tables lie: a folder, or s3://bucket/prefix."""
    preset: str | None = None
    """Name or path of the active preset; None = the one of the root's last run, else `starter`."""
    input: str | None = None
    """Folder, manifest or media file that the sensor `new_files` watches; None = the input of the root's last run."""
    automation: AutomationOptions = AutomationOptions()
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    memory_limit_mb: int = Field(default=3000, ge=200)
    """Resident memory of one worker; more costs the video in work."""
    scan: ScanOptions = ScanOptions()
    shots: ShotOptions = ShotOptions()
    shards: ShardLimits = ShardLimits()
    without: tuple[str, ...] = ()
    """Scorers that are not run, e.g. CLIPSIEVE_WITHOUT='["text"]'; their rules are inactive."""
    embedding: str = "classical"
    """What clips are compared by: `classical`, a model's name, the path of an .onnx file or transformers folder."""
    concepts: ConceptOptions = ConceptOptions()
    captions: CaptionOptions = CaptionOptions()
    figures: bool = True
    """Draw pictures of what a run wrote, as metadata of its materializations; CLIPSIEVE_FIGURES=false leaves it."""
    models: Path = Field(default_factory=lambda: user_data_path("clipsieve") / "models")
    """Where weights lie (`clipsieve models list`). A model whose weights are not there is not used."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """A value given in code wins over the environment, and that over the file. Raises ConfigError."""
        path = os.environ.get(CONFIG_VARIABLE)
        if not path:
            return (init_settings, env_settings)
        try:
            return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _existing(path)))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{CONFIG_VARIABLE}={path}: no TOML file that can be read: {error}") from error

    @field_validator("without")
    @classmethod
    def _are_scorers(cls, without: tuple[str, ...]) -> tuple[str, ...]:
        names = [s.name for s in SCORERS]
        if unknown := [name for name in without if name not in names]:
            raise ValueError(f"no scorer {unknown[0]!r}; there are {', '.join(names)}")
        return without

    @field_validator("embedding")
    @classmethod
    def _embeds(cls, name: str) -> str:
        try:
            model = find_model(name) if name != DEFAULT else None
        except KeyError as error:
            raise ValueError(f"{error.args[0]}; or `classical`, or a path") from error
        if model is not None and "embed" not in model.tasks:
            raise ValueError(f"{name} is no embedder: it can {', '.join(model.tasks)}")
        return name

    @field_validator("root")
    @classmethod
    def _root_can_be_a_folder(cls, root: str) -> str:
        if "://" in root:
            if not root.startswith("s3://") or root == "s3://":
                raise ValueError(f"{root!r} is neither a folder nor s3://bucket/prefix")
            return root
        if not root or "\0" in root:
            raise ValueError(f"{root!r} is no folder's name")
        path = Path(root).absolute()
        nearest = next(p for p in (path, *path.parents) if p.exists())
        if not nearest.is_dir():
            raise ValueError(f"{nearest} is a file; a root is a folder or s3://bucket/prefix")
        return root

    @property
    def options(self) -> Options:
        return Options(
            scan=self.scan,
            shots=self.shots,
            without=self.without,
            embedding=self.embedding,
            concepts=self.concepts,
            captions=self.captions,
            models=ModelFolder(str(self.models.absolute())),
        )

    @property
    def absolute_root(self) -> str:
        return self.root if "://" in self.root else os.path.abspath(self.root)

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME if set, else ROOT/.dagster; a root on an object store has it under the user's data folder."""
        if home := os.environ.get("DAGSTER_HOME"):
            return Path(home)
        if "://" in self.root:
            return user_data_path("clipsieve") / "dagster" / fingerprint(self.root)[:16]
        return Path(self.absolute_root) / ".dagster"


def _existing(path: str) -> Path:
    """Raises FileNotFoundError: a file that was named and is not there is a mistake, not an absence of settings."""
    if not Path(path).is_file():
        raise FileNotFoundError("there is no such file")
    return Path(path)
