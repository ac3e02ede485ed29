"""main: the arguments of tests/run, the suites one after the other, the closing line."""

import argparse
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import report
import suites
from builds import Builds
from keycloak import SharedKeycloak


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/run", description="Runs authd's tests; see the file's first lines."
    )
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="all (default), behaviour, or one of --list"
    )
    parser.add_argument(
        "--full", metavar="SUITE", choices=list(suites.FULL_SUITES), help="the long form of a suite"
    )
    parser.add_argument("--list", action="store_true", help="names the suites")
    at = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:at])
    options.pytest_arguments = arguments[at + 1 :]
    known = [*suites.GROUPS, *suites.SUITES, *suites.EXTRA_SUITES]
    unknown = [name for name in options.suites if name not in known]
    if unknown:
        parser.error(f"no suite {unknown[0]}; there are: {', '.join(known)}")
    return options


def chosen(options):
    """The suites to run as (name, function), in the table's order."""
    if options.full:
        return [(options.full, suites.FULL_SUITES[options.full])]
    names = set()
    for word in options.suites or ["all"]:
        names |= set(suites.GROUPS.get(word, [word]))
    every = {**suites.SUITES, **suites.EXTRA_SUITES}
    return [(name, function) for name, function in every.items() if name in names]


def run_one(run, name, function):
    began = time.monotonic()
    run.progress.line(f"{name} …")
    try:
        outcome = function(run)
    except Exception:  # a fault of the runner is a failure of the suite, and the others still run
        outcome = report.could_not_start(
            name, traceback.format_exc(), "this is a fault of tests/runner itself"
        )
    run.progress.line(f"{name}: {outcome.counts()} in {time.monotonic() - began:.0f} s")
    return name, outcome


def main(arguments):
    options = parse(arguments)
    if options.list:
        print("\n".join([*suites.SUITES, *suites.EXTRA_SUITES]))
        return 0
    source = Path(__file__).resolve().parents[2]
    progress = report.Progress()
    builds = Builds(source, Path(os.environ.get("AUTHD_BUILD") or source / "build-tests").resolve(), progress)
    builds.logs.mkdir(parents=True, exist_ok=True)
    keycloak = SharedKeycloak(source, builds.logs, progress)
    todo = chosen(options)
    run = suites.Run(
        source,
        builds,
        progress,
        keycloak,
        len(todo) >= len(suites.SUITES),
        bool(options.full),
        options.pytest_arguments,
    )
    try:
        for name, _ in todo:
            if name in suites.KEYCLOAK_REALMS:
                keycloak.more_realms.append(suites.KEYCLOAK_REALMS[name](source, builds.logs))
        if any(name in suites.NEED_KEYCLOAK for name, _ in todo):
            keycloak.begin()
        return report.close([run_one(run, name, function) for name, function in todo])
    finally:
        keycloak.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that "finally" runs
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nstopped; what was started is stopped too")
        sys.exit(130)
