"""Parse the command lines of all commands. An error names the known options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence

from document_parser.settings.validation import nearest_name


def parse_arguments(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed arguments. Exit with status 2 if they are invalid; for an unknown option, suggest the nearest one."""
    found, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", parser.format_help())))
        said = [*(_unknown_argument(argument, known) for argument in unknown), f"Known options: {', '.join(known)}."]
        parser.error(" ".join(said))
    return found


def whole_number(least: int) -> Callable[[str], int]:
    """Return an argument type that accepts whole numbers from ``least`` on, with up to nine digits."""

    def number(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return number


def _unknown_argument(argument: str, known: Sequence[str]) -> str:
    if not argument.startswith("-"):
        return f"the argument {argument!r} is unknown."
    name = argument.partition("=")[0]
    meant = nearest_name(name.lstrip("-"), [option.lstrip("-").replace("-", "_") for option in known])
    return f"there is no option {name}" + (f", did you mean --{meant.replace('_', '-')}?" if meant else ".")
