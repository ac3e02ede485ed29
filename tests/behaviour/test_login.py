"""Logins, as pam_authd asks the daemon: forms in, lines out, on a development provider that can be made to refuse.

The real sshd, sudo and login are in tests/pam.
"""

import os
import re
import signal
import time
import urllib.parse

import pytest

from conftest import issuer_section
from harness import NOBODY, is_root, until
from logins import CODES

pytestmark = pytest.mark.devidp

CLIENT = "login"
POLICY = "[policy logins]\naudience = login\ngroups = /eng/platform"
TURNS_MAX = 100
REFUSED = "Login refused."
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5C1V0mWb0rq0o0bqg5dC6ZbV2kqM2xY0Yc8QmJ5w3K alice@laptop"


class Reply(dict):
    """The lines of one answer."""

    def __init__(self, answer):
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/plain")
        lines = [line.split("=", 1) for line in answer.text.splitlines()]
        super().__init__((key, re.sub("%(..)", lambda at: chr(int(at[1], 16)), value)) for key, value in lines)

    @property
    def state(self):
        return self["state"]


class Host:
    """A daemon at which people log in."""

    def __init__(self, daemon, idp):
        self.daemon, self.idp = daemon, idp
        self.secret = daemon.directory / "client.secret"
        self.secret.write_text(f"{CLIENT}-secret")
        self.secret.chmod(0o600)
        roles = ["view-users", "query-groups", "view-realm"]
        idp.change_client(CLIENT, service_account={"client_roles": {"realm-management": roles}})

    def start(self, ways="device", users="groups = /eng/**\nsync = 1d", policy=POLICY, more="", **service):
        settings = {"policy": "logins", "ways": ways, "qr": "none", **service}
        section = "\n".join(["[pam sshd]", *(f"{key} = {value}" for key, value in settings.items())])
        people = f"[users]\nissuer = holodeck\n{users}" if users else ""
        issuer = issuer_section(self.idp, client_id=CLIENT, client_secret_file=self.secret)
        self.daemon.write(issuer, policy, people, section, more, allow_development_issuers="true")
        self.daemon.start()
        if users:
            until("everybody has been looked at",
                  lambda: self.daemon.get("/v1/status").json["people"]["sync"]["last_sweep_at"])
        return self

    def ask(self, door, **form):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode(form)
        return Reply(self.daemon.request("POST", f"/v1/login/{door}", body, headers))

    def begin(self, user="alice", service="sshd", **more):
        return self.ask("begin", service=service, user=user, rhost="192.0.2.7", **more)

    def go_on(self, reply, answer=None):
        form = {"id": reply["id"]} if answer is None else {"id": reply["id"], "answer": answer}
        return self.ask("next", **form)

    def until(self, reply, *states, typed=()):
        """Goes on while it is told to wait or reads, typing what is in typed at prompts."""
        typed = list(typed)
        for _ in range(TURNS_MAX):
            if reply.state in states:
                return reply
            if reply.state == "prompt":
                assert typed, f"nothing to type at {reply['text']!r}"
                reply = self.go_on(reply, typed.pop(0))
            else:
                assert reply.state in ("wait", "info"), reply
                reply = self.go_on(reply)
        raise AssertionError(f"no end after {TURNS_MAX} turns: {reply}")

    def end(self, reply, typed=()):
        return self.until(reply, "allowed", "denied", "locked", "unavailable", "not_ours", typed=typed)

    def account(self, user="alice", service="sshd"):
        return self.ask("account", service=service, user=user)

    def code(self):
        return until("a code is out", lambda: [one for one in self.idp.codes() if one["state"] == "pending"])[-1]["code"]

    def record(self, **fields):
        return self.daemon.wait_event(event="login", **fields)


@pytest.fixture
def host(daemon, own_devidp):
    return Host(daemon, own_devidp)


# Device codes

def test_a_device_code_is_approved(host):
    reply = host.start(enter="false").begin()
    reply = host.until(reply, "info")
    code = host.code()
    assert code in reply["text"] and "/device" in reply["text"]
    host.idp.approve(code, "alice")
    reply = host.end(host.go_on(reply))
    assert reply.state == "allowed" and reply["user"] == "alice"
    record = host.record(verdict="allowed", door="login")
    assert record["user"] == "alice" and record["way"] == "device" and record["reason"] == "valid"
    assert record["service"] == "sshd" and record["address"] == "192.0.2.7" and record["subject"]


def test_sshd_shows_the_code_in_a_prompt(host):
    reply = host.until(host.start().begin(), "prompt")
    assert host.code() in reply["text"] and "Enter" in reply["text"] and reply["echo"] == "on"
    host.idp.approve(host.code(), "alice")
    assert host.end(host.go_on(reply, "")).state == "allowed"


