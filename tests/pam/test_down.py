"""What is down, hung, away or wrong about the time: who still gets in, who does not, and in which time.

The first promise: whatever happens to the daemon, the host's own people get in. The second: nobody
of the realm does by that.
"""

import time

import pytest

import acts
import host as hosts
import realm
import settings
import stack as stacks
from acts import AWAY, REFUSED, SHOW, assert_in, assert_out, assert_pam_in, assert_pam_out
from harness import until

pytestmark = pytest.mark.devidp

MODULE_SEC = 5  # pam_authd's timeout by default
SLACK_SEC = 2
HOUR_SEC, DAY_SEC = 3600, 86400
BRIEF_SEC = 7  # settings.py: fence_stale_for of w-brief
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


@pytest.fixture
def site(host, own_provider):
    """A host of the row's own, its daemon and provider, which it may break; somebody has a key."""
    with settings.running(host, own_provider, sshds=["sshd", "sshd-pw"]):
        host.run("install", "-d", "-o", "gus", "-m", "700", "/home/gus", "/home/gus/.ssh")
        host.write("/home/gus/.ssh/authorized_keys", host.public_key() + "\n")
        yield host


def own_people_get_in(host, seconds=SLACK_SEC):
    """By ssh, sudo and login, each within the time; root, too."""
    began = time.monotonic()
    for user, password in ((stacks.LOCAL, stacks.LOCAL_PASSWORD), ("root", stacks.ROOT_PASSWORD)):
        with host.ssh(user, SHOW) as client:
            client.expect("Password: ")
            client.send(password)
            assert_in(client, user)
    with host.terminal("login") as tty:
        tty.expect("login: ")
        tty.send(stacks.LOCAL)
        tty.expect("Password: ")
        tty.send(stacks.LOCAL_PASSWORD)
        tty.expect("$ ")
        tty.send("sudo -k; sudo id -un")
        tty.expect("[sudo] password for")
        tty.send(stacks.LOCAL_PASSWORD)
        tty.expect("root\r\n")
        tty.send("exit")
        tty.end()
    spent = time.monotonic() - began
    assert spent < 4 * seconds, f"{spent} s for four logins"
    return spent


def nobody_of_the_realm_gets_in(host, seconds):
    """Neither by dialogue nor by key nor by the account phase alone; in time."""
    for how, dialogue in ((stacks.BY_KEY, False), (acts.BY_DIALOGUE, True)):
        began = time.monotonic()
        with host.ssh("gus", SHOW, how=how, sshd="sshd-pw") as client:
            if dialogue and client.expect("assword: ", "ermission denied", seconds=seconds + SLACK_SEC) == 0:
                client.send("gus-password")  # pam_unix's question, which has no password of hers
            assert_out(client, seconds=2 * seconds + 3 * SLACK_SEC)
        assert time.monotonic() - began < 2 * seconds + 3 * SLACK_SEC
    began = time.monotonic()
    with host.pamtester("w-device", "gus", "acct_mgmt") as client:
        assert_pam_out(client, operation="acct_mgmt")
    assert time.monotonic() - began < seconds + SLACK_SEC


def test_the_daemon_is_stopped(site):
    with site.ssh("gus", SHOW, how=stacks.BY_KEY) as client:
        assert_in(client, "gus")
    assert site.daemon.stop() == 0
    own_people_get_in(site)
    nobody_of_the_realm_gets_in(site, 1)
    site.daemon.start()
    acts.until("she gets in again", lambda: comes_in_by_key(site, "gus"), 5)


def comes_in_by_key(host, user):
    with host.ssh(user, SHOW, how=stacks.BY_KEY) as client:
        return acts.is_in(client, user)


def test_the_daemon_was_killed(site):
    site.daemon.kill()
    own_people_get_in(site)
    nobody_of_the_realm_gets_in(site, 1)


def test_the_daemon_hangs(site, record):
    with site.daemon.hung():
        spent = own_people_get_in(site)
        record("four logins of the host's own people, daemon stopped by SIGSTOP", round(spent, 2), "s", "ssh twice, login, sudo")
        began = time.monotonic()
        nobody_of_the_realm_gets_in(site, MODULE_SEC)
        record("a login and an account phase of the realm's people meanwhile, all refused", round(time.monotonic() - began, 1), "s",
               f"the module's time-out is {MODULE_SEC} s")
    acts.until("she gets in again", lambda: comes_in_by_key(site, "gus"), 5)


def test_the_time_that_the_module_waits_is_an_argument(site):
    stack = site.path("/etc/pam.d/common-account")
    stack.write_text(stack.read_text().replace("pam_authd.so", "pam_authd.so timeout=1"))
    with site.daemon.hung():
        began = time.monotonic()
        with site.pamtester("w-device", "gus", "acct_mgmt") as client:
            assert_pam_out(client, operation="acct_mgmt")
        assert 1 <= time.monotonic() - began < 1 + SLACK_SEC


def test_the_daemon_dies_while_a_code_is_shown(site):
    with site.ssh("ada", SHOW) as client:
        acts.code_shown(client)
        client.expect(acts.ENTER)
        site.daemon.kill()
        client.send()
        if client.expect("assword: ", "ermission denied") == 0:
            client.send("ada-password")
        assert_out(client)


