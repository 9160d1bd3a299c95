"""Markdown, web archives, XML, feeds, JSON and notebooks."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument
from document_parser.models import Block, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import open_flowing
from tests.support.local_reading import read_locally as read


def part_of(path: Path, kind: str, data: str | bytes) -> Part:
    """The only part of a file with this content."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return open_flowing(path, kind, OpenerLimits(), None).part(1)


def texts_of(part: Part) -> list[tuple[str, str]]:
    """Kind and text of the blocks."""
    return [(block.kind, block.text) for block in part.blocks]


def rows_of(block: Block) -> list[list[str]]:
    """The texts of a table's cells, by rows."""
    assert block.table is not None
    return [[cell.text for cell in block.table.cells if cell.row == row] for row in range(block.table.rows)]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.md", "# Head\n\ntext", "# Head\n\ntext\n"),
        ("a.json", '{"a": 1.10}', '```\n{"a": 1.10}\n```\n'),
        ("a.xml", "<note><to>Ann</to></note>", "# note\n\n- to: Ann\n"),
        ("a.ipynb", '{"cells": [{"cell_type": "markdown", "source": ["# Head"]}]}', "# Head\n"),
        ("a.mht", "MIME-Version: 1.0\nContent-Type: text/html\n\n<h1>Head</h1>", "# Head\n"),
    ],
)
def test_every_format_is_read_in_the_confined_child(tmp_path: Path, name: str, data: str, words: str):
    (tmp_path / name).write_text(data)
    assert read(tmp_path / name)[1] == words


def test_markdown_has_tables_tasks_notes_and_formulas(tmp_path: Path):
    part = part_of(
        tmp_path / "a",
        "markdown",
        "---\ntitle: x\n---\n# T\n\n- [ ] a\n- [x] b\n\nx $a_1*b$ costs $5 or $6[^n]\n\n$$\nc_d\n$$\n\n[^n]: The *note*\n",
    )
    assert texts_of(part) == [
        ("code", "title: x"), ("heading", "T"), ("list_item", "• ☐ a"), ("list_item", "• ☒ b"),
        ("paragraph", "x $a_1*b$ costs $5 or $6[n]"), ("formula", "$$c_d$$"), ("footnote", "n: The note"),
    ]  # fmt: skip


def test_notes_of_markdown_stay_notes(tmp_path: Path):
    (tmp_path / "a.md").write_text("x[^n] `y[^n]` [^m]\n\n[^n]: The *note*\n\n    more\n")
    assert read(tmp_path / "a.md")[1] == "x[^n] `y[^n]` \\[^m]\n\n[^n]: The *note*\n\n    more\n"


def test_rows_with_more_cells_than_the_head_keep_them(tmp_path: Path):
    part = part_of(tmp_path / "a", "markdown", "| a | b |\n|---|\n| 1 | 2 | 3 |\n\n```\n| x |\n|---|\n| 1 | 2 |\n```\n")
    assert rows_of(part.blocks[0]) == [["a", "b", ""], ["1", "2", "3"]]
    assert part.blocks[1].text == "| x |\n|---|\n| 1 | 2 |"


def test_code_within_a_text_of_markdown_comes_back_as_it_was(tmp_path: Path):
    (block,) = part_of(tmp_path / "a", "markdown", "Set `MAX_*` to **`five`**.\n").blocks
    assert [(block.text[span.start : span.end], span.code, span.bold) for span in block.spans] == [
        ("MAX_*", True, False), ("five", True, True),
    ]  # fmt: skip


def test_code_keeps_the_language_that_the_file_names(tmp_path: Path):
    fenced = "```python\nprint(1)\n```\n\n```c++ title=x\nint i;\n```\n\n```\nplain\n```\n\n```<b>\nodd\n```\n"
    blocks = part_of(tmp_path / "a.md", "markdown", fenced).blocks
    assert [block.language for block in blocks] == ["python", "c++", None, None]
    page = '<pre><code class="hljs language-rust">fn</code></pre><pre class="lang-sql">select</pre><pre>plain</pre>'
    assert [block.language for block in part_of(tmp_path / "a.html", "html", page).blocks] == ["rust", "sql", None]
    cells = [{"cell_type": "code", "source": "x <- 1", "outputs": [{"output_type": "stream", "text": "1"}]}]
    kept = {"cells": cells, "metadata": {"language_info": {"name": "R"}}, "nbformat": 4}
    assert [block.language for block in part_of(tmp_path / "a.ipynb", "notebook", json.dumps(kept)).blocks] == ["R", None]
    for odd in ([], {"language_info": "R"}, {"kernelspec": {"name": "python3"}}):
        assert [block.text for block in part_of(tmp_path / "c", "notebook", json.dumps(kept | {"metadata": odd})).blocks] == [
            "x <- 1",
            "1",
        ]
    unnamed = kept | {"metadata": {"kernelspec": {"language": "a`b"}}}
    assert [block.language for block in part_of(tmp_path / "b.ipynb", "notebook", json.dumps(unnamed)).blocks] == [None, None]


def test_formulas_in_code_are_code(tmp_path: Path):
    assert texts_of(part_of(tmp_path / "a", "markdown", "~~~\n$a$\n~~~\n")) == [("code", "$a$")]


