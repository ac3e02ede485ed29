"""suites: what each suite runs, as a table of functions Run → Outcome.

A suite does not know of the others; the builds and the one Keycloak are shared through Run.
"""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import debian13
import results
import steps
from builds import Builds
from keycloak import SharedKeycloak
from report import Outcome, Progress, could_not_start

UNIT_TIMEOUT_SEC = 300
PYTEST_TIMEOUT_SEC, PYTEST_FULL_TIMEOUT_SEC = 900, 3600
PYTEST_NOTHING_CHOSEN = 5  # its exit code when no test has what -k or -m want
FAULTS_SIDE_BY_SIDE = 6  # most of a row's time is waiting
NSS_SIDE_BY_SIDE = 4
BEHAVIOUR_SIDE_BY_SIDE = 5  # a refused login waits two seconds
PAM_SIDE_BY_SIDE, PAM_ON_KEYCLOAK = 9, 4  # a refusal waits two seconds
BENCH_TIMEOUT_SEC = 1800
FUZZ_SHORT_SEC, FUZZ_SEC, FUZZ_FULL_SEC = 4, 60, 600
FUZZ_GRACE_SEC = 60
FUZZ_SEEDS = {"jws": ["tokens"], "jwk": ["tokens/keysets"], "json": ["tokens/keysets"]}  # beside corpus/NAME
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "G_SLICE": "always-malloc",
}
TSAN_ENV = {
    "TSAN_OPTIONS": "halt_on_error=0 exitcode=66 second_deadlock_stack=1 atexit_sleep_ms=0",
    "G_SLICE": "always-malloc",
}
TSAN_BEHAVIOUR = ["test_under_load.py", "test_verdicts.py", "test_admin.py"]
# Counts stderr's lines of a daemon of another user's, who cannot write the counts of lines run.
NOT_IN_COVERAGE = "not unreadable_file_is_one_clear_line"
COVERAGE_FOLDERS = ["authd/token", "authd/verdict", "authd/net", "lib"]
COVERAGE_LAG_PERCENT = 95


@dataclass
class Run:
    """One call of tests/run."""

    source: Path
    builds: Builds
    progress: Progress
    keycloak: SharedKeycloak
    everything: bool  # the run of all suites: fuzz and bench are short
    full: bool
    pytest_arguments: list = field(default_factory=list)

    @property
    def logs(self):
        return self.builds.logs


def _meson_suite(run, build, suite, env=None):
    missing = run.builds.get(build)
    if missing:
        return missing
    path, name = run.builds.path(build), f"{build}-{suite}"
    testlog = path / "meson-logs" / f"testlog-{name}.json"
    testlog.unlink(missing_ok=True)
    step = steps.run(
        run.progress,
        f"meson test {name}",
        ["meson", "test", "-C", str(path), "--no-rebuild", "--suite", suite, "--logbase", f"testlog-{name}"],
        run.logs / f"{name}.log",
        UNIT_TIMEOUT_SEC,
        env,
    )
    outcome = results.from_meson(testlog) if testlog.exists() else Outcome()
    if not step.well and not outcome.failures:
        outcome.failures.append((f"meson test {name}", step.trouble()))
    if not (outcome.passed or outcome.failures):
        return could_not_start(
            name,
            f"no test ran; the end of {step.log}:\n{steps.tail(step.log)}",
            f"`meson test -C {path} --list` names the tests that the build knows",
        )
    return outcome


def checks(run):
    return _meson_suite(run, "plain", "checks")


def unit(run):
    return _meson_suite(run, "plain", "unit")


def corpora(run):
    return _meson_suite(run, "plain", "corpora")


def sanitize(run):
    outcome = _meson_suite(run, "sanitize", "unit", SANITIZER_ENV)
    if run.builds.get("sanitize"):
        return outcome
    return outcome.add(_meson_suite(run, "sanitize", "corpora", SANITIZER_ENV))


def leaks(run):
    return _meson_suite(run, "plain", "lib-slow")


