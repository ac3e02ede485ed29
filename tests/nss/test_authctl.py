"""What an administrator sees: authctl's people, groups, ids, and an export that is what getent says."""

import json
import re

import pytest

from conftest import daemon_of, devidp, started
from test_ids import N_CROWDED, SMALL


def authctl(host, *words):
    done = host.run("authctl", *words)
    return done.returncode, done.stdout, done.stderr


def test_people_and_groups_are_listed(settled):
    code, told, trouble = authctl(settled, "users")
    assert code == 0 and {"ada", "bea", "cas", "dan"} <= set(told.split()), told + trouble
    code, told, trouble = authctl(settled, "groups")
    assert code == 0 and {"eng-platform", "eng-data", "ops"} <= set(told.split()), told + trouble


def test_people_are_listed_by_name(settled):
    names = [line.split()[0] for line in authctl(settled, "users")[1].splitlines() if not line.startswith(" ")]
    assert names[0] == "NAME" and len(names) > 4 and names[1:] == sorted(names[1:]), names


def test_every_column_has_a_title(settled):
    for words in (["users"], ["groups"], ["ids"], ["ids", "assign", "--dry-run"]):
        titles = authctl(settled, *words)[1].splitlines()[0]
        assert titles == titles.upper() and "-" not in titles.split(), titles


def test_the_status_counts_people(settled):
    told = authctl(settled, "status")[1]
    line = next(line for line in told.splitlines() if line.startswith("people "))
    accounts = sum(" active " in line for line in authctl(settled, "users")[1].splitlines())
    assert accounts > 3 and f" {accounts} accounts, " in line and "read 20" in line, line


def test_who_is_no_account_is_looked_for_where_it_says_why(settled):
    code, told, trouble = authctl(settled, "id", "nobody-here")
    assert code == 2 and not told and "authctl users" in trouble, trouble


MISUSED = {
    "force without sync": (["users", "--force"], "--force with sync alone"),
    "force with export": (["users", "export", "passwd", "-f"], "--force with sync alone"),
    "sync of one person": (["users", "sync", "ada"], "users takes sync"),
    "another word": (["users", "ada"], "authctl id NAME"),
    "an export of nothing": (["users", "export"], "passwd or group"),
    "dry-run of nothing": (["ids", "--dry-run"], "--dry-run with assign alone"),
    "dry-run of an export": (["ids", "export", "-n"], "--dry-run with assign alone"),
    "an audit of nothing": (["ids", "audit"], "audit FILE"),
}


@pytest.mark.parametrize("words, said", MISUSED.values(), ids=MISUSED)
def test_what_makes_no_sense_is_refused_with_what_does(settled, words, said):
    code, told, trouble = authctl(settled, *words)
    assert code == 2 and not told and said in trouble, told + trouble


def test_a_rehearsal_says_that_nothing_was_written(settled):
    told = authctl(settled, "ids", "assign", "--dry-run")[1]
    assert "would be assigned, " in told.splitlines()[-1], told
    assert all("would be" in line for line in told.splitlines() if line.endswith("assigned")), told


