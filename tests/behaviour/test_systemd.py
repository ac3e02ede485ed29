"""The service: what is installed, what systemd's own tools say of it, and what the manager is told.

No manager runs here: its side of the socket hand-over and of sd_notify(3) is systemd-socket-activate and a
datagram socket of ours.
"""

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from conftest import issuer_section
from harness import die_with_parent, is_root, until

pytestmark = pytest.mark.provider_free

STATIC = "[issuer far]\nurl = http://127.0.0.1:9/realms/far\n"
DEFAULT = "[policy default]\naudience = orders\n"
SOURCE = Path(__file__).resolve().parents[2]
EXPOSURE_MAX = 20  # tenths: systemd-analyze security must say at most 2.0
WATCHDOG_USEC = 200_000
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def run(*argv):
    return subprocess.run([str(part) for part in argv], capture_output=True, text=True, timeout=60, check=False)


def said(done):
    return done.stdout + done.stderr


# What is installed.

@pytest.fixture(scope="module")
def installed(programs, tmp_path_factory):
    """The root of a `meson install` of the build under test."""
    root = tmp_path_factory.mktemp("root")
    done = run("meson", "install", "-C", programs.build, "--no-rebuild", "--destdir", root)
    assert done.returncode == 0, said(done)
    return root


def find(root, name):
    found = [path for path in root.rglob(name) if path.is_file()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def program(root, name):
    """The program of that name: other folders may have a file of the same name (authd's PAM profile)."""
    found = [path for path in root.rglob(f"*bin/{name}") if os.access(path, os.X_OK)]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def on_host(path, root):
    """A path below the installed root, as it is once installed."""
    return Path("/") / path.relative_to(root)


@pytest.mark.parametrize("name", ["authd.service", "authd.socket", "authd.8", "authctl.1", "authd.conf.5",
                                  "authd.conf.example"])
def test_it_is_installed(installed, name):
    assert find(installed, name)


@pytest.mark.parametrize("name", ["authd", "authctl"])
def test_the_program_is_installed(installed, name):
    assert program(installed, name)


def test_the_unit_starts_the_daemon_that_is_installed_with_the_settings_beside_the_example(installed):
    unit = find(installed, "authd.service").read_text()
    settings = on_host(find(installed, "authd.conf.example"), installed).with_suffix("")
    assert f"ExecStart={on_host(program(installed, 'authd'), installed)} --config={settings}\n" in unit
    assert f"ExecReload={on_host(program(installed, 'authctl'), installed)} reload\n" in unit


@pytest.fixture
def units(installed, tmp_path):
    """Copies of the units whose programs exist: verify looks for them on this host."""
    for name in ("authd.service", "authd.socket"):
        text = find(installed, name).read_text()
        for command in ("authd", "authctl"):
            path = program(installed, command)
            text = text.replace(f"={on_host(path, installed)} ", f"={path} ")
        (tmp_path / name).write_text(text)
    return tmp_path


def verify(folder):
    return run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", folder / "authd.service",
               folder / "authd.socket")


def test_systemd_verifies_the_units(units):
    done = verify(units)
    assert done.returncode == 0 and "authd" not in said(done), said(done)


@pytest.mark.parametrize("line, complaint", [
    ("WatchdogSec=fast", "fast"), ("Typo=yes", "Typo"), ("SystemCallFilter=@odd", "@odd"),
])
def test_verify_would_tell_a_wrong_line(units, line, complaint):
    """Each systemd has words of its own; all name what they did not understand."""
    unit = units / "authd.service"
    unit.write_text(unit.read_text().replace("\n[Service]\n", f"\n[Service]\n{line}\n"))
    assert complaint in said(verify(units))


def security(unit):
    return run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)


def test_systemd_finds_little_exposed(installed):
    done = security(find(installed, "authd.service"))
    assert done.returncode == 0, said(done)


def test_systemd_would_tell_if_the_hardening_went_away(units):
    unit = units / "authd.service"
    kept = [line for line in unit.read_text().splitlines() if not line.startswith(("SystemCallFilter", "Protect"))]
    unit.write_text("\n".join(kept) + "\n")
    assert security(unit).returncode != 0


