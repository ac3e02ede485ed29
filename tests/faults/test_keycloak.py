"""The same against the real Keycloak, asked through a gate that only counts."""

import os
import threading
import time

import pytest

import providers
from breaking import failures, fetch_until, make_it_fetch, upstream
from conftest import ORDERS, issuer, settings
from figures import BAD, OPEN
from gate import Gate
from harness import forged, part_of, until
from loop import Loop, bad, good

pytestmark = [
    pytest.mark.keycloak,
    pytest.mark.skipif(not os.environ.get("AUTHD_TEST_KEYCLOAK"), reason="AUTHD_TEST_KEYCLOAK names no Keycloak"),
]

BILLING = """
[policy billing]
audience = billing
introspect = always
"""
MAPPER = {
    "name": "orders-may-ask",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.client.audience": "orders", "access.token.claim": "true", "introspection.token.claim": "true"},
}


@pytest.fixture(scope="module")
def keycloak():
    one = providers.Keycloak()
    one.start()
    yield one
    one.stop()


@pytest.fixture
def gate(keycloak):
    with Gate(keycloak) as one:
        yield one
    keycloak.reset_keys()


@pytest.fixture
def authd(daemon, gate):
    settings(daemon, issuer(gate), ORDERS, allow_development_issuers=None)
    return daemon.start()


def tokens_of(keycloak, n=4):
    return good(keycloak.token(client) for client in ("orders-rs256", "orders-es256") for _ in range(n // 2))


def never(tokens, keycloak):
    return bad([forged(token.text) for token in tokens] + [keycloak.token("other")])


def test_rotation(row, authd, gate, keycloak):
    """Keycloak: rotated under load, the first token of the new key"""
    tokens = tokens_of(keycloak)
    with Loop(authd, tokens + never(tokens, keycloak)) as loop:
        loop.phase()
        old = part_of(tokens[0].text, 0)["kid"]
        keycloak.rotate("RS256")
        new = until("Keycloak signs with the new key", lambda: _of_another_key(keycloak, old), 60)
        began = time.monotonic()
        row.figures.count("good", authd.verdict(new, "orders")[1])
        row.note(first_accepted_after_ms=round(1000 * (time.monotonic() - began), 1))
        loop.phase(1)
    row.figures.add(loop.figures)
    row.close()


def _of_another_key(keycloak, old):
    token = keycloak.token("orders-rs256")
    return token if part_of(token, 0)["kid"] != old else None


def test_key_disabled(row, authd, gate, keycloak):
    """Keycloak: realm key disabled, its tokens, cached ones too, refused within one refresh"""
    tokens = tokens_of(keycloak)
    gone = [token for token in tokens if part_of(token.text, 0)["alg"] == "RS256"]
    with Loop(authd, tokens + never(tokens, keycloak)) as loop:
        loop.phase()
        keycloak.rotate("RS256")
        for token in gone:
            token.kind = OPEN
        keycloak.disable_key(part_of(gone[0].text, 0)["kid"])
        began = time.monotonic()

        def refused():
            make_it_fetch(authd, tokens[-1].text)
            return authd.verdict(gone[0].text, "orders")[0] != "valid"

        until("the tokens of the disabled key are refused", refused, 60)
        row.note(refused_after_s=round(time.monotonic() - began, 1))
        loop.phase(0.2)
        for token in gone:
            token.kind = BAD
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_restart(row, authd, gate, keycloak):
    """Keycloak: restarted under load"""
    tokens = tokens_of(keycloak)
    restart = threading.Thread(target=keycloak.restart)
    with Loop(authd, tokens + never(tokens, keycloak)) as loop:
        loop.phase()
        failed = failures(authd)
        began, well = time.monotonic(), upstream(authd, True)
        restart.start()
        fetch_until(authd, tokens[0].text, "a call failed", lambda: failures(authd) > failed)
        while restart.is_alive():
            loop.phase(0.5)
        fetch_until(authd, tokens[0].text, "Keycloak answers", lambda: upstream(authd, True) > well, 120)
        row.note(away_s=round(time.monotonic() - began))
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_not_permitted(row, daemon, gate, keycloak):
    """Keycloak: this client may not introspect; never taken for inactive, and a mapper is enough"""
    secret = daemon.directory / "client-secret"
    secret.write_text("orders-secret\n")
    secret.chmod(0o600)
    settings(daemon, issuer(gate, client_id="orders", client_secret_file=secret), ORDERS, BILLING,
             allow_development_issuers=None)
    daemon.start()
    tokens = bad([keycloak.token("other") for _ in range(4)], policy="billing")
    with Loop(daemon, tokens, 4, 100) as loop:
        loop.phase(1)
        assert set(loop.reasons) == {"unavailable"}, loop.reasons
        assert gate.count("introspect"), "nobody was asked"
    row.figures.add(loop.figures)
    client = keycloak.admin.call("GET", "/clients?clientId=other").json()[0]["id"]
    made = keycloak.admin.call("POST", f"/clients/{client}/protocol-mappers/models", MAPPER).headers["Location"]
    try:
        with Loop(daemon, good([keycloak.token("other") for _ in range(4)], policy="billing"), 4, 100) as loop:
            loop.phase(1)
        row.figures.add(loop.figures)
    finally:
        keycloak.admin.call("DELETE", f"/clients/{client}/protocol-mappers/models/{made.rsplit('/', 1)[1]}")
    row.close()
