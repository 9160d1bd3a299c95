"""Download a document from a web server: bounded in bytes, time and redirects, and only from hosts that may be asked.

Every address on the way is checked, and the connection goes to an address that was checked (``ssrf``). A download that breaks
is continued where it broke if the server says how (RFC 9110, sections 13.1.5 and 14), else it begins anew.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from document_parser.errors import (
    FetchCutOff,
    FetchDenied,
    FetchError,
    FetchHostFailed,
    FetchNotFound,
    FetchNotResolved,
    FetchRedirects,
    FetchRefused,
    FetchRejected,
    FetchTimeout,
    FetchUnreachable,
    FetchUntrusted,
    FileTooLarge,
)
from document_parser.ingest.content_encoding import ContentDecoder
from document_parser.ingest.download_name import download_name, is_compressed_type
from document_parser.ingest.origin import MAX_ADDRESS_CHARACTERS, shown_address
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings import FetchSettings
from document_parser.ssrf import AddressCheck, AddressRefused, PinnedTransport, is_tls_failure, resolve
from document_parser.version import __version__

OnProgress = Callable[[int, int | None], object]
"""A function that is told the bytes that have come, and how many there are if that is known."""

PAUSES_SECONDS = (1.0, 4.0, 15.0)
"""Pauses before further attempts, after errors that may pass."""
MAX_RETRY_AFTER_SECONDS = 60.0
"""A longer Retry-After of a server is shortened to this."""
USER_AGENT = f"document-parser/{__version__}"
"""The User-Agent header."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses of a redirect."""
_HOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)")
"""The scheme, if there is one, and the host at the start of a redirect's address."""
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


def address_check(settings: FetchSettings, resolver: Callable[[str, int], list[str]] = resolve) -> AddressCheck:
    """Return the check of addresses from which documents are fetched."""
    return AddressCheck(settings.allow_hosts, resolver, MAX_ADDRESS_CHARACTERS)


def refusal_of(refused: AddressRefused, redirected_to: str = "") -> FetchRefused | FetchNotResolved:
    """Return the error of a refused address; ``redirected_to`` is the address without query if a redirect led to it."""
    if refused.reason == "dns_timeout":
        return FetchNotResolved(reason=refused.reason)
    return FetchRefused.for_reason(refused.reason, redirected_to)


