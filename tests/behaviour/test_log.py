"""Logs and traces: what is in each line, and what never is."""

import base64
import hashlib

import pytest

from harness import forged

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def test_a_verdict_event_says_who_what_and_why(authd, provider):
    token = provider.token("other")
    authd.check(token, "orders")
    event = authd.wait_event(event="verdict")
    assert event["reason"] == "wrong_audience" and event["verdict"] == "invalid"
    assert event["issuer"] == "holodeck" and event["policy"] == "orders" and event["door"] == "check"
    assert event["token"] == hashlib.sha256(token.encode()).hexdigest()[:16]
    assert event["level"] == "info" and event["ts"] and event["message"] and event["uid"] is not None


def test_a_request_id_is_echoed_and_logged(authd, provider):
    answer = authd.post("/v1/check", {"token": provider.token("other")}, {"X-Request-Id": "order-7.a_B"})
    assert answer.headers["X-Request-Id"] == "order-7.a_B"
    authd.wait_event(event="verdict", request_id="order-7.a_B")


@pytest.mark.parametrize("bad", ["a b", 'quo"te', "x" * 65, "{injected}"])
def test_a_request_id_that_is_none_is_replaced(authd, bad):
    answer = authd.post("/v1/check", {"token": "a.b.c"}, {"X-Request-Id": bad})
    assert answer.headers["X-Request-Id"] not in ("", bad)


def test_two_requests_without_ids_get_two(authd):
    ids = {authd.get("/livez").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


def test_a_w3c_trace_goes_on(authd, provider):
    authd.post("/v1/check", {"token": provider.token("other")}, {"traceparent": TRACEPARENT})
    event = authd.wait_event(event="verdict", trace_id=TRACE_ID)
    assert event["span_id"] not in ("00f067aa0ba902b7", "0" * 16)


@pytest.mark.parametrize(
    "bad", ["00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff" + TRACEPARENT[2:], TRACEPARENT.upper(), "junk"]
)
def test_a_broken_trace_begins_anew(authd, bad):
    authd.post("/v1/check", {"token": "a.b.c"}, {"traceparent": bad})
    event = authd.wait_event(event="verdict")
    assert len(event["trace_id"]) == 32 and event["trace_id"] not in (TRACE_ID, "0" * 32)


def test_no_token_is_ever_in_the_log_not_even_in_part(authd, provider):
    good = provider.token("orders-rs256", user="alice")
    tokens = [
        good,
        forged(good),
        provider.token("other"),
        provider.token("lightweight"),
        good + "x",
        "garbage." + good,
    ]
    for token in tokens:
        for policy in (None, "orders", "no-such-policy"):
            authd.check(token, policy)
            authd.get(f"/v1/check?policy={policy or ''}", {"Authorization": f"Bearer {token}"})
        authd.post("/v1/explain", {"token": token})
        authd.post("/v1/check", {"token": token, "tokem": token})
        authd.request("POST", "/v1/check", '{"token":"' + token)  # broken JSON
        authd.get(f"/v1/check?token={token}")
        authd.get(f"/{token}")
    authd.stop()
    log = authd.log_text()
    assert "verdict" in log
    for token in tokens:
        for part in token.split("."):
            assert len(part) < 16 or part[:16] not in log, "a part of a token is in the log"
    payload = good.split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    assert "alice@example.com" in claims and "alice@example.com" not in log


def test_every_line_is_one_json_object_also_for_hostile_words(authd):
    for word in ['"},{"', "a\nb", "\x1b[31m", "é\u2028", "x" * 5000]:
        authd.check("a.b.c", word)
        authd.check(word)
    assert len(authd.log()) > 5  # log() parses every line
    assert all({"ts", "level", "event", "message"} <= set(event) for event in authd.log())
    assert "\x1b" not in authd.log_text()


def test_the_log_level_is_kept(daemon, provider):
    from conftest import POLICIES, issuer_section

    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true", log_level="warning")
    daemon.start()
    daemon.check(provider.token("other"))
    daemon.stop()
    assert {event["level"] for event in daemon.log()} <= {"warning", "error"}
