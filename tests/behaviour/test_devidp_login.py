"""Logins from elsewhere, as a provider offers them: password and one-time code, device codes, pushes.

The same rows on devidp and on Keycloak, so that what authd's login tests rest on is true of both; the
end is devidp's alone: orders, counted polls, an interval that grows.
"""

import shutil
import time

import pytest

import logins
from harness import part_of

CLIENT = "login"
INTERVAL_SEC = 1  # of that client, in both realms
MESSAGE = "sudo-ls-4711"
SUCCESS, FAILURE = "Device Login Successful", "Device Login Failed"

WRONG = (400, "invalid_grant", "Invalid user credentials")
DISABLED = (400, "invalid_grant", "Account disabled")
NOT_SET_UP = (400, "invalid_grant", "Account is not fully set up")
PENDING = (400, "authorization_pending", "The authorization request is still pending")
SLOW_DOWN = (400, "slow_down", "Slow down")
EXPIRED = (400, "expired_token", "Device code is expired")
DENIED = (400, "access_denied", "The end user denied the authorization request")
GONE = (400, "invalid_grant", "Device code not valid")
UNAUTHORIZED = (400, "invalid_grant", "unauthorized client")
USER_DISABLED = (400, "invalid_grant", "User disabled")
PUSH_PENDING = (
    400,
    "authorization_pending",
    "The authorization request is still pending as the end-user hasn't yet been authenticated.",
)
PUSH_SLOW_DOWN = (400, "slow_down", "too early to access")
PUSH_DENIED = (400, "access_denied", "not authorized")


def said(reply):
    body = reply.json()
    return (reply.status, body.get("error"), body.get("error_description"))


def user_of(reply):
    assert reply.status == 200, reply.body
    return part_of(reply.json()["access_token"], 1)["preferred_username"]


@pytest.fixture
def pause(provider):
    """As long as whoever polls must wait: devidp's clock is set, Keycloak's time passes."""
    ahead = 0

    def wait(slowed=False):
        nonlocal ahead
        if provider.can_mint:
            ahead += INTERVAL_SEC + (5 if slowed else 0)  # RFC 8628 §3.5
            provider.clock_ahead(ahead)
        else:
            time.sleep(INTERVAL_SEC + 0.3)  # it counts in whole seconds, and no interval grows

    yield wait
    if provider.can_mint:
        provider.clock_ahead(0)


# --- password and one-time code ---

UNUSED, NONE, BAD = "unused", "none", "bad"  # one-time codes

PASSWORDS = {
    "the right password": ("alice", "alice-password", NONE, None),
    "the name in capitals": ("Alice", "alice-password", NONE, None),
    "the address instead of the name": ("alice@example.com", "alice-password", NONE, None),
    "a code that nobody asked for": ("alice", "alice-password", BAD, None),
    "a wrong password": ("alice", "alice-passwore", NONE, WRONG),
    "the password in capitals": ("alice", "ALICE-PASSWORD", NONE, WRONG),
    "an empty password": ("alice", "", NONE, WRONG),
    "nobody of that name": ("mallory", "mallory-password", NONE, WRONG),
    "an empty name": ("", "alice-password", NONE, WRONG),
    "a service account": (f"service-account-{CLIENT}", "x", NONE, WRONG),
    "no code": ("erin", "erin-password", NONE, WRONG),
    "a wrong code": ("erin", "erin-password", BAD, WRONG),
    "the right code with a wrong password": ("erin", "erin-passwore", UNUSED, WRONG),
    "a code with words around it": ("erin", "erin-password", "12345x", WRONG),
    "a disabled account": ("dave", "dave-password", NONE, DISABLED),
    "a disabled account is no news to who has no password": ("dave", "dave-passwore", NONE, WRONG),
    "something left to do": ("frank", "frank-password", NONE, NOT_SET_UP),
    "something left to do, and a wrong password": ("frank", "frank-passwore", NONE, WRONG),
}


def otp_for(user, word):
    if word == NONE:
        return {}
    if word == UNUSED:  # right, and not used up by this question
        return {"totp": logins.totp(logins.OTP_SECRETS[user])}
    return {"totp": logins.CODES.wrong("erin") if word == BAD else word}