def _pytest(run, provider, env, build="plain", arguments=None, name=None):
    """A suite of pytest's on a build, behaviour by default; arguments: which of it, and what else is told to pytest."""
    missing = run.builds.get(build)
    if missing:
        return missing
    name = name or (f"behaviour-{provider}" if build == "plain" else f"behaviour-{build}")
    junit = run.logs / f"{name}.xml"
    junit.unlink(missing_ok=True)
    argv = [
        "/usr/bin/python3",
        "-m",
        "pytest",
        *(arguments or [str(_behaviour(run))]),
        "-p",
        "no:cacheprovider",
        *(["--provider", provider] if provider else []),
        "--build",
        str(run.builds.path(build)),
        f"--junit-xml={junit}",
        "-v",
        "--tb=short",
    ] + run.pytest_arguments
    step = steps.run(
        run.progress,
        name,
        argv,
        run.logs / f"{name}.log",
        PYTEST_FULL_TIMEOUT_SEC if run.full else PYTEST_TIMEOUT_SEC,
        {"PYTHONDONTWRITEBYTECODE": "1", **env},
    )
    outcome = results.from_pytest(junit) if junit.exists() else Outcome()
    if run.pytest_arguments and step.why.endswith(f"exit code {PYTEST_NOTHING_CHOSEN}"):
        return outcome
    if not step.well and not outcome.failures or not junit.exists():
        outcome.failures.append((f"pytest {name}", step.trouble()))
    return outcome


def _behaviour(run):
    return run.source / "tests" / "behaviour"


def behaviour_devidp(run):
    rows = ["-m", "not alone", "-n", str(BEHAVIOUR_SIDE_BY_SIDE)]
    outcome = _pytest(run, "devidp", {}, "plain", [str(_behaviour(run)), *rows], "behaviour-devidp")
    rows = ["-m", "alone"]
    return outcome.add(_pytest(run, "devidp", {}, "plain", [str(_behaviour(run)), *rows], "behaviour-devidp-alone"))


def behaviour_keycloak(run):
    state, trouble = run.keycloak.wait()
    if trouble:
        return could_not_start(
            "keycloak",
            trouble,
            "Keycloak's archive needs the Maven registry once; `tests/run behaviour-devidp` "
            "runs the same tests without it",
        )
    return _pytest(run, "keycloak", {"AUTHD_TEST_KEYCLOAK": str(state)})


def faults(run):
    """The fault matrix: the rows that wait side by side, those that measure, Keycloak's; a table at the end."""
    rows = run.logs / "faults-rows"
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    outcome = _faults(run, rows, "side-by-side", ["-m", "not alone and not keycloak", "-n", str(FAULTS_SIDE_BY_SIDE)])
    outcome.add(_faults(run, rows, "alone", ["-m", "alone and not keycloak"]))
    outcome.add(_faults_keycloak(run, rows))
    writer = run.source / "tests" / "faults" / "write_table.py"
    table = subprocess.run(["/usr/bin/python3", writer, rows], capture_output=True, text=True, check=True).stdout
    for line in table.splitlines():
        run.progress.line(line)
    return outcome


def _faults(run, rows, name, which, env=None):
    arguments = [str(run.source / "tests" / "faults"), "--rows", str(rows), *which]
    return _pytest(run, None, env or {}, "plain", arguments + (["--full"] if run.full else []), f"faults-{name}")


def _faults_keycloak(run, rows):
    state, trouble = run.keycloak.wait()
    if trouble:
        return could_not_start("faults on keycloak", trouble, "Keycloak's archive needs the Maven registry once")
    return _faults(run, rows, "keycloak", ["-m", "keycloak"], {"AUTHD_TEST_KEYCLOAK": str(state)})


