"""The Postman collection is that of the OpenAPI document, and newman runs it: each answer is one that the document names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from document_parser.api.collection import collection_text
from tests.support.service import ROOT, Service

FILE = ROOT / "docs" / "api.postman_collection.json"


def test_the_collection_is_the_one_of_the_openapi_document():
    made = "python -m document_parser.api.collection > docs/api.postman_collection.json"
    assert FILE.read_text() == collection_text(), f"write it again: {made}"


def test_newman_runs_all_requests_and_each_answer_is_a_documented_one(tmp_path):
    newman = shutil.which("newman")
    if newman is None:
        pytest.skip("newman is not on this machine: npm install --global newman")
    settings = {"RATE_LIMIT_READS": "none", "RATE_LIMIT_UPLOADS": "none"}
    with Service(tmp_path / "service", NUM_WORKERS=1, WEB_WORKERS=1, **settings) as service:
        variables = [f"base_url=http://127.0.0.1:{service.port}", f"token={service.operator_token}"]
        command = [newman, "run", str(FILE), "--working-dir", str(ROOT), "--reporters", "json", "--timeout-request", "90000"]
        command += ["--reporter-json-export", str(tmp_path / "report.json")]
        for variable in variables:
            command += ["--env-var", variable]
        subprocess.run(command, capture_output=True, env=os.environ | {"no_proxy": "127.0.0.1"}, check=False)
    run = json.loads((tmp_path / "report.json").read_text())["run"]
    assert [(one["source"]["name"], one["error"]["message"][:400]) for one in run["failures"]] == []
    assert run["stats"]["requests"]["total"] >= 60
