"""bench_memory: what the daemon takes: at start, with 10 000 tokens cached, with 10 000 connections.

    bench_memory.py BUILD_FOLDER

Rows for RSS, which counts every page of a shared library in full, and for PSS, which counts a page
by its share; private memory beside them.
"""

import resource
import socket
import sys

import rows
import stage
from stage import harness

TOKENS = 10_000
CONNECTIONS = 10_000
SPARE_DESCRIPTORS = 200
KIB_A_MB = 1000 * 1000 / 1024
QUESTION = b"GET /livez HTTP/1.1\r\nHost: authd\r\n\r\n"


def megabytes(kib):
    return kib / KIB_A_MB


def print_memory(authd, what):
    sizes = {name: megabytes(kib) for name, kib in stage.memory_kib(authd.pid).items()}
    print(f"memory {what}: " + ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()), flush=True)
    return sizes


def print_rows(authd, name, what, goal):
    sizes = print_memory(authd, what)
    for kind in ("rss", "pss"):
        rows.row(f"memory_{name}_{kind}_mb", sizes[kind], "<=", goal)


def dial(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    connection.sendall(QUESTION)
    return connection


def may_open(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))
    return True


def crowd(authd):
    """Connections that have asked once and stay: what a kept one costs."""
    connections = [dial(authd.socket) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.settimeout(harness.DEADLINE_SEC)
        if b" 200 " not in connection.recv(4096):
            raise stage.Trouble("a connection among many got no answer")
    print_memory(authd, f"{CONNECTIONS} connections open")
    for connection in connections:
        connection.close()
    harness.until("the connections are gone", lambda: authd.metrics()["authd_connections"] <= 1)
    print_memory(authd, f"{CONNECTIONS} connections gone")


def main():
    programs = stage.Programs(sys.argv[1])
    many = may_open(CONNECTIONS + SPARE_DESCRIPTORS)
    with stage.folder() as folder, stage.providers.DevIdp(programs.devidp) as provider:
        with stage.daemon(programs, provider, folder / "authd") as authd:
            print_rows(authd, "start", "at start", 12)
            stage.check_each(authd, stage.mint(provider, TOKENS))
            print_rows(authd, f"{TOKENS}_tokens", f"{TOKENS} tokens cached", 20)
        with stage.daemon(programs, provider, folder / "crowded") as authd:
            if many:
                crowd(authd)
            else:
                rows.remark(f"{CONNECTIONS} connections: not measured, the limit of descriptors is lower")


if __name__ == "__main__":
    try:
        main()
    except (stage.Trouble, AssertionError) as trouble:
        sys.exit(f"bench_memory: {trouble}")
