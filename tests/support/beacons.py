"""Documents that name an address and a local file in every way their formats have: whoever follows one is seen."""

# ruff: noqa: E501 - markup is read more easily on its own line
from __future__ import annotations

import contextlib
import io
import json
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, PngImagePlugin

from tests.support import documents
from tests.support.old_sheets import old_workbook
from tests.support.ole_files import ole_file
from tests.support.outlook_files import attribute, fixed, properties, stored, winmail
from tests.support.workbooks import DRAWING, MAIN, PACKAGE_RELATIONS, RELATIONS, row, sheet, write_xlsx

VISIBLE = "Visible words"
"""What every document says."""


class Listener:
    """Listens on the loopback; ``connections`` counts who came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def _count(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                found, _ = self._socket.accept()
                found.close()
                self.connections += 1

    def close(self) -> None:
        """Count what has come, and stop."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


def write_all(folder: Path, url: str, secret: Path) -> list[Path]:
    """Write a document of each format that can name an address. ``secret`` is a local file that they name too."""
    made = {
        "page.html": _html(url, secret),
        "page.xhtml": f'<!DOCTYPE html PUBLIC "-//A" "{url}/dtd">' + _html(url, secret).partition("\n")[2],
        "page.mhtml": _web_archive(url, secret),
        "letter.eml": _mail(url, secret),
        "dtd.xml": f'<?xml version="1.0"?><?xml-stylesheet href="{url}/xsl" type="text/xsl"?><!DOCTYPE a SYSTEM "{url}/dtd">'
        f'<a xmlns:xi="http://www.w3.org/2001/XInclude" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="urn:a {url}/xsd"><xi:include href="{url}/xi"/><xi:include href="{secret.as_uri()}" parse="text"/>'
        f"{VISIBLE}</a>",
        "entity.xml": f'<!DOCTYPE a [<!ENTITY e SYSTEM "{url}/e"><!ENTITY f SYSTEM "{secret.as_uri()}">'
        f'<!ENTITY % p SYSTEM "{url}/p">%p;]><a>&e;&f;</a>',
        "notes.md": f"{VISIBLE} ![a]({url}/a.png) ![b][b]\n\n<img src='{url}/c.png'>\n\n[b]: {secret.as_uri()}\n",
        "data.json": json.dumps({"$ref": f"{url}/schema", "$schema": secret.as_uri(), "text": VISIBLE}),
        "book.ipynb": json.dumps({
            "nbformat": 4, "metadata": {}, "cells": [
                {"cell_type": "markdown", "source": [f"{VISIBLE} ![x]({url}/n.png)"], "metadata": {}},
                {"cell_type": "code", "source": [f"open('{url}')"], "metadata": {}, "outputs": [
                    {"output_type": "display_data", "data": {"text/html": f"<img src='{url}/o.png'>"}, "metadata": {}}]},
            ],
        }),
        "table.csv": f'{VISIBLE},=WEBSERVICE("{url}/csv"),=IMPORTDATA("{secret.as_uri()}")\n',
        "plain.txt": f"{VISIBLE} {url}/txt {secret.as_uri()}\n",
        "letter.rtf": _rtf(url, secret),
    }  # fmt: skip
    paths = []
    for name, text in made.items():
        (folder / name).write_text(text)
        paths.append(folder / name)
    writers = {
        "letter.docx": _docx, "book.xlsx": _xlsx, "slides.pptx": _pptx, "letter.odt": _odt, "slides.odp": _odp, "book.ods": _ods,
        "book.epub": _epub, "form.pdf": _pdf, "scan.png": _png, "all.zip": _zip, "all.tar": _tar, "letter.msg": _outlook,
        "winmail.dat": _winmail, "old.xls": _old_sheet, "letter.fodt": _flat_text, "photo.avif": _photo,
    }  # fmt: skip
    for name, write in writers.items():
        write(folder / name, url, secret)
        paths.append(folder / name)
    return paths


