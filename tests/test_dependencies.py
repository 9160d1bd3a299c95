"""What the package imports is what it declares, and no version with a known hole satisfies that."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.service import ROOT

KNOWN_HOLES = {
    "cryptography": "46.0.4",  # CVE-2026-26007
    "flask": "3.1.2",  # CVE-2025-47278, CVE-2026-27205
    "flask-cors": "5.0.1",  # CVE-2024-6866
    "gunicorn": "22.0.0",  # CVE-2024-6827
    "h11": "0.14.0",  # CVE-2025-43859
    "jinja2": "3.1.5",  # CVE-2025-27516
    "opencv-python-headless": "4.8.0.76",  # CVE-2023-4863
    "pdfplumber": "0.11.7",  # brings pdfminer.six with CVE-2025-64512
    "pillow": "12.1.0",  # CVE-2026-25990
    "protobuf": "6.33.4",  # CVE-2026-0994
    "requests": "2.32.3",  # CVE-2024-47081
    "urllib3": "2.6.2",  # CVE-2026-21441
    "werkzeug": "3.1.5",  # CVE-2026-21860, CVE-2026-27199
}
"""The last version with a hole that is fixed in the next one."""


class RunTime(ast.NodeTransformer):
    """Leaves out what is imported for type checkers alone."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)


def declared() -> dict[str, list[Requirement]]:
    """The requirements of the package itself under "", those of its extras by name."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    return {name: [Requirement(line) for line in text.splitlines() if line.strip()] for name, text in lists.items()}


def imported() -> dict[str, set[str]]:
    """The top-level modules that the package imports, with the files that do."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "document_parser").rglob("*.py"):
        for node in ast.walk(RunTime().visit(ast.parse(path.read_text()))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    return {name: files for name, files in found.items() if name not in sys.stdlib_module_names}


def test_everything_that_is_imported_is_declared():
    names = {canonicalize_name(one.name) for extra, ones in declared().items() if extra != "dev" for one in ones}
    providers = packages_distributions()
    missing = {
        module: files
        for module, files in imported().items()
        if not names & {canonicalize_name(name) for name in providers.get(module, [module])} and module != "document_parser"
    }
    assert not missing


@pytest.mark.parametrize("name", KNOWN_HOLES)
def test_no_version_with_a_known_hole_is_good_enough(name):
    (wanted,) = (one for one in declared()[""] if canonicalize_name(one.name) == name)
    assert not wanted.specifier.contains(KNOWN_HOLES[name])


def test_every_requirement_is_met_by_the_pinned_version():
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    unmet = [str(one) for one in declared()[""] if not one.specifier.contains(pinned[canonicalize_name(one.name)])]
    assert not unmet


@pytest.mark.parametrize(
    "program",
    [
        "import document_parser.keeper, document_parser.valkey",
        "from document_parser.api import serving; serving._preload(None)",
        "import document_parser.worker; from document_parser.jobs import worker; worker.preload()",
        "import document_parser.pipeline.opener",
    ],
)
def test_no_process_that_stays_loads_what_draws_on_terminals_or_two_clients_of_redis(program):
    """It would be 4 and 6 MiB more in each of them."""
    told = f"import sys; {program}; print(*{{'rich', 'redis', 'valkey'}} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert len(ran.stdout.split()) <= 1
    assert "rich" not in ran.stdout
