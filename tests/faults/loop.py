"""loop: tokens that ask for themselves, again and again, while something breaks.

A Loop is one checking_loop process. Its phases follow each other without a pause in the asking; what
was told in a phase is judged by the kinds that the tokens have when it ends.
"""

import base64
import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass

import harness
from figures import BAD, GOOD, Figures

KID_GROUPS = 8  # STRANGER_GROUPS of checking_loop.c
RATE = 600  # checks a second: enough to meet any moment, little enough for several rows side by side
N_CONNECTIONS = 4


@dataclass
class Token:
    text: str
    kind: str  # of figures
    policy: str = "orders"
    phase: int = 0  # asked from this phase on: so that some are new while the fault lasts
    method: str = "-"
    offset: int = -1

    def line(self):
        return f"{self.phase} {self.policy} {self.method} {self.offset} {self.text}\n"


def good(texts, **more):
    return [Token(text, GOOD, **more) for text in texts]


def bad(texts, **more):
    return [Token(text, BAD, **more) for text in texts]


def stranger(text, **more):
    """Unsigned garbage in a good token's shape: each question names a kid that nobody ever saw."""
    start = '{"alg":"RS256","typ":"JWT","kid":"'
    start += "-" * (-len(start) % 3)
    head = f'{start}{"x" * 3 * KID_GROUPS}"}}'
    encoded = base64.urlsafe_b64encode(head.encode()).rstrip(b"=").decode()
    return Token(".".join([encoded, *text.split(".")[1:]]), BAD, offset=len(start) // 3 * 4, **more)


class Loop:
    """with Loop(...) as loop: loop.phase(…) …; figures are what all phases came to."""

    def __init__(self, authd, tokens, n_connections=N_CONNECTIONS, rate=RATE):
        self.tokens, self.figures, self.times, self.reasons = tokens, Figures(), [], Counter()
        program = next(iter(authd.programs.build.rglob("checking_loop")), None)
        assert program, f"no checking_loop in {authd.programs.build}: it is built with tests/faults"
        self.process = subprocess.Popen(
            [program, str(authd.socket), str(n_connections), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=harness.die_with_parent,
        )
        self.process.stdin.write("".join(token.line() for token in tokens) + "\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def phase(self, seconds=0.5):
        """Lets the asking go on for a while; gives this phase's Figures and the next begins."""
        time.sleep(seconds)  # under load: nothing is waited for
        self.process.stdin.write("mark\n")
        self.process.stdin.flush()
        return self._judge(self.process.stdout.readline())

    def end(self):
        """Everything asked is answered or given up."""
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        line = self.process.stdout.readline()
        trouble = self.process.stderr.read()
        assert self.process.wait(harness.DEADLINE_SEC) == 0, trouble
        self._judge(line)

    def _judge(self, line):
        assert line, self.process.stderr.read()
        told, figures = json.loads(line), Figures()
        for token, answers in zip(self.tokens, told.pop("tokens")):
            for reason, n in answers.items():
                figures.count(token.kind, reason, n)
                self.reasons[reason] += n
        self.figures.add(figures)
        self.times.append(told)
        return figures
