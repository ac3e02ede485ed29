"""Limits of policies, and addresses whose tokens were refused too often."""

import os
import re

import pytest

from conftest import POLICIES, issuer_section
from doors_setup import bearer
from harness import forged

LIMITS = """
[policy slow]
audience = orders
limits = sub 3/h

[policy by-address]
audience = orders
limits = address 2/h; sub 100/h

[policy by-client]
audience = orders
limits = client 2/h

[policy by-claim]
audience = orders
limits = claim:email 2/h

[route open]
path = /open
policy = optional:by-address
order = 1

[route report]
path = /report
policy = slow
order = 2
limits = address 4/h
limit_slots = 1024

[route slow]
path = /slow
policy = slow
order = 3

[route public]
path = /public
policy = anonymous
order = 4
limits = address 2/h; sub 1/h
"""


@pytest.fixture
def limited(daemon, provider):
    write(daemon, provider)
    return daemon.start()


def write(daemon, provider, limits=LIMITS, **more):
    daemon.write(issuer_section(provider), POLICIES, limits, allow_development_issuers="true",
                 **{"trusted_proxies": f"uid:{os.geteuid()}", **more})


def told(address, path="/x"):
    return {"X-Original-Method": "GET", "X-Original-URI": path, "X-Forwarded-For": address}


def buckets(metrics, of, limit):
    """(used, slots)"""
    return tuple(metrics[f'authd_limit_buckets{{of="{of}",limit="{limit}",what="{what}"}}'] for what in ("used", "slots"))


def rate(answer):
    return tuple(int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))


def test_nginx_is_told_429_in_a_403_and_others_are_told_it(limited, provider):
    token = bearer(provider.token("orders-rs256", user="alice"))
    left = [rate(limited.get("/auth/slow", token)) for _ in range(3)]
    assert [one[:2] for one in left] == [(3, 2), (3, 1), (3, 0)] and left[2][2] > 3500
    refused = limited.get("/auth/slow", token)
    assert (refused.status, refused.headers["X-Authd-Status"]) == (403, "429")
    for answer in (refused, limited.get("/forward-auth/slow", token), limited.get("/ext-authz/slow/x", token)):
        assert answer.status == 429 or answer is refused
        assert answer.headers["X-Authd-Reason"] == answer.json["error"] == "rate_limited"
        assert 1 <= int(answer.headers["Retry-After"]) <= 1200 and rate(answer)[:2] == (3, 0)
        assert "WWW-Authenticate" not in answer.headers and "X-Auth-Request-User" not in answer.headers
    assert "X-Authd-Status" not in limited.get("/forward-auth/slow", token).headers
    other = limited.get("/auth/slow", bearer(provider.token("orders-rs256", user="bob")))
    assert (other.status, rate(other)[1]) == (204, 2)


def test_a_refused_token_uses_nothing_up(limited, provider):
    token = provider.token("orders-rs256", user="alice")
    for _ in range(5):
        assert limited.get("/auth/slow", bearer(forged(token))).status == 401
    assert rate(limited.get("/auth/slow", bearer(token)))[1] == 2
    for _ in range(5):
        answer = limited.get("/auth/by-address", {**told("10.1.2.3"), **bearer(forged(token))})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "bad_signature")
        assert "RateLimit-Limit" not in answer.headers
    assert limited.get("/auth/by-address", {**told("10.1.2.3"), **bearer(token)}).status == 204


def test_by_address_only_as_a_trusted_proxy_tells_it(limited, provider):
    users = [bearer(provider.token("orders-rs256", user=name)) for name in ("alice", "bob", "carol")]
    answers = [limited.get("/auth/by-address", {**told("10.1.2.3"), **user}).status for user in users]
    assert answers == [204, 204, 403]
    assert limited.get("/auth/by-address", {**told("10.1.2.4"), **users[0]}).status == 204
    assert limited.get("/auth/by-address", {**told("10.1.2.4, 10.1.2.3"), **users[0]}).status == 403
    # Of an IPv6 client its /64 counts: the rest of the address is his to choose.
    answers = [limited.get("/auth/by-address", {**told(f"2001:db8::{n}"), **users[0]}).status for n in range(3)]
    assert answers == [204, 204, 403]


