"""Keep the list of the documents inside a job's document, in storage beside its pages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from pydantic import TypeAdapter

from document_parser.jobs.records import storage_keys
from document_parser.models import Child
from document_parser.storage import Storage, StoredFileMissing

_CHILDREN = TypeAdapter(list[Child])


def child_id(job_id: str, index: int) -> str:
    """Return the job id of the member with this index: the same each time, so that a member becomes one job."""
    return str(uuid.uuid5(uuid.UUID(job_id), f"member {index}"))


def store(storage: Storage, job_id: str, children: Sequence[Child]) -> None:
    """Store the list. Raises StorageUnavailable."""
    storage.put(storage_keys.children(job_id), _CHILDREN.dump_json([*children]))


def load(storage: Storage, job_id: str) -> list[Child]:
    """Return the list; empty if the document holds no others, or was not opened yet. Raises StorageUnavailable."""
    try:
        return _CHILDREN.validate_json(storage.get(storage_keys.children(job_id)))
    except StoredFileMissing:
        return []
