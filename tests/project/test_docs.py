"""The documentation says what is so: every error, route, option and setting, and the README's own commands."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from typing import get_args

import pytest
from opentelemetry.sdk import environment_variables as otel_variables

from document_parser import cli
from document_parser.api import auth
from document_parser.api.factory import create_app
from document_parser.models import HARMLESS_WARNINGS, Options, WarningCode
from document_parser.settings import Settings, StoreSettings, environment_fields
from tests.support.error_kinds import error_kinds
from tests.support.service import ROOT, Service

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))
"""With those in folders of docs/, which index pages of their own lead to."""


def test_every_error_stands_in_the_docs_with_its_status():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\d{3}) \|", API, re.MULTILINE))
    assert rows == {kind.code: str(kind.status) for kind in error_kinds()}


def test_every_route_stands_in_the_readme(tmp_path):
    app = create_app(Settings(store=StoreSettings(data_dir=tmp_path)))
    for path in app.api_doc["paths"]:
        assert path.replace("{job_id}", "{id}").replace("{batch_id}", "{id}") in README, path


def test_the_page_has_words_for_every_warning_and_knows_the_harmless_ones():
    words = (ROOT / "static" / "ui" / "words.js").read_text()
    table = re.search(r"export const WARNINGS = \{(.*?)\n\};", words, re.DOTALL)[1]
    assert set(re.findall(r"^  (\w+): ", table, re.MULTILINE)) == set(get_args(WarningCode))
    harmless = re.search(r"export const HARMLESS = new Set\((.*?)\);", words)[1]
    assert set(json.loads(harmless)) == HARMLESS_WARNINGS


def test_every_option_stands_in_readme_and_docs():
    for name in (*Options.model_fields, "password", "webhook_url", "result_s3"):
        assert f"`{name}`" in README
        assert f"`{name}`" in API


def test_settings_named_in_the_docs_exist():
    known = {name for _, name, _ in environment_fields()}
    # Pages of compat/ also name settings of the systems whose clients they are for.
    texts = [README, *(path.read_text() for path in PAGES if path.parent.name != "compat")]
    named = {name for text in texts for name in re.findall(r"`([A-Z0-9]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", text)}
    codes = {kind.code for kind in error_kinds()}
    assert named - known - codes - set(vars(otel_variables)) == set()


def test_commands_for_the_operator_send_a_token(tmp_path):
    adapter = create_app(Settings(store=StoreSettings(data_dir=tmp_path))).url_map.bind("127.0.0.1")
    without = set()
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for command in re.findall(r"^\$ (curl .*)$", path.read_text(), re.MULTILINE):
            method = "DELETE" if "-X DELETE" in command else "POST" if re.search(r" -(X POST|d|F) ", command) else "GET"
            (address,) = re.findall(r"http://127\.0\.0\.1:1233(/[^\s\"?]*)", command)
            rule, _ = adapter.match(address.replace("…", "a"), method, return_rule=True)
            if auth.needs_operator(method, rule.rule) and "$AUTH" not in command and "Authorization" not in command:
                without.add(command)
    assert without == {'curl "http://127.0.0.1:1233/v1/jobs?limit=50"'}, "the one that is shown to be refused"


def test_the_readmes_curl_gives_the_readmes_answer(tmp_path):
    command, answer = re.search(r"\$ (curl [^\n]*sync)\n(\{.*\})\n", README).groups()
    parts = shlex.split(command)
    fields = dict(part.split("=", 1) for part in parts if re.match(r"\w+=", part))
    promised = json.loads(answer)
    with Service(tmp_path) as service, (ROOT / fields.pop("file").removeprefix("@")).open("rb") as stream:
        given = service.client.post("/v1/process/sync", files={"file": ("scan.pdf", stream)}, data=fields).json()
    assert {name: given[name] for name in promised if promised[name] != "…"} == {
        name: value for name, value in promised.items() if value != "…"
    }


@pytest.mark.parametrize("target", ["demo", "test", "run", "check", "bench"])
def test_the_readmes_commands_are_targets_of_the_makefile(target):
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", ["README.md", "deploy/terraform/README.md", *(path.relative_to(ROOT).as_posix() for path in PAGES)]
)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page):
    path = ROOT / page
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_every_line_of_the_launch_checklist_names_what_fulfils_it_and_its_commands_exist():
    page = (ROOT / "docs" / "launch-checklist.md").read_text()
    *lines, last = re.findall(r"^- \[ \] (.*)$", page, re.MULTILINE)
    assert [line for line in lines if "](" not in line] == []
    assert "](" not in last, "what is yours alone"
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"`((?:docparse|make|python -m) [^`]*)`", page):
        program, name = command.split()[:2]
        if program == "docparse":
            assert name in cli.COMMANDS, command
        elif program == "make":
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), command
        else:
            assert find_spec(command.split()[2]), command


def test_every_page_is_reached_from_the_readme_and_every_page_of_operation_from_deployment():
    pages = {path.name for path in DOCS}
    assert {name for name in pages if f"docs/{name}" not in README} == set()
    deployment = (ROOT / "docs" / "deployment.md").read_text()
    of_operation = {
        "docker",
        "kubernetes",
        "rollout",
        "regions",
        "launch-checklist",
        "observability",
        "runbook",
        "slo",
        "backup",
        "cost",
    }
    assert {name for name in of_operation if f"]({name}.md)" not in deployment} == set()


def test_the_troubleshooting_quotes_errors_as_callers_see_them():
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    quoted = dict(re.findall(r"^### `([A-Z_]+)`\n\n> (.*)$", page, re.MULTILINE))
    assert len(quoted) > 15
    assert quoted.items() <= {kind.code: kind.message for kind in error_kinds()}.items()