def test_by_client_and_by_claim(limited, provider):
    one, other = provider.token("orders-rs256", user="alice"), provider.token("orders-es256", user="alice")
    assert [limited.get("/auth/by-client", bearer(one)).status for _ in range(3)] == [204, 204, 403]
    assert limited.get("/auth/by-client", bearer(other)).status == 204
    # Service accounts have no email: all that lack it share one bucket.
    accounts = [provider.token(client) for client in ("orders-rs256", "orders-es256", "orders-ps256")]
    assert [limited.get("/auth/by-claim", bearer(token)).status for token in accounts] == [204, 204, 403]
    assert limited.get("/auth/by-claim", bearer(one)).status == 204


def test_somebody_without_a_token_is_limited_by_address(limited):
    headers = {**told("10.1.2.3", "/open"), "X-Original-Host": "a"}
    assert [limited.get("/auth/by-route", headers).status for _ in range(3)] == [204, 204, 403]
    assert limited.get("/auth/by-route", headers).headers["X-Authd-Reason"] == "rate_limited"


def test_a_routes_limit_counts_beside_its_policys(limited, provider):
    """anna's and bob's requests are at one place together, and each has the policy's 3 for himself."""
    alice, bob = (bearer(provider.token("orders-rs256", user=name)) for name in ("alice", "bob"))
    report, slow = told("10.1.2.3", "/report"), told("10.1.2.4", "/slow")
    answers = [limited.get("/auth/by-route", {**report, **user}) for user in (alice, alice, bob, bob, bob)]
    assert [one.status for one in answers] == [204, 204, 204, 204, 403]
    # What is nearest to its end: the policy's 3 of alice, then the route's 4 of all.
    assert [rate(one)[:2] for one in answers] == [(3, 2), (3, 1), (4, 1), (4, 0), (4, 0)]
    assert "the route allows address 4/h" in answers[4].json["detail"]
    # The refused one took nothing of bob's, and alice has one left, too: at another route, not at this one.
    assert [limited.get("/auth/by-route", {**slow, **bob}).status for _ in range(2)] == [204, 403]
    refused = limited.get("/forward-auth/slow", bob)
    assert refused.status == 429 and "the policy allows sub 3/h" in refused.json["detail"]
    assert limited.get("/auth/slow", alice).status == 204  # asked by its name no route counts
    metrics = limited.metrics()
    assert metrics['authd_limited_total{policy="slow",route="report",limit="address 4/h"}'] == 1
    assert metrics['authd_limited_total{policy="slow",route="",limit="sub 3/h"}'] == 2
    assert buckets(metrics, "route report", "address 4/h") == (1, 1024)


def test_an_anonymous_route_is_limited_by_address(limited, provider):
    token = bearer(provider.token("orders-rs256", user="alice"))
    answers = [limited.get("/auth/by-route", {**told(address, "/public"), **more})
               for address, more in (("10.1.2.3", {}), ("10.1.2.3", token), ("10.1.2.3", {}), ("10.1.2.4", {}))]
    assert [one.status for one in answers] == [204, 204, 403, 204]
    assert [rate(one)[:2] for one in answers] == [(2, 1), (2, 0), (2, 0), (2, 1)]
    assert (answers[2].headers["X-Authd-Status"], answers[2].headers["X-Authd-Reason"]) == ("429", "rate_limited")
    assert limited.metrics()['authd_limited_total{policy="anonymous",route="public",limit="address 2/h"}'] == 1


def test_a_reload_frees_nobody_on_a_route_either(limited, provider):
    headers = told("10.1.2.3", "/public")
    assert [limited.get("/auth/by-route", headers).status for _ in range(3)] == [204, 204, 403]
    assert limited.reload().status == 200
    assert limited.get("/auth/by-route", headers).status == 403
    write(limited, provider, LIMITS.replace("; sub 1/h", ""))  # the other limit of the same route
    assert limited.reload().status == 200
    assert limited.get("/auth/by-route", headers).status == 403
    write(limited, provider, LIMITS.replace("limits = address 2/h; sub 1/h", "limits = address 3/h"))
    assert limited.reload().status == 200
    assert limited.get("/auth/by-route", headers).status == 204


