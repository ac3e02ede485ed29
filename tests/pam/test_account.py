"""The account phase: who proved who they are and may not come in for all that, keys above all."""

import contextlib
import time

import pytest

import acts
import realm
import stack as stacks
from acts import REFUSED, SHOW, assert_in, assert_out
from harness import until

FRESH_SEC = 5  # authd/login/fence.h


def with_key(host, user, *command, **more):
    return host.ssh(user, *(command or [SHOW]), how=stacks.BY_KEY, **more)


def lay_key(host, user):
    """In the home, where sshd has it by default."""
    home = f"/home/{user}"
    host.run("install", "-d", "-m", "700", f"{home}/.ssh")
    host.write(f"{home}/.ssh/authorized_keys", host.public_key() + "\n", 0o600)
    host.run("chown", "-R", user, home)


@contextlib.contextmanager
def without_group(host, user, path="/eng"):
    host.provider.leave(user, path)
    try:
        yield
    finally:
        host.provider.join(user, path)


def assert_fenced(host, before, user, reason):
    told = acts.record_of(host.daemon, before, door="account", user=user)
    assert told["verdict"] == "denied" and told["reason"] == reason, told


def test_a_key_in_the_home_lets_in_who_may(settled):
    lay_key(settled, "gus")
    with with_key(settled, "gus") as client:
        assert_in(client, "gus")


def test_a_key_of_a_disabled_person_is_no_way_in(settled):
    lay_key(settled, "row4")
    before = acts.n_events(settled.daemon)
    with settled.provider.disabled("row4"), with_key(settled, "row4") as client:
        assert_out(client)
    assert_fenced(settled, before, "row4", "inactive")


def test_who_is_disabled_between_two_logins_is_out_a_few_seconds_later(settled):
    """What the realm said a moment ago is not asked again (FENCE_FRESH_SEC); and in again likewise."""
    lay_key(settled, "row5")
    with with_key(settled, "row5") as client:
        assert_in(client, "row5")
    with settled.provider.disabled("row5"):
        began = time.monotonic()
        until("it is noticed", lambda: not comes_in(settled, "row5"), FRESH_SEC + 1)
        assert time.monotonic() - began <= FRESH_SEC + 1
        assert not comes_in(settled, "row5")
    until("it is noticed, too", lambda: comes_in(settled, "row5"), FRESH_SEC + 2)


def comes_in(host, user):
    with with_key(host, user) as client:
        return acts.is_in(client, user)


def test_a_key_of_somebody_without_the_group_is_no_way_in(settled):
    lay_key(settled, "dan")
    before = acts.n_events(settled.daemon)
    with with_key(settled, "dan") as client:
        assert_out(client)
    assert_fenced(settled, before, "dan", "missing_group")


def test_a_key_of_somebody_who_left_the_group_a_moment_ago_is_no_way_in(settled):
    lay_key(settled, "row6")
    with without_group(settled, "row6"), with_key(settled, "row6") as client:
        assert_out(client)


def test_a_key_of_nobodys_account_is_no_way_in(settled):
    """The host's own name is its own matter, the realm's person of it is not asked."""
    lay_key(settled, realm.UNIX_NAME)
    with with_key(settled, realm.UNIX_NAME) as client:
        assert_in(client, realm.UNIX_NAME)


def test_a_key_that_the_realm_keeps_lets_in_who_may(settled):
    """AuthorizedKeysCommand, as the example has it; nothing lies on the host."""
    settled.provider.attribute("kim", "sshPublicKey", settled.public_key())
    told = settled.run("authctl", "ssh-keys", "kim")
    assert told.stdout.strip() == settled.public_key(), told
    with with_key(settled, "kim") as client:
        assert_in(client, "kim")


def test_a_key_that_the_realm_keeps_ends_with_the_account(settled):
    settled.provider.attribute("kim", "sshPublicKey", settled.public_key())
    with settled.provider.disabled("kim"):
        settled.daemon.sync()
        told = settled.run("authctl", "ssh-keys", "kim")
        assert told.stdout == "", told
        with with_key(settled, "kim") as client:
            assert_out(client)
    settled.daemon.sync()


@pytest.mark.parametrize("name", ["nobody-here", "root", "-l", "ada\nkim", "../kim"], ids=ascii)
def test_nobodys_keys_are_none(settled, name):
    told = settled.run("authctl", "ssh-keys", "--", name)
    assert told.stdout == "", told


def test_keys_may_be_asked_by_the_user_that_sshd_asks_as(settled):
    settled.provider.attribute("kim", "sshPublicKey", settled.public_key())
    told = settled.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "authctl", "ssh-keys", "kim")
    assert told.stdout.strip() == settled.public_key(), told


# --- between auth and account ---


def allowed_and_waiting(host, client, user):
    """The token is there and taken; only Enter is missing."""
    code = acts.code_shown(client)
    client.expect(acts.ENTER)
    before = acts.n_events(host.daemon)
    acts.approve(host.provider, code, user)
    acts.record_of(host.daemon, max(0, before - 5), door="login", user=user, verdict="allowed")


def test_who_is_disabled_between_auth_and_account(settled):
    with settled.ssh("row1", SHOW, sshd="sshd-dev") as client:
        allowed_and_waiting(settled, client, "row1")
        with settled.provider.disabled("row1"):
            before = acts.n_events(settled.daemon)
            client.send()
            assert_out(client)
            assert_fenced(settled, before, "row1", "inactive")


def test_who_leaves_the_group_between_auth_and_account(settled):
    """The refusal that a profile must not pass over (himmelblau#1561)."""
    with settled.ssh("row2", SHOW, sshd="sshd-dev") as client:
        allowed_and_waiting(settled, client, "row2")
        with without_group(settled, "row2"):
            client.send()
            assert_out(client)


def test_the_account_phase_alone_of_each_refused(settled):
    """pamtester, so that nothing else can refuse: auth is not run at all."""
    for user in ("dan", "eve", "uma", "nobody-here"):
        with settled.pamtester("w-device", user, "acct_mgmt") as client:
            acts.assert_pam_out(client, operation="acct_mgmt")
    with settled.pamtester("w-device", "ada", "acct_mgmt") as client:
        acts.assert_pam_in(client, "acct_mgmt")


def test_a_service_of_its_own_policy(settled):
    """administrators: /ops alone."""
    for user, is_one in (("cas", True), ("ada", False)):
        with settled.pamtester("w-ops", user, "authenticate", "acct_mgmt") as client:
            acts.by_password(client, realm.password_of(user))
            if is_one:
                acts.assert_pam_in(client, "authenticate", "acct_mgmt")
            else:
                acts.assert_pam_out(client, REFUSED)
        with settled.pamtester("w-ops", user, "acct_mgmt") as client:
            if is_one:
                acts.assert_pam_in(client, "acct_mgmt")
            else:
                acts.assert_pam_out(client, operation="acct_mgmt")


def test_a_service_that_nobody_configured_falls_to_the_default_one(settled):
    settled.service("w-nowhere")
    with settled.pamtester("w-nowhere", "ada") as client:
        code = acts.code_shown(client)
        acts.approve(settled.provider, code, "ada", allow=False)
        client.expect(acts.ENTER)
        client.send()
        acts.assert_pam_out(client, REFUSED)
