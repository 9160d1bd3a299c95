"""Installing: what make says where it cannot, what a wheel holds, and that it serves from wherever it lies."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from datetime import date
from email.parser import Parser
from pathlib import Path

import pytest

import document_parser
from tests.support.service import ROOT, Service

MAKE = shutil.which("make")
PACKAGE = ROOT / "document_parser"
PAGE_FOLDERS = ("templates", "static")
"""They lie beside the package in a checkout, and inside it once it is installed."""


@pytest.mark.skipif(MAKE is None, reason="needs make")
@pytest.mark.parametrize(
    ("module", "source", "says"),
    [
        (
            "sitecustomize",
            "import sys; sys.version_info = (3, 10, 12)",
            "not Python 3.11 or newer, which this needs. Install one",
        ),
        ("ensurepip", "raise ModuleNotFoundError", "On Debian and Ubuntu: apt-get install python3-venv"),
    ],
    ids=["too old", "no venv"],
)
def test_make_says_what_is_missing_and_leaves_nothing(tmp_path, module, source, says):
    """A real Python that is made to look like one of those which newcomers have."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "like").mkdir()
    (tmp_path / "like" / f"{module}.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "like")}
    command = [str(MAKE), "demo", f"PYTHON={sys._base_executable}"]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert says in told.stderr
    assert "Traceback" not in told.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_changelog_begins_with_this_release_and_its_day():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert headings.count("Unreleased") <= 1
    assert len(released) >= len(headings) - 1
    version, day = re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", released[0]).groups()
    assert version == document_parser.__version__
    assert date.fromisoformat(day).isoformat() == day


def test_the_docs_name_this_version():
    for path in (ROOT / "docs").glob("*.md"):
        assert set(re.findall(r"document-parser/(\d[\d.]*\d)", path.read_text())) <= {document_parser.__version__}, path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel that ``pip wheel`` makes of the source archive, and that archive; made beside the tree."""
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("document_parser", *PAGE_FOLDERS):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    archived = subprocess.run([sys.executable, "-c", build, str(folder)], cwd=tree, capture_output=True, text=True, check=False)
    if archived.returncode and "setuptools" in archived.stderr:
        pytest.skip("setuptools, which builds packages, cannot be had here")
    assert archived.returncode == 0, archived.stderr
    (source,) = folder.glob("*.tar.gz")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("*.whl")
    return path, source


@pytest.fixture(scope="module")
def wheel(built):
    return built[0]


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_every_package_of_the_tree_is_declared():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    declared = settings["options"]["packages"].split()
    packages = {".".join(path.relative_to(ROOT).parent.parts) for path in PACKAGE.rglob("__init__.py")}
    assert declared == sorted(packages) + [f"document_parser.{name}" for name in PAGE_FOLDERS]


def test_the_wheel_holds_all_of_the_package_the_web_page_and_the_licence_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = Parser().parsestr(archive.read(f"document_parser-{document_parser.__version__}.dist-info/METADATA").decode())
        licence = archive.read(f"document_parser-{document_parser.__version__}.dist-info/licenses/LICENSE").decode()
    expected = {f"document_parser/{name}" for name in files_below(PACKAGE)}
    expected |= {f"document_parser/{folder}/{name}" for folder in PAGE_FOLDERS for name in files_below(ROOT / folder)}
    assert {name for name in names if ".dist-info/" not in name} == expected
    # setuptools takes it for an expression from pyproject.toml only.
    assert "Apache-2.0" in (metadata["License-Expression"], metadata["License"])
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert licence.lstrip().startswith("Apache License\n")


def test_the_source_archive_holds_what_the_wheel_is_made_of(built):
    wheel, source = built
    with tarfile.open(source) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    moved = tuple(f"document_parser/{folder}/" for folder in PAGE_FOLDERS)
    needed = {name.removeprefix("document_parser/") if name.startswith(moved) else name for name in inside}
    assert needed - names == set()


def test_an_installed_wheel_serves_and_reads_away_from_the_checkout(wheel, tmp_path):
    """In an environment of its own, which borrows this one's libraries and not its package."""
    home = tmp_path / "environment"
    venv.create(home, symlinks=True, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet", "--no-deps", wheel]
    subprocess.run(command, check=True)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    docparse = home / "bin" / "docparse"
    told = subprocess.run([docparse, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == document_parser.__version__
    with Service(tmp_path / "service", [str(docparse), "serve"], PYTHONPATH="") as service:
        page = service.client.get("/")
        assert "<title>" in page.text
        for address in re.findall(r'(?:src|href)="(/static[^"]*)"', page.text):
            assert service.client.get(address).status_code == 200, address
        with (ROOT / "samples" / "scan.pdf").open("rb") as stream:
            answer = service.client.post("/v1/process/sync", files={"file": ("scan.pdf", stream)}, data={"page_range": "2"})
        assert "Maintenance Schedule" in answer.json()["markdown"]
