"""What is refused is told in plain words: what is wrong, what would be right, which limit and how much there was."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from functools import partial

import pytest

from document_parser import cli, errors
from document_parser.errors import InvalidOption
from document_parser.models import Options
from document_parser.pipeline.local.reader import make_options
from document_parser.settings import Settings, environment_fields
from document_parser.settings.validation import nearest_name
from tests.support import documents
from tests.support.service import ROOT, Service, asking, wait_until

PAPER = str(ROOT / "samples" / "paper.pdf")

INTERNAL = re.compile(
    r"str-enum|literal|pydantic|extra_forbidden|Extra inputs|Input should|String should|Value error|value_error|"
    r"validation error|"
    r"unable to (?:parse|interpret)|valid (?:string|integer|number|boolean|dictionary|list|tuple|path)|type=|input_value|"
    r"\b(?:str|int|float|bool|dict|NoneType|ValueError|TypeError|ValidationError|Traceback)\b|\bbody\.|\bquery\.|\bpath\.|\bloc\b|"
    r"constrained|JSON decode|Invalid JSON|EOF while",
)
WRONG = ["wrong", "-1", "1e999", "nan", "99999999999999999999", "[1]", "\u0661", "x" * 5000]
WRONG_JSON = ["wrong", "", -1, 1.5, 10**30, True, None, [], {}, ["a"], "x" * 5000]
UNKNOWN_JOB = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def app(app):
    """Of apps that answer the operator: what others are told of the operator's routes is always the same."""
    return partial(app, operator=True)


def error_of(answer, code="INVALID_OPTION"):
    error = answer.get_json()["error"]
    assert error["code"] == code, error
    assert not INTERNAL.search(json.dumps(error)), error
    return error


SAME_VIEWS = ("alias_post_documents", "alias_get_jobs", "alias_delete_jobs")
"""How the ids of operations begin that are other names of the same views."""


def operations(client):
    for path, methods in client.application.api_doc["paths"].items():
        for method, operation in methods.items():
            if not operation["operationId"].startswith(SAME_VIEWS):
                yield method, path, operation


def filled(path, number="1"):
    return path.replace("{job_id}", UNKNOWN_JOB).replace("{number}", number).replace("{name}", "page-0001-figure-1.jpg")


def in_plain_words(answer):
    """Whether an answer, if it refuses, does so without words of our own inside."""
    return answer.status_code < 400 or not INTERNAL.search(answer.get_data(as_text=True))


def test_no_refusal_of_a_query_or_path_says_a_word_of_the_inside(app):
    client, asked = app(rate_limit_reads="none", rate_limit_uploads="none", sync_timeout_seconds=0), 0
    for method, path, operation in operations(client):
        for parameter in operation.get("parameters", []):
            name = parameter["name"]
            for value in [*WRONG, ""]:
                if parameter["in"] == "query":
                    answer = client.open(filled(path), method=method, query_string={name: value}, buffered=True)
                else:
                    answer = client.open(
                        path.replace(f"{{{name}}}", value[:99]).replace("{job_id}", UNKNOWN_JOB), method=method
                    )
                assert in_plain_words(answer), (method, path, name, value[:20], answer.get_data(as_text=True))
                asked += 1
        answer = client.open(filled(path), method=method, query_string={"no_such_field": "1"}, buffered=True)
        assert in_plain_words(answer), (method, path, answer.get_data(as_text=True))
    assert asked > 100


def test_no_refusal_of_a_body_says_a_word_of_the_inside(app):
    client, asked = app(rate_limit_reads="none", rate_limit_uploads="none", sync_timeout_seconds=0), 0
    for method, path, operation in operations(client):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            for name in (*_properties(client, content["schema"]), "no_such_field"):
                for value in WRONG_JSON if "json" in kind else WRONG:
                    if "json" in kind:
                        sent = {"json": {name: value}}
                    elif "octet" in kind:
                        sent = {"data": b"%PDF-1.7\n", "query_string": {name: value}, "content_type": kind}
                    else:
                        file = {} if name == "file" else {"file": (io.BytesIO(b"%PDF-1.7\n"), "a.pdf")}
                        sent = {"data": {name: value, **file}, "content_type": kind}
                    answer = client.open(filled(path), method=method, **sent)
                    assert in_plain_words(answer), (path, kind, name, str(value)[:20], answer.get_data(as_text=True))
                    asked += 1
            for whole in (b"", b"null", b"[]", b'"{"', b"1", b"{", b"[" * 2000, b"\xff"):
                answer = client.open(filled(path), method=method, data=whole, content_type="application/json")
                assert in_plain_words(answer), (path, whole[:9], answer.get_data(as_text=True))
    assert asked > 100


