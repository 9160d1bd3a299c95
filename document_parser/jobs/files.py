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


def page(job_id: str, number: int) -> str:
    return f"{folder(job_id)}pages/{number:06d}.json"


def picture(job_id: str, number: int, turn: int) -> str:
    """The page as people look at it, turned clockwise by so many degrees."""
    return f"{folder(job_id)}pictures/{number:06d}-{turn}.jpg"


def figure(job_id: str, name: str) -> str:
    """The picture of a figure, under the name that its block has."""
    return f"{folder(job_id)}figures/{name}"


def result(job_id: str, extension: str) -> str:
    return f"{folder(job_id)}result.{extension}"
