"""What is imported is declared, what is declared is used, and no version with a known hole satisfies that."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from configparser import ConfigParser
from functools import cache
from importlib.metadata import distribution, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.service import NOBODY, ROOT

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

USED_WITHOUT_IMPORT = {
    "flask-openapi-swagger": ("document_parser/api/routes/health.py", "/openapi/swagger"),  # flask-openapi finds it
    "rapidocr": ("document_parser/engines/rapidocr/networks.py", 'find_spec("rapidocr")'),  # the models in its wheel
    "vllm": ("document_parser/cli/models.py", '"vllm"'),
    "torch": ("setup.cfg", "vllm"),
    "boto3-stubs": ("document_parser/storage/s3.py", "mypy_boto3_s3"),
    "types-olefile": ("document_parser/sources/mail/outlook_file.py", "olefile.OleFileIO[str]"),
    "import-linter": ("Makefile", "/lint-imports"),
    "mkdocs-material": ("mkdocs.yml", "name: material"),
    "mypy": ("Makefile", "/mypy"),
    "ruff": ("Makefile", "/ruff"),
    "pytest-timeout": ("pyproject.toml", "timeout = "),
    "pytest-xdist": ("Makefile", "--numprocesses"),
    "openapi-python-client": ("tests/api/test_openapi.py", "openapi_python_client"),
    "oidc-provider-mock": ("tests/support/login_provider.py", '"oidc_provider_mock"'),
    "mkdocs": ("Makefile", "/mkdocs build"),
    "psycopg": ("document_parser/accounts/database.py", "postgresql+psycopg"),
}
"""A requirement that no module imports: the file that uses it, and what is written there."""

FOR_DEVELOPERS = ("dev", "drawn", "load")
"""The extras that the package itself does not import."""
FOR_OPERATORS = ("s3", "nvml", "otel", "sentry", "mcp")
"""The extras that the package imports only if the settings ask for it."""

OWN_ENVIRONMENT = ROOT / "tests" / "support" / "vllm_peer"
"""Programs that run where a model server is installed, with what is installed there."""


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


def imported(*folders: str) -> dict[str, set[str]]:
    """The top-level modules that the code in these folders imports from others, with the files that do."""
    found: dict[str, set[str]] = {}
    for name, files in (item for folder in folders for item in imported_in(folder).items()):
        found[name] = found.get(name, set()) | files
    return found


@cache
def imported_in(folder: str) -> dict[str, set[str]]:
    """The same of one folder."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        if path.is_relative_to(OWN_ENVIRONMENT):
            continue
        for node in ast.walk(RunTime().visit(ast.parse(path.read_text()))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    own = {"document_parser", "tests", "benchmarks", "paper_text"}
    return {name: files for name, files in found.items() if name not in sys.stdlib_module_names | own | LATER_STDLIB}


LATER_STDLIB = {"compression"}
"""Modules of the standard library of newer versions of Python than the oldest that is supported."""
PRODUCT = ("document_parser",)
ALL_CODE = (*PRODUCT, "tests", "benchmarks", "samples")


providers = cache(packages_distributions)


def distributions_of(modules: Iterable[str]) -> set[str]:
    """The names of all distributions that provide these modules."""
    return {canonicalize_name(name) for module in modules for name in providers().get(module, [module])}


def names_in(*extras: str) -> set[str]:
    """The names of the requirements in these lists; all lists if none is named."""
    return {canonicalize_name(one.name) for extra, ones in declared().items() if not extras or extra in extras for one in ones}


def brought_along(wanted: Iterable[Requirement], *, beside: bool = False) -> set[str]:
    """The names of these requirements and of all that they bring along; ``beside``: of the latter alone."""
    todo, seen = list(wanted), set()
    direct = {canonicalize_name(one.name) for one in todo}
    indirect: set[str] = set()
    while todo:
        one = todo.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in requires(one.name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                indirect.add(canonicalize_name(needed.name))
                todo.append(needed)
    return indirect if beside else direct | indirect


PEERS = {"benchmarks/intake/peer.py", "benchmarks/quality/xberg_peer.py", "benchmarks/chunks.py", "benchmarks/facades.py"}
"""Programs that need what they are compared with: the first has an environment of its own, the others say what to install."""


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(PRODUCT, ("", *FOR_OPERATORS)), (ALL_CODE, ("", *FOR_OPERATORS, *FOR_DEVELOPERS))],
)
def test_everything_that_is_imported_is_declared(folders, extras):
    missing = {
        module: own
        for module, files in imported(*folders).items()
        if (own := files - PEERS) and not names_in(*extras) & distributions_of([module])
    }
    assert not missing


def test_everything_that_is_declared_is_used_or_keeps_a_version_with_a_hole_away():
    """What the users of a list need is imported by the package itself; what developers need, by anything."""
    by_product, by_all = (distributions_of(imported(*code)) | USED_WITHOUT_IMPORT.keys() for code in (PRODUCT, ALL_CODE))
    used_here = [one for one in declared()[""] if canonicalize_name(one.name) in by_product]
    floors = KNOWN_HOLES.keys() & brought_along(used_here, beside=True)
    assert names_in("") - by_product - floors == set()
    assert names_in(*declared().keys() - {"", *FOR_DEVELOPERS}) - by_product == set()
    assert names_in(*FOR_DEVELOPERS) - by_all - {"document-parser"} == set()


