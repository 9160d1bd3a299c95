"""XML is parsed without entities, DTD and network."""

from __future__ import annotations

import io

import pytest

from document_parser.errors import DamagedDocument
from document_parser.sources.xml_trees import iterate_xml, local_name, parse_xml

ENTITY = b'<!DOCTYPE a [<!ENTITY e "text">]><a b="&e;">&e;</a>'


def test_text_is_read_and_comments_are_none():
    root = parse_xml('<?xml version="1.0" encoding="utf-16"?><a xmlns="urn:x">one<!-- no --> two<?pi no?></a>'.encode("utf-16"))
    assert (local_name(root), root.text) == ("a", "one two")


def test_a_document_that_declares_entities_is_refused():
    with pytest.raises(DamagedDocument, match="declares entities"):
        parse_xml(ENTITY)
    with pytest.raises(DamagedDocument, match="declares entities"):
        list(iterate_xml(io.BytesIO(ENTITY), ["a"]))


def test_no_file_is_read_for_a_document(tmp_path):
    (tmp_path / "secret.dtd").write_text('<!ENTITY e "secret">')
    root = parse_xml(f'<!DOCTYPE a SYSTEM "{tmp_path}/secret.dtd"><a b="1">&e;</a>'.encode())
    assert "".join(root.itertext()) == "&e;"
    assert parse_xml(f'<!DOCTYPE a SYSTEM "{tmp_path}/none.dtd"><a>text</a>'.encode()).text == "text"


@pytest.mark.parametrize("data", [b"", b"no xml", b"<a><b></a>", b"<a>" * 300 + b"</a>" * 300, b"<a>\xff</a>"])
def test_what_is_no_sound_xml_is_damaged(data: bytes):
    with pytest.raises(DamagedDocument):
        parse_xml(data)
    with pytest.raises(DamagedDocument):
        list(iterate_xml(io.BytesIO(data), ["a"]))


def test_what_can_be_read_of_damaged_xml_is_recovered_on_request():
    assert [child.text for child in parse_xml(b"<a><b>1</b><b>2</a>", recover=True)] == ["1", "2"]


def test_elements_are_yielded_and_forgotten():
    rows = b"".join(b"<row><c>%d</c></row>" % number for number in range(3))
    found = []
    for row in iterate_xml(io.BytesIO(b"<sheet><other/>" + rows + b"</sheet>"), ["row"]):
        assert row.getprevious() is None or not len(row.getprevious())
        found.append(row[0].text)
    assert found == ["0", "1", "2"]


def test_an_element_within_another_of_the_tags_stays_in_it_until_that_ends():
    seen = [(element.tag, len(element)) for element in iterate_xml(io.BytesIO(b"<a><b><c/></b><b/></a>"), ["b", "c"])]
    assert seen == [("c", 0), ("b", 1), ("b", 0)]
