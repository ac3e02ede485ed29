"""The module in an application that lives on: memory, descriptors, its own time; valgrind."""

import re
import shutil

import pytest

import acts
import realm
import settings
import stack as stacks

pytestmark = pytest.mark.devidp
CONVERSATIONS, CONVERSATIONS_FULL = 1000, 20_000
GROWTH_KIB = 8  # beside what libpam keeps of as many
CALL_USEC = 5000
REFUSALS = 4  # of two seconds each
PERMIT, ONLY = "w-permit", "w-only"  # stacks of pam_permit alone, and of the module alone
TOLD = re.compile(r"allowed (\d+) refused (\d+) fds (\d+) (\d+) heap_kib (\d+) (\d+) call_usec (\d+)")


@pytest.fixture(scope="module")
def site(new_stack, provider):
    with new_stack("lived") as host:
        for name, module in ((PERMIT, "pam_permit.so"), (ONLY, stacks.PAM_MODULE)):
            host.write(f"/etc/pam.d/{name}", "".join(f"{kind} required {module}\n" for kind in ("auth", "account", "session")))
        shutil.copy(host.programs.long_lived, host.path("/usr/bin/long_lived"))
        with settings.running(host, provider, sshds=[], **{ONLY: {"ways": "token", "attempts": 1000}}):
            yield host


def live_long(host, service, line, n):
    done = host.run("long_lived", service, "ada", str(n), input=f"{line}\n", timeout=300)
    assert TOLD.match(done.stdout), f"{done.returncode} {done.stdout} {done.stderr}"
    return dict(zip(("allowed", "refused", "fds", "fds_now", "heap", "heap_now", "usec"), map(int, TOLD.match(done.stdout).groups())))


def growth(told):
    return told["heap_now"] - told["heap"]


def assert_nothing_left(told, beside):
    assert told["fds_now"] == told["fds"], told
    assert growth(told) - growth(beside) <= GROWTH_KIB, (told, beside)


@pytest.mark.alone
def test_a_thousand_conversations_leave_nothing(site, pytestconfig, record):
    n = CONVERSATIONS_FULL if pytestconfig.getoption("--full") else CONVERSATIONS
    beside = live_long(site, PERMIT, "x", n)
    told = live_long(site, ONLY, site.provider.password_token("ada"), n)
    assert told["allowed"] == n, told
    assert_nothing_left(told, beside)
    assert told["usec"] < CALL_USEC, told
    record("processor time of a call of pam_authd, beside waiting", (told["usec"] - beside["usec"]) / 1000, "ms",
           f"{n} conversations of four calls, less those of pam_permit: {beside['usec'] / 1000} ms")
    record(f"memory that {n} conversations leave in an application", growth(told) - growth(beside), "KiB",
           f"beside {growth(beside)} KiB of libpam's; {told['fds_now'] - told['fds']} descriptors")
    assert not [one for one in site.daemon.get("/v1/sessions").json["sessions"] if one["service"] == ONLY]


def test_conversations_that_are_refused_leave_nothing(site):
    told = live_long(site, ONLY, site.provider.password_token("ada", realm.STRANGER), REFUSALS)
    assert told["refused"] == REFUSALS, told
    assert_nothing_left(told, live_long(site, PERMIT, "x", REFUSALS))


def test_conversations_that_nobody_answers_leave_nothing(site):
    site.daemon.stop()
    try:
        told = live_long(site, ONLY, "x", CONVERSATIONS)
        assert told["refused"] == CONVERSATIONS, told
        assert_nothing_left(told, live_long(site, PERMIT, "x", CONVERSATIONS))
    finally:
        site.daemon.start()


VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=99", "--track-fds=no"]


def watched(host, service, user, *operations):
    return host.terminal(*VALGRIND, "pamtester", service, user, *operations)


def assert_clean(client, seconds=60):
    code = client.end(seconds)
    assert code != 99 and "Invalid read" not in client.screen and "definitely lost" not in client.screen, client.screen
    return code


def test_valgrind_finds_nothing_in_a_login(site):
    operations = ["authenticate", "acct_mgmt", "setcred(PAM_ESTABLISH_CRED)", "open_session", "close_session"]
    with watched(site, "w-password", "ada", *operations) as client:
        client.expect(acts.PASSWORD, seconds=60)
        client.send("ada-password")
        client.expect(acts.OTP, seconds=60)
        client.send()
        assert assert_clean(client) == 0, client.screen


def test_valgrind_finds_nothing_in_a_device_code_a_refusal_and_a_change_of_password(site):
    with watched(site, "w-enter", "ada", "authenticate", "acct_mgmt") as client:
        code = acts.code_shown(client, 60)
        acts.approve(site.provider, code, "ada")
        client.expect(acts.ENTER)
        client.send()
        assert assert_clean(client) == 0, client.screen
    with watched(site, "w-password", "ada", "authenticate") as client:
        client.expect(acts.PASSWORD, seconds=60)
        client.send("wrong")
        client.expect(acts.OTP, seconds=60)
        client.send()
        assert assert_clean(client) != 0, client.screen
    with watched(site, "w-password", "ada", "chauthtok") as client:
        assert assert_clean(client) != 0, client.screen
        assert "/account" in client.screen
    with watched(site, "w-password", stacks.LOCAL, "authenticate", "acct_mgmt") as client:
        client.expect("Password: ", seconds=60)
        client.send(stacks.LOCAL_PASSWORD)
        assert assert_clean(client) == 0, client.screen


def test_valgrind_finds_nothing_where_nobody_can_be_asked(site):
    site.daemon.stop()
    try:
        with watched(site, "w-password", "ada", "acct_mgmt", "open_session") as client:
            assert assert_clean(client) != 0, client.screen
    finally:
        site.daemon.start()
