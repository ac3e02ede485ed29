"""A boot by hand, in a bare Debian of its own: nothing that looks up an account waits for the daemon.

The order is systemd's: early programs, then the manager's socket with no daemon behind it, then the
daemon, which is handed that socket. The manager itself is not run: as first process it would make
control groups in the machine's own hierarchy. What it does that matters here is done in its place, by
its own programs (systemd-tmpfiles, systemd-sysusers, userdbctl) or by a process that is the first of
its namespace. Chosen of systemd's two ways is the NSS module; there is no varlink service of ours, and
the last row shows that userdb finds the people through NSS (whose memberships it learns by enumeration
alone, so `userdbctl groups-of-user` shows none of them).
"""

import os
import socket
import subprocess
import time

import pytest

import host as hosts
import table
import tree
from conftest import daemon_of, started
from harness import until
from probe import ERROR, FOUND, NONE, Probe, ask_once, parse

pytestmark = pytest.mark.alone

DEADLINE_SEC = 0.2
SLACK_SEC = 0.3
EARLY_SEC = 3  # for a whole program of early boot that asks for many
N_OWNERS = 20
NOBODY_YET = "".join(f"d /run/early{n} 0755 person{n} team{n} -\n" for n in range(N_OWNERS))
LISTEN_FD = 3


@pytest.fixture(scope="module")
def lower():
    try:
        return str(tree.tree())
    except (tree.NoTree, subprocess.TimeoutExpired) as trouble:
        pytest.fail(f"no tree to boot: {trouble}; a mirror of {tree.release()} must be reachable once")


@pytest.fixture
def bare(new_host, lower):
    """The tree at its start: nsswitch.conf as documented, /run empty, nobody listens."""
    with new_host("bare", lower=lower, passwd="files systemd authd") as one:
        yield one


@pytest.fixture
def manager_socket(bare):
    """authd.socket is up, as the manager makes it: root's, a backlog, nobody behind."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(bare.path(hosts.SOCKET)))
        one.listen(4096)
        bare.path(hosts.SOCKET).chmod(0o666)
        yield one


def timed(host, *argv, **options):
    began = time.monotonic()
    done = host.run(*argv, **options)
    return done, time.monotonic() - began


def as_first_process(host, *questions):
    """Asks as process 1 of a namespace of its own."""
    done = host.run("unshare", "--pid", "--fork", "nss_probe", "ask", input="".join(f"{one}\n" for one in questions))
    assert done.returncode == 0, done.stderr
    return [parse(line) for line in done.stdout.splitlines()]


def assert_bounded(told):
    """The first may cost the deadline, the others of the same second nothing."""
    assert told[0].usec <= (DEADLINE_SEC + SLACK_SEC) * 1e6, told
    assert all(one.usec <= SLACK_SEC * 1e6 for one in told[1:]), told


# Before anything listens.


def test_before_the_socket_early_programs_do_not_wait(bare):
    bare.write("/etc/tmpfiles.d/early.conf", NOBODY_YET)
    _, took = timed(bare, "systemd-tmpfiles", "--create", "/etc/tmpfiles.d/early.conf")
    assert took <= EARLY_SEC
    done, took = timed(bare, "systemd-sysusers")
    assert done.returncode == 0 and took <= EARLY_SEC, done.stderr


def test_before_the_socket_the_first_process_does_not_wait(bare):
    told = as_first_process(bare, "passwd ada", "group eng-platform", "groups daemon", "passwd root")
    assert [one.result for one in told] == [ERROR, ERROR, FOUND, FOUND]
    assert_bounded(told)


# The manager's socket listens, the daemon is not there yet.


def test_the_first_process_cannot_be_held_by_a_socket_that_nobody_serves(bare, manager_socket):
    told = as_first_process(bare, "passwd ada", "passwd bea", "group eng-platform", "passwd root")
    assert [one.result for one in told] == [ERROR, ERROR, ERROR, FOUND]
    assert_bounded(told)


def test_early_programs_cannot_be_held_by_a_socket_that_nobody_serves(bare, manager_socket):
    """Twenty owners and twenty groups that are nobody yet: one deadline a second, not forty."""
    bare.write("/etc/tmpfiles.d/early.conf", NOBODY_YET)
    _, took = timed(bare, "systemd-tmpfiles", "--create", "/etc/tmpfiles.d/early.conf")
    assert took <= EARLY_SEC, took


def test_the_daemons_own_user_is_found_without_asking_the_daemon(bare, manager_socket):
    """What the manager does for User=authd, SupplementaryGroups= and the like before it starts us."""
    done = bare.run("strace", "-f", "-e", "trace=connect", "getent", "passwd", hosts.AUTHD_USER)
    assert done.stdout.startswith(f"{hosts.AUTHD_USER}:") and hosts.SOCKET not in done.stderr, done.stderr
    ids = [f"--reuid={hosts.AUTHD_USER}", f"--regid={hosts.AUTHD_USER}", "--init-groups"]
    done, took = timed(bare, "setpriv", *ids, "true")
    assert done.returncode == 0, done.stderr
    assert took <= DEADLINE_SEC + SLACK_SEC, "initgroups asks every source, once"


def test_a_whole_login_shell_of_root_starts_while_nobody_serves(bare, manager_socket):
    done, took = timed(bare, "bash", "-lc", "ls -l / >/dev/null; id; echo ~root; echo ~ada")
    assert "uid=0(root)" in done.stdout and "/root\n~ada\n" in done.stdout, done
    assert took <= EARLY_SEC


def test_many_early_programs_at_once_wait_side_by_side_not_in_turn(bare, manager_socket):
    script = "for n in $(seq 100); do getent passwd person$n & done; wait"
    _, took = timed(bare, "bash", "-c", script)
    assert took <= EARLY_SEC, took


# The daemon comes.


@pytest.fixture
def handed(bare, manager_socket, provider):
    """The daemon with the manager's socket as descriptor 3."""
    daemon = daemon_of(bare, provider)
    daemon.spawn = lambda **_: spawn_with_socket(daemon, manager_socket)
    return daemon


