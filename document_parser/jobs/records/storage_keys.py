"""Where files lie in storage. A job's all below ``jobs/{id}/``, so that deleting one job never touches another."""

from __future__ import annotations

ALL_JOBS = "jobs/"
CACHE = "cache/"
"""What was read, kept for whoever sends the same again; see ``cache.py``."""


def folder(job_id: str) -> str:
    return f"{ALL_JOBS}{job_id}/"


def source(job_id: str) -> str:
    """What was uploaded, as it came."""
    return folder(job_id) + "source"


def card(job_id: str) -> str:
    """What Redis must know of the job, to be rebuilt from."""
    return folder(job_id) + "job.json"


def page(job_id: str, number: int, revision: int = 1) -> str:
    """The page as it was read for this revision of the job."""
    return f"{folder(job_id)}pages/{number:06d}{_of(revision)}.json"


def picture(job_id: str, number: int, turn: int) -> str:
    """The page as people look at it, turned clockwise by so many degrees."""
    return f"{folder(job_id)}pictures/{number:06d}-{turn}.jpg"


def figure(job_id: str, name: str) -> str:
    """The picture of a figure, under the name that its block has."""
    return f"{folder(job_id)}figures/{name}"


def figure_of(name: str, revision: int) -> str:
    """The name of a figure of a page that was read for a later revision."""
    return name.replace("-figure-", f"-r{revision}-figure-")


def result(job_id: str, extension: str, revision: int = 1) -> str:
    return f"{folder(job_id)}result{_of(revision)}.{extension}"


def result_facts(job_id: str, revision: int = 1) -> str:
    """What is known of a result beside its content, the same for each format."""
    return result(job_id, "facts.json", revision)


def _of(revision: int) -> str:
    """Files of a later revision stand beside those of the earlier ones, which stay whole."""
    return "" if revision == 1 else f".r{revision}"