@pytest.mark.parametrize("user, password, otp, refusal", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_grant(provider, user, password, otp, refusal):
    form = {"client_id": CLIENT, "client_secret": provider.client_secret(CLIENT), "grant_type": "password"}
    form.update(username=user, password=password, **otp_for(user, otp))
    reply = logins.ask("POST", provider.endpoint("token"), form=form)
    if refusal:
        assert said(reply) == refusal
    else:
        assert user_of(reply) == user.lower().partition("@")[0]


@pytest.mark.parametrize("member", ["totp", "otp"])
def test_a_one_time_code_is_good_once(provider, member):
    replies = []

    def attempt(code):
        replies.append(provider.token_request(CLIENT, "erin", **{member: code}))
        return replies[-1].status == 200

    code = logins.with_code("erin", attempt)
    assert user_of(replies[-1]) == "erin"
    for name in ("otp", "totp"):
        assert said(provider.token_request(CLIENT, "erin", **{name: code})) == WRONG


# --- devices ---


@pytest.fixture
def codes(provider):
    reply = provider.ask_device(CLIENT)
    assert reply.status == 200, reply.body
    return reply.json()


def test_discovery_names_the_endpoints_and_grants(provider):
    document = provider.discovery()
    assert document["device_authorization_endpoint"] == provider.endpoint("auth/device")
    assert document["backchannel_authentication_endpoint"] == provider.endpoint("ext/ciba/auth")
    assert {"urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"} <= set(
        document["grant_types_supported"]
    )
    assert "poll" in document["backchannel_token_delivery_modes_supported"]


def test_codes_are_what_a_device_shows(provider, codes):
    left, _, right = codes["user_code"].partition("-")
    assert len(left) == len(right) == 4 and (left + right).isalpha() and (left + right).isupper()
    assert codes["verification_uri"] == f"{provider.issuer_url}/device"
    assert codes["verification_uri_complete"] == f"{provider.issuer_url}/device?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (600, INTERVAL_SEC)
    assert len(codes["device_code"]) >= 22


def test_a_device_polls_until_somebody_allows_it_and_once_more(provider, codes, pause):
    assert said(provider.poll_device(codes["device_code"])) == PENDING
    pause()
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "alice")
    reply = provider.poll_device(codes["device_code"])
    assert user_of(reply) == "alice" and reply.json()["refresh_token"] and reply.json()["id_token"]
    assert CLIENT in part_of(reply.json()["access_token"], 1)["aud"]
    pause()
    assert said(provider.poll_device(codes["device_code"])) == GONE


def test_who_polls_too_soon_is_told_so_even_when_allowed(provider, codes, pause):
    assert said(provider.poll_device(codes["device_code"])) == PENDING
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "alice")
    assert said(provider.poll_device(codes["device_code"])) == SLOW_DOWN
    pause(slowed=True)
    assert user_of(provider.poll_device(codes["device_code"])) == "alice"


def test_what_is_denied_is_denied_to_the_device(provider, codes):
    words = logins.answer_device(codes["verification_uri_complete"], "alice", allow=False)
    assert FAILURE in words and "Consent denied" in words
    assert said(provider.poll_device(codes["device_code"])) == DENIED


def test_a_person_with_a_second_factor_is_asked_for_it(provider, codes):
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "erin")
    assert user_of(provider.poll_device(codes["device_code"])) == "erin"


PAGES = {
    "a wrong password": ("alice", {"password": "alice-passwore"}, "Invalid username or password."),
    "nobody of that name": ("mallory", {}, "Invalid username or password."),
    "a wrong one-time code": ("erin", {"otp": BAD}, "Invalid authenticator code."),
    "a disabled account": ("dave", {}, "Account is disabled, contact your administrator."),
}


@pytest.mark.parametrize("user, how, words", PAGES.values(), ids=PAGES)
def test_who_cannot_log_in_lets_nobody_in(provider, codes, user, how, words):
    if how.get("otp") == BAD:
        how = {"otp": logins.CODES.wrong(user)}
    assert words in logins.answer_device(codes["verification_uri_complete"], user, **how)
    assert said(provider.poll_device(codes["device_code"])) == PENDING


