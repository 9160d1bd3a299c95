"""The last released version of the product, unpacked from git, to run beside this one with the same interpreter."""

from __future__ import annotations

import subprocess
import tarfile
from configparser import ConfigParser
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.postgresql import why_no_postgresql
from tests.support.service import ROOT

MIGRATIONS = "document_parser/accounts/migrations/versions"
UNPACKED = ("document_parser", "templates", "static", "setup.cfg")
EXTRAS = ("s3", "db")
"""Extras that a version needs which keeps documents in a bucket and accounts in PostgreSQL."""


@dataclass(frozen=True)
class Version:
    """A version of the product: its commit or ``checkout``, and the folder that has its package."""

    commit: str
    root: Path


class NoRelease(Exception):
    """There is nothing to run beside this version."""


def last_release() -> str:
    """The commit of the newest tag before this commit; without tags, the commit before the newest migration.

    Raises NoRelease.
    """
    try:
        tag = _git("tag", "--merged", "HEAD^", "--sort=-creatordate").partition("\n")[0]
        if tag:
            return _git("rev-parse", f"{tag}^{{commit}}")
        newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/*.py")
        return _git("rev-parse", f"{newest}^")
    except (subprocess.CalledProcessError, FileNotFoundError):
        raise NoRelease("the history of the repository is not here (git fetch --unshallow --tags)") from None


def why_no_rollout(*, asked_for: bool) -> str:
    """Why the last release cannot run beside this version in a test, or nothing."""
    return why_no_postgresql() if asked_for else "the last release is run beside this version by make rollout-test"


def unpack(commit: str, folder: Path) -> Version:
    """Unpack what runs of a commit into a folder. Raises NoRelease if its dependencies are not met here."""
    archive = subprocess.run(["git", "archive", commit, *UNPACKED], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    if missing := unmet(folder / "setup.cfg"):
        raise NoRelease(f"{commit[:10]} needs {', '.join(missing)}")
    return Version(commit, folder)


def unmet(setup: Path) -> list[str]:
    """The requirements of a setup.cfg that this environment does not meet."""
    config = ConfigParser(interpolation=None)
    config.read(setup)
    told = [config["options"]["install_requires"], *(config["options.extras_require"][name] for name in EXTRAS)]
    lines = [line.strip() for text in told for line in text.splitlines()]
    needed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [str(one) for one in needed if (one.marker is None or one.marker.evaluate()) and not _is_met(one)]


def _is_met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _git(*arguments: str) -> str:
    told = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return told.stdout.strip()
