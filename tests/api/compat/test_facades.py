"""What holds for every facade: where it is served, who may ask, and how errors look."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile

import pytest
from pydantic import ValidationError

from document_parser.api.compat.conversion import check_succeeded
from document_parser.api.compat.mounting import load_facades
from document_parser.api.factory import create_app
from document_parser.api.middleware.access import RESULT_READ
from document_parser.errors import JobEnded
from document_parser.jobs.records.job import Job
from document_parser.models import JobState
from document_parser.settings import ApiSettings, Settings, StoreSettings
from document_parser.settings.serving import FACADES
from tests.support.documents import dynamic_form_pdf, report_pdf
from tests.support.ledger_jobs import make_card
from tests.support.routes import routes as own_routes
from tests.support.service import wait_until

SECRET = "alices-facade-report"
SENTENCE = "Quarterly"


def settings(tmp_path, **api):
    return Settings(api=ApiSettings(**api), store=StoreSettings(data_dir=tmp_path))


def paths_of(app):
    return {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods - {"OPTIONS", "HEAD"}}


def compat_rules():
    """Method, template and route of everything that a facade serves below its prefix."""
    return [(route, f"/compat/{name}{route.rule}") for name, facade in load_facades(FACADES).items() for route in facade.routes]


def test_facades_are_served_to_this_machine_and_to_others_only_if_they_are_named(tmp_path):
    assert ("PUT", "/process") in paths_of(create_app(settings(tmp_path)))
    others = create_app(settings(tmp_path, facades="none"))
    assert paths_of(others) == {route for route in own_routes() if route[0] not in ("HEAD", "OPTIONS")}
    exposed = ApiSettings(api_host="0.0.0.0")
    assert exposed.chosen_facades(private=False) == ()
    assert exposed.chosen_facades(private=True) == FACADES
    named = create_app(settings(tmp_path, facades="openwebui, DOCLING"))
    assert ("PUT", "/compat/openwebui/process") in paths_of(named)
    assert not [rule for _, rule in paths_of(named) if rule.startswith("/compat/mistral/")]


def test_an_unknown_facade_is_an_error_that_says_which_there_are(tmp_path):
    with pytest.raises(ValidationError, match=r"FACADES lists docling, openwebui, .*it does not know doclign"):
        ApiSettings(facades="doclign,mistral")
    with pytest.raises(ValidationError, match="it does not know all"):
        ApiSettings(facades="all,mistral")


def test_our_own_routes_stay_and_the_openapi_document_is_the_same(tmp_path):
    with_all, without = create_app(settings(tmp_path)), create_app(settings(tmp_path, facades="none"))
    assert with_all.api_doc == without.api_doc
    own = {rule.rule: rule.endpoint for rule in without.url_map.iter_rules()}
    served = {rule.rule: rule.endpoint for rule in with_all.url_map.iter_rules() if not rule.endpoint.startswith("compat ")}
    assert served == own


def test_every_route_that_gives_contents_is_audited_and_names_ids_as_ownership_does():
    for route, rule in compat_rules():
        names = set(re.findall(r"<(?:[^:<>]+:)?([^<>]+)>", rule))
        assert names <= {"job_id", "batch_id", "upload_id", "model", "name"}, rule
        if route.receives:
            assert route.access.scope in ("process", "extract"), rule
            assert "job.submit" in route.access.actions or "upload_id" in names or not route.access.actions, rule
    assert any(RESULT_READ in route.access.actions for route, _ in compat_rules())


@pytest.fixture(scope="module")
def alices_job(facades, alice, tmp_path_factory):
    path = report_pdf(tmp_path_factory.mktemp("alices") / f"{SECRET}.pdf")
    answer = alice.post("/v1/process/sync", files={"file": (path.name, path.read_bytes())})
    assert answer.status_code == 200, answer.text
    return answer.json()["job_id"]


def test_no_facade_shows_bob_what_is_alices(bob, alices_job):
    found = []
    for route, rule in compat_rules():
        if "<job_id>" not in rule:
            continue
        address = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: alices_job if match[1] == "job_id" else "x", rule)
        answer = bob.request(route.method, address, json={} if route.method == "POST" else None)
        if answer.status_code != 404 or SECRET in answer.text or SENTENCE in answer.text:
            found.append((route.method, address, answer.status_code, answer.text[:200]))
    assert found == []


def test_no_facade_answers_without_a_key_what_is_not_for_anyone(anyone, alices_job):
    for route, rule in compat_rules():
        address = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: alices_job if match[1] == "job_id" else "x", rule)
        answer = anyone.request(route.method, address, json={} if route.method == "POST" else None)
        assert (answer.status_code == 401) == (route.access.scope is not None), (route.method, address, answer.text)
        assert answer.headers["X-Request-ID"]
        assert "error" not in answer.json() or set(answer.json()) != {"error", "request_id", "timestamp"}, "in the wire's shape"


def test_a_job_that_was_cancelled_before_it_was_opened_is_no_empty_document():
    cancelled = Job(card=make_card(), state=JobState.CANCELLED)
    with pytest.raises(JobEnded, match="nothing of it was read"):
        check_succeeded(cancelled)
    assert check_succeeded(cancelled.model_copy(update={"page_count": 3})).page_count == 3


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory):
    """A file whose one page has more than what is read of it, as a warning of the page says."""
    return dynamic_form_pdf(tmp_path_factory.mktemp("doubtful") / "form.pdf").read_bytes()


def test_every_facade_says_which_page_is_likely_incomplete_and_why(alice, doubtful):
    def sent(path, field="file", **data):
        return alice.post(path, files={field: ("form.pdf", doubtful)}, data=data)

    docling = sent("/v1/convert/file", "files").json()
    assert [(one["module_name"], one["page_no"]) for one in docling["errors"]] == [("low_coverage", 1)]
    assert (docling["status"], docling["errors"][0]["component_type"]) == ("success", "pipeline")
    assert docling["errors"][0]["error_message"].endswith(".")
    chunks = sent("/v1/chunk/hybrid/file", "files").json()
    assert chunks["documents"][0]["errors"] == docling["errors"]
    assert sent("/v1/convert/file", "files", target_type="zip").headers["X-Warned-Pages"] == "1"

    asked = {"type": "document_url", "document_url": "data:application/pdf;base64," + base64.b64encode(doubtful).decode()}
    (page,) = alice.post("/v1/ocr", json={"model": "any", "document": asked}).json()["pages"]
    assert [one["code"] for one in page["warnings"]] == ["low_coverage"]

    parts = {"return_md": "true", "return_middle_json": "true"}
    mineru = sent("/file_parse", "files", **parts).json()["results"]["form"]
    assert mineru["warnings"] == [{"page_idx": 0, "codes": ["low_coverage"]}]
    assert json.loads(mineru["middle_json"])["pdf_info"][0]["warnings"] == page["warnings"]
    packed = sent("/file_parse", "files", response_format_zip="true")
    assert json.loads(zipfile.ZipFile(io.BytesIO(packed.content)).read("form/auto/warnings.json")) == mineru["warnings"]

    loaded = alice.put("/process", content=doubtful, headers={"X-Filename": "form.pdf"}).json()[0]["metadata"]
    assert (loaded["warnings"], loaded["warned_pages"]) == ("low_coverage", "1")

    elements = sent("/general/v0/general", "files")
    assert elements.headers["X-Warned-Pages"] == "1"
    assert elements.json()[0]["metadata"]["warnings"] == [{**page["warnings"][0], "page_number": 1}]
    (chunk,) = sent("/general/v0/general", "files", chunking_strategy="by_title").json()
    assert chunk["metadata"]["warnings"] == elements.json()[0]["metadata"]["warnings"]

    job_id = sent("/api/v2/parse/upload").json()["id"]
    parsed = ended(alice, f"/api/v2/parse/{job_id}?expand=markdown,metadata", lambda body: body["job"]["status"])
    for part in ("markdown", "metadata"):
        assert parsed[part]["pages"][0]["warnings"] == page["warnings"]

    place = alice.post("/documentintelligence/documentModels/prebuilt-read:analyze", content=doubtful)
    analysed = ended(alice, place.headers["Operation-Location"], lambda body: body["status"])["analyzeResult"]
    assert [(one["code"], one["target"]) for one in analysed["warnings"]] == [("low_coverage", "page 1")]


def ended(client, address, status):
    """The answer about a job, once it has ended."""
    found = {}

    def is_over():
        found.update(client.get(address).json())
        return status(found) in ("COMPLETED", "succeeded", "FAILED", "failed")

    wait_until(is_over, 60, "the job has ended", pause=0.2)
    return found


@pytest.mark.parametrize(
    ("path", "fields", "name", "have"),
    [
        ("/file_parse", {"start_page_id": "7"}, "start_page_id and end_page_id", "2 pages, counted from 0"),
        (
            "/api/v2/parse/upload",
            {"configuration": '{"page_ranges": {"target_pages": "7"}}'},
            "target_pages",
            "2 pages, counted",
        ),
        ("/documentintelligence/documentModels/prebuilt-read:analyze?pages=7", None, "pages", "2 pages, counted from 1"),
        ("/v1/ocr", {"pages": [7]}, "pages", "2 pages, counted from 0"),
    ],
)
def test_a_wrong_choice_of_pages_names_the_field_that_the_client_sent(alice, paper, path, fields, name, have):
    data = paper.read_bytes()
    if path == "/v1/ocr":
        sent = {"type": "document_url", "document_url": "data:application/pdf;base64," + base64.b64encode(data).decode()}
        answer = alice.post(path, json={"model": "any", "document": sent, **fields})
    elif fields is None:
        answer = alice.post(path, content=data)
    else:
        answer = alice.post(path, files={"file" if "upload" in path else "files": ("paper.pdf", data)}, data=fields)
    told = answer.text
    if answer.status_code == 200:
        told = str(ended(alice, f"/api/v2/parse/{answer.json()['id']}", lambda body: body["job"]["status"]))
    if answer.status_code == 202:
        told = str(ended(alice, answer.headers["Operation-Location"], lambda body: body["status"]))
    assert f"No page of the document is chosen by {name}: it has {have}" in told
    assert "page_range " not in told


def test_errors_name_the_fields_of_the_client(alice):
    refused = alice.post("/documentintelligence/documentModels/prebuilt-read:analyze?pages=first", content=b"Words.")
    assert "pages: has the form 1,3-5,8- and 'first' does not match it." in refused.text
    address = "s3:///a.pdf"
    for path, body, name in (
        ("/v1/convert/source", {"sources": [{"kind": "http", "url": address}]}, "sources"),
        ("/v1/ocr", {"document": {"type": "document_url", "document_url": address}}, "document"),
        ("/api/v2/parse", {"source_url": address}, "source_url"),
        ("/documentintelligence/documentModels/prebuilt-read:analyze", {"urlSource": address}, "urlSource"),
    ):
        refused = alice.post(path, json=body)
        assert refused.status_code in (400, 422), (path, refused.text)
        assert f"Not understood: {name}: " in refused.text, path


def test_paths_and_methods_that_a_facade_does_not_have_are_answered_in_its_shape(alice):
    shapes = {
        "docling": "detail", "openwebui": "detail", "mistral": "object", "unstructured": "detail", "mineru": "detail",
        "llamaparse": "detail", "azure": "error",
    }  # fmt: skip
    natives = {"docling": "/v1/convert/sauce", "mistral": "/v1/files/a/b", "azure": "/documentintelligence/models"}
    for name, facade in load_facades(FACADES).items():
        reads = next(route.rule for route in facade.routes if "<" not in route.rule)
        for method, path, status in (
            ("GET", f"/compat/{name}/nowhere", 404),
            ("GET", natives.get(name, f"/compat/{name}"), 404),
            ("PATCH", f"/compat/{name}{reads}", 405),
            ("PATCH", reads if name != "mineru" else "/file_parse", 405),
        ):
            answer = alice.request(method, path)
            assert answer.status_code == status, (method, path, answer.text)
            assert shapes[name] in answer.json(), (method, path, answer.text)
            assert "request_id" not in answer.json(), (method, path, answer.text)
    assert set(alice.get("/v1/nowhere").json()) == {"error", "request_id", "timestamp"}
    assert set(alice.patch("/v1/jobs").json()) == {"error", "request_id", "timestamp"}