def test_something_left_to_do_comes_before_the_consent(provider, codes):
    browser = logins.Browser()
    browser.load(codes["verification_uri_complete"])
    assert not browser.log_in("frank").form_with("accept")
    assert said(provider.poll_device(codes["device_code"])) == PENDING


def test_a_code_typed_by_hand(provider, codes):
    browser = logins.Browser()
    browser.load(codes["verification_uri"])
    browser.submit(device_user_code=codes["user_code"].replace("-", "").lower())
    assert browser.log_in("alice").form_with("accept")
    assert SUCCESS in browser.submit("accept").text
    assert user_of(provider.poll_device(codes["device_code"])) == "alice"


@pytest.mark.parametrize("typed", ["AAAA-AAAA", "A", "<b>"])
def test_a_code_that_is_none(provider, typed):
    browser = logins.Browser()
    browser.load(f"{provider.issuer_url}/device")
    assert "Invalid code, please try again." in browser.submit(device_user_code=typed).text
    assert "<b>" not in browser.page.text


def test_a_code_is_decided_once(provider, codes):
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "alice")
    browser = logins.Browser()
    assert "Invalid code, please try again." in browser.load(codes["verification_uri_complete"]).text
    assert user_of(provider.poll_device(codes["device_code"])) == "alice"


def test_two_codes_are_strangers_to_each_other(provider, codes):
    other = provider.ask_device(CLIENT).json()
    assert SUCCESS in logins.answer_device(other["verification_uri_complete"], "bob")
    assert said(provider.poll_device(codes["device_code"])) == PENDING
    assert user_of(provider.poll_device(other["device_code"])) == "bob"


@pytest.fixture
def switched(provider):
    """switched(user, False): a disabled account, on again after the test."""
    off = set()

    def switch(user, wanted):
        provider.set_enabled(user, wanted)
        off.add(user)

    yield switch
    for user in off:
        provider.set_enabled(user, True)


def test_who_is_disabled_after_the_consent_gets_no_token(provider, codes, switched, pause):
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "bob")
    switched("bob", False)
    assert said(provider.poll_device(codes["device_code"])) == USER_DISABLED
    switched("bob", True)
    pause()
    assert said(provider.poll_device(codes["device_code"])) == GONE


def test_who_is_disabled_after_the_token_refreshes_nothing(provider, switched):
    refresh_token = provider.token_response(CLIENT, "bob")["refresh_token"]
    switched("bob", False)
    assert said(provider.token_request(CLIENT, "bob")) == DISABLED
    assert said(provider.refresh(CLIENT, refresh_token)) == USER_DISABLED


def test_codes_are_the_clients_own(provider, clients_restored, codes):
    provider.create_client("stranger", device=True)
    assert SUCCESS in logins.answer_device(codes["verification_uri_complete"], "alice")
    assert said(provider.poll_device(codes["device_code"], "stranger")) == UNAUTHORIZED
    assert user_of(provider.poll_device(codes["device_code"])) == "alice"


def test_a_client_without_the_grant(provider):
    words = "Client is not allowed to initiate OAuth 2.0 Device Authorization Grant."
    words += " The flow is disabled for the client."
    assert said(provider.ask_device("orders-rs256")) == (400, "unauthorized_client", words)
    words = "Client not allowed OAuth 2.0 Device Authorization Grant"
    assert said(provider.poll_device("x", "orders-rs256")) == (400, "invalid_grant", words)
    words = "Client not allowed OIDC CIBA Grant"
    assert said(provider.poll_push("x", "orders-rs256")) == (400, "invalid_grant", words)


