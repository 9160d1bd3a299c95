"""Rights are proved: nobody is the operator by an address, a header or a proxy in front, on any route and by any way in."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from document_parser.api import auth
from document_parser.api.factory import create_app
from document_parser.api.middleware import access
from document_parser.api.middleware.paths import without_alias_prefix
from document_parser.api.routes.dashboard import NUMBERS
from document_parser.client import Client
from document_parser.errors import Forbidden
from document_parser.settings import ApiSettings, Settings, StoreSettings
from document_parser.settings.operator_access import LINK_SECONDS, create_link, operator_token, redeem_link
from document_parser.settings.startup import keep_data_private
from tests.support.service import ROOT, Service, free_port, gunicorn, listens, wait_until

JOB = "00000000-0000-4000-8000-000000000000"
FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "X-Forwarded-Host": "localhost",
    "Forwarded": "for=127.0.0.1;host=localhost;proto=https",
    "X-Forwarded-User": "operator",
}
SCRIPTED = [
    {"SCRIPT_NAME": "/v1"},
    {"Script-Name": "/v1/jobs"},
    {"PATH_INFO": "/v1/health/live"},
    {"X-Forwarded-Prefix": "/v1"},
    {"X-Script-Name": "/v1"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Protocol": "ssl"},
    {"X-Forwarded-Ssl": "on"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1"},
    {"X-Original-URL": "/v1/jobs", "X-Rewrite-URL": "/v1/jobs"},
]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Started as people start it who do not know of our gunicorn.conf.py: gunicorn's own defaults, in another folder."""
    folder = tmp_path_factory.mktemp("operator")
    port = free_port()
    command = gunicorn("--bind", f"127.0.0.1:{port}", "--threads", "8")
    with Service(folder, command, API_PORT=port, NUM_WORKERS=0, DASHBOARD_WRITES="true") as service:
        yield service


@pytest.fixture(scope="module")
def proxied(service, tmp_path_factory):
    """The address of a plain nginx in front of the service, which forwards what it gets."""
    with nginx(tmp_path_factory.mktemp("nginx"), f"location / {{ proxy_pass http://127.0.0.1:{service.port}; }}") as address:
        yield address