def _html(url: str, secret: Path) -> str:
    local = secret.as_uri()
    return f"""<!DOCTYPE html>
<html manifest="{url}/manifest"><head><base href="{url}/"><meta http-equiv="refresh" content="0;url={url}/r">
<link rel="stylesheet" href="{url}/a.css"><link rel="preload" href="{url}/b" as="image"><link rel="dns-prefetch" href="{url}">
<style>@import "{url}/c.css"; body {{ background: url({url}/d.png) }} @font-face {{ font-family: f; src: url({local}) }}</style>
<script src="{url}/e.js"></script></head><body background="{url}/f.png" onload="fetch('{url}/g')">
<p style="background-image: url('{url}/h.png')">{VISIBLE}</p><img src="{url}/i.png" srcset="{url}/j.png 2x"><img src="{local}">
<iframe src="{url}/k"></iframe><iframe src="{local}"></iframe><object data="{url}/l"></object><embed src="{url}/m">
<video poster="{url}/n"><source src="{url}/o"></video><audio src="{url}/p"></audio><input type="image" src="{url}/q">
<svg><image href="{url}/s"/><use href="{url}/t#a"/></svg><a href="{url}/u" ping="{url}/v">link</a></body></html>"""


def _web_archive(url: str, secret: Path) -> str:
    return (
        f"From: <Saved by Blink>\nSnapshot-Content-Location: {url}/page\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/related; type="text/html"; boundary="x"\n\n--x\nContent-Type: text/html\n'
        f"Content-Location: {url}/page\n\n{_html(url, secret)}\n--x--\n"
    )


def _mail(url: str, secret: Path) -> str:
    return (
        f"From: a@example.org\nSubject: {VISIBLE}\nMIME-Version: 1.0\nList-Unsubscribe: <{url}/u>\nDisposition-Notification-To: "
        f'a@example.org\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/html\n\n{_html(url, secret)}\n'
        f'--x\nContent-Type: message/external-body; access-type=URL; URL="{url}/body"\n\nContent-Type: text/plain\n\n\n'
        f'--x\nContent-Type: message/external-body; access-type=local-file; name="{secret}"\n\nContent-Type: text/plain\n\n\n'
        f"--x\nContent-Type: application/octet-stream\nContent-Location: {url}/part\nContent-Disposition: attachment; "
        f'filename="{secret}"\n\nnothing\n--x--\n'
    )


def _rtf(url: str, secret: Path) -> str:
    return (
        r"{\rtf1\ansi{\*\template " + url + r"/t.dotx}{\field{\*\fldinst INCLUDEPICTURE "
        f'"{url}/a.png" \\\\d}}' + r"{\fldrslt " + VISIBLE + r"}}{\field{\*\fldinst INCLUDETEXT "
        f'"{secret}"}}' + r"{\fldrslt x}}{\object\objautlink\objupdate{\*\objclass Word.Document}{\*\objdata 00}{\result y}}}"
    )


def _related(*targets: tuple[str, str]) -> str:
    """Relationships to places outside of the package."""
    listed = "".join(
        f'<Relationship Id="x{at}" Type="{RELATIONS}/{kind}" Target="{target}" TargetMode="External"/>'
        for at, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{PACKAGE_RELATIONS}">{listed}</Relationships>'


def _package(path: Path, parts: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else None)


def _main_part(name: str) -> dict[str, str | bytes]:
    relation = f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="{name}"/>'
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE_RELATIONS}">{relation}</Relationships>',
    }


def _outside(url: str, secret: Path) -> list[tuple[str, str]]:
    local = secret.as_uri()
    return [
        ("image", f"{url}/a.png"), ("image", local), ("hyperlink", f"{url}/b"), ("attachedTemplate", f"{url}/c.dotx"),
        ("oleObject", f"{url}/d"), ("aFChunk", f"{url}/e"), ("video", f"{url}/f"), ("audio", f"{url}/g"), ("frame", f"{url}/h"),
        ("subDocument", f"{url}/i"), ("externalLinkPath", f"{url}/j"), ("package", local), ("aFChunk", local),
    ]  # fmt: skip


def _pictures(prefix: str) -> str:
    """A drawing of each picture that is outside, embedded and linked."""
    spaces = f'xmlns:a="{DRAWING}" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:r="{RELATIONS}"'
    return "".join(
        f"<{prefix}pic {spaces}><{prefix}blipFill><a:blip r:{how}='x{at}'/></{prefix}blipFill></{prefix}pic>"
        for at in (0, 1) for how in ("embed", "link")
    )  # fmt: skip


