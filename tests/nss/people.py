"""people: the realm of many people, for Keycloak and for devidp, and what a host must make of it.

N people p00001…, in 20 departments of n teams each, every one in three teams, "wide" in 200 more. A
few have passwords. It is made by arithmetic alone: the same file each time, so a seed of it is kept.
"""

import json
import pathlib
import sys

REALM = "people"
CLIENT = "accounts"
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
            "groups": [self._keycloak_department(d) for d in range(N_DEPARTMENTS)],
            "clients": [_keycloak_client()],
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


def _keycloak_client():
    return {
        "clientId": CLIENT,
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
    return {**usual, "clients": [*usual["clients"], client], "users": users, **more}


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
