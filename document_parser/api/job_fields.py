"""Read what a request asks of a job beside its document: options, password, webhook, idempotency key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from pydantic import ValidationError

from document_parser.accounts.retention import longest_retention_hours
from document_parser.api.extraction_fields import FORM_FIELDS, ORDER_ERRORS, take_order
from document_parser.api.middleware import rate_limits, tier_limits
from document_parser.api.middleware.identity import identity
from document_parser.classification.labels import UnknownLabels, load_labels, order_of
from document_parser.errors import (
    BadRequest,
    BucketRefused,
    InvalidOption,
    LabelUnknown,
    NotInTier,
    OwnFileBroken,
    S3NotSetUp,
    ScopeMissing,
    WebhookNotResolved,
    WebhookRefused,
)
from document_parser.ingest import s3
from document_parser.ingest.origin import check_bucket, parse_s3
from document_parser.models import Options
from document_parser.models.classification import ClassificationOrder
from document_parser.models.extraction import ExtractionOrder
from document_parser.settings import Settings, validation
from document_parser.ssrf import AddressCheck, AddressRefused, lookups
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MAX_PASSWORD_CHARACTERS = 512
"""Maximum length of a document's password in characters."""
IDEMPOTENCY_KEY_PATTERN = r"[\x21-\x7e]{1,255}"
"""Pattern of an Idempotency-Key: visible ASCII characters."""
TEXT_FIELDS = ("password", "webhook_url", "result_s3")
"""Fields beside the options."""
FIELD_ERRORS = (
    *ORDER_ERRORS,
    LabelUnknown,
    ScopeMissing,
    NotInTier,
    WebhookRefused,
    WebhookNotResolved,
    BucketRefused,
    S3NotSetUp,
)
"""Errors of the fields of a job."""


@dataclass(frozen=True, slots=True)
class JobFields:
    """What a request asks of a job. The texts are empty if it has none."""

    options: Options
    password: str = ""
    webhook_url: str = ""
    result_s3: str = ""
    """Prefix in a bucket into which the result's files are put, as it was sent."""
    idempotency_key: str = ""
    """A hash of the Idempotency-Key."""
    order: ExtractionOrder | None = None
    """What is to be extracted from the document; None for nothing."""
    exports: tuple[str, ...] = ()
    """Exports that are written before the job ends, beside its output format: documents of other systems."""


def parse_fields(settings: Settings, fields: Mapping[str, Any], *, beside: tuple[str, ...], key: str = "") -> JobFields:
    """Return the fields of a form, a query or a JSON object. ``beside`` names the fields that the route has read already.

    Raises the errors in FIELD_ERRORS: InvalidOption names each unknown or invalid field.
    """
    left = dict(fields)
    order = take_order(settings, left)
    texts = {name: left.pop(name, "") for name in TEXT_FIELDS}
    check_texts(**texts)
    password, webhook_url, result_s3 = texts.values()
    return JobFields(
        webhook_url=check_webhook(settings, webhook_url),
        result_s3=check_result_s3(settings, result_s3),
        options=_check_retention(settings, _parse_options(settings, left, (*beside, *TEXT_FIELDS, *FORM_FIELDS))),
        password=check_password(password),
        idempotency_key=key,
        order=order,
    )


def check_texts(**fields: Any) -> None:
    """Refuse fields of a JSON object that must be text and are not. Raises InvalidOption."""
    for name, value in fields.items():
        if not isinstance(value, str):
            raise InvalidOption.for_fields({"field": name, "problem": "is not text"})


def _parse_options(settings: Settings, fields: Mapping[str, Any], beside: tuple[str, ...]) -> Options:
    """Return the options. Raises InvalidOption with each unknown or invalid field, NotInTier, LabelUnknown, ScopeMissing."""
    given = {name: value for name, value in fields.items() if value != "" or name not in Options.model_fields}
    given.setdefault("accuracy_mode", tier_limits.default_mode(settings))
    try:
        options = Options.model_validate(given)
    except ValidationError as error:
        raise validation.invalid_option(error, Options, beside) from None
    tier_limits.check_options(options)
    if options.label_names is not None and not identity().may("extract"):
        raise ScopeMissing.for_scope("extract", identity().scopes)
    if options.label_names:
        find_labels(settings, options.label_names)
    return options


def find_labels(settings: Settings, names: Sequence[str]) -> ClassificationOrder:
    """Return the order for these types of documents, or for all if none is named. Raises LabelUnknown, OwnFileBroken."""
    try:
        return order_of(names, load_labels(settings.extraction.labels_file))
    except UnknownLabels as error:
        raise LabelUnknown.for_names(error.names, error.known) from None
    except ValueError as error:
        log.warning("own_file_broken", setting="LABELS_FILE", reason=str(error))
        raise OwnFileBroken(setting="LABELS_FILE") from None


def _check_retention(settings: Settings, options: Options) -> Options:
    """Return the options, unless they ask to keep the job for longer than the caller may. Raises InvalidOption."""
    most = longest_retention_hours(settings, identity().tier)
    if (options.retention_hours or 0) > most:
        problem = f"is more than the {most:g} hours that are allowed here (MAX_RETENTION_HOURS and the tier)"
        raise InvalidOption.for_fields({"field": "retention_hours", "problem": problem})
    return options


def check_password(password: str) -> str:
    """Return the password, unless no document can have it. Raises InvalidOption."""
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise InvalidOption.for_fields(
            {"field": "password", **validation.too_many_characters(len(password), MAX_PASSWORD_CHARACTERS)}
        )
    return password


def check_webhook(settings: Settings, url: str) -> str:
    """Return the webhook address if it may be called; empty if none was sent.

    Raises WebhookRefused, WebhookNotResolved.
    """
    check = AddressCheck(settings.webhooks.allow_hosts, lookups.resolver_for(rate_limits.caller()))
    try:
        return str(check.check_url(url)) if url else ""
    except AddressRefused as refusal:
        if refusal.reason == "dns_timeout":
            raise WebhookNotResolved(reason=refusal.reason) from None
        raise WebhookRefused(reason=refusal.reason) from None


def check_result_s3(settings: Settings, uri: str) -> str:
    """Return the prefix in a bucket if results may be put there; empty if none was sent.

    Raises InvalidOption, BucketRefused, S3NotSetUp.
    """
    if not uri:
        return ""
    try:
        path = parse_s3(uri)
    except ValueError as error:
        raise InvalidOption.for_fields({"field": "result_s3", "problem": str(error).replace("key", "prefix")}) from None
    check_bucket(path, settings.results.buckets, "RESULT_S3_BUCKETS")
    s3.check_installed()
    return uri


def idempotency_key() -> str:
    """Return a hash of the request's Idempotency-Key; empty if it has none. Raises BadRequest if it is malformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key):
        raise BadRequest("An Idempotency-Key has 1 to 255 characters without spaces. Use a UUID, for example.")
    return hashlib.sha256(key.encode()).hexdigest()
