"""Keep the language packs that ``docparse languages`` brought in one folder, with a manifest of their checksums."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from document_parser.engines.tesseract.packs import SUFFIX
from document_parser.errors import LanguagesFolderUnusable
from document_parser.host.files import atomic_write

MANIFEST = "manifest.json"
"""Name of the manifest in the folder of the packs."""


@dataclass(frozen=True)
class StoredPack:
    """A pack of the manifest: where it came from, its size in bytes and its SHA-256."""

    source: str
    size_bytes: int
    sha256: str


class PackStore:
    """The folder of the packs. One process at a time changes it; others may read meanwhile, because files appear whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def packs(self) -> dict[str, StoredPack]:
        """Return the packs of the manifest by name; empty if there is none. Raises LanguagesFolderUnusable."""
        try:
            listed = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            return {name: StoredPack(**pack) for name, pack in listed.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise LanguagesFolderUnusable(f"The manifest in {self.folder} cannot be read: {error}.") from None

    def is_sound(self, name: str) -> bool:
        """Return whether the file of a pack is what the manifest says."""
        pack = self.packs().get(name)
        try:
            return pack is not None and _sha256_of((self.folder / f"{name}{SUFFIX}").read_bytes()) == pack.sha256
        except OSError:
            return False

    def add(self, name: str, data: bytes, source: str) -> None:
        """Write a pack and its entry in the manifest. Raises LanguagesFolderUnusable."""
        packs = self.packs()
        packs[name] = StoredPack(source, len(data), _sha256_of(data))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.folder / f"{name}{SUFFIX}") as out:
                out.write(data)
            self._write(packs)
        except OSError as error:
            raise LanguagesFolderUnusable(f"{self.folder} cannot be written: {error.strerror}.") from None

    def remove(self, name: str) -> bool:
        """Remove a pack; return whether it was there. Raises LanguagesFolderUnusable."""
        packs = self.packs()
        if packs.pop(name, None) is None:
            return False
        try:
            (self.folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
            self._write(packs)
        except OSError as error:
            raise LanguagesFolderUnusable(f"{self.folder} cannot be written: {error.strerror}.") from None
        return True

    def _write(self, packs: dict[str, StoredPack]) -> None:
        with atomic_write(self.folder / MANIFEST) as out:
            listed = {name: asdict(pack) for name, pack in sorted(packs.items())}
            out.write((json.dumps(listed, indent=2) + "\n").encode())


def _sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