def call_names(set_name):
    """The system calls of a set of systemd.exec(5), sets within it resolved."""
    lines = run("systemd-analyze", "syscall-filter", set_name).stdout.splitlines()[1:]
    words = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {name for word in words for name in (call_names(word) if word.startswith("@") else [word])}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_system_calls_of_a_whole_life_pass_the_units_filter(daemon, provider):
    """Start, fetch, judge, distrust, reload, stop. Refused by EPERM there is only what needs a right."""
    calls = daemon.directory / "calls"
    token = provider.token("orders-rs256")
    daemon.write(issuer_section(provider), DEFAULT, allow_development_issuers="true")
    # GLib's thread pools try whether threads may be given a schedule; here as under the unit they may not.
    refused = "-e inject=sched_setattr:error=EPERM"
    real, daemon.programs.authd = daemon.programs.authd, str(daemon.directory / "traced")
    Path(daemon.programs.authd).write_text(f'#!/bin/sh\nexec strace -D -f -qq {refused} -o {calls} {real} "$@"\n')
    Path(daemon.programs.authd).chmod(0o755)
    try:
        daemon.start()
    finally:
        daemon.programs.authd = real
    assert daemon.verdict(token) == ("valid", "valid")
    assert daemon.authctl("distrust", "holodeck", "k").returncode == 0
    assert daemon.reload().status == 200
    assert daemon.stop() == 0
    until("strace wrote the last call", lambda: "exit_group(0" in calls.read_text())
    used = {words[1].partition("(")[0] for words in map(str.split, calls.read_text().splitlines()) if "(" in words[1]}
    allowed = call_names("@system-service") - call_names("@privileged") - call_names("@resources")
    # strace's wrapper execs before there is a filter; the others are tries whose failure changes nothing. SQLite
    # gives what it makes to the database's owner only if it is root, which the unit is not.
    tries = {"execve", "prlimit64", "sched_setattr"} | ({"fchown"} if is_root() else set())
    assert used >= {"accept4", "epoll_wait", "socket", "fdatasync"}
    assert used - allowed - tries == set()


def test_sysusers_makes_the_user_and_the_group(installed, tmp_path):
    (tmp_path / "etc").mkdir()
    done = run("systemd-sysusers", f"--root={tmp_path}", next(installed.rglob("sysusers.d/authd.conf")))
    if not is_root():
        pytest.skip("systemd-sysusers --root writes as root only")
    assert done.returncode == 0, said(done)
    users = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    assert [(user[0], user[5], user[6]) for user in users] == [("authd", "/var/lib/authd", "/usr/sbin/nologin")]
    groups = [line.split(":")[0] for line in (tmp_path / "etc/group").read_text().splitlines()]
    assert sorted(groups) == ["authd", "authd-admin"]


@pytest.mark.skipif(not is_root(), reason="chown to another user needs root")
def test_tmpfiles_makes_the_sockets_folder(installed, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nauthd:x:977:978::/:/bin/false\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nauthd:x:978:\n")
    # --create alone, below a root of its own: never --clean or --remove.
    done = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", next(installed.rglob("tmpfiles.d/authd.conf")))
    assert done.returncode == 0, said(done)
    folder = (tmp_path / "run/authd").stat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o755, 977, 978)


def test_the_example_settings_are_right(programs):
    done = run(programs.authd, "--config", SOURCE / "docs/authd.conf.example", "--check-config")
    assert done.returncode == 0 and "ok (1 issuers, 1 policies)" in done.stdout, said(done)


