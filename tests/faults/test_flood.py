"""Unsigned garbage with kids that nobody ever saw, in thousands: it buys no fetches and slows nobody."""

import time

import pytest

import gate as faults
from loop import Loop, good, stranger

CONNECTIONS = 64
STRANGERS, STRANGERS_FULL = 10_000, 100_000
COOLDOWN_SEC = 1  # ISSUER_COOLDOWN_USEC
RATES = {"5 000 a second": 5_000, "as fast as it goes": 1_000_000}
QUIET_SEC = 2
UNAVAILABLE_SEC = 2  # an answer to a kid that nobody could be asked about
GENEROUS_SEC = 4  # on a loaded machine


def flood(daemon, token, n, rate):
    """Asks about n strangers; gives the Loop that did."""
    with Loop(daemon, [stranger(token)], CONNECTIONS, rate) as loop:
        while loop.figures.sent < n:
            loop.phase(0.1)
    return loop


@pytest.mark.alone
@pytest.mark.parametrize("rate", RATES)
def test_flood(row, authd, gate, provider, full, rate):
    """Flood: unknown kids over 64 connections, {}"""
    tokens = good(provider.mint("orders-rs256") for _ in range(20))
    n = STRANGERS_FULL if full else STRANGERS
    with Loop(authd, tokens) as beside:
        beside.phase(0.5)
        beside.phase(QUIET_SEC)
        before, began = gate.count(), time.monotonic()
        loop = flood(authd, tokens[0].text, n, RATES[rate])
        seconds = time.monotonic() - began
        beside.phase(0)
    fetches = gate.count() - before
    quiet, flooded = beside.times[1]["p99_usec"], beside.times[2]["p99_usec"]
    row.note(fetches=fetches, seconds=round(seconds, 1), fetches_a_second=round(fetches / seconds, 2),
             strangers_a_second=round(loop.figures.sent / seconds),
             p99_quiet_usec=quiet, p99_beside_usec=flooded, p99_ratio=round(flooded / quiet, 2))
    row.figures.add(loop.figures)
    row.figures.add(beside.figures)
    assert 1 <= fetches <= seconds / COOLDOWN_SEC + 1, "unsigned garbage bought fetches"
    row.close()


def test_unknown_kid_while_the_provider_hangs(row, authd, gate, provider):
    """Flood: unknown kids while the provider hangs"""
    tokens = good(provider.mint("orders-rs256") for _ in range(8))
    gate.fault(faults.hang)
    with Loop(authd, tokens) as beside, Loop(authd, [stranger(tokens[0].text)], 16, 100) as strangers:
        gate.wait_faulted()
        strangers.phase(3)
        beside.phase(0)
    told = set(strangers.reasons)
    row.figures.add(beside.figures)
    row.figures.add(strangers.figures)
    worst = max(one["worst_usec"] for one in strangers.times) / 1e6
    row.note(answered_within_s=round(worst, 2), goal_s=UNAVAILABLE_SEC, p99_beside_usec=beside.times[0]["p99_usec"])
    assert told <= {"unavailable", "unknown_key"}, told
    assert worst < GENEROUS_SEC
    row.close()
