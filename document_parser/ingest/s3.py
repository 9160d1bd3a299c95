"""Read documents from S3 buckets and put results into them, with the server's credentials.

boto3 is the extra ``s3`` and is imported at the first use. Its calls block, so they run in threads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from document_parser.errors import (
    FetchCutOff,
    FetchDenied,
    FetchError,
    FetchHostFailed,
    FetchNotFound,
    FetchRejected,
    FetchTimeout,
    FetchUnreachable,
    FileTooLarge,
    ResultNotStored,
    S3NotSetUp,
)
from document_parser.ingest.origin import S3Path
from document_parser.ingest.staged_file import StagedFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 18
"""The size of the pieces in which objects are read."""
MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
"""Codes of S3 for an object or a bucket that does not exist."""
DENIED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AllAccessDisabled"})
"""Codes of S3 for missing rights."""


def check_installed() -> None:
    """Check that the extra ``s3`` is installed. Raises S3NotSetUp."""
    if find_spec("boto3") is None:
        raise S3NotSetUp()


def make_client(endpoint_url: str, region: str = "", *, connect_seconds: float = 5.0, read_seconds: float = 60.0) -> S3Client:
    """Return a client with the credentials of the environment. An empty region is that of the environment.

    It starts no threads. Raises S3NotSetUp if the extra ``s3`` is not installed.
    """
    check_installed()
    import boto3
    from botocore.config import Config

    config = Config(retries={"max_attempts": 4, "mode": "standard"}, connect_timeout=connect_seconds, read_timeout=read_seconds)
    options: Any = {"endpoint_url": endpoint_url or None, "region_name": region or None}
    client: S3Client = boto3.session.Session().client("s3", config=config, **options)
    return client


def download_object(
    client: S3Client, path: S3Path, max_bytes: int, staged: StagedFile, on_progress: Callable[[int, int | None], object]
) -> str:
    """Stage an object and return its media type; empty if it has none.

    ``on_progress`` is called after each piece and may end the download by raising. Raises FetchError, FileTooLarge,
    StorageFull, StorageUnavailable.
    """
    with translate_errors():
        found = client.get_object(Bucket=path.bucket, Key=path.key)
        size: int = found["ContentLength"]
        with contextlib.closing(found["Body"]) as body:
            if size > max_bytes:
                raise FileTooLarge.for_size(max_bytes >> 20, received=size)
            for piece in body.iter_chunks(CHUNK_BYTES):
                staged.write(piece)
                on_progress(staged.size, size)
    if staged.size != size:
        raise FetchCutOff()
    return found.get("ContentType", "")


def put_object(client: S3Client, path: S3Path, file: Path, media_type: str) -> None:
    """Put a local file into a bucket. Raises ResultNotStored, S3NotSetUp."""
    from boto3.exceptions import Boto3Error

    try:
        with translate_errors():
            client.upload_file(str(file), path.bucket, path.key, ExtraArgs={"ContentType": media_type})
    except S3NotSetUp:
        raise
    except (FetchError, Boto3Error) as fault:
        reason = fault.code if isinstance(fault, FetchError) else type(fault).__name__
        raise ResultNotStored(reason=_reason_of(fault) or reason) from None


def _reason_of(fault: Exception) -> str:
    """Return S3's own code of an error; empty if it came without one."""
    from botocore.exceptions import ClientError

    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ClientError):
            return str(cause.response.get("Error", {}).get("Code", ""))
        cause = cause.__cause__ or cause.__context__
    return ""


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Raise our errors instead of the block's errors of boto3."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _error_of_code(error.response) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.NoRegionError) as error:
        raise S3NotSetUp(reason=type(error).__name__) from error
    except (exceptions.IncompleteReadError, exceptions.ResponseStreamingError) as error:
        raise FetchCutOff() from error
    except (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError) as error:
        raise FetchTimeout() from error
    except exceptions.BotoCoreError as error:
        raise FetchUnreachable(reason=type(error).__name__) from error


def _error_of_code(response: Any) -> FetchError:
    """Return our error for an error response of S3."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    facts: dict[str, Any] = {"s3_code": code, "http_status": status}
    if code in MISSING:
        return FetchNotFound(**facts)
    if code in DENIED:
        return FetchDenied("The bucket refuses this server's credentials. Ask the operator for the right to read it.", **facts)
    return FetchHostFailed(**facts) if status >= 500 or code == "SlowDown" else FetchRejected(**facts)
