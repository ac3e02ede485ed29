"""The provider is asked about tokens (RFC 7662) and fails, is slow, or may not say."""

import time

import pytest

import gate as faults
from conftest import settings
from figures import BAD, GOOD, OPEN
from gate import Gate
from harness import until
from loop import Loop, bad, good

POLICIES = """
[policy default]
audience = orders

[policy orders]
audience = orders

[policy always]
audience = orders
introspect = always

[policy always-patient]
audience = orders
introspect = always
introspection_stale_for = 1h

[policy recent]
audience = orders
introspect = max-age 30s

[policy billing]
audience = billing
introspect = always
"""
FAILURES = {"hung": faults.hang, "500": faults.status(500), "HTML": faults.html, "truncated JSON": faults.truncated}
CALL_SEC = 5  # INTROSPECT_CALL_USEC
LATENCY_SEC = 2
CLIENTS, TOKENS = 64, 100
AT_ONCE, ALWAYS_MSEC = 8, 20  # who ask about one token together, and how long its answer takes
MAPPER_SEC = 10


@pytest.fixture
def asking(daemon, gate):
    """An Authd that is the client orders of its issuer, ready."""
    return begin(daemon, gate.issuer_url, fetch_url=gate.fetch_url)


def begin(daemon, url, **keys):
    secret = daemon.directory / "client-secret"
    secret.write_text("orders-secret\n")
    secret.chmod(0o600)
    lines = {"url": url, "client_id": "orders", "client_secret_file": secret, **keys}
    section = "\n".join(["[issuer holodeck]", *(f"{key} = {value}" for key, value in lines.items())])
    settings(daemon, section, POLICIES)
    return daemon.start()


def mint(provider, n=4, **order):
    return [provider.mint("orders-es256", **order) for _ in range(n)]


def set_kind(tokens, kind):
    for token in tokens:
        token.kind = kind


@pytest.mark.parametrize("failure", FAILURES)
def test_failing(row, asking, gate, provider, failure):
    """Introspection: {}; refused without a budget, lived on with one"""
    texts = mint(provider)
    strict, patient, plain = (good(texts, policy=name) for name in ("always", "always-patient", "orders"))
    forged = bad(mint(provider, forged=True), policy="always-patient")
    unseen = bad(mint(provider), policy="always-patient", phase=1)  # no answer of before to live on
    with Loop(asking, strict + patient + plain + forged + unseen, 16, 100) as loop:
        loop.phase(1)
        gate.fault(FAILURES[failure], "introspect")
        set_kind(strict, OPEN)
        gate.wait_faulted()
        loop.phase(0.3)  # what was asked before the fault
        set_kind(strict, BAD)
        loop.reasons.clear()
        loop.phase(2)
        assert loop.reasons["unavailable"], loop.reasons
        assert set(loop.reasons) <= {"valid", "unavailable", "bad_signature"}, loop.reasons
        set_kind(strict + unseen, OPEN)
        gate.heal()
        until("it is asked again", lambda: asking.verdict(texts[0], "always")[0] == "valid", 60)
        loop.phase(CALL_SEC if failure == "hung" else 0.5)
        set_kind(strict + unseen, GOOD)
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_provider_gone(row, asking, gate, provider):
    """Introspection: connections refused; refused without a budget, lived on with one"""
    texts = mint(provider)
    strict, patient, plain = (good(texts, policy=name) for name in ("always", "always-patient", "orders"))
    with Loop(asking, strict + patient + plain, 16, 200) as loop:
        loop.phase(0.5)
        set_kind(strict, OPEN)
        gate.close()
        loop.phase(0.3)
        set_kind(strict, BAD)
        loop.reasons.clear()
        loop.phase(1)
        assert loop.reasons["unavailable"], loop.reasons
    row.figures.add(loop.figures)
    row.close()


def test_ended_at_the_provider(row, asking, gate, provider):
    """Introspection: a token ended at the provider is refused at the next check"""
    texts, ended = mint(provider), mint(provider)
    with Loop(asking, good(texts + ended, policy="always"), 4, 200) as loop:
        loop.phase()
        set_kind(loop.tokens[len(texts):], OPEN)
        for text in ended:
            provider.own("revoke", {"token": text})
        loop.phase(0.1)
        set_kind(loop.tokens[len(texts):], BAD)
        loop.reasons.clear()
        loop.phase()
        assert loop.reasons["inactive"], loop.reasons
    row.figures.add(loop.figures)
    row.close()


