"""The tree under tests/ mirrors the package, and what tests share stands in tests/support."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.service import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "document_parser"
WITHOUT_A_PACKAGE = {"cases", "clients", "drawn", "guides", "page", "project", "service", "support"}
"""Tests of the page at ``/``, of the checkout, the guides, the service as a whole, with other systems' clients; and helpers."""


def imports_of(path: Path) -> Iterator[str]:
    """The full name of each module that a file imports; of a package, also of each name that is taken from it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            yield from (f"{module}.{name.name}" for name in node.names)


def test_nothing_is_imported_from_a_test_module():
    files = [path for folder in ("tests", "benchmarks", "samples") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    found = [(str(path.relative_to(ROOT)), name) for path in files for name in imports_of(path) if name.startswith("tests.")]
    assert [(path, name) for path, name in found if not name.startswith("tests.support.")] == []


def test_each_test_stands_in_the_folder_of_a_package_or_is_named_for_a_module():
    folders = {path.parent.name for path in TESTS.glob("*/__init__.py")}
    assert folders - {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == WITHOUT_A_PACKAGE
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")} <= modules
