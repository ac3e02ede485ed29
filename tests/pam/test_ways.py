"""Each way in, once allowed, through real sshd, sudo and login: the other side of test_refused.

What the person is on the host afterwards stands beside it: number, groups, home, session, record.
"""

import re

import pytest

import acts
import stack as stacks
from acts import SHOW, assert_in, assert_out
from harness import until


# --- sshd ---


def test_ssh_by_device_code_as_the_example_has_it(settled):
    """sshd, [pam sshd] and the profile as shipped; a browser's pages."""
    before = acts.n_events(settled.daemon)
    with settled.ssh("ada", f"{SHOW}; id -Gn; stat -c '%a %U' ~; pwd", tty=True) as client:
        code = acts.code_shown(client)
        acts.approve(settled.provider, code, "ada")
        client.expect(acts.ENTER)
        client.send()
        assert_in(client, "ada")
    after = client.screen.partition(acts.MARK)[2]
    assert after.splitlines()[1:4] == ["ada eng", "700 ada", "/home/ada"], after
    told = acts.record_of(settled.daemon, before, door="login", user="ada", verdict="allowed")
    assert (told["way"], told["service"], told["address"], told["issuer"]) == ("device", "sshd", "127.0.0.1", "holodeck")
    assert told["subject"] and told["token"] and told["request_id"], told
    later = acts.record_of(settled.daemon, before, door="account", user="ada")
    assert (later["verdict"], later["issuer"], later["subject"]) == ("allowed", "holodeck", told["subject"])
    assert later["request_id"] not in ("", told["request_id"])


def test_ssh_by_a_code_typed_by_hand(settled):
    """The short address and the code, as somebody without a camera does it."""
    with settled.ssh("abe", SHOW) as client:
        code = acts.code_shown(client)
        browser = acts.logins.Browser()
        browser.load(f"{settled.provider.people_url}/device")
        browser.submit(device_user_code=code)
        assert browser.log_in("abe").form_with("accept")
        assert "Successful" in browser.submit("accept").text
        client.expect(acts.ENTER)
        client.send()
        assert_in(client, "abe")


def test_ssh_by_device_code_with_enter_before_the_approval(settled):
    with settled.ssh("ada", SHOW) as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        client.send()
        acts.approve(settled.provider, code, "ada")
        assert_in(client, "ada")


def test_ssh_by_password(settled):
    with settled.ssh("ada", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, "ada-password")
        assert_in(client, "ada")


def test_ssh_by_password_and_one_time_code(settled):
    with settled.ssh("ora", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, "ora-password", acts.otp_for("ora", "fresh"))
        assert_in(client, "ora")
    assert "ora-password" not in client.screen, "it does not echo"