@contextlib.contextmanager
def nginx(folder, location):
    """The address of an nginx that serves this location until the end of the block."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("no nginx on this machine")
    port = free_port()
    temporary = "\n".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; {temporary}
    server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""
    )
    with subprocess.Popen([program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]) as process:
        try:
            wait_until(lambda: listens(port), 20, "nginx listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def routes():
    """Every route: method, template, and an address that it takes."""
    app = create_app(Settings(api=ApiSettings(facades="none"), store=StoreSettings(redis_url="redis://127.0.0.1:1/0")))
    found = []
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<(?:(\w+)[^:<>]*:)?(\w+)>", lambda match: filled(*match.groups()), rule.rule)
        found += [(method, rule.rule, address) for method in sorted(rule.methods - {"OPTIONS"})]
    return found


def filled(converter, name):
    return JOB if name == "job_id" else "1" if converter == "int" or name in NUMBERS else "x"


def kept_out(client, method, address, **headers):
    """Whether the answer is that this is for the operator."""
    answer = client.request(method, address, headers=headers)
    if method == "HEAD":
        return answer.status_code in (401, 403)
    about = answer.json()["error"]["code"] if answer.status_code in (401, 403) else ""
    return about in ("FORBIDDEN", "LOGIN_REQUIRED")


@pytest.mark.parametrize("way", ["directly", "through nginx", "through nginx, with forged headers"])
def test_every_route_of_the_list_is_for_the_operator_and_no_other_is(service, routes, request, way):
    base = f"http://127.0.0.1:{service.port}" if way == "directly" else request.getfixturevalue("proxied")
    headers = FORGED if "forged" in way else {}
    token, wrong = {"Authorization": f"Bearer {service.operator_token}"}, []
    with httpx2.Client(base_url=base, timeout=30) as client:
        for method, rule, address in routes:
            operators = auth.needs_operator(method, rule)
            wrong += [(method, address, "without")] if kept_out(client, method, address, **headers) is not operators else []
            wrong += [(method, address, "with")] if kept_out(client, method, address, **headers, **token) else []
    assert wrong == []
    listed = {(method, without_alias_prefix(rule)) for method, rule, _ in routes}
    assert listed >= access.ROUTES.keys(), "the list names routes that there are"
    assert any(rule.startswith("/dashboard/") for _, rule in listed)


@pytest.mark.parametrize("headers", SCRIPTED, ids=lambda headers: next(iter(headers)))
def test_nothing_a_caller_sends_changes_path_scheme_or_headers(service, headers):
    with httpx2.Client(base_url=f"http://127.0.0.1:{service.port}") as client:
        for path in ("/v1/jobs", f"/v1/jobs/{JOB}/status", "/v1/health/live", "/", "/docs", "/dashboard/"):
            plain, forged = client.get(path), client.get(path, headers=headers)
            assert forged.status_code == plain.status_code, (path, forged.text)
            for name in (
                "Location",
                "Content-Security-Policy",
                "Strict-Transport-Security",
                "Cache-Control",
                "X-Frame-Options",
            ):
                assert forged.headers.get(name) == plain.headers.get(name), (path, name)
    assert '"request_error"' not in service.log


def test_behind_the_nginx_of_the_guide_clients_are_told_apart_and_pages_may_upload(tmp_path, paper):
    guide = (ROOT / "docs" / "gpu-box.md").read_text()
    location = re.search(r"^    (location / \{.*?^    \})", guide, re.DOTALL | re.MULTILINE)[1]
    # It ends TLS in the guide, and none here.
    https = location.replace("$scheme", "https")
    with Service(tmp_path, NUM_WORKERS=0, ADMIN_TOKEN="correct-horse-battery", TRUSTED_PROXIES=1) as service:
        place = https.replace("127.0.0.1:1233", f"127.0.0.1:{service.port}")
        with (
            nginx(tmp_path, place) as address,
            httpx2.Client(base_url=address, headers={"Host": "documents.example.org:8443"}) as client,
        ):
            page = {"Origin": "https://documents.example.org:8443"}
            files = {"file": ("a.pdf", paper.read_bytes())}
            assert client.post("/v1/process/async", files=files, headers=page).status_code == 202
            link = command(service, "operator-link", "--url", "https://documents.example.org/").strip()
            opened = client.get(link.replace("https://documents.example.org", address))
            assert "Secure" in opened.headers["Set-Cookie"]
            assert "Strict-Transport-Security" in opened.headers
            guesses = [
                client.get(
                    "/v1/jobs", headers={"Authorization": "Bearer guess", "X-Forwarded-For": f"192.0.2.{number}"}
                ).status_code
                for number in range(11)
            ]
            assert guesses == [401] * 10 + [429], "whatever address a caller claims to have"


# --- the token and the links ------------------------------------------------------------------------------------------


def test_the_token_and_its_folder_are_the_services_alone(service):
    assert stat.S_IMODE((service.data_dir / "operator.token").stat().st_mode) == 0o600
    assert stat.S_IMODE(service.data_dir.stat().st_mode) == 0o700
    assert len(service.operator_token) >= 43
    open_to_others = [path for path in service.data_dir.rglob("*") if not path.is_socket() and path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_however_many_make_the_token_at_once_there_is_one(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data"))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: operator_token(settings), range(8)))) == 1


def test_a_link_opens_one_session_which_lists_and_deletes_and_no_other_site_gains_by_it(service):
    base = f"http://127.0.0.1:{service.port}"
    link = command(service, "operator-link").strip()
    assert link.startswith(f"{base}/operator?code=")
    with httpx2.Client(base_url=base) as browser:
        assert browser.head(link).status_code == 204, "a program that looks ahead does not use it up"
        opened = browser.get(link)
        assert (opened.status_code, opened.headers["Location"]) == (303, "/")
        cookie = opened.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert browser.get("/v1/jobs").status_code == 200
        assert browser.get("/dashboard/documents").status_code == 200
        assert browser.delete(f"/v1/jobs/{JOB}", headers={"Origin": base}).status_code == 404
        for other in (f"https://127.0.0.1:{service.port}", f"http://127.0.0.1:{free_port()}", "https://evil.example", "null"):
            assert browser.delete(f"/v1/jobs/{JOB}", headers={"Origin": other}).status_code == 403
        # Another port of the same host is the same site to a browser, which sends it the cookie.
        assert browser.get("/v1/jobs", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
        forged = browser.cookies.jar.__iter__().__next__()
        with httpx2.Client(base_url=base, cookies={forged.name: forged.value[:-2] + "AA"}) as another:
            assert another.get("/v1/jobs").status_code == 403
    with httpx2.Client(base_url=base) as second:
        again = second.get(link)
        assert (again.status_code, again.json()["error"]["code"]) == (410, "LINK_USED")
        assert second.get("/v1/jobs").status_code == 403


def test_of_many_that_open_a_link_at_once_one_is_let_in_and_an_old_one_lets_nobody_in(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path))
    code = create_link(settings, "http://x").partition("code=")[2]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: redeem_link(settings, code), range(8))) == 1
    old = create_link(settings, "http://x").partition("code=")[2]
    for kept in (tmp_path / "operator-links").iterdir():
        os.utime(kept, (0, kept.stat().st_mtime - LINK_SECONDS - 1))
    assert not redeem_link(settings, old)
    assert not redeem_link(settings, "")
    assert not redeem_link(settings, "../operator.token")
    create_link(settings, "http://x")
    assert len(list((tmp_path / "operator-links").iterdir())) == 1


def command(service, *arguments, status=0):
    line = [sys.executable, "-m", "document_parser", *arguments]
    ran = subprocess.run(line, env=service.environment, cwd=service.folder, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stderr
    return ran.stdout if status == 0 else ran.stderr


def test_the_commands_print_the_token_and_links_and_say_what_is_missing(service, tmp_path):
    assert command(service, "operator-token").strip() == service.operator_token
    elsewhere = command(service, "operator-link", "--url", "https://documents.example.org/")
    assert elsewhere.startswith("https://documents.example.org/operator?code=")
    for wrong in ("documents.example.org", "ftp://documents.example.org/", "https://", "https://x/?a=b"):
        assert "like https://documents.example.org/" in command(service, "operator-link", "--url", wrong, status=2)
    nowhere = Service(tmp_path / "none")
    nowhere.folder.mkdir()
    for name in ("operator-token", "operator-link"):
        assert "no service with this DATA_DIR has been started yet" in command(nowhere, name, status=1)
    assert not nowhere.data_dir.exists()


def test_the_client_on_the_machine_takes_the_token_by_itself_and_sends_it_to_no_other_service(service):
    program = f"""
