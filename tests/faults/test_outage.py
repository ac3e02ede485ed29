"""The provider is away, and somebody starts, or waits, or has decided how long that may last."""

import time

import pytest

from breaking import failures
from conftest import ORDERS, issuer, sanitized, settings
from figures import BAD, GOOD, OPEN
from harness import until
from loop import Loop, bad, good
from test_clock import DAY_SEC, Clock, libfaketime

FRESH_SEC = 30  # ISSUER_REFRESH_MIN_SEC: keys count as fresh for no less
STALE_POLICIES = """
[policy never-stale]
audience = orders
keys_stale_for = 0s

[policy patient]
audience = orders
keys_stale_for = 1h
"""


def test_cold_start(row, daemon, gate, mixed):
    """Outage: cold start with the provider dead, from the snapshot"""
    settings(daemon, issuer(gate), ORDERS)
    daemon.start()
    daemon.stop()
    gate.close()
    daemon.start()
    with Loop(daemon, mixed()) as loop:
        loop.phase(1)
        until("it saw that the provider is dead", lambda: failures(daemon))
        loop.phase()
    row.figures.add(loop.figures)
    row.note(validated=loop.reasons["valid"])
    row.close()


def test_cold_start_without_a_snapshot(row, daemon, gate, mixed):
    """Outage: cold start with the provider dead and no snapshot: unavailable, good as soon as it is back"""
    settings(daemon, issuer(gate), ORDERS)
    gate.close()
    daemon.start(ready=False)
    tokens = mixed()
    with Loop(daemon, bad(token.text for token in tokens)) as loop:
        loop.phase()
    row.figures.add(loop.figures)
    assert loop.reasons["unavailable"]
    gate.reopen()
    daemon.wait_ready(60)
    with Loop(daemon, tokens) as loop:
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_budget(row, daemon, gate, provider):
    """Outage: keys_stale_for = 0s refuses once the keys are stale, 1h does not"""
    gate.max_age_sec = 1
    settings(daemon, issuer(gate), ORDERS, STALE_POLICIES)
    daemon.start()
    texts = [provider.mint("orders-es256") for _ in range(4)]
    strict, patient = good(texts, policy="never-stale"), good(texts, policy="patient")
    with Loop(daemon, strict + patient, rate=100) as loop:
        gate.close()
        loop.phase()
        for token in strict:
            token.kind = OPEN  # until its keys are stale, some time within FRESH_SEC
        began = time.monotonic()
        until("the keys are stale", lambda: daemon.verdict(texts[0], "never-stale")[1] == "unavailable", FRESH_SEC + 15)
        row.note(refused_after_s=round(time.monotonic() - began, 1))
        loop.phase(0.1)
        for token in strict:
            token.kind = BAD
        loop.reasons.clear()
        loop.phase(1)
        assert set(loop.reasons) == {"unavailable", "valid"}, loop.reasons
        tells_of_budgets(daemon)
        gate.reopen()
        for token in strict:
            token.kind = OPEN
        until("the keys are fresh again", lambda: daemon.verdict(texts[0], "never-stale")[1] == "valid", 60)
        loop.phase(0.1)
        for token in strict:
            token.kind = GOOD
        loop.phase()
        daemon.wait_event(event="outage_ended")
    row.figures.add(loop.figures)
    row.close()


def tells_of_budgets(daemon):
    """Whoever looks sees which budget is spent, which is over, and when the other ends."""
    daemon.wait_event(event="outage_began", issuer="holodeck")
    daemon.wait_event(event="outage_budget_ended", policy="never-stale")
    left = {name: value for name, value in daemon.metrics().items() if name.startswith("authd_outage_seconds_left")}
    assert any("never-stale" in name and value == 0 for name, value in left.items()), left
    assert any("patient" in name and 0 < value <= 3600 for name, value in left.items()), left
    for told in (daemon.get("/readyz").text, daemon.authctl("status").stdout):
        assert "never-stale" in told and "patient" in told, told


@pytest.mark.skipif(sanitized(), reason="libfaketime and a sanitizer both want to be loaded first")
@pytest.mark.skipif(not libfaketime(), reason="no libfaketime here")
@pytest.mark.parametrize("stale_keys_max, kind", [("24h", BAD), ("3d", GOOD)], ids=["24 h refuse", "3 d do not"])
def test_old_snapshot(row, daemon, gate, provider, stale_keys_max, kind):
    """Outage: cold start with a snapshot of two days ago: stale_keys_max of {}"""
    settings(daemon, issuer(gate, stale_keys_max=stale_keys_max), ORDERS)
    daemon.start()
    daemon.stop()
    gate.close()
    clock = Clock(daemon)
    clock.move(2)
    daemon.start(ready=False)
    life = {"iat": int(time.time()) + 2 * DAY_SEC - 10, "exp": int(time.time()) + 2 * DAY_SEC + 600}
    tokens = good(provider.mint("orders-rs256", claims=life) for _ in range(4))
    for token in tokens:
        token.kind = kind
    with Loop(daemon, tokens + bad([provider.mint("orders-rs256")])) as loop:
        loop.phase(1)
    if kind == BAD:
        assert loop.reasons["unavailable"], loop.reasons
    row.figures.add(loop.figures)
    row.close()
