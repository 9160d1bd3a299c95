"""Say for how long callers may have their documents kept."""

from __future__ import annotations

import contextlib

from document_parser.errors import TierUnknown
from document_parser.settings import Settings


def longest_retention_hours(settings: Settings, tier: str) -> float:
    """Return the largest ``retention_hours`` that a caller of this tier may ask for."""
    most = settings.store.max_retention_hours or settings.store.job_ttl_hours
    with contextlib.suppress(TierUnknown):  # it was removed from the file; what was sent before is kept as usual
        return min(most, settings.accounts.tier(tier).retention_hours or most)
    return most
