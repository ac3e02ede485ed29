"""Tokens that are bound to a key (DPoP, RFC 9449) or a certificate (RFC 8705), acr and auth_time (RFC 9470).

Minted by devidp, which writes what it is told into cnf; the proofs are signed here.
"""

import base64
import hashlib
import os
import time
import urllib.parse

import pytest
from conftest import POLICIES, issuer_section
from doors_setup import bearer
from proofs import Signer, b64, certificate

pytestmark = pytest.mark.devidp

POLICIES_BOUND = """
[policy bound]
audience = orders
dpop = required

[policy nonce]
audience = orders
dpop_nonce = true

[policy unbound]
audience = orders
dpop = never
mtls = never

[policy certified]
audience = orders
mtls = required

[policy strong]
audience = orders
acr = gold; silver

[policy recent]
audience = orders
acr = gold
max_auth_age = 10m
"""


@pytest.fixture
def bound(daemon, provider):
    daemon.write(issuer_section(provider), POLICIES, POLICIES_BOUND, allow_development_issuers="true",
                 trusted_proxies=f"uid:{os.geteuid()}")
    return daemon.start()


@pytest.fixture(scope="module")
def signer():
    return Signer()


def minted(provider, **claims):
    return provider.mint("orders-rs256", user="alice", claims=claims)


def told(**more):
    return {"X-Original-Method": "GET", "X-Original-URI": "/orders/1", "X-Original-Host": "api.example.com",
            "X-Forwarded-Proto": "https", **more}


def dpop(token, proof):
    return told(Authorization=f"DPoP {token}", **({"DPoP": proof} if proof else {}))


def test_a_bound_token_passes_with_its_proof_once(bound, provider, signer):
    token = minted(provider, cnf={"jkt": signer.jkt})
    proof = signer.proof(token)
    assert bound.get("/auth/bound", dpop(token, proof)).status == 204
    again = bound.get("/auth/bound", dpop(token, proof))
    assert (again.status, again.headers["X-Authd-Reason"]) == (401, "bad_proof")
    assert again.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof"')
    assert 'algs="' in again.headers["WWW-Authenticate"]
    assert bound.get("/auth/default", dpop(token, signer.proof(token))).status == 204


def test_each_door_tells_the_proofs_place(bound, provider, signer):
    token = minted(provider, cnf={"jkt": signer.jkt})
    forwarded = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-Host": "api.example.com",
                 "X-Forwarded-Proto": "https"}
    authorization = {"Authorization": f"DPoP {token}"}
    assert bound.get("/forward-auth/bound", {**forwarded, **authorization, "DPoP": signer.proof(token)}).status == 200
    own = {"Host": "api.example.com", "X-Forwarded-Proto": "https", **authorization}
    assert bound.get("/ext-authz/bound/orders/1", {**own, "DPoP": signer.proof(token)}).status == 200
    wrong = signer.proof(token, method="POST")
    assert bound.get("/ext-authz/bound/orders/1", {**own, "DPoP": wrong}).headers["X-Authd-Reason"] == "bad_proof"
    assert bound.request("POST", "/ext-authz/bound/orders/1", headers={**own, "DPoP": signer.proof(token, "POST")}).status == 200


@pytest.mark.parametrize("changes", [
    {"method": "POST"}, {"url": "https://api.example.com/orders/2"}, {"url": "http://api.example.com/orders/1"},
    {"url": "https://other.example.com/orders/1"}, {"issued_in_sec": -3600}, {"issued_in_sec": 3600},
    {"ath": b64(hashlib.sha256(b"another").digest())}, {"ath": None}, {"jti": None}, {"head": {"typ": "JWT"}},
    {"head": {"alg": "none"}}, {"head": {"alg": "HS256"}},
], ids=str)
def test_a_proof_of_anything_else_is_refused(bound, provider, signer, changes):
    token = minted(provider, cnf={"jkt": signer.jkt})
    changes = dict(changes)
    if "issued_in_sec" in changes:
        changes["iat"] = int(time.time()) + changes.pop("issued_in_sec")
    answer = bound.get("/auth/bound", dpop(token, signer.proof(token, **changes)))
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "bad_proof")


def test_another_key_and_two_proofs_are_refused(bound, provider, signer):
    token = minted(provider, cnf={"jkt": signer.jkt})
    answer = bound.get("/auth/bound", dpop(token, Signer().proof(token)))
    assert answer.headers["X-Authd-Reason"] == "bad_proof"
    assert bound.get("/auth/bound", dpop(token, "x")).headers["X-Authd-Reason"] == "bad_proof"


def test_a_bound_token_is_no_bearer_token(bound, provider, signer):
    token = minted(provider, cnf={"jkt": signer.jkt})
    for headers in (told(**bearer(token)), told(**bearer(token), DPoP=signer.proof(token)), dpop(token, None)):
        answer = bound.get("/auth/default", headers)
        assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "missing_proof")
        assert answer.headers["WWW-Authenticate"].startswith('DPoP error="invalid_token"')
    assert bound.verdict(token)[1] == "wrong_type"  # nobody can prove anything at /v1/check
    assert bound.get("/auth/unbound", dpop(token, signer.proof(token))).headers["X-Authd-Reason"] == "wrong_type"


