"""Ten thousand people and five hundred groups of a real Keycloak, and what becomes of a few of them."""

import json
import time

import pytest

import people
import table
from conftest import daemon_of, started
from harness import until
from probe import FOUND, NONE, Probe, ask_once
from test_people import NOLOGIN, entry

pytestmark = pytest.mark.keycloak
REALM = people.Realm()
SAMPLE = [1, 2, 3, 499, 500, 501, 5000, 9998, 9999]
ASSIGNED = "/dep07/team003"
ASSIGN_TIMEOUT_SEC = 300
MANY_REFUSED = 10  # far more than a birthday has for all of them


@pytest.fixture(scope="module")
def keycloak():
    with people.Keycloak() as one:
        yield one


@pytest.fixture(scope="module")
def synced(new_host, keycloak):
    """A host with everybody; how long the first look took, and the memory before and after."""
    with new_host("keycloak") as host:
        daemon = daemon_of(host, keycloak)
        with started(daemon, sync=False):
            before = daemon.memory_kib()
            began = time.monotonic()
            daemon.sync()
            host.figures = {"seconds": time.monotonic() - began, "before": before, "after": daemon.memory_kib()}
            host.daemon = daemon
            yield host


def test_the_first_look_takes_them_all(synced, record):
    figures = synced.figures
    record("first look at 10 000 people, 500 groups of Keycloak", round(figures["seconds"], 1), "s",
           "at 1000 requests a second at most")
    record("memory after it", round(figures["after"] / 1024, 1), "MB", f"before it {figures['before'] / 1024:.1f} MB")
    record("the table of it", round(synced.path(table.TABLE).stat().st_size / 1e6, 2), "MB")
    told = synced.daemon.get("/v1/status").json["people"]
    assert told["people"] >= REALM.n_people and told["groups"] >= 500, told
    assert told["accounts"] >= REALM.n_people - len(synced.daemon.refused()), told


@pytest.mark.parametrize("number", SAMPLE)
def test_a_person_is_who_the_realm_says_with_all_groups(synced, number):
    name = people.person_name(number)
    line = entry(synced, name)
    assert line and line[4] == f"Person {number}" and line[5:] == [f"/home/{name}", "/bin/bash"]
    told = set(synced.run("id", "-Gn", name).stdout.split())
    assert told == REALM.expected_groups(number) | {name}


def test_everybody_resolves(synced):
    names = [people.person_name(number) for number in range(1, REALM.n_people)] + [people.WIDE]
    lines = synced.run("getent", "passwd", *names, timeout=120).stdout.splitlines()
    refused = synced.daemon.refused()
    assert {line.split(":")[0] for line in lines} == set(names) - refused and len(refused) < MANY_REFUSED
    assert len({line.split(":")[2] for line in lines}) == len(lines)


def test_a_person_in_two_hundred_groups_has_them_all(synced, record):
    told = set(synced.run("id", "-Gn", people.WIDE).stdout.split())
    expected = set().union(*map(REALM.host_names, REALM.wide_groups())) | {people.WIDE}
    assert told == expected and len(told) > 200
    done = synced.run("nss_probe", "direct", 20000, f"groups {people.WIDE}")
    nsec = int(done.stdout.split()[1])
    record("initgroups of a person in 200 groups, the module alone", nsec / 1000, "us", "median")
    assert nsec < 20_000, done.stdout


def test_a_group_has_its_members(synced):
    group = REALM.groups[0]
    members = {people.person_name(n) for n in range(1, REALM.n_people) if group in REALM.groups_of(n)} | {people.WIDE}
    assert set(synced.getent("group", "eng-platform").split(":")[3].split(",")) == members


def test_a_name_that_nobody_has_is_none(synced):
    assert ask_once(synced, "passwd p999999").result == NONE


# What becomes of a few of them: a host that looks at one department alone, so that each look is short.

CHANGED = [people.person_name(n) for n in range(1, REALM.n_people) if REALM.groups[0] in REALM.groups_of(n)]


@pytest.fixture(scope="module")
def narrow(new_host, keycloak):
    with new_host("narrow") as host:
        with started(daemon_of(host, keycloak, users={"within": "/eng/platform", "groups": "/eng/**"})) as daemon:
            host.daemon = daemon
            yield host


def becomes(host, what, probe):
    host.daemon.sync()
    until(what, probe, 2)


