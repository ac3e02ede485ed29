"""The provider answers badly or not at all; whoever has its keys goes on."""

import errno
import time

import pytest

import gate as faults
from breaking import broken, failures, fetch_until, make_it_fetch, upstream
from conftest import ORDERS, issuer, mixed_tokens, settings
from gate import Gate, Namespace
from harness import is_root
from loop import Loop, bad

ODD = {
    "500": faults.status(500),
    "503": faults.status(503),
    "HTML instead of JSON": faults.html,
    "truncated JSON": faults.truncated,
    "trickled bytes": faults.trickle,
    "no answer": faults.hang,
    "50 MB body": faults.big,
    "50 MB body, told beforehand": faults.big_and_told,
    "empty body": faults.status(200),
}
MEMORY_RISE_KIB_MAX = 8 * 1024  # beside a body of 50 MB
RETRY_AFTER_SEC = 5


def failed(authd):
    """A probe: has a call failed since now?"""
    before = failures(authd)
    return lambda: failures(authd) > before


@pytest.mark.parametrize("fault", ODD)
def test_odd_answer(row, authd, gate, mixed, fault):
    """Provider: {}"""
    had = authd.memory_kib()
    broken(row, authd, mixed, lambda: gate.fault(ODD[fault]), gate.heal, failed(authd))
    assert gate.count(faulted=True), "no question met the fault"
    if fault.startswith("50 MB"):
        row.note(RSS_rise_KiB=authd.memory_kib() - had, MB_taken=round(gate.n_big_bytes / 1e6, 1))
        assert authd.memory_kib() - had < MEMORY_RISE_KIB_MAX
        assert gate.n_big_bytes < faults.BIG_SIZE, "authd read all of it"
    row.close()


def test_stopped(row, daemon, own_devidp):
    """Provider: stopped, connections refused"""
    settings(daemon, f"[issuer holodeck]\nurl = {own_devidp.issuer_url}\n", ORDERS)
    daemon.start()
    ready = [mixed_tokens(own_devidp) for _ in range(3)]
    happened = failed(daemon)
    broken(row, daemon, lambda phase=0: [_later(token, phase) for token in ready[phase]], own_devidp.end_process,
           own_devidp.start, happened)
    daemon.wait_event(event="issuer_fetch_failed", result="unreachable")
    row.close()


def _later(token, phase):
    token.phase = phase
    return token


@pytest.mark.skipif(not is_root(), reason="a network namespace and its packet filter need root")
def test_black_hole(row, daemon, provider, mixed):
    """Provider: black-holed, packets dropped"""
    namespace = Namespace("net")
    rule = ["INPUT", "-p", "tcp", "-j", "DROP"]
    try:
        with Gate(provider, namespace) as gate:
            settings(daemon, issuer(gate), ORDERS)
            daemon.prefix = namespace.prefix()
            daemon.start()
            broken(row, daemon, mixed, lambda: namespace.inside("iptables", "-A", *rule),
                   lambda: namespace.inside("iptables", "-D", *rule), failed(daemon))
            daemon.wait_event(event="issuer_fetch_failed", result="unreachable", code=errno.ETIMEDOUT)
    finally:
        namespace.close()
    row.close()


def test_retry_after(row, authd, gate, mixed):
    """Provider: 429 with Retry-After, not asked before it is over"""
    gate.fault(faults.status(429, Retry_After=str(RETRY_AFTER_SEC)))
    tokens = mixed()
    with Loop(authd, tokens) as loop:
        fetch_until(authd, tokens[0].text, "a 429", lambda: gate.count(faulted=True))
        until_at = gate.questions[-1].at + RETRY_AFTER_SEC
        n = len(gate.questions)
        while time.monotonic() < until_at - 0.2:
            make_it_fetch(authd, tokens[0].text)
            loop.phase(0.2)
        asked_early = len(gate.questions) - n
        gate.heal()
        fetch_until(authd, tokens[0].text, "keys again", lambda: gate.count("certs", faulted=False, since=until_at))
    row.figures.add(loop.figures)
    row.note(fetches_before_it_was_over=asked_early)
    assert asked_early == 0
    row.close()


def test_redirect(row, authd, gate, provider, mixed):
    """Provider: redirect to another host, which sees nothing"""
    with Gate(provider) as elsewhere:
        broken(row, authd, mixed, lambda: gate.fault(faults.redirect(elsewhere.base_url)), gate.heal, failed(authd))
        assert gate.count(faulted=True) and elsewhere.n_connections == 0
    row.close()


def wrong_issuer(gate):
    gate.fault(faults.edited(lambda document: {**document, "issuer": "https://else.example"}), "discovery")


def test_wrong_issuer(row, authd, gate, mixed):
    """Provider: wrong issuer in discovery"""
    before = upstream(authd, False, "discovery")

    def cause():
        wrong_issuer(gate)
        gate.fault(faults.status(500), "certs")  # after that the document is read anew

    broken(row, authd, mixed, cause, gate.heal, lambda: upstream(authd, False, "discovery") > before)
    assert gate.count("discovery", faulted=True)
    row.close()


def test_wrong_issuer_at_the_start(row, daemon, gate, mixed):
    """Provider: wrong issuer in discovery, at a first start: nothing is accepted, and good again after"""
    wrong_issuer(gate)
    settings(daemon, issuer(gate), ORDERS)
    daemon.start(ready=False)
    tokens = mixed()
    row.figures.add(nothing_accepted(daemon, tokens))
    gate.wait_faulted()
    daemon.wait_event(event="issuer_fetch_failed", call="discovery")
    gate.heal()
    daemon.wait_ready(60)
    with Loop(daemon, tokens) as loop:
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def nothing_accepted(daemon, tokens):
    """Whatever is asked, no answer may be valid: without keys nothing can be known to be good."""
    with Loop(daemon, bad(token.text for token in tokens)) as loop:
        loop.phase()
    return loop.figures
