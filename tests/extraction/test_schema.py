"""Schemas are compiled into fields, and everything that is not supported is named by its JSON pointer."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from document_parser.extraction.registry import load_schemas
from document_parser.extraction.schema import (
    MAX_DEPTH,
    MAX_PROPERTIES,
    Group,
    Leaf,
    ListOf,
    SchemaProblems,
    compile_schema,
    matches,
    schema_of_names,
    words_of_key,
)


def of(**properties):
    return {"type": "object", "properties": properties}


def problems_of(schema) -> dict[str, str]:
    with pytest.raises(SchemaProblems) as caught:
        compile_schema(schema)
    return {problem.pointer: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("key", ["invoiceNumber", "invoice_number", "InvoiceNumber", "invoice-number", "invoice number"])
def test_keys_of_every_notation_are_the_same_words(key):
    assert words_of_key(key) == "invoice number"


def test_optional_values_are_written_in_three_ways_and_mean_the_same():
    kinds = ({"type": "number"}, {"type": ["number", "null"]}, {"anyOf": [{"type": "null"}, {"type": "number"}]})
    found = [compile_schema(of(a=kind)).fields["a"] for kind in kinds]
    assert {(one.kind, one.labels) for one in found} == {("number", ("a",))}


def test_references_within_the_schema_are_followed_and_others_are_not():
    schema = {**of(a={"$ref": "#/$defs/money"}), "$defs": {"money": {"type": "number", "title": "Sum"}}}
    assert compile_schema(schema).fields["a"] == Leaf("a", "number", ("a", "Sum"))
    assert "/properties/a/$ref" in problems_of(of(a={"$ref": "https://example.org/money.json"}))
    assert "/properties/a/$ref" in problems_of(of(a={"$ref": "#/$defs/missing"}))


def test_a_schema_that_contains_itself_is_refused():
    schema = {**of(a={"$ref": "#/$defs/node"}), "$defs": {"node": of(child={"$ref": "#/$defs/node"})}}
    assert any("contains itself" in message for message in problems_of(schema).values())


def test_a_schema_that_no_store_could_keep_is_refused_and_breaks_nothing():
    chain = {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(3000)}
    choice, deep = {"type": "string"}, "x"
    for _ in range(200):
        choice, deep = {"anyOf": [choice, {"type": "null"}]}, [deep]
    assert any("lead to each other" in one for one in problems_of({**of(a={"$ref": "#/$defs/d0"}), "$defs": chain}).values())
    assert "levels of JSON" in problems_of(of(a=choice))[""]
    assert "levels of JSON" in problems_of(of(a={"type": "string", "default": deep}))[""]
    assert "surrogate" in problems_of(of(**{"\ud800": {"type": "string"}}))[""]
    assert "1 MiB" in problems_of(of(a={"type": "string", "description": "x" * (1 << 20)}))[""]


def test_lists_of_objects_and_of_values_are_fields():
    root = compile_schema(
        of(lines={"type": "array", "items": of(name={"type": "string"})}, tags={"type": "array", "items": {"type": "string"}})
    )
    assert isinstance(root.fields["lines"], ListOf)
    assert isinstance(root.fields["lines"].item, Group)
    assert isinstance(root.fields["tags"].item, Leaf)


def test_a_list_within_the_rows_of_a_list_is_refused():
    inner = {"type": "array", "items": {"type": "string"}}
    assert "/properties/lines/items" in problems_of(of(lines={"type": "array", "items": of(notes=inner)}))
    assert "/properties/lines/items" in problems_of(of(lines={"type": "array", "items": inner}))


def test_a_schema_of_a_row_has_no_list():
    schema = of(name={"type": "string"}, lines={"type": "array", "items": {"type": "string"}})
    compile_schema(schema)
    with pytest.raises(SchemaProblems, match="1 problem") as caught:
        compile_schema(schema, of_row=True)
    assert "/lines is a list" in caught.value.problems[0].message


def test_there_are_bounds_of_properties_and_of_levels():
    compile_schema(of(**{f"p{number}": {"type": "string"} for number in range(MAX_PROPERTIES)}))
    problems_of(of(**{f"p{number}": {"type": "string"} for number in range(MAX_PROPERTIES + 1)}))
    deep = {"type": "string"}
    for _ in range(MAX_DEPTH):
        deep = of(a=deep)
    compile_schema(deep)
    problems_of(of(a=deep))


def test_all_problems_are_named_at_once():
    found = problems_of(of(a={"oneOf": []}, b={"type": "string", "pattern": "("}, c={"type": "object"}, d={"type": "array"}))
    assert {"/properties/a/type", "/properties/b/pattern", "/properties/c", "/properties/d"} <= set(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "enum", "$ref", "anyOf", "pattern", "title", "x-labels", "a", "required"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


# How long it takes to make up what is sent says nothing of the compiler.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["type", "properties", "items", "$ref", "anyOf", "$defs"]), json_values, max_size=4))
def test_whatever_is_sent_as_a_schema_is_compiled_or_refused(schema):
    problems: list[object] = []
    try:
        found: object = compile_schema(schema)
    except SchemaProblems as error:
        found, problems = None, list(error.problems)
    assert isinstance(found, Group) != bool(problems)


def test_no_pattern_takes_time_without_end():
    assert not matches("^(a+)+$", "a" * 60 + "b")
    assert "/properties/a/pattern" in problems_of(of(a={"type": "string", "pattern": "(?=a)"}))


def test_names_stand_for_an_object_of_texts():
    assert set(compile_schema(schema_of_names(["a", "b c"])).fields) == {"a", "b c"}


def test_ones_own_folder_adds_schemas_and_replaces_shipped_ones(tmp_path):
    own = {"name": "invoice", "version": 7, "title": "Ours", "json_schema": of(a={"type": "string"})}
    (tmp_path / "invoice.json").write_text(json.dumps(own))
    found = load_schemas(str(tmp_path))
    assert found["invoice"].version == 7
    assert "receipt" in found


OF_ANOTHER_NAME = json.dumps({"name": "other", "version": 1, "title": "", "json_schema": of(a={"type": "string"})})
EMPTY = json.dumps({"name": "mine", "version": 1, "title": "", "json_schema": {}})


@pytest.mark.parametrize("content", ["{", OF_ANOTHER_NAME, EMPTY])
def test_a_file_that_is_no_schema_is_named(tmp_path, content):
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(ValueError, match=r"mine\.json"):
        load_schemas(str(tmp_path))
