"""Plain common words of many languages, for texts that nobody has written before."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "words_of"
"""Some dozens of the most usual words of each language, in its own script, a file a language."""


@cache
def words_of(language: str) -> tuple[str, ...]:
    """Return the words of a language."""
    return tuple((FOLDER / f"{language}.txt").read_text(encoding="utf-8").split())


NAMES: dict[str, tuple[str, ...]] = {
    "first": ("Anna", "Boris", "Clara", "David", "Elena", "Frank", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Louis", "Marta",
              "Nils", "Olga", "Paul", "Rosa", "Simon", "Tina", "Viktor"),
    "last": ("Abbott", "Bergmann", "Castillo", "Dufour", "Ekström", "Fletcher", "Grünwald", "Hansen", "Ivanov", "Jansen",
             "Keller", "Lindqvist", "Moretti", "Novák", "Okafor", "Petersen", "Quinn", "Ramos", "Schäfer", "Tanaka", "Weber"),
    "firm": ("Norland", "Brightwater", "Castor", "Delmar", "Evergreen", "Fulham", "Granit", "Hofer", "Ironbridge", "Juniper",
             "Kestrel", "Lumen", "Meridian", "Northgate", "Oakfield", "Pallas"),
    "form": ("GmbH", "Ltd", "SA", "Inc.", "AG", "& Sons", "B.V.", "S.r.l."),
    "street": ("Mill Lane", "Harbour Road", "Station Street", "Church Hill", "Linden Avenue", "Kings Court", "Park Row"),
    "town": ("Ashford", "Bremen", "Cordoba", "Delft", "Eastham", "Florence", "Graz", "Halmstad", "Inverness", "Kilkenny"),
}  # fmt: skip
"""Parts of names of people, firms and places, put together at random."""

GOODS = (
    "Hex bolt M8", "Copper pipe 15 mm", "Oak shelf", "Desk lamp", "Printer paper A4", "Cable drum", "Ball valve", "Floor tile",
    "Garden hose", "Work gloves", "Paint, white, 5 l", "Door handle", "Water filter", "Steel bracket", "Fuse 10 A", "Ladder",
    "Screw set", "Office chair", "Notebook", "Wall plug", "Gasket", "Spring washer", "Insulating tape", "Timber 50 x 100",
)  # fmt: skip
TESTS = (
    ("Haemoglobin", "g/dL", 12.0, 16.0), ("Leucocytes", "10^9/L", 4.0, 10.0), ("Platelets", "10^9/L", 150.0, 400.0),
    ("Glucose", "mmol/L", 3.9, 5.6), ("Sodium", "mmol/L", 135.0, 145.0), ("Potassium", "mmol/L", 3.5, 5.1),
    ("Creatinine", "µmol/L", 59.0, 104.0), ("Urea", "mmol/L", 2.8, 7.2), ("Calcium", "mmol/L", 2.15, 2.55),
    ("Cholesterol", "mmol/L", 3.0, 5.2), ("Triglycerides", "mmol/L", 0.4, 1.7), ("Ferritin", "µg/L", 30.0, 300.0),
    ("TSH", "mIU/L", 0.4, 4.0), ("ALT", "U/L", 7.0, 45.0), ("AST", "U/L", 8.0, 40.0), ("CRP", "mg/L", 0.0, 5.0),
)  # fmt: skip
"""Name, unit, and the lowest and highest usual value."""

LABELS: dict[str, tuple[str, ...]] = {
    "en": (
        "Name",
        "Date of birth",
        "Address",
        "Telephone",
        "E-mail",
        "Nationality",
        "Passport No.",
        "Occupation",
        "Employer",
        "Signature",
        "Reference",
        "Postcode",
    ),
    "de": (
        "Name",
        "Geburtsdatum",
        "Anschrift",
        "Telefon",
        "E-Mail",
        "Staatsangehörigkeit",
        "Ausweisnummer",
        "Beruf",
        "Arbeitgeber",
        "Aktenzeichen",
        "Postleitzahl",
    ),
    "fr": (
        "Nom",
        "Date de naissance",
        "Adresse",
        "Téléphone",
        "Courriel",
        "Nationalité",
        "Passeport",
        "Profession",
        "Employeur",
        "Référence",
        "Code postal",
    ),
    "es": (
        "Nombre",
        "Fecha de nacimiento",
        "Dirección",
        "Teléfono",
        "Correo",
        "Nacionalidad",
        "Pasaporte",
        "Profesión",
        "Empresa",
        "Referencia",
        "Código postal",
    ),
}
"""What fields of forms are called."""
