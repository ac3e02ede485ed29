"""/auth/POLICY: the verdict in a proxy's words, and claims that try to be headers."""

import re

import pytest

import doors_rows
import providers
from conftest import POLICIES, issuer_section
from doors_setup import bearer, raw_head, tcp_ask
from harness import forged, until

INVALID = r'Bearer error="invalid_token", error_description="[^"\\]+"'
FORBIDDEN = r'Bearer error="insufficient_scope", error_description="[^"\\]+"'
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
# Of an answer, beside what the policy hands on.
OWN_HEADERS = ["Date", "X-Request-Id", "Cache-Control"]


def head_of(authd, policy, token):
    """[(name, value)] of the answer, as the bytes stand, and its status line."""
    question = f"GET /auth/{policy} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    status, *lines = [line.decode("latin-1") for line in raw_head(authd.socket, question.encode())]
    return status, [tuple(line.split(": ", 1)) for line in lines]


def test_a_yes_is_204_with_what_the_policy_hands_on(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    answer = authd.get("/auth/orders", bearer(token))
    assert (answer.status, answer.text) == (204, "")
    wanted = authd.check(token, "orders")[1]["headers"]
    assert len(wanted) == 3 and all(wanted.values())
    assert {name: answer.headers[name] for name in wanted} == wanted
    assert sorted(answer.headers) == sorted([*wanted, *OWN_HEADERS])
    assert answer.headers["Cache-Control"] == "no-store"


def test_each_header_is_there_when_its_claim_is_missing(authd, provider):
    token = provider.token("lightweight", user="alice")
    status, head = head_of(authd, "no-subject", token)
    assert status == "HTTP/1.1 204 No Content"
    names = ["X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups"]
    assert [name for name, _ in head if name.startswith("X-Auth-Request")] == names
    assert [value.strip() for name, value in head if name == "X-Auth-Request-User"] == [""]


# (what, headers of the request, policy, status, reason, WWW-Authenticate)
REFUSALS = [
    ("no token", lambda provider: {}, "orders", 401, "missing_token", "Bearer"),
    ("another scheme", lambda provider: {"Authorization": "Basic YWxpY2U6eA=="}, "orders", 401, "missing_token", "Bearer"),
    ("the scheme alone", lambda provider: {"Authorization": "Bearer"}, "orders", 401, "missing_token", "Bearer"),
    ("junk", lambda provider: bearer("junk"), "orders", 401, "malformed", INVALID),
    ("forged", lambda provider: bearer(forged(provider.token("orders-rs256"))), "orders", 401, "bad_signature", INVALID),
    ("wrong audience", lambda provider: bearer(provider.token("other")), "orders", 401, "wrong_audience", INVALID),
    ("no role", lambda provider: bearer(provider.token("orders-rs256", user="bob")), "orders", 403, "missing_role", FORBIDDEN),
    ("no group", lambda provider: bearer(provider.token("orders-rs256")), "orders", 403, "missing_group", FORBIDDEN),
    ("unknown policy", lambda provider: bearer("a.b.c"), "nobody", 404, "unknown_policy", None),
    ("no policy", lambda provider: bearer("a.b.c"), "", 404, "no_such_door", None),
    ("a path behind the policy", lambda provider: bearer("a.b.c"), "orders/x", 404, "unknown_policy", None),
]


@pytest.mark.parametrize("headers, policy, status, reason, challenge", [row[1:] for row in REFUSALS],
                         ids=[row[0] for row in REFUSALS])
def test_a_refusal_says_why(authd, provider, headers, policy, status, reason, challenge):
    answer = authd.get(f"/auth/{policy}", headers(provider))
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (status, reason)
    assert answer.json["error"] == reason and answer.json["detail"]
    if challenge:
        assert re.fullmatch(challenge, answer.headers["WWW-Authenticate"]), answer.headers["WWW-Authenticate"]
    else:
        assert "WWW-Authenticate" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("X-Auth-Request")]


def test_the_scheme_is_read_in_any_case(authd, provider):
    assert authd.get("/auth/readers", {"authorization": f"bEARER {provider.token('orders-rs256')}"}).status == 204


def test_could_not_ask_is_neither_401_nor_403(daemon, provider):
    daemon.write(*doors_rows.settings(provider), allow_development_issuers="true")
    daemon.start(ready=False)
    answer = daemon.get("/auth/two", bearer(doors_rows.unsigned(iss=doors_rows.ABSENT_ISSUER)))
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("method", METHODS)
def test_the_method_of_the_subrequest_does_not_matter(authd, provider, method):
    body = "x" * 1000 if method in ("POST", "PUT", "PATCH") else None
    assert authd.request(method, "/auth/readers", body, bearer(provider.token("orders-rs256"))).status == 204
    assert authd.request(method, "/auth/readers", body, bearer("junk")).status == 401