def _docx(path: Path, url: str, secret: Path) -> None:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    body = (
        f"<w:p><w:r><w:t>{VISIBLE}</w:t></w:r></w:p><w:p><w:r><w:drawing><wp:inline xmlns:wp='{drawing}'>"
        f"<a:graphic xmlns:a='{DRAWING}'><a:graphicData>{_pictures('pic:')}</a:graphicData></a:graphic></wp:inline></w:drawing>"
        f"</w:r></w:p><w:altChunk r:id='x5'/><w:altChunk r:id='x12'/><w:subDoc r:id='x9'/><w:p><w:hyperlink r:id='x2'><w:r><w:t>link"
        f"</w:t></w:r></w:hyperlink><w:fldSimple w:instr='INCLUDEPICTURE \"{url}/k.png\"'><w:r><w:t>field</w:t></w:r></w:fldSimple>"
        f"<w:fldSimple w:instr='INCLUDETEXT \"{secret}\"'><w:r><w:t>field</w:t></w:r></w:fldSimple></w:p>"
        "<w:p><w:r><w:object><o:OLEObject xmlns:o='urn:schemas-microsoft-com:office:office' Type='Link' r:id='x4'/></w:object></w:r></w:p>"
    )
    settings = f'<w:settings xmlns:w="{word}" xmlns:r="{RELATIONS}"><w:attachedTemplate r:id="x3"/></w:settings>'
    own = f'<Relationship Id="s" Type="{RELATIONS}/settings" Target="settings.xml"/></Relationships>'
    outside = _related(*_outside(url, secret))
    _package(path, _main_part("word/document.xml") | {
        "word/document.xml": f'<!DOCTYPE w SYSTEM "{url}/dtd"><w:document xmlns:w="{word}" xmlns:r="{RELATIONS}"><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": outside.replace("</Relationships>", own),
        "word/settings.xml": settings,
        "word/_rels/settings.xml.rels": outside,
    })  # fmt: skip


def _xlsx(path: Path, url: str, secret: Path) -> None:
    anchors = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
    drawn = f"<xdr:twoCellAnchor>{_pictures('xdr:')}</xdr:twoCellAnchor>"
    formula = f'<c r="B1" t="str"><f>WEBSERVICE("{url}/f")</f><v>cached</v></c>'
    outside = _related(*_outside(url, secret))
    inside = f'<Relationship Id="d1" Type="{RELATIONS}/drawing" Target="../drawings/drawing1.xml"/></Relationships>'
    linked = f'<externalLink xmlns="{MAIN}" xmlns:r="{RELATIONS}"><externalBook r:id="x10"/></externalLink>'
    members: dict[str, str | bytes] = {
        "xl/worksheets/_rels/sheet1.xml.rels": outside.replace("</Relationships>", inside),
        "xl/drawings/drawing1.xml": f'<xdr:wsDr xmlns:xdr="{anchors}">{drawn}</xdr:wsDr>',
        "xl/drawings/_rels/drawing1.xml.rels": outside,
        "xl/externalLinks/externalLink1.xml": linked,
        "xl/externalLinks/_rels/externalLink1.xml.rels": outside,
        "xl/connections.xml": f'<connections xmlns="{MAIN}"><connection id="1" type="4" refreshOnLoad="1"><webPr url="{url}/w"/>'
        f'</connection><connection id="2" type="6"><textPr sourceFile="{secret}"/></connection></connections>',
    }
    links = '<hyperlinks><hyperlink ref="A1" r:id="x2"/></hyperlinks><drawing r:id="d1"/>'
    write_xlsx(path, {"Sheet": sheet(row(1, VISIBLE, formula), after=links)}, members=members)


