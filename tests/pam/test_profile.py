"""The stacks: Debian's profile as pam-auth-update lays it, the examples' own files, and rows that show what each word
of them is for: with the word gone, somebody gets in who must not, so that the rows above can fail."""

import pytest

import acts
import realm
import settings
import stack as stacks
from acts import SHOW, assert_in, assert_out, assert_pam_in, assert_pam_out

pytestmark = pytest.mark.devidp
SHIPPED = (stacks.SOURCE / "packaging" / "authd.pam-config").read_text()


def lines_of(host, name):
    return [" ".join(line.split()) for line in host.path(f"/etc/pam.d/{name}").read_text().splitlines()
            if line.strip() and not line.startswith("#")]


def test_the_profile_stands_first_and_a_refusal_ends_it(settled):
    auth, account, password = (lines_of(settled, f"common-{name}") for name in ("auth", "account", "password"))
    assert auth[0] == "auth [success=2 user_unknown=ignore authinfo_unavail=ignore default=die] pam_authd.so"
    assert account[0] == "account [success=2 user_unknown=ignore default=die] pam_authd.so"
    assert "pam_unix.so" in password[0] and "use_authtok" not in password[0], password
    assert password[1] == "password [user_unknown=ignore default=die] pam_authd.so"
    for name in ("common-session", "common-session-noninteractive"):
        assert "session optional pam_authd.so" in lines_of(settled, name)
        assert "session optional pam_mkhomedir.so umask=0077" in lines_of(settled, name)


def test_the_profile_leaves_as_it_came(host):
    laid = {name: lines_of(host, f"common-{name}") for name in ("auth", "account", "password", "session")}
    host.run("pam-auth-update", "--package", "--remove", "authd", "authd-password", env={"DEBIAN_FRONTEND": "noninteractive"})
    for name, lines in laid.items():
        assert any("pam_authd" in line for line in lines)
        assert not any("pam_authd" in line for line in lines_of(host, f"common-{name}"))
    with host.pamtester("login", stacks.LOCAL) as client:
        client.expect("assword: ")
        client.send(stacks.LOCAL_PASSWORD)
        assert_pam_in(client)


@pytest.fixture
def site(host, own_provider):
    with settings.running(host, own_provider, sshds=["sshd-pw"]):
        yield host


def lay_key(host, user):
    host.run("install", "-d", "-o", user, "-m", "700", f"/home/{user}", f"/home/{user}/.ssh")
    host.write(f"/home/{user}/.ssh/authorized_keys", host.public_key() + "\n")


def broken(old, new):
    assert old in SHIPPED
    return SHIPPED.replace(old, new)


def by_key(host, user):
    with host.ssh(user, SHOW, how=stacks.BY_KEY, sshd="sshd-pw") as client:
        return acts.is_in(client, user)


def test_with_ignore_in_the_account_line_a_refusal_would_let_in(site):
    """himmelblau#1561: the refusal of the group is passed over, and pam_unix has no objection to a star."""
    lay_key(site, "dan")
    assert not by_key(site, "dan")
    site.lay_profile(broken("[success=end user_unknown=ignore default=die]", "[success=end default=ignore]"))
    assert by_key(site, "dan"), "so it is this word that keeps dan out"
    site.lay_profile()
    assert not by_key(site, "dan")


def test_with_unavailable_passed_over_in_the_account_line_a_dead_daemon_would_let_in(site):
    lay_key(site, "dan")
    site.daemon.stop()
    assert not by_key(site, "dan")
    passed_over = "[success=end user_unknown=ignore authinfo_unavail=ignore default=die]"
    site.lay_profile(broken("[success=end user_unknown=ignore default=die]", passed_over))
    assert by_key(site, "dan"), "dan has no group of the policy, and nobody is there to say so"


def test_without_the_local_exception_the_hosts_own_would_be_out(site):
    site.lay_profile(broken("[success=end user_unknown=ignore authinfo_unavail=ignore default=die]", "[success=end default=die]"))
    with site.ssh(stacks.LOCAL, SHOW, sshd="sshd-pw") as client:
        assert_out(client)


