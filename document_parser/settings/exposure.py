"""Decide whether the service may listen where other machines reach it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from document_parser.settings.accounts import AccountSettings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

REFUSAL = (
    "The service would listen on {host}, where other machines reach it, and anyone there could use it. Set AUTH_MODE=required "
    "and make keys with docparse keys create. If a firewall or a proxy keeps others out, set AUTH_MODE=off. Or listen on "
    "127.0.0.1 (API_HOST, or --bind)."
)
"""Why a start is refused."""


class Exposed(Exception):
    """Other machines would reach a service that asks nobody for a key, and the operator has not said that this is meant."""


def is_loopback(host: str) -> bool:
    """Return whether the address is reachable from this machine only."""
    if host in ("localhost", ""):
        return host == "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(accounts: AccountSettings, hosts: Iterable[str]) -> None:
    """Check the addresses on which the service is to listen. Logs a warning if anyone may use it and that is meant.

    Raises Exposed.
    """
    reached = [host for host in hosts if not is_loopback(host)]
    if not reached or accounts.needs_key:
        return
    if not accounts.is_chosen:
        raise Exposed(REFUSAL.format(host=reached[0]))
    log.warning("anyone_may_use_the_service", listens_on=reached, advice="Set AUTH_MODE=required, or keep others out.")