def test_denied_consent_is_a_refusal(host):
    reply = host.until(host.start(enter="false").begin(), "info")
    host.idp.deny(host.code())
    reply = host.end(reply)
    assert reply.state == "denied" and reply["text"] == REFUSED
    assert host.record(verdict="denied")["reason"] == "wrong_credentials"


def test_an_expired_code_is_a_refusal(host):
    reply = host.until(host.start(enter="false").begin(), "info")
    host.idp.expire(host.code())
    reply = host.end(reply)
    assert reply.state == "denied" and "expired" in reply["text"]


def test_somebody_else_approves(host):
    reply = host.until(host.start(enter="false").begin("alice"), "info")
    host.idp.approve(host.code(), "carol")
    assert host.end(reply).state == "denied"
    assert host.record(verdict="denied")["reason"] == "wrong_account"


@pytest.mark.parametrize("user", ["nobody-knows", "root", "daemon", "Alice", "..", "a/b", "\u0430lice", "a" * 256, "-alice"])
def test_a_name_of_nobody_is_asked_and_refused_like_any_other(host, user):
    reply = host.until(host.start(enter="false").begin(user), "info")
    host.idp.approve(host.code(), "alice")
    reply = host.end(reply)
    assert reply.state == "denied" and reply["text"] == REFUSED


@pytest.mark.parametrize("user", ["a" * 257, "alice\nroot", "alice\x1b[2J"])
def test_what_is_no_name_at_all_is_refused_at_once(host, user):
    reply = host.start().begin(user)
    assert reply.state == "denied" and reply["text"] == REFUSED


def test_the_group_of_the_policy_is_missing(host):
    reply = host.until(host.start(enter="false").begin("bob"), "info")
    host.idp.approve(host.code(), "bob")
    assert host.end(reply).state == "denied"
    assert host.record(verdict="denied")["reason"] == "missing_group"


def test_polls_come_no_faster_than_the_provider_wants(host):
    reply = host.until(host.start(enter="false").begin(), "info")
    code = host.code()
    until("three polls", lambda: [one for one in host.idp.codes() if one["polls"] >= 3])
    seen = next(one for one in host.idp.codes() if one["code"] == code)
    assert seen["too_soon"] == 0
    host.idp.approve(code, "alice")
    assert host.end(reply).state == "allowed"


# Passwords

def test_password_and_one_time_code(host):
    reply = host.start(ways="password").begin("erin")
    assert reply.state == "prompt" and reply["echo"] == "off"
    reply = host.go_on(reply, "erin-password")
    assert reply.state == "prompt" and "code" in reply["text"]
    assert host.end(host.go_on(reply, CODES.fresh("erin"))).state == "allowed"


@pytest.mark.parametrize(("user", "typed"), [
    ("erin", ["erin-password", "wrong"]), ("erin", ["wrong", "fresh"]), ("erin", ["erin-password", ""]),
    ("erin", ["fresh", "erin-password"]), ("alice", ["wrong", ""]), ("alice", ["", ""]), ("dave", ["dave-password", ""]),
    ("nobody-knows", ["alice-password", ""]), ("root", ["alice-password", ""]),
], ids=["wrong code", "right code, wrong password", "no code", "the two change places", "wrong password", "nothing",
        "disabled", "unknown", "root"])
def test_what_is_not_right_is_refused_after_two_seconds(host, user, typed):
    host.start(ways="password")
    words = {"wrong": CODES.wrong("erin"), "fresh": CODES.fresh("erin")}
    begun = time.monotonic()
    reply = host.end(host.begin(user), typed=[words.get(word, word) for word in typed])
    assert reply.state == "denied" and reply["text"] == REFUSED
    assert time.monotonic() - begun >= 2


@pytest.mark.parametrize(("ways", "typed"), [("password", ["alice-password", ""]), ("push", [""])])
def test_the_realm_is_asked_by_the_name_that_it_has_for_somebody(host, ways, typed):
    host.idp.change_person("alice", attributes={"login": "lissy"})
    host.start(ways=ways, users="groups = /eng/**\nsync = 1d\nname_attribute = login")
    reply = host.begin("lissy")
    if ways == "push":
        reply = host.until(reply, "prompt")
        host.idp.approve(until("a push is out", host.idp.codes)[-1]["code"], "alice")
    assert host.end(reply, typed=typed).state == "allowed"


