"""Layers that are switched off, however a document says so: their text is hidden, their lines rule no table."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

SHOWN, HIDDEN = "The way out is to the north.", "Der Ausgang ist im Osten."
NOTE = "This line is in no layer at all."


def content(text, y, x=72):
    return f"BT /F1 12 Tf {x} {y} Td ({text}) Tj ET\n"


def page_of(pdf, contents, **resources):
    """Add a page of A4 with Helvetica as F1."""
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    page = Dictionary(
        Type=Name.Page,
        MediaBox=[0, 0, 595, 842],
        Contents=pdf.make_stream(contents.encode()),
        Resources=Dictionary(Font=Dictionary(F1=font), **resources),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))


def layers(pdf, *names, **config):
    """Make layers, and the document's way to show them."""
    groups = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=name)) for name in names]
    shown = {key: [groups[place] for place in value] if isinstance(value, list) else value for key, value in config.items()}
    pdf.Root.OCProperties = Dictionary(OCGs=Array(groups), D=Dictionary(**shown))
    return groups


def two_layers(pdf, shown, hidden, y=700):
    page_of(
        pdf,
        content(NOTE, 760) + f"/OC /A BDC\n{content(SHOWN, 730)}EMC\n/OC /B BDC\n{content(HIDDEN, y)}EMC\n",
        Properties=Dictionary(A=shown, B=hidden),
    )


def member(pdf, groups, policy):
    return pdf.make_indirect(Dictionary(Type=Name.OCMD, OCGs=Array(groups), P=Name(policy)))


def in_off_list(pdf):
    on, off = layers(pdf, "a", "b", OFF=[1])
    two_layers(pdf, on, off)


def over_each_other(pdf):
    on, off = layers(pdf, "a", "b", OFF=[1])
    two_layers(pdf, on, off, y=730)


def off_by_base_state(pdf):
    on, off = layers(pdf, "a", "b", BaseState=Name.OFF, ON=[0])
    two_layers(pdf, on, off)


def off_by_usage(pdf):
    on, off = layers(pdf, "a", "b")
    off.Usage = Dictionary(View=Dictionary(ViewState=Name.OFF))
    pdf.Root.OCProperties.D.AS = [Dictionary(Event=Name.View, Category=[Name.View], OCGs=[off])]
    two_layers(pdf, on, off)


def off_by_policy_all(pdf):
    one, two = layers(pdf, "a", "b", OFF=[1])
    two_layers(pdf, member(pdf, [one, two], "/AnyOn"), member(pdf, [one, two], "/AllOn"))


def off_by_policy_of_what_is_on(pdf):
    one, two = layers(pdf, "a", "b")
    two_layers(pdf, member(pdf, [one, two], "/AllOn"), member(pdf, [one, two], "/AnyOff"))


def off_by_expression(pdf):
    one, _ = layers(pdf, "a", "b")
    negated = pdf.make_indirect(Dictionary(Type=Name.OCMD, VE=[Name.Not, one]))
    two_layers(pdf, one, negated)


def nested_in_a_layer_that_is_off(pdf):
    on, off = layers(pdf, "a", "b", OFF=[1])
    page_of(
        pdf,
        content(NOTE, 760) + f"/OC /A BDC\n{content(SHOWN, 730)}EMC\n/OC /B BDC\n/OC /A BDC\n{content(HIDDEN, 700)}EMC\nEMC\n",
        Properties=Dictionary(A=on, B=off),
    )


