"""Mail is read as its program shows it: a head, the best body, every attachment a document inside it, nothing left over."""

from __future__ import annotations

import base64
import struct
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument, TooLargeUnpacked
from document_parser.models import Block, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.mail.compressed_rtf import decompress_rtf
from document_parser.sources.mail.mail_file import MailFile, Messages
from document_parser.sources.mail.outlook_file import OutlookFile
from document_parser.sources.mail.plain_body import unflow
from document_parser.sources.mail.winmail_file import WinmailFile
from tests.support.ole_files import Storage, ole_file
from tests.support.outlook_files import attribute, fixed, properties, stored, winmail


def opened(tmp_path: Path, data: bytes | str | EmailMessage, **limits: int) -> MailFile:
    path = tmp_path / "mail.eml"
    raw = data.as_bytes() if isinstance(data, EmailMessage) else data.encode() if isinstance(data, str) else data
    path.write_bytes(raw)
    return MailFile(path, OpenerLimits(**limits), None)


def texts(part: Part) -> list[str]:
    return [block.text for block in part.blocks]


def contents(mail: Messages) -> dict[str, bytes]:
    return {member.name: mail.open_member(index).read() for index, member in enumerate(mail.members())}


HEAD = "From: Ann <ann@x.org>\nTo: Bob <bob@x.org>\nSubject: Plans\n"


def test_the_head_comes_first_then_the_body_in_paragraphs_and_lists(tmp_path):
    mail = opened(tmp_path, HEAD + "\nHello Bob,\nhow are you?\n\n- one\n- two\n  more\n\nAnn\n")
    part = mail.part(1)
    assert texts(part) == [
        "From: Ann <ann@x.org>\nTo: Bob <bob@x.org>\nSubject: Plans",
        "Hello Bob,\nhow are you?", "- one", "- two\nmore", "Ann",
    ]  # fmt: skip
    assert [block.kind for block in part.blocks][2:4] == ["list_item", "list_item"]
    assert mail.location(1).name == "Plans"


@pytest.mark.parametrize("before", [b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"])
def test_what_stands_before_the_first_header_costs_no_header(tmp_path, before):
    assert opened(tmp_path, before + HEAD.encode() + b"\nbody").location(1).name == "Plans"


def test_a_mail_in_utf_16_is_read(tmp_path):
    assert texts(opened(tmp_path, (HEAD + "\nGrüße").encode("utf-16")).part(1))[-1] == "Grüße"


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
        ("iso-8859-8-i", "שלום לכולם".encode("iso-8859-8"), "שלום לכולם"),
        ("x-unknown", "Grüße aus Köln, alles läuft schön".encode(), "Grüße aus Köln, alles läuft schön"),
    ],
)
def test_any_charset_is_decoded(tmp_path, charset, data, text):
    head = HEAD + f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    assert texts(opened(tmp_path, head.encode() + data).part(1))[-1] == text


def test_raw_letters_in_headers_and_file_names_are_decoded(tmp_path):
    raw = (
        "Subject: Reise nach Köln 🎉\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nhi\n--b\nContent-Type: application/pdf; name=Übersicht.pdf\n\nx\n--b--\n"
    )
    mail = opened(tmp_path, raw)
    assert mail.location(1).name == "Reise nach Köln 🎉"
    assert list(contents(mail)) == ["Übersicht.pdf"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="two words.txt"', "two words.txt"),
        ("attachment; filename=two words.txt", "two words.txt"),
        ("attachment; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ('attachment; filename="=?utf-8?B?w7xiZXIudHh0?="', "über.txt"),
        ('attachment; filename*0="long-"; filename*1="name.txt"', "long-name.txt"),
    ],
)
def test_file_names_are_read_as_senders_write_them(tmp_path, header, name):
    raw = f"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: {header}\n\nx\n--b--\n"
    assert list(contents(opened(tmp_path, raw))) == [name]


def test_an_attachment_within_the_alternatives_is_kept(tmp_path):
    raw = (
        "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nplain\n"
        "--b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n"
    )
    mail = opened(tmp_path, raw)
    assert texts(mail.part(1))[0] == "plain"
    assert contents(mail) == {"a.pdf": b"%PDF"}


