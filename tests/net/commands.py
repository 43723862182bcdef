"""redirectd's commands, and stores for them to work on: a file, or a Redis of
the test's own on a Unix socket. Nothing of it needs a network."""

import hashlib
import json
import os
import subprocess
import time

import pytest

from support.daemons import BIN, NO_FILE
from support.redis import Redis

HOUR = 3600
HEAD = {"format": "pinhole-directory", "version": 1}
END = {"end": True}


def now_ms():
    return int(time.time() * 1000)


class Directory:
    """A store, and the commands that work on it."""

    def __init__(self, store, **env):
        self.store = store
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith("REDIRECTD_")}
        self.env = {**clean, "REDIRECTD_STORE": store, **env}

    def run(self, *args, stdin=""):
        """(exit status, stdout, stderr)"""
        done = subprocess.run([BIN / "redirectd", *NO_FILE, *args],
                              env=self.env,
                              input=stdin, text=True, capture_output=True,
                              timeout=60)
        return done.returncode, done.stdout, done.stderr

    def ok(self, *args, stdin=""):
        status, out, err = self.run(*args, stdin=stdin)
        assert status == 0, err
        return out

    def refused(self, *args, stdin=""):
        """The one line with which it is."""
        status, _, err = self.run(*args, stdin=stdin)
        assert status == 1
        assert err.startswith("redirectd: ") and err.count("\n") == 1, err
        return err

    def add(self, client, password="secret", *args):
        assert self.ok("user", "add", client, *args,
                       stdin=password + "\n") == ""

    def users(self):
        return {u["id"]: (u["username"], u["realm"])
                for u in json.loads(self.ok("user", "list", "--json"))}

    def aliases(self):
        return {a["alias"]: a["id"]
                for a in json.loads(self.ok("alias", "list", "--json"))}

    def export(self):
        """What is kept, without the first line and the last, sorted."""
        lines = self.ok("clients", "export").splitlines()
        assert json.loads(lines[0]) == HEAD
        assert json.loads(lines[-1]) == END
        return sorted(lines[1:-1])

    def take(self, records):
        return self.ok("clients", "import", "-", stdin=dump(records))


def dump(records):
    return "".join(json.dumps(r) + "\n" for r in [HEAD, *records, END])


def binding(user, expires=None, **more):
    now = now_ms()
    return {"url": f"sip:{user}@198.51.100.7:4001;ph-own=10.0.0.16:5060",
            "instance": f'"<urn:uuid:{user}>"', "call_id": f"{user}@10.0.0.16",
            "cseq": 7, "reg_id": 1, "q": 500, "serving": "203.0.113.1:5060",
            "registered": now - 1000,
            "expires": now + HOUR * 1000 if expires is None else expires,
            **more}


def client(user, *bindings):
    return {"client": f"{user}@example.com",
            "bindings": list(bindings) or [binding(user)]}


def user_record(user):
    def ha1(name, digits):
        return hashlib.new(name, user.encode()).hexdigest()[:digits]
    return {"user": f"{user}@example.com", "name": user,
            "realm": "example.com",
            "ha1": {"MD5": ha1("md5", 32), "SHA-256": ha1("sha256", 64),
                    "SHA-512-256": ha1("sha512", 64)}}


@pytest.fixture(params=["sqlite", "redis"])
def directory(request, tmp_path):
    """One of each kind of store that commands can work on."""
    if request.param == "sqlite":
        yield Directory(f"sqlite:{tmp_path}/dir.db")
        return
    with Redis() as redis:
        yield Directory(redis.url)


@pytest.fixture
def sqlite(tmp_path):
    return Directory(f"sqlite:{tmp_path}/dir.db")
