"""What the simulated model server refuses, and in which words: those of vLLM 0.32 (vllm_facts.json)."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Any, get_args

from PIL import Image

from document_parser.models import GrammarName
from tests.support.stamp import read_stamp
from tests.support.vllm_answers import Grammar, tokens_of

CONTEXT: dict[Grammar, int] = {**dict.fromkeys(get_args(GrammarName), 32768), "deepseek": 8192, "nanonets": 32768}
PICTURE_TOKENS = 900
THINNEST = 200
BUSY = "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance."


class Refusal(Exception):
    """An error answer in vLLM's shape."""

    def __init__(self, status: int, message: str, kind: str = "BadRequestError", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def invalid(problem: str, place: str, number: int = 1) -> Refusal:
    """A request whose JSON is not what the protocol asks for."""
    message = f"{number} validation error{'s' * (number > 1)}:\n  {{'loc': '{place}', 'msg': '{problem}'}}"
    return Refusal(400, message, "Bad Request", place)


def check(body: dict[str, Any], model: str, grammar: Grammar) -> tuple[list[bytes], int]:
    """The pictures of a request, and how many tokens it takes of the context. Raises Refusal."""
    if body.get("model") not in (None, model):
        message = f"The model `{body['model']}` does not exist. Valid aliases: {model}."
        raise Refusal(404, message, "NotFoundError", "model")
    if "messages" not in body:
        raise invalid("Field required", "body.messages")
    _check_arguments(body.get("vllm_xargs") or {}, grammar)
    _check_sampling(body, CONTEXT[grammar])
    texts, pictures = _conversation(body["messages"], grammar)
    prompt = PICTURE_TOKENS * len(pictures) + sum(len(tokens_of(text)) for text in texts)
    if prompt > CONTEXT[grammar]:
        raise beyond_context(CONTEXT[grammar])
    return pictures, prompt


def beyond_context(limit: int) -> Refusal:
    message = (
        f"This model's maximum context length is {limit} tokens. However, your prompt contains at least {limit + 1} input "
        "tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. "
        f"(parameter=input_tokens, value={limit + 1})"
    )
    return Refusal(400, message, param="input_tokens")


def stamp_of(picture: bytes, grammar: Grammar) -> int | None:
    """The stamp on a picture, if it has one. Raises Refusal for what is no sound picture."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            size, mode = opened.size, opened.mode
        stamp = read_stamp(picture)
    except Image.DecompressionBombError as error:
        raise Refusal(500, str(error), "InternalServerError") from None
    except (OSError, SyntaxError) as error:
        raise Refusal(400, "Failed to load image: " + re.sub(r" at 0x\w+", "", str(error))) from None
    if grammar == "nanonets" and max(size) > THINNEST * min(size):
        shown = f"<PIL.Image.Image image mode={mode} size={size[0]}x{size[1]}>"
        options = "{'do_normalize': False, 'do_rescale': False, 'return_tensors': 'pt'}"
        raise Refusal(400, f"Failed to apply Qwen2_5_VLProcessor on data={{'images': [{shown}]}} with kwargs={options}")
    return stamp


def _check_arguments(given: dict[str, Any], grammar: Grammar) -> None:
    """What the protocol refuses for every model, and the logits processor for DeepSeek-OCR. Unknown names are ignored."""
    for name, value in given.items():
        if isinstance(value, dict):
            raise invalid("Input should be a valid string", f"body.vllm_xargs.{name}", 4)
    if grammar != "deepseek" or not given.keys() & {"ngram_size", "window_size"}:
        return
    for name in ("ngram_size", "window_size"):
        value = given.get(name, 1)
        if not isinstance(value, int) or value < 1:
            raise Refusal(400, f"`{name}` has to be a strictly positive integer, got {value}.")
    if not isinstance(allowed := given.get("whitelist_token_ids", []), list):
        raise Refusal(400, f"`whitelist_token_ids` has to be a sequence of integers, got {allowed}.")


def _check_sampling(body: dict[str, Any], limit: int) -> None:
    """Longer answers than the context are refused; those that only do not fit beside the prompt are cut when it is full."""
    if (temperature := float(body.get("temperature") or 0)) < 0:
        note = f"(parameter=temperature, value={temperature})"
        raise Refusal(400, f"temperature must be non-negative, got {temperature}. {note}", param="temperature")
    if (penalty := float(body.get("repetition_penalty", 1))) <= 0:
        raise Refusal(400, f"repetition_penalty must be greater than zero, got {penalty}.")
    if (asked := body.get("max_tokens")) is None:
        return
    note = f"(parameter=max_tokens, value={asked})"
    if asked < 1:
        raise Refusal(400, f"max_tokens must be at least 1, got {asked}. {note}", param="max_tokens")
    if asked > limit:
        message = f"max_tokens={asked} cannot be greater than max_model_len={limit}. Please request fewer output tokens. {note}"
        raise Refusal(400, message, param="max_tokens")


def _conversation(messages: list[dict[str, Any]], grammar: Grammar) -> tuple[list[str], list[bytes]]:
    """The texts and the pictures. Raises Refusal."""
    if not messages:
        raise Refusal(400, "Cannot apply chat template to an empty conversation. Provide at least one message.")
    roles = [message.get("role") for message in messages]
    if grammar == "deepseek" and roles != [("user", "assistant")[index % 2] for index in range(len(roles))]:
        raise Refusal(400, "Conversation roles must alternate user/assistant/user/assistant/...")
    texts: list[str] = []
    pictures: list[bytes] = []
    for content in (message.get("content", "") for message in messages):
        for part in [{"text": content}] if isinstance(content, str) else content:
            if "image_url" in part:
                pictures.append(_decoded(part["image_url"]["url"]))
            else:
                texts.append(part["text"])
    return texts, pictures


def _decoded(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition("base64,")[2], validate=True)
    except binascii.Error:
        raise Refusal(400, "Non-base64 digit found") from None