def test_questions_that_are_none(provider):
    assert said(provider.poll_device("x")) == GONE
    assert said(provider.poll_device(None)) == (400, "invalid_request", "Missing parameter: device_code")
    form = {"client_id": CLIENT, "client_secret": "wrong"}
    wrong = logins.ask("POST", provider.endpoint("auth/device"), form=form)
    assert wrong.status == 401 and wrong.json()["error"] == "unauthorized_client"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_person_with_a_real_browser(provider, tmp_path):
    codes, other = (provider.ask_device(CLIENT).json() for _ in range(2))
    with logins.Chromium(tmp_path) as browser:
        browser.go(codes["verification_uri"])
        browser.fill(device_user_code=codes["user_code"])
        browser.fill(username="alice", password="alice-password")
        browser.press("document.querySelector('[name=accept]')")
        browser.wait(f"document.body.innerText.includes('{SUCCESS}')")
        browser.call("Network.clearBrowserCookies")
        browser.go(other["verification_uri_complete"])
        browser.fill(username="bob", password="bob-password")
        browser.press("document.querySelector('[name=cancel]')")
        browser.wait(f"document.body.innerText.includes('{FAILURE}')")
    assert user_of(provider.poll_device(codes["device_code"])) == "alice"
    assert said(provider.poll_device(other["device_code"])) == DENIED


# --- pushes ---


@pytest.fixture
def desk(provider):
    with logins.desk_of(provider) as one:
        yield one


def push(provider, user="alice", message=MESSAGE):
    reply = provider.ask_push(user, message)
    assert reply.status == 200, reply.body
    return reply.json()


def test_a_push_is_allowed_elsewhere_and_good_once(provider, desk, pause):
    message = "ssh-host1-alice"
    asked = push(provider, message=message)
    assert (asked["expires_in"], asked["interval"]) == (120, INTERVAL_SEC)
    assert said(provider.poll_push(asked["auth_req_id"])) == PUSH_PENDING
    assert said(provider.poll_push(asked["auth_req_id"])) == PUSH_SLOW_DOWN
    desk.answer(message)
    pause(slowed=True)
    reply = provider.poll_push(asked["auth_req_id"])
    assert user_of(reply) == "alice" and reply.json()["refresh_token"]
    pause()
    again = said(provider.poll_push(asked["auth_req_id"]))
    assert again[:2] == (400, "invalid_grant")


def test_a_push_is_denied_elsewhere(provider, desk):
    message = "ssh-host1-denied"
    asked = push(provider, message=message)
    desk.answer(message, allow=False)
    assert said(provider.poll_push(asked["auth_req_id"])) == PUSH_DENIED


def test_a_push_to_who_has_something_left_to_do(provider, desk):
    message = "ssh-host1-frank"
    asked = push(provider, "frank", message)
    desk.answer(message)
    assert said(provider.poll_push(asked["auth_req_id"])) == NOT_SET_UP


def test_who_is_disabled_after_a_push_gets_no_token(provider, desk, switched, pause):
    message = "ssh-host1-bob"
    asked = push(provider, "bob", message)
    desk.answer(message)
    switched("bob", False)
    assert said(provider.poll_push(asked["auth_req_id"])) == USER_DISABLED
    switched("bob", True)
    pause()
    assert user_of(provider.poll_push(asked["auth_req_id"])) == "bob"


BAD_MESSAGE = (
    400,
    "invalid_binding_message",
    "the binding_message value has to be max 50 characters in length and must contain only basic "
    "plain-text characters without spaces",
)
ASKED_WRONGLY = {
    "nobody of that name": ("mallory", {}, (400, "invalid_request", "invalid_user")),
    "a disabled account": ("dave", {}, (400, "invalid_request", "invalid_user")),
    "no name": (None, {}, (400, "invalid_request", "missing parameter : login_hint")),
    "no scope": ("alice", {"scope": None}, (400, "invalid_request", "missing parameter : scope")),
    "a scope that nobody has": ("alice", {"scope": "openid x"}, (400, "invalid_scope", "Invalid scopes: openid x")),
    "a message with a space": ("alice", {"message": "sudo ls"}, BAD_MESSAGE),
    "a message of 51 characters": ("alice", {"message": "x" * 51}, BAD_MESSAGE),
    "a client without the grant": (
        "alice",
        {"client": "orders-rs256"},
        (401, "invalid_grant", "Client not allowed OIDC CIBA Grant"),
    ),
}


