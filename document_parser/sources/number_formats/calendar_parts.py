"""Serial numbers of spreadsheets as dates and times, and the names of months and days.

A serial number counts days; its fraction is the time of day. In the 1900 system day 1 is 1900-01-01 and day 60 the 29 February
1900, which never was; in the 1904 system day 0 is 1904-01-01.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

MAX_SERIAL = 2958466
"""The day after 9999-12-31, from which numbers are shown as numbers."""
DAYS_TO_1904 = 1462
"""Days from the start of the 1900 system to that of the 1904 system."""
_EPOCH = date(1899, 12, 30)
_FALSE_LEAP_DAY = 60


class Moment(NamedTuple):
    """A date and time as a spreadsheet shows it. ``weekday`` is 0 for Sunday."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    thousandth: int
    weekday: int

    def to_iso(self) -> str:
        """Return the moment in ISO 8601: a date, or date and time if the time is not midnight."""
        day = f"{self.year:04d}-{self.month:02d}-{self.day:02d}"
        if not (self.hour or self.minute or self.second or self.thousandth):
            return day
        thousandth = f".{self.thousandth:03d}" if self.thousandth else ""
        return f"{day}T{self.hour:02d}:{self.minute:02d}:{self.second:02d}{thousandth}"


def moment_of(serial: float, thousandths: bool = False) -> Moment:
    """Return the moment of a serial number of the 1900 system, at least 0 and below MAX_SERIAL.

    The time is rounded to seconds, or to thousandths.
    """
    day = int(serial)
    unit = 86_400_000 if thousandths else 86_400
    time = round((serial - day) * unit)
    if time >= unit:
        day, time = day + 1, 0
    seconds, thousandth = divmod(time, 1000) if thousandths else (time, 0)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    weekday = (day + 6) % 7
    if day == 0:
        return Moment(1900, 1, 0, hour, minute, second, thousandth, weekday)
    if day == _FALSE_LEAP_DAY:
        return Moment(1900, 2, 29, hour, minute, second, thousandth, weekday)
    shown = _EPOCH + timedelta(days=day + (day < _FALSE_LEAP_DAY))
    return Moment(shown.year, shown.month, shown.day, hour, minute, second, thousandth, weekday)


class Names(NamedTuple):
    """The names of the months from January, of the days from Sunday, and their short forms."""

    months: tuple[str, ...]
    days: tuple[str, ...]
    short_months: tuple[str, ...]
    short_days: tuple[str, ...]


def _names(months: str, days: str, short_months: str, short_days: str) -> Names:
    return Names(*(tuple(names.split()) for names in (months, days, short_months, short_days)))


_ENGLISH = _names(
    "January February March April May June July August September October November December",
    "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "Sun Mon Tue Wed Thu Fri Sat",
)
_NAMES: dict[int, Names] = {
    0x07: _names(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
        "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "So Mo Di Mi Do Fr Sa",
    ),
    0x0C: _names(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "dimanche lundi mardi mercredi jeudi vendredi samedi",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "dim. lun. mar. mer. jeu. ven. sam.",
    ),
    0x0A: _names(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "domingo lunes martes miércoles jueves viernes sábado",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "dom lun mar mié jue vie sáb",
    ),
    0x10: _names(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "domenica lunedì martedì mercoledì giovedì venerdì sabato",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "dom lun mar mer gio ven sab",
    ),
    0x13: _names(
        "januari februari maart april mei juni juli augustus september oktober november december",
        "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "zo ma di wo do vr za",
    ),
    0x16: _names(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "dom seg ter qua qui sex sáb",
    ),
    0x04: _names(
        "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
        "星期日 星期一 星期二 星期三 星期四 星期五 星期六",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "周日 周一 周二 周三 周四 周五 周六",
    ),
    0x11: _names(
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
        "日 月 火 水 木 金 土",
    ),
}  # fmt: skip
"""Names by the low ten bits of a Windows locale (MS-LCID): the primary language."""


def names_of(language: int) -> Names:
    """Return the names in a language, in English if it is not known."""
    return _NAMES.get(language, _ENGLISH)