from document_parser import Client
for port in ({service.port}, {service.port}):
    with Client(f"http://127.0.0.1:{{port}}") as client:
        print(len(client.jobs().jobs))
"""
    line = [sys.executable, "-c", program]
    ran = subprocess.run(line, env=service.environment, cwd=service.folder, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["0", "0"], ran.stderr
    with Client(f"http://127.0.0.1:{service.port}") as stranger, pytest.raises(Forbidden, match="operator-token"):
        stranger.jobs()  # this process has other settings: the service is none of its own


def test_a_terminal_is_given_a_link_and_a_log_is_not(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        assert "operator?code=" not in service.log
        script = shutil.which("script")
        if script is None:
            pytest.skip("no `script` on this machine, which gives a program a terminal")
        environment = service.environment | {"API_PORT": str(free_port()), "DATA_DIR": str(tmp_path / "other")}
        typed = f"timeout -s INT 15 {sys.executable} -m document_parser.api"
        told = subprocess.run([script, "-qec", typed, "/dev/null"], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert re.search(r"It works once:\s+http://127\.0\.0\.1:\d+/operator\?code=\S{43}", told.stdout), told.stdout


# --- however it is started --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["document_parser.worker", "document_parser.api"])
def test_a_folder_that_was_open_is_closed_however_the_service_is_started(tmp_path, module):
    line = [sys.executable, "-m", module]
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o755)
    with Service(tmp_path, line, NUM_WORKERS=0).started() as service:
        wait_until(lambda: (data_dir / "valkey" / "valkey.log").exists(), 60, "Valkey has started")
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        wait_until(lambda: service.pids("valkey-server"), 20, "it runs")
        assert [path for path in data_dir.rglob("*") if path.is_file() and path.stat().st_mode & 0o077] == []


def test_a_folder_of_everybodys_is_not_closed(tmp_path):
    before = os.umask(0o022)
    tmp_path.chmod(0o1777)
    keep_data_private(Settings(store=StoreSettings(data_dir=tmp_path)))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    (tmp_path / "new").mkdir(mode=0o755)
    keep_data_private(Settings(store=StoreSettings(data_dir=tmp_path / "new")))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert os.umask(before) == 0o077
