"""API keys: their form, who they are, how they end, and how soon every process knows."""

from __future__ import annotations

import hmac
import re
import sys
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from document_parser.accounts.key_cache import COMPARE_SECONDS, FRESH_SECONDS, STALE_SECONDS, KeyCache, KeyOrigins
from document_parser.accounts.keys import Keys
from document_parser.accounts.models import KeyRow
from document_parser.accounts.records import ApiKey
from document_parser.accounts.secret_keys import hash_of, is_well_formed, new_key
from document_parser.errors import DatabaseUnavailable, InvalidOption, KeyEnded, KeyNotFound

NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def create(keys, **changed):
    wanted = {"name": "till", "owner": "acme", "tier": "key", "scopes": ["read"], "now": NOW, **changed}
    return keys.create(**wanted)


def test_a_key_has_its_prefix_its_length_and_its_checksum():
    made = {new_key() for _ in range(200)}
    assert len(made) == 200
    for key in made:
        assert re.fullmatch(r"dp_live_[0-9A-Za-z]{49}", key)
        assert is_well_formed(key)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        checksum = 0
        for digit in key[-6:]:
            checksum = checksum * 62 + digits.index(digit)
        assert checksum == zlib.crc32(key[:-6].encode())


@pytest.mark.parametrize("spoil", [lambda k: k[:-1], lambda k: k + "0", str.swapcase, lambda k: "x" + k, lambda k: ""])
def test_a_key_that_was_copied_wrong_is_told_from_a_right_one(spoil):
    key = new_key()
    assert not is_well_formed(spoil(key))
    wrong = key[:20] + ("0" if key[20] != "0" else "1") + key[21:]
    assert not is_well_formed(wrong)


def test_only_the_hash_of_a_key_is_in_the_database(database):
    made = create(Keys(database))
    with database.reading() as session:
        (row,) = session.query(KeyRow).all()
    assert row.hash == hash_of(made.secret)
    assert made.secret[12:] not in repr(vars(row))
    assert row.hint == made.secret[:12]


def test_a_key_is_found_by_its_secret_and_by_nothing_else(database):
    keys = Keys(database)
    made, other = create(keys), create(keys, owner="other", scopes=["admin", "process"], expires_at=NOW + DAY)
    assert keys.find(made.secret) == made.key
    assert keys.find(other.secret) == other.key
    assert keys.find(new_key()) is None
    assert keys.find(made.secret[:-1]) is None
    assert other.key.scopes == ("process", "admin")
    assert [key.id for key in keys.list("other")] == [other.key.id]
    assert {key.id for key in keys.list()} == {made.key.id, other.key.id}
    with pytest.raises(KeyNotFound):
        keys.get("no such id")


def test_a_key_ends_when_it_expires_and_when_it_is_revoked(database):
    keys = Keys(database)
    key = create(keys, expires_at=NOW + DAY).key
    assert key.state(NOW) == "active"
    assert key.state(NOW + DAY) == "expired"
    ended = keys.revoke(key.id, now=NOW)
    # The clock of another host may be behind: a revoked key has ended all the same.
    assert ended.state(NOW - DAY) == "revoked"
    assert keys.revoke(key.id, now=NOW + DAY).revoked_at == NOW
    with pytest.raises(KeyNotFound):
        keys.revoke("no such id", now=NOW)


def test_rotation_makes_the_same_key_with_another_secret_and_ends_the_old_one_at_once(database):
    keys = Keys(database)
    old = create(keys, expires_at=NOW + 9 * DAY)
    new = keys.rotate(old.key.id, now=NOW)
    for field in ("name", "owner", "tier", "scopes", "expires_at"):
        assert getattr(new.key, field) == getattr(old.key, field)
    assert new.secret != old.secret
    found = keys.find(old.secret)
    assert (found.state(NOW - DAY), found.replaced_by) == ("revoked", new.key.id)
    with pytest.raises(KeyEnded):
        keys.rotate(old.key.id, now=NOW)
    with pytest.raises(KeyNotFound):
        keys.rotate("no such id", now=NOW)


def test_a_grace_lets_the_old_key_work_until_it_is_over_and_never_longer_than_before(database):
    keys = Keys(database)
    forever, short = create(keys), create(keys, expires_at=NOW + timedelta(hours=1))
    for old, ends in ((forever, NOW + DAY), (short, NOW + timedelta(hours=1))):
        keys.rotate(old.key.id, now=NOW, grace=DAY)
        found = keys.find(old.secret)
        assert found.expires_at == ends
        assert found.state(NOW) == "active"
        with pytest.raises(KeyEnded):
            keys.rotate(old.key.id, now=NOW)
    with pytest.raises(InvalidOption):
        keys.rotate(create(keys).key.id, now=NOW, grace=31 * DAY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 129),
        ("name", "two\nlines"),
        ("owner", ""),
        ("owner", "Acme"),
        ("owner", "../public"),
        ("owner", "a|b"),
        ("owner", "a" * 65),
        ("tier", ""),
        ("tier", "Free tier"),
        ("scopes", []),
        ("scopes", ["read", "everything"]),
        ("expires_at", NOW),
        ("origins", ["*"]),
        ("origins", ["https://*.example.org"]),
        ("origins", ["https://app.example.org/path"]),
        ("origins", ["https://app.example.org https://evil.example"]),
        ("origins", [f"https://{number}.example" for number in range(21)]),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_the_name_of_the_field(database, field, value):
    with pytest.raises(InvalidOption, match=field):
        create(Keys(database), **{field: value})
    assert Keys(database).list() == []


