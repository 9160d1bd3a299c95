"""Find the language packs of Tesseract on this machine: those that ``docparse languages`` brought, and the system's."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from document_parser.engines.tesseract.languages import NOT_LANGUAGES
from document_parser.errors import EngineUnavailable
from document_parser.settings import Settings, named_tessdata_folders

SUFFIX = ".traineddata"
"""Extension of a pack's file. The rest of its name is the pack's name."""
SYSTEM_FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
"""Where distributions install packs."""
LISTING_SECONDS = 5.0
"""Deadline of the program's answer to where its packs are."""


@dataclass(frozen=True)
class Packs:
    """The packs of this machine by name, each with its folder. Tesseract takes the packs of one reading from one folder."""

    folders: dict[str, Path]

    @property
    def languages(self) -> frozenset[str]:
        """Return the names of the packs without those that are no languages."""
        return frozenset(self.folders) - NOT_LANGUAGES

    def folder_of(self, names: str) -> Path:
        """Return the folder that has all packs of a reading, joined by ``+``. Raises EngineUnavailable."""
        wanted = names.split("+")
        if missing := [name for name in wanted if name not in self.folders]:
            raise EngineUnavailable(f"Tesseract has no {', '.join(missing)}: docparse languages add {' '.join(missing)}")
        for folder in dict.fromkeys(self.folders[name] for name in wanted):
            if all((folder / f"{name}{SUFFIX}").is_file() for name in wanted):
                return folder
        raise EngineUnavailable(f"No folder has all packs of {names}: docparse languages add {' '.join(wanted)}")

    def are_together(self, names: str) -> bool:
        """Return whether one folder has all these packs, joined by ``+``."""
        try:
            return bool(self.folder_of(names))
        except EngineUnavailable:
            return False


def find_packs(settings: Settings) -> Packs:
    """Return all packs. A pack in the folder of ``docparse languages`` comes before the system's of the same name."""
    found: dict[str, Path] = {}
    for folder in _folders(settings):
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.name.removesuffix(SUFFIX), folder)
    return Packs(found)


def _folders(settings: Settings) -> list[Path]:
    system = [path for pattern in SYSTEM_FOLDERS for path in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    program = settings.engines.tesseract_program
    folders = [settings.language_packs_dir, *named_tessdata_folders(), *_folders_of_program(program), *system]
    return list(dict.fromkeys(folders))


@cache
def _folders_of_program(program: str) -> tuple[Path, ...]:
    """Return the folder in which the program looks for packs; none if it is not installed or does not say."""
    if not program or shutil.which(program) is None:
        return ()
    try:
        said = subprocess.run(
            [program, "--list-langs"], capture_output=True, text=True, timeout=LISTING_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r'"(.+)"', said.partition("\n")[0])
    return (Path(found[1]),) if found else ()
