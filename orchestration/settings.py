"""Which machine, which root, which preset: environment CLIPSIEVE_* and one optional TOML file. No thresholds."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from assets.options import Options, ScanOptions, ShotOptions
from assets.raw_videos.sources import ShardLimits
from assets.store import fingerprint

CONFIG_VARIABLE = "CLIPSIEVE_CONFIG"


class Settings(BaseSettings):
    """Every setting, e.g. CLIPSIEVE_ROOT=/data CLIPSIEVE_WORKERS=8 CLIPSIEVE_SHOTS__MAX_CLIP_S=10."""

    model_config = SettingsConfigDict(env_prefix="CLIPSIEVE_", env_nested_delimiter="__", extra="forbid")

    root: str = "data"
    """Where tables lie: a folder, or s3://bucket/prefix."""
    preset: str | None = None
    """Name or path of the active preset; None = the one of the root's last run, else `starter`."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    memory_limit_mb: int = Field(default=3000, ge=200)
    """Resident memory of one worker; more costs the video in work."""
    scan: ScanOptions = ScanOptions()
    shots: ShotOptions = ShotOptions()
    shards: ShardLimits = ShardLimits()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """A value given in code wins over the environment, and that over the file."""
        path = os.environ.get(CONFIG_VARIABLE)
        file = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (init_settings, env_settings, *file)

    @property
    def options(self) -> Options:
        return Options(scan=self.scan, shots=self.shots)

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
