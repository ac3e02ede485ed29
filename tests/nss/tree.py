"""tree: a bare Debian of the machine's own release, for hosts that boot: made once by debootstrap, kept in the cache.

Nothing of it is ever written again: a host reads it through an overlay.
"""

import contextlib
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys

import providers

MAKE_TIMEOUT_SEC = 600
# systemd's programs of early boot, and what the rows ask with. What authd links is the machine's: host.py brings it.
PACKAGES = ["systemd", "iproute2", "strace"]
OPTIONAL = ["systemd-userdbd"]  # where userdbctl is a package of its own
SSSD = ["sssd-common", "sssd-proxy", "libnss-sss"]  # beside which the module is measured


class NoTree(Exception):
    """Why there is none, in one sentence."""


def release():
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def known(package):
    done = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False)
    return "Candidate:" in done.stdout and "Candidate: (none)" not in done.stdout


def packages(more):
    return [*PACKAGES, *more, *filter(known, OPTIONAL)]


def tree(more=()):
    """The tree's path, with these packages too; minutes the first time."""
    if not shutil.which("debootstrap"):
        raise NoTree("debootstrap is not installed")
    wanted = packages(more)
    mark = hashlib.sha256(" ".join([release(), *wanted]).encode()).hexdigest()[:12]
    place = providers.cache_folder() / f"tree-{release()}-{mark}"
    with open(providers.cache_folder() / "tree.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            make(place, wanted)
    return place


def make(place, wanted):
    partial = place.with_name(place.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", release(), str(partial)]
    print(f"tree: {' '.join(command)}", file=sys.stderr)
    done = subprocess.run(
        ["unshare", "--mount", *command], capture_output=True, text=True, timeout=MAKE_TIMEOUT_SEC, check=False
    )
    if done.returncode != 0:
        raise NoTree(f"debootstrap ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    with contextlib.suppress(OSError):
        shutil.rmtree(partial / "var/cache/apt/archives")
    partial.chmod(0o755)
    partial.rename(place)


