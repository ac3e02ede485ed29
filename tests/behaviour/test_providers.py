"""The providers themselves: what the other tests rest on, the same on devidp and on Keycloak.

The second half is devidp's alone: the faults that only a socket can show, and what it counts.
"""

import http.client
import socket
import threading
import time

import pytest

import providers
from harness import part_of

INACTIVE = {"active": False}
CLIENT = "introspecting"
SLOW_MSEC = 300
CERTS = f"/realms/{providers.REALM}/protocol/openid-connect/certs"


@pytest.fixture
def asker(provider, clients_restored):
    """A client that may ask about its own tokens."""
    provider.create_client(CLIENT, audience=[CLIENT], scopes=["orders:read"], direct_grant=True)
    return CLIENT


def test_a_client_out_of_aud_learns_nothing(provider, asker):
    assert provider.introspect(provider.token(asker, "alice"), asker)["active"]
    provider.set_audience(asker, "somebody-else")
    assert provider.introspect(provider.token(asker, "alice"), asker) == INACTIVE


def test_a_lightweight_token_leaves_to_introspection_what_it_does_not_say(provider, asker):
    provider.set_lightweight(asker, True)
    token = provider.token(asker, "alice")
    said = provider.introspect(token, asker)
    assert not {"sub", "groups", "email", "realm_access", "preferred_username"} & set(part_of(token, 1))
    assert said["sub"] and said["preferred_username"] == "alice" and "orders:read" in said["scope"]


def test_a_revoked_token_an_ended_session_and_a_logout_are_inactive(provider, asker):
    tokens = [provider.token(asker, name) for name in ("alice", "alice", "bob", "carol")]
    provider.revoke(tokens[0])
    provider.end_session(tokens[1])
    provider.logout("bob")
    assert [provider.introspect(token, asker)["active"] for token in tokens] == [False, False, False, True]


def test_a_token_of_a_disabled_key_is_inactive(provider, asker, keys_restored):
    token = provider.token(asker, "alice")
    provider.rotate("RS256")
    assert provider.introspect(token, asker)["active"]
    provider.disable_key(part_of(token, 0)["kid"])
    assert provider.introspect(token, asker) == INACTIVE


def test_clients_that_a_test_made_are_gone_after_it(provider):
    provider.create_client(CLIENT)
    assert provider.introspection_reply("x", CLIENT).status == 200
    provider.reset_clients()
    assert provider.introspection_reply("x", CLIENT).status == 401


# --- devidp ---


def certs(devidp, timeout=10):
    """The raw answer: its status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", devidp.port, timeout=timeout)
    connection.request("GET", CERTS)
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read()


@pytest.mark.devidp
@pytest.mark.parametrize("fault, told", [("big", True), ("big_chunked", False)])
def test_a_big_body_is_big_and_told_or_not(own_devidp, fault, told):
    own_devidp.fault(certs=fault)
    _, headers, body = certs(own_devidp)
    assert len(body) > 50 * 1024 * 1024 and body.rstrip().endswith(b"]}")
    assert ("Content-Length" in headers) == told


@pytest.mark.devidp
def test_a_reset_ends_the_answer_in_its_middle(own_devidp):
    own_devidp.fault(certs="reset")
    with pytest.raises(http.client.IncompleteRead):
        certs(own_devidp)


@pytest.mark.devidp
def test_a_trickle_gives_some_bytes_and_no_more_and_stops_with_devidp(own_devidp):
    own_devidp.fault(certs="trickle")
    with socket.create_connection(("127.0.0.1", own_devidp.port), timeout=10) as client:
        client.sendall(f"GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer, end = b"", time.monotonic() + 2
        while time.monotonic() < end:
            answer += client.recv(4096)
        body = answer.split(b"\r\n\r\n", 1)[1]
        assert 2 <= len(body) <= 2 / 0.2 + 2, body
        own_devidp.end_process()


@pytest.mark.devidp
def test_who_hangs_is_answered_when_the_fault_ends(own_devidp):
    own_devidp.fault(certs="hang", times=1)
    hanging = []
    thread = threading.Thread(target=lambda: hanging.append(certs(own_devidp, 60)[0]))
    thread.start()
    while own_devidp.stats()["certs"] == 0:
        time.sleep(0.01)
    assert certs(own_devidp)[0] == 200, "one hangs, the next does not"
    assert not hanging
    own_devidp.fault(certs="none")
    thread.join()
    assert hanging == [200]


@pytest.mark.devidp
def test_five_thousand_keys_are_served_at_once(own_devidp):
    own_devidp.fault(certs="many")
    certs(own_devidp)
    began = time.monotonic()
    assert len(own_devidp.keys()) > 5000
    assert time.monotonic() - began < 2


@pytest.mark.devidp
def test_introspection_under_way_is_counted_for_each_token(own_devidp):
    tokens = [own_devidp.mint_opaque("orders-rs256") for _ in range(2)]
    own_devidp.fault(introspection="slow", delay_msec=SLOW_MSEC)
    asking = [threading.Thread(target=own_devidp.introspect, args=[token]) for token in [*tokens, tokens[0]]]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    wanted = {"now": 0, "peak": 3, "peak_of_a_token": 2, "tokens": 2}
    assert own_devidp.stats()["introspection_under_way"] == wanted
    own_devidp.reset_stats()
    for token in tokens:
        own_devidp.introspect(token)
    assert own_devidp.stats()["introspection_under_way"]["peak"] == 1
    assert own_devidp.stats()["introspection"] == 2


@pytest.mark.devidp
def test_the_clock_and_the_issuer_are_as_told(own_devidp):
    own_devidp.clock_ahead(3600)
    own_devidp.name_issuer("https://accounts.google.com")
    claims = part_of(own_devidp.token("orders-rs256"), 1)
    assert claims["iss"] == own_devidp.discovery()["issuer"] == "https://accounts.google.com"
    assert abs(claims["iat"] - time.time() - 3600) < 60
    dates = certs(own_devidp)[1].get_all("Date")
    assert len(dates) == 1
    told = time.mktime(time.strptime(dates[0], "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(told - time.time() - 3600) < 60


@pytest.mark.devidp
def test_two_devidp_have_other_keys_under_one_kid(own_devidp, programs):
    with providers.DevIdp(programs.devidp) as other:
        both = [one.rotate("ES256", "shared") for one in (own_devidp, other)]
        keys = [next(key for key in one.keys() if key["kid"] == "shared") for one in (own_devidp, other)]
    assert both == ["shared", "shared"] and keys[0]["x"] != keys[1]["x"]
