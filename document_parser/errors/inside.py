"""Errors of documents inside others."""

from __future__ import annotations

from document_parser.errors.access import QuotaExceeded, TierUnknown
from document_parser.errors.documents import NestedTooDeep, ProgramAbsent, TooLargeUnpacked
from document_parser.errors.pages import PageUnreadable
from document_parser.errors.requests import RateLimitExceeded
from document_parser.errors.uploads import ContentMismatch, EmptyFile, InfectedFile, UnsupportedFormat, VirusScanUnavailable

MEMBER_ERRORS = (
    EmptyFile,
    UnsupportedFormat,
    ContentMismatch,
    PageUnreadable,
    TooLargeUnpacked,
    NestedTooDeep,
    InfectedFile,
    VirusScanUnavailable,
    ProgramAbsent,
    QuotaExceeded,
    RateLimitExceeded,
    TierUnknown,
)
"""Errors of a document inside another one, which is then listed with the reason why it is not read."""
