"""realm: the realm of the people who log in, for devidp and for Keycloak, and what may come of each.

One table of people, put into either's form. Passwords are "<name>-password".
"""

import contextlib
import json
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "behaviour"))

import harness  # noqa: E402
import logins  # noqa: E402
import providers  # noqa: E402

REALM = "logins"
CLIENT = "authd-logins"
CLIENT_SECRET = f"{CLIENT}-secret"
STRANGER = "stranger"  # a client whose tokens are for somebody else
BRIEF, BRIEF_SEC = "brief", 3  # a client whose device codes expire soon
SHORT = "short"  # a client whose tokens OpenSSH takes as passwords
ROLES = ["view-users", "query-users", "query-groups", "view-realm", "view-events"]
OTP_SECRET = logins.OTP_SECRETS["erin"]
CODE_SEC, INTERVAL_SEC = 120, 1
TOKEN_MAX = 1023  # what OpenSSH's client reads at a prompt
LONG_CLAIMS = ["realm_access", "resource_access", "name", "given_name", "family_name", "email", "email_verified", "acr"]
LOOK_ALIKE = "аda"  # its first letter is Cyrillic
UNIX_NAME = "lola"  # who has an account of the host's own, too

# name: members of a devidp user; Keycloak's form is made of them.
PEOPLE = {
    "ada": {"groups": ["/eng"]},
    "abe": {"groups": ["/eng"]},
    "bea": {"groups": ["/eng"], "otp_secret": OTP_SECRET},
    "ben": {"groups": ["/eng"], "otp_secret": OTP_SECRET},
    "cas": {"groups": ["/eng", "/ops"]},
    "dan": {"groups": []},
    "eve": {"groups": ["/eng"], "enabled": False},
    "fay": {"groups": ["/eng"], "required_actions": ["UPDATE_PASSWORD"]},
    "gus": {"groups": ["/eng"]},
    "kim": {"groups": ["/eng"]},
    "ora": {"groups": ["/eng"], "otp_secret": OTP_SECRET},
    "oda": {"groups": ["/eng"], "otp_secret": OTP_SECRET},
    "oto": {"groups": ["/eng"], "otp_secret": OTP_SECRET},
    "leo": {"groups": ["/eng", "/ops"]},
    "root": {"groups": ["/eng"]},
    "daemon": {"groups": ["/eng"]},
    UNIX_NAME: {"groups": ["/eng"]},
    "uma": {"groups": ["/eng"], "attributes": {"uidNumber": "70001"}},
    "una": {"groups": ["/eng"], "attributes": {"uidNumber": "70001"}},
    "sid": {"groups": ["/eng"], "attributes": {"uidNumber": "999"}},
}
for _number in range(8):  # each spoils or spends an account of its own: rows side by side
    PEOPLE[f"row{_number}"] = {"groups": ["/eng"]}
# Whom no Keycloak takes.
ODD_PEOPLE = {
    LOOK_ALIKE: {"groups": ["/eng"]},
    "ada/x": {"groups": ["/eng"]},
}

PARALLEL = 50


def crowd():
    """Whoever logs in at the same time."""
    return [f"many{number:02d}" for number in range(PARALLEL)]


def password_of(name):
    return f"{name}-password"


def all_people():
    return {**PEOPLE, **{name: {"groups": ["/eng"]} for name in crowd()}}


# --- devidp ---


def devidp_realm():
    usual = json.loads(providers.DEVIDP_REALM.read_text())
    people = {**all_people(), **ODD_PEOPLE}
    groups = [{"path": path} for path in ("/eng", "/ops")]
    return {**usual, "clients": _devidp_clients(), "groups": groups, "users": list(map(_devidp_person, *zip(*people.items())))}


def _devidp_person(name, members):
    return {
        "username": name,
        "password": password_of(name),
        "first_name": name.title(),
        "last_name": "Logs-In",
        "email": f"{name}@example.com",
        **members,
    }