@pytest.mark.parametrize("user, how, refusal", ASKED_WRONGLY.values(), ids=ASKED_WRONGLY)
def test_a_push_asked_wrongly(provider, desk, user, how, refusal):
    assert said(provider.ask_push(user, **how)) == refusal


def test_a_message_of_50_characters_and_signs(provider, desk):
    assert provider.ask_push("alice", "-._+/!?#" + "x" * 42).status == 200


def test_polls_of_no_push(provider, clients_restored, desk):
    provider.create_client("stranger", push=True)
    asked = push(provider, message="ssh-host1-stranger")
    assert said(provider.poll_push(asked["auth_req_id"], "stranger")) == UNAUTHORIZED
    assert said(provider.poll_push("x")) == (400, "invalid_grant", "Invalid Auth Req ID")
    assert said(provider.poll_push(None)) == (400, "invalid_request", "Missing parameter: auth_req_id")


# --- devidp ---


def listed(devidp, code):
    return next(one for one in devidp.codes() if one["code"] == code)


@pytest.mark.devidp
def test_an_order_allows_denies_and_ends(own_devidp):
    asked = [own_devidp.ask_device(CLIENT).json() for _ in range(4)]
    own_devidp.approve(asked[0]["user_code"], "carol")
    own_devidp.deny(asked[1]["user_code"])
    own_devidp.expire(asked[2]["user_code"])
    assert [one["state"] for one in own_devidp.codes()] == ["allowed", "denied", "expired", "pending"]
    assert [one["user"] for one in own_devidp.codes()] == ["carol", None, None, None]
    answers = [own_devidp.poll_device(one["device_code"]) for one in asked]
    assert user_of(answers[0]) == "carol"
    assert [said(answer) for answer in answers[1:]] == [DENIED, EXPIRED, PENDING]
    assert listed(own_devidp, asked[0]["user_code"])["state"] == "used"


@pytest.mark.devidp
@pytest.mark.parametrize("order", ["approve", "deny", "expire"])
def test_what_is_decided_takes_no_order(own_devidp, order):
    code = own_devidp.ask_device(CLIENT).json()["user_code"]
    own_devidp.deny(code)
    with pytest.raises(logins.ProviderError, match="decided or over"):
        own_devidp.own(order, {"code": code, "user": "alice"})
    with pytest.raises(logins.ProviderError, match="no such code"):
        own_devidp.own(order, {"code": "AAAA-AAAA", "user": "alice"})


@pytest.mark.devidp
def test_a_push_can_be_allowed_by_whom_it_asks_alone(own_devidp):
    push(own_devidp)
    code = own_devidp.codes()[0]["code"]
    with pytest.raises(logins.ProviderError, match="whom it asks"):
        own_devidp.approve(code, "bob")
    own_devidp.approve(code, "alice")


@pytest.mark.devidp
def test_polls_are_counted_and_the_interval_grows(own_devidp):
    codes = own_devidp.ask_device(CLIENT, scope="openid email").json()
    for ahead in (0, 10, 10, 15, 26):  # the third and the fourth are too soon
        own_devidp.clock_ahead(ahead)
        own_devidp.poll_device(codes["device_code"])
    seen = listed(own_devidp, codes["user_code"])
    assert (seen["polls"], seen["too_soon"], seen["interval_msec"]) == (5, 2, 11_000)
    assert seen["shortest_poll_msec"] < 1000 and seen["state"] == "pending"
    assert (seen["kind"], seen["client"], seen["scope"]) == ("device", CLIENT, "openid email")


@pytest.mark.devidp
def test_an_expired_code_says_so_for_a_while_and_is_then_unknown(own_devidp):
    codes = own_devidp.ask_device(CLIENT).json()
    for ahead, answer in ((599, PENDING), (601, EXPIRED), (613, GONE)):
        own_devidp.clock_ahead(ahead)
        assert said(own_devidp.poll_device(codes["device_code"])) == answer
    assert "Device Login" in logins.Browser().load(codes["verification_uri_complete"]).text


