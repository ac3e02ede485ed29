"""/forward-auth and /ext-authz: one verdict in each proxy's words, and who is believed about a request."""

import os

import pytest

import providers
from conftest import POLICIES, issuer_section
from doors_setup import bearer, raw_ask, tcp_ask
from harness import is_root

# door → (path for a policy, status of a yes, how the original request is told)
DOORS = {
    "auth": ("/auth/{}", 204),
    "forward-auth": ("/forward-auth/{}", 200),
    "ext-authz": ("/ext-authz/{}/orders/1", 200),
}
TOLD = {
    "auth": {"X-Original-Method": "GET", "X-Original-URI": "/orders/1", "X-Original-Host": "api.example.com"},
    "forward-auth": {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-Host": "api.example.com"},
    "ext-authz": {"Host": "api.example.com"},
}
SOURCES = """
[policy anywhere]
audience = orders
token_from = header:X-Amzn-Oidc-Accesstoken; cookie:jwt; query:access_token

[policy browser]
audience = orders
preflight = allow
"""


@pytest.fixture
def trusting(daemon, provider):
    """An Authd that believes whoever runs the tests."""
    daemon.write(issuer_section(provider), POLICIES, SOURCES, allow_development_issuers="true",
                 trusted_proxies=f"uid:{os.geteuid()}")
    return daemon.start()


def path_of(door, policy):
    return DOORS[door][0].format(policy)


@pytest.mark.parametrize("door", DOORS)
def test_one_verdict_in_each_proxys_words(trusting, provider, door):
    token = provider.token("orders-rs256", user="alice")
    rows = [("orders", bearer(token), DOORS[door][1], None), ("orders", {}, 401, "missing_token"),
            ("writers", bearer(token), 403, "missing_role"), ("elsewhere", bearer(token), 401, "wrong_audience"),
            ("nobody", bearer(token), 404, "unknown_policy")]
    for policy, headers, status, reason in rows:
        answer = trusting.get(path_of(door, policy), {**TOLD[door], **headers})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (status, reason), policy
        assert status >= 400 or answer.headers["X-Auth-Request-Preferred-Username"] == "alice"
        assert (status == 401) == (answer.headers["WWW-Authenticate"] == "Bearer"
                                   or 'error="invalid_token"' in (answer.headers["WWW-Authenticate"] or ""))


@pytest.mark.parametrize("door", DOORS)
def test_a_path_that_two_could_read_differently_is_refused(trusting, provider, door):
    headers = bearer(provider.token("orders-rs256"))
    for path in ("/a%2fb", "/../a", "/a/%2e%2e/%2e%2e/b", "/a\\b", "/a%00", "/a%252fb", "/a."):
        if door == "ext-authz":
            request = f"GET /ext-authz/readers{path} HTTP/1.1\r\nHost: a\r\n" + "".join(
                f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
            answer = raw_ask(trusting.socket, request.encode())
        else:
            told = dict(TOLD[door])
            told[next(name for name in told if name.lower().endswith("-uri"))] = path
            answer = trusting.get(path_of(door, "readers"), {**told, **headers})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (403, "bad_path"), path
        assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("name", ["X-Original-Method", "X-Original-URI", "X-Original-Host", "X-Forwarded-For", "X-Forwarded-Proto"])
def test_a_field_told_twice_is_refused(trusting, provider, name):
    request = (f"GET /auth/readers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {provider.token('orders-rs256')}\r\n"
               f"{name}: /a\r\n{name.lower()}: /a\r\n\r\n")
    answer = raw_ask(trusting.socket, request.encode())
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (403, "bad_path")


def test_of_strangers_nothing_is_believed(authd, provider):
    """By default nobody is: what would be refused of a trusted proxy is not even looked at."""
    headers = {**bearer(provider.token("orders-rs256")), "X-Original-Method": "GET", "X-Original-URI": "/../x"}
    assert authd.get("/auth/readers", headers).status == 204


def test_an_address_may_be_trusted_on_tcp(daemon, provider):
    port = providers.free_port()
    for trusted, status in (("127.0.0.1", 403), ("10.0.0.0/8", 204), (None, 204)):
        daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true", listen=f"127.0.0.1:{port}",
                     trusted_proxies=trusted)
        daemon.start()
        headers = {**bearer(provider.token("orders-rs256")), "X-Original-URI": "/../x"}
        assert tcp_ask(port, "GET", "/auth/readers", headers=headers).status == status, trusted
        daemon.stop()


@pytest.mark.parametrize("door, status", [(door, row[1]) for door, row in DOORS.items()])
def test_a_token_may_be_where_the_policy_says(trusting, provider, door, status):
    token, other = provider.token("orders-rs256"), provider.token("orders-es256")
    places = [{"X-Amzn-Oidc-Accesstoken": token}, {"Cookie": f"a=b; jwt={token}"}]
    for headers in places:
        assert trusting.get(path_of(door, "anywhere"), {**TOLD[door], **headers}).status == status, list(headers)
        answer = trusting.get(path_of(door, "readers"), {**TOLD[door], **headers})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "missing_token"), list(headers)
        assert trusting.get(path_of(door, "anywhere"), {**TOLD[door], **headers, **bearer(token)}).status == status
        answer = trusting.get(path_of(door, "anywhere"), {**TOLD[door], **headers, **bearer(other)})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "malformed"), list(headers)


def test_a_token_in_the_query_of_the_original_request(trusting, provider):
    token = provider.token("orders-rs256")
    told = {**TOLD["auth"], "X-Original-URI": f"/orders?access_token={token}"}
    assert trusting.get("/auth/anywhere", told).status == 204
    assert trusting.get("/auth/readers", told).status == 401
    assert trusting.get(f"/ext-authz/anywhere/orders?access_token={token}").status == 200
    assert trusting.get(f"/auth/anywhere?access_token={token}", TOLD["auth"]).status == 401
    assert token not in trusting.log_text()


def test_a_preflight_passes_where_the_policy_lets_it(trusting):
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT"}
    options = {**TOLD["auth"], "X-Original-Method": "OPTIONS"}
    answer = trusting.get("/auth/browser", {**options, **asked, "X-Auth-Request-User": "root"})
    assert answer.status == 204 and answer.headers["X-Auth-Request-User"].strip() == ""
    for headers in ({**TOLD["auth"], **asked}, {**options, "Origin": "https://app.example.com"}, asked):
        assert trusting.get("/auth/browser", headers).status == 401
    assert trusting.get("/auth/readers", {**options, **asked}).status == 401
    assert trusting.request("OPTIONS", "/ext-authz/browser/x", headers=asked).status == 200


@pytest.mark.parametrize("door", DOORS)
def test_head_is_judged_as_get_is(trusting, provider, door):
    headers = {**TOLD[door], **bearer(provider.token("orders-rs256"))}
    assert trusting.request("HEAD", path_of(door, "readers"), headers=headers).status == DOORS[door][1]
    assert trusting.request("HEAD", path_of(door, "readers"), headers=TOLD[door]).status == 401


def test_another_user_is_not_trusted_for_being_local(daemon, provider):
    if not is_root():
        pytest.skip("a proxy of another uid needs root")
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true", trusted_proxies="uid:65534")
    daemon.start()
    answer = daemon.get("/auth/readers", {**bearer(provider.token("orders-rs256")), "X-Original-URI": "/../x"})
    assert answer.status == 204  # we are root and not that one
