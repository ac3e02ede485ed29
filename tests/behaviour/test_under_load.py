"""Restarts and reloads under load: a service that asks through libauthd loses no check.

The load is load_libauthd, some 1000 checks a second of one good token by 32 threads. The restarts are those
of socket activation: the listening socket stays, and a daemon starts when somebody has connected to it.
"""

import os
import select
import signal
import socket
import subprocess
import time

import pytest

from conftest import POLICIES, issuer_section
from harness import DEADLINE_SEC, die_with_parent, until

pytestmark = [pytest.mark.devidp, pytest.mark.alone]

CHECKS_A_SECOND, THREADS = 1000, 32
SLOW = "TSAN_OPTIONS" in os.environ  # the daemon and the load run under ThreadSanitizer
N_RESTARTS, N_KILLS, N_RELOADS = 20 if SLOW else 100, 20, 100
RATE_MIN = 0.1 if SLOW else 0.8  # of CHECKS_A_SECOND: a waiting thread catches up, unless it waits at the end
WORST_MSEC_MAX = 3000  # AUTHD_TIMEOUT_MS_DEFAULT
BACKLOG = 1024
# A life between two restarts. A call survives five lost connections: after a kill it must outlive libauthd's pauses.
LIFE_SEC, KILLED_LIFE_SEC = 0.05, 0.2


class Load:
    """load_libauthd on a socket; end() gives its figures."""

    def __init__(self, programs, path, token):
        program = next(iter(programs.build.rglob("load_libauthd")), None)
        assert program, f"no load_libauthd in {programs.build}: it is built with lib/"
        self.process = subprocess.Popen(
            [program, path, "orders", str(THREADS), str(CHECKS_A_SECOND)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.process.stdin.write(token)
        self.process.stdin.close()
        self.process.stdin = None

    def end(self):
        self.process.terminate()
        text, said = self.process.communicate(timeout=DEADLINE_SEC)
        assert self.process.returncode == 0, said
        words = text.split()
        return {**dict(zip(words[::2], map(int, words[1::2]))), "said": said}


class Manager:
    """systemd's part of socket activation: holds the listening socket, starts the daemon at a connection."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(daemon.socket))
        self.listening.listen(BACKLOG)

    def start_at_connection(self):
        assert select.select([self.listening], [], [], DEADLINE_SEC)[0], "nobody connected"
        with open(self.daemon.log_path, "ab") as log:  # LISTEN_PID is the daemon's: the shell becomes it
            self.daemon.process = subprocess.Popen(
                ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "manager", self.daemon.programs.authd, "--config",
                 self.daemon.config_path],
                close_fds=False,
                preexec_fn=lambda: os.dup2(self.listening.fileno(), 3),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )


@pytest.fixture
def manager(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true", log_level="warning")
    one = Manager(daemon)
    yield one
    one.listening.close()


def assert_none_lost(figures, seconds, record_property):
    record_property("figures", str(figures))
    assert figures["valid"] == figures["checks"] and figures["other"] == figures["errors"] == 0, figures
    assert figures["checks"] >= RATE_MIN * CHECKS_A_SECOND * seconds, f"no load: {figures} in {seconds} s"
    assert figures["worst_msec"] < WORST_MSEC_MAX, figures


@pytest.mark.parametrize("number, n_restarts, life_sec, code", [
    (signal.SIGTERM, N_RESTARTS, LIFE_SEC, 0),
    (signal.SIGKILL, N_KILLS, KILLED_LIFE_SEC, -signal.SIGKILL),
], ids=["restarted", "killed"])
def test_no_check_is_lost_over_restarts_by_socket_activation(manager, provider, number, n_restarts, life_sec, code,
                                                             record_property):
    daemon, token = manager.daemon, provider.token("orders-rs256", user="alice")
    began, load = time.monotonic(), Load(daemon.programs, daemon.socket, token)
    for _ in range(n_restarts):
        manager.start_at_connection()
        assert daemon.verdict(token, "orders") == ("valid", "valid")  # of this daemon: it has the only socket
        time.sleep(life_sec)  # under load: nothing is waited for
        assert daemon.stop(number) == code
    manager.start_at_connection()
    assert daemon.verdict(token, "orders") == ("valid", "valid")
    assert_none_lost(load.end(), time.monotonic() - began, record_property)


def test_no_check_is_lost_over_100_reloads(authd, provider, record_property):
    token = provider.token("orders-rs256", user="alice")
    began, load = time.monotonic(), Load(authd.programs, authd.socket, token)
    for i in range(N_RELOADS):
        extra = f"[policy number-{i}]\naudience = orders\n"
        authd.write(issuer_section(provider), POLICIES, extra, allow_development_issuers="true", log_level="warning")
        assert authd.reload().status == 200
        assert authd.verdict(token, f"number-{i}") == ("valid", "valid")
    until("some load after the last reload", lambda: time.monotonic() - began > 1)
    assert_none_lost(load.end(), time.monotonic() - began, record_property)
