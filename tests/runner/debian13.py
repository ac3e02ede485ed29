"""debian13: the tree built and its unit and behaviour suites run inside a Debian 13 (debootstrap, chroot).

The tree is copied, never mounted; /proc and /dev are mounted in a mount namespace of their own, so
nothing stays mounted whatever happens. Root only.
"""

import re
import shutil
import tempfile
import textwrap
from pathlib import Path

import steps
from report import Outcome, could_not_start

DEBOOTSTRAP_TIMEOUT_SEC = 600
INSIDE_TIMEOUT_SEC = 2400
INSIDE_SUITES = ["checks", "unit", "corpora", "behaviour-devidp"]
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)

INSIDE = r"""
set -e
root=$1; shift
mount --rbind "$root" "$root" # a mount point, so that tests inside can have mount namespaces too
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /src/tests/run "$@"
"""


def run(run):
    root = Path(tempfile.mkdtemp(prefix="authd-debian13."))
    root.chmod(0o755)  # other users inside must get through
    try:
        return _make(run, root) or _run_inside(run, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _make(run, root):
    step = steps.run(
        run.progress,
        "debootstrap trixie",
        ["debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(root)],
        run.logs / "debootstrap.log",
        DEBOOTSTRAP_TIMEOUT_SEC,
    )
    run.progress.line(f"debian13: debootstrap took {step.seconds:.0f} s")
    if not step.well:
        return could_not_start("debootstrap", step.trouble(), "a mirror with trixie must be reachable")
    _copy_host_network(root)
    _copy_source(run.source, run.builds.folder, root / "src")
    return None


def _copy_host_network(root):
    """What lets apt inside reach what apt outside reaches: resolver, proxies, certificates."""
    for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).exists():
            shutil.copyfile(Path("/", name), root / name)
    for file in Path("/etc/apt/apt.conf.d").glob("*"):
        if re.search("(?i)proxy|verify|https|acquire", file.read_text(errors="replace")):
            shutil.copyfile(file, root / "etc/apt/apt.conf.d" / file.name)


def _copy_source(source, builds, target):
    leave = shutil.ignore_patterns(".git", "build", "build-*", ".quickstart", "__pycache__")
    shutil.copytree(
        source,
        target,
        ignore=lambda folder, names: leave(folder, names)
        | ({builds.name} if Path(folder) == builds.parent else set()),
        symlinks=True,
    )


def _run_inside(run, root):
    step = steps.run(
        run.progress,
        "debian13",
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "inside", str(root)]
        + INSIDE_SUITES,
        run.logs / "debian13.log",
        INSIDE_TIMEOUT_SEC,
    )
    counts = CLOSING.findall(step.log.read_text(errors="replace"))
    if not counts:
        return could_not_start("debian13", step.trouble(), f"read {step.log}")
    run.progress.line(f"debian13: the suites inside took {step.seconds:.0f} s: {', '.join(INSIDE_SUITES)}")
    return _outcome(step, int(counts[-1][0]), int(counts[-1][1]))


def _outcome(step, passed, failed):
    outcome = Outcome(passed=passed)
    text = step.log.read_text(errors="replace")
    for name, why in re.findall(r"^FAILED (.*)\n((?: {6}.*\n)*)", text, re.MULTILINE):
        outcome.failures.append((name, textwrap.dedent(why)))
    for line in re.findall(r"^skipped (.*)$", text, re.MULTILINE):
        names, _, reason = line.rpartition(": ")
        outcome.skips.append((names, reason))
    if failed and not outcome.failures:
        outcome.failures.append(("debian13", step.trouble()))
    return outcome
