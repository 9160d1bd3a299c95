"""The settings of a program that is being started: what is wrong with them is said in a line each, what they hold is not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from document_parser.settings import Settings, load_settings
from document_parser.validation import wrong_fields

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
            for wrong in wrong_fields(error, kind):
                yield f"{prefix}{wrong['field']}".upper(), wrong["problem"]
        except SettingsError as error:
            named = re.search(r'field "(\w+)"', str(error))
            yield f"{prefix}{named[1] if named else ''}".upper(), "not a JSON list; lists are written like [1,2]"
