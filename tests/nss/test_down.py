"""What breaks between a program and the daemon: three results, each in bounded time, never mixed up."""

import random
import socket
import time

import pytest

import host as hosts
import table
from conftest import daemon_of, started
from harness import until
from probe import ERROR, FOUND, NONE, Probe, ask_once

pytestmark = pytest.mark.alone

DEADLINE_USEC = 200_000
SLACK_USEC = 200_000  # of a machine with two cores that has other work
AT_ONCE_USEC = 50_000
HEARTBEAT_SEC = 3
SPOILT_HEADS, SPOILT_BYTES = 40, 120
NO_GROUPS = "0"  # of whom nobody knows: what the asking program says of itself


def uid_of(host, name):
    return int(host.getent("passwd", name).split(":")[2])


# The daemon is not there.


def test_after_a_kill_the_known_stay_known_and_the_unknown_cannot_be_asked(host, authd, probe):
    assert probe.ask("passwd ada").result == FOUND and probe.ask("passwd nobody-here").result == NONE
    authd.kill()
    began = time.monotonic()
    until("a name that the table has not cannot be asked", lambda: probe.ask("passwd nobody-here").result == ERROR)
    assert time.monotonic() - began <= HEARTBEAT_SEC + 1
    for question in ("passwd ada", "group eng-platform", "groups bea"):
        assert probe.ask(question).result == FOUND
        assert ask_once(host, question).result == FOUND, "in a new process too"
    new = ask_once(host, "passwd nobody-here", "passwd #1900000001", "group nobody-here")
    assert [one.result for one in new] == [ERROR] * 3, new
    assert all(one.usec <= DEADLINE_USEC + SLACK_USEC for one in new), new
    assert host.getent("passwd", "root"), "a local account needs nobody"
    assert ask_once(host, "passwd root").result == FOUND


def test_a_local_name_that_is_nobodys_is_still_refused_at_once(host, authd):
    """A word that is no name is "not found" by itself: nobody must be asked."""
    authd.kill()
    time.sleep(HEARTBEAT_SEC)
    for word in ("Ada", "ada/..", "-ada", "a" * 33):
        assert ask_once(host, f"passwd {word}").result == NONE, word


def test_after_a_stop_the_unknown_cannot_be_asked_at_once(host, authd, probe):
    assert probe.ask("passwd nobody-here").result == NONE
    assert authd.stop() == 0
    assert probe.ask("passwd nobody-here").result == ERROR, "the last heartbeat is taken back"
    assert probe.ask("passwd ada").result == FOUND


def test_after_a_start_everything_is_asked_again(host, authd, probe):
    authd.kill()
    until("cannot be asked", lambda: probe.ask("passwd nobody-here").result == ERROR)
    authd.start()
    until("answers again", lambda: probe.ask("passwd nobody-here").result == NONE, 5)
    assert probe.ask("passwd ada").result == FOUND


def test_a_hung_daemon_costs_a_deadline_once_a_second(host, authd, probe):
    with authd.hung():
        until("the heartbeat is old", lambda: probe.ask("passwd nobody-here").result == ERROR)
        time.sleep(1.1)  # the process may ask again
        told = probe.ask("passwd nobody-else")
        assert told.result == ERROR and DEADLINE_USEC * 0.8 <= told.usec <= DEADLINE_USEC + SLACK_USEC, told
        again = [probe.ask(f"passwd nobody-{n}") for n in range(5)]
        assert all(one.result == ERROR and one.usec <= AT_ONCE_USEC for one in again), again
        assert probe.ask("passwd ada").result == FOUND and probe.ask("passwd ada").usec <= AT_ONCE_USEC
        new = ask_once(host, "passwd nobody-here")
        assert new.result == ERROR and new.usec <= DEADLINE_USEC + SLACK_USEC, new
        assert host.getent("passwd", "nobody-here") is None
    until("it goes on", lambda: probe.ask("passwd nobody-here").result == NONE, 5)


def test_a_hung_daemon_and_no_table_leave_all_unasked_in_bounded_time(host, authd):
    table.take_away(host)
    with authd.hung():
        told = ask_once(host, "passwd ada", "group eng-platform", "passwd root")
        assert [one.result for one in told] == [ERROR, ERROR, FOUND]
        assert all(one.usec <= DEADLINE_USEC + SLACK_USEC for one in told), told


def test_without_a_table_the_socket_answers_the_same(host, authd):
    questions = ["passwd ada", f"passwd #{uid_of(host, 'bea')}", "group eng-data", "groups bea", "passwd nobody-here",
                 "group nobody-here", "passwd #1900000001"]
    by_table = ask_once(host, *questions)
    table.take_away(host)
    by_socket = ask_once(host, *questions)
    assert [(one.result, sorted_text(one)) for one in by_socket] == [(one.result, sorted_text(one)) for one in by_table]


