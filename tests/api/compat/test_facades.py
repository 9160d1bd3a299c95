"""What holds for every facade: where it is served, who may ask, and how errors look."""

from __future__ import annotations

import re

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
from tests.support.documents import report_pdf
from tests.support.ledger_jobs import make_card
from tests.support.routes import routes as own_routes

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
