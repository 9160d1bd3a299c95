"""What answers tell browsers, which other sites may call, and that no request, however bad, breaks the service."""

from __future__ import annotations

import concurrent.futures
import json
import socket
import uuid

import pytest

from document_parser.settings import ApiSettings
from tests.support.service import Service, wait_until
from tests.support.watching import asked_elsewhere, watched_page

ORIGIN = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("security"), WEB_WORKERS=1, MAX_UPLOAD_MB=1) as running:
        yield running


# --- headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/health/live",
        "/v1/jobs",
        "/v1/jobs/none/status",
        "/nothing",
        "/docs",
        "/openapi.json",
        "/dashboard/",
        "/static/docs.js",
    ],
)
def test_every_answer_tells_browsers_to_be_careful(app, path):
    headers = app().get(path, buffered=True).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    scripts = [part for part in policy.split(";") if "script-src" in part]
    assert not any("'unsafe-inline'" in part for part in scripts)
    assert "Strict-Transport-Security" not in headers


def test_https_is_to_be_kept_once_a_trusted_proxy_speaks_it(app):
    https = {"X-Forwarded-Proto": "https"}
    assert "Strict-Transport-Security" not in app().get("/v1/health/live", headers=https).headers
    assert app(trusted_proxies=1).get("/v1/health/live", headers=https).headers["Strict-Transport-Security"]


