"""What a letterhead says for others to act on is found, and what running feet say is not taken for it."""

from __future__ import annotations

import pytest

from document_parser.text.identifiers import find_identifiers, is_iban


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sparkasse IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX", {"de89370400440532013000", "cobadeffxxx"}),
        ("GB82WEST12345698765432", {"gb82west12345698765432"}),
        ("USt-IdNr. DE123456789, HRB 12345 Amtsgericht Köln", {"de123456789", "12345"}),
        ("VAT reg. no. 123 4567 89", {"123456789"}),
        ("CHE-123.456.789 MWST", {"che123456789"}),
        ("Tel. 0221 / 12 34 56", {"0221123456"}),
        ("Telephone: 020 7946 0958 Fax 020 7946 0959", {"02079460958", "02079460959"}),
        ("+43 1 234 56 78", {"4312345678"}),
        ("(020) 7946 0958", {"02079460958"}),
        ("Write to office@example.org", {"office@exampleorg"}),
        ("Account no 12345678 Sort code 12-34-56", {"12345678", "123456"}),
        ("Registered in England No. 1234567", {"1234567"}),
        ("FN 123456a", {"123456"}),
    ],
)
def test_accounts_tax_numbers_registers_telephones_and_mail_are_found(text, found):
    assert find_identifiers(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Confidential",
        "Page 3 of 7",
        "report_2024_final.docx",
        "© 2023 Elsevier Ltd. All rights reserved.",
        "J. Math. Phys. 12, 1234-1250 (2019)",
        "doi:10.1016/j.cell.2020.01.021",
        "ISSN 1234-5678",
        "Rev. 12.03.2024",
        "Invoice 20240311",
        "arXiv:2001.12345v2 [cs.CL] 3 Jan 2020",
        "Form 1040 (2023)  Cat. No. 11320B",
        "Model T 1920 3400",
        "hotel 12345678",
        "DE88 3704 0044 0532 0130 00",
    ],
)
def test_running_feet_hold_none(text):
    assert find_identifiers(text) == frozenset()


def test_the_check_digits_of_an_iban_count():
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE88 3704 0044 0532 0130 00")
    assert not is_iban("DE89")
