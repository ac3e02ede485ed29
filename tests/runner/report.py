"""report: what a suite came to, how it is told to people, and the one line at the end.

An Outcome is the only thing that suites hand back. A suite that could not start is one failure.
"""

import sys
import time
from dataclasses import dataclass, field

WHY_LINES_MAX = 12  # of a failure's text; the log has the rest
SKIPS_PER_REASON_MAX = 5  # names listed for one reason


@dataclass
class Outcome:
    """What one suite came to: a count of passes, and a (name, text) for each failure and skip."""

    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips
        return self

    def counts(self):
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f", {len(self.skips)} skipped" if self.skips else "")


def could_not_start(what, why, remedy):
    return Outcome(failures=[(what, f"{why}\nWhat to do: {remedy}")])


class Progress:
    """One line that lives on a terminal; plain lines, start and end of a step, in a pipe."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.began = time.monotonic()

    def elapsed(self):
        return f"[{int(time.monotonic() - self.began):4d} s]"

    def line(self, text):
        clear = "\r\x1b[K" if self.live else ""
        print(f"{clear}{self.elapsed()} {text}", flush=True)

    def tick(self, text):
        if self.live:
            print(f"\r\x1b[K{self.elapsed()} {text[:90]}", end="", flush=True)


def indent(text):
    lines = text.rstrip().splitlines()
    cut = [f"… {len(lines) - WHY_LINES_MAX} more lines above"] if len(lines) > WHY_LINES_MAX else []
    return "\n".join("      " + line for line in cut + lines[-WHY_LINES_MAX:])


def print_failures(outcomes):
    for suite, outcome in outcomes:
        for name, why in outcome.failures:
            print(f"FAILED {suite}: {name}\n{indent(why)}")


def print_skips(outcomes):
    for suite, outcome in outcomes:
        by_reason = {}
        for name, reason in outcome.skips:
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            more = len(names) - SKIPS_PER_REASON_MAX
            listed = ", ".join(names[:SKIPS_PER_REASON_MAX]) + (f" and {more} more" if more > 0 else "")
            print(f"skipped {suite}: {listed}: {reason}")


def close(outcomes):
    """Prints everything that is not well, a row a suite, and the closing line; gives the exit code."""
    total = Outcome()
    for _, outcome in outcomes:
        total.add(outcome)
    print()
    print_failures(outcomes)
    print_skips(outcomes)
    for suite, outcome in outcomes:
        print(f"  {suite:20s} {outcome.counts()}")
    print(total.counts(), flush=True)
    return 1 if total.failures or not total.passed else 0
