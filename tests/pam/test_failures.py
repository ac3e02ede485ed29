"""Each single call of a conversation fails, in the real libpam, the real module, before the real daemon.

strace makes the n-th call of a name fail. No success but where every call to the daemon was made and
answered. What libpam itself asks the kernel's audit for may fail; who logs in does not hang on that.
tests/unit/pam has the same for each call of libc and each reply, some thousands a run.
"""

import itertools
import re
import shutil
import subprocess

import pytest

import settings
import stack as stacks

pytestmark = pytest.mark.devidp
ONLY = "w-only"
CALLS = {"socket": "EMFILE", "connect": "ECONNREFUSED", "getsockopt": "ENOBUFS", "fcntl": "EBADF", "setsockopt": "ENOBUFS",
         "sendto": "EPIPE", "poll": "ENOMEM", "recvfrom": "ECONNRESET", "openat": "EACCES", "read": "EIO"}
MORE = ["error=EINTR", "error=EPERM", "error=ENOMEM", "error=EAGAIN", "error=EIO"]
AN_END = ["recvfrom", "poll"]  # 0 of these is an end, or that the time is over
CALLS_MAX = 60  # of one name in a conversation
TOLD = re.compile(r"allowed (\d+) refused (\d+)")
OURS = re.compile(r"AF_UNIX|authd\.sock|/etc/passwd|SO_PEERCRED|SO_COOKIE|POST /v1|HTTP/1\.1")
NONE_INJECTED = "none"


@pytest.fixture(scope="module")
def site(new_stack, provider):
    with new_stack("failing") as host:
        host.write(f"/etc/pam.d/{ONLY}", "".join(f"{kind} required {stacks.PAM_MODULE}\n" for kind in ("auth", "account", "session")))
        shutil.copy(host.programs.long_lived, host.path("/usr/bin/long_lived"))
        with settings.running(host, provider, sshds=[], **{ONLY: {"ways": "token", "attempts": 1000}}):
            host.token = provider.password_token("ada")
            yield host


def trace(host, *injections):
    """(allowed?, the lines of the trace). A process may not even have begun, but no signal may end it."""
    argv = ["strace", "-f", "-o", "/tmp/trace", *itertools.chain(*(("-e", one) for one in injections)), "long_lived", ONLY, "ada", "1"]
    done = host.run(*argv, input=f"{host.token}\n", timeout=60)
    told = TOLD.match(done.stdout)
    assert 0 <= done.returncode < 128, f"{injections}: {done.returncode} {done.stdout} {done.stderr}"
    return bool(told) and told[1] == "1", host.path("/tmp/trace").read_text(errors="replace").splitlines()


def injected(lines):
    """Whose the call was that failed: "ours", "others", or that none did."""
    family = {}
    for line in lines:
        if opened := re.search(r"socket\((AF_\w+).*\) = (\d+)", line):
            family[opened[2]] = opened[1]
        if re.search(r'openat\(.*"/etc/passwd".*\) = (\d+)', line):
            family[line.rsplit("= ", 1)[1].strip()] = "passwd"
        elif opened := re.search(r"openat\(.*\) = (\d+)", line):
            family[opened[1]] = "file"
        if "(INJECTED)" in line:
            fd = re.search(r"\((?:\[\{fd=)?(\d+)", line)
            ours = OURS.search(line) or (fd and family.get(fd[1]) in ("AF_UNIX", "passwd"))
            return "ours" if ours else "others"
    return NONE_INJECTED


def test_without_a_failure_it_gets_in(site):
    allowed, lines = trace(site, "trace=all")
    assert allowed and any("POST /v1/login/account" in line for line in lines)


def lines_around(lines):
    at = next(index for index, line in enumerate(lines) if "(INJECTED)" in line)
    return lines[max(0, at - 8) : at + 8]


def rounds(pytestconfig):
    full = pytestconfig.getoption("--full")
    return [(call, how) for call, error in CALLS.items() for how in ways_to_fail(call, error, full)]


def ways_to_fail(call, error, full):
    return [f"error={error}", *(MORE if full else []), *(["retval=0"] if full and call in AN_END else [])]


def test_no_single_failure_lets_anybody_in(site, pytestconfig, record):
    n_failures = 0
    for call, how in rounds(pytestconfig):
        for number in range(1, CALLS_MAX):
            allowed, lines = trace(site, f"inject={call}:{how}:when={number}")
            whose = injected(lines)
            if whose == NONE_INJECTED:
                break
            n_failures += whose == "ours"
            wrong = allowed and whose == "ours" and is_failure(how, call, lines)
            assert not wrong, f"{call} {how} {number}: " + "\n".join(lines_around(lines))
    record("single failures of calls before a real daemon, none a success", n_failures, "", "by strace, in the real libpam")
    assert n_failures >= 40, n_failures


def is_failure(how, call, lines):
    """An interrupted call is made again; the look at whose the descriptor is that comes after the answer decides nothing."""
    at = next(index for index, line in enumerate(lines) if "(INJECTED)" in line)
    made_again = (how in ("error=EINTR", "error=EAGAIN") and call != "socket") or (how, call) == ("retval=0", "poll")
    last_look = call == "getsockopt" and "recvfrom(" in lines[at - 1]
    return not (made_again or last_look)


def test_the_failures_of_the_unit_tests_are_counted(pytestconfig, programs, record):
    """Each call of libc and each reply spoiled, in tests/unit/pam: all of them in each run."""
    found = [file for file in programs.build.rglob("test_pam_authd") if file.is_file()]
    assert found, "no test_pam_authd"
    done = subprocess.run([found[0]], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    count = int(re.search(r"# (\d+) failures", done.stdout)[1])
    record("failures injected into the module's calls and replies, none a success", count, "", "tests/unit/pam")
    assert count > 2000
