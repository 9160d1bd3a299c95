"""Texts, names, dates and amounts from a seed."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from benchmarks.drawn.truth import Block, Kind, Run
from benchmarks.drawn.words import LABELS, NAMES, words_of

SPACELESS = frozenset({"ja", "zh", "th"})
"""Languages without spaces between words."""
FULL_STOPS = {"ja": "。", "zh": "。", "th": "", "hi": "।"}
COMMAS = {"ja": "、", "zh": "，", "ar": "،", "th": " "}


class Writer:
    """Writes in one language whatever its seed decides."""

    def __init__(self, random: Random, language: str = "en") -> None:
        self.random = random
        self.language = language
        self._words = words_of(language)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def word(self, least: int = 1) -> str:
        """Return a word of at least so many letters."""
        return self.random.choice([word for word in self._words if len(word) >= least] or self._words)

    def words(self, low: int, high: int) -> str:
        joint = "" if self.language in SPACELESS else " "
        return joint.join(self.word() for _ in range(self.random.randint(low, high)))

    def title(self, low: int = 2, high: int = 6) -> str:
        joint = "" if self.language in SPACELESS else " "
        text = joint.join(self.word(3) for _ in range(self.random.randint(low, high)))
        return text[:1].upper() + text[1:]

    def sentence(self, low: int = 6, high: int = 18) -> str:
        text = self.words(low, high)
        if high > 12 and self.chance(0.4):
            text += COMMAS.get(self.language, ",") + ("" if self.language in SPACELESS else " ") + self.words(3, 9)
        if self.chance(0.12) and self.language not in SPACELESS:
            text += f" {self.random.choice((self.amount(), self.date(), str(self.random.randint(2, 990)), self.person()))}"
        return text[:1].upper() + text[1:] + FULL_STOPS.get(self.language, ".")

    def prose(self, low: int = 2, high: int = 6) -> str:
        joint = "" if self.language in {"ja", "zh"} else " "
        return joint.join(self.sentence() for _ in range(self.random.randint(low, high)))

    def paragraph(self, low: int = 2, high: int = 6, **look: object) -> Block:
        return Block(Kind.PARAGRAPH, (Run(self.prose(low, high)),), look=dict(look))

    def person(self) -> str:
        return f"{self.random.choice(NAMES['first'])} {self.random.choice(NAMES['last'])}"

    def firm(self) -> str:
        return f"{self.random.choice(NAMES['firm'])} {self.random.choice(NAMES['form'])}"

    def address(self) -> list[str]:
        street, town = self.random.choice(NAMES["street"]), self.random.choice(NAMES["town"])
        return [f"{self.random.randint(1, 240)} {street}", f"{self.random.randint(10000, 99999)} {town}"]

    def day(self) -> date:
        return date(1995, 1, 1) + timedelta(days=self.random.randint(0, 11_000))

    def date(self, day: date | None = None) -> str:
        day = day or self.day()
        form = self.random.choice(("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %B %Y"))
        return day.strftime(form)

    def amount(self, low: float = 1, high: float = 9_999) -> str:
        return f"{self.random.uniform(low, high):,.2f}"

    def code(self, letters: int = 2, digits: int = 6) -> str:
        return "".join(self.random.choice("ABCDEFGHKLMNPRSTUVWX") for _ in range(letters)) + "".join(
            str(self.random.randint(0, 9)) for _ in range(digits)
        )

    def labels(self) -> list[str]:
        """Return the names of a form's fields in a random order; those of English for most languages."""
        names = LABELS.get(self.language, LABELS["en"])
        return self.random.sample(names, len(names))

    def field_value(self, label: str) -> str:
        """Return something that may be written beside a label."""
        low = label.lower()
        if any(part in low for part in ("date", "datum", "fecha", "birth")):
            return self.date()
        if any(part in low for part in ("tel", "tél")):
            return f"+{self.random.randint(1, 99)} {self.random.randint(100, 999)} {self.random.randint(100000, 999999)}"
        if any(part in low for part in ("passport", "no.", "nummer", "ref", "zeichen", "pasaporte")):
            return self.code()
        if any(part in low for part in ("post", "código")):
            return str(self.random.randint(10000, 99999))
        if "mail" in low or "cour" in low or "corr" in low:
            return f"{self.random.choice(NAMES['first']).lower()}@{self.random.choice(NAMES['firm']).lower()}.example"
        if any(part in low for part in ("address", "anschrift", "adresse", "direc")):
            return ", ".join(self.address())
        return self.person() if self.chance(0.6) else self.firm()
