"""The module in processes of every kind: many threads, signals, no descriptors, another root, another uid, forks,
tiny buffers; and that a known name costs no system call."""

import re

import pytest

import table
from conftest import daemon_of, started
from probe import FOUND, NONE, Probe, ask_once
from test_down import sorted_text

pytestmark = pytest.mark.alone

N_THREADS = 1000
QUESTIONS = ["passwd ada", "group eng-platform", "groups bea", "passwd nobody-here"]
GECOS_SIZE = 4000
MANY_GROUPS = 300


@pytest.fixture(params=["table", "socket"])
def way(request, settled):
    """Answers come from the mapped table, or from the socket because there is no table."""
    good = bytes(table.read(settled))
    if request.param == "socket":
        table.take_away(settled)
    yield request.param
    table.lay(settled, good)


def parallel(host, n, *questions):
    done = host.run("nss_probe", "parallel", n, *questions, timeout=120)
    assert done.returncode == 0, f"{done.returncode} {done.stderr}"
    return dict(zip(done.stdout.split()[::2], map(int, done.stdout.split()[1::2])))


def test_a_thousand_threads_at_once_by_the_table(settled):
    told = parallel(settled, N_THREADS, *QUESTIONS)
    assert told == {"found": 3 * N_THREADS, "none": N_THREADS, "error": 0}


def test_a_thousand_threads_at_once_by_the_socket_never_hear_a_wrong_no(settled):
    """Over the socket some may be past their deadline: then it is "could not ask", never "not found"."""
    good = bytes(table.read(settled))
    table.take_away(settled)
    told = parallel(settled, N_THREADS, *QUESTIONS)
    table.lay(settled, good)
    assert sum(told.values()) == 4 * N_THREADS and told["none"] <= N_THREADS, told
    assert told["found"] + told["none"] > 0, told


def test_a_thousand_programs_at_once(settled):
    script = "for n in $(seq 1000); do getent passwd ada & done; wait"
    done = settled.run("bash", "-c", script, timeout=120)
    n_found = sum(line.startswith("ada:") for line in done.stdout.splitlines())
    assert n_found == 1000


OPTIONS = {
    "with a signal each 50 us": ["--interrupted"],
    "with a tiny buffer": ["--buffer", "1"],
    "with all descriptors closed": ["--closed"],
    "each time in a child": ["--forked"],
    "as somebody else": ["--uid", "12345"],
    "in a child, with signals, as somebody else": ["--interrupted", "--uid", "12345", "--forked"],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_the_answers_are_the_same(settled, way, options):
    usual = ask_once(settled, *QUESTIONS)
    assert [one.result for one in usual] == [FOUND, FOUND, FOUND, NONE]
    for _ in range(10):
        told = ask_once(settled, *QUESTIONS, options=options)
        assert [(one.result, sorted_text(one)) for one in told] == [(one.result, sorted_text(one)) for one in usual]


@pytest.mark.parametrize("change", ["--closed", "--uid 12345", "--chroot /tmp", "--interrupted", "--forked"])
def test_a_process_that_changes_itself_still_knows_whom_it_knew(settled, change):
    with Probe(settled) as probe:
        before = probe.ask("passwd ada")
        assert before.result == FOUND
        probe.obey(change)
        assert probe.ask("passwd ada").text == before.text
        assert probe.ask("groups bea").result == FOUND


def test_no_descriptor_stays_open(settled, way):
    with Probe(settled) as probe:
        assert probe.ask("passwd ada").result == FOUND
        probe.ask("passwd nobody-here")
        told = settled.run("sh", "-c", "ls -l /proc/$(pgrep -n nss_probe)/fd").stdout
        assert "authd" not in told and "socket" not in told, told


def calls(host, n):
    """The system calls of a process that looks ada up n times, with the module as only source."""
    host.run("strace", "-f", "-o", "/tmp/calls", "nss_probe", "direct", n, "passwd ada")
    lines = host.path("/tmp/calls").read_text().splitlines()
    return [match.group(1) for match in (re.match(r"\d+ +(\w+)\(", line) for line in lines) if match]


def test_a_known_name_costs_no_system_call(settled):
    few, many = calls(settled, 10), calls(settled, 5000)
    assert abs(len(many) - len(few)) <= 2, [one for one in many if many.count(one) > few.count(one) + 5][:5]


def test_times_of_the_table_beside_the_files(settled, record):
    """Through libc, as programs ask; and the module's own functions."""
    settled.write("/etc/passwd.20", "".join(settled.path("/etc/passwd").read_text().splitlines(True)[:20]))
    settled.run("mount", "--bind", "/etc/passwd.20", "/etc/passwd")
    try:
        settled.nsswitch("files")
        files = median(settled, "time", "passwd daemon")
        settled.nsswitch("authd")
        table_usec = median(settled, "time", "passwd ada")
        groups = median(settled, "time", "groups bea")
    finally:
        settled.run("umount", "/etc/passwd")
        settled.nsswitch("files authd")
    own = median(settled, "direct", "passwd ada")
    record("getpwnam by files, 20 lines", files / 1000, "us", "through libc, median")
    record("getpwnam by the mapped table", table_usec / 1000, "us", "through libc, median")
    record("getpwnam by the mapped table, the module alone", own / 1000, "us", "median")
    record("initgroups of a person in 4 groups", groups / 1000, "us", "through libc, median")
    assert own < 1000, f"{own} ns"
    assert files >= 5 * own, (files, own)


def median(host, how, question, n=20000, module="authd"):
    done = host.run("nss_probe", how, n, question, env={"NSS_PROBE_MODULE": module})
    assert done.returncode == 0 and done.stdout.startswith("found "), done
    return int(done.stdout.split()[1])


def test_a_long_full_name_and_many_groups_take_a_large_buffer(host, own_provider):
    """Over both ways: ERANGE until the buffer is large enough, then everything."""
    paths = [f"/many/group{n:04d}" for n in range(MANY_GROUPS)]
    own_provider.add("long", full_name="L" * GECOS_SIZE, groups=paths)
    with started(daemon_of(host, own_provider)):
        for _ in ("table", "socket"):
            told = ask_once(host, "passwd long", "groups long", options=["--buffer", "16"])
            assert [one.result for one in told] == [FOUND, FOUND]
            assert len(told[0].text.split(":")[4]) >= GECOS_SIZE
            assert len(set(told[1].text.split(","))) >= MANY_GROUPS + 1
            table.take_away(host)
