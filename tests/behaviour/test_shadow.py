"""Shadow mode: [policy NAME.next] is judged beside NAME, told to operators, and to nobody else."""

import pytest

from conftest import issuer_section
from doors_setup import bearer

POLICIES = """
[policy orders]
audience = orders

[policy orders.next]
roles = orders:reader

[policy loose]
audience = orders
roles = orders:reader

[policy loose.next]
roles = orders:reader; orders:writer
headers = X-User={sub}
"""


@pytest.fixture
def authd(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true")
    return daemon.start()


def shadow_of(authd, name):
    status = authd.get("/v1/status").json
    return next(policy["shadow"] for policy in status["policies"] if policy["name"] == name)


def counted(authd, reason):
    return f'authd_shadow_verdicts_total{{policy="orders",reason="{reason}"}} ' in authd.get("/metrics").text


def test_who_would_break_is_let_through_and_counted(authd, provider):
    bob, alice = (provider.token("orders-rs256", user=user) for user in ("bob", "alice"))
    for token in (bob, bob, alice):
        answer = authd.get("/auth/orders", bearer(token))
        assert answer.status == 204
        assert "shadow" not in str(answer.headers).lower() and "missing_role" not in str(answer.headers)
    assert shadow_of(authd, "orders") == {
        "policy": "orders.next",
        "judged": 3,
        "refused": 2,
        "reasons": {"missing_role": 2},
        "warnings": [],
    }
    assert counted(authd, "missing_role") and counted(authd, "valid")
    shown = authd.authctl("status").stdout
    assert "orders: shadow: 2 would be refused of 3 (2 missing_role)" in shown


def test_what_differs_is_one_event_and_what_agrees_is_none(authd, provider):
    bob, alice = (provider.token("orders-rs256", user=user) for user in ("bob", "alice"))
    authd.get("/auth/orders", bearer(alice))
    authd.get("/auth/orders", {**bearer(bob), "X-Request-Id": "tell-me"})
    event = authd.wait_event(event="shadow_verdict")
    assert event["reason"] == "missing_role" and event["enforced"] == "valid"
    assert event["policy"] == "orders.next" and event["request_id"] == "tell-me"
    assert event["level"] == "info" and "orders:reader" in event["message"] and len(event["token"]) == 16
    assert bob not in authd.log_text()
    assert len([line for line in authd.log() if line["event"] == "shadow_verdict"]) == 1


def test_check_says_nothing_and_explain_says_all(authd, provider):
    bob = provider.token("orders-rs256", user="bob")
    _, answer = authd.check(bob, "orders")
    assert answer["verdict"] == "valid" and "shadow" not in answer
    shadow = authd.explain(bob, "orders")["shadow"]
    assert (shadow["policy"], shadow["verdict"], shadow["reason"]) == ("orders.next", "forbidden", "missing_role")
    assert [step["step"] for step in shadow["steps"] if step["result"] == "failed"] == ["roles"]
    assert authd.explain(provider.token("orders-rs256", user="alice"), "orders")["shadow"]["reason"] == "valid"
    assert authd.explain("a.b.c", "orders")["shadow"] is None


def test_nobody_can_ask_by_its_name(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    answer = authd.get("/auth/orders.next", bearer(token))
    assert (answer.status, answer.json["error"]) == (404, "unknown_policy")
    assert authd.check(token, "orders.next")[0] == 404
    assert authd.post("/introspect/orders.next").status == 404


def test_what_it_asks_for_less_or_in_vain_is_a_warning(authd):
    assert shadow_of(authd, "loose")["warnings"] == [
        "looser than policy loose: roles takes orders:writer, too",
        "headers is not looked at in shadow",
    ]
    assert "loose: shadow: looser than policy loose" in authd.authctl("status").stdout


REFUSED = [
    ("[policy a.next]\naudience = x\n", "[policy a.next] is tried in the shadow of [policy a]"),
    ("[policy a.b]\naudience = x\n", "a policy's name has no dot"),
    ("[policy orders.next.next]\nroles = x:y\n", "a policy's name has no dot"),
    ("[policy .next]\naudience = x\n", "bad name"),
    ("[policy orders.next]\nacr =\n", "has no value"),
    ("[route r]\npath = /*\npolicy = orders.next\norder = 1\n", "orders.next"),
]


@pytest.mark.provider_free
@pytest.mark.parametrize("section, words", REFUSED)
def test_refused_settings(daemon, section, words):
    issuer = "[issuer i]\nurl = https://sso.example.com/realms/i\n"
    daemon.write(issuer, "[policy orders]\naudience = orders\n", section)
    run = daemon.check_config()
    assert run.returncode != 0 and words in run.stdout + run.stderr