def test_a_second_text_is_body_too(tmp_path):
    raw = (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nfirst\n"
        "--b\nContent-Type: text/plain\n\ndisclaimer\n--b--\n"
    )
    assert texts(opened(tmp_path, raw).part(1)) == ["first", "disclaimer"]


def test_a_forwarded_mail_is_a_document_inside_also_in_base64(tmp_path):
    inner = base64.encodebytes(b"Subject: Inner\n\nwords\n").decode()
    for encoding, body in (("7bit", "Subject: Inner\n\nwords\n"), ("base64", inner)):
        raw = (
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
            f"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}\n\n{body}\n--b--\n"
        )
        (item,) = contents(opened(tmp_path, raw)).items()
        assert item[0] == "Inner.eml"
        assert item[1].replace(b"\r", b"").strip() == b"Subject: Inner\n\nwords"


def test_base64_in_two_padded_blocks_is_whole(tmp_path):
    raw = 'Content-Type: application/octet-stream; name=x\nContent-Transfer-Encoding: "base64"\n\nYQ==\nYg==\n'
    assert contents(opened(tmp_path, raw)) == {"x": b"ab"}


def test_flowed_lines_are_joined_and_quotations_kept():
    flowed = "This is one \nsentence.\n> quoted \n> words\n-- \nAnn"
    assert unflow(flowed, delete_space=False) == "This is one sentence.\n> quoted words\n-- \nAnn"
    assert unflow("ab \ncd", delete_space=True) == "abcd"


def test_the_failing_address_of_a_delivery_report_is_read(tmp_path):
    raw = (
        "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nsorry\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.org\n\nFinal-Recipient: rfc822; bob@x.org\n--b--\n"
    )
    assert "Final-Recipient: rfc822; bob@x.org" in "\n".join(texts(opened(tmp_path, raw).part(1)))


def test_a_calendar_entry_is_readable(tmp_path):
    message = EmailMessage()
    message["Subject"] = "Invitation"
    message.set_content("see below")
    entry = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Board meeting\\, May\nDTSTART;TZID=Europe/Berlin:20260504T140000\n"
        "ORGANIZER;CN=Ann:mailto:ann@x.org\nLOCATION:Room\n  7\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    message.add_attachment(entry.encode(), "text", "calendar", filename="invite.ics")
    lines = "\n".join(texts(opened(tmp_path, message).part(1)))
    assert (
        "Event: Board meeting, May\nStart: 2026-05-04 14:00 Europe/Berlin\nLocation: Room 7\nOrganizer: Ann <ann@x.org>"
        in lines
    )