def test_an_export_that_is_refused_leaves_an_empty_file(settled):
    done = settled.run("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "authctl", "ids", "export")
    assert done.returncode == 3 and done.stdout == "" and "/v1/ids is for root" in done.stderr, done


def test_one_person_is_shown_with_all_groups(settled):
    code, told, trouble = authctl(settled, "id", "bea")
    assert code == 0, trouble
    assert settled.getent("passwd", "bea").split(":")[2] in told
    assert all(name in told for name in ("bea", "eng-platform", "eng-data"))
    assert authctl(settled, "id", "nobody-here")[0] != 0


def test_a_sync_can_be_had_at_once(settled):
    code, told, trouble = authctl(settled, "users", "sync")
    assert code == 0 and told, trouble


def test_the_export_is_what_getent_says(settled):
    code, told, trouble = authctl(settled, "users", "export", "passwd")
    assert code == 0, trouble
    assert settled.getent("passwd", "ada") in told.splitlines()
    code, told, trouble = authctl(settled, "users", "export", "group")
    assert code == 0, trouble
    ours = settled.getent("group", "eng-platform").split(":")
    theirs = next(line for line in told.splitlines() if line.startswith("eng-platform:")).split(":")
    assert theirs[2] == ours[2] and sorted(theirs[3].split(",")) == sorted(ours[3].split(","))


@pytest.fixture
def exported(settled):
    """The ids of the host, as another host's file."""
    code, told, trouble = authctl(settled, "ids", "export")
    assert code == 0 and told, trouble
    settled.write("/tmp/one", told)
    settled.write("/tmp/other", told)
    return settled


def test_an_audit_of_hosts_that_agree_ends_well(exported):
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code == 0, told + trouble


def test_an_audit_names_who_has_another_id_elsewhere(exported):
    uid = exported.getent("passwd", "ada").split(":")[2]
    exported.write("/tmp/other", exported.path("/tmp/one").read_text().replace(uid, "1999999999"))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code != 0 and "ada" in told + trouble and uid in told + trouble and "1999999999" in told + trouble


def test_an_audit_names_an_id_that_is_two_peoples(exported):
    ada, bea = (exported.getent("passwd", name).split(":")[2] for name in ("ada", "bea"))
    exported.write("/tmp/other", exported.path("/tmp/one").read_text().replace(bea, ada))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code != 0 and "ada" in told + trouble and "bea" in told + trouble


def test_an_audit_names_an_id_that_somebody_had_on_one_host_and_another_has_elsewhere(exported):
    ada, bea = (exported.getent("passwd", name).split(":")[2] for name in ("ada", "bea"))
    one = exported.path("/tmp/one").read_text()
    exported.write("/tmp/other", one.replace(ada, "1999999999"))
    exported.write("/tmp/third", one.replace(bea, "1999999999"))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other", "/tmp/third")
    assert code != 0 and re.search(r"1999999999 is ada .* and bea ", told), told + trouble


def test_an_audit_names_a_collision_once(exported):
    page = json.loads(exported.path("/tmp/one").read_text().splitlines()[0])
    page["collisions"] = [{"id": 70001, "keys": ["a", "b"]}]
    exported.write("/tmp/one", "\n".join([json.dumps(page), json.dumps({**page, "ids": []})]))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one")
    assert code != 0 and told.count("70001 is wanted by more than one") == 1, told + trouble


def audit_beside(host, file, uid):
    """What an audit says while a local entry has that number."""
    before = host.path(f"/etc/{file}").read_text()
    host.add_local(file, f"local:x:{uid}:" + (f"{uid}::/:/bin/sh" if file == "passwd" else ""))
    code, told, trouble = authctl(host, "ids", "audit", "/tmp/one")
    host.path(f"/etc/{file}").write_text(before)
    assert code != 0, told + trouble
    return told + trouble


def test_an_audit_names_a_persons_id_that_a_local_group_has(exported):
    uid = exported.getent("passwd", "cas").split(":")[2]
    told = audit_beside(exported, "group", uid)
    assert f"{uid} of cas" in told and "local in this host's own /etc/group" in told, told


def test_an_audit_names_who_is_in_the_way_of_a_local_account(exported):
    uid = exported.getent("passwd", "cas").split(":")[2]
    told = audit_beside(exported, "passwd", uid)
    assert uid in told and "local" in told, told


def test_the_list_of_ids_names_each_collision(new_host, programs, tmp_path):
    few = {f"q{n:03d}": (f"Q {n}", []) for n in range(N_CROWDED)}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        users = {"id_range": f"{SMALL}-{SMALL + 999}", "groups": None}
        with started(daemon_of(host, provider, users=users)) as daemon:
            code, told, trouble = authctl(host, "ids")
            assert code == 0, trouble
            collisions = daemon.collisions()
            assert collisions and all(f"{one['id']} is wanted by more than one" in told for one in collisions), told


def test_a_plain_user_may_not_list_the_people(settled):
    done = settled.run("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "authctl", "users")
    assert done.returncode != 0 and "ada" not in done.stdout
