"""by-route: which policy a route chooses, what a yes carries then, and authctl policy test."""

import json
import os

import pytest

from conftest import POLICIES, issuer_section
from doors_setup import bearer, raw_ask
from harness import forged

ROUTES = """
[policy tenant]
audience = orders
headers = X-Scope-OrgID={azp}; X-Auth-Request-User={sub}

[route health]
path = /healthz; /public/*
policy = anonymous
order = 5

[route write]
host = api.example.com
path = /orders/*
methods = POST; PUT; DELETE
policy = writers
order = 10

[route read]
host = api.example.com
path = /orders/*
policy = orders
order = 20

[route item]
host = *.example.com
path = /shops/{shop}/items
policy = optional:tenant
order = 30
"""
IDENTITY = ["X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups",
            "X-Scope-OrgID"]


@pytest.fixture
def routed(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES, ROUTES, allow_development_issuers="true",
                 trusted_proxies=f"uid:{os.geteuid()}")
    return daemon.start()


def ask_route(authd, path, headers=None, method="GET", host="api.example.com"):
    told = {"X-Original-Method": method, "X-Original-URI": path, "X-Original-Host": host}
    return authd.get("/auth/by-route", {**told, **(headers or {})})


# (what, method, host, path, whose token, status, reason)
ROWS = [
    ("a read of alice", "GET", "api.example.com", "/orders/1", "alice", 204, None),
    ("a read of bob, who is no reader", "GET", "api.example.com", "/orders/1", "bob", 403, "missing_role"),
    ("a write of alice, who may only read", "POST", "api.example.com", "/orders/1", "alice", 403, "missing_role"),
    ("a write of carol", "POST", "api.example.com", "/orders/1", "carol", 204, None),
    ("a read without a token", "GET", "api.example.com", "/orders/1", None, 401, "missing_token"),
    ("another host", "GET", "www.example.org", "/orders/1", "alice", 403, "no_route"),
    ("another path", "GET", "api.example.com", "/order", "alice", 403, "no_route"),
    ("the host in another spelling", "GET", "API.Example.com.:443", "/orders/1", "alice", 204, None),
    ("a public place", "GET", "anything.example.org", "/public/logo.png", None, 204, None),
    ("a template", "GET", "eu.example.com", "/shops/7/items", None, 204, None),
    ("deeper than the template", "GET", "eu.example.com", "/shops/7/items/1", None, 403, "no_route"),
    ("a write spelt as public", "DELETE", "api.example.com", "/public/../orders/1", None, 403, "bad_path"),
    ("the same, encoded", "DELETE", "api.example.com", "/public/%2e%2e/orders/1", None, 403, "bad_path"),
    ("the same by doubled slashes", "GET", "api.example.com", "//orders//1", None, 401, "missing_token"),
    ("the same with parameters", "GET", "api.example.com", "/public/..;x=/orders/1", None, 403, "bad_path"),
    ("a write spelt as public by parameters", "DELETE", "api.example.com", "/orders/..;/public/1", None, 403, "bad_path"),
    ("an encoded letter", "GET", "api.example.com", "/%6frders/1", None, 401, "missing_token"),
    ("an encoded slash", "GET", "api.example.com", "/public/..%2forders/1", None, 403, "bad_path"),
    ("encoded twice", "GET", "api.example.com", "/public/%252e%252e/orders/1", None, 403, "bad_path"),
    ("a backslash", "GET", "api.example.com", "/public\\..\\orders/1", None, 403, "bad_path"),
]