def test_a_repeated_event_says_how_it_repeats(tmp_path):
    entry = (
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Board\nDTSTART:20260504T140000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4\n"
        "EXDATE;TZID=Europe/Berlin:20260511T140000,20260518T140000\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    message = EmailMessage()
    message.set_content("see below")
    message.add_attachment(entry.encode(), "text", "calendar", filename="invite.ics")
    assert (
        "Event: Board\nStart: 2026-05-04 14:00 UTC\nRepeats: FREQ=WEEKLY;BYDAY=MO;COUNT=4\n"
        "Except: 2026-05-11 14:00 Europe/Berlin, 2026-05-18 14:00 Europe/Berlin"
    ) in "\n".join(texts(opened(tmp_path, message).part(1)))


def armour(kind: str, data: str = "wcBMA\n- x\n=abcd") -> str:
    return f"-----BEGIN PGP {kind}-----\n\n{data}\n-----END PGP {kind}-----"


def test_a_text_that_is_encrypted_in_the_text_is_named_and_stays_as_it_is(tmp_path):
    part = opened(tmp_path, f"{HEAD}\nHello\n{armour('MESSAGE')}\nBye\n").part(1)
    assert [(block.kind, block.text) for block in part.blocks[1:]] == [
        ("paragraph", "Hello"), ("code", armour("MESSAGE")), ("paragraph", "Bye"),
    ]  # fmt: skip
    assert [warning.code for warning in part.warnings] == ["not_read"]
    assert "encrypted with PGP" in part.warnings[0].message


def test_a_text_that_is_signed_in_the_text_is_read_and_its_signature_is_code(tmp_path):
    signed = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello Bob\n{armour('SIGNATURE')}\n"
    part = opened(tmp_path, f"{HEAD}\n{signed}").part(1)
    assert texts(part)[1:] == ["-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256", "Hello Bob", armour("SIGNATURE")]
    assert part.blocks[-1].kind == "code"
    assert part.warnings == []


def test_pgp_data_without_an_end_is_text_and_takes_no_time(tmp_path):
    part = opened(tmp_path, f"{HEAD}\n" + "-----BEGIN PGP MESSAGE-----\n" * 50_000).part(1)
    assert {block.kind for block in part.blocks} == {"paragraph"}
    assert [warning.code for warning in part.warnings] == ["not_read"]


def test_an_encrypted_part_is_named_and_not_fatal(tmp_path):
    raw = HEAD + "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nMIIB\n"
    part = opened(tmp_path, raw).part(1)
    assert [warning.code for warning in part.warnings] == ["not_read"]
    assert "S/MIME" in part.warnings[0].message


def der(tag: int, *content: bytes) -> bytes:
    inner = b"".join(content)
    size = len(inner).to_bytes(2, "big")
    return bytes([tag]) + (bytes([len(inner)]) if len(inner) < 128 else b"\x82" + size) + inner


def ber(tag: int, *content: bytes) -> bytes:
    """An element whose length is not written: it lasts until two zero bytes."""
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


DATA, SIGNED_DATA, ENVELOPED_DATA = (bytes.fromhex(f"06092a864886f70d01070{number}") for number in (1, 2, 3))


def sealed(kind: bytes, content: bytes) -> bytes:
    return der(0x30, kind, der(0xA0, der(0x30, b"\x02\x01\x01", der(0x31), content, der(0x31))))


@pytest.mark.parametrize("streamed", [False, True])
def test_the_text_and_the_files_inside_an_opaque_signature_are_read(tmp_path, streamed):
    inner = EmailMessage()
    inner.set_content("Signed words, " * 20)
    inner.add_attachment(b"1,2\n", "text", "csv", filename="a.csv")
    whole = inner.as_bytes()
    if streamed:
        pieces = ber(0x24, *(der(0x04, whole[at : at + 100]) for at in range(0, len(whole), 100)))
        seal = ber(0x30, SIGNED_DATA, ber(0xA0, ber(0x30, b"\x02\x01\x01", der(0x31), ber(0x30, DATA, ber(0xA0, pieces)))))
    else:
        seal = sealed(SIGNED_DATA, der(0x30, DATA, der(0xA0, der(0x04, whole))))
    raw = HEAD + "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
    raw += f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(seal).decode()}"
    mail = opened(tmp_path, raw)
    part = mail.part(1)
    assert "Signed words, Signed words" in texts(part)[1]
    assert contents(mail) == {"a.csv": b"1,2\n"}
    assert part.warnings == []


@pytest.mark.parametrize(
    "seal",
    [sealed(ENVELOPED_DATA, der(0x30)), sealed(SIGNED_DATA, der(0x30, DATA)), b"\x30\x80" * 4000, SIGNED_DATA, b"\x30\x84"],
)
def test_a_seal_that_cannot_be_opened_is_named_and_kept_as_a_file(tmp_path, seal):
    raw = HEAD + "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; name=smime.p7m\n"
    raw += f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(seal).decode()}"
    mail = opened(tmp_path, raw)
    assert ["S/MIME" in warning.message for warning in mail.part(1).warnings] == [True]
    assert contents(mail) == {"smime.p7m": seal}


def test_each_message_of_a_mailbox_is_a_part(tmp_path):
    first = f"From ann Mon May  4 12:00:00 2026\n{HEAD}\nfirst\n>From here on\n\n"
    raw = first + "From bob Mon May  4 13:00:00 2026\nSubject: Re\n\n2nd\n"
    mail = opened(tmp_path, raw)
    assert mail.page_count == 2
    assert [mail.location(number).name for number in (1, 2)] == ["Plans", "Re"]
    assert texts(mail.part(1))[-1] == "first\nFrom here on"
    assert texts(mail.part(2))[-1] == "2nd"


