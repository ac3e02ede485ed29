"""What real programs say of people who have never logged in: getent, id, ls, sshd, sudo."""

import subprocess

import pytest

from conftest import daemon_of, started
from harness import until
from probe import FOUND, NONE, ask_once

SSHD = """
Port 22
ListenAddress 127.0.0.1
HostKey /etc/ssh/test_key
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile .ssh/authorized_keys
PidFile none
LogLevel DEBUG
"""


def passwd(host, name):
    line = host.getent("passwd", name)
    return line.split(":") if line else None


def test_getent_knows_a_person_by_name_and_by_number(settled):
    entry = passwd(settled, "ada")
    assert entry and entry[0] == "ada" and entry[1] == "*", "no shadow entry is to be looked for"
    uid = int(entry[2])
    assert 1879048192 <= uid <= 2147483647 and int(entry[3]) == uid
    assert entry[4:] == ["Ada Arden", "/home/ada", "/bin/bash"]
    assert passwd(settled, str(uid)) == entry


def test_getent_knows_groups_and_who_is_in_them(settled):
    line = settled.getent("group", "eng-platform").split(":")
    assert sorted(line[3].split(",")) == ["ada", "bea"]
    assert settled.getent("group", line[2]).split(":") == line
    assert settled.getent("group", "ada").split(":")[2] == passwd(settled, "ada")[2], "their own group"


def test_the_groups_of_a_child_are_those_of_its_parents_too(settled):
    assert sorted(settled.getent("group", "eng").split(":")[3].split(",")) == ["ada", "bea"]


def test_id_shows_all_groups_by_name(settled):
    assert set(settled.run("id", "-Gn", "bea").stdout.split()) == {"bea", "eng", "eng-platform", "eng-data"}
    assert set(settled.run("id", "-Gn", "dan").stdout.split()) == {"dan"}
    done = settled.getent("initgroups", "bea").split()
    assert len(done) == 4 and done[0] == "bea"


def test_a_hostile_full_name_stays_one_field(settled):
    entry = passwd(settled, "dan")
    assert len(entry) == 7 and "\n" not in entry[4] and entry[4].startswith("Dan")


def test_ls_shows_owners_by_name(settled):
    settled.run("sh", "-c", "touch /tmp/hers; chown bea:eng-data /tmp/hers")
    assert settled.run("ls", "-l", "/tmp/hers").stdout.split()[2:4] == ["bea", "eng-data"]
    assert settled.run("stat", "-c", "%U %G", "/tmp/hers").stdout == "bea eng-data\n"
    assert settled.run("find", "/tmp/hers", "-user", "bea", "-group", "eng-data").stdout == "/tmp/hers\n"


def test_unknown_names_are_unknown_and_local_accounts_are_as_they_were(settled):
    assert settled.getent("passwd", "nobody-here") is None
    assert settled.getent("group", "nobody-here") is None
    told = ask_once(settled, "passwd nobody-here", "passwd #1900000001", "group nobody-here", "passwd root")
    assert [one.result for one in told] == [NONE, NONE, NONE, FOUND]
    assert settled.getent("passwd", "root").startswith("root:x:0:0:")
    assert settled.getent("passwd", "daemon").startswith("daemon:x:1:1:")


def test_the_shadow_is_not_served(settled):
    assert settled.getent("shadow", "ada") is None


# Enumeration.


def test_nobody_is_enumerated_unless_the_settings_say_so(settled):
    names = [line.split(":")[0] for line in settled.run("getent", "passwd").stdout.splitlines()]
    assert "root" in names and not {"ada", "bea", "cas"} & set(names)
    assert "eng-platform" not in settled.run("getent", "group").stdout


def test_enumeration_shows_those_seen_on_this_host_only(host, provider):
    with started(daemon_of(host, provider, users={"enumerate": "true"})):
        names = [line.split(":")[0] for line in host.run("getent", "passwd").stdout.splitlines()]
        assert "root" in names and not {"ada", "bea", "cas"} & set(names), "nobody has logged in here"


# sshd and sudo.


@pytest.fixture(scope="module")
def sshd(settled):
    """A real sshd on the host's own 127.0.0.1:22, with keys of everybody's in their homes."""
    settled.run("sh", "-ec", "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/test_key; mkdir -p /run/sshd /root/.ssh;"
                " ssh-keygen -q -t ed25519 -N '' -f /tmp/key")
    settled.write("/etc/ssh/test_sshd_config", SSHD)
    process = settled.start("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/test_sshd_config",
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=open(settled.folder / "sshd.log", "ab"))
    until("sshd listens", lambda: settled.run("ssh-keyscan", "127.0.0.1").stdout)
    yield settled
    process.kill()
    process.wait()


def lay_key(host, name):
    done = host.run("sh", "-ec", f"install -d -o {name} -g {name} -m 755 /home/{name} /home/{name}/.ssh;"
                    f" install -o {name} -g {name} -m 600 /tmp/key.pub /home/{name}/.ssh/authorized_keys")
    assert done.returncode == 0, done.stderr


def ssh(host, name, command):
    return host.run("ssh", "-i", "/tmp/key", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
                    "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"{name}@127.0.0.1", command)


def test_sshd_lets_a_person_in_by_key_before_any_other_login(sshd):
    lay_key(sshd, "ada")
    done = ssh(sshd, "ada", "id -un; id -u; id -Gn; pwd; echo $HOME $SHELL")
    uid = passwd(sshd, "ada")[2]
    assert done.returncode == 0, f"{done.stderr}\n{(sshd.folder / 'sshd.log').read_text()[-2000:]}"
    name, number, groups, where, rest = done.stdout.splitlines()
    assert (name, number, where, rest) == ("ada", uid, "/home/ada", "/home/ada /bin/bash")
    assert set(groups.split()) == {"ada", "eng", "eng-platform"}


def test_sshd_refuses_whom_nss_does_not_know(sshd):
    done = ssh(sshd, "mallory", "id")
    assert done.returncode == 255 and "Permission denied" in done.stderr
    assert "Invalid user mallory" in (sshd.folder / "sshd.log").read_text()


@pytest.fixture(scope="module")
def sudo(settled):
    """sudo for a group of the platform's; PAM's account phase is not what is tried here."""
    settled.write("/etc/sudoers", "Defaults !use_pty\n%eng-platform ALL=(root) NOPASSWD: /usr/bin/id\n", 0o440)
    lines = ("auth required pam_deny.so", "account required pam_permit.so", "session required pam_permit.so")
    settled.write("/etc/pam.d/sudo", "\n".join([*lines, ""]))
    return settled


def as_person(host, name, *argv):
    return host.run("setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups", *argv)


def test_sudo_knows_the_group_of_a_sudoers_line(sudo):
    done = as_person(sudo, "ada", "sudo", "-n", "/usr/bin/id", "-u")
    assert done.stdout == "0\n", done.stderr


def test_sudo_refuses_who_is_not_in_the_group(sudo):
    done = as_person(sudo, "cas", "sudo", "-n", "/usr/bin/id", "-u")
    assert done.returncode != 0 and done.stdout == ""


def test_sudo_can_be_asked_about_a_person_by_name(sudo):
    done = sudo.run("sudo", "-l", "-U", "bea")
    assert "/usr/bin/id" in done.stdout, done.stderr
    assert "not allowed" in sudo.run("sudo", "-l", "-U", "cas").stdout