def test_ssh_by_a_token_as_password(settled):
    """The example's ways are device;token, and a program has no browser. test_refused changes this very token."""
    with settled.ssh("ada", SHOW, how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(settled.provider.short_token("ada"))
        assert_in(client, "ada")
    assert "eyJ" not in client.screen, "it does not echo"


def test_ssh_by_a_token_in_the_dialogue(settled):
    with settled.ssh("ada", SHOW) as client:
        client.expect(acts.ENTER)
        client.send(settled.provider.short_token("ada"))
        assert_in(client, "ada")
    assert "eyJ" not in client.screen, "it does not echo"


def test_files_go_over_scp_and_sftp(settled):
    """The session of a person, used by programs."""
    settled.provider.attribute("abe", "sshPublicKey", settled.public_key())
    settled.write("/tmp/sent", "sent\n")
    options = " ".join(f"-o {one}" for one in [*stacks.SSH_OPTIONS, *stacks.BY_KEY])
    done = settled.run("sh", "-c", f"scp -F none {options} /tmp/sent abe@127.0.0.1:got && "
                       f"echo 'rename got kept' | sftp -F none {options} -b - abe@127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert settled.run("cat", "/home/abe/kept").stdout == "sent\n"


# --- login ---


def at_login(host, user):
    terminal = host.terminal("login")
    terminal.expect("login: ")
    terminal.send(user)
    return terminal


def test_login_by_password_and_one_time_code(settled):
    with at_login(settled, "oto") as tty:
        acts.by_password(tty, "oto-password", acts.otp_for("oto", "fresh"))
        tty.expect("$ ")
        tty.send(f"{SHOW}; exit")
        tty.expect("in-as-oto")
        tty.end()


def test_login_goes_on_to_the_device_code_after_an_empty_password(settled):
    with at_login(settled, "ada") as tty:
        tty.expect(acts.PASSWORD)
        tty.send()
        acts.by_device(tty, settled.provider, "ada")
        tty.expect("$ ")
        tty.send(f"{SHOW}; exit")
        tty.expect("in-as-ada")
        tty.end()


@pytest.mark.parametrize("user, password, otp", [("ada", "wrong", "none"), ("oto", "oto-password", "wrong"),
                                                 ("eve", "eve-password", "none"), ("dan", "dan-password", "none")])
def test_login_refuses(settled, user, password, otp):
    with at_login(settled, user) as tty:
        acts.by_password(tty, password, acts.otp_for(user, otp))
        tty.expect(acts.REFUSED)
        tty.expect("Login incorrect")
        assert "$ " not in tty.screen


def test_login_of_a_local_account(settled):
    with at_login(settled, stacks.LOCAL) as tty:
        tty.expect("Password: ")
        tty.send(stacks.LOCAL_PASSWORD)
        tty.expect("$ ")
        tty.send(f"{SHOW}; exit")
        tty.expect(f"in-as-{stacks.LOCAL}")
        tty.end()


# --- the ways by themselves, where nothing but PAM is in between ---


def test_a_device_code_without_enter_is_noticed_by_itself(settled):
    with settled.pamtester("w-device", "ada", "authenticate", "acct_mgmt") as client:
        code = acts.code_shown(client)
        acts.approve(settled.provider, code, "ada")
        acts.assert_pam_in(client, "authenticate", "acct_mgmt")
    assert acts.ENTER not in client.screen


def test_a_token_at_its_own_prompt(settled):
    """However long: the limit is OpenSSH's."""
    with settled.pamtester("w-token", "ada") as client:
        client.expect(acts.TOKEN)
        client.send(settled.provider.password_token("ada"))
        acts.assert_pam_in(client)


def test_a_token_at_the_password_prompt_of_a_service_with_all_ways(settled):
    with settled.pamtester("w-all", "ada") as client:
        client.expect(acts.TOKEN)
        client.send()
        client.expect(acts.PASSWORD)
        client.send(settled.provider.short_token("ada"))
        acts.assert_pam_in(client)


# --- the session ---


def test_sessions_are_listed_while_they_are_open(settled):
    settled.provider.attribute("abe", "sshPublicKey", settled.public_key())
    with settled.ssh("abe", how=stacks.BY_KEY, tty=True) as client:
        client.expect("$ ")
        mine = until("the session is listed", lambda: sessions_of(settled, "abe"))
        assert len(mine) == 1, mine
        one = mine[0]
        assert (one["service"], one["user"], one["rhost"]) == ("sshd", "abe", "127.0.0.1"), one
        shown = settled.run("authctl", "sessions")
        assert shown.returncode == 0 and re.search(r"abe\b.*sshd", shown.stdout) or re.search(r"sshd.*\babe\b", shown.stdout), shown.stdout
        client.send("exit")
        client.end()
    until("it is listed no longer", lambda: not sessions_of(settled, "abe"))


def sessions_of(host, user):
    answer = host.daemon.get("/v1/sessions")
    assert answer.status == 200, answer.text
    return [one for one in answer.json["sessions"] if one["user"] == user]


def test_the_session_of_an_application_that_was_killed_is_listed_no_longer(settled):
    settled.provider.attribute("abe", "sshPublicKey", settled.public_key())
    with settled.ssh("abe", how=stacks.BY_KEY, tty=True) as client:
        client.expect("$ ")
        one = until("the session is listed", lambda: sessions_of(settled, "abe"))[0]
        settled.run("kill", "-9", one["pid"])
        until("it is listed no longer", lambda: not sessions_of(settled, "abe"))


def test_the_environment_is_there_only_where_it_is_asked_for(settled):
    with settled.ssh("ada", f"{SHOW}; env", sshd="sshd-pw") as client:
        acts.by_password(client, "ada-password")
        assert_in(client, "ada")
    subject = settled.daemon.person("ada")["person"]["subject"]
    assert f"AUTHD_SUBJECT={subject}\n" in client.screen and f"AUTHD_ISSUER={settled.provider.people_url}\n" in client.screen
    with settled.ssh("ada", f"{SHOW}; env", how=stacks.BY_PASSWORD) as client:
        client.expect("password: ")
        client.send(settled.provider.short_token("ada"))
        assert_in(client, "ada")
    assert "AUTHD_" not in client.screen


def test_the_first_login_makes_the_home_and_the_next_leaves_it(settled):
    assert not settled.path("/home/row3").exists()
    for command, shown in ((f"{SHOW}; touch mark; stat -c '%a %U' .", "700 row3"), (f"{SHOW}; ls mark", "mark")):
        with settled.ssh("row3", command, how=stacks.BY_PASSWORD) as client:
            client.expect("password: ")
            client.send(settled.provider.short_token("row3"))
            assert_in(client, "row3")
        assert f"\n{shown}\n" in client.screen, client.screen


# --- the password ---


def test_passwd_says_where_the_password_is_changed_and_changes_nothing(settled):
    settled.provider.attribute("abe", "sshPublicKey", settled.public_key())
    with settled.ssh("abe", "passwd", how=stacks.BY_KEY, tty=True) as client:
        assert_out(client, f"{settled.provider.people_url}/account")


def test_passwd_of_a_local_account_is_as_ever(settled):
    with settled.terminal("su", stacks.LOCAL, "-s", "/usr/bin/passwd") as tty:
        tty.expect("urrent password: ")
        tty.send(stacks.LOCAL_PASSWORD)
        tty.expect("ew password: ")
        tty.send("Another-0ne-now")
        tty.expect("ew password: ")
        tty.send("Another-0ne-now")
        assert tty.end() == 0, tty.screen
    settled.add_locals()  # its former password again