@pytest.mark.parametrize("method, host, path, user, status, reason", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_route_chooses(routed, provider, method, host, path, user, status, reason):
    headers = bearer(provider.token("orders-rs256", user=user)) if user else {}
    answer = ask_route(routed, path, headers, method, host)
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (status, reason), answer.text


def test_a_yes_carries_the_headers_of_all_policies(routed, provider):
    """Those of others blank: a proxy that copies them leaves nothing of the client's."""
    token = provider.token("orders-rs256", user="alice")
    rows = [("/orders/1", bearer(token), {"X-Auth-Request-Preferred-Username": "alice"}),
            ("/shops/7/items", bearer(token), {"X-Scope-OrgID": "orders-rs256"}),
            ("/shops/7/items", {}, {}), ("/public/x", bearer(token), {}), ("/public/x", {}, {})]
    for path, headers, filled in rows:
        answer = ask_route(routed, path, {**headers, **{name: "root" for name in IDENTITY}})
        assert answer.status == 204
        for name in IDENTITY:
            values = answer.headers.get_all(name)
            assert values is not None and len(values) == 1, (path, name)
            assert "root" not in values[0]
        for name, value in filled.items():
            assert answer.headers[name] == value
        if not filled:
            assert not [name for name in IDENTITY if answer.headers[name].strip()], path


def test_optional_takes_no_token_and_refuses_a_bad_one(routed, provider):
    bad = forged(provider.token("orders-rs256"))
    for headers, status in (({}, 204), (bearer(bad), 401), ({"Authorization": "Basic eDp5"}, 401),
                            ({"Authorization": "Bearer "}, 401), (bearer(provider.token("other")), 401)):
        assert ask_route(routed, "/shops/7/items", headers).status == status, headers


def test_each_door_knows_by_route(routed, provider):
    headers = bearer(provider.token("orders-rs256", user="alice"))
    told = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-Host": "api.example.com"}
    assert routed.get("/forward-auth/by-route", {**told, **headers}).status == 200
    assert routed.get("/ext-authz/by-route/orders/1", {"Host": "api.example.com", **headers}).status == 200
    assert routed.request("POST", "/ext-authz/by-route/orders/1", headers={"Host": "api.example.com", **headers}).status == 403
    assert routed.get("/ext-authz/by-route/orders/1", {"Host": "api.example.org", **headers}).status == 403
    assert routed.get("/ext-authz/by-route", headers).headers["X-Authd-Reason"] == "no_route"
    answer = routed.get("/auth/by-route", headers)
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (403, "bad_path")


def test_a_named_policy_ignores_routes(routed, provider):
    headers = bearer(provider.token("orders-rs256", user="bob"))
    told = {"X-Original-Method": "GET", "X-Original-URI": "/orders/1", "X-Original-Host": "api.example.com"}
    assert routed.get("/auth/default", {**told, **headers}).status == 204
    assert routed.get("/auth/default", {**told, "X-Original-URI": "/public/x"}).status == 401


def test_a_stranger_is_told_what_to_add(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES, ROUTES, allow_development_issuers="true")
    daemon.start()
    answer = ask_route(daemon, "/public/x")
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (403, "untrusted_proxy")
    assert f"trusted_proxies = uid:{os.geteuid()}" in answer.json["detail"]
    answer = raw_ask(daemon.socket, b"GET /ext-authz/by-route/public/x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.headers["X-Authd-Reason"] == "untrusted_proxy"


def test_what_passes_without_a_token_is_counted_and_is_no_verdict(routed):
    ask_route(routed, "/public/x")
    ask_route(routed, "/shops/7/items")
    ask_route(routed, "/nowhere")
    metrics = routed.metrics()
    assert metrics['authd_passed_total{policy="anonymous",door="auth",why="anonymous"}'] == 1
    assert metrics['authd_passed_total{policy="tenant",door="auth",why="optional"}'] == 1
    assert metrics['authd_verdicts_total{issuer="",policy="by-route",door="auth",reason="no_route"}'] == 1


def test_a_reload_brings_routes_into_force(routed, provider):
    assert ask_route(routed, "/new").status == 403
    routed.write(issuer_section(provider), POLICIES, ROUTES, "[route new]\npath = /new\npolicy = anonymous\norder = 1",
                 allow_development_issuers="true", trusted_proxies=f"uid:{os.geteuid()}")
    assert routed.reload().status == 200
    assert ask_route(routed, "/new").status == 204


def test_authctl_explains_the_choice(routed, provider):
    shown = routed.authctl("policy", "test", "GET", "https://api.example.com//orders/./1")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["health", "write", "read"]
    assert "another path" in lines[1] and "another method" in lines[2] and "yes" in lines[3]
    assert "api.example.com/orders/1: route read, policy orders; a token is required." in shown.stdout
    shown = routed.authctl("policy", "test", "GET", "https://api.example.com/x")
    assert shown.returncode == 1 and "no_route" in shown.stdout
    shown = routed.authctl("policy", "test", "GET", "https://api.example.com/a%2fb")
    assert shown.returncode == 1 and "bad_path" in shown.stdout
    assert routed.authctl("policy", "test", "GET").returncode == 2
    assert routed.authctl("policy").returncode == 2


def test_authctl_judges_a_token(routed, provider):
    url = "https://api.example.com/orders/1"
    for user, code, reason in (("alice", 0, "valid"), ("bob", 1, "missing_role")):
        token = provider.token("orders-rs256", user=user)
        file = routed.directory / f"{user}.token"
        file.write_text(token + "\n")
        shown = routed.authctl("policy", "test", "GET", url, "--token-file", str(file), "--json")
        answer = json.loads(shown.stdout)
        assert (shown.returncode, answer["verdict"]["reason"]) == (code, reason)
        assert (answer["route"], answer["mode"], answer["policy"], answer["path"]) == ("read", "required", "orders", "/orders/1")
        assert routed.authctl("policy", "test", "GET", url, "--token-file", "-", input=token).returncode == code
    refused = routed.authctl("policy", token, "GET", url)
    assert refused.returncode == 2 and token not in refused.stderr
