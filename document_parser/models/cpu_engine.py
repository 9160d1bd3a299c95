"""The engine that reads on a worker's own processor, as the worker finds it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from document_parser.models.enums import EngineName


class CpuEngine(BaseModel):
    """What reads on a machine if no model server does."""

    model_config = ConfigDict(frozen=True)

    name: EngineName
    runtime: str = ""
    """What computes its models. Empty for an engine that is a program of its own."""
    reason: str = ""
    """Why the first choice of runtime does not compute. Empty if it does, or if the settings chose the runtime."""
    trouble: str = ""
    """Why it cannot read. Empty if it can."""
    advice: str = ""
    """What to do about the trouble."""
    scripts: tuple[str, ...] = ()
    """Scripts that it reads in pictures of pages, under the names of Tesseract's script detection."""
    languages: tuple[str, ...] = ()
    """Language packs that it reads with. Empty for an engine whose models know their scripts."""
    helpers: tuple[CpuEngine, ...] = ()
    """Engines that read what this one cannot read, such as other scripts."""
