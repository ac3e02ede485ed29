"""Side by side in one run: the module, SSSD's memory cache, and files; the same twenty lines of passwd behind each.

SSSD is real, in a tree of its own, started by hand in its host; a release that has none is skipped.
"""

import subprocess

import pytest

import tree
from conftest import daemon_of, started
from harness import until
from test_processes import median

pytestmark = pytest.mark.alone

SSSD_CONF = """[sssd]
services = nss
domains = far
[nss]
memcache_timeout = 3600
[domain/far]
id_provider = proxy
proxy_lib_name = files
proxy_pam_target = none
auth_provider = none
access_provider = permit
chpass_provider = none
min_id = 1
"""
ROUNDS = 3


@pytest.fixture
def with_sssd(new_host):
    if not all(tree.known(package) for package in tree.SSSD):
        pytest.skip("this release has no SSSD")
    try:
        lower = str(tree.tree(tree.SSSD))
    except (tree.NoTree, subprocess.TimeoutExpired) as trouble:
        pytest.skip(f"no tree with SSSD: {trouble}")
    with new_host("sssd", lower=lower, passwd="files sss") as host:
        host.write("/etc/sssd/sssd.conf", SSSD_CONF, 0o600)
        with open(host.folder / "sssd.log", "wb") as log:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            process = host.start("/usr/sbin/sssd", "-i", "--logger=stderr", **quiet)
        answers = lambda: host.getent("-s", "sss", "passwd", "daemon")  # noqa: E731
        until(f"SSSD answers: {host.folder}/sssd.log", answers, 30)
        until("its memory cache is there", host.path("/var/lib/sss/mc/passwd").exists)
        yield host
        process.kill()
        process.wait()


def test_the_table_is_the_fastest_of_three(with_sssd, provider, record):
    host = with_sssd
    with started(daemon_of(host, provider)):
        told = {name: [] for name in ("files", "sss", "authd")}
        own = {name: [] for name in ("sss", "authd")}
        for _ in range(ROUNDS):  # in turns, so that all meet the same machine
            for name in told:
                host.nsswitch(name)
                question = "passwd ada" if name == "authd" else "passwd daemon"
                told[name].append(median(host, "time", question))
                if name in own:
                    own[name].append(median(host, "direct", question, module=name))
        host.nsswitch("files authd")
    best = {name: min(values) for name, values in told.items()}
    alone = {name: min(values) for name, values in own.items()}
    lines = len(host.path("/etc/passwd").read_text().splitlines())
    for name, what in (("files", f"files, {lines} lines"), ("sss", "SSSD's memory cache"), ("authd", "authd's table")):
        beside = f"the module alone {alone[name] / 1000} us" if name in alone else ""
        record(f"side by side, getpwnam through libc by {what}", best[name] / 1000, "us", beside)
    assert alone["authd"] <= alone["sss"], alone
    assert best["authd"] < best["files"], best