def test_an_unbound_token_is_no_dpop_token(bound, provider, signer):
    token = provider.token("orders-rs256", user="alice")
    assert bound.get("/auth/default", dpop(token, signer.proof(token))).headers["X-Authd-Reason"] == "wrong_type"
    answer = bound.get("/auth/bound", told(**bearer(token)))
    assert (answer.status, answer.headers["X-Authd-Reason"]) == (401, "wrong_type")
    assert bound.get("/auth/bound", told()).headers["WWW-Authenticate"].startswith("DPoP algs=")
    assert bound.get("/auth/default", told(**bearer(token))).status == 204


def test_what_no_trusted_proxy_tells_proves_nothing(daemon, provider, signer):
    daemon.write(issuer_section(provider), POLICIES, POLICIES_BOUND, allow_development_issuers="true")
    daemon.start()
    token = minted(provider, cnf={"jkt": signer.jkt})
    assert daemon.get("/auth/bound", dpop(token, signer.proof(token))).headers["X-Authd-Reason"] == "wrong_type"
    pem, thumbprint = certificate()
    token = minted(provider, cnf={"x5t#S256": thumbprint})
    headers = told(**bearer(token), **{"X-Client-Cert": urllib.parse.quote(pem)})
    assert daemon.get("/auth/certified", headers).headers["X-Authd-Reason"] == "missing_certificate"


def test_a_nonce_is_handed_out_and_demanded(bound, provider, signer):
    token = minted(provider, cnf={"jkt": signer.jkt})
    first = bound.get("/auth/nonce", dpop(token, signer.proof(token)))
    assert (first.status, first.headers["X-Authd-Reason"]) == (401, "proof_nonce")
    assert first.headers["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce"')
    nonce = first.headers["DPoP-Nonce"]
    assert bound.get("/auth/nonce", dpop(token, signer.proof(token, nonce=nonce))).status == 204
    wrong = bound.get("/auth/nonce", dpop(token, signer.proof(token, nonce=nonce[::-1])))
    assert (wrong.status, wrong.headers["X-Authd-Reason"]) == (401, "proof_nonce") and wrong.headers["DPoP-Nonce"]
    assert "DPoP-Nonce" not in bound.get("/auth/bound", dpop(token, "x")).headers


def test_a_certificate_in_each_proxys_words(bound, provider):
    pem, thumbprint = certificate()
    body = "".join(pem.splitlines()[1:-1])
    token = minted(provider, cnf={"x5t#S256": thumbprint})
    rows = [("/auth/certified", {"X-Client-Cert": urllib.parse.quote(pem)}, 204),
            ("/forward-auth/certified", {"X-Forwarded-Tls-Client-Cert": urllib.parse.quote(body)}, 200),
            ("/ext-authz/certified/x", {"X-Forwarded-Client-Cert":
             f"Hash={base64.urlsafe_b64decode(thumbprint + '=').hex()}"}, 200)]
    other, _ = certificate()
    for path, headers, status in rows:
        assert bound.get(path, {**headers, **bearer(token)}).status == status, path
        assert bound.get(path, bearer(token)).headers["X-Authd-Reason"] == "missing_certificate"
    headers = {"X-Client-Cert": urllib.parse.quote(other), **bearer(token)}
    assert bound.get("/auth/certified", headers).headers["X-Authd-Reason"] == "wrong_certificate"
    headers = {"X-Client-Cert": "junk", **bearer(token)}
    assert bound.get("/auth/certified", headers).headers["X-Authd-Reason"] == "wrong_certificate"
    plain = bearer(provider.token("orders-rs256", user="alice"))
    assert bound.get("/auth/certified", {**rows[0][1], **plain}).headers["X-Authd-Reason"] == "wrong_type"


def test_who_must_sign_in_anew_is_told_how(bound, provider):
    now = int(time.time())
    rows = [("strong", {"acr": "silver"}, None, None), ("strong", {"acr": "bronze"}, "acr_too_low", 'acr_values="gold silver"'),
            ("strong", {}, "acr_too_low", 'acr_values="gold silver"'),
            ("recent", {"acr": "gold", "auth_time": now - 500}, None, None),
            ("recent", {"acr": "gold", "auth_time": now - 700}, "auth_too_old", 'acr_values="gold", max_age="600"')]
    for policy, claims, reason, demand in rows:
        answer = bound.get(f"/auth/{policy}", bearer(minted(provider, **claims)))
        assert answer.headers["X-Authd-Reason"] == reason, (policy, claims)
        if reason:
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith('Bearer error="insufficient_user_authentication"') and challenge.endswith(demand)


def test_a_step_of_the_protocol_is_no_failed_authentication(daemon, provider, signer):
    """Else clients behind one address would shut each other out by doing what RFC 9449 and RFC 9470 say."""
    daemon.write(issuer_section(provider), POLICIES, POLICIES_BOUND, allow_development_issuers="true",
                 trusted_proxies=f"uid:{os.geteuid()}", auth_failures="2/h")
    daemon.start()
    address = {"X-Forwarded-For": "10.1.2.3"}
    token, weak = minted(provider, cnf={"jkt": signer.jkt}), minted(provider, acr="bronze")
    for _ in range(4):
        first = daemon.get("/auth/nonce", {**dpop(token, signer.proof(token)), **address})
        assert first.headers["X-Authd-Reason"] == "proof_nonce"
        assert daemon.get("/auth/strong", {**bearer(weak), **address}).headers["X-Authd-Reason"] == "acr_too_low"
    for reason in ("bad_proof", "bad_proof", "rate_limited"):
        wrong = dpop(token, signer.proof(token, method="POST", nonce=first.headers["DPoP-Nonce"]))
        assert daemon.get("/auth/nonce", {**wrong, **address}).headers["X-Authd-Reason"] == reason
