"""Run ``docparse doctor``: check this machine and these settings, and say what is missing and what to do."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module

import structlog
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from document_parser.cli.checks import Finding, Status
from document_parser.settings import Settings, cap_threads, load_settings, startup
from document_parser.settings.arguments import parse_arguments

COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "missing": "bold red"}
"""Style of each status at a terminal."""

CHECKS = {
    "folder": ("machine", "check_folder"),
    "runtime-folder": ("machine", "check_runtime_folder"),
    "memory": ("machine", "check_memory"),
    "open-files": ("machine", "check_open_files"),
    "clock": ("machine", "check_clock"),
    "reach": ("machine", "check_reach"),
    "tiers": ("machine", "check_tiers"),
    "own-files": ("machine", "check_own_files"),
    "redis": ("parts", "check_redis"),
    "storage": ("parts", "check_storage"),
    "virus-scan": ("parts", "check_virus_scan"),
    "openers": ("parts", "check_openers"),
    "libreoffice": ("formats", "check_libreoffice"),
    "libarchive": ("formats", "check_libarchive"),
    "cpu-engine": ("parts", "check_cpu_engine"),
    "gpu": ("machine", "check_gpu"),
    "model-servers": ("parts", "check_model_servers"),
    "port": ("parts", "check_port"),
    "units": ("machine", "check_units"),
}
"""The checks in their order: for each its module and its function of the settings, imported when the check runs."""


def main(arguments: list[str] | None = None) -> int:
    """Print all findings. Return 0 if the service can do its job, 1 if something it needs is missing."""
    given = parse_arguments(_parser(), arguments)
    cap_threads()  # before anything numeric is imported
    # Log lines of the parts are not part of the output.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = list(findings(given.only, deep=given.deep))
    well = all(finding.status != "missing" for finding in found)
    if given.json:
        print(json.dumps({"ok": well, "checks": [asdict(finding) for finding in found]}, indent=2))
    else:
        _show(found, _verdict(well=well, whole=not given.only), well=well)
    return 0 if well else 1


def findings(only: Sequence[str] = (), *, deep: bool) -> Iterator[Finding]:
    """Yield the findings of all checks in order, or of those named in ``only``.

    Python and the settings are always checked. The other checks run only if the settings are valid.
    """
    from document_parser.cli.checks import machine

    yield from machine.check_python()
    complaints = list(bad_settings())
    yield from complaints or [Finding("settings", "ok", "every variable is valid")]
    if not complaints:
        settings = load_settings()
        for name in CHECKS:
            if not only or name in only:
                yield from _check(name, deep=deep)(settings)


def _check(name: str, *, deep: bool) -> Callable[[Settings], Iterator[Finding]]:
    module, function = CHECKS[name]
    check = getattr(import_module(f"document_parser.cli.checks.{module}"), function)
    return partial(check, deep=deep) if name == "model-servers" else check


def bad_settings() -> Iterator[Finding]:
    """Yield a finding for each variable that cannot be used."""
    for name, problem in startup.bad_settings():
        yield Finding("settings", "missing", f"{name}: {problem}", "Correct it in the environment or in .env.")


def _verdict(*, well: bool, whole: bool) -> str:
    if whole or not well:
        return "The service can do its job." if well else "The service cannot do its job yet."
    return "Of what was checked nothing is missing."


def _show(found: list[Finding], verdict: str, *, well: bool) -> None:
    if not sys.stdout.isatty():
        for finding in found:
            print(f"{finding.status:8} {finding.name}: {finding.detail}{'. ' + finding.advice if finding.advice else ''}")
        print(verdict)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "found", "what to do"):
        table.add_column(title, overflow="fold")
    for finding in found:
        colour = COLOURS[finding.status]
        table.add_row(f"[{colour}]{finding.status}[/]", *map(escape, (finding.name, finding.detail, finding.advice)))
    console = Console()
    console.print(table)
    console.print(f"[{COLOURS['ok' if well else 'missing']}]{verdict}[/]")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse doctor",
        description="Check this machine and the settings: what works, what is missing, and what to do.",
        epilog="Exit status: 0 if the service can do its job, 1 if something that it needs is missing.",
    )
    parser.add_argument("--deep", action="store_true", help="send a small image to each model server")
    only = f"run only these checks: {', '.join(CHECKS)}"
    parser.add_argument("--only", action="extend", nargs="+", choices=CHECKS, default=[], metavar="CHECK", help=only)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