def test_not_permitted(row, daemon, own_devidp):
    """Introspection: this client may not ask; never taken for inactive, and a mapper is enough"""
    texts = [own_devidp.mint("other") for _ in range(4)]
    with Gate(own_devidp) as gate:
        begin(daemon, gate.issuer_url, fetch_url=gate.fetch_url)
        tokens = bad(texts, policy="billing")
        with Loop(daemon, tokens, 4, 200) as loop:
            loop.phase(1)
            assert set(loop.reasons) == {"unavailable"}, loop.reasons
            assert gate.count("introspect"), "nobody was asked"
            explained = daemon.explain(texts[0], "billing")
            assert "aud" in str(explained) and "mapper" in str(explained).lower(), explained
            set_kind(tokens, OPEN)
            own_devidp.introspection_needs_audience(False)  # what an audience mapper brings about
            began = time.monotonic()
            until("the mapper works", lambda: daemon.verdict(texts[0], "billing")[0] == "valid", MAPPER_SEC)
            row.note(valid_after_mapper_s=round(time.monotonic() - began, 2))
            loop.phase(0.3)
            set_kind(tokens, GOOD)
            loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_opaque_and_lightweight(row, asking, gate, provider):
    """Introspection: opaque and lightweight tokens, the provider hung and back"""
    opaque, light = (mint(provider, **{kind: True}) for kind in ("opaque", "lightweight"))
    nobodys = bad([f"nobodys-token-{i:032}" for i in range(4)])
    tokens = good(opaque + light) + nobodys
    with Loop(asking, tokens, 8, 100) as loop:
        loop.phase(1)
        n = gate.count("introspect")
        loop.phase(0.5)
        row.note(calls_within_freshness=gate.count("introspect") - n)
        gate.fault(faults.hang, "introspect")
        loop.phase(1)  # answers of a moment ago are fresh enough
        gate.heal()
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


@pytest.mark.alone
def test_always(row, daemon, own_devidp):
    """Introspection: always, 64 clients and 100 tokens, at most one call in flight a token"""
    begin(daemon, own_devidp.issuer_url)
    own_devidp.own("fault", {"introspection": "slow", "delay_msec": ALWAYS_MSEC})
    texts = mint(own_devidp, TOKENS)
    tokens = good([text for text in texts for _ in range(AT_ONCE)], policy="always")
    with Loop(daemon, tokens, CLIENTS, 1_000_000) as loop:
        loop.phase(3)
    stats = own_devidp.stats()
    flights = stats["introspection_under_way"]
    row.note(calls=stats["introspection"], checks=loop.figures.sent, most_in_flight_a_token=flights["peak_of_a_token"],
             most_in_flight=flights["peak"])
    row.figures.add(loop.figures)
    assert stats["introspection"] >= TOKENS and flights["peak_of_a_token"] == 1, stats
    row.close()


@pytest.mark.alone
def test_latency(row, asking, gate, provider):
    """Introspection: 2 s of latency upstream, beside checks that need no upstream"""
    plain, slow = good(mint(provider)), good(mint(provider, TOKENS), policy="always")
    set_kind(slow, OPEN)  # whether an answer of 2 s is in time is not this row's question
    with Loop(asking, plain) as beside:
        beside.phase(0.5)
        beside.phase(2)
        gate.fault(faults.late(LATENCY_SEC), "introspect")
        with Loop(asking, slow, CLIENTS, 200) as waiting:
            beside.phase(0)
            waiting.phase(5)
            beside.phase(0)
    assert gate.count("introspect", faulted=True)
    quiet, slowed = beside.times[1]["p99_usec"], beside.times[3]["p99_usec"]
    row.figures.add(beside.figures)
    row.figures.add(waiting.figures)
    row.note(of_the_slow_valid=waiting.reasons["valid"], of_the_slow_unavailable=waiting.reasons["unavailable"],
             p99_quiet_usec=quiet, p99_beside_usec=slowed, p99_ratio=round(slowed / quiet, 2))
    row.close()
