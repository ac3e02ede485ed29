"""Names: whoever is called what no account may be, or what another is, and that nobody learns more from it."""

import time

import pytest

import acts
import realm
import stack as stacks
from acts import REFUSED, SHOW, assert_in, assert_out, assert_pam_in, assert_pam_out

pytestmark = pytest.mark.devidp
REFUSAL_SEC = 2
SAME_TIME_SEC = 0.7

# Names that are nobody's: each with the password that the realm has for it, if it has one.
ODD = {
    "a slash": "ada/x",
    "a folder up": "..",
    "a folder up and on": "../ada",
    "a slash at the end": "ada/",
    "a new line": "ada\nabe",
    "a line of the answer's": "ada\nstate=allowed",
    "a tabulator": "ada\t",
    "an escape": "\x1b[2Jada",
    "a blank behind": "ada ",
    "a blank before": " ada",
    "a look-alike": realm.LOOK_ALIKE,
    "capitals": "ADA",
    "the address": "ada@example.com",
    "a form's sign": "ada&user=abe",
    "a percent sign": "ada%00",
    "a byte that is no UTF-8": b"ada\xff".decode(errors="surrogateescape"),
    "300 letters": "a" * 300,
    "256 letters": "a" * 256,
    "a minus": "-l",
    "nobody": "nobody-here",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_a_name_that_is_nobodys(settled, name):
    """As an application that has not asked NSS first has it."""
    with settled.pamtester("w-password", name) as client:
        if client.expect(acts.PASSWORD, "pamtester:") == 0:
            client.send(realm.password_of(name) if name.isprintable() else "ada-password")
            if client.expect(acts.OTP, "pamtester:") == 0:
                client.send()
        assert_pam_out(client)
        assert "state=" not in client.screen.replace(name, ""), client.screen
    with settled.pamtester("w-password", name, "acct_mgmt") as client:
        assert_pam_out(client, operation="acct_mgmt")


@pytest.mark.parametrize("name", ["x/ada", "..", realm.LOOK_ALIKE, "ADA", "a" * 300, "ada\nabe"], ids=ascii)
def test_such_a_name_does_not_come_in_by_ssh(settled, name):
    """A slash ends the name for Debian's sshd, what is behind it is an SELinux role: ada/x is ada there."""
    with settled.ssh(name, SHOW, sshd="sshd-pw") as client:
        if client.expect("assword:", "ermission denied", "invalid", "remote username") == 0:
            client.send("ada-password")
            if client.expect("code", "ermission denied") == 0:
                client.send()
        assert_out(client)


# --- whose name is the host's own ---


@pytest.mark.parametrize("name", ["root", "daemon", realm.UNIX_NAME])
@pytest.mark.parametrize("service", ["w-password", "w-device", "w-token", "w-all"])
def test_the_realms_person_of_a_local_name_is_not_even_asked(settled, name, service):
    """pam_unix asks, and knows the host's passwords alone."""
    asked, codes = settled.provider.stats()["token"], len(settled.provider.codes())
    with settled.pamtester(service, name) as client:
        client.expect("Password: ")
        client.send(f"{name}-password" if name != realm.UNIX_NAME else "of-the-realm")
        if name == "root":  # of which the same word is the host's own
            assert_pam_in(client)
        else:
            assert_pam_out(client)
    assert settled.provider.stats()["token"] == asked and len(settled.provider.codes()) == codes


def test_a_token_of_the_realms_root_is_no_password_of_root(settled):
    token = settled.provider.short_token("root")
    with settled.ssh("root", SHOW, sshd="sshd-dev", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(token)
        assert_out(client)
    with settled.ssh("ada", SHOW, sshd="sshd-dev", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(token)
        assert_out(client)


def test_a_system_account_does_not_come_in_by_a_token_of_its_name(settled):
    with settled.pamtester("w-token", "daemon", "authenticate", "acct_mgmt") as client:
        client.expect("assword: ")
        client.send(settled.provider.short_token("daemon"))
        assert_pam_out(client)


@pytest.mark.parametrize("name", ["uma", "una"])
def test_two_of_one_number_are_both_out(settled, name):
    assert settled.getent("passwd", name) is None
    with settled.ssh(name, SHOW, sshd="sshd-dev", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(settled.provider.short_token(name))
        assert_out(client)
    with settled.pamtester("w-password", name) as client:
        acts.by_password(client, realm.password_of(name))
        assert_pam_out(client, REFUSED)


def test_a_system_number_is_nobodys(settled):
    with settled.pamtester("w-password", "sid") as client:
        acts.by_password(client, realm.password_of("sid"))
        assert_pam_out(client, REFUSED)


# --- what a stranger learns ---


def told(settled, user, password, service="w-password"):
    """(the dialogue, without the name; seconds)"""
    began = time.monotonic()
    with settled.pamtester(service, user) as client:
        acts.by_password(client, password)
        assert_pam_out(client)
        return client.screen.replace(user, "NAME"), time.monotonic() - began


def test_nobody_learns_who_is_an_account_by_words_or_time(settled):
    dialogues = {
        "a wrong password": told(settled, "ada", "wrong"),
        "nobody": told(settled, "nobody-here", "wrong"),
        "a disabled account": told(settled, "eve", "wrong"),
        "a disabled account, the right password": told(settled, "eve", "eve-password"),
        "no group": told(settled, "dan", "dan-password"),
        "two of one number": told(settled, "uma", "uma-password"),
        "no name": told(settled, "ada/x", "ada/x-password"),
    }
    words = {text for text, _ in dialogues.values()}
    seconds = [spent for _, spent in dialogues.values()]
    assert len(words) == 1, dialogues
    assert min(seconds) >= REFUSAL_SEC and max(seconds) - min(seconds) < SAME_TIME_SEC, dialogues


def test_a_device_code_is_shown_to_whoever_knocks(settled):
    """Nobody is told apart by whether there is one."""
    for name in ("ada", "nobody-here", "eve"):
        with settled.pamtester("w-enter", name) as client:
            code = acts.code_shown(client)
            settled.provider.deny(code)
            client.expect(acts.ENTER)
            client.send()
            assert_pam_out(client, REFUSED)


def test_a_local_account_is_asked_as_ever(settled):
    with settled.ssh(stacks.LOCAL, SHOW, sshd="sshd-pw") as client:
        client.expect("Password: ")
        client.send(stacks.LOCAL_PASSWORD)
        assert_in(client, stacks.LOCAL)
