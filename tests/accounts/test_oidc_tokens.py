"""Tokens of a login provider: which are taken, for whom they stand, and what happens while the provider is away."""

from __future__ import annotations

import base64
import json

import pytest
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from document_parser.accounts.identity import RESERVED_OWNERS
from document_parser.accounts.oidc.provider import FRESH_SECONDS, RETRY_SECONDS, STALE_SECONDS, Provider
from document_parser.accounts.oidc.tokens import Tokens, looks_like_token
from document_parser.accounts.secret_keys import new_key
from document_parser.errors import LoginProviderUnavailable, TokenExpired, TokenInvalid
from document_parser.settings import AccountSettings
from tests.support.login_provider import AUDIENCE, running_issuer


@pytest.fixture
def issuer():
    with running_issuer() as running:
        yield running


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def take(issuer, clock):
    """Take a token, with settings of the provider."""
    made = {}

    def take(token, **options):
        name = json.dumps(options)
        if name not in made:
            settings = AccountSettings(oidc_issuer=issuer.address, oidc_audience=AUDIENCE, **options)
            made[name] = Tokens(settings, Provider(settings, clock=clock))
        return made[name].identify(token)

    return take


def test_a_token_for_this_service_stands_for_a_person_who_is_an_owner(issuer, take):
    first, again, other = take(issuer.token()), take(issuer.token()), take(issuer.token(sub="4712"))
    assert first.owner == again.owner != other.owner
    assert first.owner.startswith("oidc-")
    assert (first.actor, first.tier, sorted(first.scopes)) == ("user", "oauth", ["extract", "process", "read"])
    assert take(issuer.token(aud=["others", AUDIENCE])).owner == first.owner


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"iss": "https://evil.example"}, "another issuer made it"),
        ({"iss": None}, "another issuer made it"),
        ({"aud": "others"}, "another service"),
        ({"aud": ["others"]}, "another service"),
        ({"aud": None}, "another service"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"sub": None}, "sub"),
        ({"nbf": 4_000_000_000}, "nbf"),
        ({"iat": 4_000_000_000}, "iat"),
    ],
)
def test_a_token_with_wrong_claims_is_refused_and_says_which(issuer, take, changes, says):
    with pytest.raises(TokenInvalid, match=says):
        take(issuer.token(**changes))


def test_a_token_that_has_expired_says_so_and_the_clocks_may_differ_a_little(issuer, take):
    ended = issuer.claims()["iat"] - 30
    assert take(issuer.token(exp=ended)).actor == "user"
    with pytest.raises(TokenExpired):
        take(issuer.token(exp=ended - 60))
    with pytest.raises(TokenExpired):
        take(issuer.token(exp=ended), oidc_clock_skew_seconds=0)


def test_only_signatures_of_the_providers_own_keys_count(issuer, take):
    head, claims, signature = issuer.token().split(".")
    changed = base64.urlsafe_b64encode(json.dumps(issuer.claims(sub="root")).encode()).rstrip(b"=").decode()
    issuer.keys["stranger"] = RSAKey.generate_key(2048, {"kid": "first"})
    forged = issuer.token("stranger").split(".")
    del issuer.keys["stranger"]
    for token in (
        f"{head}.{changed}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{forged[2]}",
        issuer.unsigned_token(),
        issuer.token_by_shared_secret(),
        "a.b.c",
        f"{head}.{claims}.{signature}" + "A" * 20_000,
    ):
        with pytest.raises(TokenInvalid):
            take(token)


def test_a_login_takes_only_a_token_that_was_made_for_the_page_and_for_this_login(issuer, clock):
    settings = AccountSettings(oidc_issuer=issuer.address, oidc_audience=AUDIENCE, oidc_client_id="page")
    tokens, claims = Tokens(settings, Provider(settings, clock=clock)), {"aud": "page", "nonce": "mine"}
    assert tokens.identify_login(issuer.token(**claims), "mine").actor == "user"
    for changes in ({"aud": AUDIENCE}, {"nonce": "other"}, {"nonce": None}, {"azp": "other"}):
        with pytest.raises(TokenInvalid):
            tokens.identify_login(issuer.token(**claims | changes), "mine")


