"""An assistant's program: the protocol's own client, which a test calls without an event loop."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult

from document_parser.mcp.fit import MAX_ANSWER_BYTES, size_of
from tests.support.service import ROOT, free_port, listens, wait_until

COMMAND = [sys.executable, "-m", "document_parser", "mcp"]
"""``docparse mcp`` with the start of Python, as assistants start it."""


class Assistant:
    """One connection to a server of tools.

    ``largest`` is the size of the largest answer so far, in bytes; ``seconds`` are how long the answers of each tool took.
    """

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self.portal = portal
        self.client = client
        self.largest = 0
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def ask(self, tool: str, **arguments: Any) -> CallToolResult:
        """The answer to a call, which never is larger than an assistant can take."""
        begun = time.perf_counter()
        found: CallToolResult = self.portal.call(lambda: self.client.call_tool(tool, arguments))
        self.seconds[tool].append(time.perf_counter() - begun)
        self.largest = max(self.largest, size_of(found))
        assert size_of(found) <= MAX_ANSWER_BYTES
        return found

    def facts(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of an answer that is no error."""
        found = self.ask(tool, **arguments)
        assert not found.is_error, found.content
        assert found.structured_content is not None
        return dict(found.structured_content)

    def refusal(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error that a call is answered with."""
        found = self.ask(tool, **arguments)
        assert found.is_error
        assert found.structured_content is not None
        error: dict[str, Any] = found.structured_content["error"]
        assert found.content[0].text == f"{error['code']}: {error['message']}"
        return error

    def follow(self, tool: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """An answer and all that go on with what was asked."""
        while True:
            found = self.facts(tool, **arguments)
            yield found
            further = [call["arguments"] for call in found["next"] if call["tool"] == tool]
            if not further or (tool == "read" and found["complete"]):
                return
            arguments |= further[0]


@contextmanager
def assistant(server: Any, **options: Any) -> Iterator[Assistant]:
    """A connection to a server: an address, an object, or the parameters of a process."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Client(server, **options)) as client:
        yield Assistant(portal, client)


def started(*arguments: object, **environment: str) -> StdioServerParameters:
    """``docparse mcp`` as a process that an assistant starts."""
    command, *options = [*COMMAND, *map(str, arguments)]
    return StdioServerParameters(command=command, args=options, env=environment)


@contextmanager
def served_by_http(*arguments: object, **environment: str) -> Iterator[str]:
    """The address of a server by HTTP, a process of its own."""
    port = free_port()
    command = [*COMMAND, "--http", "--port", str(port), *map(str, arguments)]
    own = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(command, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port) or process.poll() is not None, 60, "the server listens")
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}/mcp"
        process.terminate()
        assert process.wait(20) in (0, -15)
    finally:
        process.kill()
        process.wait()