def _pptx(path: Path, url: str, secret: Path) -> None:
    deck = "http://schemas.openxmlformats.org/presentationml/2006/main"
    spaces = f'xmlns:p="{deck}" xmlns:a="{DRAWING}" xmlns:r="{RELATIONS}"'
    text = f"<p:sp><p:nvSpPr/><p:spPr/><p:txBody><a:p><a:r><a:rPr><a:hlinkClick r:id='x2'/></a:rPr><a:t>{VISIBLE}</a:t></a:r></a:p></p:txBody></p:sp>"
    media = "<p:pic><p:nvPicPr><p:nvPr><a:videoFile r:link='x6'/></p:nvPr></p:nvPicPr></p:pic>"
    slide = f"<p:sld {spaces}><p:cSld><p:bg><p:bgPr><a:blipFill><a:blip r:embed='x0'/></a:blipFill></p:bgPr></p:bg><p:spTree>{text}{media}{_pictures('p:')}</p:spTree></p:cSld></p:sld>"
    listed = f'<Relationship Id="r1" Type="{RELATIONS}/slide" Target="slides/slide1.xml"/>'
    _package(path, _main_part("ppt/presentation.xml") | {
        "ppt/presentation.xml": f'<p:presentation {spaces}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{PACKAGE_RELATIONS}">{listed}</Relationships>',
        "ppt/slides/slide1.xml": slide,
        "ppt/slides/_rels/slide1.xml.rels": _related(*_outside(url, secret)),
    })  # fmt: skip


_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in (("office", "office"), ("table", "table"), ("text", "text"), ("draw", "drawing"), ("meta", "meta"))
) + ' xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip


def _open_document(path: Path, kind: str, body: str, url: str, secret: Path) -> None:
    local = secret.as_uri()
    meta = f'<office:meta><meta:template xlink:href="{url}/t"/><meta:auto-reload xlink:href="{url}/reload"/></office:meta>'
    content = f'<!DOCTYPE d SYSTEM "{url}/dtd"><office:document-content {_ODF}><office:body>{body}</office:body></office:document-content>'
    _package(path, {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": content.replace("IMAGES", "".join(
            f'<draw:frame><draw:image xlink:href="{target}"/></draw:frame><draw:frame><draw:object xlink:href="{target}"/></draw:frame>'
            for target in (f"{url}/i.png", local, "../../../etc/passwd"))),
        "meta.xml": f"<office:document-meta {_ODF}>{meta}</office:document-meta>",
        "META-INF/manifest.xml": "<manifest/>",
    })  # fmt: skip


def _odt(path: Path, url: str, secret: Path) -> None:
    body = (
        f'<office:text><text:p>{VISIBLE}</text:p><text:p>IMAGES</text:p><text:section><text:section-source xlink:href="{url}/s"/>'
        f'</text:section><text:section><text:section-source xlink:href="{secret.as_uri()}"/></text:section></office:text>'
    )
    _open_document(path, "text", body, url, secret)


def _odp(path: Path, url: str, secret: Path) -> None:
    page = f"<draw:page><draw:frame><draw:text-box><text:p>{VISIBLE}</text:p></draw:text-box></draw:frame>IMAGES</draw:page>"
    _open_document(path, "presentation", f"<office:presentation>{page}</office:presentation>", url, secret)


def _ods(path: Path, url: str, secret: Path) -> None:
    body = (
        f'<office:spreadsheet><table:table table:name="S"><table:table-source xlink:href="{url}/t"/><table:table-row><table:table-cell>'
        f'<text:p>{VISIBLE}</text:p></table:table-cell><table:table-cell table:formula="of:=WEBSERVICE(&quot;{url}/w&quot;)">'
        f"<text:p>1</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>"
    )
    _open_document(path, "spreadsheet", body, url, secret)


def _epub(path: Path, url: str, secret: Path) -> None:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="a.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        f'<item id="b" href="{url}/b.xhtml" media-type="application/xhtml+xml"/><item id="c" href="{secret.as_uri()}" '
        f'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/></spine></package>'
    )
    _package(path, {
        "mimetype": "application/epub+zip", "META-INF/container.xml": container, "a.opf": package, "a.xhtml": _html(url, secret),
    })  # fmt: skip


