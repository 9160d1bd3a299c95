"""Hold the checks of ``docparse doctor``: each is a function of the settings that yields findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]
"""Result of a check."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    ``missing`` means that the service cannot do its job; ``advice`` says what to do.
    """

    name: str
    status: Status
    detail: str
    advice: str = ""
