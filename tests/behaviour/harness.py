"""harness: an authd in a folder of its own, and what a test asks of it.

Nothing here sleeps for a guessed time: until() polls for an event and fails at its deadline with a
sentence that says what did not happen.
"""

import base64
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

DEADLINE_SEC = 15  # for whatever should happen at once; generous for a loaded machine
STOP_GRACE_SEC = 2
POLL_SEC = 0.02
ANSWER_TIMEOUT_SEC = 10
PR_SET_PDEATHSIG = 1
NOBODY = 65534


def until(what, probe, seconds=DEADLINE_SEC):
    """Calls probe until it gives something true, and gives that back."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SEC)


def reachable(folder):
    """The folder, opened to other users, and those above it that pytest made for us alone."""
    above = [one for one in folder.parents if "pytest-of-" in str(one)] or folder.parents[:1]
    for one in (folder, *above):
        one.chmod(one.stat().st_mode & 0o7777 | 0o055)  # never narrower: it may be /tmp
    return folder


def die_with_parent():
    """In the child: killed when the test process is, so that nothing outlives a killed run."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class UnixConnection(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path, timeout=ANSWER_TIMEOUT_SEC):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    """Status, headers (case-insensitive), text and, where it is JSON, json of one HTTP answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        is_json = response.headers.get("Content-Type", "").startswith("application/json") and self.text
        self.json = json.loads(self.text) if is_json else None


def ask(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    return Answer(connection.getresponse())


class Programs:
    """The binaries of one build folder, copied to where other users reach them too."""

    def __init__(self, build, folder):
        self.build, self.folder = Path(build), Path(folder)
        self.authd = self._find("authd")
        self.authctl = self._find("authctl")
        self.devidp = self._find("devidp")

    def _find(self, name):
        found = [file for file in self.build.rglob(name) if file.is_file() and os.access(file, os.X_OK)]
        assert found, f"no {name} in {self.build}: build first (tests/run builds it)"
        return shutil.copy(found[0], self.folder / name)


class Authd:
    """One daemon: settings on disk, the process, its socket and its log."""

    def __init__(self, programs, directory):
        self.programs = programs
        self.directory = Path(directory)
        self.directory.chmod(0o755)
        self.socket = self.directory / "authd.sock"
        self.config_path = self.directory / "authd.conf"
        self.log_path = self.directory / "authd.log"
        self.state_dir = self.directory / "state"
        self.process = None

    # Settings

    def write(self, *sections, **daemon):
        """authd.conf from sections (texts) and the [authd] section's keys."""
        keys = {"socket": self.socket, "log_level": "debug", "workers": 2, "state_dir": self.state_dir, **daemon}
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        self.config_path.write_text("\n".join(["[authd]", *lines, "", *sections]) + "\n")

    def check_config(self):
        return subprocess.run(
            [self.programs.authd, "--config", self.config_path, "--check-config"],
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_SEC,
            check=False,
        )

    # Life

    @property
    def pid(self):
        return self.process.pid

    def spawn(self, stderr=None, **options):
        """Starts the process and does not wait for anything."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.programs.authd, "--config", self.config_path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr or log,
                preexec_fn=die_with_parent,
                **options,
            )
        return self.process

    def start(self, ready=True, **options):
        self.spawn(**options)
        until("authd answers /livez", lambda: self._alive_or_dead() and self._answers("/livez"))
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=DEADLINE_SEC):
        until("authd is ready", lambda: self._answers("/readyz"), seconds)

    def _alive_or_dead(self):
        assert self.process.poll() is None, f"authd ended with {self.process.returncode}:\n{self.log_text()}"
        return True

    def _answers(self, path):
        try:
            return self.get(path).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self, number=signal.SIGTERM):
        """The exit code after a signal; of a daemon that already ended, that one."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_SEC)

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        return self.post("/v1/reload")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE_SEC)

    def end(self):
        """Whatever state it is in; gently first, for what is written at the end (coverage, a sanitizer's report)."""
        if not self.process or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_GRACE_SEC)
        except subprocess.TimeoutExpired:
            self.kill()

    # Questions

    def connection(self):
        return UnixConnection(self.socket)

    def request(self, method, path, body=None, headers=None):
        connection = self.connection()
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, question=None, headers=None):
        body = None if question is None else json.dumps(question)
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def check(self, token, policy=None, **more):
        """(status, JSON) of POST /v1/check."""
        question = {"token": token, **({"policy": policy} if policy else {}), **more}
        answer = self.post("/v1/check", question)
        return answer.status, answer.json

    def verdict(self, token, policy=None):
        """verdict and reason as one comparable pair."""
        status, answer = self.check(token, policy)
        assert status == 200, answer
        return answer["verdict"], answer["reason"]

    def explain(self, token, policy=None):
        answer = self.post("/v1/explain", {"token": token, **({"policy": policy} if policy else {})})
        assert answer.status == 200, answer.text
        return answer.json

    def authctl(self, *arguments, input=None):
        return subprocess.run(
            [self.programs.authctl, *arguments],
            input=input,
            capture_output=True,
            text=True,
            env={**os.environ, "AUTHD_SOCKET": str(self.socket)},
            timeout=ANSWER_TIMEOUT_SEC,
            check=False,
        )

    def as_uid(self, uid, *argv, input=None):
        """Runs a program as another user, without any group of ours."""
        return subprocess.run(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *map(str, argv)],
            input=input,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_SEC,
            check=False,
        )

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        lines = self.get("/metrics").text.splitlines()
        rows = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    def memory_kib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))

    # Log

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log(self):
        """The events so far; each whole line must be one JSON object."""
        whole = self.log_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_event(self, seconds=DEADLINE_SEC, after=0, **fields):
        """The first event after the given count whose fields are these."""

        def find():
            return next(
                (
                    event
                    for event in self.log()[after:]
                    if all(event.get(name) == value for name, value in fields.items())
                ),
                None,
            )

        return until(f"an event with {fields} in the log", find, seconds)


def part_of(token, index):
    """A part of a compact token as JSON, unverified: 0 the header, 1 the claims."""
    part = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def with_header(token, **members):
    """The token with another header over the old signature."""
    head = json.dumps({**part_of(token, 0), **members}).encode()
    return ".".join([base64.urlsafe_b64encode(head).rstrip(b"=").decode(), *token.split(".")[1:]])


def forged(token):
    """The token with one bit of its signature's first byte changed, still canonical base64url."""
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def is_root():
    return os.geteuid() == 0
