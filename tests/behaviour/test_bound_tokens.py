"""Tokens that Keycloak itself bound to a key (DPoP, RFC 9449) or to a certificate (RFC 8705).

test_dpop has each way in which a proof can be wrong; here it is that what Keycloak issues is understood.
Keycloak is told of certificates by the proxy in front of it, in Client-Cert (RFC 9440); authd by each proxy in its
own words.
"""

import base64
import os
import urllib.parse

import pytest

from conftest import POLICIES, issuer_section
from doors_setup import bearer
from proofs import URL, Signer, certificate
from providers import decode

pytestmark = pytest.mark.keycloak

POLICIES_BOUND = """
[policy proven]
audience = orders
dpop = required

[policy certified]
audience = orders
mtls = required
"""
PLACE = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-Host": "api.example.com",
         "X-Forwarded-Proto": "https"}


def write(daemon, provider, **more):
    daemon.write(issuer_section(provider), POLICIES, POLICIES_BOUND, allow_development_issuers="true", **more)
    return daemon.start()


@pytest.fixture
def believing(daemon, provider):
    return write(daemon, provider, trusted_proxies=f"uid:{os.geteuid()}")


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture(scope="module")
def proven(provider, signer):
    """(service account's, alice's) token, bound to signer's key."""
    provider.create_client("proven", audience=["orders"], direct_grant=True, bound_to="key")
    tokens = []
    for user in (None, "alice"):
        proof = signer.proof("", "POST", provider.endpoint("token"), ath=None)
        response = provider.token_response("proven", user=user, headers={"DPoP": proof})
        assert response["token_type"] == "DPoP"
        assert decode(response["access_token"])[1]["cnf"]["jkt"] == signer.jkt
        tokens.append(response["access_token"])
    yield tokens
    provider.reset_clients()


@pytest.fixture(scope="module")
def certified(provider):
    """(token, PEM) of a token that is bound to that certificate."""
    provider.create_client("certified", audience=["orders"], bound_to="certificate")
    pem, thumbprint = certificate()
    token = provider.token_response("certified", headers={"Client-Cert": f":{body_of(pem)}:"})["access_token"]
    assert decode(token)[1]["cnf"] == {"x5t#S256": thumbprint}
    yield token, (pem, thumbprint)
    provider.reset_clients()


def body_of(pem):
    return "".join(pem.splitlines()[1:-1])


def forward(daemon, token, proof, policy="proven", scheme="DPoP"):
    answer = daemon.get(f"/forward-auth/{policy}", {**PLACE, "Authorization": f"{scheme} {token}",
                                                   **({"DPoP": proof} if proof else {})})
    return answer.status, answer.headers.get("X-Authd-Reason")


def test_keycloak_gives_nothing_bound_without_a_proof(provider, proven, certified):
    for client in ("proven", "certified"):
        reply = provider.token_request(client)
        assert (reply.status, reply.json()["error"]) == (400, "invalid_request")


def test_a_token_bound_to_a_key_passes_with_its_proof_once(believing, proven, signer):
    for token in proven:
        for policy in ("proven", "default"):
            proof = signer.proof(token)
            assert forward(believing, token, proof, policy) == (200, None)
            assert forward(believing, token, proof, policy) == (401, "bad_proof")
    assert believing.verdict(proven[0])[1] == "wrong_type"  # at /v1/check nobody can prove anything


@pytest.mark.parametrize("policy", ["proven", "default"])
def test_a_token_bound_to_a_key_passes_with_nothing_else(believing, proven, signer, policy):
    token, other = proven
    proofs = [Signer().proof(token), signer.proof(other), signer.proof(token, method="POST"),
              signer.proof(token, url=URL + "0"), signer.proof(token, url=URL.replace("https", "http")), "x"]
    assert [forward(believing, token, proof, policy) for proof in proofs] == [(401, "bad_proof")] * len(proofs)
    assert forward(believing, token, None, policy) == (401, "missing_proof")
    status, reason = forward(believing, token, signer.proof(token), policy, scheme="Bearer")
    assert (status, reason) == (401, "missing_proof")


def in_each_proxys_words(certificate_of):
    pem, thumbprint = certificate_of
    digest = base64.urlsafe_b64decode(thumbprint + "=").hex()
    return [("/auth/", {"X-Client-Cert": urllib.parse.quote(pem)}, 204),
            ("/forward-auth/", {"X-Forwarded-Tls-Client-Cert": urllib.parse.quote(body_of(pem))}, 200),
            ("/ext-authz/", {"X-Forwarded-Client-Cert": f"By=spiffe://a/b;Hash={digest};Subject=\"CN=client\""}, 200)]


@pytest.mark.parametrize("policy", ["certified", "default"])
def test_a_token_bound_to_a_certificate_passes_with_it_alone(believing, certified, policy):
    token, own = certified
    for door, told, status in in_each_proxys_words(own):
        assert believing.get(door + policy, {**told, **bearer(token)}).status == status, door
        refused = believing.get(door + policy, bearer(token))
        assert (refused.status, refused.headers["X-Authd-Reason"]) == (401, "missing_certificate"), door
    for door, told, _ in in_each_proxys_words(certificate()):
        refused = believing.get(door + policy, {**told, **bearer(token)})
        assert (refused.status, refused.headers["X-Authd-Reason"]) == (401, "wrong_certificate"), door


def test_who_is_not_believed_tells_no_certificate(daemon, provider, certified):
    write(daemon, provider)
    token, own = certified
    for door, told, _ in in_each_proxys_words(own):
        refused = daemon.get(f"{door}certified", {**told, **bearer(token)})
        assert (refused.status, refused.headers["X-Authd-Reason"]) == (401, "missing_certificate"), door
