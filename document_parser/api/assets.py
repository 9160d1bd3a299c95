"""Find the templates and static files of the web page, and serve them under addresses that browsers may keep for good.

The page is made of many small modules. Below an address with the digest of all static files, a browser asks for each of them
once, and never again until one of them changes. Relative addresses in modules and stylesheets stay below that address.
"""

from __future__ import annotations

import hashlib
import math
import posixpath
import re
import time
from pathlib import Path

from flask import Flask, Response, url_for

PACKAGE = Path(__file__).resolve().parent.parent
"""Folder of the package ``document_parser``."""
DIGEST_MARK = "v-"
"""Before the digest, in the first folder of an address below ``/static``."""
DIGEST_BYTES = 8
KEPT_FOR_GOOD = "public, max-age=31536000, immutable"
"""Cache-Control of a file under the digest that it belongs to: one year, in seconds."""
LOOK_SECONDS = 1.0
"""The files are looked at this often, at most, to see whether one was changed."""
_IMPORT = re.compile(r"""^(?:import\s*|(?:import|export)\s[\w\s*{},]+?\sfrom\s*)["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
"""A line of a module that names another one, or several lines that end with its name."""
File = tuple[str, int, int]
"""The name of a file, when it was changed in nanoseconds, and its size in bytes."""


def asset_folder(name: str) -> Path:
    """Return the folder ``templates`` or ``static``. A wheel has it inside the package, a checkout beside it."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def register(app: Flask) -> None:
    """Serve the static files under their digest as well, and give templates ``asset_url`` and ``modules_of``.

    Where machines of two versions share an address, a page of one may ask the other: it gets the file that is there, and the
    browser does not keep it.
    """
    files = StaticFiles(Path(app.static_folder or ""))

    def send_asset(filename: str) -> Response:
        version, _, name = filename.partition("/")
        if not version.startswith(DIGEST_MARK):
            return app.send_static_file(filename)
        response = app.send_static_file(name)
        response.headers["Cache-Control"] = KEPT_FOR_GOOD if version == DIGEST_MARK + files.digest() else "no-store"
        return response

    def asset_url(filename: str) -> str:
        return url_for("static", filename=f"{DIGEST_MARK}{files.digest()}/{filename}")

    app.view_functions["static"] = send_asset
    app.add_template_global(asset_url)
    app.add_template_global(files.modules_of, "modules_of")


class StaticFiles:
    """The static files of the page. Files that are changed are seen a second later."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder; nothing is read yet."""
        self._folder = folder
        self._looked_at = -math.inf
        self._files: tuple[File, ...] | None = None
        self._digest = ""
        self._modules: dict[str, list[str]] = {}

    def digest(self) -> str:
        """Return the digest of the names and contents of all files, in hexadecimal. Raises OSError."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            files = self._list_files()
            if files != self._files:
                self._digest, self._modules = self._read(files), {}
            self._files, self._looked_at = files, time.monotonic()
        return self._digest

    def modules_of(self, entry: str) -> list[str]:
        """Return the modules that a module imports, and those that these import, sorted: a page asks for all of them at once.

        Raises OSError.
        """
        self.digest()  # forgets what it knew of files that have changed
        if entry not in self._modules:
            self._modules[entry] = sorted(self._find_imports(entry) - {entry})
        return self._modules[entry]

    def _find_imports(self, entry: str) -> set[str]:
        found, waiting = {entry}, [entry]
        while waiting:
            name = waiting.pop()
            imported = _IMPORT.findall((self._folder / name).read_text(encoding="utf-8"))
            new = {posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in imported} - found
            found |= new
            waiting += new
        return found

    def _list_files(self) -> tuple[File, ...]:
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file())
        found = [(str(path.relative_to(self._folder)), path.stat()) for path in paths]
        return tuple((name, facts.st_mtime_ns, facts.st_size) for name, facts in found)

    def _read(self, files: tuple[File, ...]) -> str:
        found = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for name, *_ in files:
            content = (self._folder / name).read_bytes()
            found.update(f"{name}\0{len(content)}\0".encode() + content)
        return found.hexdigest()