def test_a_rename_is_seen_within_a_second_of_its_sync_and_keeps_the_ids(narrow, keycloak, record):
    name = CHANGED[0]
    with Probe(narrow) as probe:
        before = probe.ask(f"passwd {name}").text.split(":")
        keycloak.rename(name, "renamed")
        narrow.daemon.sync(published=False)
        began = time.monotonic()
        until("the held table is the new one", lambda: probe.ask("passwd renamed").result == FOUND, 1)
        seen_msec = round((time.monotonic() - began) * 1000)
        record("a rename in Keycloak is seen by a process that holds the table", seen_msec, "ms", "after its sync")
        assert probe.ask("passwd renamed").text.split(":")[2:4] == before[2:4]
        assert probe.ask(f"passwd {name}").result == NONE
    keycloak.rename("renamed", name)


def test_who_is_disabled_has_no_shell(narrow, keycloak):
    keycloak.change(CHANGED[1], enabled=False)
    becomes(narrow, "no shell", lambda: entry(narrow, CHANGED[1])[6] == NOLOGIN)
    keycloak.change(CHANGED[1], enabled=True)


def test_who_is_deleted_and_made_again_is_another(narrow, keycloak):
    keycloak.add("passing", "Passing By", ["/eng/platform"])
    becomes(narrow, "there", lambda: entry(narrow, "passing"))
    before = entry(narrow, "passing")
    keycloak.delete("passing")
    becomes(narrow, "gone", lambda: entry(narrow, "passing")[6] == NOLOGIN)
    assert narrow.daemon.person("passing")["person"]["state"] == "gone"
    keycloak.add("passing", "Another One", ["/eng/platform"])
    becomes(narrow, "another", lambda: entry(narrow, "passing")[2] != before[2])
    assert entry(narrow, before[2])[0] == f"gone-{before[2]}"
    keycloak.delete("passing")


def test_who_comes_is_there_by_the_next_look_at_the_events(new_host, keycloak):
    """Without being asked: the realm keeps admin events, so a look is short."""
    users = {"sync": "10s", "sync_full": "1d", "within": "/eng/platform", "groups": "/eng/**"}
    with new_host("events") as host, started(daemon_of(host, keycloak, users=users)) as daemon:
        keycloak.add("newcomer", "New Comer", ["/eng/platform"])
        began = time.monotonic()
        until("the newcomer", lambda: entry(host, "newcomer"), 20)
        assert set(host.run("id", "-Gn", "newcomer").stdout.split()) == {"newcomer", "eng", "eng-platform"}
        assert daemon.get("/v1/status").json["people"]["sync"]["by_events"] is True
        keycloak.delete("newcomer")
        until("gone again", lambda: entry(host, "newcomer")[6] == NOLOGIN, 20)
        assert time.monotonic() - began < 45


@pytest.mark.full  # a second look at them all
def test_a_second_host_agrees_on_every_id(new_host, keycloak, synced):
    with new_host("second") as host, started(daemon_of(host, keycloak)) as daemon:
        synced.daemon.sync()
        one, other = ({told["key"]: told["id"] for told in each.all_ids() if told["state"] == "active"}
                      for each in (synced.daemon, daemon))
        assert len(other) >= REALM.n_people - MANY_REFUSED and one == {**one, **other}, len(other)


def assign(daemon, dry_run):
    order = json.dumps({"dry_run": dry_run})
    return daemon.request("POST", "/v1/ids/assign", order, {"Content-Type": "application/json"}, ASSIGN_TIMEOUT_SEC)


def test_ids_are_assigned_in_the_realm_and_are_then_those_of_every_host(new_host, keycloak):
    users = {"within": ASSIGNED, "groups": ASSIGNED}
    with new_host("assigning") as host, started(daemon_of(host, keycloak, users=users)) as daemon:
        wanted = [one for one in daemon.all_people() if one["name"]]
        dry = assign(daemon, dry_run=True)
        assert dry.status == 200 and len(dry.json["assigned"]) >= len(wanted) > 10, dry.text
        assert "uidNumber" not in keycloak.attributes(wanted[0]["username"]), "a dry run writes nothing"
        done = assign(daemon, dry_run=False)
        assert done.status == 200, done.text
        for person in wanted[:5]:
            assert keycloak.attributes(person["username"])["uidNumber"] == [str(person["uid"])]
    with new_host("told") as host, started(daemon_of(host, keycloak, users={**users, "ids": "realm"})):
        for person in wanted:
            assert entry(host, person["name"])[2] == str(person["uid"])


def test_a_client_without_the_roles_is_told_which(new_host, keycloak):
    """The realm's other client may ask for nothing."""
    with new_host("unpermitted") as host:
        daemon = daemon_of(host, keycloak, issuer={"client_id": people.BARE_CLIENT})
        with started(daemon, sync=False):
            answer = daemon.post("/v1/users/sync", {})
            assert answer.status == 503 and "view-users" in answer.text, answer.text
            assert ask_once(host, "passwd p000001").result != NONE, "nothing was ever learned"