def test_what_is_said_to_be_used_without_an_import_is_so():
    for name, (file, text) in USED_WITHOUT_IMPORT.items():
        assert text in (ROOT / file).read_text(), name
    assert names_in() >= USED_WITHOUT_IMPORT.keys()
    assert not USED_WITHOUT_IMPORT.keys() & distributions_of(imported(*PRODUCT))


def test_nothing_is_declared_twice():
    names = [canonicalize_name(one.name) for ones in declared().values() for one in ones]
    assert sorted(names) == sorted(set(names))


def test_each_extra_says_what_it_is_for():
    extras = (ROOT / "setup.cfg").read_text().partition("[options.extras_require]")[2]
    assert set(re.findall(r"^(\w+) =\n    # ", extras, re.MULTILINE)) == declared().keys() - {""}


@pytest.mark.parametrize("name", KNOWN_HOLES)
def test_no_version_with_a_known_hole_is_good_enough(name):
    (wanted,) = (one for one in declared()[""] if canonicalize_name(one.name) == name)
    assert not wanted.specifier.contains(KNOWN_HOLES[name])


def pinned() -> dict[str, str]:
    """The versions of constraints.txt."""
    pins = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def test_every_requirement_is_met_by_the_pinned_version():
    pins = pinned()
    ours = [one for extra in ("", "s3", "dev") for one in declared()[extra] if one.name != "document-parser"]
    assert [str(one) for one in ours if not one.specifier.contains(pins[canonicalize_name(one.name)])] == []


def test_what_is_pinned_is_what_the_makefile_installs():
    ours = [one for extra in ("", "s3", "dev") for one in declared()[extra]]
    assert brought_along(ours) - {"document-parser"} == pinned().keys()


@pytest.mark.parametrize(
    "program",
    [
        "from document_parser.workers import pool; pool.preload(pool.Settings(engines={'inference_mode': 'cpu'}))",
        "import document_parser; document_parser.parse('samples/paper.pdf')",
    ],
)
def test_what_asks_no_model_server_does_not_load_openais_library(program):
    """It would be a second of each start. Port 9 has no server."""
    told = f"import sys; {program}; print('openai' in sys.modules)"
    environment = {**os.environ, "VLLM_DEEPSEEK_URL": NOBODY, "VLLM_NANONETS_URL": NOBODY}
    ran = subprocess.run([sys.executable, "-c", told], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == "False"


@pytest.mark.parametrize(("mode", "is_loaded"), [("off", "False"), ("required", "True")])
def test_the_api_loads_the_library_of_databases_at_its_start_only_where_callers_need_keys(tmp_path, mode, is_loaded):
    """It would be most of a second of each start, and where it is needed the first caller would wait for it."""
    program = "import sys; from document_parser import api; api.app; print('loaded:', 'sqlalchemy' in sys.modules)"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "AUTH_MODE": mode, "REDIS_URL": "redis://127.0.0.1:9/0"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert f"loaded: {is_loaded}" in ran.stdout


@pytest.mark.parametrize(
    "program",
    [
        "import document_parser.supervisor.supervisor, document_parser.supervisor.valkey",
        "from document_parser.api.server import options; options._preload()",
        "import document_parser.worker; from document_parser.workers import pool; pool.preload(pool.Settings())",
        "import document_parser.sources.opener",
        "import document_parser.cli",
    ],
)
def test_no_process_that_stays_loads_what_draws_on_terminals_or_two_clients_of_redis(program):
    """It would be 4 and 6 MiB more in each of them."""
    told = f"import sys; {program}; print(*{{'rich', 'redis', 'valkey'}} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert len(ran.stdout.split()) <= 1
    assert "rich" not in ran.stdout


def test_the_process_that_opens_documents_loads_no_settings_exporters_or_event_loops():
    """The first document of a command waits for it, and each of its children maps what it holds."""
    unneeded = "{'pydantic_settings', 'document_parser.settings', 'document_parser.export', 'document_parser.sources.exchange'}"
    told = f"import sys; import document_parser.sources.opener; print('loaded:', *{unneeded} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["loaded:"]


def test_what_the_service_needs_takes_as_much_disk_as_the_readme_says():
    [gigabytes] = re.findall(
        r"installs the service into `\.venv`, which takes (\d\.\d) GB of disk", (ROOT / "README.md").read_text()
    )
    installed = {*brought_along(declared()[""]), *map(canonicalize_name, ("pip", "setuptools"))}
    blocks = sum(-(-path.stat().st_size // 4096) for path in files_of(installed))
    assert blocks * 4096 / 1e6 == pytest.approx(float(gigabytes) * 1000, rel=0.15)


def files_of(names: Iterable[str]) -> set[Path]:
    """The files of installed distributions, without what Python has compiled."""
    found = {Path(one.locate()) for name in names for one in distribution(name).files or [] if one.suffix != ".pyc"}
    return {path for path in found if path.is_file()}