def sorted_text(told):
    """Members and gids are sets."""
    head, _, members = told.text.rpartition(":")
    return head, sorted(members.split(","))


def test_no_daemon_has_ever_been_there(host):
    told = ask_once(host, "passwd ada", "passwd root", "passwd Ada")
    assert [one.result for one in told] == [ERROR, FOUND, NONE] and told[0].usec <= AT_ONCE_USEC, told


def test_a_socket_that_nobody_reads_is_a_deadline(host):
    """A listener that accepts nothing: what a boot has before the daemon."""
    listener = listening(host)
    told = ask_once(host, "passwd ada", "passwd bea")
    assert [one.result for one in told] == [ERROR, ERROR]
    assert told[0].usec <= DEADLINE_USEC + SLACK_USEC and told[1].usec <= AT_ONCE_USEC, told
    listener.close()


def listening(host):
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(host.path(hosts.SOCKET)))
    one.listen(8)
    host.path(hosts.SOCKET).chmod(0o666)
    return one


# The table is not what it was.


SPOILT = {
    "empty": lambda data: b"",
    "ten bytes": lambda data: data[:10],
    "half a head": lambda data: data[: max(offset for offset, _ in table.HEAD.values()) // 2],
    "the head alone": lambda data: data[: max(offset + size for offset, size in table.HEAD.values())],
    "half": lambda data: data[: len(data) // 2],
    "a byte short": lambda data: data[:-1],
    "a page of zeros": lambda data: bytes(4096),
    "another magic": lambda data: table.put(data, "magic", 1),
    "an older version": lambda data: table.put(data, "version", 0),
    "a newer version": lambda data: table.put(data, "version", 99),
    "a size of nothing": lambda data: table.put(data, "file_size", 0),
    "a size of much": lambda data: table.put(data, "file_size", 1 << 40),
    "slots without end": lambda data: table.put(data, "name_slots", 1 << 31),
    "three slots": lambda data: table.put(data, "name_slots", 3),
    "strings beyond": lambda data: table.put(data, "strings_offset", len(data)),
    "people beyond": lambda data: table.put(data, "people_offset", len(data) - 4),
    "people without end": lambda data: table.put(data, "n_people", 0xFFFFFFFF),
    "an index beyond": lambda data: table.put(data, "name_index_offset", 1 << 63),
    "numbers without end": lambda data: table.put(data, "n_numbers", 1 << 62),
}


@pytest.fixture(scope="module")
def answers(settled):
    """What is right, and the table that says so."""
    questions = ["passwd ada", "group eng-platform", "groups bea"]
    told = ask_once(settled, *questions)
    assert [one.result for one in told] == [FOUND] * 3
    yield questions, [sorted_text(one) for one in told], bytes(table.read(settled))
    table.lay(settled, bytes(table.read(settled)))


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_a_table_that_is_odd_is_no_table_and_the_socket_answers(settled, answers, spoil):
    questions, right, good = answers
    table.lay(settled, spoil(bytearray(good)))
    assert [sorted_text(one) for one in ask_once(settled, *questions)] == right
    assert ask_once(settled, "passwd nobody-here").result == NONE
    table.lay(settled, good)


def test_a_head_of_random_words_never_ends_the_process_nor_lies(settled, answers):
    questions, right, good = answers
    chance = random.Random(7)
    keep = ("heartbeat_usec", "replaced", "flags", "generation", "n_seen", "seen_offset", "padding")
    members = [name for name in table.HEAD if name not in keep]
    for _ in range(SPOILT_HEADS):
        name = chance.choice(members)
        word = chance.getrandbits(64) >> chance.choice([0, 16, 32, 48, 56])
        table.lay(settled, table.put(bytearray(good), name, word))
        told = ask_once(settled, *questions)
        for one, expected in zip(told, right):
            assert one.result != FOUND or one.text == NO_GROUPS or sorted_text(one) == expected, (name, one)
    table.lay(settled, good)


def test_any_byte_may_be_wrong_and_no_process_ends_and_nobody_becomes_a_system_account(settled, answers):
    questions, _, good = answers
    chance = random.Random(11)
    for _ in range(SPOILT_BYTES):
        spoilt = bytearray(good)
        for _ in range(chance.choice([1, 4, 64])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        table.lay(settled, spoilt)
        person = ask_once(settled, *questions)[0]
        if person.result == FOUND:
            assert int(person.text.split(":")[2]) >= 1000 and int(person.text.split(":")[3]) >= 1000, person
    table.lay(settled, good)


FORGED_UID = 1234567


@pytest.fixture
def forged(settled, answers):
    """A whole table that gives ada another uid."""
    yield bytes(table.with_uid(bytearray(answers[2]), int(answers[1][0][0].split(":")[2]), FORGED_UID))
    settled.run("sh", "-c", f"rm -f {table.TABLE}; chmod 755 /run/authd")
    table.lay(settled, answers[2])


def test_a_table_of_the_owners_is_believed(settled, forged):
    """That the next rows can fail."""
    table.lay(settled, forged)
    assert f":{FORGED_UID}:" in ask_once(settled, "passwd ada").text


@pytest.mark.parametrize("owner", [(12345, 12345), (65534, 65534)])
def test_a_table_of_somebody_elses_is_none(settled, forged, owner):
    table.lay(settled, forged, owner)
    told = ask_once(settled, "passwd ada")
    assert told.result == FOUND and f":{FORGED_UID}:" not in told.text


def test_a_table_behind_a_link_is_none(settled, forged):
    table.lay(settled, forged)
    settled.run("sh", "-c", f"mv {table.TABLE} /tmp/elsewhere; ln -s /tmp/elsewhere {table.TABLE}")
    assert f":{FORGED_UID}:" not in ask_once(settled, "passwd ada").text


@pytest.mark.parametrize("mode", ["0775", "0777"])
def test_a_table_in_a_folder_that_others_write_to_is_none(settled, forged, mode):
    table.lay(settled, forged)
    settled.run("chmod", mode, "/run/authd")
    told = ask_once(settled, "passwd ada")
    settled.run("chmod", "0755", "/run/authd")
    assert f":{FORGED_UID}:" not in told.text, told


@pytest.mark.parametrize("owner", [12345])
def test_a_socket_of_somebody_elses_is_not_asked(host, owner):
    """A listener of another user's that answers for everybody."""
    host.write("/tmp/liar.py", LIAR)
    host.run("sh", "-c", "chmod 777 /run/authd")
    liar = host.start("setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups", "python3", "/tmp/liar.py")
    try:
        until("it listens", host.path(hosts.SOCKET).exists)
        host.run("sh", "-c", "chmod 755 /run/authd")
        assert ask_once(host, "passwd ada").result == ERROR
    finally:
        liar.kill()
        liar.wait()


LIAR = """
import os, socket
one = socket.socket(socket.AF_UNIX)
one.bind("/run/authd/authd.sock")
os.chmod("/run/authd/authd.sock", 0o666)
one.listen(8)
line = b"ada:x:4242:4242:::/bin/sh\\n"
while True:
    peer, _ = one.accept()
    peer.recv(4096)
    peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\n")
    peer.sendall(b"Content-Length: %d\\r\\n\\r\\n%s" % (len(line), line))
    peer.close()
"""


# The table is replaced.


def test_a_process_that_holds_the_table_sees_a_rename_within_a_second_of_its_sync(host, own_provider, probe, record):
    with started(daemon_of(host, own_provider)) as daemon:
        before = probe.ask("passwd ada")
        assert before.result == FOUND
        own_provider.rename("ada", "adele")
        daemon.sync(published=False)
        began = time.monotonic()
        until("the held table is the new one", lambda: probe.ask("passwd adele").result == FOUND, 1)
        record("a rename is seen by a process that holds the table", round((time.monotonic() - began) * 1000), "ms",
               "after the end of its sync")
        now = probe.ask("passwd adele").text.split(":")
        assert now[2:4] == before.text.split(":")[2:4], "the ids stay"
        assert now[5] == "/home/ada", "the home stays"
        assert probe.ask("passwd ada").result == NONE


def test_while_tables_are_replaced_nobody_is_missing(host, own_provider):
    """A reader in a loop; each table another generation."""
    with started(daemon_of(host, own_provider)) as daemon, Probe(host) as probe:
        missing, n_asked, generations = [], 0, set()
        for number in range(12):
            own_provider.change("cas", full_name=f"Cas {number}")
            daemon.sync(published=False)
            deadline = time.monotonic() + 0.3
            while time.monotonic() < deadline:
                told = probe.ask("passwd ada")
                n_asked += 1
                if told.result != FOUND:
                    missing.append(told)
            generations.add(table.get(table.read(host), "generation"))
        assert not missing and n_asked > 1000, (n_asked, missing[:3])
        assert len(generations) >= 10, generations
        assert "Cas 11" in probe.ask("passwd cas").text
