"""Tokens are counted as tiktoken counts those of cl100k_base, with its own vocabulary."""

from __future__ import annotations

import base64
import hashlib

import pytest

from document_parser.text.tokens import TOKENS, count_tokens, ranks

TIKTOKENS_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""What tiktoken expects of cl100k_base.tiktoken (tiktoken_ext/openai_public.py)."""


def test_the_vocabulary_is_the_published_one():
    lines = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks().items())
    assert len(ranks()) == TOKENS
    assert hashlib.sha256(lines).hexdigest() == TIKTOKENS_SHA256


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hello world", 2),
        ("The committee approved the budget of $1,200.50! Wasn't that all?", 19),
        ("委员会星期一开会。它批准了预算！", 20),
        ("「予算は承認された。」それだけですか？", 19),
        ("คณะกรรมการประชุมกันในวันจันทร์", 24),
        ("اجتمعت اللجنة يوم الاثنين.", 21),
        ("समिति की बैठक सोमवार को हुई।", 29),
        ("위원회는 월요일에 모였다.", 14),
        ("Комитет собрался в понедельник.", 16),
        ("👨\u200d👩\u200d👧\u200d👦🏽 🇩🇪", 27),
        ("| a | b |\n| --- | --- |\n|  1 | 12345678 |\n", 20),
        ("   \n\n\t x  y \r\n", 6),
        ("donaudampfschifffahrtsgesellschaftskapitän", 17),
        ("ab" * 400, 400),
    ],
)
def test_texts_have_the_tokens_that_tiktoken_counts(text, count):
    assert count_tokens(text) == count


def test_no_text_has_more_tokens_than_bytes_and_a_surrogate_counts_as_one():
    assert count_tokens("") == 0
    assert count_tokens("\ud800") == 1
    for text in ("xq" * 500, "ก" * 300, "\U0001f468\u200d" * 50, "\n" * 999, "0" * 10):
        assert 0 < count_tokens(text) <= len(text.encode())