def form_of_a_layer(pdf):
    on, off = layers(pdf, "a", "b", OFF=[1])
    font = Dictionary(F1=pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)))
    forms = {}
    for name, text, y, group in (("A", SHOWN, 730, on), ("B", HIDDEN, 700, off)):
        forms[name] = pdf.make_stream(
            content(text, y).encode(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=[0, 0, 595, 842],
            Resources=Dictionary(Font=font),
            OC=group,
        )
    page_of(pdf, f"{content(NOTE, 760)}/A Do /B Do", XObject=Dictionary(**forms))


WAYS = [
    in_off_list, over_each_other, off_by_base_state, off_by_usage, off_by_policy_all, off_by_policy_of_what_is_on,
    off_by_expression, nested_in_a_layer_that_is_off, form_of_a_layer,
]  # fmt: skip


def saved(tmp_path, draw):
    pdf = pikepdf.new()
    draw(pdf)
    pdf.save(tmp_path / "layers.pdf")
    return tmp_path / "layers.pdf"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_text_of_a_layer_that_is_off_is_hidden(read, tmp_path, way):
    case = read(saved(tmp_path, way))
    assert case.flat == f"{NOTE} {SHOWN}"
    assert [(text.text, text.hidden) for text in case.page.hidden] == [(HIDDEN, "layer")]
    assert "hidden_text" in case.warnings


def test_the_text_of_layers_that_are_on_is_text(read, tmp_path):
    def draw(pdf):
        two_layers(pdf, *layers(pdf, "a", "b", OFF=[]))

    case = read(saved(tmp_path, draw))
    assert case.flat == f"{NOTE} {SHOWN} {HIDDEN}"
    assert not case.page.hidden
    assert not case.warnings


BAND = "0 0 0.4 rg 50 715 495 40 re f\n"


def light_text_on_the_band_of_another_layer(pdf):
    one, two = layers(pdf, "a", "b", OFF=[])
    contents = f"{content(NOTE, 780)}/OC /A BDC\n{BAND}EMC\n/OC /B BDC\n1 g\n{content(SHOWN, 730)}EMC\n"
    page_of(pdf, contents, Properties=Dictionary(A=one, B=two))


def light_text_on_the_band_of_another_form(pdf):
    layers(pdf, "a", OFF=[])
    font = Dictionary(F1=pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)))
    forms = {
        name: pdf.make_stream(
            drawn.encode(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=[0, 0, 595, 842],
            Resources=Dictionary(Font=font),
        )
        for name, drawn in (("A", BAND), ("B", f"1 g\n{content(SHOWN, 730)}"))
    }
    page_of(pdf, f"{content(NOTE, 780)}/A Do /B Do", XObject=Dictionary(**forms))


@pytest.mark.parametrize(
    "way", [light_text_on_the_band_of_another_layer, light_text_on_the_band_of_another_form], ids=lambda way: way.__name__
)
def test_light_text_that_shows_only_on_the_fill_of_another_layer_is_text(read, tmp_path, way):
    case = read(saved(tmp_path, way))
    assert case.flat == f"{NOTE} {SHOWN}"
    assert not case.page.hidden


def test_the_lines_of_a_layer_that_is_off_rule_no_table(read, tmp_path):
    def draw(pdf):
        on, off = layers(pdf, "a", "b", OFF=[1])
        lines = "".join(f"70 {y} m 400 {y} l S\n" for y in (640, 670, 700, 730))
        lines += "".join(f"{x} 640 m {x} 730 l S\n" for x in (70, 235, 400))
        words = "".join(content(f"word {number}", 650 + 30 * (number % 3), 75 + 165 * (number // 3)) for number in range(6))
        page_of(pdf, f"{words}/OC /B BDC\n{lines}EMC\n", Properties=Dictionary(A=on, B=off))

    page = read(saved(tmp_path, draw)).page
    assert page.blocks
    assert not any(cell.row_span > 1 for block in page.blocks if block.table for cell in block.table.cells)


@pytest.mark.parametrize(("count", "is_warned"), [(20, False), (80, True)])
def test_more_overlapping_layers_than_can_be_looked_at_are_warned_of(read, tmp_path, count, is_warned):
    pdf = pikepdf.new()
    groups = layers(pdf, *(f"layer {number}" for number in range(count)))
    parts = "".join(f"/OC /L{number} BDC\n" + content(SHOWN, 700 - number) + "EMC\n" for number in range(count))
    names = Dictionary({f"/L{number}": group for number, group in enumerate(groups)})
    page_of(pdf, content(NOTE, 760) + parts, Properties=names)
    pdf.save(tmp_path / "a.pdf")
    case = read(tmp_path / "a.pdf")
    assert any("not checked" in warning.message for warning in case.page.warnings) is is_warned
