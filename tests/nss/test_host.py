"""The hosts of these rows: apart from each other and from the machine, whose files stay as they are."""

import hashlib
import os
from pathlib import Path

import host as hosts

WATCHED = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/nsswitch.conf", "/etc/sudoers",
           "/etc/ssh", "/etc/pam.d", "/etc/sudoers.d", "/etc/ld.so.cache", "/run/authd", "/var/lib/authd"]


def marks():
    """What the machine's files are now: contents, owners and modes."""
    files = [file for name in WATCHED for file in (Path(name), *sorted(Path(name).rglob("*"))) if file.is_file()]
    told = {str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat()[:6]) for file in files}
    told["libdir"] = sorted(os.listdir(hosts.libdir()))
    told["mounts"] = Path("/proc/self/mounts").read_text()
    told["there"] = [name for name in WATCHED if Path(name).exists()]
    told["name"] = os.uname().nodename
    return told


def test_a_host_changes_its_own_files_and_none_of_the_machine(new_host):
    before = marks()
    with new_host("changed") as one:
        for command in ("echo odd:x:4242:4242::/:/bin/sh >>/etc/passwd", "echo odd >/etc/hostname; hostname odd",
                        "rm /etc/shadow", "echo >/etc/nsswitch.conf", "touch /var/lib/authd/x /run/authd/y",
                        f"touch {hosts.libdir()}/z", "mount -t tmpfs odd /mnt", "echo 'ALL ALL' >/etc/sudoers"):
            done = one.run("sh", "-c", command)
            assert done.returncode == 0, f"{command}: {done.stderr}"
        assert marks() == before
    assert marks() == before


def test_hosts_side_by_side_see_nothing_of_each_other(new_host):
    with new_host("one") as one, new_host("two") as two:
        one.run("sh", "-c", "echo here >/etc/mark; touch /run/mark")
        assert one.run("hostname").stdout == "one\n" and two.run("hostname").stdout == "two\n"
        assert two.run("ls", "/etc/mark", "/run/mark").stdout == ""
        listening = [host.listen(7) for host in (one, two)]  # the same port in both networks
        assert all(listening)
        for socket in listening:
            socket.close()


def test_what_a_host_has_started_ends_with_it(new_host):
    with new_host("ended") as one:
        sleeper = one.start("sleep", "1000")
        pid = hosts.only_child(sleeper.pid)
        assert Path(f"/proc/{pid}").exists()
    sleeper.wait(5)
    assert not Path(f"/proc/{pid}").exists()


def test_the_provider_is_at_the_same_address_inside(host, provider):
    host.reach(provider)
    done = host.run("curl", "-sS", f"{provider.issuer_url}/.well-known/openid-configuration")
    assert provider.issuer_url in done.stdout, done.stderr
    assert host.run("curl", "-sS", "http://127.0.0.1:1/").returncode != 0