@pytest.mark.parametrize("argument", ["timeout=0", "timeout=31", "timeout=x", "nullok", "socket=authd.sock"])
def test_an_argument_that_is_not_understood_lets_nobody_in(host, argument):
    """Not even past the module: the file's writer meant something else."""
    for name in ("common-auth", "common-account"):
        path = host.path(f"/etc/pam.d/{name}")
        path.write_text(path.read_text().replace("pam_authd.so", f"pam_authd.so {argument}"))
    host.service("w-argument")
    for user in ("ada", stacks.LOCAL):
        with host.pamtester("w-argument", user, "authenticate", "acct_mgmt") as client:
            assert_pam_out(client)


def test_people_with_an_account_on_the_host_go_through_the_realm_where_that_is_asked_for(site):
    """local_too: lola is in /etc/passwd, and signs in with the provider; but root stays the host's own."""
    for name in ("common-auth", "common-account"):
        path = site.path(f"/etc/pam.d/{name}")
        path.write_text(path.read_text().replace("pam_authd.so", "pam_authd.so local_too"))
    with site.pamtester("w-password", "root") as client:
        client.expect("Password: ")
        client.send(stacks.ROOT_PASSWORD)
        assert_pam_in(client)
    with site.pamtester("w-password", realm.UNIX_NAME) as client:
        client.expect(acts.PASSWORD)
        client.send("lola-passwore")
        client.expect(acts.OTP)
        client.send()
        assert_pam_out(client, acts.REFUSED)
    site.daemon.stop()
    with site.pamtester("w-password", realm.UNIX_NAME) as client:
        client.expect("Password: ")  # pam_unix's: nobody is locked out of the host by a dead daemon
        client.send("lola-password")
        assert_pam_in(client)


# --- the examples' stacks, file by file ---


@pytest.fixture(scope="module")
def by_example(new_stack, provider):
    """A host without the profile: examples/pam is all there is."""
    with new_stack("example", profile=False) as host:
        host.lay_example("sshd", "sudo", "login", "gdm-password")
        with settings.running(host, provider, sshds=["sshd"]):
            yield host


def test_the_examples_sshd_lets_in_and_refuses(by_example):
    acts.ssh_in(by_example, "ada")
    with by_example.ssh("abe", SHOW) as client:
        acts.by_device(client, by_example.provider, "ada")
        assert_out(client, acts.REFUSED)
    with by_example.ssh(stacks.LOCAL, SHOW) as client:
        client.expect("Password: ")
        client.send(stacks.LOCAL_PASSWORD)
        assert_in(client, stacks.LOCAL)


def test_the_examples_sshd_fences_keys(by_example):
    lay_key(by_example, "dan")
    with by_example.ssh("dan", SHOW, how=stacks.BY_KEY) as client:
        assert_out(client)
    lay_key(by_example, "gus")
    with by_example.ssh("gus", SHOW, how=stacks.BY_KEY) as client:
        assert_in(client, "gus")


@pytest.mark.parametrize("service", ["sshd", "sudo", "login", "gdm-password"])
def test_each_of_the_examples_refuses_at_the_account_phase(by_example, service):
    for user in ("dan", "eve", "nobody-here"):
        with by_example.pamtester(service, user, "acct_mgmt") as client:
            assert_pam_out(client, operation="acct_mgmt")
    user = "cas"  # who may everywhere
    with by_example.pamtester(service, user, "acct_mgmt") as client:
        assert_pam_in(client, "acct_mgmt")
    with by_example.pamtester(service, stacks.LOCAL, "acct_mgmt") as client:
        assert_pam_in(client, "acct_mgmt")


def test_the_shipped_example_of_settings_is_what_these_hosts_have(settled):
    """Word for word, and the daemon takes it."""
    assert settings.EXAMPLE.read_text() in settled.path("/etc/authd/authd.conf").read_text()
    done = settled.run("/usr/sbin/authd", "--config", "/etc/authd/authd.conf", "--check-config")
    assert done.returncode == 0, done.stderr