def test_a_line_of_the_example_uncommented_is_right(programs, tmp_path):
    """All of them at once, but those that need a file or exclude each other. The secrets are credentials."""
    lines = (SOURCE / "docs/authd.conf.example").read_text().splitlines()
    left_out = ("# ca_file", "# keys_file", "# client_auth", "# client_key", "# client_cert", "# fetch_token_file")
    on = [line[2:] if (" = " in line or line.startswith("# [")) and line.startswith("# ")
          and not line.startswith(left_out) else line for line in lines]
    (tmp_path / "authd.conf").write_text("\n".join(on) + "\n")
    for name in ("holodeck", "grafana"):
        (tmp_path / name).write_text("a secret of some length\n")
        (tmp_path / name).chmod(0o400)
    done = run("env", f"CREDENTIALS_DIRECTORY={tmp_path}", programs.authd, "--config", tmp_path / "authd.conf",
               "--check-config")
    assert done.returncode == 0, said(done)
    assert len([line for line in on if " = " in line]) > 15


# What the manager is told.

class Manager:
    """The manager's end of sd_notify(3)."""

    def __init__(self, folder):
        self.path = Path(folder) / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.socket.setblocking(False)
        self.messages = []

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": str(self.path), **more}

    def receive(self):
        """What has come so far, as a list of dicts."""
        try:
            while True:
                text = self.socket.recv(4096).decode()
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))
        except BlockingIOError:
            return self.messages

    def wait(self, key, after=0):
        """The index of the first message with that key that came after so many others."""
        def find():
            found = [i for i, message in enumerate(self.receive()) if i >= after and key in message]
            return found[0] + 1 if found else None
        return until(f"{key} among {self.messages}", find) - 1


@pytest.fixture
def manager(daemon):
    one = Manager(daemon.directory)
    yield one
    one.socket.close()


def test_ready_reloading_ready_stopping_in_this_order(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False, env=manager.environment())
    ready = manager.wait("READY")
    before_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    daemon.process.send_signal(signal.SIGHUP)
    again = manager.wait("READY", after=ready + 1)
    assert daemon.stop() == 0
    manager.wait("STOPPING")
    keys = [sorted(message) for message in manager.messages]
    assert keys == [["READY"], ["MONOTONIC_USEC", "RELOADING"], ["READY"], ["STOPPING"]]
    after_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before_usec <= int(manager.messages[again - 1]["MONOTONIC_USEC"]) <= after_usec


def test_a_reload_of_wrong_settings_ends_too(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False, env=manager.environment())
    ready = manager.wait("READY")
    daemon.write(STATIC, "[policy default]\naudence = orders\n")
    daemon.process.send_signal(signal.SIGHUP)
    manager.wait("READY", after=ready + 1)
    assert [sorted(message) for message in manager.messages][-2:] == [["MONOTONIC_USEC", "RELOADING"], ["READY"]]
    assert daemon.check("no.such.token")[1]["reason"] == "malformed"


