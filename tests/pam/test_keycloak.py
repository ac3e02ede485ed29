"""What only the real Keycloak can be asked for: its tokens as passwords, its codes that expire, its words."""

import pytest

import acts
import realm
import settings
import stack as stacks
import terminal as terminals
from acts import EXPIRED, REFUSED, SHOW, assert_in, assert_out, assert_pam_in, assert_pam_out
from harness import forged

pytestmark = pytest.mark.keycloak


def of(member, user="ada", **more):
    return lambda keycloak: keycloak.token_response(realm.CLIENT, user, realm.password_of(user), **more)[member]


TOKENS = {
    "a token for another audience": (lambda keycloak: keycloak.password_token("ada", realm.STRANGER), "wrong_audience"),
    "the token of somebody else": (lambda keycloak: keycloak.password_token("abe"), "wrong_account"),
    "the token of the realm's root": (lambda keycloak: keycloak.password_token("root"), "no_account"),
    "a token with a bit of its signature changed": (lambda keycloak: forged(keycloak.password_token("ada")), "bad_signature"),
    "the token of somebody without the group": (lambda keycloak: keycloak.password_token("dan"), "missing_group"),
    "a token of a service": (lambda keycloak: keycloak.token(realm.CLIENT), "missing_group"),
    "a refresh token": (of("refresh_token"), None),
    "an ID token": (of("id_token", scope="openid"), None),
}


@pytest.mark.parametrize("make, reason", TOKENS.values(), ids=TOKENS)
def test_a_token_of_keycloaks_that_lets_nobody_in(settled, make, reason):
    before = acts.n_events(settled.daemon)
    with settled.pamtester("w-token", "ada") as client:
        client.expect(acts.TOKEN)
        client.send(make(settled.provider))
        assert_pam_out(client, REFUSED)
    told = acts.record_of(settled.daemon, before, door="login", user="ada")
    assert told["verdict"] == "denied" and told["reason"] == (reason or told["reason"]), told


def test_a_token_of_keycloaks_lets_in(settled):
    with settled.pamtester("w-token", "ada", "authenticate", "acct_mgmt") as client:
        client.expect(acts.TOKEN)
        client.send(settled.provider.password_token("ada"))
        assert_pam_in(client, "authenticate", "acct_mgmt")


def test_a_camera_reads_keycloaks_address_from_a_real_ssh_and_its_own_pages_let_in(settled, tmp_path):
    with settled.ssh("ada", SHOW) as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        url = terminals.read_qr(client.screen, tmp_path)
        assert url == acts.url_of(settled.provider, code), client.screen
        assert "Successful" in acts.logins.answer_device(url, "ada", password="ada-password")
        client.send()
        assert_in(client, "ada")


def test_a_person_with_a_second_factor_approves_with_it(settled):
    with settled.ssh("oda", SHOW) as client:
        acts.by_device(client, settled.provider, "oda")
        assert_in(client, "oda")


def test_who_has_something_left_to_do_cannot_approve(settled):
    with settled.ssh("fay", SHOW, sshd="sshd-dev") as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        words = acts.logins.answer_device(acts.url_of(settled.provider, code), "fay", password="fay-password")
        assert "Successful" not in words and "password" in words.lower(), words
        client.send("no")
        assert_out(client, REFUSED)


def test_a_code_of_keycloaks_expires(new_stack, provider):
    with new_stack("brief") as host, settings.running(host, provider, sshds=["sshd-dev"], client=realm.BRIEF):
        with host.ssh("ada", SHOW, sshd="sshd-dev") as client:
            acts.code_shown(client)
            client.expect(acts.ENTER)
            client.send()
            assert_out(client, EXPIRED)


def test_keycloak_is_away_and_the_hosts_own_get_in(new_stack, provider):
    with new_stack("away") as host, settings.running(host, provider, sshds=["sshd-pw"]):
        next(iter(host.relays.values())).sever()
        with host.ssh("ada", SHOW, sshd="sshd-pw") as client:
            acts.by_password(client, "ada-password")
            client.expect(acts.AWAY, seconds=20)
            client.expect("assword: ")
            client.send("ada-password")
            assert_out(client)
        with host.ssh(stacks.LOCAL, SHOW, sshd="sshd-pw") as client:
            client.expect("Password: ")
            client.send(stacks.LOCAL_PASSWORD)
            assert_in(client, stacks.LOCAL)
