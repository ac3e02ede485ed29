"""doors_rows: tokens × policies, and what every way of asking must say of each pair.

A row is (token, policy, (verdict, reason)). Tokens come from the provider; those under MINTED only from devidp,
because no client of a real provider can make it sign such claims.
"""

import base64
import json
import re
import time

from conftest import POLICIES, issuer_section
from harness import forged, with_header

VALID = ("valid", "valid")
ABSENT_ISSUER = "http://127.0.0.1:9/realms/far"  # nobody listens there


def settings(provider):
    """The sections of an authd.conf: two issuers, of which one never answers, and the policies of the rows."""
    policies = re.sub(r"(\[policy [^\]]+\]\n)", r"\1issuers = holodeck\n", POLICIES)
    more = """
[policy two]
issuers = holodeck; far
audience = orders

[policy young]
issuers = holodeck
audience = any
max_age = 10m

[policy leads]
issuers = holodeck
audience = orders
groups_claim = realm_access.roles
groups = staff
"""
    return issuer_section(provider), f"[issuer far]\nurl = {ABSENT_ISSUER}\n", policies, more


def swapped(provider):
    """One token's head and claims over another's signature."""
    mine, other = provider.token("orders-rs256").split("."), provider.token("other").split(".")
    return ".".join([mine[0], mine[1], other[2]])


def unsigned(**claims):
    """What anybody can write: a head, claims, and bytes that are no signature."""
    parts = [json.dumps({"alg": "RS256", "kid": "k"}), json.dumps(claims), "x" * 256]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def user(name, client="orders-rs256", **more):
    return lambda provider: provider.token(client, user=name, **more)


def account(client):
    return lambda provider: provider.token(client)


def given(text):
    return lambda provider: text


def minted(**order):
    return lambda provider: provider.mint("orders-rs256", **order)


def at(offset, claim):
    return lambda provider: provider.mint("orders-rs256", user="alice", claims={claim: int(time.time()) + offset})


TOKENS = {
    "alice": user("alice"), "bob": user("bob"), "carol": user("carol"),
    "alice es256": user("alice", "orders-es256"), "alice ps256": user("alice", "orders-ps256"),
    "alice eddsa": user("alice", "orders-eddsa"), "alice with write": user("alice", scope="orders:write"),
    "rs256": account("orders-rs256"), "es256": account("orders-es256"), "ps256": account("orders-ps256"),
    "eddsa": account("orders-eddsa"), "other": account("other"), "lightweight": user("alice", "lightweight"),
    "forged rs256": lambda provider: forged(provider.token("orders-rs256")),
    "forged es256": lambda provider: forged(provider.token("orders-es256")),
    "forged eddsa": lambda provider: forged(provider.token("orders-eddsa")),
    "swapped": swapped,
    "ID token": lambda provider: provider.token_response("orders-rs256", user="alice", scope="openid")["id_token"],
    "refresh token": lambda provider: provider.token_response("orders-rs256", user="alice")["refresh_token"],
    "alg none": lambda provider: with_header(provider.token("orders-rs256"), alg="none"),
    "alg HS256": lambda provider: with_header(provider.token("orders-rs256"), alg="HS256"),
    "alg of another key": lambda provider: with_header(provider.token("orders-rs256"), alg="ES256"),
    "crit": lambda provider: with_header(provider.token("orders-rs256"), crit=["b64"], b64=False),
    "unknown kid": lambda provider: with_header(provider.token("orders-rs256"), kid="nobody"),
    "three words": given("not.a.token"), "two parts": given("a.b"), "dots": given("...."), "a word": given("junk"),
    "stranger": given(unsigned(iss="https://elsewhere.example/realms/x")),
    "absent issuer": given(unsigned(iss=ABSENT_ISSUER)),
}
MINTED = {
    "expired": at(-60, "exp"), "not yet valid": at(120, "nbf"), "issued tomorrow": at(86400, "iat"),
    "issued an hour ago": at(-3600, "iat"),
    "typ Refresh": minted(user="alice", claims={"typ": "Refresh"}),
    "aud is a list": minted(user="alice", claims={"aud": ["account", "orders"]}),
    "no sub": minted(user="alice", claims={"sub": None}),
    "odd name": minted(user="alice", claims={"preferred_username": "a\r\nX-Evil: 1\u0007\u2028é%"}),
    "many groups": minted(user="alice", claims={"groups": ["/eng/platform"] + [f"/g/{n}" for n in range(100)]}),
}