def test_what_the_api_answers_is_not_kept_in_caches(app):
    client = app()
    for path in ("/v1/jobs", "/v1/jobs/none/result", "/v1/health"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_a_document_shown_as_html_keeps_its_sandbox(service, paper):
    job_id = service.submit(paper)
    service.ended(job_id)
    headers = service.client.get(f"/v1/jobs/{job_id}/result", headers={"Accept": "text/html"}).headers
    assert headers["Content-Security-Policy"].startswith("sandbox;")
    assert headers["Cache-Control"] == "no-store"


def test_the_documentation_works_in_a_browser_within_its_policy_and_asks_nobody_else(service):
    base = f"http://127.0.0.1:{service.port}"
    for path in ("/docs", "/openapi/"):
        with watched_page(base) as watched:
            watched.page.goto(base + path)
            watched.page.click(".opblock >> nth=0")
            watched.page.wait_for_selector(".opblock-body")
            assert watched.complaints == []
            assert asked_elsewhere(watched) == []


# --- other sites


def test_a_listed_site_may_ask_beforehand_and_read_the_answer(app):
    client = app(cors_origins=(ORIGIN, "http://[::1]:3000"))
    for origin in (ORIGIN, "http://[::1]:3000"):
        before = client.options("/v1/process/async", headers={"Origin": origin, **PREFLIGHT}).headers
        assert before["Access-Control-Allow-Origin"] == origin
        assert "POST" in before["Access-Control-Allow-Methods"]
        assert before["Access-Control-Allow-Headers"].lower() == "authorization, content-type"
        answer = client.get("/v1/jobs/none/status", headers={"Origin": origin})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, origin)
        exposed = answer.headers["Access-Control-Expose-Headers"]
        for name in ("X-Request-ID", "X-RateLimit-Remaining", "Retry-After", "Location", "Content-Disposition"):
            assert name in exposed
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null", "*"]
)
def test_other_sites_may_nothing(app, paper, origin):
    client = app(cors_origins=(ORIGIN,))
    for answer in (
        client.options("/v1/process/async", headers={"Origin": origin, **PREFLIGHT}),
        client.get("/v1/jobs/none/status", headers={"Origin": origin}),
        client.post("/v1/process/async", headers={"Origin": origin}, data={"file": (paper.open("rb"), "paper.pdf")}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in answer.headers["Vary"]
    assert answer.status_code == 403


def test_without_a_list_no_site_may(app):
    answer = app().get("/v1/jobs/none/status", headers={"Origin": ORIGIN})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


def test_a_listed_site_may_send_documents_and_still_not_list_or_delete(app, paper):
    client = app(cors_origins=(ORIGIN,))
    headers = {"Origin": ORIGIN}
    answer = client.post("/v1/process/async", headers=headers, data={"file": (paper.open("rb"), "paper.pdf")})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (202, ORIGIN)
    assert client.get("/v1/jobs", headers=headers).status_code == 403
    assert client.delete(f"/v1/jobs/{answer.get_json()['job_id']}", headers=headers).status_code == 403


def test_the_dashboard_is_for_no_other_site(app):
    answer = app(cors_origins=(ORIGIN,)).get("/dashboard/documents", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_of_a_listed_site_really_can(tmp_path, service, paper):
    """Chromium itself decides here: it asks beforehand, and gives the answer to the page or not."""
    origin = f"http://localhost:{service.port}"  # another origin than 127.0.0.1, served by the other service
    fetch = """async url => { const answer = await fetch(url, {headers: {"X-Request-ID": "from-a-page"}});
                              return [answer.status, answer.headers.get("X-Request-ID")]; }"""
    with (
        Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1, CORS_ORIGINS=json.dumps([origin])) as other,
        watched_page(origin, bypass_csp=True) as watched,
    ):
        watched.page.goto(f"{origin}/docs")
        address = f"http://127.0.0.1:{other.port}/v1/health/live"
        assert watched.page.evaluate(fetch, address) == [200, "from-a-page"]
        watched.page.goto(f"http://127.0.0.1:{service.port}/docs")
        refused = watched.page.evaluate(f"url => ({fetch})(url).catch(error => error.name)", address)
        assert refused == "TypeError"


@pytest.mark.parametrize("origin", ["*", "https://*.example.org", "app.example.org", "https://app.example.org/", "null"])
def test_what_is_no_origin_is_refused_at_the_start(origin):
    with pytest.raises(ValueError, match="CORS_ORIGINS lists origins"):
        ApiSettings(cors_origins=(origin,))


# --- bad requests


POST = "POST /v1/process/async HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pdf\r\n"


def form(service, data=b"%PDF-", name="a.pdf", **fields):
    return service.client.post("/v1/process/async", files={"file": (name, data)}, data=fields)


def cut_short(service):
    """Promises more than it sends, then hangs up its side."""
    head = POST + "Content-Length: 9999\r\n\r\n%PDF"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer


def lie_about_length(service):
    """The other way round: what is sent beyond the promise is another request, and no good one."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall((POST + "Content-Length: 3\r\n\r\n\x01\x02\x03 and more").encode())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 4")
    return []


def slow_chunks(service):
    """A body that never ends, given up by its client: nothing to answer, and nobody else waits for it."""
    head = POST + "Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"1\r\n%\r\n")
        assert service.client.get("/v1/health/live").status_code == 200
    return []


def pages(service, paper):
    ranges = ("0", "-1", "5-2", "abc", "1;DROP", "1-999999999999")
    return [form(service, paper.read_bytes(), page_range=text) for text in ranges]


def twice_deleted(service, paper):
    job_id = service.submit(paper)
    service.ended(job_id)
    first, second = (service.client.delete(f"/v1/jobs/{job_id}") for _ in range(2))
    assert first.status_code == 200
    return [second]


def at_once(service, paper):
    data = paper.read_bytes()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: form(service, data), range(50)))
    return [answer for answer in answers if answer.status_code != 202]


def zeros(service):
    return service.client.post("/v1/process/async", content=bytes((1 << 20) + 1), headers={"Content-Type": "application/pdf"})


def unknown_jobs(service):
    return [service.client.get(f"/v1/jobs/{job}/status") for job in ("..%2f..%2fetc%2fpasswd", str(uuid.uuid4()))]


def wrong_boundary(service):
    body = b'--other\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-\r\n--other--\r\n'
    return service.client.post("/v1/process/async", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})


BAD_REQUESTS = {
    "no file": lambda service, paper: [service.client.post("/v1/process/async", files={"other": b"x"})],
    "empty file part": lambda service, paper: [form(service, b"")],
    "two files": lambda service, paper: [
        service.client.post("/v1/process/async", files=[("file", ("a.pdf", b"%PDF-")), ("file", ("b.pdf", b"%PDF-"))])
    ],
    "content-length lie": lambda service, paper: lie_about_length(service),
    "chunked slow": lambda service, paper: slow_chunks(service),
    "wrong boundary": lambda service, paper: [wrong_boundary(service)],
    "oversize": lambda service, paper: [zeros(service)],
    "unknown format": lambda service, paper: [form(service, output_format="exe")],
    "bad pages": pages,
    "json garbage": lambda service, paper: [form(service, options='{"a":')],
    "deep json": lambda service, paper: [form(service, options="[" * 100_000)],
    "schema not a schema": lambda service, paper: [
        form(service, schema=text) for text in ('{"type":"nope"}', '{"$ref":"#"}', '{"$ref":"file:///etc/passwd"}')
    ],
    "schema regex bomb": lambda service, paper: [form(service, schema='{"pattern":"^(a+)+$"}')],
    "huge schema": lambda service, paper: [form(service, schema="x" * (5 << 20))],
    "unauthorised": lambda service, paper: [service.client.get("/v1/jobs", headers={"Authorization": "Bearer wrong"})],
    "unknown job": lambda service, paper: unknown_jobs(service),
    "cancel twice": twice_deleted,
    "concurrent same file": at_once,
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_answered_in_the_one_shape_and_breaks_nothing(service, paper, name):
    for answer in BAD_REQUESTS[name](service, paper):
        assert 400 <= answer.status_code < 500, answer.text
        body = answer.json()
        assert set(body) == {"error", "request_id", "timestamp"}
        assert set(body["error"]) == {"code", "message", "details", "retryable"}
    assert service.client.get("/v1/health/live").status_code == 200
    assert "request_error" not in service.log


def test_a_body_cut_short_leaves_nothing_and_is_no_fault_of_ours(service):
    before = set((service.data_dir / "jobs").iterdir())
    answer = cut_short(service)
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer
    wait_until(lambda: not list((service.data_dir / "staging").iterdir()), 20, "nothing is left of it")
    assert set((service.data_dir / "jobs").iterdir()) == before
    assert "request_error" not in service.log


def test_every_bad_request_of_the_corpus_is_tried(corpus):
    listed = {entry["name"] for entry in json.loads((corpus / "hostile/api/bad_requests.json").read_text())}
    assert listed <= set(BAD_REQUESTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Basic \xff"),
        ("Authorization", "Bearer \xff"),
        ("Origin", "::::"),
        ("Origin", "http://["),
        ("Host", "["),
        ("Host", "localhost:x"),
        ("X-Forwarded-For", "x" * 2000),
        ("Last-Event-ID", "'"),
        ("Content-Type", "multipart/form-data"),
        ("Content-Length", "-1"),
    ],
)
def test_odd_headers_are_answered(service, name, value):
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/process/async"), ("GET", "/dashboard/documents"), ("GET", "/docs")):
        headers = {"Host": "localhost", "Connection": "close", name: value}
        lines = [f"{method} {path} HTTP/1.1", *(f"{field}: {text}" for field, text in headers.items()), "", ""]
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1"))
            status = connection.recv(1 << 16).split(b" ")[1]
        assert 200 <= int(status) < 500, (method, path)
    assert "request_error" not in service.log
