"""test_rows: the one table before each proxy, real, from its folder in examples/."""

import re
import socket
import time

import pytest
from harness import forged, part_of

from rows import ALICE, NOBODY, ROOT, ROWS

ANSWER_SEC = 10
LINGER_SEC = 0.3
SETTLE_SEC = 0.05  # for a second request that should not have come
IDENTITY = ("X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups")
OTHERS = ("X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Forwarded-Email", "X-Forwarded-Groups")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL")


@pytest.fixture(scope="session")
def tokens(provider):
    def minted(**order):
        return provider.mint("orders-rs256", user="alice", **order)

    alice = provider.token("orders-rs256", user="alice")
    now = int(time.time())
    return {
        "alice": alice,
        "bob": provider.token("orders-rs256", user="bob"),
        "forged": forged(alice),
        "elsewhere": provider.token("other", user="alice"),
        "expired": minted(claims={"exp": now - 600, "iat": now - 900}),
        "crlf": minted(claims={"preferred_username": f"alice\r\nX-Auth-Request-User: {ROOT}"}),
        "umlaut": minted(claims={"preferred_username": "älice"}),
        "no-email": minted(claims={"email": None}),
    }


def folded(name):
    """As an application reads it that makes one of case, "_", "." and "-"."""
    return re.sub(r"[^a-z0-9]", "-", name.strip().lower())


def identity(request, names=IDENTITY):
    """{name: value} of what the service would take for an identity; blank is none."""
    wanted = {folded(name): name for name in names}
    found = {}
    for name, value in request["headers"]:
        if folded(name) in wanted and value.strip():
            found.setdefault(wanted[folded(name)], []).append(value.strip())
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def identity_of(token, differs):
    claims = part_of(token, 1)
    told = {"X-Auth-Request-User": claims["sub"], "X-Auth-Request-Email": claims.get("email"),
            "X-Auth-Request-Preferred-Username": claims["preferred_username"],
            "X-Auth-Request-Groups": ",".join(claims["groups"])}
    told.update(differs or {})
    return {name: value for name, value in told.items() if value}


def status_of(front, request):
    """The status of the first answer; None when the proxy hung up without one."""
    with socket.create_connection(("127.0.0.1", front.port), timeout=ANSWER_SEC) as client:
        received = b""
        try:
            client.sendall(request)
            while b"\r\n\r\n" not in received and (more := client.recv(65536)):
                received += more
            client.settimeout(LINGER_SEC)  # of requests that keep the connection: for what comes behind the first
            while b"Connection: close" not in request and b"Upgrade" not in request and client.recv(65536):
                pass
        except (ConnectionError, TimeoutError):
            pass
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.") else None


def arrived(echo, before):
    time.sleep(SETTLE_SEC)
    return echo.since(before)


def wanted_of(front, row, tokens):
    """(status, the identity of each request that arrives)."""
    status, arrives = row.status, row.arrives
    if front.name in row.but:
        status, arrives = row.but[front.name] if isinstance(row.but[front.name], tuple) else (row.but[front.name], None)
    if arrives == ALICE:
        return status, [identity_of(tokens[row.token], row.claims)]
    return status, [{}] if arrives == NOBODY else []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(front, echo, tokens, row):
    before = len(echo.arrived)
    status = status_of(front, row.request.replace(b"{token}", tokens.get(row.token, "").encode()))
    requests = arrived(echo, before)
    for request in requests:
        assert ROOT not in str(identity(request, IDENTITY + OTHERS)).replace("%0D%0AX-Auth-Request-User: " + ROOT, "")
        assert not identity(request, OVERRIDES), "the service could follow it and do what was not judged"
        assert "smuggled" not in request["target"]
    outcome = (status, [identity(request) for request in requests])
    wanted = wanted_of(front, row, tokens)
    assert outcome == wanted, f"{outcome} is not {wanted}"


def test_limits_are_kept_and_told(front, echo, tokens):
    """Two an hour; the third is 429 to the client, whatever the proxy makes of 429 by itself."""
    request = (b"GET /shop/reports/a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nAuthorization: Bearer "
               + tokens["alice"].encode() + b"\r\n\r\n")
    assert [status_of(front, request) for _ in range(3)] == [200, 200, 429]


def test_an_absent_daemon_lets_nobody_in_and_its_return_is_noticed(front, echo, tokens):
    request = (b"GET /orders/1 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nAuthorization: Bearer "
               + tokens["alice"].encode() + b"\r\n\r\n")
    front.daemon.stop()
    before = len(echo.arrived)
    try:
        assert status_of(front, request) == {"traefik": 500}.get(front.name, 503)
        assert arrived(echo, before) == []
    finally:
        front.daemon.start()
    deadline = time.monotonic() + ANSWER_SEC
    while status_of(front, request) != 200:
        assert time.monotonic() < deadline, front.output()
        time.sleep(0.1)
