"""Errors of whole documents."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


class DocumentError(DocumentParserError):
    """Root of the errors that only opening the file can show. They fail the whole job."""

    code = "UNREADABLE_DOCUMENT"
    status = 422
    message = "The document cannot be opened."


class DamagedDocument(DocumentError):
    """The file is damaged or truncated and cannot be opened."""

    code = "DAMAGED_DOCUMENT"
    message = "The file is damaged or cut off and cannot be opened. Upload it again, or repair it."


class SourceMissing(DocumentError):
    """The uploaded document is not in storage any more."""

    code = "SOURCE_MISSING"
    message = "The uploaded document is no longer in storage. Send it again."


class EncryptedDocument(DocumentError):
    """The document needs a password and none was sent."""

    code = "ENCRYPTED_DOCUMENT"
    message = "The document is encrypted. Send its password in the field 'password'."


class WrongPassword(DocumentError):
    """The password that was sent does not open the document."""

    code = "WRONG_PASSWORD"
    message = "The password does not open the document. Send the right one in the field 'password'."


class OversizedImage(DocumentError):
    """An image file has more pixels than MAX_IMAGE_MEGAPIXELS or MAX_IMAGE_MEMORY_MB allow."""

    code = "PICTURE_TOO_LARGE"
    message = (
        "The image has more pixels than this server accepts (MAX_IMAGE_MEGAPIXELS, MAX_IMAGE_MEMORY_MB). Send a smaller image."
    )

    @classmethod
    def with_limit(cls, megapixels: float, limit: float, setting: str = "MAX_IMAGE_MEGAPIXELS") -> OversizedImage:
        """Return the error with the size and the limit in million pixels. ``setting`` names the setting that sets the limit."""
        return cls(too_many_pixels("The image", megapixels, limit, setting), megapixels=megapixels, limit_megapixels=limit)


class TooLargeUnpacked(DocumentError):
    """What is in the file is more than MAX_UNPACKED_MB allow. Root of the errors of a file that unpacks to too much."""

    code = "UNPACKED_TOO_LARGE"
    message = "The file unpacks to more than this server accepts (MAX_UNPACKED_MB). Send its parts one by one."

    @classmethod
    def for_size(cls, unpacked: int, limit_mb: int) -> TooLargeUnpacked:
        """Return the error for ``unpacked`` bytes and a limit in MiB."""
        size = unpacked / (1 << 20)
        return cls(
            f"The file unpacks to {size:.0f} MiB; this server accepts at most {limit_mb} MiB (MAX_UNPACKED_MB). "
            "Send its parts one by one.",
            unpacked_mb=round(size, 1), limit_mb=limit_mb,
        )  # fmt: skip


class ExpandsTooMuch(TooLargeUnpacked):
    """The file unpacks to more than MAX_EXPANSION_RATIO times its own size."""

    code = "EXPANSION_TOO_LARGE"
    message = "The file unpacks to too many times its size (MAX_EXPANSION_RATIO). Send its parts one by one."

    @classmethod
    def for_ratio(cls, ratio: float, limit: int) -> ExpandsTooMuch:
        """Return the error for a file that unpacks to ``ratio`` times its size."""
        return cls(
            f"The file unpacks to {ratio:.0f} times its size; this server accepts at most {limit} (MAX_EXPANSION_RATIO). "
            "Send its parts one by one.",
            expansion_ratio=round(ratio, 1), limit_ratio=limit,
        )  # fmt: skip


class TooManyMembers(TooLargeUnpacked):
    """An archive, office file or mailbox has more members than MAX_MEMBERS allows."""

    code = "TOO_MANY_MEMBERS"
    message = "The file has more files inside than this server accepts (MAX_MEMBERS). Send them one by one."

    @classmethod
    def for_members(cls, members: int, limit: int) -> TooManyMembers:
        """Return the error for a file with ``members`` files or messages inside."""
        return cls(
            f"The file has {members} members; this server accepts at most {limit} (MAX_MEMBERS). Send them one by one.",
            members=members, limit_members=limit,
        )  # fmt: skip


class NestedTooDeep(DocumentError):
    """A document lies deeper inside others than MAX_NESTING_DEPTH allows."""

    code = "NESTED_TOO_DEEP"
    message = "The document lies deeper inside others than this server reads (MAX_NESTING_DEPTH). Send it by itself."

    @classmethod
    def with_limit(cls, limit: int) -> NestedTooDeep:
        """Return the error for a document that is more than ``limit`` documents deep."""
        return cls(
            f"The document lies deeper inside others than this server reads, which is {limit} deep (MAX_NESTING_DEPTH). "
            "Send it by itself.",
            limit=limit,
        )


class DeclaresEntities(DamagedDocument):
    """The XML of the document declares entities: they could expand without end, or name files and addresses."""

    code = "XML_ENTITIES"
    message = "The XML of the document declares entities, which are not read. Save it again without them, and send that."


class ProgramAbsent(DocumentError):
    """The document can be read only with a program or library of the system that is not installed where it is opened."""

    code = "PROGRAM_ABSENT"
    status = 415
    message = "Files of this kind are read with a program that is not installed on this server."

    @classmethod
    def of(cls, need: str) -> ProgramAbsent:
        """Return the error for a Need of ``models.enums``."""
        if need == "libarchive":
            return cls(
                "7z archives are read with the library libarchive, which is not installed on this server. Install it there "
                "(package libarchive13), or pack the files as ZIP or TAR, then send it."
            )
        return cls(
            "Files of this old format are read with LibreOffice, which is not installed on this server. Install it there "
            "(LIBREOFFICE_PROGRAM), or save the file in a newer format such as DOCX, PPTX or PDF, then send it."
        )


class TooManyPages(DocumentError):
    """More pages were selected than MAX_PAGES allows."""

    code = "TOO_MANY_PAGES"
    message = "The document has more pages than this server reads at once (MAX_PAGES). Choose some with page_range."

    @classmethod
    def with_limit(cls, pages: int, limit: int) -> TooManyPages:
        """Return the error for ``pages`` selected pages and a limit of ``limit``."""
        return cls(
            f"{pages} pages of the document are selected; this server reads at most {limit} at once (MAX_PAGES). "
            "Choose some with page_range.",
            pages=pages,
            limit=limit,
        )


class NoSuchPages(DocumentError):
    """``page_range`` selects no page of the document."""

    code = "PAGE_RANGE_EMPTY"
    message = "page_range selects no page of this document."

    @classmethod
    def for_range(cls, page_range: str, pages: int) -> NoSuchPages:
        """Return the error for a ``page_range`` and the number of pages that the document has."""
        return cls(
            f"page_range {page_range!r} selects no page: the document has {cls._have(pages)}. "
            "Choose from them, or leave page_range out.",
            pages=pages,
            page_range=page_range,
        )

    @classmethod
    def for_field(cls, name: str, pages: int, first: int) -> NoSuchPages:
        """Return the error for pages that were chosen by another field, which calls the first page ``first``."""
        return cls(
            f"No page of the document is chosen by {name}: it has {cls._have(pages)}, counted from {first}. "
            f"Choose from them, or leave {name} out.",
            pages=pages,
        )

    @staticmethod
    def _have(pages: int) -> str:
        return "1 page" if pages == 1 else f"{pages} pages"


class OpenerCrashed(DocumentError):
    """The child process that opens documents died or exceeded its limits."""

    code = "DOCUMENT_CRASHES_PARSER"
    message = (
        "Opening this document exhausted its limits or crashed the parser, twice. Print it to a new PDF, then send that PDF."
    )


class OpeningTimeout(OpenerCrashed):
    """The document was not opened within OPENER_TIMEOUT_SECONDS, twice."""

    code = "OPENING_TIMEOUT"
    message = "The document could not be opened in time (OPENER_TIMEOUT_SECONDS). Send parts of it, or a simpler version."

    @classmethod
    def with_limit(cls, seconds: float) -> OpeningTimeout:
        """Return the error for a limit in seconds."""
        return cls(
            f"The document could not be opened within {seconds:g} s (OPENER_TIMEOUT_SECONDS). "
            "Send parts of it, or a simpler version.",
            reason="timeout",
            limit_seconds=seconds,
        )


class WorkerCrashed(DocumentError):
    """The worker process died twice while it read this document."""

    code = "WORKER_CRASHED"
    message = "The worker died twice while it read this document. The service does not try again."


def too_many_pixels(what: str, megapixels: float, limit: float, setting: str) -> str:
    """Return the sentence for an image of too many pixels. ``setting`` is the one with the limit, both in millions."""
    return (
        f"{what} has {megapixels:g} million pixels; this server accepts at most {limit:g} ({setting}). "
        "Scan it at a lower resolution."
    )
