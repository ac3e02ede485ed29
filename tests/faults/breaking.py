"""breaking: how a row goes: well, broken, well again, and the checks never stop."""

import time

import harness
from loop import Loop

BEFORE_SEC, BROKEN_SEC, AFTER_SEC = 0.5, 1.5, 0.5
RECOVERY_SEC = 60  # the longest pause between two attempts


def upstream(authd, ok, call="keys"):
    """How many calls ended well, or otherwise."""
    return sum(
        value
        for name, value in authd.metrics().items()
        if name.startswith("authd_upstream_calls_total") and f'call="{call}"' in name and ('result="ok"' in name) == ok
    )


def failures(authd):
    return upstream(authd, False) + upstream(authd, False, "discovery")


def make_it_fetch(authd, token):
    """A token with a key that nobody knows: authd asks the provider for it at once."""
    answer = authd.check(harness.with_header(token, kid=f"wanted-{time.monotonic_ns()}"), "orders")
    assert answer[1]["verdict"] != "valid", answer


def fetch_until(authd, token, what, probe, seconds=RECOVERY_SEC):
    def asked():
        if probe():
            return True
        make_it_fetch(authd, token)
        return probe()

    harness.until(what, asked, seconds)


def broken(row, authd, mixed, cause, cure, happened, seconds=BROKEN_SEC):
    """The whole course; happened() becomes true once the fault was met. Gives what was told while it lasted."""
    tokens = mixed() + mixed(phase=1) + mixed(phase=2)
    any_token = tokens[0].text
    with Loop(authd, tokens) as loop:
        loop.phase(BEFORE_SEC)
        cause()
        fetch_until(authd, any_token, f"{row.name}: the fault is met", happened)
        during = loop.phase(seconds)
        well = upstream(authd, True)
        cure()
        fetch_until(authd, any_token, f"{row.name}: the provider answers again", lambda: upstream(authd, True) > well)
        loop.phase(AFTER_SEC)
    row.figures.add(loop.figures)
    return during
