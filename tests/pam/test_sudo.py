"""Pushes, and sudo, which asks by them: a fresh approval for the command that is shown, then as long as sudo itself remembers."""

import contextlib
import time

import pytest

import acts
import realm
import stack as stacks
from harness import until

PROMPT = "$ "


# --- pushes by themselves ---


def test_a_push_is_approved_on_a_device(settled, desk):
    with settled.pamtester("w-push", "ada") as client:
        client.expect("It shows: w-push")
        assert desk.message("ada") == "w-push"
        desk.answer("ada")
        acts.assert_pam_in(client)


def test_a_push_is_denied(settled, desk):
    with settled.pamtester("w-push", "ada") as client:
        client.expect("Approve this login on your device")
        desk.answer("ada", allow=False)
        acts.assert_pam_out(client, acts.REFUSED)


@pytest.mark.devidp
def test_a_push_expires(settled, desk):
    with settled.pamtester("w-push", "ada") as client:
        client.expect("Approve this login on your device")
        code = [one["code"] for one in settled.provider.codes() if one["kind"] == "push" and one["state"] == "pending"][-1]
        settled.provider.expire(code)
        acts.assert_pam_out(client, acts.EXPIRED)


def test_a_push_to_nobody_lets_nobody_in(settled, desk):
    """The realm knows none of the name: as where it cannot be asked, for a push says nothing to a stranger."""
    with settled.pamtester("w-push", "nobody-here") as client:
        client.expect(acts.AWAY, acts.REFUSED)
        client.expect("assword: ", "pamtester:")
        client.send("x")
        acts.assert_pam_out(client)


# --- sudo ---


@contextlib.contextmanager
def shell_of(host, user):
    """A shell of a person's, at a terminal of their own."""
    with host.ssh(user, tty=True, how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(host.provider.short_token(user))
        client.expect(PROMPT)
        yield client


def test_sudo_by_push_bound_to_the_command(settled, desk):
    before = acts.n_events(settled.daemon)
    with shell_of(settled, "cas") as client:
        client.send("sudo /usr/bin/id -u -r")
        client.expect("Approve this login on your device")
        client.expect("It shows: sudo_/usr/bin/id_-u_-r")
        assert desk.message("cas") == "sudo_/usr/bin/id_-u_-r"
        desk.answer("cas")
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
        desk.answer("cas", allow=False)
        if acts.waits_for_enter(other):
            other.send()
        other.expect("incorrect authentication attempt", "Authentication failure", "incorrect password")
        assert "uid=0" not in other.screen


def test_sudo_forgets_when_told(settled, desk):
    with shell_of(settled, "leo") as client:
        for _ in range(2):
            client.send("sudo -k; sudo id -un")
            client.expect("Approve this login on your device")
            desk.answer("leo")
            if acts.waits_for_enter(client):
                client.send()
            client.expect("root\r\n")
            client.expect(PROMPT)


def test_sudo_is_denied(settled, desk):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo id")
        client.expect("Approve this login on your device")
        desk.answer("cas", allow=False)
        if acts.waits_for_enter(client):
            client.send()
        client.expect("1 incorrect password attempt")
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_of_somebody_whom_its_policy_does_not_name(settled, desk):
    """ada is in sudoers for id, and in no group of [pam sudo]'s policy."""
    with shell_of(settled, "ada") as client:
        client.send("sudo /usr/bin/id")
        client.expect("Approve this login on your device")
        desk.answer("ada")
        if acts.waits_for_enter(client):
            client.send()
        client.expect("1 incorrect password attempt")
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


@pytest.mark.devidp
def test_sudo_of_who_was_disabled_since(settled, desk):
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


def test_sudo_is_interrupted_while_it_waits(settled, desk):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo id; echo it ended")
        client.expect(acts.ENTER)
        began = time.monotonic()
        client.send_raw(b"\x03")
        client.expect("^C", PROMPT, "it ended")
        client.send("echo and on")
        client.expect("and on\r\n")
        assert time.monotonic() - began < 3 and "uid=0" not in client.screen


def test_sudo_that_must_not_ask_fails_at_once(settled, desk):
    with shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo -n id")
        client.expect("a password is required", "password attempt", seconds=5)
        client.expect(PROMPT)
        assert "uid=0" not in client.screen


def test_sudo_falls_to_a_device_code_where_the_realm_takes_no_push(settled, desk):
    with settled.provider.without_pushes(), shell_of(settled, "cas") as client:
        client.send("sudo -k; sudo id -un")
        acts.by_device(client, settled.provider, "cas")
        client.expect("root\r\n")


def test_sudo_of_a_local_account_is_as_ever(settled, desk):
    with settled.ssh(stacks.LOCAL, tty=True, how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(stacks.LOCAL_PASSWORD)
        client.expect(PROMPT)
        client.send("sudo -k; sudo id -un")
        client.expect("[sudo] password for")
        client.send(stacks.LOCAL_PASSWORD)
        client.expect("root\r\n")
    until("it is over", lambda: client.process.poll() is not None or client.close() is None)