def test_more_attachments_than_the_limit_are_refused(tmp_path):
    message = EmailMessage()
    message.set_content("x")
    for number in range(5):
        message.add_attachment(b"x", "application", "octet-stream", filename=f"{number}.bin")
    with pytest.raises(TooLargeUnpacked):
        opened(tmp_path, message, max_members=4).members()


# --- Outlook ----------------------------------------------------------------------------------------------------------


def test_a_winmail_gives_its_text_and_the_long_names_of_its_files(tmp_path):
    data = winmail(
        *(attribute(1, 0x8004, b"Gr\xfc\xdfe\0"), attribute(1, 0x800C, b"The body\0"), attribute(2, 0x9002, b"\0" * 14)),
        *(attribute(2, 0x8010, b"LONGNA~1.TXT\0"), attribute(2, 0x800F, b"file data")),
        attribute(2, 0x9005, properties(_3707_001F="long näme.txt".encode("utf-16-le"))),
    )
    path = tmp_path / "winmail.dat"
    path.write_bytes(data)
    mail = WinmailFile(path, OpenerLimits(), None)
    assert texts(mail.part(1)) == ["Subject: Grüße", "The body", "Attachments: long näme.txt"]
    assert contents(mail) == {"long näme.txt": b"file data"}


def test_a_file_without_a_name_is_named_after_what_it_holds(tmp_path):
    begun = attribute(2, 0x9002, b"\0" * 14)
    held = [b"%PDF-1.7\n1 0 obj", b"PK\x05\x06" + b"\0" * 18, b"words\n", b"\x00\x01\x02\x03" * 9]
    path = tmp_path / "winmail.dat"
    path.write_bytes(winmail(*(begun + attribute(2, 0x800F, data) for data in held)))
    named = contents(WinmailFile(path, OpenerLimits(), None))
    assert named == dict(zip(["attachment-1.pdf", "attachment-2.zip", "attachment-3.txt", "attachment-4"], held, strict=True))


def test_a_cut_winmail_keeps_what_is_whole_and_a_broken_one_is_refused(tmp_path):
    path = tmp_path / "winmail.dat"
    whole = winmail(attribute(1, 0x8004, b"Subject\0"), attribute(1, 0x800C, b"x" * 100))
    path.write_bytes(whole[:80])
    assert texts(WinmailFile(path, OpenerLimits(), None).part(1)) == ["Subject: Subject"]
    path.write_bytes(b"no tnef at all")
    with pytest.raises(DamagedDocument):
        WinmailFile(path, OpenerLimits(), None)


def test_compressed_rich_text_is_unpacked():
    packed = bytes.fromhex("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af86368696e3a0e6273747274")
    plain = b"{\\rtf1 hi}"
    stored = struct.pack("<IIII", len(plain) + 12, len(plain), 0x414C454D, 0) + plain
    assert decompress_rtf(stored) == plain
    # The first references point into the words that every text begins with (MS-OXRTFCP 2.1.2.1).
    assert decompress_rtf(packed).startswith(b"{\\rtf1\\ansi")


def outlook(tmp_path: Path, root: Storage) -> OutlookFile:
    path = tmp_path / "message.msg"
    path.write_bytes(ole_file(root))
    return OutlookFile(path, OpenerLimits(), None)


SENT = (0x0039, 0x0040, 133_000_000_000_000_000)