def test_the_door_is_on_tcp_too_and_v1_is_not(daemon, provider):
    port = providers.free_port()
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true", listen=f"127.0.0.1:{port}")
    daemon.start()
    token = provider.token("orders-rs256")
    assert tcp_ask(port, "GET", "/auth/readers", headers=bearer(token)).status == 204
    assert tcp_ask(port, "GET", "/auth/readers").status == 401
    assert tcp_ask(port, "GET", "/v1/check?policy=readers", headers=bearer(token)).json["error"] == "no_such_door"


def test_verdicts_are_counted_by_door_and_no_token_is_logged(authd, provider):
    token = provider.token("orders-rs256")
    assert authd.get("/auth/readers", bearer(token)).status == 204
    assert authd.get("/auth/staff", bearer(token)).status == 403
    counted = [name for name, value in authd.metrics().items() if 'door="auth"' in name and value > 0]
    for wanted in ('policy="readers",door="auth",reason="valid"', 'policy="staff",door="auth",reason="missing_role"'):
        assert any(wanted in name for name in counted), counted
    event = authd.wait_event(event="verdict", door="auth", reason="missing_role")
    assert event["policy"] == "staff"
    assert token not in authd.log_text() and token.split(".")[2] not in authd.log_text()


# Claims that would be more than a value.

HOSTILE = [
    ("a line of its own", "alice\r\nX-Auth-Request-Groups: /admins", "alice%0D%0AX-Auth-Request-Groups: /admins"),
    ("a bare line feed", "alice\nSet-Cookie: a=b", "alice%0ASet-Cookie: a=b"),
    ("the end of the head", "alice\r\n\r\n<html>", "alice%0D%0A%0D%0A<html>"),
    ("other controls", "\x01\t\x0b\x0c\x1b\x7f", "%01%09%0B%0C%1B%7F"),
    ("not ASCII", "Zoë Čapek", "Zo%C3%AB %C4%8Capek"),
    ("lines of Unicode", "a\u2028b\u0085c", "a%E2%80%A8b%C2%85c"),
    ("spaces at the edges", "  alice ", "%20 alice%20"),
    ("what looks encoded", "a%0Ab", "a%250Ab"),
    ("one space", " ", "%20"),
    ("nothing", "", ""),
]


@pytest.mark.devidp
@pytest.mark.parametrize("name, sent", [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_claim_stays_one_value(authd, provider, name, sent):
    token = provider.mint("orders-rs256", user="alice", claims={"preferred_username": name})
    status, head = head_of(authd, "orders", token)
    assert status == "HTTP/1.1 204 No Content"
    values = [value for header, value in head if header == "X-Auth-Request-Preferred-Username"]
    assert [value.strip(" ") for value in values] == [sent]
    assert sorted(header for header, _ in head) == sorted(
        ["X-Auth-Request-User", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Groups", *OWN_HEADERS])


@pytest.mark.devidp
def test_a_group_cannot_be_two(authd, provider):
    token = provider.mint("orders-rs256", user="alice", claims={"groups": ["/eng/platform", "/a,/admins", "/b\r\nX: y"]})
    assert dict(head_of(authd, "orders", token)[1])["X-Auth-Request-Groups"] == "/eng/platform,/a%2C/admins,/b%0D%0AX: y"


@pytest.mark.devidp
@pytest.mark.parametrize("value", ['a"b\\c', 'x", error="none', "a\r\nX-Evil: 1", "é" * 300, "\\" * 400])
def test_a_claim_in_a_refusal_stays_within_its_quotes(authd, provider, value):
    token = provider.mint("orders-rs256", user="alice", claims={"aud": value})
    status, head = head_of(authd, "orders", token)
    assert status.startswith("HTTP/1.1 401")
    challenges = [text for header, text in head if header == "WWW-Authenticate"]
    assert len(challenges) == 1 and re.fullmatch(INVALID, challenges[0]), challenges
    # RFC 6750 section 3: %x20-21 / %x23-5B / %x5D-7E
    assert re.fullmatch(r"[\x20-\x7e]+", challenges[0])
    assert not [header for header, _ in head if header == "X-Evil"]


@pytest.mark.devidp
def test_headers_that_do_not_fit_are_a_refusal_and_no_half_answer(daemon, provider):
    headers = "; ".join(f"X-Group-{n}={{groups|join:,}}" for n in range(8))
    daemon.write(issuer_section(provider), f"[policy orders]\naudience = orders\nheaders = {headers}", allow_development_issuers="true")
    daemon.start()
    token = provider.mint("orders-rs256", user="alice", claims={"groups": [f"/group/{n:030}" for n in range(200)]})
    answer = daemon.get("/auth/orders", bearer(token))
    assert (answer.status, answer.json["error"]) == (500, "answer_too_large")
    assert not [name for name in answer.headers if name.startswith("X-Group")]


def test_a_check_that_must_ask_for_a_key_first_is_answered(authd, provider, keys_restored):
    assert authd.get("/auth/readers", bearer(provider.token("orders-es256"))).status == 204
    provider.rotate("ES256")
    token = provider.token("orders-es256")
    until("the new key is known", lambda: authd.get("/auth/readers", bearer(token)).status == 204)
