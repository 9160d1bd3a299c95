"""Make a site of the documentation, for MkDocs: README and changelog become pages, and so does every file that a page links to.

The pages link to files of the repository as they do on GitHub. Here each of those files has a page that shows it, so that the
site is whole by itself.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"
OWN_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
"""Pages of files that lie outside of docs/."""
SOURCES = "source/"
"""Where the pages of other files are."""
MAX_SHOWN_BYTES = 300_000
"""Larger files are not shown."""

GROUPS: dict[str, tuple[str, ...]] = {
    "Start": ("index",),
    "Use": (
        "api", "cli", "javascript", "chunks", "extraction", "classification", "webhooks", "formats", "faq", "troubleshooting",
    ),
    "Guides": ("guides/*",),
    "Other clients": ("mcp", "compat", "compat/*"),
    "Operate": (
        "deployment", "docker", "kubernetes", "gpu-box", "accounts", "admin", "privacy", "launch-checklist", "observability",
        "runbook", "slo", "backup", "regions", "rollout", "cost",
    ),
    "How it works": ("architecture", "reading", "engines", "quality", "benchmarks"),
}  # fmt: skip
"""The pages of each tab in their order. Those that no tab has come under the last one, before the changelog."""

_LINK = re.compile(r"```.*?```|`[^`\n]*`|(?<=\]\()(?!https?:|mailto:|#)([^)\s]+)(?=\))", re.DOTALL)
"""A link to a file; code is matched too, so that what looks like a link there is left alone."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put all pages into the navigation, also those that are new."""
    docs = ROOT / DOCS
    left = {path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md")} | {"index"}
    nav: list[dict[str, list[str]]] = []
    for title, patterns in GROUPS.items():
        names = [name for pattern in patterns for name in sorted(left, key=_index_first) if Path(name).match(pattern)]
        names = [name for name in dict.fromkeys(names) if any(_is_at(name, pattern) for pattern in patterns)]
        left -= set(names)
        nav.append({title: [f"{name}.md" for name in names]})
    nav[-1]["How it works"] += [*(f"{name}.md" for name in sorted(left)), "changelog.md"]
    config.nav = nav
    return config


def _index_first(name: str) -> tuple[bool, str]:
    return not name.endswith("index"), name


def _is_at(name: str, pattern: str) -> bool:
    """Return whether a page is in the folder of a pattern; Path.match looks at the end of the name only."""
    return posixpath.dirname(name) == posixpath.dirname(pattern)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of files outside of docs/: README, changelog, and all that pages link to."""
    todo = list(OWN_PAGES)
    todo += [target for file in files.documentation_pages() for target in targets_in(DOCS + file.src_uri)]
    done: set[str] = set()
    while todo:
        path = todo.pop()
        if path in done or path.startswith(DOCS) or not (ROOT / path).exists():
            continue
        done.add(path)
        files.append(File.generated(config, page_of(path), content=_content_of(path)))
        if path.endswith(".md"):
            todo += targets_in(path)
        elif (ROOT / path).is_dir():
            todo += _files_below(path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page to the pages of the site."""
    is_ours = page.file.generated_by is None
    return with_links(markdown, DOCS + page.file.src_uri, page.file.src_uri) if is_ours else markdown


def page_of(path: str) -> str:
    """Return the page of the site that shows a file of the repository."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    if path in OWN_PAGES:
        return OWN_PAGES[path]
    # Names that begin with a dot are left out of sites.
    visible = "/".join(part.lstrip(".") for part in path.split("/"))
    return f"{SOURCES}{visible}" if visible.endswith(".md") else f"{SOURCES}{visible}.md"


def targets_in(path: str) -> Iterator[str]:
    """Yield the files of the repository that a page links to."""
    for match in _LINK.finditer((ROOT / path).read_text()):
        if match[1]:
            yield _target(path, match[1].partition("#")[0])


def with_links(markdown: str, path: str, page: str) -> str:
    """Return the Markdown of a file with links that lead from its page to those of other files."""

    def lead(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]
        name, hash_mark, anchor = match[1].partition("#")
        to = page_of(_target(path, name))
        return posixpath.relpath(to, posixpath.dirname(page) or ".") + hash_mark + anchor

    return _LINK.sub(lead, markdown)


def _target(path: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _content_of(path: str) -> str:
    """Return the Markdown of the page that shows a file or folder."""
    page, place = page_of(path), ROOT / path
    if place.is_dir():
        names = [f"- [{name}]({posixpath.relpath(page_of(name), posixpath.dirname(page))})" for name in _files_below(path)]
        return _shown(path, "\n".join(names))
    text = place.read_text() if place.stat().st_size <= MAX_SHOWN_BYTES else "This file is too long to be shown."
    if path.endswith(".md"):
        return with_links(text, path, page)
    language = {".py": "python", ".json": "json", ".toml": "toml", ".yaml": "yaml", ".tf": "terraform"}.get(
        place.suffix, "text"
    )
    return _shown(path, f"`````{language}\n{text}\n`````")


def _shown(path: str, body: str) -> str:
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n{body}\n"


def _files_below(path: str) -> list[str]:
    found: Any = (ROOT / path).rglob("*")
    return sorted(
        one.relative_to(ROOT).as_posix()
        for one in found
        if one.is_file() and not any(part.startswith(".") for part in one.relative_to(ROOT / path).parts)
    )
