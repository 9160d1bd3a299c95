"""Run ``docparse languages``: bring, list and remove the language packs with which scans in other scripts are read."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence

from document_parser.engines.tesseract.languages import DEFAULT_PACKS, NOT_LANGUAGES, describe_scripts
from document_parser.engines.tesseract.pack_sources import bring_packs
from document_parser.engines.tesseract.pack_store import PackStore
from document_parser.engines.tesseract.packs import find_packs
from document_parser.errors import DocumentParserError, LanguagesUnreachable, LanguageUnknown
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import PRIVATE_UMASK, settings_or_exit

DEFAULT = "default"
"""Name that stands for DEFAULT_PACKS."""
COMPANIONS = ("eng", "osd")
"""Packs that come with every other: Latin words in a page, and the detection of its script."""
UNUSABLE, UNREACHABLE = 1, 4
"""Exit statuses if packs cannot be brought or removed, and if no source of them answers."""


def main(arguments: list[str] | None = None) -> int:
    """Carry out one action. Return 0, or the status of an error."""
    options = parse_arguments(_parser(), arguments)
    settings = settings_or_exit()
    os.umask(PRIVATE_UMASK)
    try:
        if options.action == "add":
            return _add(settings, options.languages, options.timeout, quiet=options.quiet)
        if options.action == "remove":
            return _remove(settings, options.languages)
        return _list(settings, as_json=options.json)
    except LanguagesUnreachable as error:
        print(f"docparse languages: {error.message}", file=sys.stderr)
        return 0 if options.action == "add" and options.if_reachable else UNREACHABLE
    except DocumentParserError as error:
        print(f"docparse languages: {error.message}", file=sys.stderr)
        return UNUSABLE


def _add(settings: Settings, wanted: Sequence[str], seconds: float, *, quiet: bool) -> int:
    """Bring the packs that are not there yet. Raises LanguageUnknown, LanguagesUnreachable, LanguagesFolderUnusable."""
    store, there = PackStore(settings.language_packs_dir), find_packs(settings)
    chosen = [name for one in wanted for name in (DEFAULT_PACKS if one == DEFAULT else (one,))]
    damaged = {name for name in store.packs() if not store.is_sound(name)}
    own = {name for name, folder in there.folders.items() if folder == store.folder} - damaged
    usable = own | (there.folders.keys() - damaged - set(COMPANIONS))
    missing = [name for name in dict.fromkeys((*COMPANIONS, *chosen)) if name not in usable]
    if set(missing) <= set(COMPANIONS) and all(name in there.folders for name in missing):
        print(f"nothing to bring: {', '.join(wanted)} can be read already")
        return 0
    brought = 0
    for name, data, source in bring_packs(missing, seconds, _say_nothing if quiet else _say):
        store.add(name, data, source)
        missing.remove(name)
        brought += 1
    print(f"brought {brought} language packs to {store.folder}; scans can be read in {_readable(settings)}")
    unknown = [name for name in missing if name in wanted]
    if unknown:
        raise LanguageUnknown(f"There is no language pack {', '.join(unknown)}. {LanguageUnknown.message.partition('. ')[2]}")
    if missing:
        print(f"not to be had here: {', '.join(missing)}")
    return 0


def _remove(settings: Settings, names: Sequence[str]) -> int:
    """Remove packs that were brought. Raises LanguageUnknown, LanguagesFolderUnusable."""
    store = PackStore(settings.language_packs_dir)
    absent = [name for name in names if not store.remove(name)]
    if absent:
        raise LanguageUnknown(f"docparse languages did not bring {', '.join(absent)}, so that there is nothing to remove.")
    print(f"removed {', '.join(names)}; scans can be read in {_readable(settings)}")
    return 0


def _list(settings: Settings, *, as_json: bool) -> int:
    """Print the packs of this machine. Return 1 if one of them is not what the manifest says."""
    store, found = PackStore(settings.language_packs_dir), find_packs(settings)
    brought = store.packs()
    damaged = [name for name in brought if not store.is_sound(name)]
    if as_json:
        listed = {
            name: {
                "folder": str(folder),
                "source": brought[name].source if folder == store.folder and name in brought else "system",
            }
            for name, folder in sorted(found.folders.items())
        }
        print(json.dumps({"folder": str(store.folder), "packs": listed, "damaged": damaged}, indent=2))
    else:
        print(f"scans can be read in {_readable(settings)}; packs are brought to {store.folder}")
        for name, folder in sorted(found.folders.items()):
            source = brought[name].source if folder == store.folder and name in brought else str(folder)
            print(f"{name:10} {source}{' (detects scripts)' if name in NOT_LANGUAGES else ''}")
        for name in damaged:
            print(f"{name:10} is damaged: docparse languages add {name}")
    return UNUSABLE if damaged else 0


def _readable(settings: Settings) -> str:
    return describe_scripts(find_packs(settings).languages)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _say_nothing(what: str) -> None:
    del what


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse languages",
        description="Bring, list and remove the language packs with which scans in other scripts are read. Needs no root.",
        epilog="Exit status: 0; 1 if a pack is unknown or damaged or cannot be written; 4 if no source of packs answers.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="bring packs from the distribution's packages or npm's")
    usual = f"like rus, chi_sim; {DEFAULT}: {len(DEFAULT_PACKS)} usual ones"
    add.add_argument("languages", nargs="+", type=_name, metavar="LANGUAGE", help=usual)
    add.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="give up after this time; default 300")
    add.add_argument("--if-reachable", action="store_true", help="exit with 0 if no source of packs answers")
    add.add_argument("--quiet", action="store_true", help="print only what became of it")
    remove = actions.add_parser("remove", help="remove packs that were brought")
    remove.add_argument("languages", nargs="+", type=_name, metavar="LANGUAGE")
    listing = actions.add_parser("list", help="list the packs of this machine")
    listing.add_argument("--json", action="store_true", help="for programs")
    return parser


def _name(given: str) -> str:
    if re.fullmatch(r"[A-Za-z][A-Za-z_]{1,30}", given):
        return given
    raise argparse.ArgumentTypeError(f"{given!r} is no name of a language pack like rus or chi_sim")