def nss(run):
    """People as accounts, on hosts in namespaces: rows side by side, those that measure, Keycloak's; a table."""
    if os.geteuid() != 0:
        return could_not_start("nss", "namespaces and mounts need root", "run it as root")
    rows = run.logs / "nss-rows"
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    outcome = _nss(run, rows, "side-by-side", ["-m", "not alone and not keycloak", "-n", str(NSS_SIDE_BY_SIDE)])
    outcome.add(_nss(run, rows, "alone", ["-m", "alone and not keycloak"]))
    state, trouble = run.keycloak.wait()
    if trouble:
        outcome.add(could_not_start("nss on keycloak", trouble, "Keycloak's archive needs the Maven registry once"))
    else:
        outcome.add(_nss(run, rows, "keycloak", ["-m", "keycloak"], {"AUTHD_TEST_KEYCLOAK": str(state)}))
    writer = run.source / "tests" / "nss" / "write_figures.py"
    table = subprocess.run(["/usr/bin/python3", writer, rows], capture_output=True, text=True, check=True).stdout
    for line in table.splitlines():
        run.progress.line(line)
    return outcome


def _nss(run, rows, name, which, env=None):
    arguments = [str(run.source / "tests" / "nss"), "--rows", str(rows), *which]
    return _pytest(run, None, env or {}, "plain", arguments + (["--full"] if run.full else []), f"nss-{name}")


def pam(run):
    """Logins through the real sshd, sudo and login, on hosts in namespaces: on devidp and Keycloak, alone; a table."""
    if os.geteuid() != 0:
        return could_not_start("pam", "namespaces and mounts need root", "run it as root")
    rows = run.logs / "pam-rows"
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    missing = run.builds.get("plain")
    if missing:
        return missing
    with concurrent.futures.ThreadPoolExecutor() as pool:  # both mostly wait; Keycloak's people are one for all
        which = ["-m", "not alone", "-n", str(PAM_ON_KEYCLOAK), "--dist", "loadfile"]
        keycloak = pool.submit(_pam_keycloak, run, rows, "keycloak", which)
        outcome = _pam(run, rows, "devidp", "side-by-side", ["-m", "not alone", "-n", str(PAM_SIDE_BY_SIDE)])
        outcome.add(keycloak.result())
    outcome.add(_pam(run, rows, "devidp", "alone", ["-m", "alone"]))
    if not keycloak.result().failures:
        outcome.add(_pam_keycloak(run, rows, "keycloak-alone", ["-m", "alone"]))
    writer = run.source / "tests" / "nss" / "write_figures.py"
    table = subprocess.run(["/usr/bin/python3", writer, rows], capture_output=True, text=True, check=True).stdout
    for line in table.splitlines():
        run.progress.line(line)
    return outcome


def _pam_keycloak(run, rows, name, which):
    state, trouble = run.keycloak.wait()
    if trouble:
        return could_not_start("pam on keycloak", trouble, "Keycloak's archive needs the Maven registry once")
    return _pam(run, rows, "keycloak", name, which, {"AUTHD_TEST_KEYCLOAK": str(state)})


def _pam(run, rows, provider, name, which, env=None):
    arguments = [str(run.source / "tests" / "pam"), "--rows", str(rows), *which]
    return _pytest(run, provider, env or {}, "plain", arguments + (["--full"] if run.full else []), f"pam-{name}")


def pam_realm(source, logs):
    """The file of the realm of those who log in, which Keycloak has beside the others where pam runs."""
    file = logs / "logins-realm.json"
    subprocess.run(["/usr/bin/python3", source / "tests" / "pam" / "realm.py", file], check=True)
    return str(file)


def nss_realm(source, logs):
    """The file of the realm of 10 000 people, which Keycloak has beside the other one where nss runs."""
    file = logs / "people-realm.json"
    subprocess.run(["/usr/bin/python3", source / "tests" / "nss" / "people.py", file], check=True)
    return str(file)


def proxies(run):
    """The six proxies, real, one table; a line a proxy."""
    outcome = _pytest(run, "devidp", {}, "plain", [str(run.source / "tests" / "proxies")], "proxies")
    log = run.logs / "proxies.log"
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("proxy "):
                run.progress.line(line)
    return outcome


