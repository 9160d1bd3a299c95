"""The settings of a program that is being started: what is wrong with them is said in a line each, what they hold is not."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from document_parser import logs
from document_parser.settings import Settings, load_settings
from document_parser.validation import wrong_fields

log = logs.get(__name__)

CANNOT_START = 2
PRIVATE_UMASK = 0o077
SHARED_FOLDERS = {Path("/"), Path("/srv"), Path("/opt"), Path("/var/lib"), Path("~").expanduser()}
"""Not closed to others, should one of them be DATA_DIR. Nor is one with the sticky bit, like /tmp."""


def keep_data_private(settings: Settings) -> None:
    """What this process and its children make is for this user alone, and so is DATA_DIR, which is made if it is not there.

    For every program of a service, before it writes anything; not for commands that write a person's own files. Raises OSError.
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
    """Whether a DATA_DIR is this user's alone to close: not a folder of everybody's, as /tmp and a home are. Raises OSError."""
    facts = folder.stat()
    return facts.st_uid == os.getuid() and not facts.st_mode & stat.S_ISVTX and folder.resolve() not in SHARED_FOLDERS


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
