"""The user's preferences: where runs live, how the dashboard is drawn; nothing of a run's numbers.

Read from environment variables (ASGML_RUNS=…) and, below them, from settings.toml in the user's
configuration directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from asgml.app.errors import UserError
from asgml.app.notify_settings import Notify
from asgml.app.settings_path import PREFIX, settings_file
from asgml.core.config.error_words import expected
from asgml.storage.alerts.rules import parse_rules
from asgml.storage.format.user_path import why


class Settings(BaseSettings):
    """The preferences, each with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid")

    runs: Path = Field(default=Path("runs"), description="directory that holds the runs")
    ascii: bool = Field(default=False, description="draw with plain ASCII characters")
    keys: dict[str, str] = Field(
        default_factory=dict,
        description="other keys of the dashboard, by what they do: {pause = 'p'}",
    )
    theme: Literal["auto", "asgml-dark", "asgml-light", "ansi-dark", "ansi-light"] = Field(
        default="auto", description="colours of the dashboard; auto: those of this terminal"
    )
    smoothing: float = Field(
        default=0.9, ge=0, lt=1, description="how much charts are smoothed at first; 0: not at all"
    )
    axis: Literal["step", "wall_time", "active_time"] = Field(
        default="step", description="x axis that charts have at first"
    )
    refresh: float | None = Field(
        default=None,
        ge=0.05,
        le=60,
        description="seconds between two frames of the dashboard; unset: 0.25, over SSH 1",
    )
    alerts: list[dict[str, Any]] = Field(
        default_factory=list, description="alert rules of every run (docs/alerts.md)"
    )
    notify: Notify = Field(default_factory=Notify, description="the ways of alerts to the user")

    @property
    def away(self) -> bool:
        """True where alerts are to reach a user without a dashboard."""
        return self.notify.away

    @property
    def announces(self) -> tuple[str, ...]:
        """The ways by which the dashboard tells of alerts."""
        off = {"bell": not self.notify.bell, "title": not self.notify.title}
        return tuple(way for way in ("bell", "title", "toast") if not off.get(way))

    @field_validator("alerts")
    @classmethod
    def _known_rules(cls, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        parse_rules(alerts)
        return alerts

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=settings_file()),
        )


def load_settings() -> Settings:
    """Return the settings. Raise UserError, which names the setting and its place."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])
        known = ", ".join(Settings.model_fields)
        raise UserError(
            f"setting {name}: {expected(problem)}; there are {known}; "
            f"correct {settings_file()} or {PREFIX}{name.upper()}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:  # ValidationError is one of them
        raise UserError(
            f"{settings_file()} cannot be read as TOML: {why(error)}; correct it or remove it"
        ) from None
