"""examples/nginx, as it is handed out, in a real nginx: what the client sees, and what the service behind sees."""

import http.client
import json
import os
import re
import signal
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from conftest import POLICIES, issuer_section
from doors_setup import EXAMPLES, IDENTITY, Echo, Nginx, bearer, seen
from harness import is_root, until

SPOOFED = "root-of-all"


@pytest.fixture(scope="module")
def echo():
    one = Echo()
    yield one
    one.stop()


@pytest.fixture
def front(authd, echo, tmp_path_factory):
    """Makes an Nginx before the echoing service, with changes to nginx.conf."""
    made = []

    def make(*changes):
        made.append(Nginx(tmp_path_factory.mktemp("nginx"), authd.socket, echo.port, changes))
        return made[-1].start()
    yield make
    for one in made:
        one.stop()


@pytest.fixture
def nginx(front):
    return front()


@pytest.fixture
def alice(provider):
    return provider.token("orders-rs256", user="alice")


# What the client sees.

def test_401_then_200(nginx, authd, alice):
    nobody = nginx.get("/a?b=c")
    assert nobody.status == 401
    assert nobody.headers.get_all("WWW-Authenticate") == ["Bearer"]
    assert nobody.headers.get_all("X-Authd-Reason") == ["missing_token"]
    answer = nginx.get("/a?b=c", bearer(alice))
    assert (answer.status, answer.json["path"]) == (200, "/a?b=c")
    wanted = authd.check(alice, "orders")[1]["headers"]
    assert {name: seen(answer, name) for name in wanted} == {name: [value] for name, value in wanted.items()}
    assert "X-Authd-Reason" not in answer.headers


def test_a_bad_token_is_401_with_its_reason_and_challenge(nginx):
    answer = nginx.get("/", bearer("junk"))
    assert (answer.status, answer.headers.get_all("X-Authd-Reason")) == (401, ["malformed"])
    challenges = answer.headers.get_all("WWW-Authenticate")
    assert len(challenges) == 1 and challenges[0].startswith('Bearer error="invalid_token", ')


def test_a_good_token_that_lacks_a_role_is_403_with_its_reason_and_challenge(nginx, provider):
    answer = nginx.get("/", bearer(provider.token("orders-rs256", user="bob")))
    assert (answer.status, answer.headers.get_all("X-Authd-Reason")) == (403, ["missing_role"])
    challenges = answer.headers.get_all("WWW-Authenticate")
    assert len(challenges) == 1 and challenges[0].startswith('Bearer error="insufficient_scope", ')


def assert_unavailable(answer, reason):
    assert (answer.status, answer.headers.get_all("X-Authd-Reason")) == (503, [reason]), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answer.headers


def test_an_unknown_policy_is_a_clear_503(front, alice):
    assert_unavailable(front(("$authd_policy orders", "$authd_policy nobody")).get("/", bearer(alice)), "unknown_policy")


def test_a_location_without_a_policy_lets_nobody_in(front, alice):
    answer = front(("location / {\n            set $authd_policy orders;", "location / {")).get("/", bearer(alice))
    assert_unavailable(answer, "no_such_door")


def test_an_absent_daemon_is_a_clear_503_and_its_return_is_noticed(nginx, authd, alice):
    assert nginx.get("/", bearer(alice)).status == 200
    authd.stop()
    assert_unavailable(nginx.get("/", bearer(alice)), "unavailable")
    assert_unavailable(nginx.get("/"), "unavailable")
    assert nginx.get("/public/").status == 200
    authd.start()
    until("nginx lets in again", lambda: nginx.get("/", bearer(alice)).status == 200)


def test_a_hanging_daemon_is_a_clear_503(front, authd, alice):
    nginx = front()
    nginx.edit([("proxy_read_timeout 5s", "proxy_read_timeout 300ms")], "authd.conf")
    nginx.process.send_signal(signal.SIGHUP)
    os.kill(authd.pid, signal.SIGSTOP)
    try:
        until("the shorter timeout is in force", lambda: nginx.get("/", bearer(alice)).status == 503)
        assert_unavailable(nginx.get("/", bearer(alice)), "unavailable")
    finally:
        os.kill(authd.pid, signal.SIGCONT)