def _devidp_clients():
    usual = {"alg": "RS256", "direct_grant": True, "full_scope": True}
    ours = {"id": CLIENT, "secret": CLIENT_SECRET, "audience": [CLIENT], **usual}
    ours["service_account"] = {"client_roles": {"realm-management": ROLES}}
    ours.update(device={"expires_in": CODE_SEC, "interval": INTERVAL_SEC}, push={"expires_in": CODE_SEC, "interval": INTERVAL_SEC})
    return [ours, {"id": STRANGER, "secret": f"{STRANGER}-secret", "audience": ["billing"], **usual}]


class DevIdp(providers.DevIdp):
    people_url = property(lambda self: self.issuer_url)

    def attribute(self, name, key, value):
        self.change_person(name, attributes={key: value})

    @contextlib.contextmanager
    def disabled(self, name):
        self.set_enabled(name, False)
        try:
            yield
        finally:
            self.set_enabled(name, True)

    def password_token(self, name, client=CLIENT):
        return self.token(client, name, password_of(name))

    def short_token(self, name, client=CLIENT, claims=None, **order):
        """One that OpenSSH takes as password: see TOKEN_MAX."""
        claims = {**dict.fromkeys(LONG_CLAIMS), **(claims or {})}
        token = self.mint(client, user=name, **{"alg": "ES256", "claims": claims, **order})
        assert len(token) <= TOKEN_MAX, len(token)
        return token

    @contextlib.contextmanager
    def desk(self):
        yield Desk(self)

    @contextlib.contextmanager
    def without_pushes(self):
        self.change_client(CLIENT, push=None)
        try:
            yield
        finally:
            self.change_client(CLIENT, push={"expires_in": CODE_SEC, "interval": INTERVAL_SEC})


class Desk:
    """Where people find what is pushed to them, and whence they answer."""

    def __init__(self, provider):
        self.provider = provider

    def _newest(self, user):
        return harness.until(f"a push to {user}", lambda: [one for one in self.provider.codes() if one["kind"] == "push"
                                                           and one["user"] == user and one["state"] == "pending"])[-1]

    def message(self, user):
        return self._newest(user)["binding_message"]

    def answer(self, user, allow=True):
        code = self._newest(user)["code"]
        self.provider.approve(code) if allow else self.provider.deny(code)


# --- Keycloak ---


def keycloak_realm():
    usual = json.loads(providers.KEYCLOAK_REALM.read_text())
    taken = ("enabled", "sslRequired", "accessTokenLifespan", "ssoSessionIdleTimeout", "ssoSessionMaxLifespan", "attributes",
             "defaultSignatureAlgorithm", "clientScopes", "defaultDefaultClientScopes", "defaultOptionalClientScopes")
    people = [_keycloak_person(name, members) for name, members in all_people().items()]
    return {
        **{name: usual[name] for name in taken if name in usual},
        "realm": REALM,
        "adminEventsEnabled": True,
        "groups": [{"name": "eng"}, {"name": "ops"}],
        "clients": _keycloak_clients(usual),
        "users": [*people, _keycloak_service(CLIENT), _keycloak_service(BRIEF)],
        "components": {**usual["components"], **USER_PROFILE},
    }


def _keycloak_person(name, members):
    person = {
        "username": name,
        "enabled": members.get("enabled", True),
        "email": f"{name}@example.com",
        "firstName": name.title(),
        "lastName": "Logs-In",
        "groups": members["groups"],
        "attributes": {key: [value] for key, value in members.get("attributes", {}).items()},
        "requiredActions": members.get("required_actions", []),
        "credentials": [{"type": "password", "value": password_of(name), "temporary": False}],
    }
    if "otp_secret" in members:
        theirs = next(user for user in json.loads(providers.KEYCLOAK_REALM.read_text())["users"] if user["username"] == "erin")
        person["credentials"] += [one for one in theirs["credentials"] if one["type"] == "otp"]
    return person


def _keycloak_service(client):
    return {
        "username": f"service-account-{client}",
        "enabled": True,
        "serviceAccountClientId": client,
        "clientRoles": {"realm-management": ROLES},
    }