def spawn_with_socket(daemon, listener):
    def give():
        hosts.harness.die_with_parent()
        os.dup2(listener.fileno(), LISTEN_FD)

    # LISTEN_PID is the daemon's, which a shell that becomes it knows.
    words = " ".join([*daemon.as_its_user(), "/usr/sbin/authd --config /etc/authd/authd.conf"])
    start = f"LISTEN_PID=$$ LISTEN_FDS=1 exec {words}"
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen(
            [*daemon.host.prefix(), "sh", "-c", start], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            preexec_fn=give, pass_fds=[LISTEN_FD, listener.fileno()], env={"PATH": hosts.PATH},
        )
    return daemon.process


def test_then_the_daemon_comes_and_who_has_asked_before_is_answered(bare, handed):
    with Probe(bare) as early:
        assert early.ask("passwd ada").result == ERROR
        with started(handed):
            until("the process of early boot is answered", lambda: early.ask("passwd ada").result == FOUND, 3)
            assert early.ask("passwd nobody-here").result == NONE
            assert bare.getent("passwd", "bea").startswith("bea:")


def test_questions_that_wait_in_the_backlog_are_no_harm_to_the_daemon(bare, handed):
    """Those who asked and went away again are still in the queue when it starts."""
    bare.run("bash", "-c", "for n in $(seq 300); do getent passwd person$n & done; wait")
    with started(handed):
        assert ask_once(bare, "passwd ada").result == FOUND


def test_a_daemon_whose_provider_is_away_from_the_first_boot_on_cannot_be_asked(bare, handed, provider):
    """Never filled: nothing is "not found"."""
    bare.reach(provider).sever()
    try:
        handed.start(ready=False)
        told = ask_once(bare, "passwd ada", "passwd root")
        assert [one.result for one in told] == [ERROR, FOUND]
        assert_bounded(told)
    finally:
        handed.end()


def test_a_second_boot_without_the_provider_knows_everybody(bare, handed, provider):
    with started(handed):
        before = ask_once(bare, "passwd ada")
    bare.reach(provider).sever()
    bare.run("sh", "-c", f"rm -f {table.TABLE}")  # /run is empty after a boot
    handed.spawn()
    try:
        until("they are there again", lambda: ask_once(bare, "passwd ada").result == FOUND, 10)
        assert ask_once(bare, "passwd ada").text == before.text
    finally:
        handed.end()


def test_systemds_userdb_finds_the_people_through_nss(bare, handed):
    if not bare.path("/usr/bin/userdbctl").exists():
        pytest.skip("this release has no userdbctl")
    with started(handed):
        done = bare.run("userdbctl", "user", "ada")
        uid = ask_once(bare, "passwd ada").text.split(":")[2]
        assert "ada" in done.stdout and uid in done.stdout, done.stdout + done.stderr
        done = bare.run("userdbctl", "group", "eng-platform")
        assert "eng-platform" in done.stdout, done.stdout + done.stderr
