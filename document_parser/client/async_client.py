"""Call the HTTP API from asyncio: the same methods as ``Client``, each to be awaited.

Every call runs in a thread of the client's own, so that there is one logic of requests, retries and answers. The threads mostly
wait for the network and release the interpreter meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from document_parser.client import Client

MAX_CALLS = 64
"""Calls that are under way at once, unless the client is told another number; a job that is waited for is one of them."""

_END = object()
"""What stands for the end of an iteration."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _awaited(
    method: Callable[Concatenate[Client, _P], _T],
) -> Callable[Concatenate[AsyncClient, _P], Coroutine[Any, Any, _T]]:
    """Return a method of the client as one to be awaited, with the same arguments and answer.

    Methods with ``**options`` mark their ``self`` as positional: by name it could be one of the options.
    """

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, functools.partial(method, self.client, *arguments, **named))

    return call


def _iterated(
    method: Callable[Concatenate[Client, _P], Iterator[_T]],
) -> Callable[Concatenate[AsyncClient, _P], AsyncIterator[_T]]:
    """Return a method of the client that yields as one to be iterated with ``async for``."""

    @functools.wraps(method)
    async def iterate(self: AsyncClient, /, *arguments: _P.args, **named: _P.kwargs) -> AsyncIterator[_T]:
        source = method(self.client, *arguments, **named)
        step = self.threads.submit(next, source, _END)
        try:
            while (found := await asyncio.wrap_future(step)) is not _END:
                yield cast(_T, found)
                step = self.threads.submit(next, source, _END)
        finally:
            # A task that no longer listens does not wait for the step that is under way.
            step.add_done_callback(lambda _: cast("Generator[_T]", source).close())

    return iterate


class AsyncClient:
    """Call one service from any number of tasks. Close it, or use it as an asynchronous context manager.

    Methods, arguments, answers and errors are those of ``Client``; a callback such as ``on_progress`` is called in a thread.
    A task that is cancelled no longer waits for its call, which comes to its end in its thread.
    """

    def __init__(
        self, base_url: str, token: str = "", timeout: float = 30.0, patience: float = 60.0, max_calls: int = MAX_CALLS
    ) -> None:
        """Create a client; the arguments are those of ``Client``, and how many calls may be under way at once."""
        self.client = Client(base_url, token, timeout, patience, time.sleep)
        self.threads = ThreadPoolExecutor(max_calls, "docparse-client")

    submit = _awaited(Client.submit)
    submit_link = _awaited(Client.submit_link)
    submit_batch = _awaited(Client.submit_batch)
    submit_upload = _awaited(Client.submit_upload)
    upload = _awaited(Client.upload)
    upload_offset = _awaited(Client.upload_offset)
    delete_upload = _awaited(Client.delete_upload)
    parse = _awaited(Client.parse)
    status = _awaited(Client.status)
    wait = _awaited(Client.wait)
    events = _iterated(Client.events)
    batch_events = _iterated(Client.batch_events)
    result = _awaited(Client.result)
    download = _awaited(Client.download)
    source = _awaited(Client.source)
    children = _awaited(Client.children)
    chunks = _awaited(Client.chunks)
    cite = _awaited(Client.cite)
    cited_page = _awaited(Client.cited_page)
    classify = _awaited(Client.classify)
    classification = _awaited(Client.classification)
    pages = _awaited(Client.pages)
    page = _awaited(Client.page)
    page_image = _awaited(Client.page_image)
    retry_page = _awaited(Client.retry_page)
    retry_scan = _awaited(Client.retry_scan)
    figure = _awaited(Client.figure)
    jobs = _awaited(Client.jobs)
    cancel = _awaited(Client.cancel)
    delete = _awaited(Client.delete)
    batch = _awaited(Client.batch)
    download_batch = _awaited(Client.download_batch)
    cancel_batch = _awaited(Client.cancel_batch)
    delete_batch = _awaited(Client.delete_batch)
    extract = _awaited(Client.extract)
    extract_file = _awaited(Client.extract_file)
    extraction = _awaited(Client.extraction)
    download_extraction = _awaited(Client.download_extraction)
    batch_extractions = _awaited(Client.batch_extractions)
    download_extractions = _awaited(Client.download_extractions)
    documents = _awaited(Client.documents)
    delete_values = _awaited(Client.delete_values)
    validate_schema = _awaited(Client.validate_schema)
    schemas = _awaited(Client.schemas)
    deliveries = _awaited(Client.deliveries)
    replay_webhook = _awaited(Client.replay_webhook)
    replay_failed_webhooks = _awaited(Client.replay_failed_webhooks)
    ping_webhook = _awaited(Client.ping_webhook)
    me = _awaited(Client.me)
    health = _awaited(Client.health)
    system = _awaited(Client.system)
    keys = _awaited(Client.keys)
    create_key = _awaited(Client.create_key)
    rotate_key = _awaited(Client.rotate_key)
    revoke_key = _awaited(Client.revoke_key)
    usage = _awaited(Client.usage)
    history = _awaited(Client.history)
    failures = _awaited(Client.failures)
    audit = _awaited(Client.audit)
    breakers = _awaited(Client.breakers)
    delete_owner = _awaited(Client.delete_owner)

    async def close(self) -> None:
        """Wait for the calls that are under way, and close the connections."""
        await asyncio.to_thread(self.threads.shutdown)
        self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