def test_a_required_action_is_told_in_words(host):
    reply = host.end(host.start(ways="password").begin("frank"), typed=["frank-password", ""])
    assert reply.state == "denied" and "step first" in reply["text"]


def test_too_many_failures_lock_the_user_out_of_the_service_and_nobody_else(host):
    host.start(ways="password", attempts=2, lockout="1m")
    for _ in range(2):
        assert host.end(host.begin("alice"), typed=["wrong", ""]).state == "denied"
    reply = host.begin("alice")
    assert reply.state == "locked" and "try again in" in reply["text"]
    assert host.end(host.begin("carol"), typed=["carol-password", ""]).state == "allowed"


def test_somebody_who_fails_elsewhere_locks_nobody_out(host):
    host.start(ways="password", attempts=1, lockout="1m")
    form = {"service": "sshd", "user": "alice", "rhost": "198.51.100.1"}
    assert host.end(host.ask("begin", **form), typed=["wrong", ""]).state == "denied"
    assert host.ask("begin", **form).state == "locked"
    assert host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed"


def test_passwords_that_are_sent_at_once_are_no_more_tries(host):
    host.start(ways="password", attempts=2, lockout="1m")
    prompts = [host.go_on(host.begin("alice"), "wrong") for _ in range(6)]
    sent = [host.go_on(prompt, "") for prompt in prompts]
    assert [reply.state for reply in sent[2:]] == ["locked"] * 4
    assert {host.end(reply).state for reply in sent[:2]} == {"denied"}


# Tokens

def test_a_token_as_password(host):
    host.start(ways="token;password")
    assert host.end(host.begin("alice"), typed=[host.idp.token(CLIENT, "alice")]).state == "allowed"


@pytest.mark.parametrize(("client", "user", "reason"), [
    ("orders-rs256", "alice", "wrong_audience"), (CLIENT, "carol", "wrong_account"), (CLIENT, "bob", "missing_group"),
])
def test_another_token_as_password(host, client, user, reason):
    host.start(ways="token")
    reply = host.end(host.begin("alice"), typed=[host.idp.token(client, user)])
    assert reply.state == "denied" and reply["text"] == REFUSED
    assert host.record(verdict="denied")["reason"] == reason


# Pushes

def test_a_push_is_approved_and_shows_the_command(host):
    host.start(more="[pam sudo]\npolicy = logins\nways = push\nbind_command = true\nenter = false")
    reply = host.until(host.begin("alice", service="sudo", command="sudo systemctl restart nats"), "info")
    push = until("a push is out", host.idp.codes)[-1]
    assert push["binding_message"] == "sudo_systemctl_restart_nats"
    assert "sudo_systemctl_restart_nats" in reply["text"]
    host.idp.approve(push["code"], "alice")
    assert host.end(reply).state == "allowed"


def test_a_push_is_denied(host):
    reply = host.until(host.start(ways="push", enter="false").begin("alice"), "info")
    host.idp.deny(until("a push is out", host.idp.codes)[-1]["code"])
    assert host.end(reply).state == "denied"


# Outages

def test_nobody_can_be_asked_for_a_code(host):
    host.start()
    host.idp.end_process()
    assert host.end(host.begin("alice")).state == "unavailable"
    assert host.record(verdict="unavailable")["reason"] == "unavailable"


