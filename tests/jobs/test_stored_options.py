"""Cards of jobs and batches as two versions side by side read and write them."""

from __future__ import annotations

import ast
import json
import subprocess

import pytest

from document_parser.jobs.records.batches import BatchCard
from document_parser.jobs.records.job import JobCard
from document_parser.jobs.records.stored_options import NEWER_FIELD, NEWER_OPTIONS
from document_parser.models import Options
from tests.support.ledger_jobs import make_card
from tests.support.released import NoRelease, last_release
from tests.support.service import ROOT

ASKED = Options(classify=True, labels="invoice,receipt", page_range="2-")


def make_batch(options):
    return BatchCard(batch_id="b", created_at=make_card().created_at, options=options)


def options_of_the_last_release():
    try:
        release = last_release()
    except NoRelease as reason:
        pytest.skip(str(reason))
    command = ["git", "show", f"{release}:document_parser/models/options.py"]
    source = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (known,) = [one for one in ast.parse(source).body if isinstance(one, ast.ClassDef) and one.name == "Options"]
    return {one.target.id for one in known.body if isinstance(one, ast.AnnAssign)}


def test_the_options_that_are_set_aside_are_those_that_the_last_release_would_refuse():
    assert set(NEWER_OPTIONS) == Options.model_fields.keys() - options_of_the_last_release()


@pytest.mark.parametrize("card", [make_card(options=ASKED), make_batch(ASKED)])
def test_a_card_holds_no_option_that_the_last_release_would_refuse_and_is_read_back_whole(card):
    stored = card.model_dump_json()
    assert not json.loads(stored)["options"].keys() & set(NEWER_OPTIONS)
    assert json.loads(stored)[NEWER_FIELD] == {"classify": True, "labels": "invoice,receipt"}
    assert type(card).model_validate_json(stored) == card


def test_a_request_that_asks_for_nothing_new_has_the_fingerprint_that_the_last_release_gives_it():
    sent = json.loads(make_card().model_dump_json(include={"sha256", "options"}))
    assert sent.keys() == {"sha256", "options"}
    assert sent["options"].keys() == Options.model_fields.keys() - set(NEWER_OPTIONS)


def test_options_that_only_a_newer_version_knows_are_left_out():
    stored = json.loads(make_card(options=ASKED).model_dump_json())
    stored["options"]["colour"] = "blue"
    stored[NEWER_FIELD]["taste"] = "sweet"
    assert JobCard.model_validate(stored).options == ASKED
