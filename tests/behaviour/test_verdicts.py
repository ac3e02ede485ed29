"""Verdicts on the provider's real tokens: algorithms, accounts, roles, groups, scopes, refusals.

Unchanged on devidp and on Keycloak.
"""

import time

import pytest

from conftest import POLICIES, issuer_section
from harness import forged, part_of, until
from short_lived import short_lived_token

VALID = ("valid", "valid")
ALGORITHMS = {
    "orders-rs256": "RS256",
    "orders-es256": "ES256",
    "orders-ps256": "PS256",
    "orders-eddsa": "EdDSA",
}


@pytest.mark.parametrize("client", ALGORITHMS)
def test_a_service_account_token_of_each_algorithm_is_valid(authd, provider, client):
    token = provider.token(client)
    assert part_of(token, 0)["alg"] == ALGORITHMS[client]
    status, answer = authd.check(token, "readers")
    assert (status, answer["verdict"], answer["reason"]) == (200, "valid", "valid")
    assert answer["issuer"] == "holodeck" and answer["policy"] == "readers"
    assert answer["claims"]["iss"] == provider.issuer_url
    assert answer["claims"]["azp"] == client
    assert answer["until"] == answer["claims"]["exp"] + 5 or answer["until"] == answer["claims"]["exp"]


@pytest.mark.parametrize("client", ALGORITHMS)
def test_a_user_token_of_each_algorithm_is_valid_and_hands_on_headers(authd, provider, client):
    token = provider.token(client, user="alice")
    assert part_of(token, 0)["alg"] == ALGORITHMS[client]
    status, answer = authd.check(token, "orders")
    assert (status, answer["verdict"]) == (200, "valid"), answer
    assert answer["headers"] == {
        "X-Auth-Request-User": answer["claims"]["sub"],
        "X-Auth-Request-Preferred-Username": "alice",
        "X-Auth-Request-Groups": "/eng/platform",
    }


# (user, policy, verdict, reason): alice is staff and reader in /eng/platform, bob is nobody, carol is all.
DEMANDS = [
    ("alice", "default", VALID),
    ("alice", "orders", VALID),
    ("alice", "readers", VALID),
    ("alice", "staff", VALID),
    ("alice", "writers", ("forbidden", "missing_role")),
    ("alice", "data", ("forbidden", "missing_group")),
    ("alice", "write-scope", ("forbidden", "missing_scope")),
    ("alice", "write-or-read", VALID),
    ("alice", "elsewhere", ("invalid", "wrong_audience")),
    ("alice", "billing", ("invalid", "wrong_audience")),
    ("alice", "anyone", VALID),
    ("alice", "es256-party", ("invalid", "wrong_party")),
    ("alice", "mail", VALID),
    ("bob", "default", VALID),
    ("bob", "orders", ("forbidden", "missing_role")),
    ("bob", "staff", ("forbidden", "missing_role")),
    ("bob", "mail", ("forbidden", "missing_claim")),
    ("carol", "writers", VALID),
    ("carol", "data", VALID),
]


@pytest.mark.parametrize("user, policy, wanted", DEMANDS, ids=[f"{row[0]}-{row[1]}" for row in DEMANDS])
def test_a_user_meets_a_policy(authd, provider, user, policy, wanted):
    token = provider.token("orders-rs256", user=user)
    assert authd.verdict(token, policy) == wanted
    assert authd.verdict(token, policy) == wanted, "the second answer, from the cache, is another"


def test_a_scope_that_was_asked_for_is_seen(authd, provider):
    token = provider.token("orders-rs256", user="alice", scope="orders:write")
    assert authd.verdict(token, "write-scope") == VALID


def test_a_token_of_another_client_is_for_another_audience(authd, provider):
    token = provider.token("other")
    assert authd.verdict(token, "orders") == ("invalid", "wrong_audience")
    assert authd.verdict(token, "billing") == VALID


def test_a_party_is_the_client_that_got_the_token(authd, provider):
    assert authd.verdict(provider.token("orders-es256"), "es256-party") == VALID
    assert authd.verdict(provider.token("orders-rs256"), "es256-party") == ("invalid", "wrong_party")


def test_a_lightweight_token_lacks_its_subject_and_the_detail_names_the_mapper(authd, provider):
    token = provider.token("lightweight", user="alice")
    status, answer = authd.check(token, "default")
    assert (status, answer["verdict"], answer["reason"]) == (200, "forbidden", "missing_claim"), answer
    assert "sub" in answer["detail"] and "mapper" in answer["detail"].lower()
    assert not answer["claims"]


def test_a_lightweight_token_is_good_where_the_subject_is_optional(authd, provider):
    token = provider.token("lightweight", user="alice")
    status, answer = authd.check(token, "no-subject")
    assert (status, answer["verdict"]) == (200, "valid"), answer
    assert "sub" not in answer["claims"]


