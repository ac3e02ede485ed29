"""Half an hour of everything at once: rotation, reloads and a random fault every ten seconds."""

import random
import time

import pytest

import gate as faults
from breaking import fetch_until, make_it_fetch
from conftest import ORDERS, settings
from figures import BAD, GOOD, OPEN
from gate import Gate
from loop import Loop, bad, good

STEP_SEC = 10
RATE = 300
RING = 4  # keys that are published in turn, two at a time
LIFE_SEC = 4 * 3600
WARM_PART = 0.15
RSS_RISE_PERCENT_MAX = 1
FAULTS = {
    "none": None,
    "500": faults.status(500),
    "429": faults.status(429, Retry_After="2"),
    "HTML": faults.html,
    "truncated": faults.truncated,
    "trickle": faults.trickle,
    "hang": faults.hang,
    "50 MB": faults.big,
    "empty key set": faults.edited(lambda document: {**document, **({"keys": []} if "keys" in document else {})}),
    "refused": None,
}


class Ring:
    """RS256 keys of which the gate shows two at a time; each with tokens that are good while it is shown."""

    def __init__(self, devidp):
        self.tokens, self.kids = [], []
        for _ in range(RING):
            kid = devidp.rotate("RS256")
            self.kids.append(kid)
            self.tokens.append(bad(_long(devidp, "orders-rs256") for _ in range(4)))
        self.first = 0

    def shown(self):
        return {self.first, (self.first + 1) % RING}

    def hide(self, document):
        hidden = {kid for i, kid in enumerate(self.kids) if i not in self.shown()}
        return {**document, "keys": [key for key in document["keys"] if key["kid"] not in hidden]}

    def turn(self):
        """One key leaves, another comes: what they signed is in doubt until the daemon has asked."""
        self.first = (self.first + 1) % RING
        self.doubt()

    def doubt(self):
        for tokens in self.tokens:
            for token in tokens:
                token.kind = OPEN

    def settle(self):
        for i, tokens in enumerate(self.tokens):
            for token in tokens:
                token.kind = GOOD if i in self.shown() else BAD


def _long(devidp, client, **order):
    now = int(time.time())
    return devidp.mint(client, claims={"iat": now, "exp": now + LIFE_SEC}, **order)


class RingGate(Gate):
    """Shows the ring's picture of the keys, beside whatever fault there is."""

    ring = None

    def ask_provider(self, handler, body):
        if not handler.path.endswith("/certs"):
            return super().ask_provider(handler, body)
        del handler.headers["If-None-Match"]
        reply = super().ask_provider(handler, body)
        if reply.status != 200:
            return reply
        reply.headers.pop("ETag", None)
        return reply._replace(body=faults.json.dumps(self.ring.hide(faults.json.loads(reply.body))).encode())


class Course:
    """What happens in the soak, step by step."""

    def __init__(self, daemon, gate, ring, token):
        self.daemon, self.gate, self.ring, self.token = daemon, gate, ring, token
        self.began = time.monotonic()
        self.n_faults, self.n_turns, self.n_reloads = 0, 0, 0
        self.first_round = random.sample(list(FAULTS), len(FAULTS))  # each once, so that memory knows them all

    def elapsed(self):
        return time.monotonic() - self.began

    def step(self, loop):
        end = time.monotonic() + STEP_SEC
        name = self.first_round.pop() if self.first_round else random.choice(list(FAULTS))
        self.break_it(name)
        if random.random() < 0.5:
            self.ring.turn()
            self.n_turns += 1
        make_it_fetch(self.daemon, self.token)
        loop.phase(STEP_SEC / 4)
        if random.random() < 0.5:
            assert self.daemon.reload().status == 200
            self.n_reloads += 1
        loop.phase(STEP_SEC / 4)
        self.mend(name)
        loop.phase(0.3)  # what was on its way before the refresh
        self.ring.settle()
        loop.phase(max(0, end - time.monotonic()))

    def break_it(self, name):
        self.n_faults += 1
        if name == "refused":
            self.gate.close()
        elif FAULTS[name]:
            self.gate.fault(FAULTS[name])

    def mend(self, name):
        if name == "refused":
            self.gate.reopen()
        self.gate.heal()
        since = time.monotonic()
        fetch_until(self.daemon, self.token, f"keys after {name}",
                    lambda: self.gate.count("certs", faulted=False, since=since))


@pytest.mark.full
@pytest.mark.alone
def test_soak(row, daemon, own_devidp, pytestconfig):
    """Soak: rotation, reload and a random fault every 10 s"""
    seconds = pytestconfig.getoption("--soak-seconds")
    ring = Ring(own_devidp)
    steady = good(_long(own_devidp, "orders-es256") for _ in range(8))
    never = bad([own_devidp.mint("orders-es256", forged=True), own_devidp.mint("other")])
    with RingGate(own_devidp) as gate:
        gate.ring = ring
        section = f"[issuer holodeck]\nurl = {gate.issuer_url}\nfetch_url = {gate.fetch_url}\n"
        settings(daemon, section, ORDERS, log_level="warning")
        daemon.start()
        ring.settle()
        course = Course(daemon, gate, ring, steady[0].text)
        with Loop(daemon, steady + never + sum(ring.tokens, []), rate=RATE) as loop:
            warm_kib = None
            while course.elapsed() < seconds:
                course.step(loop)
                if warm_kib is None and not course.first_round and course.elapsed() > WARM_PART * seconds:
                    warm_kib = daemon.memory_kib()
        end_kib = daemon.memory_kib()
    row.figures.add(loop.figures)
    row.note(seconds=round(course.elapsed()), faults=course.n_faults, rotations=course.n_turns,
             reloads=course.n_reloads, RSS_KiB=end_kib)
    if warm_kib:  # a trial is too short to warm up
        rise = 100 * (end_kib - warm_kib) / warm_kib
        row.note(RSS_rise_percent=round(rise, 2))
        assert rise < RSS_RISE_PERCENT_MAX, f"{warm_kib} KiB after warming up, {end_kib} KiB at the end"
    row.close()
