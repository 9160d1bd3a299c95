"""The documentation as a site: it builds without a warning, every link leads somewhere, and nothing comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support.service import ROOT

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
"""What a page loads while it is shown."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages by their names."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pages = {path.relative_to(folder).as_posix(): LexborHTMLParser(path.read_text()) for path in folder.rglob("*.html")}
    return folder, pages


def test_every_page_is_in_the_site_and_in_its_navigation(site):
    _, pages = site
    ours = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert ours - pages.keys() == set()
    listed = {link.attributes["href"] for link in pages["index.html"].css("nav.md-nav--primary a[href]")}
    assert ours - {urlsplit(link).path for link in listed} == set()


def test_every_link_leads_to_a_page_and_an_anchor_of_the_site(site):
    folder, pages = site
    ids = {name: {node.attributes["id"] for node in tree.css("[id]")} for name, tree in pages.items()}
    wrong = set()
    for name, tree in pages.items():
        if name == "404.html":  # its links begin at the root of the server
            continue
        for node in tree.css("a[href]"):
            link = urlsplit(node.attributes["href"] or "")
            if link.scheme or link.netloc:
                continue
            path = os.path.normpath((folder / name).parent / unquote(link.path)) if link.path else str(folder / name)
            target = Path(path).relative_to(folder).as_posix()
            is_there = Path(path).is_file() and (
                not link.fragment or target not in ids or unquote(link.fragment) in ids[target]
            )
            # What skips to the content of a page without a heading.
            if not is_there and link.fragment != "__skip":
                wrong.add((name, node.attributes["href"]))
    assert wrong == set()


def test_pages_load_nothing_from_other_servers(site):
    folder, pages = site
    loaded = [
        node.attributes.get(attribute) or ""
        for tree in pages.values()
        for tag, attribute in LOADED.items()
        for node in tree.css(tag)
        if node.attributes.get("rel") not in ("canonical", "next", "prev")
    ]
    assert [address for address in loaded if urlsplit(address).netloc] == []
    for style in folder.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text()), style


def test_lists_and_tables_are_shown_as_such(site):
    _, pages = site
    raw = re.compile(r"(^|\n)\s*(- |\d+\. |\|.*\|\s*$|```)", re.MULTILINE)
    for name, tree in pages.items():
        for node in tree.css("article p"):
            assert not raw.search(node.text()), (name, node.text()[:200])
