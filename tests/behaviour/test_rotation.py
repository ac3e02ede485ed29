"""Key rotation under load: a new realm key, then the old one disabled; no valid token is refused."""

import concurrent.futures
import threading
import time

import pytest

from harness import part_of, until, with_header

COOLDOWN_SEC = 1  # ISSUER_COOLDOWN_USEC: between two fetches that unknown kids cause
VALID = ("valid", "valid")


def fetches(authd):
    return sum(value for name, value in authd.metrics().items() if name.startswith("authd_upstream"))


class CheckLoop:
    """Two clients that get a fresh token and check it, again and again, until stopped."""

    def __init__(self, authd, provider, n_threads=2):
        self.authd, self.provider = authd, provider
        self.wrong, self.n_checked, self.running = [], 0, True
        self.threads = [threading.Thread(target=self._loop) for _ in range(n_threads)]

    def _loop(self):
        while self.running:
            try:
                token = self.provider.token("orders-rs256")
                verdict = self.authd.verdict(token, "readers")
            except Exception as error:  # a failed check is what the test is about
                verdict = repr(error)
            if verdict != VALID:
                self.wrong.append(verdict)
            self.n_checked += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        for thread in self.threads:
            thread.join()

    def wait_more(self, n):
        target = self.n_checked + n
        until(f"{n} more checks", lambda: self.n_checked >= target or self.wrong, 60)


def test_no_valid_token_is_refused_while_keys_rotate(authd, provider, keys_restored):
    before = authd.get("/v1/keys").json["keys"]
    old = provider.token("orders-rs256")
    old_kid = part_of(old, 0)["kid"]
    with CheckLoop(authd, provider) as loop:
        loop.wait_more(10)
        provider.rotate("RS256")
        loop.wait_more(20)
        until(
            "the provider signs with the new key",
            lambda: part_of(provider.token("orders-rs256"), 0)["kid"] != old_kid,
        )
        assert authd.verdict(old, "readers") == VALID, "the old key is still published"
        provider.disable_key(old_kid)
        loop.wait_more(20)
    assert not loop.wrong, loop.wrong[:5]
    after = authd.get("/v1/keys").json["keys"]
    assert {key["kid"] for key in after} - {key["kid"] for key in before}, "authd never fetched the new key"


def test_after_a_refresh_a_disabled_key_is_no_longer_trusted_even_for_cached_tokens(
    authd, provider, keys_restored
):
    old = provider.token("orders-rs256")
    assert authd.verdict(old, "readers") == VALID
    provider.rotate("RS256")
    provider.disable_key(part_of(old, 0)["kid"])

    def refused():
        fresh = provider.token("orders-rs256")  # its unknown kid makes authd ask again
        assert authd.verdict(fresh, "readers") == VALID
        return authd.verdict(old, "readers") != VALID

    until("the token of the disabled key is refused", refused, 60)
    assert authd.verdict(old, "readers") == ("invalid", "unknown_key")


@pytest.mark.devidp
def test_tokens_with_unknown_keys_buy_few_fetches(authd, provider):
    token = provider.token("orders-rs256")
    before, began = fetches(authd), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        strangers = [with_header(token, kid=f"no-such-key-{number}") for number in range(200)]
        verdicts = set(pool.map(lambda stranger: authd.verdict(stranger, "readers"), strangers))
    assert verdicts <= {("invalid", "unknown_key"), ("unavailable", "unavailable")}
    seconds = time.monotonic() - began
    assert fetches(authd) - before <= seconds / COOLDOWN_SEC + 1, "unsigned garbage bought fetches"


@pytest.mark.devidp
def test_a_key_known_to_be_absent_buys_one_fetch(authd, provider):
    stranger = with_header(provider.token("orders-rs256"), kid="no-such-key")
    before = fetches(authd)
    for _ in range(100):
        assert authd.verdict(stranger, "readers") == ("invalid", "unknown_key")
    assert fetches(authd) - before == 1
