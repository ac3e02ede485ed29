"""Several hosts with nothing in common but the settings and the provider give everybody the same ids."""

import contextlib

import pytest

from conftest import daemon_of, devidp, started
from test_people import entry

HOSTS = ("one", "two", "three")
N_PEOPLE, N_GROUPS = 10_000, 500
N_FULL_PEOPLE, N_FULL_GROUPS = 100_000, 2_000
SMALL = 2_000_000_000  # where a small range begins
N_CROWDED = 120


def ids_of(daemon):
    return {one["key"]: (one["kind"], one["name"], one["id"], one["state"]) for one in daemon.all_ids()}


def generated(programs, folder, n_people, n_groups):
    rule = {"count": n_people, "groups": n_groups, "groups_each": 3, "prefix": "p"}
    return devidp(programs, folder, people=rule)


@contextlib.contextmanager
def three(new_host, provider, **users):
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(new_host(name)) for name in HOSTS]
        yield [stack.enter_context(started(daemon_of(one, provider, users=users))) for one in hosts]


def agree(daemons, n_people):
    first = ids_of(daemons[0])
    people = {key: told for key, told in first.items() if told[0] == "person" and told[2]}
    assert len(people) >= n_people
    assert len({told[2] for told in people.values()}) == len(people), "an id twice"
    for other in daemons[1:]:
        told = ids_of(other)
        assert told == first, [(key, first.get(key), told.get(key)) for key in first if told.get(key) != first[key]][:3]
    return first


def test_three_hosts_agree_on_ten_thousand(new_host, programs, tmp_path):
    with generated(programs, tmp_path, N_PEOPLE, N_GROUPS) as provider, three(new_host, provider) as daemons:
        refused = daemons[0].refused()
        told = agree(daemons, N_PEOPLE - len(refused))
        for name in {"p000001", f"p{N_PEOPLE:06d}"} - refused:
            lines = {daemon.host.getent("passwd", name) for daemon in daemons}
            assert len(lines) == 1 and None not in lines
        assert all(one[2] >= 1879048192 for one in told.values() if one[2])
        assert all(one.collisions() == daemons[0].collisions() for one in daemons)


@pytest.mark.full
def test_three_hosts_agree_on_a_hundred_thousand(new_host, programs, tmp_path):
    with generated(programs, tmp_path, N_FULL_PEOPLE, N_FULL_GROUPS) as provider, three(new_host, provider) as daemons:
        agree(daemons, N_FULL_PEOPLE - len(daemons[0].refused()))
        assert all(one.collisions() == daemons[0].collisions() for one in daemons)


# The birthday collisions of a range that is too small.


@pytest.fixture
def crowd(programs, tmp_path):
    """A hundred and twenty people for a thousand ids: fourteen or so want one that another wants, too."""
    with devidp(programs, tmp_path, few={f"q{n:03d}": (f"Q {n}", []) for n in range(N_CROWDED)}) as provider:
        yield provider


@pytest.fixture
def small():
    return {"id_range": f"{SMALL}-{SMALL + 999}", "groups": None}


def test_who_collides_is_refused_on_every_host_alike_and_told(new_host, crowd, small):
    with three(new_host, crowd, **small) as daemons:
        told = [daemon.collisions() for daemon in daemons]
        assert told[0] and told[1] == told[0] == told[2], "provoked, and alike"
        document = daemons[0].get("/v1/ids?limit=1").json
        assert document["expected_collisions"] == pytest.approx(N_CROWDED**2 / 2000, rel=0.1)
        people = {one["subject"]: one for one in daemons[0].all_people()}
        for collision in told[0]:
            assert len(collision["keys"]) >= 2
            for key in collision["keys"]:
                person = people[key]
                assert person["trouble"] and daemons[0].host.getent("passwd", person["username"]) is None, person
            assert daemons[0].host.getent("passwd", str(collision["id"])) is None, "nobody by being first"
        refused = {key for collision in told[0] for key in collision["keys"]}
        for subject, person in people.items():
            if subject not in refused:
                assert entry(daemons[0].host, person["username"])


def test_a_line_of_the_settings_settles_it_the_same_on_every_host(new_host, crowd, small):
    with new_host("scout") as one, started(daemon_of(one, crowd, users=small)) as daemon:
        settled = settlement(daemon.collisions())
        people = {person["subject"]: person["username"] for person in daemon.all_people()}
    lines = "; ".join(f"{key}={number}" for key, number in settled.items())
    with three(new_host, crowd, **{**small, "id": lines}) as daemons:
        for daemon in daemons:
            assert daemon.collisions() == []
            for key, number in settled.items():
                assert entry(daemon.host, people[key])[2] == str(number)
            assert all(entry(daemon.host, name) for name in people.values())
        agree(daemons, N_CROWDED)


def settlement(collisions):
    """The first keeps the number, each other gets one beyond the range."""
    settled, free = {}, SMALL + 1000
    for collision in collisions:
        for index, key in enumerate(sorted(collision["keys"])):
            settled[key] = collision["id"] if index == 0 else free
            free += index > 0
    return settled


def test_who_has_the_number_keeps_it_when_another_comes(new_host, crowd, small):
    """Known before: by the database. The newcomer is refused, the owner of files is not."""
    with new_host("scout") as one, started(daemon_of(one, crowd, users=small)) as daemon:
        pair = next(found for found in daemon.collisions() if len(found["keys"]) == 2)  # no third may want it, too
        (first, second), number = sorted(pair["keys"]), pair["id"]
        people = {person["subject"]: person["username"] for person in daemon.all_people()}
    crowd.forget(people[second])  # not there at the first look
    with new_host() as one, started(daemon_of(one, crowd, users=small)) as daemon:
        assert entry(one, people[first])[2] == str(number)
        crowd.remember(people[second])
        daemon.sync()
        assert entry(one, people[first])[2] == str(number), "who has files keeps them"
        assert entry(one, people[second]) is None
        assert number in [found["id"] for found in daemon.collisions()]
