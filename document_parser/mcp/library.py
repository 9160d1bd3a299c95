"""Reach the service: its clients by key, and the texts of documents that were asked for lately."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import urljoin

import anyio
import anyio.to_thread

from document_parser.client import Client, error_of
from document_parser.errors import JobEnded, JobNotComplete
from document_parser.mcp.document_text import DocumentText
from document_parser.mcp.local_service import LocalService
from document_parser.models import JobState, JobStatus

PIECE_TOKENS = 512
"""Tokens of a piece of the text at most: about half a page."""
PATIENCE_SECONDS = 20.0
"""How long a busy server is asked again, in seconds: an assistant waits for each answer, mostly a minute at most."""
SILENCE_SECONDS = 120.0
"""How long an answer of the server may take, in seconds: a busy one takes longest to part thousands of pages."""
MAX_CLIENTS = 32
"""Keys of which the connections are kept."""
MAX_KEPT_CHARACTERS = 32_000_000
"""Characters of the texts that are kept, all together; about 10,000 pages."""

_T = TypeVar("_T")


async def in_thread(call: Callable[[], _T]) -> _T:
    """Run a blocking call beside the event loop. A call that is cancelled is left to end by itself."""
    return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)


class Library:
    """The documents of one service, for callers with different keys.

    What a caller may see is asked of the service each time; texts are kept only to be read on without fetching them again.
    """

    def __init__(self, url: str, key: str, local: LocalService | None = None) -> None:
        """Remember the service. ``key`` is for callers that have none of their own; ``local`` is started at the first call."""
        self._url = url
        self._key = key
        self._local = local
        self._starting = anyio.Lock()
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self._lock = threading.Lock()
        self._texts: OrderedDict[tuple[str, int], DocumentText] = OrderedDict()
        self._fetching: dict[tuple[str, int], threading.Lock] = {}

    async def client(self, key: str = "") -> Client:
        """Return the client for a caller's key. Raises ServerUnreachable if the service on this machine does not start."""
        if self._local is not None:
            async with self._starting:
                if not self._local.runs:
                    self._local.start()
                    self._clients.clear()
                    await in_thread(self._local.wait_until_ready)
                self._url = self._local.url
        key = key or self._key
        if key not in self._clients:
            self._clients[key] = Client(self._url, key, timeout=SILENCE_SECONDS, patience=PATIENCE_SECONDS)
        self._clients.move_to_end(key)
        while len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        return self._clients[key]

    def address(self, path: str | None) -> str | None:
        """Return the whole address of a path of the service; None for None."""
        return None if path is None else urljoin(self._url if "://" in self._url else f"http://{self._url}", path)

    async def text(self, client: Client, job_id: str) -> tuple[JobStatus, DocumentText]:
        """Return a document that was read. Raises JobNotComplete, JobEnded, and the error of a job that failed.

        A text that comes after its caller has given up is kept, so that the next call has it at once.
        """
        status = await in_thread(partial(client.status, job_id))
        check_read(status)
        return status, await in_thread(partial(self._text, client, status))

    def _text(self, client: Client, status: JobStatus) -> DocumentText:
        """Return the text of a document. Calls for the same one wait for each other, and fetch it once."""
        key = (status.job_id, status.revision)
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:
            with self._lock:
                text = self._texts.get(key)
            if text is None:
                chunks = client.chunks(status.job_id, max_tokens=PIECE_TOKENS, overlap=0, strategy="block")
                text = DocumentText(chunks.chunks)
            with self._lock:
                self._texts[key] = text
                self._texts.move_to_end(key)
                while len(self._texts) > 1 and sum(one.length for one in self._texts.values()) > MAX_KEPT_CHARACTERS:
                    left_out, _ = self._texts.popitem(last=False)
                    self._fetching.pop(left_out, None)
        return text

    def close(self) -> None:
        """End the service on this machine, if there is one of its own."""
        for client in self._clients.values():
            client.close()
        if self._local is not None:
            self._local.stop()


def check_read(status: JobStatus) -> None:
    """Check that a document was read. Raises JobNotComplete, JobEnded, and the error of a job that failed."""
    if status.error is not None:
        raise error_of(status.error)
    if status.status is JobState.CANCELLED:
        raise JobEnded("The reading of this document was cancelled. Call parse again.")
    if not status.status.has_ended:
        progress = status.progress
        of_all = f" of {progress.total_pages}" if progress.total_pages else ""
        raise JobNotComplete(
            f"The document is still being read: {progress.current_page}{of_all} pages are done. Call status; it waits.",
            pages_read=progress.current_page,
            pages=progress.total_pages,
        )
