"""The provider's key set is odd, or changes while everybody asks."""

import time

import pytest

import gate as faults
from breaking import broken, make_it_fetch
from conftest import ORDERS, issuer, mixed_tokens, settings
from figures import BAD, OPEN
from gate import Gate
from harness import part_of, until
from loop import RATE, Loop, good

N_MANY = 5000
QUICK = ("that an unknown kid causes",)
REFRESH_SEC = 40  # devidp says nothing of caching, or little: ISSUER_REFRESH_MIN_SEC, jitter and some
PUBLISH_SEC = 2  # from the provider's answer to the workers


def with_keys(change):
    return faults.edited(lambda document: {**document, "keys": change(document["keys"])})


def many(keys):
    """The set's own keys, and thousands of others of the same make."""
    return keys + [{**keys[0], "kid": f"one-of-many-{i}"} for i in range(N_MANY - len(keys))]


def twice(keys):
    """Each kid twice, the second time for the key of a stranger."""
    strangers = {"RSA": next(key for key in keys if key["use"] == "enc")}
    return keys + [{**strangers[key["kty"]], "kid": key["kid"], "use": "sig", "alg": key["alg"]}
                   for key in keys if key["kty"] == "RSA" and key["use"] == "sig"]


def only_enc(keys):
    return [{**key, "use": "enc"} for key in keys]


ODD = {"empty": lambda keys: [], "of 5 000 keys": many, "duplicate kids": twice, "only enc keys": only_enc}


@pytest.mark.parametrize("oddity", ODD)
def test_odd_set(row, authd, gate, mixed, oddity):
    """Key set: {}"""
    broken(row, authd, mixed, lambda: gate.fault(with_keys(ODD[oddity]), "certs"), gate.heal,
           lambda: gate.count("certs", faulted=True))
    assert authd.get("/v1/issuers").json["issuers"][0]["keys"], "the last good keys are gone"
    row.close()


@pytest.fixture
def own_gate(own_devidp):
    with Gate(own_devidp) as one:
        yield one


@pytest.fixture
def own_authd(daemon, own_gate):
    settings(daemon, issuer(own_gate), ORDERS)
    return daemon.start()


def test_rotation(row, own_authd, own_gate, own_devidp):
    """Key set: rotated under load, the first token of the new key"""
    tokens = mixed_tokens(own_devidp)
    with Loop(own_authd, tokens) as loop:
        loop.phase()
        old = tokens[0].text
        own_devidp.rotate("RS256")
        new = own_devidp.mint("orders-rs256")
        assert part_of(new, 0)["kid"] != part_of(old, 0)["kid"]
        began = time.monotonic()
        row.figures.count("good", own_authd.verdict(new, "orders")[1])
        row.note(first_accepted_after_ms=round(1000 * (time.monotonic() - began), 1))
        loop.phase()
    row.figures.add(loop.figures)
    with Loop(own_authd, tokens + good([new])) as loop:
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


@pytest.mark.parametrize("refresh", ["that an unknown kid causes", "in the background"])
def test_removed(row, own_authd, own_gate, own_devidp, refresh):
    """Key set: a key removed, its tokens, cached ones too, refused within the refresh {}"""
    kept, gone = mixed_tokens(own_devidp), good(own_devidp.mint("orders-rs256") for _ in range(4))
    kept = [token for token in kept if part_of(token.text, 0)["alg"] != "RS256"]
    with Loop(own_authd, kept + gone, rate=RATE if refresh in QUICK else RATE // 4) as loop:
        loop.phase()
        own_devidp.rotate("RS256")
        own_devidp.disable_key(part_of(gone[0].text, 0)["kid"])
        began, n = time.monotonic(), own_gate.count("certs")
        for token in gone:
            token.kind = OPEN  # until the next refresh nobody can know
        if refresh in QUICK:
            make_it_fetch(own_authd, kept[0].text)
        until("a refresh", lambda: own_gate.count("certs") > n, REFRESH_SEC)

        def asked_and_refused():
            """When, and after how many refreshes: the question may itself cause one more, of a kid that is gone."""
            asked, refreshes = time.monotonic(), own_gate.count("certs") - n
            return own_authd.verdict(gone[0].text, "orders")[0] != "valid" and (asked, refreshes)

        asked, refreshes = until("the token is refused", asked_and_refused, PUBLISH_SEC)
        row.note(refused_after_s=round(asked - began, 2), refreshes=refreshes)
        loop.phase(0.1)
        for token in gone:
            token.kind = BAD
        loop.phase()
    row.figures.add(loop.figures)
    row.close()


def test_distrusted(row, authd, mixed):
    """Key set: a key distrusted at run time, its tokens, cached ones too, refused at once"""
    tokens = mixed()
    theirs = [token for token in tokens if part_of(token.text, 0)["alg"] == "RS256"]
    kid = part_of(theirs[0].text, 0)["kid"]
    kinds = [token.kind for token in theirs]
    with Loop(authd, tokens) as loop:
        loop.phase()
        for distrusted in (True, False):
            set_kinds(theirs, [OPEN] * len(theirs))
            answer = authd.post("/v1/distrust", {"issuer": "holodeck", "key": kid, "trust": not distrusted})
            assert answer.status == 200, answer.text
            row.figures.count(BAD if distrusted else kinds[0], authd.verdict(theirs[0].text, "orders")[1])
            loop.phase(0.1)  # what was on its way before
            set_kinds(theirs, [BAD] * len(theirs) if distrusted else kinds)
            loop.phase()
    row.figures.add(loop.figures)
    row.close()


def set_kinds(tokens, kinds):
    for token, kind in zip(tokens, kinds):
        token.kind = kind
