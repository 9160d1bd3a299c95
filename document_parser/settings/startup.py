"""Load the settings of a program that starts, and make its files private.

Each setting that cannot be used is reported in one line. Its value is not repeated, because it may be a secret.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from document_parser.settings import Settings, load_settings
from document_parser.settings.validation import wrong_fields
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

CANNOT_START = 2
"""Exit status of a program whose settings cannot be used."""
PRIVATE_UMASK = 0o077
"""File mode bits that other users do not get."""
SHARED_FOLDERS = {Path("/"), Path("/srv"), Path("/opt"), Path("/var/lib"), Path("~").expanduser()}
"""Folders that are not closed to other users even if one of them is DATA_DIR.

A folder with the sticky bit, such as /tmp, is not closed either.
"""


def keep_data_private(settings: Settings) -> None:
    """Restrict new files of this process and its children to its user, create DATA_DIR if needed and close it to others.

    Every program of a service calls this before it writes anything. Commands that write a person's own files do not. Logs a
    warning if DATA_DIR cannot be closed. Raises OSError.
    """
    os.umask(PRIVATE_UMASK)
    folder = settings.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not folder.stat().st_mode & PRIVATE_UMASK:
        return
    if may_be_closed(folder):
        folder.chmod(0o700)
    else:
        log.warning("data_dir_open_to_others", advice="Set DATA_DIR to a folder of its own that belongs to the service's user.")


def may_be_closed(folder: Path) -> bool:
    """Return whether this user may close a DATA_DIR to others: it is not a shared folder such as /tmp or a home.

    Raises OSError.
    """
    facts = folder.stat()
    return facts.st_uid == os.getuid() and not facts.st_mode & stat.S_ISVTX and folder.resolve() not in SHARED_FOLDERS


def settings_or_exit() -> Settings:
    """Return the settings. If some cannot be used, name each on standard error and exit with status 2."""
    try:
        return load_settings()
    except (ValidationError, SettingsError):
        for name, problem in bad_settings():
            sys.stderr.write(f"{name}: {problem}. Correct it in the environment or in .env.\n")
        sys.exit(CANNOT_START)


def bad_settings() -> Iterator[tuple[str, str]]:
    """Yield the name of each variable that cannot be used, and why.

    The value is not repeated, because it may be a secret.
    """
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
