"""The host's clock jumps while everybody asks. What is good is judged by the clock that the daemon has."""

import time
from pathlib import Path

import pytest

from conftest import ORDERS, issuer, sanitized, settings
from figures import BAD, GOOD, OPEN
from harness import until
from loop import Loop, bad

DAY_SEC = 24 * 3600
LIFE_SEC = 600
DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def libfaketime():
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class Clock:
    """The daemon's wall clock, by a file that libfaketime reads at each question for the time."""

    def __init__(self, daemon):
        self.file = daemon.directory / "clock"
        self.move(0)
        daemon.environment = {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, days):
        part = self.file.with_suffix(".part")
        part.write_text(f"{days:+d}d\n" if days else "+0\n")
        part.replace(self.file)


def _life(day):
    begin = int(time.time()) + day * DAY_SEC - 10
    return {"iat": begin, "exp": begin + LIFE_SEC}


def of_day(provider, day, n=4):
    return [provider.mint(("orders-rs256", "orders-es256")[i % 2], claims=_life(day)) for i in range(n)]


def days_in_log(daemon):
    return {event["ts"][:10] for event in daemon.log()}


@pytest.mark.skipif(sanitized(), reason="libfaketime and a sanitizer both want to be loaded first")
@pytest.mark.skipif(not libfaketime(), reason="no libfaketime here")
@pytest.mark.parametrize("jump", [+1, -1], ids=["a day ahead", "a day back"])
def test_jump(row, daemon, gate, provider, jump):
    """Clock: {} and back again"""
    clock = Clock(daemon)
    settings(daemon, issuer(gate), ORDERS)
    daemon.start()
    tokens = {day: bad(of_day(provider, number)) for day, number in DAYS.items()}
    never = bad(provider.mint("orders-rs256", forged=True, claims=_life(number)) for number in DAYS.values())
    with Loop(daemon, [*sum(tokens.values(), []), *never]) as loop:
        for days in (0, jump, 0):
            for token in sum(tokens.values(), []):
                token.kind = OPEN  # while the clock moves
            clock.move(days)
            loop.phase(0.2)
            for day, number in DAYS.items():
                for token in tokens[day]:
                    token.kind = GOOD if number == days else BAD
            loop.phase(1)
            until("the daemon's log has that day", lambda: _date(days) in days_in_log(daemon))
    row.figures.add(loop.figures)
    row.close()


def _date(days):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY_SEC))
