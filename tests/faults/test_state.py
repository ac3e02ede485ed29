"""The state database cannot be written, is damaged, or its writer is killed: the answers go on."""

import contextlib
import http.client
import os
import random
import signal
import threading
import time

import pytest

from breaking import fetch_until, make_it_fetch, upstream
from conftest import ORDERS, issuer, mixed_tokens, settings
from gate import Gate, Namespace
from harness import is_root, part_of, until
from loop import Loop, bad, good

KILLS, KILLS_FULL = 20, 200
LIFE_SEC_MAX = 0.12  # of a daemon that is killed: from its first write on
DISK_KIB, PAGE = 512, 4096
needs_mounts = pytest.mark.skipif(not is_root(), reason="a mount namespace needs root")


@pytest.fixture
def state(daemon):
    folder = daemon.directory / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def mounts():
    one = Namespace("mnt")
    one.inside("mount", "--make-rprivate", "/")
    yield one
    one.close()


@pytest.fixture
def own_gate(own_devidp):
    with Gate(own_devidp) as one:
        yield one


def begin(daemon, gate, state):
    settings(daemon, issuer(gate), ORDERS, state_dir=state)


def rotate(devidp):
    """Another key, so that there is something to write; a token of it."""
    devidp.rotate("RS256")
    return devidp.mint("orders-rs256")


def complaints(daemon, folder):
    """Events of warning or worse that name the state folder."""
    return [event for event in daemon.log() if event["level"] in ("warning", "error") and str(folder) in str(event)]


def validates_while_dead(row, daemon, gate, tokens, seconds=0.5):
    """A restart with the provider dead: everything is judged from the snapshot."""
    gate.close()
    daemon.start()
    with Loop(daemon, tokens) as loop:
        loop.phase(seconds)
    row.figures.add(loop.figures)


@needs_mounts
def test_full_disk(row, daemon, own_gate, own_devidp, state, mounts):
    """State: disk full, then not full any more"""
    mounts.inside("mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k,mode=0700", "none", state)
    begin(daemon, own_gate, state)
    daemon.prefix = mounts.prefix()
    daemon.start()
    tokens = mixed_tokens(own_devidp)
    with Loop(daemon, tokens) as loop:
        loop.phase()
        mounts.inside("sh", "-c", f"cat /dev/zero >{state}/filler 2>/dev/null; ! echo x >>{state}/filler")
        new = rotate(own_devidp)
        row.figures.count("good", daemon.verdict(new, "orders")[1])
        until("the daemon says that it cannot write", lambda: complaints(daemon, state))
        loop.phase()
        mounts.inside("rm", f"{state}/filler")
        newer = rotate(own_devidp)
        row.figures.count("good", daemon.verdict(newer, "orders")[1])
        loop.phase()
    row.figures.add(loop.figures)
    daemon.stop()
    validates_while_dead(row, daemon, own_gate, tokens + good([new, newer]))
    row.close()


@needs_mounts
def test_read_only(row, daemon, own_gate, own_devidp, state, mounts):
    """State: read-only directory, with the provider dead and then alive"""
    begin(daemon, own_gate, state)
    daemon.start()
    daemon.stop()
    mounts.inside("mount", "--bind", state, state)
    mounts.inside("mount", "-o", "remount,bind,ro", state)
    daemon.prefix = mounts.prefix()
    tokens = mixed_tokens(own_devidp)
    validates_while_dead(row, daemon, own_gate, tokens)
    own_gate.reopen()
    with Loop(daemon, tokens) as loop:
        fetch_until(daemon, tokens[0].text, "the provider answers", lambda: upstream(daemon, True))
        row.figures.count("good", daemon.verdict(rotate(own_devidp), "orders")[1])
        loop.phase()
    row.figures.add(loop.figures)
    until("the daemon says that it cannot write", lambda: complaints(daemon, state))
    row.close()


def garbage(database):
    with open(database, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(size // 3)
        file.write(random.randbytes(size // 3))


def spoil_head(database):
    database.write_bytes(random.randbytes(PAGE) + database.read_bytes()[PAGE:])


def cut(database):
    os.truncate(database, os.stat(database).st_size // 2 + 100)


DAMAGES = {
    "garbage in the middle": garbage,
    "garbage at the start": spoil_head,
    "truncated": cut,
    "of no length": lambda database: database.write_bytes(b""),
    "not a database": lambda database: database.write_text("somebody's notes\n" * 1000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(row, daemon, gate, mixed, state, damage):
    """State: database {}"""
    begin(daemon, gate, state)
    daemon.start()
    daemon.stop()
    database = state / "state.db"
    for beside in state.glob("state.db-*"):  # a clean stop leaves none
        beside.unlink()
    DAMAGES[damage](database)
    n = len(daemon.log())
    daemon.start()
    tokens = mixed()
    with Loop(daemon, tokens) as loop:
        loop.phase()
    row.figures.add(loop.figures)
    if damage != "of no length":  # to SQLite that is a new one
        kept = [file for file in state.iterdir() if not file.name.startswith("state.db-")]
        assert len(kept) > 1, "nothing was moved aside"
        assert [event for event in daemon.log()[n:] if event["level"] in ("warning", "error") and "state" in str(event)]
    daemon.stop()
    validates_while_dead(row, daemon, gate, tokens)
    row.close()


class Distruster(threading.Thread):
    """Distrusts a kid and trusts it again, until the daemon is killed; n_done: how often it said that it was done."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.authd, self.n_done, self.trouble = daemon, 0, None
        self.start()

    def run(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self.trouble:
                for trust in (False, True):
                    answer = self.authd.post("/v1/distrust", {"issuer": "holodeck", "key": "some-kid", "trust": trust})
                    self.trouble = answer.text if answer.status != 200 else None
                    self.n_done += 1


def test_kill_9(row, daemon, own_gate, own_devidp, state, full):
    """State: kill -9 at random moments of a write"""
    tokens = mixed_tokens(own_devidp)
    distrusted = own_devidp.mint("orders-rs256")
    begin(daemon, own_gate, state)
    daemon.start()
    own_devidp.rotate("RS256")
    tokens = [one for one in tokens if part_of(one.text, 0)["alg"] != "RS256"] + good(
        own_devidp.mint("orders-rs256") for _ in range(4)
    )
    kid = part_of(distrusted, 0)["kid"]
    make_it_fetch(daemon, distrusted)
    assert daemon.post("/v1/distrust", {"issuer": "holodeck", "key": kid}).status == 200
    tokens += bad([distrusted])
    n_kills = KILLS_FULL if full else KILLS
    for _ in range(n_kills):
        writer = Distruster(daemon)
        until("it writes", lambda: writer.n_done)
        time.sleep(random.uniform(0, LIFE_SEC_MAX))  # the moment is what is random
        daemon.stop(signal.SIGKILL)
        writer.join()
        assert not writer.trouble, writer.trouble
        own_gate.close()
        daemon.start()
        _ask_each(row, daemon, tokens)
        daemon.stop(signal.SIGKILL)
        own_gate.reopen()
        daemon.start()
    assert not [file for file in state.iterdir() if not file.name.startswith("state.db")], "a kill damaged the database"
    row.note(kills=n_kills)
    row.close()


def _ask_each(row, daemon, tokens):
    for token in tokens:
        row.figures.count(token.kind, daemon.verdict(token.text, token.policy)[1])
