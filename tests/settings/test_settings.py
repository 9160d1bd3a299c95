"""A setting whose description says what empty means can be set empty, in the environment and in ``.env``."""

from __future__ import annotations

import os
import re

import pytest

from document_parser.engines.tesseract import engine
from document_parser.settings import Settings, environment_fields
from document_parser.settings.section import MayBeEmpty
from tests.support.service import ROOT

EMPTIABLE = [name for _, name, field in environment_fields() if re.search(r"\bempty[:,]", field.description or "", re.I)]


def values() -> dict[str, object]:
    """Every setting as it would be read here and now, by the name of its variable."""
    found = {}
    for section in Settings():
        prefix = section[1].model_config.get("env_prefix", "")
        found |= {f"{prefix}{name}".upper(): value for name, value in section[1]}
    return found


def test_the_settings_that_tell_of_empty_are_those_that_may_be():
    marked = [name for _, name, field in environment_fields() if any(isinstance(mark, MayBeEmpty) for mark in field.metadata)]
    assert marked == EMPTIABLE
    assert {"TESSERACT_PROGRAM", "ADMIN_TOKEN", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "WEBHOOK_SECRET"} <= set(EMPTIABLE)


OF_A_FORM = {
    "WEBHOOK_SECRET": "whsec_" + "QUJD" * 8,
    "CLAMD_URL": "unix:///run/clamav/clamd.ctl",
    "DATABASE_URL": "postgresql://host/name",
    "OIDC_ISSUER": "https://id.example.org",
    "OIDC_DEFAULT_SCOPES": "read",
    "OIDC_JWKS_URL": "https://id.example.org/keys",
    "TIERS_FILE": str(ROOT / "document_parser" / "settings" / "tiers.toml"),
    "STORAGE_KEY": "A" * 43 + "=",
    "SENTRY_DSN": "https://key@sentry.example.org/1",
    "FACADES": "docling",
}
"""Values of those that only take some."""


@pytest.mark.parametrize("name", EMPTIABLE)
def test_empty_in_the_environment_is_empty_whatever_the_file_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{name}={OF_A_FORM.get(name, 'something-of-a-length')}\n")
    monkeypatch.delenv(name, raising=False)
    if name == "OIDC_ISSUER":
        monkeypatch.setenv("OIDC_AUDIENCE", "documents")
    assert values()[name] != ""
    monkeypatch.setenv(name, "")
    assert values()[name] == ""


@pytest.mark.parametrize("name", EMPTIABLE)
def test_empty_in_the_file_is_empty(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(f"{name}=\n")
    assert values()[name] == ""


def test_any_other_setting_that_is_left_empty_has_its_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in os.environ.keys() & values().keys():
        monkeypatch.delenv(name)
    defaults = values()
    for name in defaults.keys() - set(EMPTIABLE):
        monkeypatch.setenv(name, "")
    assert values() == defaults


def test_without_a_program_tesseract_is_never_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TESSERACT_PROGRAM", "")
    assert engine.make_recogniser(Settings()) is None
    assert engine.engine_state(Settings()).trouble == "TESSERACT_PROGRAM is empty, so it is not used"
