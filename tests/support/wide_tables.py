"""Tables that are wider than a screen: drawn ones, and the widest of the development corpus where it is there."""

from __future__ import annotations

from pathlib import Path

from document_parser.engines.vlm.html_table import read_table, split_tables
from document_parser.models import Cell, Table
from tests.support.tables import table_of_rows

MOST = 100
PROSE = (
    "The commissioner shall notwithstanding any derogation granted beforehand publish the consolidated administrative "
    "requirements, together with the corresponding interdepartmental recommendations, in every official language."
)
ADDRESS = "https://records.example.org/archives/" + "holdings-and-finding-aids/" * 6 + "index.html?year=1911&series=B"
GERMAN = "Rechtsschutzversicherungsgesellschaften Donaudampfschifffahrtsgesellschaft Geschwindigkeitsbegrenzung"
CHINESE = "本合同自双方签字盖章之日起生效，有效期为三年，期满前三十日内双方可以书面形式协商续签。" * 2
ARABIC = "يجوز للمستخدمين الاطلاع على السجلات المحفوظة بعد الحصول على موافقة كتابية مسبقة من الإدارة"
CHINESE_HEADS = ("条款", "内容", "备注", "责任", "期限", "金额", "签字")
ARABIC_HEADS = ("البند", "الوصف", "الملاحظات", "المبلغ")
THAI = "ข้อมูลทั้งหมดในตารางนี้รวบรวมจากรายงานประจำปีของหน่วยงานที่เกี่ยวข้อง"


def of_rows(*rows: tuple[str, ...]) -> Table:
    return table_of_rows(rows)


def drawn() -> list[Table]:
    """One of every kind that is hard to lay out."""
    words = GERMAN.split() + PROSE.split()
    heads = tuple(f"{word} {number}" for number, word in enumerate(words * 2, start=1))
    return [
        of_rows(heads[:7], *((PROSE, "Administration", "1911", GERMAN, "North", PROSE, "148.50"),) * 3),
        of_rows(heads[:17], *(tuple(words[:17]),) * 4),
        of_rows(heads[:40], *(tuple(f"{number * 1234.5:,.2f}" for number in range(40)),) * 3),
        of_rows(("Series", "Where it is kept", "Remark"), ("Correspondence", ADDRESS, "Digitised in parts")),
        of_rows(heads[:9], ("x" * 200, *words[:8])),
        of_rows(
            CHINESE_HEADS * 2,
            (CHINESE, "甲方", CHINESE, "乙方", "三年", "贰拾万元整", "张伟") * 2,
        ),
        of_rows(ARABIC_HEADS * 3, ("الأول", ARABIC, ARABIC, "١٢٣٤٫٥٠") * 3),
        of_rows(("หัวข้อ", "รายละเอียด", "หมายเหตุ") * 4, ("หนึ่ง", THAI, THAI) * 4),
        _merged(),
        of_rows(("Code", "Hash"), ("sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")),
    ]


def _merged() -> Table:
    """Headings over groups of columns, and labels beside groups of rows."""
    groups = [
        Cell(row=0, column=2 + 3 * group, column_span=3, text=f"Establishments of {word}", header=True)
        for group, word in enumerate(GERMAN.split())
    ]
    corner = Cell(row=0, column=0, row_span=2, column_span=2, text="Classification of activities", header=True)
    heads = [
        Cell(row=1, column=column, text=text, header=True)
        for column, text in enumerate(("Employees", "Turnover in thousands", "Remarks") * 3, start=2)
    ]
    side = [
        Cell(row=2, column=0, row_span=3, text="Manufacturing of transportation equipment"),
        *(Cell(row=row, column=1, text="Shipbuilding and repair") for row in range(2, 5)),
    ]
    body = [
        Cell(row=row, column=column, text=("1,234", "98,765.4", PROSE)[(column - 2) % 3])
        for row in range(2, 5)
        for column in range(2, 11)
    ]
    return Table(rows=5, columns=11, cells=[corner, *groups, *heads, *side, *body])


def widest(folders: list[Path]) -> list[Table]:
    """The truth tables of corpora with the most columns, the widest first."""
    sources = sorted(path for folder in folders for path in folder.glob("[!h]*/*.gt.html"))
    pieces = (piece for path in sources for piece in split_tables(path.read_text(errors="replace")))
    tables = [table for is_table, source in pieces if is_table and (table := read_table(source)[0]) is not None]
    return sorted(tables, key=_width, reverse=True)[:MOST]


def _width(table: Table) -> tuple[int, int]:
    return table.columns, max((len(cell.text) for cell in table.cells), default=0)