ROWS = [
    ("alice", "default", VALID),
    ("alice", "orders", VALID),
    ("alice", "readers", VALID),
    ("alice", "staff", VALID),
    ("alice", "leads", VALID),
    ("alice", "two", VALID),
    ("alice", "young", VALID),
    ("alice", "fresh", VALID),
    ("alice", "anyone", VALID),
    ("alice", "mail", VALID),
    ("alice", "write-or-read", VALID),
    ("alice", "writers", ("forbidden", "missing_role")),
    ("alice", "data", ("forbidden", "missing_group")),
    ("alice", "write-scope", ("forbidden", "missing_scope")),
    ("alice", "elsewhere", ("invalid", "wrong_audience")),
    ("alice", "billing", ("invalid", "wrong_audience")),
    ("alice", "es256-party", ("invalid", "wrong_party")),
    ("alice with write", "write-scope", VALID),
    ("alice es256", "orders", VALID),
    ("alice es256", "es256-party", VALID),
    ("alice ps256", "orders", VALID),
    ("alice eddsa", "orders", VALID),
    ("bob", "default", VALID),
    ("bob", "orders", ("forbidden", "missing_role")),
    ("bob", "staff", ("forbidden", "missing_role")),
    ("bob", "leads", ("forbidden", "missing_group")),
    ("bob", "mail", ("forbidden", "missing_claim")),
    ("carol", "writers", VALID),
    ("carol", "data", VALID),
    ("rs256", "readers", VALID),
    ("rs256", "orders", ("forbidden", "missing_group")),
    ("rs256", "es256-party", ("invalid", "wrong_party")),
    ("es256", "readers", VALID),
    ("es256", "es256-party", VALID),
    ("ps256", "readers", VALID),
    ("eddsa", "readers", VALID),
    ("eddsa", "staff", ("forbidden", "missing_role")),
    ("other", "orders", ("invalid", "wrong_audience")),
    ("other", "billing", VALID),
    ("other", "anyone", VALID),
    ("lightweight", "default", ("forbidden", "missing_claim")),
    ("lightweight", "no-subject", VALID),
    ("forged rs256", "default", ("invalid", "bad_signature")),
    ("forged rs256", "elsewhere", ("invalid", "bad_signature")),
    ("forged es256", "default", ("invalid", "bad_signature")),
    ("forged eddsa", "default", ("invalid", "bad_signature")),
    ("swapped", "default", ("invalid", "bad_signature")),
    ("ID token", "anyone", ("invalid", "wrong_type")),
    ("refresh token", "anyone", ("invalid", "unsupported_algorithm")),
    ("alg none", "default", ("invalid", "unsupported_algorithm")),
    ("alg HS256", "default", ("invalid", "unsupported_algorithm")),
    ("crit", "default", ("invalid", "malformed")),
    ("alg of another key", "default", ("invalid", "key_mismatch")),
    ("unknown kid", "default", ("invalid", "unknown_key")),
    ("three words", "default", ("invalid", "malformed")),
    ("two parts", "anyone", ("invalid", "malformed")),
    ("dots", "orders", ("invalid", "malformed")),
    ("a word", "default", ("invalid", "malformed")),
    ("stranger", "default", ("invalid", "unknown_issuer")),
    ("absent issuer", "two", ("unavailable", "unavailable")),
    ("expired", "default", ("invalid", "expired")),
    ("not yet valid", "default", ("invalid", "not_yet_valid")),
    ("issued tomorrow", "default", ("invalid", "not_yet_valid")),
    ("issued an hour ago", "young", ("invalid", "too_old")),
    ("issued an hour ago", "default", VALID),
    ("typ Refresh", "default", ("invalid", "wrong_type")),
    ("aud is a list", "orders", VALID),
    ("no sub", "default", ("forbidden", "missing_claim")),
    ("no sub", "no-subject", VALID),
    ("odd name", "orders", VALID),
    ("many groups", "orders", VALID),
]


class Tokens:
    """Each token made once, when first wanted."""

    def __init__(self, provider):
        self.provider, self.made = provider, {}

    def __getitem__(self, name):
        if name not in self.made:
            self.made[name] = (TOKENS.get(name) or MINTED[name])(self.provider)
        return self.made[name]
