"""Errors of one page."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError
from document_parser.errors.documents import too_many_pixels


class PageUnreadable(DocumentParserError):
    """Root of the errors of one page. The other pages of the document are still read."""

    code = "PAGE_UNREADABLE"
    status = 422
    message = "This page cannot be read."


class PageCrashed(PageUnreadable):
    """The child process died or exceeded its limits while it rendered this page."""

    code = "PAGE_CRASHES_PARSER"
    message = "Rendering this page exhausted its limits or crashed the parser."


class PageTooSlow(PageCrashed):
    """What was asked for of this page took longer than OPENER_TIMEOUT_SECONDS."""

    code = "PAGE_TOO_SLOW"
    message = "Opening this page took too long (OPENER_TIMEOUT_SECONDS). Print it to a new PDF, then send that PDF."


class NoPageImage(PageUnreadable):
    """An engine or an image was asked for a part of a document that has no pages."""

    code = "NO_PAGE_IMAGE"
    status = 409
    message = "This part of the document has no page image: it is read from the file itself, with the engine text_layer."


class OversizedPage(PageUnreadable):
    """The rendered page would have more pixels than MAX_IMAGE_MEGAPIXELS or MAX_IMAGE_MEMORY_MB allow."""

    code = "PAGE_TOO_LARGE"
    message = "The image of this page has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB)."
    setting = ""

    @classmethod
    def with_limit(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedPage:
        """Return the error with the size and the limit in million pixels.

        ``setting`` names the setting that sets the limit for an image of this kind.
        """
        message = too_many_pixels("The image of this page", megapixels, limit, setting)
        error = cls(message, megapixels=megapixels, limit_megapixels=limit)
        error.setting = setting
        return error


class PageDamaged(PageUnreadable):
    """The data of the page is damaged and nothing on it could be read."""

    code = "PAGE_DAMAGED"
    message = "The data of this page is damaged, and nothing on it could be read. Upload an undamaged file."


class PageInDoubt(PageUnreadable):
    """The reading of the page is uncertain, and the job was submitted with ``on_low_quality=fail``."""

    code = "PAGE_IN_DOUBT"
    message = (
        "The reading of this page is in doubt, and the job was submitted with on_low_quality=fail. "
        "Submit it with on_low_quality=flag to get the reading."
    )


class PageNotRead(PageUnreadable):
    """The job was cancelled before this page was read."""

    code = "PAGE_NOT_READ"
    message = "The job was cancelled before this page was read. Submit the document again; choosing this page alone is enough."


class PagesLost(PageUnreadable):
    """Pages were read, but their stored files are missing or damaged."""

    code = "PAGES_LOST"
    message = "The stored reading of a page is damaged or missing. Read the page again, or send the document again."

    @property
    def pages(self) -> list[int]:
        """Return the numbers of the lost pages."""
        found: list[int] = self.details["pages"]
        return found

    @classmethod
    def for_pages(cls, pages: list[int]) -> PagesLost:
        """Return the error for these page numbers. The message names the first ten."""
        named = ", ".join(map(str, pages[:10])) + (" …" if len(pages) > 10 else "")
        what = f"The stored reading of page {named} is" if len(pages) == 1 else f"The stored readings of pages {named} are"
        again = "it" if len(pages) == 1 else "them"
        return cls(f"{what} damaged or missing. Read {again} again, or send the document again.", pages=pages)


class PageTimeout(PageUnreadable):
    """The page was not read within PAGE_TIMEOUT_SECONDS."""

    code = "PAGE_TIMEOUT"
    message = "This page was not read within PAGE_TIMEOUT_SECONDS. Read the page again later."


class NoEngine(PageUnreadable):
    """No engine could read the page."""

    code = "NO_ENGINE"
    retryable = True
    message = (
        "No engine could read this page: no model server answers, and no CPU engine is allowed or installed. "
        "docparse doctor shows why."
    )
