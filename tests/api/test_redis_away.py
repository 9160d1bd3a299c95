"""Redis is away: every route says so in one form, tells when to come back, and works again by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from document_parser.api.factory import create_app
from document_parser.settings import Settings
from tests.support.service import Service, free_port
from tests.support.valkey import valkey_server

APPEND = "appendonly yes\nappendfsync always\n"
WITHOUT_REDIS = {"/v1/health/live": 200, "/v1/metrics": 200, "/v1/health/ready": 503, "/v1/health": 503}
"""What answers in its own words: the process lives, the numbers it has itself, and what is down."""
SOME_ID = "5f0c2a4e-8f43-4c1b-9d0e-6a1c3b7e2f10"
PLACES = {"number": "1", "name": "page-0001-figure-1.jpg", "upload_id": SOME_ID, "batch_id": SOME_ID, "key_id": SOME_ID}
PLACES["extraction_id"] = PLACES["classification_id"] = "0" * 32
OF_THE_DATABASE = {
    "/v1/usage": (200,),
    "/v1/audit": (200,),
    "/v1/history": (200,),
    "/v1/history/failures": (200,),
    "/v1/documents": (200,),
    "/v1/documents/{job_id}": (404,),
    "/v1/keys": (200, 422),
    "/v1/keys/{key_id}/rotate": (404,),
    "/v1/keys/{key_id}/revoke": (404,),
}
"""What asks only the database, unless requests are counted."""
OF_THE_REQUEST = {"/v1/schemas": 200, "/v1/extract/validate": 422, "/v1/me": 200, "/login": 422, "/logout": 204}
"""What asks nothing while no keys are needed and the browser has no login."""
BATCHES = ("/v1/process/batch", "/api/v1/documents/batch")
LINKS = {"url": {"url": "http://127.0.0.1:9/paper.pdf"}, "s3": {"s3_uri": "s3://inbox/paper.pdf"}}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
CHUNK = "/api/v1/documents/upload/chunk"


def routes() -> list[tuple[str, str]]:
    """Method and address of every documented route."""
    paths = create_app(Settings()).api_doc["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def ask(service, method, path, job_id, paper):
    address = path.format(job_id=job_id, **PLACES)
    if path.startswith("/v1/uploads"):
        return service.client.request(method, address, headers=TUS)
    if path == CHUNK:
        return service.client.post(path, params={"upload_id": PLACES["upload_id"], "offset": 0}, content=b"abc")
    if path in BATCHES:
        return service.client.request(method, address, files={"files": ("paper.pdf", paper.read_bytes())})
    if link := next((body for kind, body in LINKS.items() if path.endswith((f"process/{kind}", f"from-{kind}"))), None):
        return service.client.request(method, address, json=link)
    if path == "/v1/extract":
        form = {"file": ("paper.pdf", paper.read_bytes())}
        return service.client.request(method, address, files=form, data={"extract_fields": "total"})
    if path.startswith("/v1/process/") or path in ("/api/v1/documents", "/api/v1/documents/sync"):
        return service.client.request(method, address, files={"file": ("paper.pdf", paper.read_bytes())})
    body = {"url": "http://127.0.0.1:9/hook"} if path == "/v1/webhooks/ping" else {} if method == "POST" else None
    query = {"start": 0, "end": 1} if path.endswith("/cite") else None
    return service.client.request(method, address, params=query, json=body)


@pytest.fixture(scope="module")
def story(tmp_path_factory, paper):
    """What every route answered while Redis was away, and how the service was before and after."""
    folder = tmp_path_factory.mktemp("away")
    settings = {"NUM_WORKERS": 1, "RATE_LIMIT_READS": "none", "RATE_LIMIT_UPLOADS": "none"}
    settings |= {"WEBHOOK_ALLOW_HOSTS": '["127.0.0.1:9"]', "FETCH_ALLOW_HOSTS": '["127.0.0.1:9"]'}
    settings["FETCH_S3_BUCKETS"] = '["inbox"]'
    port = free_port()
    told = {}
    with valkey_server(folder / "valkey", port=port, config=APPEND) as (_, process):
        service = Service(folder / "service", REDIS_URL=f"redis://127.0.0.1:{port}/0", **settings)
        service.start().ready()
        try:
            job_id = service.submit(paper, output_format="json")
            told["before"] = service.ended(job_id), service.result(job_id)
            process.kill()
            process.wait()
            with ThreadPoolExecutor(8) as pool:  # each waits until Redis is given up
                answers = pool.map(lambda route: ask(service, *route, job_id, paper), routes())
                told["away"] = dict(zip(routes(), answers, strict=True))
            told["head"] = service.client.head(f"/v1/uploads/{PLACES['upload_id']}", headers=TUS).status_code
            told["dashboard"] = [service.client.get(f"/dashboard/{page}") for page in ("documents", "0/data/queues.json")]
            told["staged"] = list((service.data_dir / "staging").iterdir())
            with valkey_server(folder / "valkey", port=port, config=APPEND):
                service.ready()
                told["after"] = service.status(job_id), service.result(job_id)
                told["again"] = {
                    route: ask(service, *route, job_id, paper).status_code for route in routes() if route[0] == "GET"
                }
                told["new"] = service.ended(service.submit(paper))
                told["log"] = service.log
                service.stop()
        finally:
            service.kill_everything()
            service.client.close()
    return told


def test_every_route_answers_503_in_one_form_with_when_to_come_back(story):
    assert len(story["away"]) >= 23
    for (method, path), answer in story["away"].items():
        if path in WITHOUT_REDIS:
            assert answer.status_code == WITHOUT_REDIS[path], path
            continue
        if path in OF_THE_REQUEST:
            assert answer.status_code == OF_THE_REQUEST[path], (path, answer.text)
            continue
        if path in OF_THE_DATABASE:
            assert answer.status_code in OF_THE_DATABASE[path], (path, answer.text)
            continue
        body = answer.json()
        assert answer.status_code == 503, (method, path, answer.text)
        assert set(body) == {"error", "request_id", "timestamp"}
        assert set(body["error"]) == {"code", "message", "details", "retryable"}
        assert (body["error"]["code"], body["error"]["retryable"]) == ("QUEUE_UNAVAILABLE", True), (method, path)
        assert int(answer.headers["Retry-After"]) > 0
        assert body["request_id"] == answer.headers["X-Request-ID"]


def test_health_says_that_it_is_redis_and_readiness_tells_when_to_look_again(story):
    for path in ("/v1/health", "/v1/health/ready"):
        answer = story["away"]["GET", path]
        assert not answer.json()["checks"]["redis"]["ok"]
        assert answer.headers["Retry-After"]


def test_nobody_sees_a_stack_trace_neither_in_answers_nor_in_the_log(story):
    answers = [*story["away"].values(), *story["dashboard"]]
    assert not [answer.url for answer in answers if "Traceback" in answer.text or "redis.exceptions" in answer.text]
    assert [answer.status_code for answer in story["dashboard"]] == [503, 503]
    assert not [line for line in story["log"].splitlines() if "Traceback" in line or '"request_error"' in line]
    assert '"critical"' not in story["log"], "workers wait: that Redis is away is no fault of theirs"


def test_uploads_that_could_not_be_taken_in_leave_nothing(story):
    assert story["staged"] == []


def test_it_works_again_by_itself_with_everything_that_there_was(story):
    assert story["after"] == story["before"]
    assert story["new"]["complete"] is True
    refused = {path: status for (_, path), status in story["again"].items() if status >= 400}
    batch = "/v1/batches/{batch_id}"
    extraction = "/v1/jobs/{job_id}/extractions/{extraction_id}"
    absent = (
        extraction,
        "/v1/jobs/{job_id}/classifications/{classification_id}",
        "/v1/jobs/{job_id}/figures/{name}",
        "/v1/uploads/{upload_id}",
        batch,
        f"{batch}/events",
        f"{batch}/extractions",
        f"{batch}/download",
    )
    assert refused == dict.fromkeys(absent, 404), "there are none of these"


def test_a_client_of_tus_is_told_to_wait_and_not_to_begin_anew(story):
    """tus-js-client drops an upload if HEAD is answered with anything but 2xx and 423."""
    assert story["head"] == 423