def tsan(run):
    """Under ThreadSanitizer: the unit tests, then the daemon and libauthd under load."""
    missing = run.builds.get("tsan")
    if missing:
        return missing
    shim = run.builds.path("tsan") / "tsan_glib.so"
    step = steps.run(
        run.progress, "tsan_glib", _shim_command(run, shim), run.logs / "tsan_glib.log", UNIT_TIMEOUT_SEC
    )
    if not step.well:
        return could_not_start("tsan", step.trouble(), f"read {step.log}")
    reports = run.logs / "tsan"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    reports.chmod(0o1777)  # daemons of other users write there too
    env = {**TSAN_ENV, "LD_PRELOAD": str(shim)}
    outcome = _meson_suite(run, "tsan", "unit", env)
    env["TSAN_OPTIONS"] += f" log_path={reports}/report"
    outcome.add(_pytest(run, "devidp", env, "tsan", [str(_behaviour(run) / name) for name in TSAN_BEHAVIOUR]))
    for report in sorted(reports.iterdir()):
        outcome.failures.append(("a race in behaviour", f"{report}:\n{report.read_text(errors='replace')[:3000]}"))
    return outcome


def _shim_command(run, shim):
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "glib-2.0"], capture_output=True, text=True, check=True
    ).stdout.split()
    source = run.source / "tests" / "runner" / "tsan_glib.c"
    strict = ["-Wall", "-Wextra", "-Werror"]
    return ["gcc", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", *strict, source, "-o", shim, *flags]


def coverage(run):
    """Which lines the unit tests, the corpora and the behaviour suite on devidp run; the figures are printed."""
    missing = run.builds.get("coverage")
    if missing:
        return missing
    path = run.builds.path("coverage")
    for old in path.rglob("*.gcda"):
        old.unlink()
    outcome = _meson_suite(run, "coverage", "unit")
    outcome.add(_meson_suite(run, "coverage", "corpora"))
    outcome.add(_pytest(run, "devidp", {}, "coverage", [str(_behaviour(run)), "-k", NOT_IN_COVERAGE]))
    summary = run.logs / "coverage.json"
    filters = [word for folder in COVERAGE_FOLDERS for word in ("--filter", f"{run.source}/{folder}/")]
    step = steps.run(
        run.progress,
        "gcovr",
        ["gcovr", "-r", str(run.source), "--object-directory", str(path)]
        + ["--json-summary", "-o", str(summary), *filters, str(path)],
        run.logs / "gcovr.log",
        UNIT_TIMEOUT_SEC,
    )
    if not step.well:
        return outcome.add(could_not_start("gcovr", step.trouble(), f"read {step.log}"))
    _print_coverage(run, json.loads(summary.read_text())["files"])
    return outcome


def _print_coverage(run, files):
    """A line a folder, and below it the files that lag."""
    for folder in COVERAGE_FOLDERS:
        inside = [file for file in files if re.fullmatch(rf"{folder}/[^/]*\.c", file["filename"])]
        covered, total = (sum(file[key] for file in inside) for key in ("line_covered", "line_total"))
        run.progress.line(f"coverage {folder}: {100 * covered / max(total, 1):.1f} % of {total} lines")
        for file in inside:
            if file["line_percent"] < COVERAGE_LAG_PERCENT:
                run.progress.line(f"coverage   {file['filename']}: {file['line_percent']} %")


def _fuzz_seconds(run):
    if run.full:
        return FUZZ_FULL_SEC
    return FUZZ_SHORT_SEC if run.everything else FUZZ_SEC


def _fuzz_one(run, harness, seconds):
    """One libFuzzer harness; what it finds anew stays in the build folder, what crashes it in logs."""
    name = harness.name
    word = name.removeprefix("fuzz_")
    found, crashes = run.builds.folder / "fuzz-found" / name, run.logs / "fuzz-crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    places = [f"fuzz/corpus/{word}", *FUZZ_SEEDS.get(word, [])]
    seeds = [str(run.source / "tests" / place) for place in places if (run.source / "tests" / place).is_dir()]
    dictionary = run.source / "tests" / "fuzz" / f"{word}.dict"
    argv = [
        str(harness),
        f"-max_total_time={seconds}",
        f"-artifact_prefix={crashes}/{name}-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    argv += [f"-dict={dictionary}"] if dictionary.exists() else []
    step = steps.run(
        run.progress,
        f"fuzz {word}",
        argv + [str(found)] + seeds,
        run.logs / f"{name}.log",
        seconds + FUZZ_GRACE_SEC,
        SANITIZER_ENV,
    )
    if not step.well:
        return Outcome(failures=[(f"fuzz {word}", f"{step.trouble()}\nThe input: {crashes}/{name}-*")])
    runs = re.search(r"number_of_executed_units: (\d+)", step.log.read_text(errors="replace"))
    run.progress.line(f"fuzz {word}: {runs.group(1) if runs else '?'} inputs in {seconds} s, nothing found")
    return Outcome(passed=1)


def fuzz(run):
    missing = run.builds.get("fuzz")
    if missing:
        return missing
    folder = run.builds.path("fuzz") / "tests" / "fuzz"
    harnesses = sorted(file for file in folder.glob("*") if file.is_file() and os.access(file, os.X_OK))
    if not harnesses:
        return could_not_start(
            "fuzz", f"no harness in {folder}", "`meson configure -Dfuzz=true` must build tests/fuzz"
        )
    outcome = Outcome()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(lambda harness: _fuzz_one(run, harness, _fuzz_seconds(run)), harnesses):
            outcome.add(one)
    return outcome


def bench(run):
    """meson's benchmarks; their ratio rows are printed. In the run of all suites short, so as not to rot."""
    missing = run.builds.get("plain")
    if missing:
        return missing
    env = {"AUTHD_BENCH_ROUNDS": "1"} if run.everything else {}
    path = run.builds.path("plain")
    testlog = path / "meson-logs" / "testlog-bench.json"
    testlog.unlink(missing_ok=True)
    step = steps.run(
        run.progress,
        "meson test --benchmark",
        ["meson", "test", "-C", str(path), "--no-rebuild", "--benchmark", "--logbase", "testlog-bench"],
        run.logs / "bench.log",
        BENCH_TIMEOUT_SEC,
        env,
    )
    if not testlog.exists():
        return could_not_start("bench", step.trouble(), f"`meson test -C {path} --benchmark` shows it again")
    _print_ratios(run, testlog)
    return results.from_meson(testlog)


def _print_ratios(run, testlog):
    for line in testlog.read_text(errors="replace").splitlines():
        for row in json.loads(line).get("stdout", "").splitlines():
            if row.startswith(("ratio ", "memory ")):
                run.progress.line(row)


def debian13_suite(run):
    if os.geteuid() != 0:
        return could_not_start("debian13", "debootstrap and chroot need root", "run it as root")
    for tool in ("debootstrap", "unshare"):
        if not shutil.which(tool):
            return could_not_start("debian13", f"{tool} is missing", f"apt-get install {tool}")
    return debian13.run(run)


# The order is that of a whole run: what fails soonest first, Keycloak's start under it all.
SUITES = {
    "checks": checks,
    "unit": unit,
    "corpora": corpora,
    "behaviour-devidp": behaviour_devidp,
    "nss": nss,
    "pam": pam,
    "proxies": proxies,
    "faults": faults,
    "sanitize": sanitize,
    "leaks": leaks,
    "tsan": tsan,
    "behaviour-keycloak": behaviour_keycloak,
    "fuzz": fuzz,
    "bench": bench,
}
NEED_KEYCLOAK = ("behaviour-keycloak", "faults", "nss", "pam")
KEYCLOAK_REALMS = {"nss": nss_realm, "pam": pam_realm}  # further realms: suite: (source, logs) → file
EXTRA_SUITES = {"coverage": coverage}  # by name only
GROUPS = {"all": list(SUITES), "behaviour": ["behaviour-devidp", "behaviour-keycloak"]}
FULL_SUITES = {"fuzz": fuzz, "faults": faults, "nss": nss, "pam": pam, "debian13": debian13_suite}
