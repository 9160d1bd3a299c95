"""Language packs are brought, listed and removed without root; tests that download skip where no registry answers."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from document_parser.engines.tesseract.pack_sources import package_of
from document_parser.engines.tesseract.pack_store import PackStore
from document_parser.engines.tesseract.packs import find_packs
from document_parser.settings import EngineSettings, Settings, environment_of_child

RUN = "from document_parser.cli import main; main()"
AWAY = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""An environment in which no registry answers: nothing listens at port 9."""


def languages(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", RUN, "languages", *arguments]
    ours = environment_of_child(DATA_DIR=str(data), **environment)
    return subprocess.run(command, env=ours, capture_output=True, text=True, check=False, timeout=120)


def program(folder: Path, name: str, text: str) -> None:
    """A client of a registry in the caller's PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def registry(tmp_path):
    """A registry of npm's with a pack for Klingon, and no apt. Returns the PATH."""
    package = tmp_path / "package/4.0.0_best_int"
    package.mkdir(parents=True)
    for name in ("tlh", "eng", "osd"):
        (package / f"{name}.traineddata.gz").write_bytes(gzip.compress(f"pack of {name}".encode()))
        with tarfile.open(tmp_path / f"{name}.tgz", "w:gz") as archive:
            archive.add(package, "package/4.0.0_best_int")
    tools = tmp_path / "bin"
    answer = f'for last; do :; done; cp "{tmp_path}/${{last##*/}}.tgz" . 2>/dev/null || {{ echo E404 >&2; exit 1; }}'
    program(tools, "npm", answer)
    for tool in ("sh", "cp"):
        (tools / tool).symlink_to(shutil.which(tool))
    return str(tools)


def test_packs_of_npm_come_with_english_and_the_detection_of_scripts_and_keep_their_checksums(tmp_path, registry):
    done = languages(tmp_path, "add", "tlh", PATH=registry)
    assert done.returncode == 0, done.stderr
    assert "brought 3 language packs" in done.stdout
    assert (tmp_path / "tessdata/tlh.traineddata").read_bytes() == b"pack of tlh"
    stored = PackStore(tmp_path / "tessdata").packs()
    assert sorted(stored) == ["eng", "osd", "tlh"]
    assert stored["tlh"].source == "npm @tesseract.js-data/tlh"
    assert "nothing to bring" in languages(tmp_path, "add", "tlh", PATH="none").stdout


def test_a_pack_that_was_changed_is_told_and_brought_anew(tmp_path, registry):
    languages(tmp_path, "add", "tlh", PATH=registry)
    (tmp_path / "tessdata/tlh.traineddata").write_bytes(b"something else")
    listed = languages(tmp_path, "list", "--json", PATH=registry)
    assert (listed.returncode, json.loads(listed.stdout)["damaged"]) == (1, ["tlh"])
    assert languages(tmp_path, "add", "tlh", PATH=registry).returncode == 0
    assert languages(tmp_path, "list", PATH=registry).returncode == 0


def test_a_pack_is_removed_and_one_that_was_not_brought_is_not(tmp_path, registry):
    languages(tmp_path, "add", "tlh", PATH=registry)
    assert languages(tmp_path, "remove", "tlh").returncode == 0
    assert not (tmp_path / "tessdata/tlh.traineddata").exists()
    again = languages(tmp_path, "remove", "tlh")
    assert (again.returncode, "did not bring tlh" in again.stderr) == (1, True)


def test_a_language_that_no_source_has_is_unknown(tmp_path, registry):
    done = languages(tmp_path, "add", "qqq", PATH=registry)
    assert (done.returncode, "There is no language pack qqq." in done.stderr) == (1, True)


@pytest.mark.parametrize("name", ["../eng", "rus/eng", "-x", "r", "rus eng"])
def test_a_name_that_is_no_packs_is_refused(tmp_path, name):
    done = languages(tmp_path, "add", "--", name)
    assert (done.returncode, "is no name of a language pack" in done.stderr) == (2, True)


def test_without_any_source_the_sentence_says_what_to_do(tmp_path):
    done = languages(tmp_path, "add", "tlh", PATH="none")
    assert done.returncode == 4
    assert "This system has no apt. npm is not installed. Check the network, or copy packs" in done.stderr
    assert languages(tmp_path, "add", "tlh", "--if-reachable", PATH="none").returncode == 0


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="the system has no apt")
def test_a_registry_that_does_not_answer_is_told_without_its_address(tmp_path):
    # npm gives what it has had before without asking anybody.
    done = languages(tmp_path, "add", "tlh", "--timeout", "30", npm_config_cache=str(tmp_path / "npm"), **AWAY)
    assert done.returncode == 4
    assert "://" not in done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path, registry):
    (tmp_path / "tessdata").write_text("a file")
    done = languages(tmp_path, "add", "tlh", PATH=registry)
    assert (done.returncode, "cannot be" in done.stderr) == (1, True)


def test_the_distributions_names_of_packs():
    assert package_of("chi_sim") == "tesseract-ocr-chi-sim"
    assert package_of("Cyrillic") == "tesseract-ocr-script-cyrl"


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="the system has no apt")
def test_a_pack_of_the_distribution_is_brought_and_found(tmp_path):
    done = languages(tmp_path, "add", "vie", "--timeout", "60")
    if done.returncode == 4:
        pytest.skip(f"no registry answers: {done.stderr}")
    assert done.returncode == 0, done.stderr
    found = find_packs(Settings(engines=EngineSettings(tessdata_dir=str(tmp_path / "tessdata"))))
    assert found.folder_of("vie+eng") == tmp_path / "tessdata"
    assert PackStore(tmp_path / "tessdata").packs()["vie"].source.startswith("Debian tesseract-ocr-vie_")
