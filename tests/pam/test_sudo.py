"""sudo: a fresh approval for the command that is shown, then as long as sudo itself remembers."""

import contextlib
import time

import acts
import realm
import stack as stacks
from harness import until
from test_ways import push_of

PROMPT = "$ "


@contextlib.contextmanager
def shell_of(host, user):
    """A shell of a person's, at a terminal of their own."""
    with host.ssh(user, tty=True, how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(host.provider.short_token(user))
        client.expect(PROMPT)
        yield client


def binding(provider, code):
    return next(one["binding_message"] for one in provider.codes() if one["code"] == code)


def test_sudo_by_push_bound_to_the_command(settled):
    before = acts.n_events(settled.daemon)
    with shell_of(settled, "cas") as client:
        client.send("sudo /usr/bin/id -u -r")
        client.expect("Approve this login on your device")
        code = push_of(settled.provider, "cas")
        assert binding(settled.provider, code) == "sudo_/usr/bin/id_-u_-r"
        client.expect("It shows: sudo_/usr/bin/id_-u_-r")
        settled.provider.approve(code)
        if acts.waits_for_enter(client):
            client.send()
        client.expect("\n0")
        client.expect(PROMPT)
        # sudo remembers it, for this terminal
        client.send("sudo id -un")
        client.expect("root\r\n")
        client.expect(PROMPT)
    told = acts.record_of(settled.daemon, before, door="login", service="sudo", user="cas")
    assert (told["verdict"], told["way"]) == ("allowed", "push"), told
    with shell_of(settled, "cas") as other:
        other.send("sudo id")
        other.expect("Approve this login on your device")
        settled.provider.deny(push_of(settled.provider, "cas"))
        if acts.waits_for_enter(other):
            other.send()
        other.expect("incorrect authentication attempt", "Authentication failure", "incorrect password")
        assert "uid=0" not in other.screen


def test_sudo_forgets_when_told(settled):
    with shell_of(settled, "leo") as client:
        for _ in range(2):
            client.send("sudo -k; sudo id -un")
            client.expect("Approve this login on your device")
            settled.provider.approve(push_of(settled.provider, "leo"))
            if acts.waits_for_enter(client):
                client.send()
            client.expect("root\r\n")
            client.expect(PROMPT)


def test_sudo_is_denied(settled):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo id")
        client.expect("Approve this login on your device")
        settled.provider.deny(push_of(settled.provider, "cas"))
        if acts.waits_for_enter(client):
            client.send()
        client.expect("1 incorrect password attempt")
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_of_somebody_whom_its_policy_does_not_name(settled):
    """ada is in sudoers for id, and in no group of [pam sudo]'s policy."""
    with shell_of(settled, "ada") as client:
        client.send("sudo /usr/bin/id")
        client.expect("Approve this login on your device")
        settled.provider.approve(push_of(settled.provider, "ada"))
        if acts.waits_for_enter(client):
            client.send()
        client.expect("1 incorrect password attempt")
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_of_who_was_disabled_since(settled):
    with shell_of(settled, "leo") as client:
        with settled.provider.disabled("leo"):
            client.send("sudo -k; sudo id")
            code = acts.code_shown(client)  # a push is for those alone who are there
            client.expect(acts.ENTER)
            settled.provider.approve(code, "leo")
            client.send()
            client.expect("1 incorrect password attempt")
            client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_is_interrupted_while_it_waits(settled):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo id; echo it ended")
        client.expect(acts.ENTER)
        began = time.monotonic()
        client.send_raw(b"\x03")
        client.expect("^C", PROMPT, "it ended")
        client.send("echo and on")
        client.expect("and on\r\n")
        assert time.monotonic() - began < 3 and "uid=0" not in client.screen


def test_sudo_that_must_not_ask_fails_at_once(settled):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo -n id")
        client.expect("a password is required", "password attempt", seconds=5)
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_falls_to_a_device_code_where_the_realm_takes_no_push(settled):
    settled.provider.change_client(realm.CLIENT, push=None)
    try:
        with shell_of(settled, "cas") as client:
            client.send("sudo -k; sudo id -un")
            acts.by_device(client, settled.provider, "cas")
            client.expect("root\r\n")
    finally:
        every = {"expires_in": realm.CODE_SEC, "interval": realm.INTERVAL_SEC}
        settled.provider.change_client(realm.CLIENT, push=every)


def test_sudo_of_a_local_account_is_as_ever(settled):
    with settled.ssh(stacks.LOCAL, tty=True, how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(stacks.LOCAL_PASSWORD)
        client.expect(PROMPT)
        client.send("sudo -k; sudo id -un")
        client.expect("[sudo] password for")
        client.send(stacks.LOCAL_PASSWORD)
        client.expect("root\r\n")
    until("it is over", lambda: client.process.poll() is not None or client.close() is None)
