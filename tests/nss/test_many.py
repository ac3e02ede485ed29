"""A hundred thousand people in two thousand groups: how long, how much memory, how fast then."""

import time

import pytest

import table
from conftest import daemon_of, started
from test_ids import N_FULL_GROUPS, N_FULL_PEOPLE, generated
from test_people import entry
from test_processes import median

pytestmark = pytest.mark.alone

FIRST_LOOK_SEC = 300
MEMORY_MB = 400


@pytest.mark.full
def test_a_hundred_thousand_people(new_host, programs, tmp_path, record):
    with generated(programs, tmp_path, N_FULL_PEOPLE, N_FULL_GROUPS) as provider, new_host("many") as host:
        daemon = daemon_of(host, provider)
        with started(daemon, sync=False):
            before, began = daemon.memory_kib(), time.monotonic()
            daemon.sync(published=False)
            took, after = time.monotonic() - began, daemon.memory_kib()
            record("first look at 100 000 people, 2 000 groups of devidp", round(took, 1), "s",
                   "at 1000 requests a second at most")
            record("memory after 100 000", round(after / 1024), "MB", f"before it {before / 1024:.0f} MB")
            daemon.sync()
            record("the table of 100 000", round(host.path(table.TABLE).stat().st_size / 1e6, 1), "MB")
            assert took < FIRST_LOOK_SEC and after / 1024 < MEMORY_MB
            for name in {"p000001", "p050000", f"p{N_FULL_PEOPLE:06d}"} - daemon.refused():
                assert entry(host, name)[5] == f"/home/{name}"
            nsec = median(host, "direct", "passwd p050000")
            record("getpwnam among 100 000, the module alone", nsec / 1000, "us", "median, of one name")
            assert nsec < 1000
            began = time.monotonic()
            daemon.sync()
            record("a second look at 100 000", round(time.monotonic() - began, 1), "s", "nothing has changed")
            assert daemon.stop() == 0
            began = time.monotonic()
            daemon.start()
            record("a start with 100 000 in the database", round(time.monotonic() - began, 2), "s")
