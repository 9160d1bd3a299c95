"""A real service for tests: gunicorn, supervisor, embedded Valkey and workers, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from document_parser.jobs.records import storage_keys
from document_parser.models import Page
from document_parser.settings import Settings, StoreSettings
from document_parser.settings.operator_access import create_link
from tests.support.forked_process import ForkedProcess
from tests.support.preloaded import CLEARED, ROOT, socket_of, takes

CORPUS = ROOT.parent / "shared" / "corpus"
"""The development corpus, which lies beside the checkout or is not there."""
API = [sys.executable, "-m", "document_parser.api"]
WORKER = [sys.executable, "-m", "document_parser.worker"]
UNCHECKED = {"CHECK_IMAGE_PAGES": "suspicious"}
"""The simulated model server's text does not stand on its pages: the CPU, looking, would rightly accuse it."""
NOBODY = "http://127.0.0.1:9/v1"
"""An address at which no model server listens."""
SOON = {"HEARTBEAT_SECONDS": 0.5, "HEARTBEAT_TIMEOUT_SECONDS": 3, "SWEEP_SECONDS": 0.5}
"""The dead are missed within seconds."""
TLS = ssl.create_default_context()
"""Shared by clients, none of which uses it: to load all certificates of its own takes one 50 ms of processor time."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections at this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def asking(url: str, mode: str = "vllm") -> dict[str, str]:
    """Settings under which one model server reads, and the other is not there."""
    return {"INFERENCE_MODE": mode, "VLLM_DEEPSEEK_URL": url, "VLLM_NANONETS_URL": NOBODY}


def gunicorn(*options: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "document_parser.api:app", *options]


PATIENCE = 3
"""How many times longer than on a quiet machine a condition may take: three files are tested at a time on two cores."""


def wait_until(holds: Any, seconds: float, what: str, *, pause: float = 0.05) -> None:
    """Wait for a condition, which a quiet machine meets in so many seconds; a test that needs it fails with its name."""
    deadline = time.monotonic() + PATIENCE * seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE * seconds} s: {what}")
        time.sleep(pause)


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for a condition within an event loop."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every living process that was started for this DATA_DIR: pid to command line, zombies left out.

    Told by the environment it was started with, or by its working folder: Valkey writes its title over its environment.
    """
    marker = b"DATA_DIR=" + os.fsencode(data_dir) + b"\0"
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            ours = marker in (folder / "environ").read_bytes() + b"\0" or (folder / "cwd").readlink().is_relative_to(data_dir)
            if ours and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def parents_of(data_dir: Path) -> dict[int, int]:
    """The parent of each of these processes. What has ended meanwhile is left out."""
    found = {}
    for pid in processes_of(data_dir):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


Process = subprocess.Popen[bytes] | ForkedProcess
"""A process of a service."""


def loaded_as(command: list[str]) -> str | None:
    """The program of ``tests.support.command_server`` that has loaded what this command runs, if there is one."""
    if command == API or command[:4] == gunicorn():
        return "service"
    return "supervisor" if command[:3] == WORKER else None