def test_check_is_not_limited(limited, provider):
    token = provider.token("orders-rs256", user="alice")
    for _ in range(6):
        assert limited.check(token, "slow")[1]["verdict"] == "valid"


def test_a_reload_frees_nobody(limited, provider):
    token = bearer(provider.token("orders-rs256", user="alice"))
    assert [limited.get("/auth/slow", token).status for _ in range(4)] == [204, 204, 204, 403]
    assert limited.reload().status == 200
    assert limited.get("/auth/slow", token).status == 403
    write(limited, provider, LIMITS.replace("sub 3/h", "sub 4/h"))
    assert limited.reload().status == 200
    assert limited.get("/auth/slow", token).status == 204  # another limit


def test_limits_are_counted(limited, provider):
    token = bearer(provider.token("orders-rs256", user="alice"))
    for _ in range(5):
        limited.get("/auth/slow", token)
    metrics = limited.metrics()
    assert metrics['authd_limited_total{policy="slow",route="",limit="sub 3/h"}'] == 2
    assert buckets(metrics, "policy slow", "sub 3/h") == (1, 65536)
    assert buckets(metrics, "policy by-claim", "claim:email 2/h") == (0, 65536)
    assert buckets(metrics, "auth_failures", "address 100/m burst 100") == (0, 65536)
    assert metrics['authd_verdicts_total{issuer="holodeck",policy="slow",door="auth",reason="rate_limited"}'] == 2


def test_an_address_whose_tokens_are_refused_has_to_wait(daemon, provider):
    write(daemon, provider, auth_failures="3/h")
    daemon.start()
    good = provider.token("orders-rs256", user="alice")
    for _ in range(3):
        assert daemon.get("/auth/readers", {**told("10.1.2.3"), **bearer(forged(good))}).status == 401
    for token in (forged(good), good):
        answer = daemon.get("/forward-auth/readers", {**told("10.1.2.3"), **bearer(token)})
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (429, "rate_limited")
        assert int(answer.headers["Retry-After"]) > 0
    assert daemon.get("/auth/readers", {**told("10.1.2.4"), **bearer(good)}).status == 204
    # Who brings no token is asked for one as ever.
    assert daemon.get("/auth/readers", told("10.1.2.3")).status == 401
    assert daemon.metrics()['authd_limited_total{policy="readers",route="",limit="auth_failures"}'] == 2


def test_no_token_and_too_few_rights_are_no_failures(daemon, provider):
    write(daemon, provider, auth_failures="2/h")
    daemon.start()
    token = provider.token("orders-rs256", user="alice")
    for _ in range(4):
        assert daemon.get("/auth/readers", told("10.1.2.3")).status == 401
        assert daemon.get("/auth/writers", {**told("10.1.2.3"), **bearer(token)}).status == 403
    assert daemon.get("/auth/readers", {**told("10.1.2.3"), **bearer(token)}).status == 204


def test_who_is_not_believed_throttles_nobody(daemon, provider):
    """Else one client could shut out all that come by the same proxy."""
    write(daemon, provider, auth_failures="2/h", trusted_proxies=None)
    daemon.start()
    good = provider.token("orders-rs256", user="alice")
    for _ in range(4):
        assert daemon.get("/auth/readers", {**told("10.1.2.3"), **bearer(forged(good))}).status == 401
    assert daemon.get("/auth/readers", {**told("10.1.2.3"), **bearer(good)}).status == 204


@pytest.mark.parametrize("rate, pattern", [("100", "auth_failures: .* is no rate"), ("0/m", "auth_failures")])
def test_a_rate_that_is_none_is_refused(daemon, provider, rate, pattern):
    write(daemon, provider, auth_failures=rate)
    done = daemon.check_config()
    assert done.returncode != 0 and re.search(pattern, done.stdout + done.stderr)
