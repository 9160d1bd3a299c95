"""What ``docparse doctor`` looks at, and what it says of each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``missing`` means that the service cannot do its job; ``advice`` says what to do."""

    name: str
    status: Status
    detail: str
    advice: str = ""