@pytest.mark.parametrize("client", ALGORITHMS)
def test_a_forged_token_is_refused_and_gives_no_claims(authd, provider, client):
    token = provider.token(client)
    status, answer = authd.check(forged(token), "default")
    assert (status, answer["verdict"], answer["reason"]) == (200, "invalid", "bad_signature")
    assert not answer["claims"] and not answer["headers"] and answer["until"] is None


def test_a_payload_under_another_signature_is_refused(authd, provider):
    mine, other = provider.token("orders-rs256").split("."), provider.token("other").split(".")
    assert authd.verdict(".".join([mine[0], mine[1], other[2]])) == ("invalid", "bad_signature")


def test_a_token_expires_while_it_is_cached(authd, provider):
    token = short_lived_token(provider, "orders-rs256")
    assert authd.verdict(token, "fresh") == VALID
    until("the short-lived token is refused", lambda: authd.verdict(token, "fresh") != VALID, 30)
    assert authd.verdict(token, "fresh") == ("invalid", "expired")


@pytest.mark.parametrize("which, kind", [("refresh_token", "Refresh"), ("id_token", "ID")])
def test_another_kind_of_token_is_no_access_token(authd, provider, which, kind):
    response = provider.token_response("orders-rs256", user="alice", scope="openid")
    verdict, reason = authd.verdict(response[which], "anyone")
    # A Refresh token is signed HS512 with the realm's own secret: refused before its kind is seen.
    assert (verdict, reason) in [("invalid", "wrong_type"), ("invalid", "unsupported_algorithm")], kind
    if kind == "ID":
        assert reason == "wrong_type"


def test_the_audience_account_is_refused_in_settings_unless_forced_by_name(daemon, provider):
    section = f"[issuer holodeck]\nurl = {provider.issuer_url}"
    daemon.write(section, "[policy default]\naudience = account")
    refused = daemon.check_config()
    assert refused.returncode != 0 and "account" in refused.stderr
    assert f"{daemon.config_path}:" in refused.stderr
    daemon.write(section, "[policy default]\naudience = account\nforce_audience = account")
    assert daemon.check_config().returncode == 0, daemon.check_config().stderr


def test_the_audience_account_works_when_forced(daemon, provider):
    daemon.write(
        f"[issuer holodeck]\nurl = {provider.issuer_url}",
        "[policy default]\naudience = account\nforce_audience = account",
        allow_development_issuers="true",
    )
    daemon.start()
    token = provider.token("orders-rs256", user="alice")
    assert daemon.verdict(token) == VALID


def test_a_token_of_an_issuer_that_is_not_configured_is_refused(daemon, provider, tmp_path):
    daemon.write("[issuer other]\nurl = http://127.0.0.1:9/realms/other", "[policy default]\naudience = any")
    daemon.start(ready=False)
    assert daemon.verdict(provider.token("orders-rs256")) == ("invalid", "unknown_issuer")


@pytest.mark.devidp
def test_a_development_issuer_is_refused_unless_allowed(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES)
    daemon.start(ready=False)
    token = provider.token("orders-rs256")
    assert daemon.verdict(token) == ("invalid", "development_issuer")
    daemon.write(issuer_section(provider), POLICIES, allow_development_issuers="true")
    assert daemon.reload().status == 200
    assert daemon.verdict(token) == VALID
    assert any("development" in warning for warning in daemon.get("/readyz").json["warnings"])
    daemon.wait_event(event="development_issuers_allowed", level="warning")


@pytest.mark.parametrize("body", ["", "not.a.token", "a.b", "....", "ey", "é.é.é", "a" * 20000])
def test_what_is_no_token_is_malformed(authd, body):
    if body:
        assert authd.verdict(body) == ("invalid", "malformed")
    else:
        status, answer = authd.check(body)
        assert (status, answer["error"]) == (400, "bad_request")


def test_get_with_the_authorization_header_answers_the_same(authd, provider):
    token = provider.token("orders-rs256")
    answer = authd.get("/v1/check?policy=readers", {"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    assert answer.json == authd.check(token, "readers")[1]


@pytest.mark.devidp
def test_times_are_judged_on_both_sides_of_their_edges(authd, provider):
    now = int(time.time())
    rows = [
        ({"exp": now + 60}, VALID),
        ({"exp": now - 60}, ("invalid", "expired")),
        ({"nbf": now + 120}, ("invalid", "not_yet_valid")),
        ({"nbf": now - 1}, VALID),
        ({"iat": now + 120}, ("invalid", "not_yet_valid")),
    ]
    for claims, wanted in rows:
        assert authd.verdict(provider.mint("orders-rs256", claims=claims), "fresh") == wanted, claims