def test_the_daemon_is_another_one_when_the_code_is_approved(site):
    """A conversation is its daemon's: an id from before is nobody's."""
    with site.ssh("ada", SHOW) as client:
        code = acts.code_shown(client)
        client.expect(acts.ENTER)
        site.daemon.restart()
        acts.approve(site.provider, code, "ada")
        client.send()
        if client.expect("assword: ", "ermission denied") == 0:
            client.send("ada-password")
        assert_out(client)
    acts.ssh_in(site, "ada")


def test_a_socket_of_somebody_elses_is_not_asked(site):
    """Who answers must be root, or the owner of the folder."""
    site.daemon.stop()
    site.write("/tmp/liar.py", LIAR)
    site.run("chmod", "777", "/run/authd")
    liar = site.start("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "python3", "/tmp/liar.py")
    try:
        until("it listens", site.path(hosts.SOCKET).exists)
        site.run("chmod", "755", "/run/authd")
        with site.pamtester("w-device", "gus", "acct_mgmt") as client:
            assert_pam_out(client, operation="acct_mgmt")
        site.run("chown", "12345", "/run/authd")  # believed when the folder is the liar's, so that the row can fail
        with site.pamtester("w-device", "gus", "acct_mgmt") as client:
            assert_pam_in(client, "acct_mgmt")
    finally:
        liar.kill()
        liar.wait()


LIAR = """
import contextlib, os, socket
one = socket.socket(socket.AF_UNIX)
one.bind("/run/authd/authd.sock")
os.chmod("/run/authd/authd.sock", 0o666)
one.listen(8)
lines = b"state=allowed\\nuser=gus\\n"
while True:
    peer, _ = one.accept()
    with contextlib.suppress(OSError):
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(lines), lines))
    peer.close()
"""


def test_only_root_may_ask_about_logins(site):
    for path, form in (("begin", "service=sshd&user=ada"), ("account", "service=sshd&user=ada"),
                       ("session", "action=open&service=sshd&user=ada")):
        done = site.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "curl", "-s", "-o", "/dev/null", "-w",
                        "%{http_code}", "--unix-socket", hosts.SOCKET, "-d", form, f"http://x/v1/login/{path}")
        assert done.stdout == "403", (path, done.stdout, done.stderr)


# --- the provider ---


def relay_of(host):
    return next(iter(host.relays.values()))


def test_the_provider_is_away_and_nobody_is_new(site):
    """A key lets in by what was known, as long as it says; the dialogues say what is the matter."""
    with site.ssh("gus", SHOW, how=stacks.BY_KEY) as client:
        assert_in(client, "gus")
    relay_of(site).sever()
    with site.ssh("gus", SHOW, how=stacks.BY_KEY) as client:
        assert_in(client, "gus")
    with site.ssh("ada", SHOW, sshd="sshd-pw") as client:
        acts.by_password(client, "ada-password")
        client.expect(AWAY, seconds=20)
        client.expect("assword: ")  # pam_unix, which knows nothing of her
        client.send("ada-password")
        assert_out(client)
    with site.pamtester("w-device", "ada") as client:
        client.expect(AWAY, seconds=20)
        client.expect("assword: ")
        client.send("ada-password")
        assert_pam_out(client)
    with site.pamtester("w-strict", "abe", "acct_mgmt") as client:  # lives on nothing that was
        assert_pam_out(client, operation="acct_mgmt")
    own_people_get_in(site)
    relay_of(site).sever(False)
    acts.until("it is there again", lambda: allowed_by_password(site, "w-password", "ada"), 60)


def allowed_by_password(host, service, user, password=None):
    with host.pamtester(service, user) as client:
        acts.by_password(client, password or realm.password_of(user))
        ends = client.expect(acts.PAM_GOOD["authenticate"], REFUSED, AWAY, "assword: ", seconds=20)
        return ends == 0


def test_offline_lets_in_who_was_there_lately_with_the_password_of_then(site):
    kept_offline(site, "ada")
    before = acts.n_events(site.daemon)
    assert allowed_by_password(site, "w-offline", "ada")
    told = acts.record_of(site.daemon, before, door="login", user="ada")
    assert (told["verdict"], told["way"]) == ("allowed", "offline"), told
    for user, password in (("ada", "ada-passwore"), ("ada", ""), ("abe", None)):  # abe was never there
        assert not allowed_offline(site, "w-offline", user, password)
    assert not allowed_by_password(site, "w-password", "ada"), "another service, which has no offline login"


def kept_offline(host, user):
    """A login online, and the provider away; what is kept of the password takes its time to make."""
    assert allowed_by_password(host, "w-offline", user)
    relay_of(host).sever()
    until("the password is kept", lambda: allowed_by_password(host, "w-offline", user), 5)


def allowed_offline(host, service, user, password):
    with host.pamtester(service, user) as client:
        client.expect(acts.PASSWORD)
        client.send(realm.password_of(user) if password is None else password)
        if client.expect(acts.OTP, REFUSED, "assword: ") == 0:
            client.send()
            client.expect(acts.PAM_GOOD["authenticate"], REFUSED, AWAY, seconds=20)
        return acts.PAM_GOOD["authenticate"] in client.screen


