"""Many connections at once: 10 000 open, 1 000 of them asking."""

import resource
import socket

import pytest

from harness import until

OPEN, ASKING, ROUNDS = 10_000, 1_000, 3
SPARE_DESCRIPTORS = 200
RISE_KIB_MAX = 900 * 1024  # a connection's pool is 64 KiB and freed with it
REQUEST = b"GET /v1/check?policy=readers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"


def read_answer(connection):
    """One whole HTTP answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += more(connection)
    return head, body


def more(connection):
    piece = connection.recv(65536)
    assert piece, "closed without an answer"
    return piece


def raise_descriptors(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        pytest.skip(f"the hard limit of descriptors is {hard}, {n} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))


def dial(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))  # blocking: with a timeout a full backlog would be EAGAIN, not a wait
    connection.settimeout(20)
    return connection


@pytest.mark.slow
@pytest.mark.alone
def test_ten_thousand_connections_a_thousand_asking(authd, provider, record_property):
    raise_descriptors(OPEN + SPARE_DESCRIPTORS)
    request = REQUEST % provider.token("orders-rs256").encode()
    before = authd.memory_kib()
    connections = [dial(authd.socket) for _ in range(OPEN)]
    try:
        until("authd has them all", lambda: authd.metrics()["authd_connections"] >= OPEN, 30)
        asking = connections[:: OPEN // ASKING]
        for _ in range(ROUNDS):
            for connection in asking:
                connection.sendall(request)
            for connection in asking:
                head, body = read_answer(connection)
                assert head.startswith(b"HTTP/1.1 200") and b'"verdict":"valid"' in body
        during = authd.memory_kib()
    finally:
        for connection in connections:
            connection.close()
    until("they are gone", lambda: authd.metrics()["authd_connections"] < 10, 30)
    after = authd.memory_kib()
    report = f"memory {before} KiB before, {during} KiB with {OPEN} connections, {after} KiB after"
    record_property("memory", report)
    print(report)
    assert during - before < RISE_KIB_MAX, report
    assert not [event for event in authd.log() if event["level"] == "error"]


def test_memory_is_flat_over_many_connections(authd, provider):
    token = provider.token("orders-rs256")

    def rounds(n):
        for _ in range(n):
            assert authd.verdict(token, "readers") == ("valid", "valid")
        return authd.memory_kib()

    rounds(300)
    first, last = rounds(300), rounds(1500)
    assert last - first < 1024, f"{first} KiB, then {last} KiB"
