"""The settings of a program that is being started: what is wrong with them is said in a line each, what they hold is not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from document_parser.errors import problem_in
from document_parser.settings import Settings, load_settings

CANNOT_START = 2


def settings_or_exit() -> Settings:
    """The settings; where some cannot be used the program ends with status 2, having named each."""
    try:
        return load_settings()
    except (ValidationError, SettingsError):
        for name, problem in bad_settings():
            sys.stderr.write(f"{name}: {problem}. Correct it in the environment or in .env.\n")
        sys.exit(CANNOT_START)


def bad_settings() -> Iterator[tuple[str, str]]:
    """Each variable that cannot be used, by its name, and why; what it holds is not repeated, it may be a secret."""
    for section in Settings.model_fields.values():
        kind = section.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseSettings)
        prefix = kind.model_config.get("env_prefix", "")
        try:
            kind()
        except ValidationError as error:
            for item in error.errors(include_input=False, include_url=False, include_context=False):
                name = f"{prefix}{item['loc'][0] if item['loc'] else ''}".upper()
                yield name, problem_in(item["msg"])
        except SettingsError as error:
            named = re.search(r'field "(\w+)"', str(error))
            yield f"{prefix}{named[1] if named else ''}".upper(), "not a JSON list; lists are written like [1,2]"
