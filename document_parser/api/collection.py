"""Write the requests of the OpenAPI document as a collection of Postman, which Bruno and newman take too.

``python -m document_parser.api.collection > docs/api.postman_collection.json``

It runs from top to bottom: a document is sent first, and what later requests need, such as ``job_id``, comes from the answers.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from document_parser.settings import Settings, StoreSettings

SCHEMA_URL = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
"""The format of the collection."""
SAMPLE = "samples/paper.pdf"
"""The document that is sent, below the working directory."""
FIRST = ("process_async", "job_status", "job_result", "job_pages", "job_page", "job_page_image", "job_chunks", "cite_span")
"""What a newcomer tries, in this order. It must succeed."""
LAST = ("cancel_batch", "delete_batch", "delete_upload", "revoke_key", "delete_document", "cancel_job", "delete_job", "log_out")
"""What ends or deletes what the other requests need."""
LEFT_OUT = ("delete_owner",)
"""What nobody wants to happen when all requests are run: everything of an owner is deleted."""
TAKEN = {
    "process_async": {"job_id": "job_id"},
    "process_batch": {"batch_id": "batch_id"},
    "create_key": {"key_id": "id"},
    "rotate_key": {"key_id": "id"},
    "alias_upload_init": {"upload_id": "upload_id"},
}
"""Variables that are taken from the answer to an operation: the variable, and the name in the body."""
QUERIES = {"job_status": {"wait": "60"}}
"""Values of the query that a run needs."""
_BODIES = ("multipart/form-data", "application/json", "application/offset+octet-stream")
"""Kinds of bodies, the one that is taken first."""
_FOLDER = "A document from beginning to end"

Json = dict[str, Any]
"""A JSON object."""


def collection_of(document: Json) -> Json:
    """Return the collection of the requests in an OpenAPI document. Routes that repeat another one are left out."""
    found = dict(_operations(document))
    first = [_item(document, *found.pop(name), succeeds=True) for name in FIRST]
    last = [_item(document, *found.pop(name)) for name in LAST]
    folders: dict[str, list[Json]] = {_FOLDER: first}
    for method, path, operation in found.values():
        folders.setdefault(operation["tags"][0], []).append(_item(document, method, path, operation))
    folders["Ends and deletions"] = last
    return {
        "info": {
            "name": document["info"]["title"],
            "description": "Set base_url, and token if a key is needed. Requests below take ids from the answers above.",
            "schema": SCHEMA_URL,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in _variables(document).items()],
        "item": [{"name": name, "item": items} for name, items in folders.items()],
    }


def _operations(document: Json) -> Iterator[tuple[str, tuple[str, str, Json]]]:
    """Yield the id, method, path and description of each operation that is in the collection."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            if name not in LEFT_OUT and (not name.startswith("alias_") or name in TAKEN):
                yield name, (method, path, operation)


def _variables(document: Json) -> dict[str, str]:
    """Return the variables and their first values: those of the paths have the examples of the document."""
    found = {"base_url": "http://127.0.0.1:1233", "token": ""}
    for _, (_, _, operation) in _operations(document):
        found |= {one["name"]: str(_example(one)) for one in operation.get("parameters", ()) if one["in"] == "path"}
    return found


def _item(document: Json, method: str, path: str, operation: Json, *, succeeds: bool = False) -> Json:
    """Return one request, and the tests of its answer."""
    name = operation["operationId"]
    statuses = [int(status) for status in operation["responses"] if not succeeds or status.startswith("2")]
    request: Json = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [
            {"key": one["name"], "value": str(_example(one) or "1.0.0"), "disabled": not one["required"]}
            for one in operation.get("parameters", ())
            if one["in"] == "header"
        ],
        "url": _url(path, operation),
    }
    body = _body(document, operation.get("requestBody", {}).get("content", {}))
    if body is not None:
        request["header"] += body.pop("header", [])
        request["body"] = body
    script = _script(statuses, TAKEN.get(name, {}))
    event = {"listen": "test", "script": {"type": "text/javascript", "exec": script}}
    return {"name": operation["summary"], "request": request, "event": [event]}


def _url(path: str, operation: Json) -> Json:
    """Return an address with its query. What may be left out is there, but turned off."""
    values = QUERIES.get(operation["operationId"], {})
    query = [
        {
            "key": one["name"],
            "value": values.get(one["name"], str(_example(one) if _example(one) is not None else "")),
            "description": one.get("description", ""),
            "disabled": not one["required"] and one["name"] not in values,
        }
        for one in operation.get("parameters", ())
        if one["in"] == "query"
    ]
    written = re.sub(r"\{(\w+)\}", r"{{\1}}", path)
    asked = "&".join(f"{one['key']}={one['value']}" for one in query if not one["disabled"])
    return {
        "raw": f"{{{{base_url}}}}{written}{'?' if asked else ''}{asked}",
        "host": ["{{base_url}}"],
        "path": written.strip("/").split("/"),
        **({"query": query} if query else {}),
    }


def _example(described: Json) -> Any:
    """Return the example of a parameter or property, else its default; None if it has neither."""
    schema = described.get("schema", described)
    examples = (described.get("example"), schema.get("example"), *schema.get("examples", ())[:1], schema.get("default"))
    return next((value for value in examples if value is not None), None)


def _body(document: Json, content: Json) -> Json | None:
    """Return the body of a request; None if it needs none."""
    kind = next((kind for kind in _BODIES if kind in content), None)
    if kind is None:
        return None
    schema = content[kind]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if kind == "multipart/form-data":
        return {"mode": "formdata", "formdata": [_part(name, one, schema) for name, one in schema["properties"].items()]}
    header = [{"key": "Content-Type", "value": kind}]
    if kind != "application/json":
        return {"mode": "file", "file": {"src": SAMPLE}, "header": header}
    required = schema.get("required") or schema["properties"]
    values = {name: _example(one) for name, one in schema["properties"].items() if name in required}
    example = content[kind].get("example") or {name: value for name, value in values.items() if value is not None}
    return {"mode": "raw", "raw": json.dumps(example, indent=2, ensure_ascii=False), "header": header}


def _part(name: str, described: Json, schema: Json) -> Json:
    """Return one part of a form. What may be left out is there, but turned off."""
    if "binary" in json.dumps(described):
        return {"key": name, "type": "file", "src": SAMPLE}
    value = _example(described)
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return {"key": name, "type": "text", "value": text, "disabled": name not in schema.get("required", ())}


def _script(statuses: list[int], taken: dict[str, str]) -> list[str]:
    """Return the lines that test an answer, and take ids from it."""
    lines = [
        "pm.test('answers as the OpenAPI document says', () => {",
        f"  pm.expect({json.dumps(statuses)}, pm.response.text()).to.include(pm.response.code);",
        "});",
    ]
    for variable, name in taken.items():
        lines.append(
            f"if (pm.response.code < 300) pm.collectionVariables.set('{variable}', pm.response.json()['{name}'] || "
            f"pm.collectionVariables.get('{variable}'));"
        )
    return lines


def collection_text() -> str:
    """Return the collection as the text of its file."""
    from document_parser.api.factory import create_app

    with tempfile.TemporaryDirectory() as folder:
        document = create_app(Settings(store=StoreSettings(data_dir=Path(folder)))).api_doc
    return json.dumps(collection_of(document), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(collection_text())