# Attributes that the realm does not know are kept.
USER_PROFILE = {
    "org.keycloak.userprofile.UserProfileProvider": [
        {
            "providerId": "declarative-user-profile",
            "config": {
                "kc.user.profile.config": [
                    json.dumps(
                        {
                            "attributes": [
                                {"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}}
                                for name in ("username", "email", "firstName", "lastName")
                            ],
                            "unmanagedAttributePolicy": "ENABLED",
                        }
                    )
                ]
            },
        }
    ]
}
NAME_MAPPER = {
    "name": "username",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-usermodel-attribute-mapper",
    "config": {"user.attribute": "username", "claim.name": "preferred_username", "access.token.claim": "true", "jsonType.label": "String"},
}


def _keycloak_clients(usual):
    ours = next(client for client in usual["clients"] if client["clientId"] == "login")
    lives = {"oauth2.device.code.lifespan": str(CODE_SEC), "oauth2.device.polling.interval": str(INTERVAL_SEC)}
    login = {**ours, "clientId": CLIENT, "secret": CLIENT_SECRET, "attributes": {**ours["attributes"], **lives}}
    login["protocolMappers"] = [providers.audience_mapper(CLIENT)]
    stranger = {**ours, "clientId": STRANGER, "secret": f"{STRANGER}-secret", "protocolMappers": [providers.audience_mapper("billing")]}
    short = {**ours, "clientId": SHORT, "secret": f"{SHORT}-secret", "fullScopeAllowed": False}
    short["attributes"] = {"access.token.signed.response.alg": "ES256"}
    short["defaultClientScopes"] = ["basic", "groups"]
    short["protocolMappers"] = [providers.audience_mapper(CLIENT), NAME_MAPPER]
    brief = {**login, "clientId": BRIEF, "secret": f"{BRIEF}-secret"}
    brief["attributes"] = {**login["attributes"], "oauth2.device.code.lifespan": str(BRIEF_SEC)}
    return [login, stranger, short, brief]


class Keycloak(providers.Keycloak):
    """The real one, and its realm of those who log in."""

    def start(self):
        super().start()
        self.people = providers.KeycloakAdmin(self.base_url, self.admin.user, self.admin.password, REALM)

    @property
    def issuer_url(self):
        return f"{self.base_url}/realms/{REALM}"

    people_url = issuer_url

    def set_enabled(self, user, wanted):
        self.people.call("PUT", f"/users/{self.people.user_id(user)}", {"enabled": wanted})

    disabled = DevIdp.disabled
    password_token = DevIdp.password_token

    def short_token(self, name, client=SHORT):
        token = self.password_token(name, client)
        assert len(token) <= TOKEN_MAX, len(token)
        return token

    def attribute(self, name, key, value):
        user_id = self.people.user_id(name)
        now = self.people.call("GET", f"/users/{user_id}").json()
        now["attributes"] = {**now.get("attributes", {}), key: [value]}
        self.people.call("PUT", f"/users/{user_id}", now)

    def _membership(self, method, name, path):
        group_id = self.people.call("GET", f"/group-by-path{path}").json()["id"]
        self.people.call(method, f"/users/{self.people.user_id(name)}/groups/{group_id}")

    def join(self, name, path):
        self._membership("PUT", name, path)

    def leave(self, name, path):
        self._membership("DELETE", name, path)

    @contextlib.contextmanager
    def desk(self):
        with KeycloakDesk(self) as one:
            yield one

    @contextlib.contextmanager
    def without_pushes(self):
        self.people.change_attribute(CLIENT, providers.PUSH_ENABLED, "false")
        try:
            yield
        finally:
            self.people.reset_clients()


class KeycloakDesk(logins.PushDesk):
    """By whom was asked, not by what."""

    def _newest(self, user):
        """bearer and body; answered ones are away."""
        return harness.until(f"a push to {user}", lambda: [one for one in self.asked if one[1].get("login_hint") == user])[-1]

    def message(self, user):
        return self._newest(user)[1]["binding_message"]

    def answer(self, user, allow=True):
        newest = self._newest(user)
        super().answer(newest[1]["binding_message"], allow)
        self.asked.remove(newest)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(keycloak_realm()))
