"""Name the keys of files in storage. All files of a job are below ``jobs/{id}/``, so deleting one job never touches another."""

from __future__ import annotations

from document_parser.models import FORMAT_FILES

_EXTENSIONS: dict[str, str] = {name: file.extension for name, file in FORMAT_FILES.items()}
"""The file name extension of each format."""
ALL_JOBS = "jobs/"
"""The prefix of the files of all jobs."""
CACHE = "cache/"
"""The prefix of what was read and is kept for later uploads of the same; see ``jobs/cache.py``."""

ALL_BATCHES = "batches/"
"""The prefix of the files of all batches."""
ALL_UPLOADS = "uploads/"
"""The prefix of the files of resumable uploads."""


def cache_of(owner: str) -> str:
    """Return the prefix of what the cache has of an owner."""
    return f"{CACHE}{owner}/"


def upload_folder(upload_id: str) -> str:
    """Return the prefix of all files of a resumable upload."""
    return f"{ALL_UPLOADS}{upload_id}/"


def upload(upload_id: str) -> str:
    """Return the key of what has come of a resumable upload."""
    return upload_folder(upload_id) + "data"


def folder(job_id: str) -> str:
    """Return the prefix of all files of a job."""
    return f"{ALL_JOBS}{job_id}/"


def source(job_id: str) -> str:
    """Return the key of the uploaded document, unchanged."""
    return folder(job_id) + "source"


def card(job_id: str) -> str:
    """Return the key of ``job.json``, from which the job's record in Redis can be rebuilt."""
    return folder(job_id) + "job.json"


def batch_folder(batch_id: str) -> str:
    """Return the prefix of all files of a batch."""
    return f"{ALL_BATCHES}{batch_id}/"


def batch(batch_id: str) -> str:
    """Return the key of ``batch.json``, from which the record of a batch can be rebuilt."""
    return batch_folder(batch_id) + "batch.json"


def children(job_id: str) -> str:
    """Return the key of the list of the documents inside a job's document."""
    return folder(job_id) + "children.json"


def page(job_id: str, number: int, revision: int = 1) -> str:
    """Return the key of a page as it was read for this revision of the job."""
    return f"{folder(job_id)}pages/{number:06d}{_revision_suffix(revision)}.json"


def page_image(job_id: str, number: int, turn: int) -> str:
    """Return the key of a page image for people, turned clockwise by ``turn`` degrees."""
    return f"{folder(job_id)}pictures/{number:06d}-{turn}.jpg"


def marked_images(job_id: str) -> str:
    """Return the prefix of page images on which places are marked."""
    return f"{folder(job_id)}pictures/marked/"


def marked_image(job_id: str, number: int, turn: int, marks: str) -> str:
    """Return the key of a page image on which places are marked; ``marks`` is a name for these places."""
    return f"{marked_images(job_id)}{number:06d}-{turn}-{marks}.png"


def figure(job_id: str, name: str) -> str:
    """Return the key of a figure's image; ``name`` is the one that its block has."""
    return f"{folder(job_id)}figures/{name}"


def figure_of(name: str, revision: int) -> str:
    """Return the name of a figure on a page that was read for a later revision."""
    return name.replace("-figure-", f"-r{revision}-figure-")


def result(job_id: str, extension: str, revision: int = 1) -> str:
    """Return the key of the result in one format, named by its file extension."""
    return f"{folder(job_id)}result{_revision_suffix(revision)}.{extension}"


def export(job_id: str, name: str, revision: int = 1) -> str:
    """Return the key of an export by its name: a result in one of the formats, or what is asked for beside them."""
    if name in _EXTENSIONS:
        return result(job_id, _EXTENSIONS[name], revision)
    return f"{exports_beside(job_id, revision)}{name}.jsonl"


def exports_beside(job_id: str, revision: int) -> str:
    """Return the prefix of a revision's exports that are in none of the formats.

    They are chunks of other sizes, places, and documents of other systems.
    """
    return f"{folder(job_id)}chunks/{revision:06d}/"


def result_facts(job_id: str, revision: int = 1) -> str:
    """Return the key of the facts about a result beside its content; they are the same for each format."""
    return result(job_id, "facts.json", revision)


def extraction_order(job_id: str, extraction_id: str) -> str:
    """Return the key of what was asked of a document: the schema of an extraction and its options."""
    return f"{folder(job_id)}extractions/{extraction_id}.order.json"


def extraction(job_id: str, extraction_id: str, revision: int = 1) -> str:
    """Return the key of the answer to an extraction for this revision of the job."""
    return f"{folder(job_id)}extractions/{extraction_id}{_revision_suffix(revision)}.json"


def classification_order(job_id: str, classification_id: str) -> str:
    """Return the key of what a classification was asked for: the types that the document may be."""
    return f"{folder(job_id)}classifications/{classification_id}.order.json"


def facade_order(job_id: str, classification_id: str) -> str:
    """Return the key of how a client of another system asked for a classification."""
    return f"{folder(job_id)}classifications/{classification_id}.asked.json"


def classification(job_id: str, classification_id: str, revision: int = 1) -> str:
    """Return the key of the answer to a classification for this revision of the job."""
    return f"{folder(job_id)}classifications/{classification_id}{_revision_suffix(revision)}.json"


def _revision_suffix(revision: int) -> str:
    """Return the suffix of a revision's files, so that those of earlier revisions stay whole beside them."""
    return "" if revision == 1 else f".r{revision}"