class HttpDownload:
    """One document on its way: what has come of it, and how to go on after the connection broke."""

    def __init__(
        self,
        settings: FetchSettings,
        max_bytes: int,
        staged: StagedFile,
        on_progress: OnProgress = lambda received, announced: None,
        pauses: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._settings = settings
        self._max_bytes = max_bytes
        self._staged = staged
        self._on_progress = on_progress
        self._pauses = pauses
        self._etag = ""
        """The entity tag of what has come so far; empty if it cannot be continued."""

    async def run(self, url: str) -> str:
        """Download the document and return its file name. Raises FetchError, FileTooLarge, StorageFull, StorageUnavailable."""
        deadlines = httpx2.Timeout(self._settings.stall_seconds, connect=self._settings.connect_seconds, pool=None)
        self._check = address_check(self._settings)
        transport = PinnedTransport(self._check)
        try:
            # As it was written: what the parser makes of unusual spellings is another address.
            self._check.parse(url)
        except AddressRefused as refused:
            raise refusal_of(refused) from None
        try:
            async with (
                asyncio.timeout(self._settings.seconds),
                httpx2.AsyncClient(transport=transport, trust_env=False, timeout=deadlines) as self._client,
            ):
                return await self._run_attempts(url)
        except TimeoutError:
            raise FetchTimeout(seconds=self._settings.seconds) from None

    async def _run_attempts(self, url: str) -> str:
        for pause in self._pauses:
            try:
                return await self._attempt(url)
            except FetchError as fault:
                if not fault.retryable:
                    raise
                await asyncio.sleep(max(pause, fault.details.get("retry_after_seconds", 0.0)))
        return await self._attempt(url)

    async def _attempt(self, url: str) -> str:
        """Follow redirects to the document and receive it. Raises FetchError, FileTooLarge."""
        here = first = httpx2.URL(url).copy_with(fragment=None)
        try:
            for _ in range(self._settings.max_redirects + 1):
                async with self._client.stream("GET", here, headers=self._headers(), follow_redirects=False) as response:
                    if response.status_code not in REDIRECTS:
                        self._check_range(response)
                        _check_status(response)
                        return await self._receive(response)
                    here = self._next_address(here, response)
        except AddressRefused as refused:
            raise refusal_of(refused, "" if here is first else shown_address(here)) from None
        except httpx2.InvalidURL:
            raise FetchRedirects() from None
        except httpx2.TransportError as fault:
            raise _error_of(fault) from None
        raise FetchRedirects(limit=self._settings.max_redirects)

    def _check_range(self, response: httpx2.Response) -> None:
        """Begin anew with the next attempt if the server cannot continue where the last one broke. Raises FetchCutOff."""
        if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE and self._etag:
            self._etag = ""
            raise FetchCutOff()

    def _next_address(self, here: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
        """Return the address that a redirect leads to. Raises FetchRedirects, FetchRefused, httpx2.InvalidURL."""
        location = response.headers.get("location", "")
        if not location:
            raise FetchRedirects()
        # The transport checks the address too, but after the parser has made a usual one of it.
        if found := _HOST.match(location):
            try:
                self._check.parse(f"{found[1] or f'{here.scheme}:'}//{found[2]}/")
            except AddressRefused as refused:
                shown = f"{found[1] or ''}//{found[2].rpartition('@')[2]}"
                raise refusal_of(refused, shown) from None
        return here.join(location).copy_with(fragment=None)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if self._etag and self._staged.size:
            headers |= {"Range": f"bytes={self._staged.size}-", "If-Range": self._etag}
        return headers

    async def _receive(self, response: httpx2.Response) -> str:
        """Stage the content of the answer and return the file's name. Raises FetchError, FileTooLarge."""
        name, decoder = _name_and_decoder(response)
        self._place(response)
        announced = _announced(response, self._staged.size) if decoder.is_identity else None
        if announced is not None and announced > self._max_bytes:
            raise FileTooLarge.for_size(self._max_bytes >> 20, received=announced)
        self._etag = _strong_etag(response) if decoder.is_identity else ""
        async for data in response.aiter_raw():
            for piece in decoder.unpack(data):
                if self._staged.size + len(piece) > self._max_bytes:
                    raise FileTooLarge.for_size(self._max_bytes >> 20)
                self._staged.write(piece)
            self._on_progress(self._staged.size, announced)
        decoder.finish()
        return name

    def _place(self, response: httpx2.Response) -> None:
        """Continue after what has come if the answer does, else begin anew. Raises FetchCutOff if it fits neither."""
        if response.status_code != httpx2.codes.PARTIAL_CONTENT:
            self._staged.restart()
            return
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        if found is None or int(found[1]) != self._staged.size or _strong_etag(response) not in ("", self._etag):
            self._etag = ""
            raise FetchCutOff()


def _name_and_decoder(response: httpx2.Response) -> tuple[str, ContentDecoder]:
    """Return the file's name and the decoder of the content. Raises FetchEncoding."""
    headers, url = response.headers, response.request.url
    media_type = headers.get("content-type", "")
    name = download_name(url.path, url.host, headers.get("content-disposition", ""), media_type)
    encoding = headers.get("content-encoding", "")
    return name, ContentDecoder("" if is_compressed_type(media_type, name) else encoding)


def _check_status(response: httpx2.Response) -> None:
    """Raise the error of an answer that is no document."""
    status = response.status_code
    facts: dict[str, Any] = {"http_status": status}
    if status in (200, 203) or (status == httpx2.codes.PARTIAL_CONTENT and "range" in response.request.headers):
        return
    if status in (401, 403, 407):
        raise FetchDenied(f"The document's host refuses access ({status}). {_second_sentence(FetchDenied)}", **facts)
    if status in (404, 410):
        raise FetchNotFound(**facts)
    if status in (408, 425, 429) or status >= 500:
        wait = response.headers.get("retry-after", "")
        seconds = min(float(wait), MAX_RETRY_AFTER_SECONDS) if wait.isdigit() else 0.0
        raise FetchHostFailed(**facts, retry_after_seconds=seconds)
    raise FetchRejected(f"The document's host answered {status} instead of a document. Check the address.", **facts)


def _second_sentence(kind: type[FetchError]) -> str:
    return kind.message.partition(". ")[2]


def _announced(response: httpx2.Response, received: int) -> int | None:
    """Return how many bytes the whole document has by the answer's headers; None if they do not say."""
    length = response.headers.get("content-length", "")
    return received + int(length) if length.isdigit() else None


def _strong_etag(response: httpx2.Response) -> str:
    """Return the entity tag with which a broken download can be continued; empty if there is none."""
    etag: str = response.headers.get("etag", "")
    continued = response.headers.get("accept-ranges", "").lower() == "bytes" or response.status_code == 206
    return etag if continued and etag.startswith('"') else ""


def _error_of(fault: httpx2.TransportError) -> FetchError:
    """Return our error for one of the connection. The text of the library's error is not shown: it may quote the address."""
    if is_tls_failure(fault):
        return FetchUntrusted()
    if isinstance(fault, (httpx2.ConnectError, httpx2.ConnectTimeout)):
        return FetchUnreachable()
    return FetchTimeout() if isinstance(fault, httpx2.TimeoutException) else FetchCutOff()
