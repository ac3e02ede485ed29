"""stage: what the benchmarks play on: a devidp, an authd that trusts it, and the other sides.

The daemon, its settings and the provider are those of tests/behaviour. Whatever is started is
stopped by its own pid at the end, and dies with this process at the latest.
"""

import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "behaviour"))

import harness  # noqa: E402
import providers  # noqa: E402

POLICY = "orders"
ISSUER = """
[issuer holodeck]
url = {url}
"""
DEMANDS = """
audience = orders
scopes = orders:read
roles = orders:reader
groups = /eng/platform
headers = X-Auth-Request-User={sub}; X-Auth-Request-Preferred-Username={preferred_username}; \
X-Auth-Request-Groups={groups|join:,}
"""
TOKEN_TTL_SEC = 4 * 3600  # longer than any bench
STOP_SEC = 10
# What a bench may leave behind: the allocator's slack, never a token's or a connection's worth each.
RSS_RISE_KIB_MAX = 1024


class Trouble(Exception):
    """Why a bench cannot go on, in one sentence."""


class Programs:
    """What is measured, in a build folder."""

    def __init__(self, build):
        self.authd = pathlib.Path(build, "authd", "authd")
        self.devidp = pathlib.Path(build, "tools", "devidp", "devidp")
        for path in (self.authd, self.devidp):
            if not path.exists():
                raise Trouble(f"{path} is missing: build first")


@contextlib.contextmanager
def folder():
    """A folder that other users may enter: nginx's workers run as one."""
    with tempfile.TemporaryDirectory(prefix="authd-bench-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


def policy(name=POLICY, more=""):
    return f"[policy {name}]{DEMANDS}{more}\n"


@contextlib.contextmanager
def daemon(programs, provider, path, sections="", **settings):
    """A ready authd in a folder of its own; sections begin with more of the issuer's lines."""
    path.mkdir()
    one = harness.Authd(programs, path)
    one.write(ISSUER.format(url=provider.issuer_url) + sections, policy(), log_level="warning",
              allow_development_issuers="true", **settings)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def server(*argv, ready="ready"):
    """A program that says a line once it listens; without one it is asked to be there by the caller."""
    process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE if ready else None, text=True,
                               preexec_fn=harness.die_with_parent)
    try:
        if ready and process.stdout.readline().strip() != ready:
            raise Trouble(f"{argv[0]} did not start")
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SEC)


def mint(provider, n):
    """n tokens that differ, each alice's, good for POLICY."""
    order = {"client": "orders-es256", "user": "alice", "claims": {"exp": int(time.time()) + TOKEN_TTL_SEC}}
    connection = http.client.HTTPConnection(provider.base_url.removeprefix("http://"), timeout=10)
    tokens = []
    for _ in range(n):
        answer = harness.ask(connection, "POST", "/devidp/mint", json.dumps(order),
                             {"Content-Type": "application/json"})
        if answer.status != 200:
            raise Trouble(f"devidp minted nothing: {answer.text}")
        tokens.append(answer.json["access_token"])
    connection.close()
    return tokens


def check_each(authd, tokens):
    """Every token asked once, over one connection; all must be valid."""
    connection = authd.connection()
    for token in tokens:
        answer = harness.ask(connection, "POST", "/v1/check", json.dumps({"token": token, "policy": POLICY}),
                             {"Content-Type": "application/json"})
        if not answer.json or answer.json.get("verdict") != "valid":
            raise Trouble(f"a good token was not valid: {answer.text}")
    connection.close()


# Cores. On a machine with one, nothing is pinned.

def pin(pid, cores):
    """All threads that the process has by now."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


def all_cores():
    return os.sched_getaffinity(0)


def split_cores():
    """(the servers' cores, the load's cores), so that neither side takes the other's time."""
    cores = sorted(all_cores())
    return ({cores[0]}, set(cores[1:])) if len(cores) > 1 else (set(cores), set(cores))


# What a process has.

def memory_kib(pid):
    """RSS, PSS and private memory, in KiB: RSS counts each page of a shared library in full."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0])
    return {"rss": sizes["Rss"], "pss": sizes["Pss"], "private": sizes["Private_Clean"] + sizes["Private_Dirty"]}


def cpu_seconds(pid):
    """User and system time of all threads, also of those that ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """What the daemon holds while nobody is connected, to be compared when a bench is over.

    Made after a first load: what the allocator keeps of that is kept once, and not again and again.
    """

    def __init__(self, authd):
        self.authd = authd
        harness.until("nobody is connected", self._alone)
        self.descriptors = self._n_descriptors()
        self.rss = memory_kib(authd.pid)["rss"]

    def _alone(self):
        return self.authd.metrics()["authd_connections"] <= 1  # who asks for the metrics

    def _n_descriptors(self):
        return len(os.listdir(f"/proc/{self.authd.pid}/fd"))

    def compare(self, what):
        """Raises when descriptors or connections stay open or memory has grown."""
        harness.until(f"nobody is connected after {what}", self._alone)
        harness.until(f"descriptors are as before {what}", lambda: self._n_descriptors() <= self.descriptors)
        rise = memory_kib(self.authd.pid)["rss"] - self.rss
        print(f"#   after {what}: {self.descriptors} descriptors and no connection as before, memory {rise:+d} KiB",
              flush=True)
        if rise > RSS_RISE_KIB_MAX:
            raise Trouble(f"{what} left {rise} KiB behind; {RSS_RISE_KIB_MAX} are allowed")
