"""Errors of documents that are fetched, and of results that are put somewhere."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError
from document_parser.errors.documents import DocumentError


class FetchError(DocumentError):
    """Root of the errors of fetching a document from an address or a bucket. ``address`` in the details has no query."""

    code = "FETCH_FAILED"
    status = 502
    message = "The document could not be fetched. Open its address in a browser to see why, then send it again."


class FetchRefused(FetchError):
    """The address is not one that the service may connect to, or a redirect leads to such an address."""

    code = "FETCH_REFUSED"
    status = 422
    message = (
        "The document's address must be http or https, of a public host, and without a password. FETCH_ALLOW_HOSTS names "
        "exceptions. Or download the document and upload it."
    )

    @classmethod
    def for_reason(cls, reason: str, address: str = "") -> FetchRefused:
        """Return the error with the reason of ``ssrf``, and the address that a redirect led to if it was one."""
        led = f"A redirect leads to {address}, which is refused: " if address else ""
        return cls(led + cls.message, reason=reason, **({"address": address} if address else {}))


class FetchNotResolved(FetchError):
    """The host's name servers did not answer in time."""

    code = "FETCH_NOT_RESOLVED"
    status = 503
    retryable = True
    message = (
        "The name servers did not answer in time for the host of the document's address. Send it again shortly; if the "
        "error stays, check the name."
    )


class FetchUnreachable(FetchError):
    """No connection to the host, or to the S3 service."""

    code = "FETCH_UNREACHABLE"
    retryable = True
    message = "The document's host accepts no connection. Check the address, or send it again later."


class FetchUntrusted(FetchError):
    """TLS failed: the certificate is not trusted, has expired, or belongs to another name."""

    code = "FETCH_UNTRUSTED"
    message = (
        "No trusted connection to the document's host: its certificate is not valid for the address. Correct the certificate, "
        "or download the document and upload it."
    )


class FetchCutOff(FetchError):
    """The connection broke in the middle of the document, repeatedly."""

    code = "FETCH_CUT_OFF"
    retryable = True
    message = "The connection broke before the document's end, also when it was fetched again. Send it again later."


class FetchTimeout(FetchError):
    """The host sent nothing for FETCH_STALL_SECONDS, or the whole took longer than FETCH_SECONDS."""

    code = "FETCH_TIMEOUT"
    status = 504
    retryable = True
    message = (
        "The document did not arrive in time (FETCH_STALL_SECONDS, FETCH_SECONDS). Send it again later, or download the "
        "document and upload it."
    )


class FetchNotFound(FetchError):
    """There is no document at the address or in the bucket."""

    code = "FETCH_NOT_FOUND"
    status = 422
    message = "There is no document at this address. Check it, then send it again."


class FetchDenied(FetchError):
    """The host or the bucket refuses access."""

    code = "FETCH_DENIED"
    status = 422
    message = (
        "The document's host refuses access. Send an address that needs no login; one that is pre-signed may have expired: "
        "sign it again."
    )


class FetchRejected(FetchError):
    """The host answered with a status that is no document and will stay so."""

    code = "FETCH_REJECTED"
    status = 422
    message = "The document's host answered with an error instead of a document. Check the address, then send it again."


class FetchHostFailed(FetchError):
    """The host answered that it is busy or has failed, repeatedly."""

    code = "FETCH_HOST_FAILED"
    retryable = True
    message = "The document's host is busy or failed, also when it was asked again. Send it again later."


class FetchRedirects(FetchError):
    """More redirects than FETCH_MAX_REDIRECTS, or one without an address."""

    code = "FETCH_REDIRECTS"
    status = 422
    message = (
        "The address redirects too often (FETCH_MAX_REDIRECTS), or to nowhere. Send the address at which a browser arrives."
    )


class FetchEncoding(FetchError):
    """The answer is compressed in a way that was not asked for and is not known."""

    code = "FETCH_ENCODING"
    status = 422
    message = (
        "The document's host sends it with a Content-Encoding that is not read, or that is damaged. Download the document and "
        "upload it."
    )


class FetchAddressLost(FetchError):
    """Redis lost the address, or SECRET_KEY has changed since the request."""

    code = "FETCH_ADDRESS_LOST"
    status = 422
    message = "The document's address was lost before it was fetched. Send it again."


class BucketRefused(FetchError):
    """The bucket is not one that callers may use with the server's credentials."""

    code = "BUCKET_REFUSED"
    status = 422
    message = (
        "Callers may not use this bucket with the server's credentials. The operator allows buckets to be read with "
        "FETCH_S3_BUCKETS and written with RESULT_S3_BUCKETS; a pre-signed address in 'url' needs no entry."
    )


class S3NotSetUp(FetchError):
    """The extra ``s3`` is not installed, or the server has no credentials."""

    code = "BUCKETS_NOT_SET_UP"
    status = 501
    message = (
        "This server is not set up for S3. The operator installs the extra 's3' (pip install document-parser[s3]) and gives "
        "credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


class ResultNotStored(DocumentParserError):
    """The result could not be put into the bucket of ``result_s3``."""

    code = "RESULT_NOT_STORED"
    status = 502
    retryable = True
    message = "The result could not be put into the bucket. Check its name and this server's rights there, or download it here."
