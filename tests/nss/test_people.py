"""People who come, change, go and come again: ids never move, nobody inherits from another."""

import time
from pathlib import Path

import pytest

import host as hosts
import table
from conftest import daemon_of, started
from harness import until
from probe import FOUND, NONE, ask_once

DAY_SEC = 24 * 3600
NOLOGIN = "/usr/sbin/nologin"
PUBLISHED_SEC = 2
TIDY_SEC = 70  # the daemon looks each minute


def libfaketime():
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


needs_clock = pytest.mark.skipif(not libfaketime(), reason="no libfaketime here")


class Clock:
    """The daemon's wall clock alone, by a file that libfaketime reads at each question for the time."""

    def __init__(self, daemon):
        self.host = daemon.host
        self.move(0)
        daemon.environment = {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": "/etc/clock",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, days):
        self.host.write("/etc/clock.part", f"{days:+d}d\n" if days else "+0\n")
        self.host.path("/etc/clock.part").rename(self.host.path("/etc/clock"))


def entry(host, name):
    line = host.getent("passwd", name)
    return line.split(":") if line else None


def becomes(host, what, probe):
    until(what, probe, PUBLISHED_SEC)


def is_no_account(daemon, name):
    told = daemon.person(name)
    return told is None or told["person"]["trouble"]


@pytest.fixture
def daemon(host, own_provider):
    with started(daemon_of(host, own_provider)) as one:
        yield one


def test_somebody_new_is_known_after_the_next_look_without_being_asked_for(host, own_provider):
    with started(daemon_of(host, own_provider, users={"sync": "10s"})):
        assert entry(host, "eve") is None
        own_provider.add("eve", full_name="Eve Elm", groups=["/ops"])
        until("eve is there by herself", lambda: entry(host, "eve"), 15)
        assert set(host.run("id", "-Gn", "eve").stdout.split()) == {"eve", "ops"}


def test_a_group_left_is_left_after_the_sync(host, own_provider, daemon):
    assert "eng-data" in host.run("id", "-Gn", "bea").stdout
    own_provider.leave("bea", "/eng/data")
    daemon.sync()
    becomes(host, "bea has left", lambda: "eng-data" not in host.run("id", "-Gn", "bea").stdout)
    own_provider.join("ada", "/eng/data")
    daemon.sync()
    becomes(host, "ada has joined", lambda: "eng-data" in host.run("id", "-Gn", "ada").stdout)


def test_a_rename_keeps_ids_home_and_files(host, own_provider, daemon):
    before = entry(host, "ada")
    host.run("sh", "-c", "touch /tmp/hers; chown ada:ada /tmp/hers")
    own_provider.rename("ada", "adele")
    daemon.sync()
    becomes(host, "adele is there", lambda: entry(host, "adele"))
    assert entry(host, "adele")[2:] == before[2:] and entry(host, "ada") is None
    assert host.run("stat", "-c", "%U", "/tmp/hers").stdout == "adele\n"


def test_who_is_disabled_resolves_and_has_no_shell(host, own_provider, daemon):
    before = entry(host, "ada")
    own_provider.change("ada", enabled=False)
    daemon.sync()
    becomes(host, "no shell", lambda: entry(host, "ada")[6] == NOLOGIN)
    assert entry(host, "ada")[:6] == before[:6] and daemon.person("ada")["person"]["state"] == "disabled"
    own_provider.change("ada", enabled=True)
    daemon.sync()
    becomes(host, "the shell is back", lambda: entry(host, "ada") == before)


def test_who_is_deleted_resolves_and_is_marked(host, own_provider, daemon):
    before = entry(host, "ada")
    own_provider.delete("ada")
    daemon.sync()
    becomes(host, "no shell", lambda: (entry(host, "ada") or [""] * 7)[6] == NOLOGIN)
    assert entry(host, "ada")[:4] == before[:4] and entry(host, before[2])[0] == "ada"
    told = daemon.person("ada")["person"]
    assert told["state"] == "gone" and told["gone_since"]
    assert "eng-platform" not in host.run("id", "-Gn", "ada").stdout, "no rights of a group stay"
    assert "ada" not in host.getent("group", "eng-platform")


@needs_clock
def test_who_is_gone_is_removed_after_the_set_time_and_not_before(host, own_provider):
    daemon = daemon_of(host, own_provider, users={"gone_keep": "30d", "sync": "10s"})
    clock = Clock(daemon)
    with started(daemon):
        uid = entry(host, "ada")[2]
        own_provider.delete("ada")
        daemon.sync()
        becomes(host, "gone", lambda: entry(host, "ada")[6] == NOLOGIN)
        clock.move(29)
        # What is gone and what is local is looked at in one go: this shows that it was.
        host.add_local("passwd", "cas:x:5555:5555:local:/home/local:/bin/sh")
        until("the look", lambda: is_no_account(daemon, "cas"), TIDY_SEC)
        assert entry(host, "ada") and entry(host, uid)
        clock.move(31)
        until("removed", lambda: entry(host, "ada") is None, TIDY_SEC)
        assert entry(host, uid) is None
        own_provider.add("ada")
        daemon.sync()
        becomes(host, "another ada", lambda: entry(host, "ada"))
        assert entry(host, "ada")[2] != uid, "an id is never given to another"


def test_a_new_person_of_a_former_name_has_a_new_id_and_the_files_stay_the_formers(host, own_provider, daemon):
    before = entry(host, "ada")
    host.run("sh", "-c", "touch /tmp/hers; chown ada:ada /tmp/hers")
    own_provider.recreate("ada")
    daemon.sync()
    becomes(host, "another ada", lambda: entry(host, "ada") and entry(host, "ada")[2] != before[2])
    assert entry(host, before[2])[0] == f"gone-{before[2]}" and entry(host, before[2])[6] == NOLOGIN
    owner, number = host.run("stat", "-c", "%U %u", "/tmp/hers").stdout.split()
    assert number == before[2] and owner == f"gone-{before[2]}"


def test_ids_survive_the_loss_of_run_and_a_restart(host, own_provider, daemon):
    before = {name: entry(host, name) for name in ("ada", "bea", "cas", "dan")}
    assert daemon.stop() == 0
    host.run("sh", "-c", f"rm -f {table.TABLE} {hosts.SOCKET}")
    daemon.start()
    until("known again", lambda: ask_once(host, "passwd ada").result == FOUND, 10)
    assert {name: entry(host, name) for name in before} == before


def test_a_local_account_wins_and_the_person_is_none(host, own_provider, daemon):
    host.add_local("passwd", "ada:x:5555:5555:local:/home/local:/bin/sh")
    daemon.sync()
    assert entry(host, "ada")[2] == "5555"
    until("told", lambda: is_no_account(daemon, "ada"), 5)
    table_says = ask_once_authd_only(host, "passwd ada")
    assert table_says.result == NONE, "the module does not serve who is local"


def ask_once_authd_only(host, question):
    host.nsswitch("authd")
    try:
        return ask_once(host, question)
    finally:
        host.nsswitch("files authd")


def test_a_local_group_of_the_settings_gets_its_members(host, own_provider):
    with started(daemon_of(host, own_provider, users={"local_groups": "sudo=/eng/platform"})):
        assert "sudo" in host.run("id", "-Gn", "ada").stdout.split()
        assert "sudo" not in host.run("id", "-Gn", "cas").stdout.split()


def test_the_root_group_is_never_given(host, own_provider):
    daemon = daemon_of(host, own_provider, users={"local_groups": "root=/eng/platform"})
    daemon.spawn()
    try:
        until("refused, or up", lambda: daemon.process.poll() is not None or daemon._answers("/livez"))
        if daemon.process.poll() is None:
            daemon.wait_ready()
            daemon.sync()
            assert "0" not in host.run("id", "-G", "ada").stdout.split()
    finally:
        daemon.end()


def test_only_people_within_the_named_groups_are_accounts(host, own_provider):
    with started(daemon_of(host, own_provider, users={"within": "/eng/platform"})):
        assert entry(host, "ada") and entry(host, "bea")
        assert entry(host, "cas") is None and entry(host, "dan") is None


@needs_clock
def test_a_provider_that_is_down_for_a_week_changes_nothing(host, own_provider):
    daemon = daemon_of(host, own_provider)
    clock = Clock(daemon)
    with started(daemon):
        before = {name: entry(host, name) for name in ("ada", "bea", "cas", "dan")}
        host.reach(own_provider).sever()
        for days in (1, 3, 7):
            clock.move(days)
            answer = daemon.post("/v1/users/sync", {})
            assert answer.status == 503 and answer.json["error"] == "unavailable"
            assert {name: entry(host, name) for name in before} == before
            assert set(host.run("id", "-Gn", "bea").stdout.split()) == {"bea", "eng", "eng-platform", "eng-data"}
            assert ask_once(host, "passwd nobody-here").result == NONE
        assert daemon.stop() == 0
        daemon.start(ready=False)
        until("known after a restart", lambda: ask_once(host, "passwd ada").result == FOUND, 10)
        assert {name: entry(host, name) for name in before} == before
        host.reach(own_provider).sever(False)
        until("the provider is back", lambda: daemon.post("/v1/users/sync", {}).status == 200, 30)
        assert {name: entry(host, name) for name in before} == before


def test_a_look_that_fails_midway_makes_nobody_gone(host, own_provider, daemon):
    """Users come, the members of groups do not."""
    before = {name: entry(host, name) for name in ("ada", "bea", "cas", "dan")}
    for fault in ("500", "503", "html", "truncate", "reset", "empty"):
        own_provider.fault(admin=fault)
        assert daemon.post("/v1/users/sync", {}).status == 503, fault
        own_provider.fault(admin="none")
        time.sleep(0.3)
        assert {name: entry(host, name) for name in before} == before, fault
        assert daemon.person("ada")["person"]["state"] == "active"


def test_the_state_of_the_directory_is_told(host, daemon):
    people = daemon.get("/v1/status").json["people"]
    assert people["people"] >= 4 and people["accounts"] >= 4 and people["collisions"] == 0
    assert daemon.metrics()['authd_people{state="active"}'] >= 4
