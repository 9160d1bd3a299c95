"""Fixtures: documents, made anew, and the development corpus where it lies beside the checkout."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.api.factory import create_app
from document_parser.host.lean_imports import permanent_imports
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import Redis, connect
from document_parser.settings import AccountSettings, ApiSettings, Settings, StoreSettings
from document_parser.settings.operator_access import operator_token
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from document_parser.storage import LocalStorage
from document_parser.supervisor.valkey import EmbeddedValkey
from document_parser.workers.sweep import Sweep
from tests.support.browser import DESKTOP, Watched, browser, found_browser, screenshots
from tests.support.client_packages import add_client_packages
from tests.support.debian_root import why_no_debian
from tests.support.documents import pdf_of_text, report_pdf, stamped_pdf
from tests.support.forked_zygote import fork_elsewhere, fork_zygotes
from tests.support.guides import why_not_installed
from tests.support.postgresql import PostgreSQL, running_postgresql, why_no_postgresql
from tests.support.released import why_no_rollout
from tests.support.service import CORPUS, wait_until
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_real import why_not
from tests.support.vllm_server import ModelServer, served_from_thread

pytest_plugins = ["tests.support.second_try"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--vllm", type=Path, metavar="VENV", help="Run the tests against vLLM's own server, installed there.")
    parser.addoption(
        "--clients", type=Path, metavar="VENV", help="Run the tests with the clients of other systems, installed there."
    )
    parser.addoption("--debian", action="store_true", help="Try deploy/install.sh and docs/gpu-box.md in fresh Debian systems.")
    parser.addoption(
        "--rollout", action="store_true", help="Run the last release and this version side by side, there and back."
    )
    parser.addoption(
        "--guides", type=Path, metavar="FOLDER", help="Try guides and MCP with packages of others, installed there."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Commands under test are ended by Ctrl-C also where this run was started in the background, which ignores it, and compile
    our modules once instead of at each of their many starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    add_client_packages(config.getoption("--clients"))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """The collector does not visit again and again what is collected, nor the modules: they last as long as the run."""
    with permanent_imports():
        _import_a_share(session.config)
        return (yield)


def _import_a_share(config: pytest.Config) -> None:
    """Where several processes run the whole suite, import the files that no other one imports first: else each would compile
    all of them, at the same time.
    """
    own, processes = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"), os.environ.get("PYTEST_XDIST_WORKER_COUNT")
    if not own or not processes or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    for path in sorted(Path(__file__).parent.rglob("test_*.py"))[int(own) :: int(processes)]:
        # What cannot be imported is told of as it is collected.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests that need vLLM's own server, a fresh Debian, or minutes of two versions, where there is none."""
    reasons = {
        "vllm": why_not(config.getoption("--vllm")),
        "debian": why_no_debian(asked_for=config.getoption("--debian")),
        "rollout": why_no_rollout(asked_for=config.getoption("--rollout")),
        "guides": None if config.getoption("--guides") else why_not_installed(None, ""),
    }
    for item in items:
        for name, reason in reasons.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def _forked_zygotes() -> Iterator[None]:
    """What opens documents for this process is forked, with its modules loaded; the services of test_lifecycle.py start it."""
    end = fork_zygotes(fork_elsewhere)
    yield
    end()


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the development corpus is not beside the checkout")
    return CORPUS


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digital PDF of two pages."""
    path = tmp_path_factory.mktemp("documents") / "paper.pdf"
    pdf_of_text(path, ["The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs."])
    return path


@pytest.fixture(scope="module")
def scan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan whose pages bear the module's STAMPS."""
    return stamped_pdf(tmp_path_factory.mktemp("scan") / "register.pdf", request.module.STAMPS)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digital PDF with a heading, text and a ruled table, and a blank page."""
    return report_pdf(tmp_path_factory.mktemp("rich") / "Quarterly report.pdf")


@pytest.fixture(scope="module")
def openers() -> Iterator[Openers]:
    """Opens documents, within limits that no sound document reaches."""
    with Openers.start(OpenerLimits(memory_mb=2048, timeout_seconds=30, max_image_megapixels=200)) as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = found_browser()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with browser(path) as running:
        yield running


@pytest.fixture(scope="module")
def folder() -> Path | None:
    """Where screenshots go."""
    return screenshots()


@pytest.fixture(scope="module")
def rich_job(service: Any, rich: Path) -> str:
    """The id of the job that has read ``rich``, of the service of the test's module."""
    job_id: str = service.submit(rich)
    assert service.ended(job_id)["status"] == "completed"
    return job_id


@pytest.fixture
def opened(chromium: Browser, folder: Path | None) -> Iterator[Callable[..., Watched]]:
    """Opens a page of a service in a browser profile of its own; afterwards nothing may have gone wrong in any."""
    with contextlib.ExitStack() as stack:
        pages: list[Watched] = []

        def open_page(
            service: Any, address: str = "#/", expected: Any = (), *, operator: bool = True, **options: Any
        ) -> Watched:
            options = {"viewport": DESKTOP, "reduced_motion": "reduce", "accept_downloads": True, **options}
            context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
            stack.callback(context.close)
            page = context.new_page()
            if operator:
                # The cookie of the link alone: to load the page that it leads to takes 80 requests.
                context.request.get(service.operator_link(), max_redirects=0)
            watched = Watched(page, f"http://127.0.0.1:{service.port}", folder, set(expected))
            watched.open(address)
            pages.append(watched)
            return watched

        yield open_page
        assert [watched.complaints for watched in pages] == [[] for _ in pages]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A simulated model server at which pages take long enough for something to happen meanwhile."""
    with served_from_thread(ModelServer(speed=UNHURRIED, tokens=60)) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL of this test run; a test that kills it starts it again."""
    if reason := why_no_postgresql():
        pytest.skip(reason)
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def account_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty database, once of each kind."""
    store = StoreSettings(data_dir=tmp_path / "data", redis_url="")
    if request.param == "sqlite":
        return Settings(store=store)
    url = request.getfixturevalue("postgresql").create_database(f"test_{uuid.uuid4().hex}")
    return Settings(store=store, accounts=AccountSettings(database_url=url))


@pytest.fixture
def database(account_settings: Settings) -> Iterator[Database]:
    """An upgraded database of each kind."""
    found = Database(account_settings)
    with found.connection() as connection:
        schema.upgrade(connection)
    yield found
    found.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings over a real embedded Valkey of this test run."""
    settings = Settings(store=StoreSettings(data_dir=tmp_path_factory.mktemp("valkey"), redis_url=""))
    server = EmbeddedValkey(settings)
    wait_until(server.ensure, 30, "Valkey answers")
    yield settings
    server.stop()


@pytest.fixture
def redis(valkey: Settings) -> Iterator[Redis]:
    """An empty Redis."""
    client = connect(valkey)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def ledger(valkey: Settings, redis: Redis) -> Ledger:
    return Ledger(redis, valkey)


@pytest.fixture
def sweep(valkey: Settings, redis: Redis, tmp_path: Path) -> Sweep:
    return Sweep(valkey, redis, LocalStorage(tmp_path), "test")


@pytest.fixture
def app(valkey, redis, tmp_path):
    """Makes clients of apps over the one Valkey; ``operator``: such as sends the token of DATA_DIR with every request."""

    def make(*, operator=False, **api):
        settings = Settings(api=ApiSettings(**api), store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url))
        client = create_app(settings).test_client()
        if operator:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {operator_token(settings)}"
        return client

    return make