def test_an_error_page_of_the_servers_does_not_let_anybody_in(front, authd, alice):
    """error_page 502 =200 in the server would make a yes of "authd is down" if authd's location inherited it."""
    nginx = front(("        include authd.conf;\n", "        include authd.conf;\n        proxy_intercept_errors on;\n"
                   "        error_page 400 404 429 502 503 504 =200 /public/fine;\n"))
    authd.stop()
    assert_unavailable(nginx.get("/", bearer(alice)), "unavailable")
    assert_unavailable(nginx.get("/"), "unavailable")


def test_an_error_of_the_service_stays_its_own(nginx, alice):
    answer = nginx.get("/broken", bearer(alice))
    assert answer.status == 500 and answer.json["path"] == "/broken"
    assert "X-Authd-Reason" not in answer.headers


def test_an_absent_service_is_502_and_not_blamed_on_authd(front, alice):
    nginx = front(("server 127.0.0.1:", "server 127.0.0.1:9; #"))
    answer = nginx.get("/", bearer(alice))
    assert answer.status == 502 and "X-Authd-Reason" not in answer.headers


@pytest.mark.parametrize("header, wanted", [
    (b"Authorization: Bearer a\x01b", (400, 401)),
    (b"Authorization: Bearer \xc3\xa9", (400, 401)),
    (b"Authorization: Bearer", (401,)),
    (b"Authorization:", (401,)),
    (b"Authorization : Bearer {alice}", (400, 401)),
    (b"Proxy-Authorization: Bearer {alice}", (401,)),
    (b"Authorization: Bearer {alice}\r\nAuthorization: Bearer junk", (400, 401)),
    (b"Authorization: Bearer junk\r\nAuthorization: Bearer {alice}", (400, 401)),
    (b"Authorization: Bearer {alice}, Bearer {alice}", (400, 401)),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer junk", (400, 401)),
    (b"Cookie: " + b"x" * 7000 + b"\r\nX-Big: " + b"y" * 7000, (401,)),
])
def test_an_authorization_that_is_none_lets_nobody_in(nginx, alice, header, wanted):
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header.replace(b"{alice}", alice.encode()) + b"\r\n\r\n"
    assert nginx.raw(request).status in wanted


def test_a_big_request_beside_its_token_is_let_in(nginx, alice):
    """Only what authd needs goes there: a large cookie is none of its business."""
    headers = {**bearer(alice), "Cookie": "c=" + "x" * 7000, "X-Big": "y" * 7000}
    assert nginx.get("/" + "p" * 5000, headers).status == 200


def test_a_body_goes_to_the_service_and_not_to_authd(nginx, alice):
    body = "b" * 200_000  # more than authd takes
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    connection.request("POST", "/", body, bearer(alice))
    answer = json.loads(connection.getresponse().read())
    assert answer["method"] == "POST" and answer["body"] == body
    connection.request("POST", "/", body, bearer("junk"))
    assert connection.getresponse().status == 401


def connections_of(authd):
    """authd's ends of its connections, by inode: a kept connection stays the same one."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {row[6] for row in rows if len(row) == 8 and row[7] == str(authd.socket) and row[5] == "03"}


def test_connections_to_authd_are_kept(nginx, authd, alice):
    assert nginx.get("/", bearer(alice)).status == 200
    kept = connections_of(authd)
    assert len(kept) == 1
    for _ in range(30):
        assert nginx.get("/", bearer(alice)).status == 200
        assert nginx.get("/").status == 401
    assert connections_of(authd) == kept


def test_workers_of_an_unprivileged_user_reach_the_socket(nginx, alice):
    if not is_root():
        pytest.skip("only root's nginx has workers of another user")
    assert nginx.worker_users() == {"www-data"}
    assert nginx.get("/", bearer(alice)).status == 200


def test_the_request_id_is_one_from_the_client_to_the_log(nginx, authd, alice):
    answer = nginx.get("/", bearer(alice))
    request_id = seen(answer, "X-Request-Id")[0]
    event = authd.wait_event(event="verdict", door="auth", request_id=request_id)
    assert event["reason"] == "valid"


# What the service behind sees.

def spellings(name):
    """Ways to write a header's name that some application reads as this one."""
    yield from (name, name.lower(), name.upper(), name.replace("-", "_"), name.upper().replace("-", "_"))
    yield from (name.replace("-", "_", 1), name.replace("-", "."), name.replace("-", " "), name + " ", " " + name, name + "\t")


