"""A corpus is shown source by source: documents whose names begin alike, or the repository that the rest is from."""

from __future__ import annotations

import json

import pytest

from benchmarks.quality import corpus as corpora
from benchmarks.quality.page import sources_table, truths_table
from benchmarks.quality.scores import Scored, Verdict

PATHS = (
    "tables/style_1.pdf",
    "tables/style_2.pdf",
    "digital/style_3.pdf",
    "digital/two_1.pdf",
    "digital/two_2.pdf",
    "digital/one.pdf",
)


@pytest.fixture
def corpus(tmp_path):
    rows = "".join(f"{path}\tsomeone/repository\t{'A-source' if 'one' in path else 'B-derived'}\n" for path in PATHS)
    (tmp_path / "MANIFEST.tsv").write_text(f"path\tsource_repo\tgt_tier\n{rows}")
    (tmp_path / "olmocr_unit").mkdir()
    tests = [{"id": "first", "pdf": "../digital/style_3.pdf"}, {"id": "second", "pdf": "own.pdf"}]
    (tmp_path / "olmocr_unit" / "made.jsonl").write_text("\n".join(map(json.dumps, tests)) + "\n")
    return tmp_path


def test_names_that_begin_alike_are_a_source_from_three_on(corpus):
    assert corpora.sources(corpus) == {path: "style" if "style" in path else "someone/repository" for path in PATHS}


def test_unit_tests_count_for_the_source_of_their_document(corpus):
    assert corpora.tested_documents(corpus) == {"first": "digital/style_3.pdf", "second": "olmocr_unit/own.pdf"}
    read = [Scored("tables/style_1.pdf", "tables", "table", "en", {"teds": 0.5})]
    verdict = Verdict(read, {"made order": {"first": True, "second": False}})
    table = sources_table(verdict, corpora.sources(corpus), corpora.tested_documents(corpus))
    assert [line.split(" | ")[0] for line in table[2:]] == ["| digital, style", "| olmocr_unit, ?", "| tables, style"]
    assert "0.500" in table[4]
    assert table[2].endswith("| 1.000 [1.00, 1.00] n=1 |")


def test_truths_that_came_about_in_different_ways_are_shown_apart(corpus):
    read = [Scored(path, "digital", "text", "en", {"word_f1": float("one" in path)}) for path in PATHS]
    table = truths_table(Verdict(read), corpora.truths(corpus))
    assert [line.split(" | ")[:2] for line in table[2:]] == [
        ["| digital: A-source", "1.000 [1.00, 1.00] n=1"],
        ["| digital: B-derived", "0.000 [0.00, 0.00] n=5"],
    ]
