"""The short form of benchmarks.faulty_models: servers that know the pages, and go wrong on all of them."""

from __future__ import annotations

import pytest

from benchmarks.faulty_models import real_tables, short_run, tables_cut


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return short_run(tmp_path_factory.mktemp("faulty"))


def test_sound_pages_are_neither_flagged_nor_rejected(runs):
    assert {name: one.accused for name, one in runs[0].items()} == {"digital": [], "scans": []}


def test_no_page_is_lost_invented_or_silently_cut_when_a_model_goes_wrong_on_every_page(runs):
    for outcome in runs[1].values():
        assert outcome.faults == outcome.pages > 0
        assert (outcome.lost, outcome.invented, outcome.gaps) == ([], [], [])
        assert outcome.guards


def test_tables_of_equal_rows_are_not_cut_as_loops(tmp_path):
    row = "<tr>" + "<td>0.00</td>" * 4 + "</tr>"
    empty = "<tr>" + "<td></td>" * 6 + "</tr>"
    assert tables_cut([f"<table>{row * 40}</table>", f"<table>{empty * 30}</table>"]) == (0, 2)
    assert real_tables(tmp_path, []) == []