VALUES = ("root-of-all", "", " ", "root-of-all, root-of-all", "\troot-of-all")


def spoof(nginx, path, token, lines):
    head = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *lines]
    if token:
        head.append(f"Authorization: Bearer {token}")
    return nginx.raw("\r\n".join([*head, "", ""]).encode())


def assert_not_spoofed(answer, wanted, may_be_refused=False):
    """The service saw our values and nothing else; or nginx refused the request, which is as good."""
    if may_be_refused and answer.status == 400:
        return
    assert answer.status == 200, answer.text
    assert SPOOFED not in answer.text
    for name in IDENTITY:
        assert seen(answer, name) == ([wanted[name]] if wanted.get(name) else []), name


@pytest.mark.parametrize("name", [*IDENTITY, "X-Auth-Request-Access-Token", "X-Forwarded-User", "X-Forwarded-Email",
                                  "X-Forwarded-Preferred-Username", "X-Forwarded-Groups", "X-Remote-User", "Remote-User"])
def test_an_identity_header_of_the_clients_never_reaches_the_service(nginx, authd, alice, name):
    wanted = authd.check(alice, "orders")[1]["headers"]
    assert "X-Auth-Request-Email" not in wanted, "one header must be one that the policy does not hand on"
    for spelling in spellings(name):
        broken = not re.fullmatch(r"[\w.-]+", spelling)
        for value in VALUES:
            assert_not_spoofed(spoof(nginx, "/", alice, [f"{spelling}: {value}"]), wanted, broken)
        assert_not_spoofed(spoof(nginx, "/", alice, [f"{spelling}: {SPOOFED}"] * 2), wanted, broken)
        assert_not_spoofed(spoof(nginx, "/", alice, [f"X-A: 1\r\n {spelling}: {SPOOFED}"]), wanted, True)


@pytest.mark.parametrize("path, token", [("/events/", True), ("/public/", False), ("/public/", True)],
                         ids=["a location with headers of its own", "a public one", "a public one with a token"])
def test_nor_does_it_in_the_other_locations(nginx, authd, alice, path, token):
    wanted = authd.check(alice, "orders")[1]["headers"] if path == "/events/" else {}
    for name in IDENTITY:
        for spelling in spellings(name):
            broken = not re.fullmatch(r"[\w.-]+", spelling)
            answer = spoof(nginx, path, alice if token else None, [f"{spelling}: {SPOOFED}"])
            assert_not_spoofed(answer, wanted, broken)


def test_headers_of_a_claim_that_is_missing_do_not_reach_the_service(front, provider):
    nginx = front(("$authd_policy orders", "$authd_policy no-subject"))
    token = provider.token("lightweight", user="alice")
    assert_not_spoofed(spoof(nginx, "/", token, [f"{name}: {SPOOFED}" for name in IDENTITY]), {})


def test_all_at_once(nginx, authd, alice):
    wanted = authd.check(alice, "orders")[1]["headers"]
    lines = [f"{spelling}: {SPOOFED}" for name in IDENTITY for spelling in list(spellings(name))[:6]]
    assert_not_spoofed(spoof(nginx, "/", alice, lines), wanted)


def test_headers_for_authd_itself_are_not_the_clients(nginx, authd, alice):
    """X-Original-*, X-Request-Id and Host of a client reach authd as nginx' own."""
    lines = ["X-Original-Method: DELETE", "X-Original-URI: /admin", "X-Request-Id: mine", "X-Authd-Reason: valid"]
    answer = spoof(nginx, "/", alice, lines)
    assert answer.status == 200 and seen(answer, "X-Request-Id") != ["mine"]
    assert not [event for event in authd.log() if event.get("request_id") == "mine"]


@pytest.mark.parametrize("path", ["/_authd", "/%5fauthd", "//_authd", "/_authd/", "/public/../_authd"])
def test_authds_own_location_is_internal(nginx, path):
    assert nginx.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()).status in (401, 404)


@pytest.mark.devidp
@pytest.mark.parametrize("name", ["alice\r\nX-Auth-Request-Email: root", "alice\n\nX: y", "a\x01b",
                                  "\u2028\u0085é", "%0d%0aX: y", "x" * 4000],
                         ids=["a header", "an empty line", "a control", "not ASCII", "encoded already", "long"])
