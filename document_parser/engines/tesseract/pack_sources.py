"""Bring language packs from where this machine gets its packages: Debian's packages with apt, or npm's.

Neither needs root. The clients check what they download against the registry's checksums; addresses are theirs.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from document_parser.engines.tesseract.packs import SUFFIX
from document_parser.errors import LanguagesUnreachable
from document_parser.settings import environment_of_child

MAX_PACK_BYTES = 128 * 1024 * 1024
"""Maximum size of one pack. That of the Latin script, the largest, has 89 MB."""
SCRIPT_CODES = {
    "Arabic": "arab", "Armenian": "armn", "Bengali": "beng", "Cherokee": "cher", "Cyrillic": "cyrl", "Devanagari": "deva",
    "Ethiopic": "ethi", "Fraktur": "frak", "Georgian": "geor", "Greek": "grek", "Gujarati": "gujr", "Gurmukhi": "guru",
    "HanS": "hans", "HanT": "hant", "Hangul": "hang", "Hebrew": "hebr", "Japanese": "jpan", "Kannada": "knda", "Khmer": "khmr",
    "Lao": "laoo", "Latin": "latn", "Malayalam": "mlym", "Myanmar": "mymr", "Oriya": "orya", "Sinhala": "sinh",
    "Syriac": "syrc", "Tamil": "taml", "Telugu": "telu", "Thaana": "thaa", "Thai": "thai", "Tibetan": "tibt",
    "Vietnamese": "viet",
}  # fmt: skip
"""Debian's names of the packs of whole scripts."""
NPM_FOLDER = "4.0.0_best_int"
"""Folder of npm's packages with the packs whose numbers are integers, which read fast."""

Progress = Callable[[str], None]
"""Called with a line about what is being done."""
Brought = tuple[str, bytes, str]
"""A pack's name, its data and its source in words."""


def bring_packs(names: Sequence[str], seconds: float, tell: Progress) -> Iterator[Brought]:
    """Yield the packs that one of the sources has, within this time; those that none has are left out.

    Raises LanguagesUnreachable if no source answers.
    """
    ends = time.monotonic() + seconds
    missing, reasons = list(names), []
    for source in (_bring_from_debian, _bring_from_npm):
        if not missing:
            return
        try:
            for pack in source(tuple(missing), ends, tell):
                missing.remove(pack[0])
                yield pack
        except LanguagesUnreachable as error:
            reasons.append(error.message)
    if len(missing) == len(names) and len(reasons) == 2:
        raise LanguagesUnreachable(f"No language pack can be had here: {' '.join(reasons)} {LanguagesUnreachable.ADVICE}")


def _bring_from_debian(names: Sequence[str], ends: float, tell: Progress) -> Iterator[Brought]:
    """Yield the packs that Debian's packages have. Raises LanguagesUnreachable."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise LanguagesUnreachable("This system has no apt.")
    with TemporaryDirectory(prefix="languages-") as folder:
        own = Path(folder)
        packages = {package_of(name): name for name in names}
        options, known = _known_packages(own, ends, tell)
        wanted = [package for package in packages if package in known]
        if not wanted:
            return
        tell(f"downloading {len(wanted)} packages of the distribution")
        done = _run(["apt-get", "-qq", *options, "download", *wanted], own, ends)
        if done.returncode:
            raise LanguagesUnreachable(f"apt cannot download: {_last_line_of(done.stderr)}.")
        for file in sorted(own.glob("*.deb")):
            package = file.name.partition("_")[0]
            listed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(file)], capture_output=True, check=False).stdout
            if data := _unpack(listed, f"{packages[package]}{SUFFIX}"):
                yield packages[package], data, f"Debian {file.name}"


def package_of(name: str) -> str:
    """Return the name of Debian's package of a pack."""
    if name in SCRIPT_CODES:
        return f"tesseract-ocr-script-{SCRIPT_CODES[name]}"
    return f"tesseract-ocr-{name.lower().replace('_', '-')}"


def _known_packages(own: Path, ends: float, tell: Progress) -> tuple[list[str], set[str]]:
    """Return apt's options and the packages that it knows; where the system has no lists, apt fetches them to ``own``.

    Raises LanguagesUnreachable.
    """
    known = _search([], own, ends)
    if known:
        return [], known
    for folder in ("lists/partial", "cache/archives/partial"):
        (own / folder).mkdir(parents=True)
    options = [f"-oDir::State::lists={own}/lists", f"-oDir::Cache={own}/cache"]
    tell("fetching the lists of the distribution's packages")
    done = _run(["apt-get", "-qq", *options, "update"], own, ends)
    known = _search(options, own, ends)
    if not known:
        raise LanguagesUnreachable(
            f"apt knows no packages of Tesseract: {_last_line_of(done.stderr) or 'its lists are empty'}."
        )
    return options, known


def _search(options: Iterable[str], own: Path, ends: float) -> set[str]:
    done = _run(["apt-cache", *options, "search", "--names-only", "^tesseract-ocr-"], own, ends)
    return {line.split(maxsplit=1)[0] for line in done.stdout.splitlines() if line.strip()}


def _bring_from_npm(names: Sequence[str], ends: float, tell: Progress) -> Iterator[Brought]:
    """Yield the packs that npm's packages have. Raises LanguagesUnreachable."""
    if shutil.which("npm") is None:
        raise LanguagesUnreachable("npm is not installed.")
    answered = False
    for name in names:
        with TemporaryDirectory(prefix="languages-") as folder:
            tell(f"asking npm for {name}")
            package = f"@tesseract.js-data/{name}"
            done = _run(["npm", "pack", "--silent", "--fetch-retries=0", package], Path(folder), ends)
            answered = answered or not done.returncode or "E404" in done.stdout + done.stderr
            if not answered:
                raise LanguagesUnreachable("npm's registry does not answer.")
            for file in Path(folder).glob("*.tgz"):
                packed = gzip.decompress(file.read_bytes())
                if data := _unpack(packed, f"{NPM_FOLDER}/{name}{SUFFIX}.gz"):
                    yield name, gzip.decompress(data), f"npm {package}"


def _unpack(archive: bytes, ending: str) -> bytes:
    """Return the file whose path ends so; empty if the archive has none, or a larger one than a pack can be."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            if member.isfile() and member.name.endswith(f"/{ending}") and member.size <= MAX_PACK_BYTES:
                opened = files.extractfile(member)
                return opened.read() if opened else b""
    return b""


def _run(command: Sequence[str], folder: Path, ends: float) -> subprocess.CompletedProcess[str]:
    """Run a client in a folder until a time on the monotonic clock. Raises LanguagesUnreachable if it takes longer."""
    left = ends - time.monotonic()
    try:
        environment = environment_of_child(LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive")
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=max(0.1, left), check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise LanguagesUnreachable(f"{command[0]} did not finish in time.") from None
    except OSError as error:
        raise LanguagesUnreachable(f"{command[0]} cannot be started: {error.strerror}.") from None


def _last_line_of(said: str) -> str:
    """Return the last line of a client's messages without addresses: they may name a registry with its password."""
    lines = [re.sub(r"\S+://\S+", "the registry", line) for line in said.strip().splitlines()]
    return lines[-1].rstrip(".") if lines else ""
