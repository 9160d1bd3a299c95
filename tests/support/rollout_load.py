"""Callers of a service whose hosts are replaced under them: they send documents, and read them through all hosts.

A caller asks again as ``Retry-After`` says, and where a host that is about to stop refuses the connection, as a proxy with
readiness probes does. Anything else that is not the answer is a failed request.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests.support import documents
from tests.support.service import TLS, Service

TRIES = 40
LONGEST_WAIT = 5.0
"""Seconds that a caller waits at most before it asks again: the service may say more when nothing is ready yet."""
ENDS_WITHIN = 240.0
"""Seconds in which a job ends, and what is asked of it later."""
AT_ONCE = 10
"""Documents that are followed at a time. More are not sent until one of them is through."""
LONG = 12
"""Pages of a document that is being read when a host stops."""
PIECE = 600
"""Bytes of the first piece of a resumable upload; the rest goes to another host."""
TUS = {"Tus-Resumable": "1.0.0"}
LATER = ("export", "extract", "list", "retry", "metrics")
"""What is asked of the jobs once they have completed, in turn."""


class Unmended(Exception):
    """A request failed, and asking again as the service says does not mend it."""


class Fleet:
    """The hosts of the API that take requests, in turn."""

    def __init__(self) -> None:
        self._hosts: list[tuple[str, Service]] = []
        self._turns = count()
        self._lock = threading.Lock()

    def join(self, version: str, host: Service) -> None:
        with self._lock:
            self._hosts = [*self._hosts, (version, host)]

    def leave(self, host: Service) -> None:
        with self._lock:
            self._hosts = [one for one in self._hosts if one[1] is not host]

    def next(self) -> tuple[str, Service]:
        with self._lock:
            return self._hosts[next(self._turns) % len(self._hosts)]

    def has(self, host: Service) -> bool:
        return any(one is host for _, one in self._hosts)


@dataclass
class Counts:
    """What happened while a phase lasted.

    ``again`` counts requests that were sent again, by the reason; ``failures`` are sentences.
    """

    accepted: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sent:
    """A document that was accepted: its job, the version that accepted it, and what each of its pages must say."""

    job_id: str
    version: str
    kind: str
    pages: tuple[str, ...]


class Callers:
    """Sends documents at a pace until the end, and follows each."""

    def __init__(self, fleet: Fleet, key: str, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        self.counts = Counts()
        self.sent: list[Sent] = []
        folder.mkdir(parents=True, exist_ok=True)
        # A connection for each request, as from many callers: a host that stops finds none that is kept alive.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.Client(timeout=60, headers={"X-API-Key": key}, verify=TLS, limits=limits)
        self._numbers, self._stamps = count(), count(1)
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._followed: list[Future[None]] = []
        self._over = threading.Event()
        self._pacer: threading.Thread | None = None

    def begin(self, pace: float) -> None:
        """Send so many documents a second from now on."""
        self._pacer = threading.Thread(target=self._send_at, args=(pace,), name="pacer", daemon=True)
        self._pacer.start()

    def finish(self) -> None:
        """Send no more, and see through what was sent."""
        self._over.set()
        if self._pacer is not None:
            self._pacer.join()
        for one in self._followed:
            one.result()
        self._pool.shutdown()

    def send_long(self) -> None:
        """Send a document that is being read for a while. Returns once its job is accepted."""
        accepted = threading.Event()
        self._followed.append(self._pool.submit(self._see_through, next(self._numbers), "long", accepted))
        accepted.wait(ENDS_WITHIN)

    def ask(self, method: str, path: str, **request: Any) -> tuple[str, httpx2.Response]:
        """The version that answered, and the answer, once it is one. Raises Unmended."""
        why = ""
        for _ in range(TRIES):
            version, host = self.fleet.next()
            counts = self.counts
            counts.requests[version] += 1
            try:
                answer = self._client.request(method, f"http://127.0.0.1:{host.port}{path}", **request)
            except httpx2.ConnectError as error:
                if self.fleet.has(host):
                    raise self._failed(counts, f"{method} {path} at {version}: {error!r}") from None
                why = "refused"
                counts.again[why] += 1
                continue
            except httpx2.TransportError as error:
                raise self._failed(counts, f"{method} {path} at {version}: {error!r}") from None
            if answer.status_code < 400:
                return version, answer
            why = f"{answer.status_code} {answer.text[:300]}"
            if "Retry-After" not in answer.headers:
                raise self._failed(counts, f"{method} {path} at {version}: {why}")
            counts.again[_code_of(answer)] += 1
            time.sleep(min(float(answer.headers["Retry-After"]), LONGEST_WAIT))
        raise self._failed(self.counts, f"{method} {path}: after {TRIES} requests still {why}")

    def read(self, sent: Sent) -> str:
        """What is wrong with a job and its result; empty if nothing is. Raises Unmended."""
        _, answer = self.ask("GET", f"/v1/jobs/{sent.job_id}/status")
        status = answer.json()
        if (status["status"], status.get("complete")) != ("completed", True):
            return f"{sent.job_id} ({sent.kind}) is {status['status']}: {status.get('error')}"
        _, answer = self.ask("GET", f"/v1/jobs/{sent.job_id}/result", params={"format": "json"})
        read = answer.json()["document"]["pages"]
        texts = [" ".join(block.get("text", "") for block in page["blocks"]) + " " for page in read]
        if len(texts) != len(sent.pages) or any(words not in text for words, text in zip(sent.pages, texts, strict=True)):
            return f"{sent.job_id} ({sent.kind}) does not read as it was sent"
        return ""

    def listed(self) -> set[str]:
        """Ids of all jobs in the list, page by page. Raises Unmended."""
        found, cursor = set[str](), ""
        while True:
            _, answer = self.ask("GET", "/v1/jobs", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
            page = answer.json()
            found |= {job["job_id"] for job in page["jobs"]}
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found

    def _send_at(self, pace: float) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            if sum(not one.done() for one in self._followed) < AT_ONCE:
                self._followed.append(self._pool.submit(self._see_through, next(self._numbers)))
            due = max(due + 1 / pace, time.monotonic())
            self._over.wait(due - time.monotonic())

    def _see_through(self, number: int, kind: str = "", accepted: threading.Event | None = None) -> None:
        """Send a document, wait for its end, read it, and ask something more of it."""
        with suppress(Unmended):
            try:
                sent = self._submit(number, kind or ("letter", "scan", "letter", "resumable")[number % 4])
            finally:
                if accepted is not None:
                    accepted.set()
            self._wait(sent)
            if wrong := self.read(sent):
                self._failed(self.counts, wrong)
            self._ask_more(sent, LATER[number % len(LATER)])

    def _submit(self, number: int, kind: str) -> Sent:
        path, pages = self._document(number, kind)
        fields = {"output_format": "json"}
        counts = self.counts
        request: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid4())}}
        if kind == "resumable":
            request["data"] = fields | {"upload_id": self._upload(path)}
        else:
            request |= {"files": {"file": (path.name, path.read_bytes())}, "data": fields}
        version, answer = self.ask("POST", "/v1/process/async", **request)
        sent = Sent(answer.json()["job_id"], version, kind, pages)
        self.sent.append(sent)
        counts.accepted += 1
        return sent

    def _document(self, number: int, kind: str) -> tuple[Path, tuple[str, ...]]:
        path = self.folder / f"{kind}-{number}.pdf"
        if kind in ("letter", "resumable"):
            words = f"Letter {number} of the rolling update."
            return documents.pdf_of_text(path, [f"{words} {documents.PARAGRAPH}"]), (words,)
        stamps = [next(self._stamps) for _ in range(LONG if kind == "long" else 2)]
        return documents.stamped_pdf(path, stamps), tuple(f"stamp-{stamp} " for stamp in stamps)

    def _upload(self, path: Path) -> str:
        """The id of an upload that was sent in two pieces, each to the host whose turn it was."""
        content = path.read_bytes()
        _, made = self.ask("POST", "/v1/uploads", headers={**TUS, "Upload-Length": str(len(content))})
        place = httpx2.URL(made.headers["Location"]).path
        kind = {"Content-Type": "application/offset+octet-stream"}
        for offset, piece in ((0, content[:PIECE]), (PIECE, content[PIECE:])):
            self.ask("PATCH", place, headers={**TUS, **kind, "Upload-Offset": str(offset)}, content=piece)
        return place.rpartition("/")[2]

    def _wait(self, sent: Sent) -> None:
        def ended() -> bool:
            _, answer = self.ask("GET", f"/v1/jobs/{sent.job_id}/status", params={"wait": 5})
            return answer.json()["status"] in ("completed", "failed", "cancelled")

        self._until(ended, f"{sent.job_id} ({sent.kind}) ends")

    def _ask_more(self, sent: Sent, what: str) -> None:
        job = f"/v1/jobs/{sent.job_id}"
        if what == "export":
            _, answer = self.ask("GET", f"{job}/result", params={"format": "text"})
            if any(words.strip() not in answer.json()["text"] for words in sent.pages):
                self._failed(self.counts, f"{job} as text does not read as it was sent")
        elif what == "extract":
            order = {"fields": ["invoice number"]}
            # 202 until it is there: the same order again, at whichever host, is the same extraction.
            self._until(lambda: self.ask("POST", f"{job}/extract", json=order)[1].status_code == 200, f"{job} extracted")
        elif what == "list":
            _, answer = self.ask("GET", "/v1/jobs", params={"limit": 100})
            if sent.job_id not in {one["job_id"] for one in answer.json()["jobs"]}:
                self._failed(self.counts, f"{job} is not in the list")
        elif what == "retry":
            self.ask("POST", f"{job}/pages/1/retry")
            self._until(lambda: self.ask("GET", f"{job}/status")[1].json().get("revision") == 2, f"{job} is read again")
            if wrong := self.read(sent):
                self._failed(self.counts, f"after a retry: {wrong}")
        else:
            for path in ("/v1/metrics", "/v1/usage", "/v1/health", "/v1/history"):
                self.ask("GET", path)

    def _until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + ENDS_WITHIN
        while not holds():
            if time.monotonic() > deadline:
                raise self._failed(self.counts, f"not within {ENDS_WITHIN:g} s: {what}")
            time.sleep(0.5)

    @staticmethod
    def _failed(counts: Counts, sentence: str) -> Unmended:
        counts.failures.append(sentence)
        return Unmended(sentence)


def _code_of(answer: httpx2.Response) -> str:
    """The code of an error response."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
