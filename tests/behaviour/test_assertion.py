"""Signed assertions: what a service behind a proxy gets, and that another authd can verify it."""

import json
import os
import time

import pytest

from conftest import issuer_section
from doors_setup import bearer
from harness import Authd, part_of

HEADER = "X-Authd-Assertion"
NAME = "https://authd.internal"
POLICIES = f"""
[policy orders]
audience = orders
assertion = {HEADER}
assertion_audience = orders-backend

[policy short]
audience = orders
assertion = {HEADER}
assertion_audience = short-backend
assertion_ttl = 5s
assertion_claims = realm_access.roles

[policy plain]
audience = orders
"""


def settings(provider, daemon, **more):
    daemon.write(
        issuer_section(provider),
        POLICIES,
        allow_development_issuers="true",
        assertion_issuer=NAME,
        state_dir=daemon.directory / "state",
        **more,
    )


@pytest.fixture
def authd(daemon, provider):
    settings(provider, daemon)
    return daemon.start()


def assertion(authd, token, policy="orders", door="/auth/"):
    answer = authd.get(f"{door}{policy}", bearer(token))
    assert answer.status in (200, 204), answer.text
    return answer.headers[HEADER]


def jwks(authd):
    return json.loads(authd.get("/jwks.json").text)


def test_it_says_who_for_whom_and_for_how_long(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    claims, now = part_of(token, 1), time.time()
    text = assertion(authd, token)
    header, said = part_of(text, 0), part_of(text, 1)
    assert header == {"alg": "ES256", "typ": "authd-assertion+jwt", "kid": jwks(authd)["keys"][0]["kid"]}
    assert said["iss"] == NAME and said["aud"] == "orders-backend" and said["policy"] == "orders"
    assert said["sub"] == claims["sub"] and said["azp"] == claims["azp"] and said["scope"] == claims["scope"]
    assert said["preferred_username"] == "alice" and said["groups"] == claims["groups"]
    assert abs(said["iat"] - now) < 5 and said["exp"] == min(said["iat"] + 60, claims["exp"])
    assert len(said["jti"]) == 22


@pytest.mark.parametrize("door", ["/auth/", "/forward-auth/", "/ext-authz/"])
def test_every_subrequest_door_hands_it_on(authd, provider, door):
    token = provider.token("orders-rs256", user="alice")
    assert part_of(assertion(authd, token, door=door), 1)["aud"] == "orders-backend"


def test_check_hands_it_on_and_other_answers_do_not(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    _, answer = authd.check(token, "orders")
    assert part_of(answer["headers"][HEADER], 1)["sub"] == answer["claims"]["sub"]
    assert HEADER not in authd.check(token, "plain")[1]["headers"]
    assert HEADER not in authd.get("/auth/plain", bearer(token)).headers
    assert HEADER not in authd.get("/auth/orders", bearer(token + "x")).headers
    assert authd.explain(token, "orders")["headers"][HEADER] == ""


def test_policies_have_their_own(authd, provider):
    token = provider.token("orders-rs256", user="alice")
    said = part_of(assertion(authd, token, "short"), 1)
    assert said["aud"] == "short-backend" and said["exp"] == said["iat"] + 5
    assert said["realm_access.roles"] == part_of(token, 1)["realm_access"]["roles"] and "email" not in said


def test_the_keys_are_published_and_private_parts_are_not(authd):
    answer = authd.get("/jwks.json")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "max-age=300"
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert [set(key) for key in json.loads(answer.text)["keys"]] == [{"kty", "crv", "x", "y", "alg", "kid", "use"}]
    assert authd.post("/jwks.json").status == 405


def test_without_assertions_there_is_no_key(daemon, provider):
    daemon.write(issuer_section(provider), "[policy plain]\naudience = orders\n", allow_development_issuers="true")
    daemon.start()
    assert jwks(daemon) == {"keys": []}
    settings(provider, daemon)
    assert daemon.reload().status == 200
    assert len(jwks(daemon)["keys"]) == 1


def test_a_restart_keeps_the_key_in_a_file_of_our_own(authd, provider):
    before = jwks(authd)
    assert all(file.stat().st_mode & 0o077 == 0 for file in (authd.directory / "state").iterdir())
    authd.restart()
    assert jwks(authd) == before


@pytest.fixture
def behind(authd, programs, tmp_path):
    """A second authd, which takes the first one's assertions for tokens."""
    one = Authd(programs, tmp_path)
    keys = tmp_path / "assertions.jwks"
    keys.write_text(authd.get("/jwks.json").text)
    one.write(
        f"[issuer front]\nurl = {NAME}\nkeys_file = {keys}\nalgorithms = ES256\n",
        "[policy backend]\naudience = orders-backend\ntype = authd-assertion+jwt\nclaims = policy=orders\n",
        "[policy tokens]\naudience = orders-backend\n",
        state_dir="none",
    )
    one.start()
    yield one
    one.end()


def test_another_authd_verifies_it(authd, behind, provider):
    token = provider.token("orders-rs256", user="alice")
    text = assertion(authd, token)
    assert behind.verdict(text, "backend") == ("valid", "valid")
    _, answer = behind.check(text, "backend")
    assert answer["claims"]["sub"] == part_of(token, 1)["sub"]


def test_another_authd_refuses_what_is_none(authd, behind, provider):
    token = provider.token("orders-rs256", user="alice")
    text = assertion(authd, token)
    head, body, signature = text.split(".")
    other = assertion(authd, token, "short").split(".")
    assert behind.verdict(f"{head}.{other[1]}.{signature}", "backend") == ("invalid", "bad_signature")
    assert behind.verdict(".".join(other), "backend") == ("invalid", "wrong_audience")
    # RFC 8725 §3.11: an assertion is no access token, and the other way round.
    assert behind.verdict(text, "tokens") == ("invalid", "wrong_type")
    assert behind.verdict(token, "backend") == ("invalid", "unknown_issuer")
    assert authd.verdict(text, "plain") == ("invalid", "unknown_issuer")


REFUSED = [
    ("assertion = X-A", "assertion without assertion_audience"),
    ("assertion_audience = a", "assertion_audience without assertion"),
    ("assertion = Host\nassertion_audience = a", "frames messages"),
    ("assertion = X-Auth-Request-User\nassertion_audience = a", "is there twice"),
    ("assertion = X A\nassertion_audience = a", "is no header name"),
    ("assertion = X-A\nassertion_audience = a\nassertion_ttl = 4s", "5s"),
    ("assertion = X-A\nassertion_audience = a\nassertion_ttl = 601s", "10m"),
    ("assertion = X-A\nassertion_audience = a\nassertion_claims = sub", "is the assertion's own"),
    ("descriptors = a b={sub}", "is no header name"),
    ("descriptors = user", "write Name={claim}"),
]


@pytest.mark.provider_free
@pytest.mark.parametrize("lines, words", REFUSED)
def test_refused_settings(daemon, lines, words):
    daemon.write(
        "[issuer i]\nurl = https://sso.example.com/realms/i\n", f"[policy p]\naudience = x\n{lines}\n"
    )
    run = daemon.check_config()
    assert run.returncode != 0 and words in run.stdout + run.stderr


def test_descriptors_are_headers_too(daemon, provider):
    policy = "[policy p]\naudience = orders\ndescriptors = user={sub}; plan={plan|default:free}; none={nothing}\n"
    daemon.write(issuer_section(provider), policy, allow_development_issuers="true")
    token = provider.token("orders-rs256", user="alice")
    headers = daemon.start().get("/ext-authz/p/orders", bearer(token)).headers
    assert headers["X-Authd-Descriptor-user"] == part_of(token, 1)["sub"]
    assert headers["X-Authd-Descriptor-plan"] == "free" and headers["X-Authd-Descriptor-none"].strip() == ""


def test_who_shows_no_token_has_a_blank_one(daemon, provider):
    daemon.write(
        issuer_section(provider),
        POLICIES,
        "[route maybe]\npath = /maybe/*\npolicy = optional:orders\norder = 1\n",
        "[route open]\npath = /open/*\npolicy = anonymous\norder = 2\n",
        allow_development_issuers="true",
        trusted_proxies=f"uid:{os.getuid()}",
    )
    daemon.start()

    def ask(path, **headers):
        place = {"X-Forwarded-Method": "GET", "X-Forwarded-Host": "a.example", "X-Forwarded-Uri": path}
        return daemon.get("/forward-auth/by-route", {**place, "X-Forwarded-Proto": "https", **headers})

    forged = {HEADER: "mine"}
    for path in ("/maybe/x", "/open/x"):
        answer = ask(path, **forged)
        assert answer.status == 200 and answer.headers[HEADER].strip() == "", (path, answer.text)
    answer = ask("/maybe/x", **bearer(provider.token("orders-rs256", user="alice")))
    assert part_of(answer.headers[HEADER], 1)["preferred_username"] == "alice"
