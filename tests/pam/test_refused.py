"""Who does not get in: each row through a real sshd, to the end; negative first.

A row says who knocks, what they type, who approves what. It is refused when the client ends with a
failure, nothing ran on the host, the words are the right ones and the daemon's record has the reason.
"""

import dataclasses
import time

import pytest

import acts
import realm
import stack as stacks
from acts import EXPIRED, REFUSED, SHOW, STEP, assert_in, assert_out
from harness import forged, part_of


# --- password and one-time code ---


@dataclasses.dataclass
class Typed:
    user: str
    password: str
    otp: str = "none"  # or "wrong", "fresh"
    words: str = REFUSED
    reason: str = "wrong_credentials"


PASSWORDS = {
    "a wrong one-time code": Typed("bea", "bea-password", "wrong"),
    "no one-time code where one is needed": Typed("bea", "bea-password"),
    "the right one-time code with a wrong password": Typed("bea", "bea-passwore", "fresh"),
    "a wrong password": Typed("ada", "ada-passwore"),
    "a right password and a blank behind it": Typed("ada", "ada-password "),
    "the password of somebody else": Typed("ada", "abe-password"),
    "the name for a password": Typed("ada", "ada"),
    "letters that look alike": Typed("ada", "аda-password"),
    "a disabled account with its right password": Typed("eve", "eve-password"),
    "a disabled account with a wrong one": Typed("eve", "eve-passwore"),
    "something left to do, said in words": Typed("fay", "fay-password", words=STEP),
    "something left to do is no news to who has no password": Typed("fay", "fay-passwore"),
    "no group of the policy": Typed("dan", "dan-password", reason="missing_group"),
    "a form for a password": Typed("ada", "x&user=abe&answer=abe-password"),
    "signs that a form would decode": Typed("ada", "ada%2Dpassword"),
}