class AsOperator(httpx2.Auth):
    """Sends the token of a DATA_DIR where a request says nothing of its own, as programs on the machine do."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "operator.token"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        if "Authorization" not in request.headers and self._file.exists():
            request.headers["Authorization"] = f"Bearer {self._file.read_text()}"
        yield request


class Service:
    """One service; ``with Service(folder) as service`` starts it and leaves nothing behind.

    Its web server, its supervisor, its pool of workers and its zygote are forked from processes that have loaded the modules,
    which is most of a start. ``preloaded=False`` starts Python itself, as users do, and so do commands other than API, gunicorn
    and WORKER, benchmarks, test_install.py and test_first_hour.py. test_lifecycle.py compares what is forked with what is
    started.
    """

    def __init__(
        self,
        folder: Path,
        command: list[str] = API,
        cwd: Path | None = None,
        *,
        piped: bool = False,
        preloaded: bool = True,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = int(settings.pop("API_PORT", 0)) or free_port()
        self.command = command
        self.cwd = cwd or folder
        self.environment = {name: value for name, value in os.environ.items() if name not in CLEARED}
        self.environment |= {
            "DATA_DIR": str(self.data_dir),
            "API_PORT": str(self.port),
            "INFERENCE_MODE": "cpu",
            "NUM_WORKERS": "2",
            "DRAIN_SECONDS": "8",
            "CACHE_HOURS": "0",  # tests send the same pages again and again, and mean it; test_cache.py tells of the cache
            "PYTHONPATH": str(ROOT),
            **{name: str(value) for name, value in settings.items()},
        }
        self.client = self._client()
        self.process: Process | None = None
        self.others: list[Process] = []
        self.piped = piped
        self.preloaded = preloaded
        self.writers: list[subprocess.Popen[bytes]] = []

    def _client(self) -> httpx2.Client:
        """The operator's, who sits at the machine."""
        base = f"http://127.0.0.1:{self.port}"
        return httpx2.Client(base_url=base, timeout=60, auth=AsOperator(self.data_dir), verify=TLS)

    def start(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = self._run(self.command)
        return self

    @contextlib.contextmanager
    def started(self) -> Iterator[Self]:
        """Run without waiting until it is ready: what has no API never answers."""
        try:
            yield self.start()
            self.stop()
        finally:
            self.kill_everything()
            self.client.close()

    def also(self, command: list[str]) -> Process:
        """Another process of the same service, a worker for example."""
        self.others.append(self._run(command))
        return self.others[-1]

    def _run(self, command: list[str]) -> Process:
        program = loaded_as(command)
        if program is None or self.piped or not self.preloaded or not takes(self.environment):
            return self._popen(command)
        return self._fork(program, command)

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "service.log").open("ab") as log:
            # Through a pipe: what limits the size of files must not limit the log.
            writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log) if self.piped else None
            out = writer.stdin if writer is not None else log
            try:
                return subprocess.Popen(
                    command, cwd=self.cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
            finally:
                if writer is not None and writer.stdin is not None:
                    writer.stdin.close()
                    self.writers.append(writer)

    def _fork(self, program: str, command: list[str]) -> ForkedProcess:
        with (self.folder / "service.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            given = [str(socket_of("supervisor")), *command] if program == "service" else command
            return ForkedProcess(socket_of(program), given, self.cwd, self.environment, streams)

    @property
    def log(self) -> str:
        return (self.folder / "service.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def operator_token(self) -> str:
        return (self.data_dir / "operator.token").read_text()

    def operator_link(self) -> str:
        """An address that makes a browser the operator's, as ``docparse operator-link`` prints it."""
        return create_link(Settings(store=StoreSettings(data_dir=self.data_dir)), f"http://127.0.0.1:{self.port}")

    def answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status_code == 200
        except httpx2.TransportError:
            return False

    def ready(self, seconds: float = 60) -> Self:
        # Each question takes 10 ms of processor time: asked all the time, the start of a busy machine takes a second more.
        try:
            wait_until(lambda: self.answers("/v1/health/ready"), seconds, "the service is ready", pause=0.25)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log[-4000:]}") from None
        return self

    def pids(self, *words: str) -> list[int]:
        """Living processes of this service whose command line has all words."""
        return sorted(pid for pid, line in processes_of(self.data_dir).items() if all(word in line for word in words))

    def submit(self, path: Path, **fields: str) -> str:
        with path.open("rb") as stream:
            answer = self.client.post("/v1/process/async", files={"file": (path.name, stream)}, data=fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def status(self, job_id: str, wait: float = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/v1/jobs/{job_id}/status", params={"wait": wait}).json()
        return found

    def ended(self, job_id: str, seconds: float = 90) -> dict[str, Any]:
        """The status of a job once it has ended."""
        deadline = time.monotonic() + seconds
        while (status := self.status(job_id, wait=5))["status"] not in ("completed", "failed", "cancelled"):
            assert time.monotonic() < deadline, f"{status}\n{self.log[-4000:]}"
        return status

    def result(self, job_id: str, **query: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job_id}/result", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def write_page(self, job_id: str, number: int, **fields: Any) -> None:
        """Have a page of a job that has ended say something else, as if it had been read so."""
        stored = self.data_dir / storage_keys.page(job_id, number)
        page = Page.model_validate_json(stored.read_text()).model_copy(update=fields)
        stored.write_text(page.model_dump_json())

    def kill_everything(self) -> None:
        """A power cut: every process of the service by -9."""
        while found := processes_of(self.data_dir):
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._reap()
            time.sleep(0.02)

    def stop(self, seconds: float = 40) -> None:
        """Stop as an operator would, and wait until nothing is left."""
        # gunicorn waits for connections that are kept alive: ours would cost each stop five seconds.
        self.client.close()
        self.client = self._client()
        for process in (self.process, *self.others):
            if process is not None and process.poll() is None:
                process.terminate()
        self._reap(seconds)
        left = f"all processes end: {processes_of(self.data_dir)}"
        wait_until(lambda: not processes_of(self.data_dir), seconds, left, pause=0.1)

    def _reap(self, seconds: float = 10) -> None:
        for process in (self.process, *self.others):
            if process is not None:
                process.wait(seconds)

    def __enter__(self) -> Self:
        try:
            return self.start().ready()
        except AssertionError:
            # Nobody calls __exit__ then, and what was started would outlive the tests.
            self.kill_everything()
            self.client.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self.stop()
        finally:
            self.kill_everything()
            self.client.close()
            for writer in self.writers:
                writer.wait(10)


def redis_url_of(service: Service) -> str:
    """What ``docparse redis-url`` prints."""
    command = [sys.executable, "-m", "document_parser", "redis-url"]
    told = subprocess.run(command, env=service.environment, cwd=service.folder, capture_output=True, text=True, check=True)
    return told.stdout.strip()


def start_reading(service: Service, path: Path, pages: int = 5) -> str:
    """The id of a job of which so many pages are read, and the others not yet."""
    job_id = service.submit(path, output_format="json")
    wait_until(lambda: service.status(job_id)["progress"]["deepseek_pages"] >= pages, 60, "some pages are read")
    return job_id
