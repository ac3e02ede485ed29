"""keycloak: the one real Keycloak of a run, started at its beginning while builds and units run.

tests/behaviour/providers.py knows how; here is only the waiting. It is stopped at the end of the run.
"""

import subprocess
import sys
import time

import steps

START_TIMEOUT_SEC = 600  # most of it the download, once
STOP_TIMEOUT_SEC = 60
TICK_SEC = 0.5


class SharedKeycloak:
    """wait() gives (its keycloak.json, "") or (None, trouble); stop() is for every end."""

    def __init__(self, source, logs, progress):
        self.cli = [sys.executable, str(source / "tests" / "behaviour" / "providers.py")]
        self.log, self.progress = logs / "keycloak-start.log", progress
        self.folder = logs.parent / "keycloak"
        self.process = None
        self.deadline = 0
        self.more_realms = []  # files; those of the suites of this run, before it begins

    def begin(self):
        self.process = steps.start([*self.cli, "keycloak-start", str(self.folder), *self.more_realms], self.log)
        self.deadline = time.monotonic() + START_TIMEOUT_SEC

    def wait(self):
        if self.process is None:
            self.begin()
        while self.process.poll() is None:
            if time.monotonic() > self.deadline:
                steps.stop(self.process)
                return (
                    None,
                    f"Keycloak was not up in {START_TIMEOUT_SEC} s; the end of {self.log}:\n{steps.tail(self.log)}",
                )
            self.progress.tick(f"waiting for Keycloak: {steps.tail(self.log, 1)}")
            time.sleep(TICK_SEC)
        if self.process.returncode != 0:
            return (
                None,
                f"keycloak-start ended with {self.process.returncode}; the end of {self.log}:\n{steps.tail(self.log)}",
            )
        return self.folder / "keycloak.json", ""

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            steps.stop(self.process)
        subprocess.run(
            [*self.cli, "keycloak-stop", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=STOP_TIMEOUT_SEC,
            check=False,
        )
