"""Write errors as Azure's clients expect them: a code of the service, an inner code, and ours in the details."""

from __future__ import annotations

from typing import Any

_TOP: dict[int, str] = {
    400: "InvalidRequest",
    401: "401",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    409: "Conflict",
    413: "InvalidRequest",
    429: "429",
    503: "ServiceUnavailable",
}
"""The code of a status; of any other one it is InternalServerError."""
_STATUS = {410: 404, 415: 400, 422: 400}
"""Statuses that Azure has another one for."""
_INNER: dict[str, str] = {
    "MODEL_NOT_FOUND": "ModelNotFound",
    "JOB_NOT_FOUND": "OperationNotFound",
    "JOB_EXPIRED": "OperationNotFound",
    "JOB_DELETED_AFTER_READ": "OperationNotFound",
    "FIGURE_NOT_FOUND": "FigureNotFound",
    "INVALID_OPTION": "InvalidParameter",
    "PAGE_RANGE_EMPTY": "InvalidParameter",
    "FILE_TOO_LARGE": "InvalidContentLength",
    "FILE_MISSING": "ContentMissing",
    "EMPTY_FILE": "InvalidContent",
    "UNSUPPORTED_FORMAT": "InvalidContent",
    "CONTENT_MISMATCH": "InvalidContent",
    "DAMAGED_DOCUMENT": "InvalidContent",
    "ENCRYPTED_DOCUMENT": "UnsupportedContent",
    "WRONG_PASSWORD": "UnsupportedContent",
    "TOO_MANY_PAGES": "InvalidContentLength",
}
"""The inner code of an error of ours, where Azure has one for it."""


def azure_error(code: str, message: str, status: int) -> dict[str, Any]:
    """Return an error of ours as Azure writes one."""
    status = _STATUS.get(status, status)
    inner = _INNER.get(code, "ContentSourceNotAccessible" if code.startswith("FETCH_") else "")
    return {
        "code": _TOP.get(status, "InternalServerError"),
        "message": message,
        **({"innererror": {"code": inner, "message": message}} if inner else {}),
        "details": [{"code": code, "message": message}],
    }


def azure_status(status: int) -> int:
    """Return the status that Azure has where we have this one."""
    return _STATUS.get(status, status)
