"""Write ``.env.example``: every setting with its description and its default."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from document_parser.settings.tree import Settings


def environment_fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield section title, environment name and field of every setting, in order."""
    for section in Settings.model_fields.values():
        kind = section.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseSettings)
        prefix = kind.model_config.get("env_prefix", "")
        title = (kind.__doc__ or "").strip()
        for name, field in kind.model_fields.items():
            yield title, (prefix + name).upper(), field


def example_environment() -> str:
    """Return the text of ``.env.example``."""
    lines = ["# Every setting with its default. Copy to .env and uncomment what you change."]
    last = ""
    for title, name, field in environment_fields():
        if title != last:
            lines += ["", f"# --- {title}"]
            last = title
        lines += [f"# {field.description}", f"#{name}={_as_text(field.default)}"]
    return "\n".join(lines) + "\n"


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(str(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)
