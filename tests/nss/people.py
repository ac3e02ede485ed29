"""people: the realm of many people, for Keycloak and for devidp, and what a host must make of it.

N people p00001…, in 20 departments of n teams each, every one in three teams, "wide" in 200 more. A
few have passwords. It is made by arithmetic alone: the same file each time, so a seed of it is kept.
"""

import json
import pathlib
import sys
import uuid

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "behaviour"))

import providers  # noqa: E402

REALM = "people"
CLIENT = "accounts"
BARE_CLIENT = f"{CLIENT}-bare"  # without any role; of the same secret
CLIENT_SECRET = f"{CLIENT}-secret"
ROLES = ["view-users", "query-users", "query-groups", "view-realm", "view-events", "manage-users"]
N_DEPARTMENTS = 20
N_TEAMS_EACH = 3
WIDE, N_WIDE_GROUPS = "wide", 200
WITH_PASSWORD = 3  # the first ones

USER_PROFILE = {
    "attributes": [
        {"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}}
        for name in ("username", "email", "firstName", "lastName")
    ],
    "unmanagedAttributePolicy": "ENABLED",
}


def person_name(number):
    return f"p{number:06d}"


def department(number):
    return "eng" if number == 0 else f"dep{number:02d}"


def team(number):
    return "platform" if number == 0 else f"team{number:03d}"


class Realm:
    """People and groups by arithmetic; groups are named by (department, team)."""

    def __init__(self, n_people=10_000, n_groups=500):
        self.n_people = n_people
        self.n_teams = n_groups // N_DEPARTMENTS - 1  # a department is a group, too
        self.groups = [(d, t) for d in range(N_DEPARTMENTS) for t in range(self.n_teams)]
        assert N_DEPARTMENTS * (self.n_teams + 1) == n_groups, "groups in whole departments"

    def groups_of(self, number):
        """The teams of a person: three, spread so that all are of one size."""
        return [self.groups[(number * 7 + k * 163) % len(self.groups)] for k in range(N_TEAMS_EACH)]

    @staticmethod
    def path(group):
        return f"/{department(group[0])}/{team(group[1])}"

    @staticmethod
    def host_names(group):
        """What rule /** makes of a membership: the team and, being nested, its department."""
        return {f"{department(group[0])}-{team(group[1])}", department(group[0])}

    def expected_groups(self, number):
        return set().union(*map(self.host_names, self.groups_of(number)))

    def wide_groups(self):
        return self.groups[:N_WIDE_GROUPS]

    # Keycloak's form

    def keycloak(self):
        return {
            "realm": REALM,
            "enabled": True,
            "sslRequired": "none",
            "adminEventsEnabled": True,
            "adminEventsDetailsEnabled": False,
            "editUsernameAllowed": True,  # a rename by the administration, too
            "groups": [self._keycloak_department(d) for d in range(N_DEPARTMENTS)],
            "clients": [_keycloak_client(CLIENT), _keycloak_client(BARE_CLIENT)],
            "users": [*map(self._keycloak_person, range(1, self.n_people)), self._keycloak_wide(), _keycloak_service()],
            "components": {
                "org.keycloak.userprofile.UserProfileProvider": [
                    {
                        "providerId": "declarative-user-profile",
                        "config": {"kc.user.profile.config": [json.dumps(USER_PROFILE)]},
                    }
                ]
            },
        }

    def _keycloak_department(self, number):
        return {"name": department(number), "subGroups": [{"name": team(t)} for t in range(self.n_teams)]}

    def _keycloak_person(self, number):
        name = person_name(number)
        person = _keycloak_user(name, f"Person {number}", [self.path(group) for group in self.groups_of(number)])
        if number <= WITH_PASSWORD:
            person["credentials"] = [{"type": "password", "value": f"{name}-password", "temporary": False}]
        return person

    def _keycloak_wide(self):
        return _keycloak_user(WIDE, "Wide", [self.path(group) for group in self.wide_groups()])


def issuer_url(provider):
    """Of the realm of people: Keycloak has one beside the suites' own."""
    return f"{provider.base_url}/realms/{REALM}" if provider.name == "keycloak" else provider.issuer_url


def _keycloak_user(name, full_name, groups):
    first, _, last = full_name.partition(" ")
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "firstName": first,
        "lastName": last or "Reader",
        "groups": groups,
    }


def _keycloak_client(name):
    return {
        "clientId": name,
        "secret": CLIENT_SECRET,
        "publicClient": False,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": True,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
    }