@pytest.mark.devidp
def test_a_code_that_ends_while_somebody_reads_the_page(own_devidp):
    codes = own_devidp.ask_device(CLIENT).json()
    browser = logins.Browser()
    browser.load(codes["verification_uri_complete"])
    assert browser.log_in("alice").form_with("accept")
    own_devidp.expire(codes["user_code"])
    assert "expired" in browser.submit("accept").text
    assert said(own_devidp.poll_device(codes["device_code"])) == EXPIRED
    assert "has expired" in browser.load(codes["verification_uri_complete"]).text


@pytest.mark.devidp
def test_a_consent_without_a_login_counts_for_nothing(own_devidp):
    codes = own_devidp.ask_device(CLIENT).json()
    browser = logins.Browser()
    page = browser.load(codes["verification_uri_complete"])
    consent = page.form_with("username").action.replace("authenticate", "consent")
    for url in (consent, f"{own_devidp.issuer_url}/login-actions/consent?session_code=x"):
        browser.load(url, {"accept": "Yes", "code": codes["user_code"]})
        assert said(own_devidp.poll_device(codes["device_code"]))[1] != "access_denied"
    assert listed(own_devidp, codes["user_code"])["state"] == "pending"
    browser.load(codes["verification_uri_complete"])
    browser.submit(username="erin", password="erin-password")
    browser.load(browser.page.form_with("otp").action.replace("authenticate", "consent"), {"accept": "Yes"})
    assert listed(own_devidp, codes["user_code"])["state"] == "pending"


@pytest.mark.devidp
def test_the_page_of_pushes_shows_ones_own_and_what_they_are_about(own_devidp):
    wanted = [push(own_devidp, "erin", message) for message in ("sudo-id", "sudo-reboot")]
    push(own_devidp, "bob", "not-for-erin")
    browser = logins.Browser()
    browser.load(f"{own_devidp.issuer_url}/push")
    words = browser.log_in("erin", otp=logins.totp(logins.OTP_SECRETS["erin"])).text
    assert "sudo-id" in words and "sudo-reboot" in words and "not-for-erin" not in words
    browser.submit("accept")
    assert "Nobody waits for you." in browser.submit("cancel").text
    assert user_of(own_devidp.poll_push(wanted[0]["auth_req_id"])) == "erin"
    assert said(own_devidp.poll_push(wanted[1]["auth_req_id"])) == PUSH_DENIED


@pytest.mark.devidp
def test_a_push_is_not_anothers_to_allow(own_devidp):
    push(own_devidp, "alice")
    code = own_devidp.codes()[0]["code"]
    browser = logins.Browser()
    browser.load(f"{own_devidp.issuer_url}/push")
    push(own_devidp, "bob", "for-bob")
    browser.log_in("bob")
    browser.load(browser.page.form_with("accept").action, {"accept": "Yes", "code": code})
    assert listed(own_devidp, code)["state"] == "pending"
    assert "Invalid code" in logins.Browser().load(f"{own_devidp.issuer_url}/device?user_code={code}").text


@pytest.mark.devidp
def test_faults_of_both_endpoints(own_devidp):
    own_devidp.fault(device="escapes", push="no_interval")
    codes, asked = own_devidp.ask_device(CLIENT).json(), push(own_devidp)
    assert "\x1b" in codes["user_code"] and "\n" in codes["verification_uri"]
    assert "interval" not in asked
    own_devidp.fault(device="no_interval", push="503")
    assert "interval" not in own_devidp.ask_device(CLIENT).json()
    assert own_devidp.ask_push("alice").status == 503
    with pytest.raises(logins.ProviderError, match="cannot fail so"):
        own_devidp.fault(push="escapes")
    stats = own_devidp.stats()
    assert (stats["device"], stats["push"], stats["approve"]) == (2, 2, 0)


@pytest.mark.devidp
def test_an_answer_that_is_lost_has_used_the_code_up(own_devidp):
    codes = own_devidp.ask_device(CLIENT).json()
    own_devidp.approve(codes["user_code"], "alice")
    own_devidp.fault(token="503", times=1)
    assert own_devidp.poll_device(codes["device_code"]).status == 503
    assert listed(own_devidp, codes["user_code"])["state"] == "used"
    assert said(own_devidp.poll_device(codes["device_code"])) == GONE
