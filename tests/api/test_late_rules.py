"""Rules compile what builds addresses late, and build the same as Werkzeug's own."""

from __future__ import annotations

import pytest
from flask import url_for
from werkzeug.routing import Map, Rule

from document_parser.api.factory import create_app
from document_parser.api.late_rules import LateRule
from document_parser.settings import Settings, StoreSettings


@pytest.fixture
def compiled(monkeypatch):
    """The rules of which Werkzeug has compiled a builder."""
    found = []
    compile_builder = Rule._compile_builder

    def note(rule, append_unknown=True):
        found.append(rule.rule)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", note)
    return found


def test_a_new_app_has_compiled_nothing_and_one_address_compiles_one_builder_once(compiled, tmp_path):
    app = create_app(Settings(store=StoreSettings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")))
    assert compiled == []
    with app.test_request_context():
        built = [url_for("jobs.status", job_id=name) for name in ("a", "b")]
    assert built == ["/v1/jobs/a/status", "/v1/jobs/b/status"]
    assert compiled == ["/v1/jobs/<job_id>/status"]


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ({"string": "/still"}, {}),
        ({"string": "/still"}, {"asked": "1 & 2"}),
        ({"string": "/jobs/<job_id>/pages/<int:number>"}, {"job_id": "ä/ö", "number": 7, "other": ["x", "y"]}),
        ({"string": "/files/<path:rule>"}, {"rule": "a/b c", "self": "me"}),
        ({"string": "/pages/<int:number>", "defaults": {"number": 1}}, {"number": 1}),
        ({"string": "/<name>", "subdomain": "<place>"}, {"name": "n", "place": "p"}),
    ],
)
@pytest.mark.parametrize("append_unknown", [True, False])
def test_addresses_are_those_of_werkzeug(rule, values, append_unknown):
    own, late = (
        Map([kind(**rule, endpoint="here")]).bind("example.org").build("here", values, append_unknown=append_unknown)
        for kind in (Rule, LateRule)
    )
    assert late == own
