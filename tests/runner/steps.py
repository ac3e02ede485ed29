"""steps: running one command with a log, a deadline and a line of progress.

A step's output goes to its own log file; what a person needs of it comes back in a Step. A step that
is late is killed with everything it started (its own session), nothing else ever is.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICK_SEC = 0.5
KILL_GRACE_SEC = 10
TAIL_BYTES = 6000
TAIL_LINES = 12


@dataclass
class Step:
    """How a command ended: why is empty when it ended well."""

    log: Path
    why: str
    seconds: float

    @property
    def well(self):
        return not self.why

    def trouble(self):
        return f"{self.why}; the end of {self.log}:\n{tail(self.log)}"


def tail(log, lines=TAIL_LINES):
    with open(log, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.rstrip().splitlines()[-lines:])


def start(argv, log, env=None, cwd=None):
    """Starts argv in a session of its own, both outputs to log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )


def stop(process):
    """Ends the process and its whole session: asked first, forced after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(KILL_GRACE_SEC)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run(progress, name, argv, log, timeout, env=None, cwd=None):
    """Runs argv to its end or its deadline."""
    began = time.monotonic()
    process = start(argv, log, env, cwd)
    try:
        why = _wait(progress, name, process, log, began + timeout)
    finally:
        stop(process)
    return Step(log, why, time.monotonic() - began)


def _wait(progress, name, process, log, deadline):
    while time.monotonic() < deadline:
        try:
            code = process.wait(TICK_SEC)
            return "" if code == 0 else f"{name} ended with exit code {code}"
        except subprocess.TimeoutExpired:
            progress.tick(f"{name}: {tail(log, 1)}")
    return f"{name} was not done in time and was stopped"