@pytest.mark.parametrize("row", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_that_lets_nobody_in(settled, row):
    before = acts.n_events(settled.daemon)
    with settled.ssh(row.user, SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, row.password, acts.otp_for(row.user, row.otp))
        assert_out(client, row.words)
    told = acts.record_of(settled.daemon, before, door="login", user=row.user)
    assert (told["verdict"], told["reason"], told["service"]) == ("denied", row.reason, "sshd-pw"), told
    assert not acts.records(settled.daemon, before, verdict="allowed")


@pytest.mark.devidp
def test_an_empty_password_is_none_and_nobody_is_asked(settled):
    before = settled.provider.stats()["token"]
    with settled.ssh("ada", SHOW, sshd="sshd-pw") as client:
        client.expect(acts.PASSWORD)
        client.send("")
        assert_out(client, REFUSED)
    assert settled.provider.stats()["token"] == before


def test_a_one_time_code_is_good_once(settled):
    code = acts.otp_for("ben", "fresh")
    with settled.ssh("ben", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, "ben-password", code)
        assert_in(client, "ben")
    with settled.ssh("ben", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, "ben-password", code)
        assert_out(client, REFUSED)


# --- device codes ---


@dataclasses.dataclass
class Answered:
    user: str
    answer: object  # of (provider, code)
    words: str = REFUSED
    reason: str = "wrong_credentials"


def page(user, allow=True):
    return lambda provider, code: acts.approve(provider, code, user, allow)


def order(name, user=None):
    """What no page of today's would do."""
    return lambda provider, code: provider.own(name, {"code": code, **({"user": user} if user else {})})


ANSWERS = {
    "the consent is denied": Answered("ada", page("ada", allow=False)),
    "somebody else approves": Answered("ada", page("abe"), reason="wrong_account"),
    "somebody else, who may do more, approves": Answered("ada", page("cas"), reason="wrong_account"),
    "the realm's root approves": Answered("ada", page("root"), reason="no_account"),
    "somebody without a group of the policy approves": Answered("ada", page("dan"), reason="missing_group"),
    "a person without a group of the policy": Answered("dan", page("dan"), reason="missing_group"),
}
ORDERS = {
    "somebody of a name that looks alike approves": Answered("ada", page(realm.LOOK_ALIKE), reason="no_account"),
    "somebody whose name goes on behind a slash approves": Answered("ada", page("ada/x"), reason="no_account"),
    "a disabled person approves": Answered("eve", order("approve", "eve")),
    "the code expires": Answered("ada", order("expire"), words=EXPIRED, reason="not_approved"),
}
ROWS = [pytest.param(row, id=name) for name, row in ANSWERS.items()]
ROWS += [pytest.param(row, id=name, marks=pytest.mark.devidp) for name, row in ORDERS.items()]


@pytest.mark.parametrize("row", ROWS)
def test_an_answer_to_a_device_code_that_lets_nobody_in(settled, row):
    before = acts.n_events(settled.daemon)
    with settled.ssh(row.user, SHOW, sshd="sshd-dev") as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        row.answer(settled.provider, code)
        client.send()
        assert_out(client, row.words)
    told = acts.record_of(settled.daemon, before, door="login", user=row.user)
    assert (told["verdict"], told["reason"], told["way"]) == ("denied", row.reason, "device"), told


@pytest.mark.devidp
def test_who_is_disabled_between_consent_and_token(settled):
    with settled.ssh("row0", SHOW, sshd="sshd-dev") as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        with held_back(settled.provider, code):
            acts.approve(settled.provider, code, "row0")
            settled.provider.set_enabled("row0", False)
        client.send()
        assert_out(client, REFUSED)
    settled.provider.set_enabled("row0", True)


class held_back:
    """The provider's token endpoint is away while we are in here."""

    def __init__(self, provider, code):
        self.provider = provider

    def __enter__(self):
        self.provider.fault(token="503")

    def __exit__(self, *_):
        self.provider.fault(token="none")


def test_nobody_approves_until_the_login_has_taken_too_long(settled):
    began = time.monotonic()
    with settled.pamtester("w-short", "ada") as client:
        acts.code_shown(client)
        acts.assert_pam_out(client, "too long")
    assert 9 < time.monotonic() - began < 16


def test_enter_alone_approves_nothing(settled):
    """The device code's prompt, and each key that a person may press there."""
    with settled.ssh("ada", SHOW, sshd="sshd-dev") as client:
        client.expect(acts.ENTER)
        client.send("yes")
        assert_out(client, REFUSED)
    with settled.ssh("ada", SHOW, sshd="sshd-dev") as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        client.send()
        time.sleep(1.5)
        assert client.process.poll() is None and acts.MARK not in client.screen
        acts.approve(settled.provider, code, "ada", allow=False)
        assert_out(client, REFUSED)


def test_the_code_of_another_login_is_not_ours(settled):
    """Two at once: the one is approved, the other is not in."""
    with settled.ssh("ada", SHOW, sshd="sshd-dev") as ours, settled.ssh("ada", SHOW, sshd="sshd-dev") as other:
        code, other_code = acts.code_shown(ours), acts.code_shown(other)
        assert code != other_code
        acts.approve(settled.provider, code, "ada")
        ours.send()
        other.send()
        assert_in(ours, "ada")
        assert other.process.poll() is None, other.screen
        acts.approve(settled.provider, other_code, "ada", allow=False)
        assert_out(other, REFUSED)


# --- tokens ---


def minted(user="ada", client=realm.CLIENT, **order):
    return lambda provider: provider.short_token(user, client, **order)


def raw(**changed):
    """The claims of ada's own, some changed; what is None is left out."""

    def make(provider):
        claims = {**part_of(provider.short_token("ada"), 1), **changed}
        return provider.mint_raw({name: value for name, value in claims.items() if value is not None}, alg="ES256")

    return make


def without_signature(provider):
    return f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{provider.short_token('ada').split('.')[1]}."


def of_a_service(provider):
    return provider.mint(realm.CLIENT, alg="ES256", claims=dict.fromkeys(realm.LONG_CLAIMS))


def too_long(provider):
    token = provider.password_token("ada")
    assert len(token) > realm.TOKEN_MAX
    return token


TOKENS = {  # by what the record says of each
    "a token for another audience": (minted(client=realm.STRANGER), "wrong_audience"),
    "a token that has expired": (minted(claims={"exp": 1_700_000_000}), "expired"),
    "a token that is not good yet": (minted(claims={"nbf": 4_000_000_000}), "not_yet_valid"),
    "the token of somebody else": (minted("abe"), "wrong_account"),
    "the token of somebody who may do more": (minted("cas"), "wrong_account"),
    "the token of the realm's root": (minted("root"), "no_account"),
    "a token that another key signed": (minted(forged=True), "bad_signature"),
    "a token with a bit of its signature changed": (lambda provider: forged(provider.short_token("ada")), "bad_signature"),
    "a token without a signature": (without_signature, "unsupported_algorithm"),
    "a token of another issuer": (raw(iss="https://idp.example.com/realms/authd"), "unknown_issuer"),
    "a token without an audience": (raw(aud=None), "wrong_audience"),
    "a token whose audience only begins like ours": (raw(aud=[f"{realm.CLIENT}-not"]), "wrong_audience"),
    "a token without a name": (raw(preferred_username=None, sub="ada"), "no_account"),
    "a token of our name and another subject": (raw(sub="00000000-0000-0000-0000-000000000000"), "no_account"),
    "a token without groups": (raw(groups=None), "missing_group"),
    "a token of a group that only ends like ours": (raw(groups=["/x/eng", "eng", "/engineers"]), "missing_group"),
    "a token without an end": (raw(exp=None), "malformed"),
    "a token of a service": (of_a_service, "missing_group"),
    "a refresh token": (raw(typ="Refresh"), "wrong_type"),
    "an ID token": (raw(typ="ID"), "wrong_type"),
    "a token that is longer than OpenSSH takes": (too_long, None),
    "three words with dots": (lambda provider: "a.b.c", "malformed"),
    "a password that is right": (lambda provider: "ada-password", "wrong_credentials"),
}


@pytest.mark.devidp
@pytest.mark.parametrize("make, reason", TOKENS.values(), ids=TOKENS)
def test_a_token_as_password_that_lets_nobody_in(settled, make, reason):
    before = acts.n_events(settled.daemon)
    with settled.ssh("ada", SHOW, sshd="sshd-dev", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(make(settled.provider))
        assert_out(client)
    told = acts.record_of(settled.daemon, before, door="login", user="ada")
    assert told["verdict"] == "denied" and told["reason"] == (reason or told["reason"]), told


def test_a_token_of_a_disabled_person(settled):
    """It was good when it was made: the account phase asks now."""
    token = settled.provider.short_token("row0")
    with settled.provider.disabled("row0"), settled.ssh("row0", SHOW, sshd="sshd-dev", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(token)
        assert_out(client)


@pytest.mark.devidp
@pytest.mark.parametrize("typed", ["ada-password", "x", "a.b", "eyJhbGciOiJub25lIn0", "a.b.c d"])
def test_what_is_no_token_at_the_prompt_for_one(settled, typed):
    asked = settled.provider.stats()
    with settled.pamtester("w-token", "ada") as client:
        client.expect(acts.TOKEN)
        client.send(typed)
        acts.assert_pam_out(client, REFUSED)
    now = settled.provider.stats()
    assert now["introspection"] == asked["introspection"], "nobody is asked about a stranger's words"


def test_a_token_is_no_password_where_tokens_are_no_way(settled):
    with settled.ssh("ada", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, settled.provider.short_token("ada"))
        assert_out(client, REFUSED)
