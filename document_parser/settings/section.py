"""Define where the values of one section of the settings come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)


@dataclass(frozen=True)
class MayBeEmpty:
    """Mark a setting for which an empty variable has a meaning. Its description says which."""


Emptiable = Annotated[str, MayBeEmpty()]
"""Text setting that may be set to empty on purpose."""


class Section(BaseSettings):
    """Read one section from the environment and ``.env``.

    An empty variable counts as not set, unless the setting is ``Emptiable``.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence: an ``Emptiable`` left empty in the environment overrides ``.env``."""
        return (
            init_settings,
            env_settings,
            EmptyVariables(settings_cls, EnvSettingsSource(settings_cls, env_ignore_empty=False)),
            dotenv_settings,
            EmptyVariables(settings_cls, DotEnvSettingsSource(settings_cls, env_ignore_empty=False)),
        )


class EmptyVariables(PydanticBaseSettingsSource):
    """Supply an empty text for each ``Emptiable`` setting whose variable is set and empty."""

    def __init__(self, settings_cls: type[BaseSettings], variables: EnvSettingsSource) -> None:
        super().__init__(settings_cls)
        self._variables = variables.env_vars

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return an empty text, or None if the variable is absent or not empty.

        The field's name and whether its value is JSON follow.
        """
        variable = f"{self.config.get('env_prefix', '')}{field_name}".lower()
        may_be_empty = any(isinstance(mark, MayBeEmpty) for mark in field.metadata)
        return ("" if may_be_empty and self._variables.get(variable) == "" else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the settings that were set to empty on purpose."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
