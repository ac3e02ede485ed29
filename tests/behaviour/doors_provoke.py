"""doors_provoke: how to get each answer that the contract declares for the doors of proxies and /introspect."""

import providers
import doors_rows
from conftest import POLICIES, issuer_section
from doors_setup import bearer, form, tcp_ask

POLICY = "readers"
CLIENT = "\n[client gateway]\nsecret_file = {file}\npolicy = " + POLICY
SECRET = "gateway-secret"


def filled(path, policy=POLICY):
    """The contract's path with a policy in it."""
    return path.replace("{policy}", policy)


def allowed(case):
    return case.send(filled(case.path), headers=bearer(case.token()))


def without_token(case):
    return case.send(filled(case.path))


def forbidden(case):
    return case.send(filled(case.path, "staff"), headers=bearer(case.token()))


def unknown_policy(case):
    return case.send(filled(case.path, "nobody"), headers=bearer("a.b.c"))


def with_an_absent_issuer(case):
    """The daemon started again with an issuer that never answers, and a token that claims to be its."""
    case.authd.write(*doors_rows.settings(case.provider), "[policy far]\nissuers = far\naudience = any",
                     allow_development_issuers="true")
    case.authd.stop()
    case.authd.start(ready=False)
    return doors_rows.unsigned(iss=doors_rows.ABSENT_ISSUER)


def could_not_ask(case):
    return case.send(filled(case.path, "far"), headers=bearer(with_an_absent_issuer(case)))


def limited(case):
    case.authd.write(issuer_section(case.provider), "[policy once]\naudience = orders\nlimits = sub 1/d\n",
                     allow_development_issuers="true")
    assert case.authd.reload().status == 200
    headers = bearer(case.token())
    case.send(filled(case.path, "once"), headers=headers)
    return case.send(filled(case.path, "once"), headers=headers)


def route_tested(case):
    case.authd.write(issuer_section(case.provider), POLICIES, "[route r]\npath = /a/*\npolicy = readers\norder = 1",
                     allow_development_issuers="true")
    assert case.authd.reload().status == 200
    return case.authd.post(case.path, {"method": "GET", "url": "https://api.example.com/a/b", "token": case.token()})


def introspect(case, path, **fields):
    return case.send(path, *form(**fields))


def introspected(case):
    return introspect(case, filled(case.path), token=case.token())


def without_parameter(case):
    return introspect(case, filled(case.path), hint="x")


def introspected_by_nobody(case):
    return introspect(case, filled(case.path, "nobody"), token="a.b.c")


def could_not_introspect(case):
    token = with_an_absent_issuer(case)
    if "{policy}" not in case.path:  # [policy default] must take that issuer
        text = case.authd.config_path.read_text()
        case.authd.config_path.write_text(text.replace("[policy default]\nissuers = holodeck", "[policy default]\nissuers = far"))
        assert case.authd.reload().status == 200
    return introspect(case, filled(case.path, "far"), token=token)


def on_tcp(case, path, headers):
    port = providers.free_port()
    file = case.authd.directory / "gateway.secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    case.authd.write(issuer_section(case.provider), POLICIES, CLIENT.format(file=file), allow_development_issuers="true",
                     listen=f"127.0.0.1:{port}")
    case.authd.stop()
    case.authd.start()
    body, form_headers = form(token="a.b.c")
    return tcp_ask(port, "POST", path, body, {**form_headers, **headers})


def unknown_client(case):
    return on_tcp(case, filled(case.path), {})


def policy_of_another(case):
    return on_tcp(case, filled(case.path, "staff"), providers.basic("gateway", SECRET))


# As the rows of test_openapi.PROVOKE: (method or *, path, status, provoker).
DOORS = [
    ("post", "/v1/policy-test", "200", route_tested),
] + [row for path, yes in (("/auth/{policy}", "204"), ("/forward-auth/{policy}", "200"), ("/ext-authz/{policy}", "200"))
     for row in [
    ("*", path, yes, allowed),
    ("*", path, "401", without_token),
    ("*", path, "403", forbidden),
    ("*", path, "404", unknown_policy),
    ("*", path, "429", limited),
    ("*", path, "503", could_not_ask),
]] + [row for path in ("/introspect", "/introspect/{policy}") for row in [
    ("post", path, "200", introspected),
    ("post", path, "400", without_parameter),
    ("post", path, "401", unknown_client),
    ("post", path, "403", policy_of_another),
    ("post", path, "404", introspected_by_nobody),
    ("post", path, "503", could_not_introspect),
]]
