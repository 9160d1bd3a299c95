"""What a request that names a document's address is refused for, before anything is fetched."""

from __future__ import annotations

import pytest

from document_parser.ssrf import MAX_URL_CHARACTERS
from tests.support.addresses import REFUSED
from tests.support.bucket import KEYS
from tests.support.service import Service

PUBLIC = "http://8.8.8.8/letter.pdf"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"NUM_WORKERS": 0, "FETCH_S3_BUCKETS": '["inbox","shared/papers"]', "RESULT_S3_BUCKETS": '["out"]', **KEYS}
    with Service(tmp_path_factory.mktemp("links"), **settings) as started:
        yield started


def refusal(service, path, body):
    answer = service.client.post(path, json=body)
    return answer.status_code, answer.json().get("error", {}).get("code"), answer.json()


@pytest.mark.parametrize("url", [*(url for url in REFUSED if len(url) <= MAX_URL_CHARACTERS), f"{PUBLIC}?{'x' * 9000}"])
def test_an_address_that_is_not_a_public_hosts_is_refused_at_once(service, url):
    status, code, body = refusal(service, "/v1/process/url", {"url": url})
    assert (status, code) == (422, "FETCH_REFUSED")
    assert body["error"]["details"]["reason"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "url: is missing"),
        ({"url": ""}, "url: is missing"),
        ({"url": 5}, "url: is not text"),
        ({"url": "s3://inbox/a.pdf"}, "/v1/process/s3"),
        ({"url": PUBLIC, "no_such_option": 1}, "no_such_option"),
        ({"url": PUBLIC, "region": "eu-central-1"}, "region"),
        ({"url": PUBLIC, "password": 5}, "password: is not text"),
        ({"url": PUBLIC, "page_range": "x"}, "page_range"),
    ],
)
def test_a_field_that_is_wrong_is_named(service, body, says):
    status, code, answer = refusal(service, "/v1/process/url", body)
    assert (status, code) == (422, "INVALID_OPTION")
    assert says in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "send either s3_uri or url"),
        ({"s3_uri": "s3://inbox/a.pdf", "url": PUBLIC}, "send either s3_uri or url"),
        ({"s3_uri": "https://inbox/a.pdf"}, "s3://bucket/key"),
        ({"s3_uri": "s3://inbox"}, "s3://bucket/key"),
        ({"s3_uri": "s3://In_box!/a.pdf"}, "s3://bucket/key"),
        ({"s3_uri": "s3://inbox/a.pdf", "region": "evil.example/"}, "region"),
    ],
)
def test_what_is_no_object_of_a_bucket_is_named(service, body, says):
    status, code, answer = refusal(service, "/v1/process/s3", body)
    assert (status, code) == (422, "INVALID_OPTION")
    assert says in answer["error"]["message"]


@pytest.mark.parametrize("path", ["other/a.pdf", "shared/private.pdf", "shared/papers2/a.pdf", "shared/papers/../private.pdf"])
def test_a_bucket_that_the_operator_does_not_list_is_refused_with_the_setting_that_lists_it(service, path):
    status, code, answer = refusal(service, "/v1/process/s3", {"s3_uri": f"s3://{path}"})
    assert (status, code) == (422, "BUCKET_REFUSED")
    assert "FETCH_S3_BUCKETS" in answer["error"]["message"]


@pytest.mark.parametrize("path", ["inbox/a.pdf", "shared/papers/a.pdf"])
def test_a_bucket_or_a_prefix_that_is_listed_is_taken(service, path):
    answer = service.client.post("/v1/process/s3", json={"s3_uri": f"s3://{path}", "region": "eu-central-1"})
    assert answer.status_code == 202, answer.text
    status = service.status(answer.json()["job_id"])
    assert (status["stage"], status["source"]["address"], status["filename"]) == ("queued", f"s3://{path}", "a.pdf")


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("s3://inbox/x", "BUCKET_REFUSED"),
        ("out/x", "INVALID_OPTION"),
        ("https://out/x", "INVALID_OPTION"),
        (5, "INVALID_OPTION"),
    ],
)
def test_a_place_for_results_that_is_not_listed_or_none_is_refused(service, uri, code):
    assert refusal(service, "/v1/process/url", {"url": PUBLIC, "result_s3": uri})[:2] == (422, code)


def test_a_body_that_is_no_json_object_is_refused(service):
    for sent in ({"content": b"url=http://8.8.8.8/"}, {"json": ["http://8.8.8.8/"]}, {"json": "x" * (1 << 17)}):
        answer = service.client.post("/v1/process/url", **sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(("size", "then"), [(1 << 10, "keep-alive"), (1 << 20, "close")])
def test_a_refusal_says_whether_the_connection_stays_open(service, size, then):
    answer = service.client.post("/v1/process/url", content=b" " * size, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["Connection"]) == (400, then)


def test_a_page_of_another_site_cannot_have_a_document_fetched(service):
    answer = service.client.post("/v1/process/url", json={"url": PUBLIC}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")


def test_the_same_key_gives_the_same_job_and_another_address_is_refused(service):
    def post(url):
        answer = service.client.post("/v1/process/url", json={"url": url}, headers={"Idempotency-Key": "one"})
        return answer.status_code, answer.json().get("job_id"), answer.headers.get("Idempotency-Replayed")

    first = post(f"{PUBLIC}?sign=1")
    assert (first[0], first[2]) == (202, None)
    assert post(f"{PUBLIC}?sign=1") == (202, first[1], "true")
    assert post(f"{PUBLIC}?sign=2")[0] == 409
