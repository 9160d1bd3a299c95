"""What some formats need beside this package: programs and libraries of the system, which may be missing."""

from __future__ import annotations

from document_parser.host.libarchive import find_libarchive
from document_parser.host.libreoffice import find_libreoffice
from document_parser.models import Need
from document_parser.settings import Settings


def missing_needs(settings: Settings) -> frozenset[Need]:
    """Return what is not installed on this machine, or switched off by the settings."""
    found: dict[Need, object] = {
        "libreoffice": find_libreoffice(settings.workers.libreoffice_program),
        "libarchive": find_libarchive(),
    }
    return frozenset(need for need, there in found.items() if there is None)