def test_a_password_without_the_realm(host):
    host.start(ways="password", offline_for="1h")
    assert host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed"
    host.idp.end_process()
    until("the verifier has been made, beside the login",
          lambda: host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed")
    assert host.record(way="offline", verdict="allowed")["user"] == "alice"
    assert host.end(host.begin("alice"), typed=["wrong", ""]).state == "denied"
    assert host.end(host.begin("carol"), typed=["carol-password", ""]).state == "unavailable"


def test_a_one_time_code_is_never_passed_over(host):
    """Who logs in with one has no login without the realm: neither without it, nor with any."""
    host.start(ways="password", offline_for="1h")
    assert host.end(host.begin("erin"), typed=["erin-password", CODES.fresh("erin")]).state == "allowed"
    assert host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed"
    host.idp.end_process()
    until("the verifier has been made, beside the login",
          lambda: host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed")
    assert host.end(host.begin("erin"), typed=["erin-password", ""]).state == "unavailable"
    assert host.end(host.begin("erin"), typed=["erin-password", "123456"]).state == "unavailable"
    assert host.end(host.begin("alice"), typed=["alice-password", "123456"]).state == "unavailable"


def test_no_password_without_the_realm_where_it_is_off(host):
    host.start(ways="password")
    assert host.end(host.begin("alice"), typed=["alice-password", ""]).state == "allowed"
    host.idp.end_process()
    assert host.end(host.begin("alice"), typed=["alice-password", ""]).state == "unavailable"


# The account phase

@pytest.mark.parametrize(("user", "state"), [
    ("alice", "allowed"), ("bob", "denied"), ("dave", "denied"), ("root", "not_ours"), ("daemon", "not_ours")])
def test_who_may_log_in_by_whatever_proof(host, user, state):
    assert host.start().account(user).state == state


def test_disabled_between_login_and_account(host):
    host.start()
    assert host.account("alice").state == "allowed"
    host.idp.set_enabled("alice", False)
    until("the realm is asked anew", lambda: host.account("alice").state == "denied", 10)


def test_the_account_phase_lives_on_what_it_knows(host):
    host.start(fence_stale_for="1h")
    host.idp.end_process()
    assert host.account("alice").state == "allowed"
    assert host.account("dave").state == "denied"
    assert host.record(door="account", verdict="allowed")["stale"] == 1


def test_the_account_phase_does_not_live_on_it_where_that_is_off(host):
    host.start(fence_stale_for="0s")
    host.idp.end_process()
    assert host.account("alice").state == "unavailable"


def test_a_service_without_a_section_lets_nobody_in(host):
    host.start()
    assert host.account("alice", service="cron").state == "unavailable"
    assert host.begin("alice", service="cron").state == "unavailable"
    host.daemon.wait_event(event="login_service_unknown", service="cron")


# Sessions and keys

def test_sessions_are_listed_until_they_are_closed(host):
    host.start(environment="true")
    opened = host.ask("session", action="open", service="sshd", user="alice", rhost="192.0.2.7", tty="pts/3",
                      pid=os.getpid())
    assert opened.state == "allowed" and opened["env"].startswith("AUTHD_")
    shown = host.daemon.authctl("sessions")
    assert shown.returncode == 0 and "alice" in shown.stdout and "pts/3" in shown.stdout
    host.daemon.restart()
    assert "alice" in host.daemon.authctl("sessions").stdout
    assert host.ask("session", action="close", service="sshd", user="alice", session=opened["session"]).state == "allowed"
    assert "Nobody" in host.daemon.authctl("sessions").stdout


def test_keys_of_the_realm_without_options(host):
    host.idp.declare_attributes(["sshPublicKey"])
    host.idp.change_person("alice", attributes={"sshPublicKey": [SSH_KEY, f'command="sh" {SSH_KEY}', "nonsense"]})
    host.start()
    assert host.daemon.authctl("ssh-keys", "alice").stdout == SSH_KEY + "\n"
    assert host.daemon.authctl("ssh-keys", "carol").stdout == ""
    host.idp.set_enabled("alice", False)
    until("a disabled person has none", lambda: host.daemon.authctl("ssh-keys", "alice").stdout == "", 10)


def test_kept_keys_outlive_the_realm(host):
    host.idp.declare_attributes(["sshPublicKey"])
    host.idp.change_person("alice", attributes={"sshPublicKey": [SSH_KEY]})
    host.start()
    assert host.daemon.authctl("ssh-keys", "alice").stdout == SSH_KEY + "\n"
    host.idp.end_process()
    host.daemon.restart()
    assert host.daemon.authctl("ssh-keys", "alice").stdout == SSH_KEY + "\n"


# Who may ask

@pytest.mark.skipif(not is_root(), reason="asks as another user")
def test_only_root_may_ask(host):
    host.start()
    done = host.daemon.as_uid(NOBODY, "curl", "-s", "--unix-socket", host.daemon.socket, "-d", "service=sshd&user=alice",
                              "http://localhost/v1/login/begin")
    assert '"root_only"' in done.stdout


def test_no_password_reaches_the_log(host):
    host.start(ways="password")
    host.end(host.begin("alice"), typed=["alice-password", ""])
    host.end(host.begin("erin"), typed=["a-wrong-password", "987654"])
    text = host.daemon.log_text()
    assert "alice-password" not in text and "a-wrong-password" not in text and "987654" not in text


def test_a_conversation_that_is_cancelled_is_gone(host):
    reply = host.until(host.start().begin(), "prompt")
    assert host.daemon.get("/v1/status").json["logins"] == {"conversations": 1, "services": ["sshd"]}
    assert host.ask("cancel", id=reply["id"]).state == "denied"
    assert host.daemon.get("/v1/status").json["logins"]["conversations"] == 0
    assert host.go_on(reply, "").state == "unavailable"


def test_a_daemon_that_stops_leaves_nobody_waiting(host):
    host.until(host.start(enter="false").begin(), "info")
    host.daemon.stop(signal.SIGTERM)
