"""A short soak: documents of every kind and fate leave nothing behind. benchmarks/soak.py is the long form."""

from __future__ import annotations

from benchmarks.mixture import CASES
from benchmarks.soak import soak


def test_documents_of_every_kind_and_fate_leave_nothing_behind():
    found = soak(len(CASES) + 4, warming=len(CASES), life_seconds=8)
    assert found.ends.total() == len(CASES) + 4
    assert {"completed", "failed", "cancelled", "deleted"} <= found.ends.keys()
    assert {what: more for what, more in found.after.beyond(found.before).items() if more} == {}