def test_offline_keeps_no_password(site):
    kept_offline(site, "ada")
    done = site.run("grep", "-rac", "ada-password", "/var/lib/authd")
    assert all(line.endswith(":0") for line in done.stdout.splitlines()) and done.stdout, done.stdout


def test_offline_lets_in_nobody_who_was_disabled(site):
    kept_offline(site, "gus")
    relay_of(site).sever(False)
    with site.provider.disabled("gus"):
        site.daemon.sync()
        relay_of(site).sever()
        assert not allowed_by_password(site, "w-offline", "gus")


# --- the clock ---


class Clock:
    """The wall clock of a daemon, to be set while it runs."""

    def __init__(self, host):
        self.host = host
        library = host.run("sh", "-c", f"ls {FAKETIME}").stdout.strip()
        assert library, "no libfaketime"
        self.environment = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": "/tmp/clock", "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.ahead(0)

    def ahead(self, seconds):
        self.host.write("/tmp/clock", f"{seconds:+d}\n")


@pytest.fixture
def timed(host, own_provider):
    """A host whose daemon has a clock that can be set."""
    host.clock = Clock(host)
    with settings.running(host, own_provider, sshds=[], environment=host.clock.environment):
        yield host


@pytest.mark.parametrize("seconds", [-DAY_SEC, DAY_SEC])
def test_a_clock_that_is_off_lets_nobody_in_and_says_what_it_is(timed, seconds):
    """Tokens are not good yet, or no longer."""
    assert allowed_by_password(timed, "w-password", "ada")
    timed.clock.ahead(seconds)
    before = acts.n_events(timed.daemon)
    assert not allowed_by_password(timed, "w-password", "ada")
    told = acts.record_of(timed.daemon, before, door="login", user="ada")
    assert told["verdict"] == "denied" and told["reason"] in ("expired", "not_yet_valid"), told
    own = timed.pamtester("w-password", stacks.LOCAL)
    with own:
        own.expect("Password: ")
        own.send(stacks.LOCAL_PASSWORD)
        assert_pam_in(own)
    timed.clock.ahead(0)
    assert allowed_by_password(timed, "w-password", "ada")


def test_offline_ends_at_its_age(timed):
    """offline_for = 1h: a minute before, a minute after."""
    kept_offline(timed, "ada")
    timed.clock.ahead(HOUR_SEC - 60)
    assert allowed_by_password(timed, "w-offline", "ada")
    timed.clock.ahead(HOUR_SEC + 60)
    assert not allowed_by_password(timed, "w-offline", "ada")


def test_what_is_known_of_an_account_ends_at_its_age(site):
    """fence_stale_for of w-brief, while the provider is away."""

    def may():
        with site.pamtester("w-brief", "gus", "acct_mgmt") as client:
            return client.end(20) == 0

    assert may()
    began = time.monotonic()
    relay_of(site).sever()
    assert may()
    until("it is too old", lambda: not may(), BRIEF_SEC + 2)
    assert time.monotonic() - began >= BRIEF_SEC - 1


# --- too many failures ---


def test_after_some_failures_one_waits_and_then_gets_in(site):
    """w-tight: two, and four seconds."""
    for _ in range(2):
        with site.pamtester("w-tight", "ada") as client:
            acts.by_password(client, "wrong")
            assert_pam_out(client, REFUSED)
    asked = site.provider.stats()["token"]
    with site.pamtester("w-tight", "ada") as client:  # not even asked
        assert_pam_out(client, "Too many failures")
    assert acts.PASSWORD not in client.screen and site.provider.stats()["token"] == asked
    assert allowed_by_password(site, "w-password", "ada"), "another service"
    assert allowed_by_password(site, "w-tight", "abe"), "somebody else"
    until("the time is over", lambda: tight_lets_in(site, "ada"), 10)


def tight_lets_in(host, user):
    with host.pamtester("w-tight", user) as client:
        if client.expect(acts.PASSWORD, "Too many failures") == 1:
            return False
        client.send(realm.password_of(user))
        client.expect(acts.OTP)
        client.send()
        client.expect(acts.PAM_GOOD["authenticate"])
        return True


def test_who_is_nobody_waits_as_well(site):
    for _ in range(2):
        with site.pamtester("w-tight", "nobody-here") as client:
            acts.by_password(client, "wrong")
            assert_pam_out(client, REFUSED)
    with site.pamtester("w-tight", "nobody-here") as client:
        assert_pam_out(client, "Too many failures")


def test_the_host_s_own_people_are_never_locked_out_by_it(site):
    for _ in range(3):
        with site.pamtester("w-tight", stacks.LOCAL) as client:
            client.expect("Password: ")
            client.send("wrong")
            assert_pam_out(client)
    with site.pamtester("w-tight", stacks.LOCAL) as client:
        client.expect("Password: ")
        client.send(stacks.LOCAL_PASSWORD)
        assert_pam_in(client)
