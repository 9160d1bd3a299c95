"""Controls of forms in OpenDocument: what each shows, by the id with which the text refers to it."""

from __future__ import annotations

from document_parser.sources.opendocument.names import attribute, full_name, short_name
from document_parser.sources.xml_trees import Element

_BOXES = frozenset({"form:checkbox", "form:radio"})
_LABELLED = frozenset({"form:fixed-text", "form:button", "form:frame"})
_SILENT = frozenset({"form:hidden", "form:password"})


def control_texts(root: Element) -> dict[str, str]:
    """Return what the controls of a document show, by their id."""
    found: dict[str, str] = {}
    for forms in root.iter(full_name("office:forms")):
        for control in forms.iter():
            identifier = attribute(control, "form:id") or attribute(control, "xml:id")
            if identifier and short_name(control).startswith("form:"):
                found[identifier] = _shown(control)
    return found


def _shown(control: Element) -> str:
    """Return what a control shows: ☐ or ☒ with its label, the chosen entries of a list, the text of a field."""
    name, label = short_name(control), attribute(control, "form:label")
    if name in _SILENT:
        return ""
    if name in _BOXES:
        return f"{'☒' if _is_on(control) else '☐'} {label}".strip()
    if name in _LABELLED:
        return label
    if name == "form:listbox":
        options = control.iterchildren(full_name("form:option"))
        return ", ".join(attribute(one, "form:label") for one in options if _is_chosen(one))
    lines = [" ".join("".join(one.itertext()).split()) for one in control.iterchildren(full_name("text:p"))]
    return "\n".join(lines).strip() or attribute(control, "form:current-value") or attribute(control, "form:value")


def _is_on(control: Element) -> bool:
    """Return whether a box or button is set: now, else from the start."""
    if short_name(control) == "form:checkbox":
        return (attribute(control, "form:current-state") or attribute(control, "form:state")) == "checked"
    return _is_chosen(control)


def _is_chosen(element: Element) -> bool:
    """Return whether an option is chosen: now, else from the start."""
    return (attribute(element, "form:current-selected") or attribute(element, "form:selected")) == "true"
