"""Set a draft with WeasyPrint, which lays out HTML with Pango. It does not say where the words are."""

from __future__ import annotations

from io import BytesIO

from benchmarks.drawn.draft import Draft
from benchmarks.drawn.typesetters.html import html_of


def missing() -> str:
    """Return why this typesetter cannot be used here; empty if it can."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        return f"WeasyPrint: {str(error).splitlines()[0]} (pip install .[drawn]; Debian: libpango-1.0-0, libpangoft2-1.0-0)"
    return ""


def set_draft(draft: Draft) -> tuple[bytes, int]:
    """Set the draft and return the PDF and its number of pages."""
    from weasyprint import HTML

    out = BytesIO()
    document = HTML(string=html_of(draft, turns=False)).render()
    document.write_pdf(out, identifier=b"drawn")
    return out.getvalue(), len(document.pages)
