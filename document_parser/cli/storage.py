"""Run ``docparse storage``: make a STORAGE_KEY, check it, and encrypt all files with the newest one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from document_parser.errors import StorageKeyWrong, StorageUnavailable, StoredFileDamaged
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import CANNOT_START, keep_data_private, settings_or_exit
from document_parser.storage import EncryptedStorage, check_storage_key, make_storage, new_storage_key

AWAY = 4
"""Exit status if the store does not answer."""
DAMAGED = 1
"""Exit status if a file does not decrypt."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a key that encrypts stored files, check STORAGE_KEY, and encrypt all files with the newest key of it."""
    parser = argparse.ArgumentParser(prog="docparse storage", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("new-key", help="print a new key for STORAGE_KEY")
    actions.add_parser("check", help="check STORAGE_KEY against what the stored files were encrypted with")
    actions.add_parser("rekey", help="encrypt every stored file with the first key of STORAGE_KEY; stop the service before")
    options = parse_arguments(parser, arguments)
    if options.action == "new-key":
        print(new_storage_key())
        return 0
    try:
        return _check_or_rekey(options.action)
    except StorageKeyWrong as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal}\n")
        return CANNOT_START
    except StoredFileDamaged as fault:
        sys.stderr.write(f"{fault.code}: {fault}\n")
        return DAMAGED
    except StorageUnavailable as fault:
        sys.stderr.write(f"{fault.code}: {fault}\n")
        return AWAY


def _check_or_rekey(action: str) -> int:
    settings = settings_or_exit()
    keep_data_private(settings)
    check_storage_key(settings)
    storage = make_storage(settings)
    if not isinstance(storage, EncryptedStorage):
        print("STORAGE_KEY is not set, and the stored files are not encrypted.")
        return 0 if action == "check" else CANNOT_START
    if action == "check":
        print("STORAGE_KEY fits the stored files.")
        return 0
    changed, growing = storage.rekey()
    print(f"{changed} files were encrypted with the newest key.")
    if growing:
        print("Uploads that are not complete keep their key. Keep it in STORAGE_KEY until they expire (UPLOAD_EXPIRE_HOURS).")
    return 0
