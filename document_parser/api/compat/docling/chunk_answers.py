"""Answer with the chunks of documents, each with the items of the DoclingDocument that it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, stream_with_context

from document_parser.api.compat import conversion
from document_parser.api.compat.docling import answers
from document_parser.api.compat.docling.options import FACTS
from document_parser.jobs.records.job import Job
from document_parser.models import Chunk, Chunking


def chunking_of(job: Job) -> str:
    """Return the export of the chunks that a task was asked for; empty if it is none of a chunker."""
    return next((name for name in job.card.exports if Chunking.parse(name)), "")


def chunked(jobs: Iterable[Job]) -> Response:
    """Return the chunks of all documents, and the documents themselves if they were asked for. Raises as ``load_result``."""
    found = [_Chunked(job) for job in jobs]

    def body() -> Iterator[bytes]:
        yield b'{"chunks":['
        count = 0
        for one in found:
            for chunk in one.chunks():
                yield (b"," if count else b"") + json.dumps(chunk).encode()
                count += 1
        yield b'],"documents":['
        for number, one in enumerate(found):
            yield b"," if number else b""
            yield from one.document()
        yield b'],"processing_time":' + json.dumps(sum(answers.seconds_of(one.job) for one in found)).encode() + b"}"

    return Response(stream_with_context(body()), mimetype="application/json")


class _Chunked:
    """The chunks of one document."""

    def __init__(self, job: Job) -> None:
        """Load what the answer needs, so that its errors come before it begins."""
        self.job = job
        self._lines = conversion.load_export(job, chunking_of(job))
        facts = conversion.load_json(job, FACTS)
        self._items = {(page, index): item for page, index, item in facts["items"]}
        self._scores = {int(page): score for page, score in facts["scores"].items()}
        self._problems = conversion.page_problems(job)
        self._errors = answers.error_items(self._problems, facts)

    def chunks(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks as docling-serve has them."""
        origin = answers.origin(self.job)
        with self._lines as lines:
            for number, line in enumerate(lines):
                chunk = Chunk.model_validate_json(line)
                items = dict.fromkeys(
                    self._items[block.page, block.index] for block in chunk.blocks if (block.page, block.index) in self._items
                )
                yield {
                    "filename": self.job.card.filename,
                    "chunk_index": number,
                    "text": chunk.context_text,
                    "raw_text": chunk.text,
                    "num_tokens": chunk.tokens,
                    "headings": chunk.headings or None,
                    "captions": None,
                    "doc_items": list(items),
                    "page_numbers": chunk.pages,
                    "metadata": {"origin": origin} if origin else {},
                }

    def document(self) -> Iterator[bytes]:
        """Yield the document that the chunks are of; without its contents unless they were asked for."""
        streams = {answers.FIELDS[name]: conversion.load_export(self.job, name) for name in answers.asked_exports(self.job)}
        rest = {
            "kind": "ExportResult",
            "status": answers.status_of(self.job, self._problems),
            "errors": self._errors,
            "timings": {},
            "confidence": answers.confidence(self._scores),
        }
        yield json.dumps(rest).encode()[:-1] + b',"content":'
        yield from answers.document_fields(self.job, streams)
        yield b"}"
        for stream in streams.values():
            stream.close()
