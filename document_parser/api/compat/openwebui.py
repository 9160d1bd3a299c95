"""Open WebUI's external document loader: ``PUT /process`` with the file as the body, answered with the text of each page.

Source: ``retrieval/loaders/external_document.py`` of Open WebUI.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from flask import Response, request

from document_parser.api.compat import conversion
from document_parser.api.compat.facade import Facade, json_response
from document_parser.api.compat.intake import receive_body
from document_parser.api.middleware.access import RESULT_READ, Access
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.wires import Wire
from document_parser.errors import NoTextFound
from document_parser.models import PLACES

_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}_")
"""What Open WebUI puts before the name that a person gave."""


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return what Open WebUI shows of an error: its text as it is."""
    return {"detail": problem.message, "code": problem.code}, status


facade = Facade(Wire("openwebui", _write_error, field_names={"page_range": "page_range of POST /v1/process"}))
"""The one route of the loader."""


@facade.route("PUT", "/process", Access("process", actions=("job.submit", RESULT_READ)), receives=True)
def process() -> Response:
    """Return a text for each page, so that what is cited has its page. Raises NoTextFound."""
    name = _UPLOAD_PREFIX.sub("", unquote(request.headers.get("X-Filename", "")).rpartition("/")[2])
    taken = conversion.submit(receive_body(name), {"figures": "none"}, exports=(PLACES,))
    job = conversion.wait_for_job(taken.job_id)
    metadata = {"source": job.card.filename, "job_id": job.card.job_id, "total_pages": job.page_count}
    # Lists are texts here: vector stores take no others.
    warned = {number: ", ".join(codes) for number, codes in conversion.warned_pages(job).items()}
    if warned:
        metadata["warned_pages"] = ", ".join(map(str, warned))
    found = [
        # ``page`` counts from 0, as in LangChain's loaders: Open WebUI shows one more.
        {
            "page_content": text,
            "metadata": {
                **metadata,
                "page": number - 1,
                "page_label": str(number),
                **({"warnings": warned[number]} if number in warned else {}),
            },
        }
        for number, text in conversion.markdown_pages(job)
    ]
    if not found:
        raise NoTextFound()
    return json_response(found)
