"""``docparse overlay``: pictures of how the pages of a document were read."""

from __future__ import annotations

import subprocess

from PIL import Image

from tests.support import documents
from tests.support.commands import docparse


def run(*arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(docparse("overlay", *arguments), capture_output=True, text=True, check=False)


def test_each_page_is_drawn_in_a_file_named_by_its_number(tmp_path):
    path = documents.pdf_of_text(tmp_path / "letter.pdf", ["Dear reader of this letter", "The second page of it", "The third"])
    done = run(path, "-o", tmp_path / "seen", "--pages", "2-3")
    assert done.returncode == 0, done.stderr
    drawn = [tmp_path / "seen" / f"page-000{number}.png" for number in (2, 3)]
    assert done.stdout.split() == [str(target) for target in drawn]
    assert sorted((tmp_path / "seen").iterdir()) == drawn
    with Image.open(drawn[0]) as picture:
        assert picture.height > picture.width > 1000
        assert len(picture.getcolors(1 << 16)) > 3, "something is drawn in colours"


def test_a_document_without_pages_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader")
    refused = run(path, "-o", tmp_path / "seen")
    assert refused.returncode == 3
    assert "have pages" in refused.stderr
    assert not (tmp_path / "seen").exists()


def test_a_file_that_does_not_exist_is_a_mistake_in_the_command(tmp_path):
    refused = run("nowhere.pdf", "-o", tmp_path / "seen")
    assert refused.returncode == 2
    assert "There is no file 'nowhere.pdf'." in refused.stderr