def test_a_web_archive_shows_its_images_and_frames(tmp_path: Path):
    archive = (
        'From: <Saved by Blink>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="X"\r\n\r\n'
        "--X\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Location: http://a.org/d/p.html\r\n\r\n"
        "<p>Gr\xfc\xdfe <a href=http://a.org/>x</a><img src=i.png alt=map><iframe src='cid:f@x'></iframe>\r\n"
        "--X\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Location: http://a.org/d/i.png\r\n\r\n"
        f"{base64.b64encode(b'png!').decode()}\r\n--X\r\n"
        "Content-Type: text/html\r\nContent-ID: <f@x>\r\n\r\n<p>inner\r\n--X--\r\n"
    )
    path = tmp_path / "a.mhtml"
    part = part_of(path, "mhtml", archive.encode("latin-1"))
    assert texts_of(part) == [("paragraph", "Grüße x"), ("figure", "map"), ("paragraph", "inner")]
    assert open_flowing(path, "mhtml", OpenerLimits(), None).picture_data(1, 0) == b"png!"
    with pytest.raises(DamagedDocument):
        part_of(path, "mhtml", "Subject: x\n\ntext")


def test_a_feed_is_articles_and_a_summary_of_the_text_is_left_out(tmp_path: Path):
    feed = """<rss><channel><title>News</title><item><title>One &amp;amp; two</title><link>http://a.org/1</link>
    <pubDate>Mon</pubDate><description>&lt;p&gt;The text […]</description>
    <content:encoded xmlns:content="c"><![CDATA[<p>The text <b>goes on</b>.</p>]]></content:encoded></item></channel></rss>"""
    part = part_of(tmp_path / "a", "xml", feed)
    assert texts_of(part) == [
        ("heading", "News"), ("heading", "One & two"), ("paragraph", "Mon"), ("paragraph", "The text goes on."),
    ]  # fmt: skip
    assert part.blocks[1].spans[0].link == "http://a.org/1"


def test_records_of_xml_are_a_table_and_running_text_is_paragraphs(tmp_path: Path):
    part = part_of(
        tmp_path / "a", "xml", "<r><p>a <b>b</b> c</p><rows><row id='1'><n>x</n></row><row id='2'><n>y</n></row></rows></r>"
    )
    assert texts_of(part)[:3] == [("heading", "r"), ("paragraph", "a b c"), ("list_item", "• rows")]
    assert rows_of(part.blocks[3]) == [["id", "n"], ["1", "x"], ["2", "y"]]


def test_a_workbook_in_one_xml_file_is_its_sheets(tmp_path: Path):
    sheet = """<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
    xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Sales"><Table>
    <Row><Cell ss:MergeAcross="1"><Data ss:Type="String">Head</Data></Cell></Row>
    <Row ss:Index="4"><Cell><Data ss:Type="String">00123</Data><Comment><Data>x</Data></Comment></Cell>
    <Cell><Data ss:Type="Number">1.10</Data></Cell></Row></Table></Worksheet></Workbook>"""
    part = part_of(tmp_path / "a", "xml", sheet)
    assert texts_of(part) == [("heading", "Sales"), ("table", "")]
    assert rows_of(part.blocks[1]) == [["Head"], ["00123", "1.10"]]
    assert part.blocks[1].table is not None
    assert part.blocks[1].table.cells[0].column_span == 2


def test_xml_with_entities_is_refused_and_broken_xml_is_read_as_far_as_it_goes(tmp_path: Path):
    with pytest.raises(DamagedDocument, match="entities"):
        part_of(tmp_path / "a", "xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    part = part_of(tmp_path / "a", "xml", "<a><b>text</b><c>cut")
    assert ("list_item", "• b: text") in texts_of(part)
    assert [warning.code for warning in part.warnings] == ["damaged_data"]


def test_records_of_json_are_a_table_with_the_numbers_as_written(tmp_path: Path):
    records = '[{"id": 007.0, "x": 1.10}, {"x": null, "y": "a"}]'.replace("007.0", "12345678901234567890")
    lines = records.strip("[]").replace("}, {", "}\n{")
    for data in (records, lines):
        assert rows_of(part_of(tmp_path / "a", "json", data).blocks[0]) == [
            ["id", "x", "y"], ["12345678901234567890", "1.10", ""], ["", "null", "a"],
        ]  # fmt: skip
    assert texts_of(part_of(tmp_path / "a", "json", "[" * 5000)) == [("code", "[" * 5000)]


def test_a_notebook_has_its_texts_code_and_results(tmp_path: Path):
    image = base64.b64encode(b"png!").decode()
    cells = [
        {"cell_type": "markdown", "source": "![x](attachment:i.png)", "attachments": {"i.png": {"image/png": image}}},
        {
            "cell_type": "code",
            "source": ["a = 1\n", "a"],
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]},
                {
                    "output_type": "execute_result",
                    "data": {"text/html": "<table border=1><tr><td>1<td>2</table>", "text/plain": "1 2"},
                },
                {"output_type": "display_data", "data": {"image/png": image, "text/plain": "<Figure>"}},
                {"output_type": "error", "ename": "E", "evalue": "v"},
            ],
        },
    ]
    part = part_of(tmp_path / "a", "notebook", json.dumps({"cells": cells}))
    assert texts_of(part) == [
        ("figure", "x"), ("code", "a = 1\na"), ("code", "red"), ("table", ""), ("figure", ""), ("code", "E: v"),
    ]  # fmt: skip
    assert open_flowing(tmp_path / "a", "notebook", OpenerLimits(), None).picture_data(1, 1) == b"png!"