def test_a_claim_reaches_the_service_as_one_value(nginx, provider, name):
    token = provider.mint("orders-rs256", user="alice", claims={"preferred_username": name})
    answer = nginx.get("/", bearer(token))
    assert answer.status == 200
    values = seen(answer, "X-Auth-Request-Preferred-Username")
    assert len(values) == 1 and urllib.parse.unquote(values[0]) == name
    assert not seen(answer, "X-Auth-Request-Email")


# The files themselves.

@pytest.mark.provider_free
def test_each_header_is_overwritten_and_set():
    """Two lines for each identity header: one that takes authd's, one that gives it on."""
    text = (EXAMPLES / "nginx" / "authd-headers.conf").read_text()
    for name in IDENTITY:
        variable = re.search(rf"auth_request_set (\$\w+) \$upstream_http_{name.lower().replace('-', '_')};", text).group(1)
        assert f"proxy_set_header {name} {variable};" in text


def test_nginx_finds_nothing_wrong_with_it(nginx):
    done = subprocess.run([Nginx.program(), "-t", "-p", f"{nginx.folder}/", "-c", f"{nginx.folder}/nginx.conf"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


# Whom authd believes: nginx' workers, whatever user they run as.

TRUSTING = """
[policy slow]
audience = orders
limits = address 1/h

[policy proved]
audience = orders
dpop_nonce = true

[route open]
path = /open/*
policy = anonymous
order = 1

[route rest]
host = 127.0.0.1
path = /orders/*
policy = orders
order = 2
"""
NGINX_USERS = "user:nobody; user:www-data"


@pytest.fixture
def trusting(daemon, provider):
    """nginx gives root up; whoever starts it else is its workers' user."""
    trusted = NGINX_USERS if is_root() else f"uid:{os.geteuid()}"
    daemon.write(issuer_section(provider), POLICIES, TRUSTING, allow_development_issuers="true", trusted_proxies=trusted)
    return daemon.start()


@pytest.fixture
def believed(trusting, echo, tmp_path_factory):
    """Makes an Nginx whose policy is another, before the echoing service."""
    made = []

    def make(policy):
        made.append(Nginx(tmp_path_factory.mktemp("nginx"), trusting.socket, echo.port,
                          [("set $authd_policy orders", f"set $authd_policy {policy}")]))
        return made[-1].start()
    yield make
    for one in made:
        one.stop()


def test_a_limit_is_429_for_the_client(believed, alice):
    nginx = believed("slow")
    # What a client says of its address is not handed on.
    answers = [nginx.get("/", {**bearer(alice), "X-Forwarded-For": f"10.0.0.{number}"}) for number in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].headers.get_all("X-Authd-Reason") == ["rate_limited"]
    assert int(answers[1].headers["Retry-After"]) > 1
    assert [answers[1].headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining")] == ["1", "0"]
    assert "X-Authd-Status" not in answers[1].headers


def test_routes_go_by_what_nginx_tells(believed, alice):
    nginx = believed("by-route")
    spoofed = {"X-Original-URI": "/open/x", "X-Original-Method": "GET", "X-Auth-Request-User": SPOOFED}
    assert nginx.get("/open/x", spoofed).status == 200
    assert seen(nginx.get("/open/x", spoofed), "X-Auth-Request-User") in ([], [""])
    assert nginx.get("/orders/1", spoofed).status == 401
    assert nginx.get("/orders/1", {**spoofed, **bearer(alice)}).status == 200
    assert nginx.get("/elsewhere", bearer(alice)).headers["X-Authd-Reason"] == "no_route"
    assert nginx.get("/open/..%2forders/1", spoofed).status == 400  # nginx' own, by the snippet
    assert nginx.get("/open/%252e%252e/orders/1", spoofed).headers["X-Authd-Reason"] == "bad_path"
    assert nginx.get("/open/%2e%2e/orders/1", spoofed).status == 403


def test_the_nonce_of_a_proof_reaches_the_client(believed):
    answer = believed("proved").get("/")
    assert answer.status == 401 and len(answer.headers.get_all("DPoP-Nonce")) == 1