def test_a_new_key_works_at_once_and_one_that_is_gone_ends_within_the_hour(issuer, take, clock):
    old = issuer.token()
    assert take(old).actor == "user"
    issuer.add_key("second")
    clock.now += RETRY_SECONDS
    assert take(issuer.token("second")).actor == "user"
    del issuer.keys["first"]
    clock.now += FRESH_SECONDS
    with pytest.raises(TokenInvalid, match="no key"):
        take(old)


def test_keys_that_nobody_knows_do_not_load_the_provider(issuer, take):
    issuer.add_key("unknown")
    tokens = [issuer.token("unknown")] * 20
    issuer.keys.pop("unknown")
    for token in tokens:
        with pytest.raises(TokenInvalid):
            take(token)
    assert issuer.asked == 1


def test_while_the_provider_is_away_its_known_keys_work_for_a_day_and_others_wait(issuer, take, clock):
    known = issuer.token()
    take(known)
    issuer.add_key("second")
    issuer.is_away = True
    clock.now += FRESH_SECONDS
    assert take(known).actor == "user"
    with pytest.raises(LoginProviderUnavailable):
        take(issuer.token("second"))
    clock.now += STALE_SECONDS
    with pytest.raises(LoginProviderUnavailable):
        take(known)
    issuer.is_away = False
    clock.now += RETRY_SECONDS
    assert take(issuer.token("second")).actor == "user"


def test_a_provider_that_calls_itself_otherwise_is_not_believed(issuer, take):
    issuer.stated_issuer = "https://evil.example"
    with pytest.raises(LoginProviderUnavailable):
        take(issuer.token())


def test_claims_name_owner_tier_and_scopes(issuer, take):
    names = {"oidc_owner_claim": "org.unit", "oidc_tier_claim": "plan", "oidc_scopes_claim": "realm_access.roles"}
    roles = {"roles": ["docparse:read", "docparse-admin", "admin", "process", 7]}
    caller = take(issuer.token(org={"unit": "Accounting"}, plan="enterprise", realm_access=roles), **names)
    assert (caller.owner, caller.tier, sorted(caller.scopes)) == ("accounting", "enterprise", ["admin", "read"])
    bare = take(issuer.token(org={"unit": "accounting"}, plan="En Terprise"), **names)
    assert (bare.tier, bare.scopes) == ("oauth", frozenset())
    for unit in (None, "public", "a|b", "", 5, ["accounting"], *RESERVED_OWNERS):
        with pytest.raises(TokenInvalid, match=r"org\.unit names no owner"):
            take(issuer.token(org={"unit": unit}), **names)


def test_tokens_without_the_claim_of_scopes_have_those_of_the_setting_and_never_admin(issuer, take):
    token = issuer.token()
    assert sorted(take(token).scopes) == ["extract", "process", "read"]
    assert sorted(take(token, oidc_default_scopes="read").scopes) == ["read"]
    claim = {"oidc_scopes_claim": "groups"}
    assert take(token, **claim).scopes == frozenset()
    both = claim | {"oidc_default_scopes": "process,read"}
    assert sorted(take(token, **both).scopes) == ["process", "read"]
    assert take(issuer.token(groups=[]), **both).scopes == frozenset(), "a claim that lists none is a claim"
    with pytest.raises(ValidationError, match="oidc_default_scopes"):
        AccountSettings(oidc_default_scopes="admin")


def test_api_keys_and_operator_tokens_are_no_tokens_of_a_provider(issuer):
    assert looks_like_token(issuer.token())
    assert not any(looks_like_token(text) for text in (new_key(), "correct-horse", "1.2", "", "dp_live_a.b", "a.b.c.d"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"oidc_issuer": "https://id.example"}, "OIDC_AUDIENCE or OIDC_CLIENT_ID"),
        ({"oidc_client_id": "docparse"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "http://id.example", "oidc_audience": "x"}, "oidc_issuer"),
        ({"oidc_issuer": "https://id.example?x", "oidc_audience": "x"}, "oidc_issuer"),
    ],
)
def test_settings_that_would_take_tokens_of_others_are_refused(settings, says):
    with pytest.raises(ValidationError, match=says):
        AccountSettings(**settings)
