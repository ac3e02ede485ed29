"""Many at once, and what a login costs: 50 parallel SSH logins through the device flow, figures."""

import statistics
import threading
import time

import pytest

import acts
import realm
import settings
from acts import SHOW

pytestmark = pytest.mark.alone
LONG_SEC = 90
BROWSERS = threading.Semaphore(6)  # what a Keycloak of two cores, which hashes each password, serves in time


class Login(threading.Thread):
    """One person's: ssh, the code, the approval on the provider's pages, Enter."""

    def __init__(self, host, user):
        super().__init__()
        self.host, self.user, self.trouble = host, user, "never ended"
        self.spans = {}

    def run(self):
        began = time.monotonic()
        try:
            with self.host.ssh(self.user, SHOW, sshd="sshd-dev") as client:
                code = acts.code_shown(client, LONG_SEC)
                client.expect(acts.ENTER, seconds=LONG_SEC)
                self.spans["code"] = time.monotonic() - began
                with BROWSERS:
                    acts.approve(self.host.provider, code, self.user)
                approved = time.monotonic()
                client.send()
                acts.assert_in(client, self.user, LONG_SEC)
                self.spans["in"] = time.monotonic() - approved
            self.trouble = None
        except Exception as trouble:  # a row of fifty: each is told
            self.trouble = f"{self.user}: {trouble}"


def log_in_together(host):
    """Everybody of the crowd at once; their threads, and how long it took. None may fail."""
    everybody = [Login(host, user) for user in realm.crowd()]
    began = time.monotonic()
    for one in everybody:
        one.start()
    for one in everybody:
        one.join(2 * LONG_SEC)
    spent = time.monotonic() - began
    trouble = [one.trouble for one in everybody if one.trouble]
    assert not trouble, f"{len(trouble)} of {len(everybody)}: {trouble[0]}"
    assert len(acts.records(host.daemon, verdict="allowed", door="login")) == len(everybody)
    return everybody, spent


@pytest.mark.devidp
def test_fifty_log_in_at_the_same_time_and_none_fails(new_stack, provider, record):
    with new_stack("many") as host, settings.running(host, provider, sshds=["sshd-dev"]) as daemon:
        before = daemon.memory_kib()
        everybody, spent = log_in_together(host)
        record("50 parallel logins by ssh and device code", round(spent, 1), "s",
               "all allowed; clients, browsers, sshd and devidp on the same machine")
        record("until the code is shown, median of the 50", round(statistics.median(one.spans["code"] for one in everybody), 2), "s")
        record("from the approval to the shell, median of the 50", round(statistics.median(one.spans["in"] for one in everybody), 2), "s",
               f"polled every {realm.INTERVAL_SEC} s")
        record("the daemon's memory after them", round(daemon.memory_kib() / 1024, 1), "MB", f"before them {before / 1024:.1f} MB")


@pytest.mark.keycloak
def test_fifty_log_in_at_the_same_time_by_keycloak_and_none_fails(new_stack, provider, record):
    with new_stack("many") as host, settings.running(host, provider, sshds=["sshd-dev"]):
        _, spent = log_in_together(host)
        record("50 parallel logins by ssh and device code of Keycloak", round(spent, 1), "s", "all allowed; Keycloak on the same machine")