def test_the_moment_of_the_last_use_only_goes_forward(database):
    keys = Keys(database)
    key = create(keys).key
    for at, known in ((NOW, NOW), (NOW - DAY, NOW), (NOW + DAY, NOW + DAY)):
        keys.note_used({key.id: at, "no such id": at})
        assert keys.get(key.id).last_used_at == known


def test_the_hash_that_decides_is_compared_in_constant_time(database):
    """A profiler sees which functions of C the lookup calls."""
    keys, called = Keys(database), set()
    made = create(keys)
    sys.setprofile(lambda _frame, event, what: called.add(what) if event == "c_call" else None)
    try:
        keys.find(made.secret)
    finally:
        sys.setprofile(None)
    assert hmac.compare_digest in called


def test_the_origins_of_a_key_are_those_that_were_given_once_and_rotation_keeps_them(database):
    keys = Keys(database)
    made = create(keys, origins=["https://App.example.org", "http://localhost:3000", "https://app.example.org"])
    sites = ("https://app.example.org", "http://localhost:3000")
    assert keys.find(made.secret).origins == made.key.to_identity().origins == sites
    again = keys.rotate(made.key.id, now=NOW)
    assert again.key.origins == sites
    assert keys.origins(NOW) == set(sites)
    keys.revoke(again.key.id, now=NOW)
    assert keys.origins(NOW) == set()
    create(keys, origins=["https://soon.example"], expires_at=NOW + timedelta(hours=1))
    assert keys.origins(NOW) == {"https://soon.example"}
    assert keys.origins(NOW + timedelta(hours=2)) == set()


class Table:
    """The keys of a database that can go away, with the number of times that it was asked, and a clock."""

    def __init__(self):
        self.keys, self.asked, self.compared, self.away, self.version, self.now = {}, 0, 0, False, b"", 1000.0

    def find(self, name):
        self.asked += 1
        if self.away:
            raise DatabaseUnavailable()
        return self.keys.get(name)

    def read_version(self):
        self.compared += 1
        return self.version

    def cache(self, **options):
        return KeyCache(self.find, self.read_version, clock=lambda: self.now, **options)

    def add(self, secret):
        self.keys[hash_of(secret)] = ApiKey(secret, "", "", "acme", "key", ("read",), NOW)


@pytest.fixture
def table():
    return Table()


def test_a_key_is_looked_up_once_a_minute_whether_it_is_known_or_not(table):
    table.add("known")
    cache = table.cache()
    for secret in ("known", "unknown"):
        table.asked = 0
        for _ in range(50):
            assert (cache.find(secret) is not None) == (secret == "known")
            table.now += 1
        assert table.asked == 1
        table.now += FRESH_SECONDS
        cache.find(secret)
        assert table.asked == 2


def test_a_change_of_any_key_is_known_within_five_seconds(table):
    assert COMPARE_SECONDS < 5
    table.add("key")
    cache = table.cache()
    assert cache.find("key") is not None
    del table.keys[hash_of("key")]
    table.version = b"changed"
    table.now += COMPARE_SECONDS
    assert cache.find("key") is None
    before = table.compared
    for _ in range(50):
        cache.find("key")
    assert table.compared == before, "the version is not asked for at every request"


def test_a_key_that_is_changed_while_it_is_looked_up_is_not_remembered_as_it_was(table):
    table.add("key")
    cache = table.cache()
    find = table.find

    def find_slowly(secret):
        found = find(secret)
        del table.keys[hash_of("key")]
        table.version, table.now = b"changed", table.now + COMPARE_SECONDS
        cache._find = find
        cache.find("another")
        return found

    cache._find = find_slowly
    assert cache.find("key") is not None
    assert cache.find("key") is None


def test_known_keys_work_while_the_database_is_away_until_one_is_changed(table):
    table.add("key")
    cache = table.cache()
    cache.find("key")
    cache.find("unknown")
    table.away, table.now = True, table.now + FRESH_SECONDS + 1
    assert cache.find("key") is not None
    for secret in ("unknown", "new"):
        with pytest.raises(DatabaseUnavailable):
            cache.find(secret)
    table.now += STALE_SECONDS
    with pytest.raises(DatabaseUnavailable):
        cache.find("key")
    table.away = False
    cache.find("key")
    table.away, table.version, table.now = True, b"changed", table.now + COMPARE_SECONDS
    with pytest.raises(DatabaseUnavailable):
        cache.find("key")


def test_preflights_ask_the_database_for_origins_once_a_minute_and_after_each_change(table):
    sites = {"https://one.example"}

    def read():
        table.find("")
        return frozenset(sites)

    origins = KeyOrigins(read, table.read_version, clock=lambda: table.now)
    for _ in range(50):
        assert origins() == {"https://one.example"}
        table.now += 1
    assert table.asked == 1
    sites.add("https://two.example")
    table.version, table.now = b"changed", table.now + COMPARE_SECONDS
    assert origins() == sites
    sites.clear()
    table.away, table.version, table.now = True, b"changed again", table.now + COMPARE_SECONDS
    assert len(origins()) == 2, "while the database is away, those that were known"
    table.away, table.now = False, table.now + COMPARE_SECONDS
    assert origins() == set()


def test_the_number_of_remembered_keys_is_bounded(table):
    cache = table.cache(max_keys=3)
    for secret in ("a", "b", "c", "a", "d"):
        cache.find(secret)
    assert table.asked == 4
    cache.find("a")
    assert table.asked == 4, "the one that was used longest ago was forgotten"
    cache.find("b")
    assert table.asked == 5
