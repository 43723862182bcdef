"""Sites whose directory knows passwords: a store in a file, users made by
redirectd's own command, and phones that have the password of their user."""

import json
import shutil
import subprocess

import pytest

from calls import Site
from support.daemons import BIN
from support.digest import challenges

DOMAIN = "example.com"
USERS = ("alice", "bob", "carol", "dave")

# Enough for a test that fails on purpose; those about limits have their own.
PATIENT = {"failures": 0}


def password_of(user):
    return f"the-password-of-{user}"


def command(conf, *args, stdin=""):
    """One of redirectd's commands; what it printed."""
    done = subprocess.run([BIN / "redirectd", "-c", conf, *args], text=True,
                          input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def users_file(tmp_path_factory):
    """A directory that has USERS, and nobody registered."""
    folder = tmp_path_factory.mktemp("users")
    path, conf = folder / "directory.db", folder / "redirectd.json"
    conf.write_text(json.dumps({"store": f"sqlite:{path}"}))
    for user in USERS:
        command(conf, "user", "add", f"{user}@{DOMAIN}",
                stdin=password_of(user) + "\n")
    return path


class Guarded(Site):
    """The usual deployment beside a store with users. auth: keys of
    redirectd's; whoever is not to have a password says so."""

    def __init__(self, net, path, auth=None, redirectd=None, proxyd=None,
                 **changes):
        super().__init__(
            net, redirectd={"store": f"sqlite:{path}",
                            "auth": {**PATIENT, **(auth or {})},
                            **(redirectd or {})},
            proxyd={"limits": {"failures": 0}, **(proxyd or {})}, **changes)

    def phone(self, host, user, password=None, **kw):
        """A phone of that very user."""
        return super().phone(host, user, user=user,
                             password=password or password_of(user), **kw)

    def command(self, *args, stdin=""):
        return command(self.redirect.conf_path, *args, stdin=stdin)

    def add_user(self, user, domain=DOMAIN):
        self.command("user", "add", f"{user}@{domain}",
                     stdin=password_of(user) + "\n")

    def contacts(self, user):
        """Where the directory has this user."""
        try:
            found = self.redirect.api("clients", id=f"{user}@{DOMAIN}")
        except LookupError:
            return []
        return [b["contact"] for b in found["bindings"]]


@pytest.fixture
def guard(net, users_file, tmp_path):
    """guard(auth=…): a site with USERS, or with nobody where users=False.
    Nothing is left of its calls."""
    made = []

    def make(users=True, **changes):
        path = tmp_path / "directory.db"
        if users:
            shutil.copy(users_file, path)
        made.append(Guarded(net, path, **changes))
        return made[-1]
    yield make
    for site in made:
        site.settled()
        site.healthy()


def dial(caller, uri, offer, headers=(), call_id=None):
    """A call whose first INVITE is refused 407, and the second sent."""
    call = caller.invite(uri, offer, headers=headers, call_id=call_id)
    refused = call.wait_status(407)
    call.authenticate(refused)
    return call, refused


def bare(phone, method, uri, **kw):
    """A request without credentials; its answer."""
    return phone.final(phone.request(method, uri, **kw))


def register_headers(phone, contact=None, expires=600):
    return [("Contact", contact or f"<{phone.contact_uri}>"),
            ("Expires", str(expires))]


def is_stale(answer):
    asked = challenges(answer)
    assert asked, answer.text
    return {a.get("stale", "false").lower() for a in asked} == {"true"}


def invites(phone):
    return phone.messages(lambda m: m.method == "INVITE" and m.is_request)


def without(answer, *names):
    """A response, whatever is new in each taken out: what an observer could
    tell two of them apart by."""
    lines = []
    for name, value in answer.headers:
        if name.lower() in names:
            continue
        for c in challenges(answer):
            value = value.replace(c["nonce"], "NONCE")
        lines.append((name, value))
    return answer.start, lines, answer.body

