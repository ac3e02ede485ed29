"""short_lived: an access token that expires in a moment, from either provider.

    python3 short_lived.py keycloak KEYCLOAK_JSON CLIENT     for ./quickstart

devidp mints one to order. Keycloak's client is given a lifespan of its own for this one token.
"""

import os
import sys
import time

import providers

LIFETIME_SEC = 3


def short_lived_token(provider, client):
    if provider.can_mint:
        return provider.mint(client, claims={"exp": int(time.time()) + LIFETIME_SEC})
    return _of_keycloak(provider, client)


def _of_keycloak(provider, client):
    admin = provider.admin
    settings = admin.call("GET", f"/clients?clientId={client}").json()[0]
    before = settings["attributes"].get("access.token.lifespan", "")
    try:
        settings["attributes"]["access.token.lifespan"] = str(LIFETIME_SEC)
        admin.call("PUT", f"/clients/{settings['id']}", settings)
        return provider.token(client)
    finally:
        settings["attributes"]["access.token.lifespan"] = before
        admin.call("PUT", f"/clients/{settings['id']}", settings)


def main(kind, where, client):
    os.environ["AUTHD_TEST_KEYCLOAK"] = where
    provider = {"keycloak": providers.Keycloak}[kind]()
    provider.start()
    print(short_lived_token(provider, client))


if __name__ == "__main__":
    main(*sys.argv[1:])