def _properties(client, schema):
    if "$ref" in schema:
        schema = client.application.api_doc["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("properties") or Options.model_fields


def test_the_pattern_knows_what_it_is_to_find():
    for text in (
        "status.str-enum: Input should be 'a'",
        "literal_error",
        "String should have at most 3",
        "invalid int value: 'x'",
    ):
        assert INTERNAL.search(text)


UPLOAD = {
    "accuracy_mode",
    "cache",
    "figures",
    "file",
    "headers_footers",
    "output_format",
    "page_range",
    "password",
    "webhook_url",
}


def send(client, path="/v1/process/async", **fields):
    return client.post(path, data={"file": (io.BytesIO(b"%PDF-1.7\n"), "a.pdf"), **fields})


MEANT = {
    "acuracy_mode": "accuracy_mode",
    "accuracy-mode": "accuracy_mode",
    "accuracyMode": "accuracy_mode",
    "mode": "accuracy_mode",
    "format": "output_format",
    "pages": "page_range",
    "webhook": "webhook_url",
    "colour": "",
}


@pytest.mark.parametrize(("given", "meant"), MEANT.items())
def test_an_unknown_option_lists_the_known_ones_and_the_nearest(app, given, meant):
    error = error_of(send(app(), **{given: "x"}))
    (field,) = error["details"]["fields"]
    assert field["field"] == given
    assert set(field["known"]) >= UPLOAD
    assert field.get("did_you_mean", "") == meant
    assert "Known here: accuracy_mode, cache, chunk_max_tokens, " in error["message"]
    assert (f"did you mean {meant}?" in error["message"]) == (f"did you mean {meant}?" in field["problem"]) == bool(meant)


def test_the_raw_body_knows_filename_and_no_file(app):
    answer = app().post("/v1/process/async?file_name=a.pdf", data=b"%PDF-1.7\n", content_type="application/pdf")
    (field,) = error_of(answer)["details"]["fields"]
    assert (field["did_you_mean"], "file" in field["known"]) == ("filename", False)


@pytest.mark.parametrize(
    ("method", "path", "sent", "meant"),
    [
        ("GET", "/v1/jobs?limits=5", {}, "limit"),
        ("GET", f"/v1/jobs/{UNKNOWN_JOB}/status?wat=5", {}, "wait"),
        ("GET", f"/v1/jobs/{UNKNOWN_JOB}/result?fromat=json", {}, "format"),
        ("GET", "/v1/webhooks/deliveries?stat=failed", {}, "state"),
        ("POST", "/v1/webhooks/ping", {"json": {"uri": "x"}}, "url"),
        ("POST", f"/v1/jobs/{UNKNOWN_JOB}/pages/1/retry", {"json": {"engin": "rapidocr"}}, "engine"),
        ("POST", f"/v1/jobs/{UNKNOWN_JOB}/pages/1/retry", {"data": {"passwort": "x"}}, "password"),
    ],
)
def test_so_does_every_query_and_body(app, method, path, sent, meant):
    fields = error_of(app().open(path, method=method, **sent))["details"]["fields"]
    assert [field["did_you_mean"] for field in fields if "did_you_mean" in field] == [meant]
    assert meant in next(field["known"] for field in fields if "known" in field)


@pytest.mark.parametrize(
    ("path", "field", "allowed"),
    [
        ("/v1/jobs?status=done", "status", ["queued", "processing", "completed", "failed", "cancelled"]),
        ("/v1/webhooks/deliveries?state=lost", "state", ["pending", "delivered", "failed"]),
        (f"/v1/jobs/{UNKNOWN_JOB}/result?format=docx", "format", ["markdown", "json", "html", "csv", "text", "zip"]),
    ],
)
def test_a_wrong_value_of_a_query_lists_the_allowed_ones(app, path, field, allowed):
    error = error_of(app().get(path))
    (found,) = error["details"]["fields"]
    assert (found["field"], set(found["allowed"]) >= set(allowed)) == (field, True)
    assert f"Not understood: {field}: not one of {', '.join(found['allowed'])}." == error["message"]


@pytest.mark.parametrize(
    "field", ["accuracy_mode", "output_format", "headers_footers", "on_low_quality", "priority", "figures"]
)
def test_a_wrong_value_of_an_option_lists_the_allowed_ones(app, field):
    error = error_of(send(app(), **{field: "best"}))
    schema = Options.model_json_schema()["properties"][field]
    assert error["details"]["fields"] == [
        {"field": field, "problem": f"not one of {', '.join(schema['enum'])}", "allowed": schema["enum"]}
    ]
    assert "best" not in error["message"]


def test_a_length_says_the_limit_and_the_count(app):
    client = app()
    for field, most in (("page_separator", 200), ("page_range", 1000), ("password", 512)):
        error = error_of(send(client, **{field: "1" * (most + 7)}))
        (found,) = error["details"]["fields"]
        assert (found["max_characters"], found["characters"]) == (most, most + 7)
        assert f"{field}: has {most + 7} characters, at most {most} are allowed" in error["message"]
    (found,) = error_of(client.get("/v1/jobs?limit=501"))["details"]["fields"]
    assert found == {"field": "limit", "problem": "is more than 500", "limit": 500}
    (found,) = error_of(client.get(f"/v1/jobs/{UNKNOWN_JOB}/status?wait=soon"))["details"]["fields"]
    assert found == {"field": "wait", "problem": "is not a number"}


def test_several_wrong_fields_are_all_named(app):
    fields = error_of(send(app(), accuracy_mode="x", cache="maybe", page_range="x", no="x"))["details"]["fields"]
    assert {field["field"] for field in fields} == {"accuracy_mode", "cache", "page_range", "no"}


def test_a_file_that_is_too_large_is_told_the_limit_in_mib_and_its_size(app):
    client = app(max_upload_mb=1)
    announced = client.post("/v1/process/async", data=bytes(3 << 20), content_type="application/pdf")
    error = error_of(announced, "FILE_TOO_LARGE")
    assert error["details"] == {"limit_mb": 1, "announced_bytes": 3 << 20}
    assert error["message"].startswith(
        "The request announced 3.00 MiB; this server accepts files of at most 1 MiB (MAX_UPLOAD_MB)."
    )
    received = client.post("/v1/process/async", data=bytes((1 << 20) + 1), content_type="application/pdf")
    error = error_of(received, "FILE_TOO_LARGE")
    assert error["details"] == {"limit_mb": 1, "file_bytes": (1 << 20) + 1}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service that takes small documents only."""
    with Service(tmp_path_factory.mktemp("messages"), MAX_PAGES=2, MAX_IMAGE_MEGAPIXELS=1, NUM_WORKERS=1) as running:
        yield running


def test_limits_of_documents_say_what_was_asked_for_and_how_much_there_is(service, tmp_path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", ["one", "two", "three"])

    def refused(code, path=path, **fields):
        with path.open("rb") as stream:
            answer = service.client.post("/v1/process/sync", files={"file": (path.name, stream)}, data=fields)
        error = answer.json()["error"]
        assert error["code"] == code
        return error

    error = refused("PAGE_RANGE_EMPTY", page_range="20-30")
    assert error["details"] == {"pages": 3, "page_range": "20-30"}
    assert error["message"].startswith("page_range '20-30' selects no page: the document has 3 pages.")
    error = refused("TOO_MANY_PAGES")
    assert error["details"] == {"pages": 3, "limit": 2}
    assert error["message"].startswith("3 pages of the document are selected; this server reads at most 2 at once")
    error = refused("PICTURE_TOO_LARGE", path=documents.png_bomb(tmp_path / "a.png", 2000))
    assert error["details"] == {"megapixels": 4, "limit_megapixels": 1}
    assert error["message"].startswith("The image has 4 million pixels; this server accepts at most 1 (MAX_IMAGE_MEGAPIXELS).")


def test_the_library_says_it_in_the_same_words():
    with pytest.raises(InvalidOption) as wrong:
        make_options(Settings(), {"acuracy_mode": "fast", "figures": 5})
    assert "did you mean accuracy_mode?" in wrong.value.message
    assert "figures: not one of none, placeholder, embed" in wrong.value.message
    assert not INTERNAL.search(wrong.value.message)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["parse", "a.pdf", "--acuracy-mode", "fast"], "there is no option --acuracy-mode"),
        (["parse", "a.pdf", "--pages-range=1"], "did you mean --pages?"),
        (["parse", "a.pdf", "--foot"], "did you mean --format? Known options: --children, --chunk-max-tokens"),
        (["parse", "a.pdf", "--formt", "json"], "did you mean --format?"),
        (["parse", "a.pdf", "--jobs", "many"], "'many' is not a whole number from 1 on"),
        (["parse", "a.pdf", "--jobs", "0"], "'0' is not a whole number from 1 on"),
        (["parse", "a.pdf", "--mode", "best"], "'fast', 'balanced', 'maximum'"),
        (["parse", PAPER, "--page-separator", "x" * 201], "--page-separator: has 201 characters, at most 200 are allowed"),
        (["parse", PAPER, "--pages", "x"], "--pages: has the form 1,3-5,8-"),
        (["worker", "--workers", "two"], "'two' is not a whole number from 0 on"),
        (["doctor", "--depp"], "did you mean --deep?"),
        (["serv"], "did you mean serve? Known commands: parse, extract, classify, overlay, mcp, serve"),
        (["models", "--olny"], "did you mean --only?"),
    ],
)
def test_the_command_line_says_what_it_knows(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in told
    assert not INTERNAL.search(told)


def test_no_setting_is_refused_in_words_of_the_inside(tmp_path):
    names = [name for _, name, _ in environment_fields()]
    for value in ("wrong", "-5", "[1", "99999999999999999999999"):
        environment = dict.fromkeys(names, value) | {"PATH": "", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "document_parser.api"]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) > 5
        assert not INTERNAL.search(ended.stderr), ended.stderr
        assert all(line.partition(":")[0] in names for line in ended.stderr.splitlines())


def test_of_names_like_none_none_is_meant():
    assert nearest_name("zzz", ["limit", "cursor"]) == ""


def test_a_cancelled_result_names_the_pages_that_are_missing(tmp_path, server):
    path = documents.stamped_pdf(tmp_path / "scan.pdf", range(1, 13))
    settings = {"NUM_WORKERS": 1, "PAGE_CONCURRENCY": 2, "CHECK_IMAGE_PAGES": "suspicious", **asking(server.url)}
    with Service(tmp_path, **settings) as service:
        job_id = service.submit(path)
        wait_until(lambda: service.status(job_id)["progress"]["current_page"] >= 1, 60, "a page is read")
        service.client.post(f"/v1/jobs/{job_id}/cancel")
        ledger = service.client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]
        missing = [page["number"] for page in ledger if page["state"] not in ("done", "blank", "failed")]
        assert 0 < len(missing) < 12
        body = service.result(job_id)
        assert (body["missing_pages"], body["failed_pages"], body["complete"]) == (missing, [], False)
        assert f"{len(missing)} of its pages" in body["message"]
        assert re.findall(r"<!-- page (\d+) was not read: the job was cancelled -->", body["markdown"]) == list(
            map(str, missing)
        )
        pages = service.result(job_id, format="json")["document"]["pages"]
        assert [page["number"] for page in pages if (page["error"] or {}).get("code") == "PAGE_NOT_READ"] == missing
        assert len(pages) == 12
        for name, shown in (("html", '<p class="failed">page {} was not read'), ("text", "[page {} was not read")):
            assert shown.format(missing[0]) in service.result(job_id, format=name)[name]


def test_a_job_cancelled_before_it_was_opened_says_that_its_pages_are_not_known(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        job_id = service.submit(paper)
        service.client.post(f"/v1/jobs/{job_id}/cancel")
        service.also([sys.executable, "-m", "document_parser.worker", "--workers", "1"])
        wait_until(lambda: service.client.get(f"/v1/jobs/{job_id}/result").status_code == 200, 90, "the result is written")
        for name in ("markdown", "html", "text"):
            body = service.result(job_id, format=name)
            assert body["missing_pages"] is None
            assert body["message"].endswith("The number of its pages is unknown.")
            assert "the number of its pages is unknown" in body[name]


def test_a_completed_result_misses_nothing(service, paper):
    job_id = service.submit(paper)
    service.ended(job_id)
    assert (service.result(job_id)["missing_pages"], service.result(job_id)["message"]) == ([], "")


def test_every_error_says_something_to_do_or_to_know_without_words_of_the_inside():
    kinds = [errors.DocumentParserError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
        assert not INTERNAL.search(kind.message), kind
        assert kind.message.endswith(".")