def _keycloak_service():
    return {
        "username": f"service-account-{CLIENT}",
        "enabled": True,
        "serviceAccountClientId": CLIENT,
        "clientRoles": {"realm-management": ROLES},
    }


# The few people of most rows, on devidp: name: (full name, groups).
FEW = {
    "ada": ("Ada Arden", ["/eng/platform"]),
    "bea": ("Bea Brook", ["/eng/platform", "/eng/data"]),
    "cas": ("Cas Čapek", ["/ops"]),
    "dan": ("Dan: the, odd\nDunn", []),
}
DEVIDP_REALM = pathlib.Path(__file__).resolve().parent.parent / "behaviour" / "realm" / "devidp.json"


def devidp_realm(few=None, **more):
    """The realm file of a devidp: its keys and clients as everywhere, our client, these people."""
    usual = json.loads(DEVIDP_REALM.read_text())
    client = {
        "id": CLIENT,
        "secret": CLIENT_SECRET,
        "alg": "RS256",
        "audience": ["orders"],
        "direct_grant": True,
        "full_scope": True,
        "service_account": {"client_roles": {"realm-management": ROLES}},
    }
    few = FEW if few is None else few
    users = [_devidp_person(name, *facts) for name, facts in few.items()]
    groups = sorted({path for _, paths in few.values() for path in paths})
    return {
        **usual,
        "clients": [*usual["clients"], client],
        "users": users,
        "groups": [{"path": path} for path in groups],
        **more,
    }


class DevIdp(providers.DevIdp):
    """A devidp whose people come, change and go."""

    def __init__(self, binary, realm):
        super().__init__(binary, realm)
        self.away = {}

    def add(self, name, full_name="Some One", groups=(), **more):
        for path in groups:
            self.own("group", {"path": path})
        new = {"id": str(uuid.uuid4()), **more}  # as Keycloak: another one than a former of that name
        return self.own("person", _devidp_person(name, full_name, list(groups), **new))["id"]

    def change(self, name, full_name=None, **members):
        if full_name:
            members["first_name"], _, members["last_name"] = full_name.partition(" ")
        return self.own("person", {"username": name, **members})["id"]

    def rename(self, name, new):
        self.own("person", {"username": name, "rename": new})

    def delete(self, name):
        self.own("person-delete", {"username": name})

    def recreate(self, name):
        """Another one of the same name."""
        return self.own("person-recreate", {"username": name})["id"]

    def join(self, name, *paths):
        self.own("join", {"username": name, "groups": list(paths)})

    def leave(self, name, *paths):
        self.own("leave", {"username": name, "groups": list(paths)})

    def forget(self, name):
        """Not there for a while: remember() brings the same one back."""
        self.away[name] = self.change(name)
        self.delete(name)

    def remember(self, name):
        self.own("person", _devidp_person(name, "Some One", [], id=self.away.pop(name)))

    def keep_events(self, wanted):
        self.own("events", {"enabled": wanted})


class Keycloak(providers.Keycloak):
    """The real one, and the people of its second realm, by its administration."""

    def start(self):
        super().start()
        self.people = providers.KeycloakAdmin(self.base_url, self.admin.user, self.admin.password, REALM)

    def add(self, name, full_name="Some One", groups=()):
        self.people.call("POST", "/users", _keycloak_user(name, full_name, list(groups)))
        return self.people.user_id(name)

    def change(self, name, **members):
        """As a whole, which is what Keycloak wants."""
        user_id = self.people.user_id(name)
        now = self.people.call("GET", f"/users/{user_id}").json()
        self.people.call("PUT", f"/users/{user_id}", {**now, **members})

    def rename(self, name, new):
        self.change(name, username=new)

    def delete(self, name):
        self.people.call("DELETE", f"/users/{self.people.user_id(name)}")

    def recreate(self, name):
        self.delete(name)
        return self.add(name)

    def join(self, name, path):
        self.people.call("PUT", f"/users/{self.people.user_id(name)}/groups/{self.group_id(path)}")

    def leave(self, name, path):
        self.people.call("DELETE", f"/users/{self.people.user_id(name)}/groups/{self.group_id(path)}")

    def group_id(self, path):
        return self.people.call("GET", f"/group-by-path{path}").json()["id"]

    def attributes(self, name):
        return self.people.call("GET", f"/users/{self.people.user_id(name)}").json().get("attributes", {})


def _devidp_person(name, full_name, groups, **more):
    first, _, last = full_name.partition(" ")
    return {
        "username": name,
        "password": f"{name}-password",
        "first_name": first,
        "last_name": last,
        "groups": groups,
        **more,
    }


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(Realm().keycloak()))
