"""Fixtures: documents, made anew, and the development corpus where it lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import pdf_of_text
from tests.service import ROOT

CORPUS = ROOT.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the development corpus is not beside the checkout")
    return CORPUS


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digital PDF of two pages."""
    path = tmp_path_factory.mktemp("documents") / "paper.pdf"
    pdf_of_text(path, ["The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs."])
    return path