def test_ready_comes_when_it_answers_not_when_the_issuer_does(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.spawn(env=manager.environment())
    manager.wait("READY")
    assert daemon.get("/livez").status == 200 and daemon.get("/readyz").status == 503


def test_wrong_settings_are_never_ready(daemon, manager):
    daemon.write(STATIC, "[policy default]\naudence = orders\n")
    assert daemon.spawn(env=manager.environment()).wait(15) == 78
    assert manager.receive() == []


def test_the_watchdog_is_fed_in_time(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False, env=manager.environment(WATCHDOG_USEC=str(WATCHDOG_USEC)))
    first = manager.wait("WATCHDOG")
    started = time.monotonic()
    manager.wait("WATCHDOG", after=manager.wait("WATCHDOG", after=first + 1) + 1)
    assert time.monotonic() - started < 2 * WATCHDOG_USEC / 1e6 + 1  # two of them; a loaded machine may be late


def test_the_watchdog_is_not_fed_unasked(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False, env=manager.environment())
    daemon.stop()
    assert not [message for message in manager.receive() if "WATCHDOG" in message]


def threads(daemon, name):
    tasks = Path(f"/proc/{daemon.pid}/task").iterdir()
    return sorted(int(task.name) for task in tasks if (task / "comm").read_text().startswith(name))


@pytest.mark.skipif(not is_root(), reason="stopping one thread of a process that nobody may trace needs root")
def test_a_worker_that_hangs_ends_the_watchdogs_food(daemon, manager):
    daemon.write(STATIC, DEFAULT)
    daemon.start(ready=False, env=manager.environment(WATCHDOG_USEC=str(WATCHDOG_USEC)))
    manager.wait("WATCHDOG")
    worker = threads(daemon, "worker")[0]
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.ptrace(PTRACE_ATTACH, worker, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(worker, 0x40000000)  # __WALL: a thread is no child of ours
    manager.receive()
    n_before = len(manager.messages)
    time.sleep(5 * WATCHDOG_USEC / 1e6)  # nothing can be waited for: that nothing comes is the point
    n_while = len(manager.receive())
    libc.ptrace(PTRACE_DETACH, worker, None, None)
    assert n_while - n_before <= 1  # one may have been on its way
    manager.wait("WATCHDOG", after=n_while)


# Socket activation.

@pytest.fixture
def activated(daemon):
    """authd behind a socket that systemd-socket-activate holds; it starts at the first question."""
    daemon.write(STATIC, DEFAULT, socket=daemon.directory / "not-this-one.sock")
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen(
            ["systemd-socket-activate", f"--listen={daemon.socket}", daemon.programs.authd, "--config",
             daemon.config_path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            preexec_fn=die_with_parent)
    until("the socket is there", daemon.socket.exists)
    return daemon


def test_the_first_question_starts_it_and_is_answered(activated):
    assert "started" not in activated.log_text()
    assert activated.check("no.such.token")[1]["reason"] == "malformed"
    assert "authd is up" in activated.log_text()
    assert not (activated.directory / "not-this-one.sock").exists()


def test_a_socket_of_the_managers_stays_when_it_stops(activated):
    assert activated.get("/livez").status == 200
    assert activated.stop() == 0
    assert activated.socket.exists()


def test_what_is_asked_during_a_restart_waits_for_the_answer(daemon, tmp_path):
    """The manager's part is ours: one listening socket, handed to two daemons one after the other."""
    daemon.write(STATIC, DEFAULT)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(daemon.socket))
        listening.listen(64)

        def start():
            with open(daemon.log_path, "ab") as log:  # LISTEN_PID is the daemon's: the shell becomes it
                daemon.process = subprocess.Popen(
                    ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "manager", daemon.programs.authd, "--config",
                     daemon.config_path], close_fds=False, preexec_fn=lambda: os.dup2(listening.fileno(), 3), stderr=log)

        start()
        assert daemon.get("/livez").status == 200
        assert daemon.stop() == 0
        waiting = daemon.connection()
        waiting.request("GET", "/livez")  # accepted by the kernel, nobody reads yet
        start()
        assert waiting.getresponse().status == 200


# Credentials.

SECRET_ISSUER = STATIC + "client_id = authd\nclient_secret_file = credential:holodeck\n"


def check_with_credentials(daemon, folder):
    environment = {**os.environ, **({"CREDENTIALS_DIRECTORY": str(folder)} if folder else {})}
    return subprocess.run([daemon.programs.authd, "--config", daemon.config_path, "--check-config"],
                          env=environment, capture_output=True, text=True, timeout=15, check=False)


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_credential_is_the_client_secret(daemon, tmp_path, mode):
    """systemd makes it 0400; with an ACL for the unit's user the group's bits show the mask."""
    (tmp_path / "holodeck").write_text("the secret\n")
    (tmp_path / "holodeck").chmod(mode)
    daemon.write(SECRET_ISSUER, DEFAULT)
    done = check_with_credentials(daemon, tmp_path)
    assert done.returncode == 0, said(done)


def test_a_credential_that_the_unit_does_not_load_is_named_with_what_to_do(daemon, tmp_path):
    daemon.write(SECRET_ISSUER, DEFAULT)
    absent, none = check_with_credentials(daemon, tmp_path), check_with_credentials(daemon, None)
    assert absent.returncode == 78 and "holodeck" in absent.stderr
    assert none.returncode == 78 and "LoadCredential=holodeck:" in none.stderr
