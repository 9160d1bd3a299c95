"""Say what documents a file holds that was read in this process, if its options ask for that."""

from __future__ import annotations

from document_parser.classification.labels import UnknownLabels, load_labels, order_of
from document_parser.errors import LabelUnknown, OwnFileBroken
from document_parser.models import DocumentSegment
from document_parser.pipeline.local.result import ParseResult
from document_parser.settings import Settings


def find_segments(document: ParseResult, settings: Settings) -> list[DocumentSegment] | None:
    """Return the documents that a file holds; None if its options do not ask for them. To be called outside of event loops.

    Raises LabelUnknown, OwnFileBroken.
    """
    names = document.options.label_names
    if names is None:
        return None
    from document_parser.classification.classify import InvoiceFile, classify_pages

    try:
        order = order_of(names, load_labels(settings.extraction.labels_file))
    except UnknownLabels as error:
        raise LabelUnknown.for_names(error.names, error.known) from None
    except ValueError as error:
        raise OwnFileBroken(f"LABELS_FILE cannot be used: {error}", setting="LABELS_FILE") from None
    invoices = [InvoiceFile(child.name, child.part) for child in document.head.children if child.invoice is not None]
    if not settings.asks_extract_model:
        return classify_pages(document.pages(), order, invoices).segments
    from document_parser.classification.judge import ModelJudge

    with ModelJudge(settings) as judge:
        return classify_pages(document.pages(), order, invoices, judge).segments