def test_an_outlook_message_gives_its_head_its_body_its_files_and_the_messages_in_it(tmp_path):
    mail = outlook(
        tmp_path,
        {
            **fixed(32, SENT),
            **stored(p0037="Plans", p0C1A="Ann", p5D01="ann@x.org", p1000="Hello Bob,\n\nsee the file."),
            "__recip_version1.0_#00000000": {**fixed(8, (0x0C15, 3, 1)), **stored(p3001="Bob", p39FE="bob@x.org")},
            "__attach_version1.0_#00000000": {
                **fixed(8),
                **stored(p3707="long name.csv"),
                "__substg1.0_37010102": b"1,2\n" * 2000,
            },
            "__attach_version1.0_#00000001": {
                **fixed(8),
                "__substg1.0_3701000D": {**fixed(24), **stored(p0037="Inner", p1000="Forwarded words")},
            },
        },
    )
    found = texts(mail.part(1))
    assert found[0].splitlines()[:2] == ["From: Ann <ann@x.org>", "To: Bob <bob@x.org>"]
    assert "Date: Sat, 18 Jun 2022" in found[0]
    assert found[1:3] == ["Hello Bob,", "see the file."]
    inside = contents(mail)
    assert list(inside) == ["long name.csv", "Inner.eml"]
    assert inside["long name.csv"] == b"1,2\n" * 2000
    assert b"Forwarded words" in inside["Inner.eml"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_time_zone_of_the_server_changes_no_date_of_a_message(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        mail = outlook(tmp_path, {**fixed(32, SENT), **stored(p0037="Plans", p1000="Hello")})
        assert "Date: Sat, 18 Jun 2022 04:26:40 +0000" in texts(mail.part(1))[0]
        sent = stored(p0037="Plans", p1000="Hello", p007D="Date: Sat, 18 Jun 2022 06:26:40 +0200\r\n\r\n")
        assert "Date: Sat, 18 Jun 2022 06:26:40 +0200" in texts(outlook(tmp_path, {**fixed(32, SENT), **sent}).part(1))[0]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_outlook_message_with_rich_text_alone_shows_it_also_if_it_is_wrapped_html(tmp_path):
    wrapped = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hello "
        rb"{\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 Bob{\*\htmltag92 </b>}\htmlrtf }\htmlrtf0 \htmlrtf\par}\htmlrtf0 "
        rb"{\*\htmltag72 </p>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Second\htmlrtf\par}\htmlrtf0 {\*\htmltag72 </p>}}"
    )
    packed = struct.pack("<IIII", len(wrapped) + 12, len(wrapped), 0x414C454D, 0) + wrapped
    mail = outlook(tmp_path, {**fixed(32, SENT), **stored(p0037="Rich"), "__substg1.0_10090102": packed})
    assert texts(mail.part(1))[1:] == ["Hello Bob", "Second"]


@pytest.mark.corpus
def test_an_outlook_message_is_read_like_the_mail_it_was(corpus):
    mail = OutlookFile(corpus / "office" / "fake-email-attachment.msg", OpenerLimits(), None)
    blocks: list[Block] = mail.part(1).blocks
    assert "Subject: Fake email with attachment" in blocks[0].text
    assert list(contents(mail)) == ["fake-attachment.txt"]


def test_a_file_that_only_looks_like_an_outlook_message_is_refused(tmp_path):
    path = tmp_path / "a.msg"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4000)
    with pytest.raises(DamagedDocument):
        OutlookFile(path, OpenerLimits(), None)


def test_tables_and_images_without_words_stand_in_the_text_of_a_mail(tmp_path):
    page = "<p>above</p><table><tr><td>a<td>b<tr><td>c<td>d</table><img src='cid:one'><p>below</p>"
    raw = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html\n\n"
    raw += (
        f"{page}\n--r\nContent-Type: image/png\nContent-ID: <one>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--r--\n"
    )
    path = tmp_path / "a.eml"
    path.write_text(raw)
    mail = MailFile(path, OpenerLimits(), None)
    part = mail.part(1)
    assert [block.kind for block in part.blocks] == ["paragraph", "paragraph", "table", "figure", "paragraph"]
    assert part.blocks[2].table is not None
    assert [cell.text for cell in part.blocks[2].table.cells] == ["a", "b", "c", "d"]
    assert mail.picture_data(1, 0).startswith(b"\x89PNG")


def test_an_alternative_without_words_hides_no_text(tmp_path):
    raw = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=r\n\n--r\nContent-Type: text/plain\n\n"
    path = tmp_path / "a.eml"
    path.write_text(f"{raw}words\n--r\nContent-Type: text/html\n\n<title>t</title><p>&nbsp;</p>\n--r--\n")
    assert [block.text for block in MailFile(path, OpenerLimits(), None).part(1).blocks][1:] == ["words"]