def _pdf(path: Path, url: str, secret: Path) -> None:
    address, local = url.encode(), str(secret).encode()
    annotation = b"<< /Type /Annot /Subtype /Link /Rect [0 0 500 800] /A << /S /URI /URI (%s/a) >> /AA << /PO << /S /URI /URI (%s/b) >> >> >>"
    outside = b"<< /Length 0 /F << /FS /URL /F (%s/c) >> >>\nstream\n\nendstream"
    inside = b"<< /Length 0 /F (%s) >>\nstream\n\nendstream"
    image = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 0 /F << /FS /URL /F (%s/d) >> >>\nstream\n\nendstream"
    documents.raw_pdf(path, [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /URI /URI (%s/e) /Next << /S /Launch /F (%s) >> >>"
        b" /AcroForm << /Fields [] /XFA 8 0 R >> /Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (app.launchURL\\('%s/f'\\)) >>] >> >> >>"
        % (address, local, address),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents [5 0 R 6 0 R 7 0 R] /Annots [%s]"
        b" /AA << /O << /S /SubmitForm /F (%s/g) >> >> /Resources << /Font << /F 4 0 R >> /XObject << /I 9 0 R >> >> >>"
        % (annotation % (address, address), address),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        documents.stream(b"BT /F 12 Tf 72 700 Td (" + VISIBLE.encode() + b") Tj ET /I Do"),
        outside % address,
        inside % local,
        outside % address,
        image % address,
    ])  # fmt: skip


def _png(path: Path, url: str, secret: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<!DOCTYPE x SYSTEM "{url}/dtd"><x:xmpmeta><a href="{url}/x">{secret}</a></x:xmpmeta>')
    Image.new("L", (40, 40), 255).save(path, pnginfo=info)


def _photo(path: Path, url: str, secret: Path) -> None:
    properties = f'<x:xmpmeta><a href="{url}/x">{secret}</a></x:xmpmeta>'.encode()
    Image.new("RGB", (64, 64), "white").save(
        path, "AVIF", xmp=properties
    )  # of the same container as HEIC, which is not written here


def _outlook(path: Path, url: str, secret: Path) -> None:
    sent = (0x0039, 0x0040, 133_000_000_000_000_000)
    link = {**fixed(8, (0x3705, 3, 7)), **stored(p3707="linked.docx", p3708=f"{url}/linked.docx", p370D=str(secret))}
    root = {
        **fixed(32, sent), **stored(p0037=VISIBLE, p1000="plain"), "__substg1.0_10130102": _html(url, secret).encode(),
        "__attach_version1.0_#00000000": link,
    }  # fmt: skip
    path.write_bytes(ole_file(root))


def _winmail(path: Path, url: str, secret: Path) -> None:
    body = attribute(1, 0x9003, properties(_1013_0102=_html(url, secret).encode()))
    linked = properties(_370D_001F=f"{url}/linked.docx".encode("utf-16-le"), _3708_001F=str(secret).encode("utf-16-le"))
    attached = attribute(2, 0x9002, b"\0" * 14) + attribute(2, 0x8010, b"LINKED.DOC\0") + attribute(2, 0x9005, linked)
    path.write_bytes(winmail(attribute(1, 0x8004, VISIBLE.encode() + b"\0"), body, attached))


def _old_sheet(path: Path, url: str, secret: Path) -> None:
    path.write_bytes(old_workbook([VISIBLE, str(secret.name)], link=f"{url}/a", linked_book=f"{url}/book.xls"))


def _flat_text(path: Path, url: str, secret: Path) -> None:
    pictures = "".join(
        f'<draw:frame><draw:image xlink:href="{target}"/></draw:frame>' for target in (f"{url}/i.png", secret.as_uri())
    )
    path.write_text(
        f'<?xml version="1.0"?><office:document {_ODF} office:mimetype="application/vnd.oasis.opendocument.text"><office:body>'
        f'<office:text><text:p>{VISIBLE}{pictures}</text:p><text:section><text:section-source xlink:href="{url}/s"/></text:section>'
        "</office:text></office:body></office:document>"
    )


def _zip(path: Path, url: str, secret: Path) -> None:
    _package(path, {f"{url}/a.html": _html(url, secret), str(secret): "a name", "../../up.txt": "up"})


def _tar(path: Path, url: str, secret: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("link.txt")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
        data = _html(url, secret).encode()
        info = tarfile.TarInfo("a.html")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
