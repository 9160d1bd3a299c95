"""Errors of engines, which end no page as long as another engine reads it."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


class EngineError(DocumentParserError):
    """Root of the errors of an engine that returned no reading. The next engine of the ladder tries the page."""

    code = "ENGINE_ERROR"
    status = 502
    message = "The engine failed."


class EngineUnavailable(EngineError):
    """The engine or its model server cannot be reached."""

    code = "ENGINE_UNAVAILABLE"
    retryable = True
    message = "The engine cannot be reached."


class EngineRefused(EngineError):
    """The engine rejects this page image, and would reject it again."""

    code = "ENGINE_REFUSED"
    message = "The engine refused the page."


class AnswerUnreadable(EngineRefused):
    """The model answered in another form than the one that VLLM_VLM_GRAMMAR says, so its answer cannot be read."""

    code = "ANSWER_UNREADABLE"
    message = "The model's answer is in another form than VLLM_VLM_GRAMMAR says. Set that of the model."


class ContextExceeded(EngineRefused):
    """Image and answer do not fit into the model's context. A smaller image or fewer tokens may fit."""

    code = "CONTEXT_EXCEEDED"
    message = "The page does not fit into the model's context."


class EngineTimeout(EngineError):
    """The engine did not answer within its deadline."""

    code = "ENGINE_TIMEOUT"
    retryable = True
    message = "The engine did not answer within its deadline."
