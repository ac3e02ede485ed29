"""builds: the build folders that the suites share, each set up and compiled once a run."""

import json
import shutil
import subprocess
from pathlib import Path

import steps
from report import could_not_start

SETUP_TIMEOUT_SEC = 120
COMPILE_TIMEOUT_SEC = 900

# What a run of the daemon needs, and its layers' own tests.
_UNITS = ("authd/", "lib/", "tools/", "tests/unit/", "tests/behaviour/")
# name: (arguments of meson setup, environment of meson setup, the folders whose targets are built; () all)
KINDS = {
    "plain": ([], {}, ()),
    "sanitize": (["-Db_sanitize=address,undefined", "-Db_lundef=false"], {}, ()),
    "tsan": (["-Db_sanitize=thread", "-Db_lundef=false"], {"CC": "gcc"}, _UNITS),
    "coverage": (
        ["-Db_coverage=true", "--buildtype=debug", "-Dc_args=-fprofile-update=atomic"],
        {"CC": "gcc"},
        (*_UNITS, "tests/fuzz/"),
    ),
    "fuzz": (["-Dfuzz=true", "-Db_lundef=false"], {"CC": "clang"}, ("tests/fuzz/",)),
}


class Builds:
    """folder holds one build folder a kind and logs/."""

    def __init__(self, source, folder, progress):
        self.source, self.folder, self.progress = source, folder, progress
        self.logs = folder / "logs"
        self.done = {}

    def path(self, kind):
        return self.folder / kind

    def get(self, kind):
        """None when the build is there, else the Outcome of its failure."""
        if kind not in self.done:
            self.done[kind] = self._build(kind)
        return self.done[kind]

    def _build(self, kind):
        for make in (self._setup, self._compile):
            step = make(kind)
            if step and not step.well:
                return could_not_start(
                    f"build {kind}",
                    step.trouble(),
                    f"read {step.log}; `ninja -C {self.path(kind)}` shows it again",
                )
        return None

    def _setup(self, kind):
        path = self.path(kind)
        if (path / "build.ninja").exists():
            return None
        shutil.rmtree(path, ignore_errors=True)  # what a broken setup left
        arguments, env, _ = KINDS[kind]
        return steps.run(
            self.progress,
            f"meson setup {kind}",
            ["meson", "setup", str(path), str(self.source)] + arguments,
            self.logs / f"setup-{kind}.log",
            SETUP_TIMEOUT_SEC,
            env,
        )

    def _compile(self, kind):
        step = steps.run(
            self.progress,
            f"build {kind}",
            ["ninja", "-C", str(self.path(kind)), *self._targets(kind)],
            self.logs / f"build-{kind}.log",
            COMPILE_TIMEOUT_SEC,
        )
        self.progress.line(f"build {kind}: {'done' if step.well else 'FAILED'} in {step.seconds:.0f} s")
        return step

    def _targets(self, kind):
        """What to build, as ninja names it; nothing named is everything."""
        path, folders = self.path(kind), KINDS[kind][2]
        if not folders:
            return []
        listed = subprocess.run(
            ["meson", "introspect", "--targets", str(path)], capture_output=True, text=True, check=True
        )
        files = [
            Path(file).relative_to(path)
            for target in json.loads(listed.stdout)
            for file in target["filename"]
            if Path(file).is_relative_to(path)
        ]
        return [str(file) for file in files if str(file).startswith(folders)]
