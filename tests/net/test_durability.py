"""What has been answered 200 is there: after a kill at any moment, after the
end, and while the disk is full. A file that cannot be used is left as it is."""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lone import Directory, directory, register  # noqa: F401
from durable import Crowd
from support.daemons import BIN, NO_FILE

SEED = int(os.environ.get("PINHOLE_SEED", "20260729"))
ROUNDS = 220
CONTACT = "<sip:alice@192.0.2.1>"


def rows(path):
    """{client id: {url: (call_id, cseq, seconds granted)}} in the file."""
    found = {}
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for (name,) in db.execute("SELECT id FROM client"):
            found[name] = {}
        for name, url, call_id, cseq, ms in db.execute(
                "SELECT client, url, call_id, cseq, expires - registered "
                "FROM binding"):
            found[name][url] = (call_id, cseq, ms / 1000)
    return found


# Killed.

def test_nothing_that_was_answered_is_lost(net, tmp_path):
    """Killed at some moment of a stream of registrations, again and again,
    also while it starts: each client is as one of its requests has left it,
    and as none before the last that was answered."""
    print(f"PINHOLE_SEED={SEED}")
    path = tmp_path / "clients.db"
    here = Directory(net, store=f"sqlite:{path}", trace={"calls": 0},
                     log="error")
    crowd = Crowd(here, SEED)
    rng = random.Random(SEED)
    for _ in range(ROUNDS):
        if rng.random() < 0.5:
            crowd.run(answers=rng.randint(1, 60))
        else:
            crowd.run(until=time.monotonic() + rng.uniform(0, 0.02))
        crowd.kill()
        if rng.random() < 0.1:
            here.start(ready=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                here.daemon.proc.wait(rng.uniform(0, 0.02))
            crowd.kill()
        here.start()
        crowd.check()
    crowd.run(answers=100)
    crowd.finish()
    assert here.daemon.terminate() == 0, here.daemon.log()
    assert here.daemon.log() == ""
    assert rows(path) == {c.id: c.states[-1] for c in crowd.clients}
    print(dict(crowd.tally))
    assert crowd.tally["answered"] > 10 * ROUNDS
    assert 0 < crowd.tally["made"] < crowd.tally["unanswered"]


# Ended.

def held(path):
    """A connection that keeps all others from writing to the file."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return contextlib.closing(db)


def test_a_graceful_end_answers_what_it_has_taken(directory, tmp_path):
    """SIGTERM while the disk keeps registrations waiting."""
    path = tmp_path / "clients.db"
    here = directory(store=f"sqlite:{path}")
    requests = {f"user{i}": register(f"user{i}", f"<sip:user{i}@192.0.2.1>",
                                     expires=600) for i in range(200)}
    with held(path) as db:
        for request in requests.values():
            here.asker.send(request.raw)
        here.daemon.wait_metric("waiting", lambda n: n == len(requests))
        here.daemon.signal(signal.SIGTERM)
        here.daemon.wait_log("draining")
        assert here.daemon.proc.poll() is None
        assert here.asker.receive() is None
        db.execute("ROLLBACK")
    answers = [here.asker.receive(5) for _ in requests]
    assert {m.branch for m in answers if m.status == 200} \
        == {r.branch for r in requests.values()}
    assert here.daemon.proc.wait(5) == 0, here.daemon.log()
    assert set(rows(path)) == {f"{user}@example.com" for user in requests}


def test_what_comes_while_it_ends_is_made_and_answered_or_neither(
        net, tmp_path):
    """SIGTERM in a stream of registrations."""
    path = tmp_path / "clients.db"
    here = Directory(net, store=f"sqlite:{path}", log="error")
    for n in range(10):
        crowd = Crowd(here, SEED + n)
        crowd.run(answers=50)
        here.daemon.signal(signal.SIGTERM)
        while here.daemon.proc.poll() is None:
            crowd.run(until=time.monotonic() + 0.01)
        assert here.daemon.proc.returncode == 0, here.daemon.log()
        while (m := here.asker.receive()) is not None:
            crowd.take(m)
        assert rows(path) == {c.id: c.states[c.answered]
                              for c in crowd.clients}
        path.unlink()
        here.start()
    assert here.daemon.log() == ""


# Not writable for a while.

@contextlib.contextmanager
def disk(path, size="2m"):
    """A small disk of its own."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs",
                    path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def fill(path):
    """Not a byte is left."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while f.write(bytes(size)):
                    pass
    assert shutil.disk_usage(path.parent).free == 0


def until_full(here, serial):
    """Register new clients until one is refused: those that were not, and the
    refusal."""
    made = []
    for i in serial:
        user = f"user{i}"
        m = here.register(user, f"<sip:{user}@192.0.2.1>", expires=3600)
        if m.status != 200:
            return made, m
        made.append(f"{user}@example.com")
    raise AssertionError("the disk is not full")


def test_a_full_disk(net, tmp_path):
    """503 and when to try again, and nothing of what was answered 200 is lost
    or changed; with room again it works as before, all without a restart. A
    kill while it is full does no harm either."""
    with disk(tmp_path / "small") as small:
        here = Directory(net, store=f"sqlite:{small}/clients.db")
        assert here.register("alice", CONTACT, expires=600, call_id="a",
                             cseq=1).status == 200
        fill(small / "filler")
        serial = iter(range(1000))
        made, no = until_full(here, serial)
        assert no.status == 503 and int(no.get("Retry-After")) > 0
        assert here.daemon.metric("store_up") == 0
        assert here.daemon.metric("registers_failed") == 1
        assert here.register("alice", call_id="a", cseq=2).status == 200
        before = here.table()
        assert set(before) == {"alice@example.com", *made}
        for contact, expires in ((CONTACT, 0), (CONTACT, 700), ("*", 0)):
            m = here.register("alice", contact, expires=expires, call_id="a",
                              cseq=3)
            assert m.status == 503 and m.get("Retry-After")
        assert ids(here.table()) == ids(before)
        assert here.daemon.log().count("level=error") == 1

        os.unlink(small / "filler")
        m = here.register("alice", CONTACT, expires=700, call_id="a", cseq=3)
        assert m.status == 200
        assert here.daemon.metric("store_up") == 1
        here.daemon.wait_log("written again")

        fill(small / "filler")
        more, no = until_full(here, serial)
        assert no.status == 503
        before = here.table()
        here.daemon.kill()
        here.start()
        assert ids(here.table()) == ids(before)
        assert {"alice@example.com", *made, *more} == set(before)
        os.unlink(small / "filler")
        assert here.register("alice", CONTACT, expires=0, call_id="a",
                             cseq=4).status == 200
        assert here.daemon.terminate() == 0
        assert rows(small / "clients.db")["alice@example.com"] == {}


def ids(table):
    """What a registration leaves behind, without what time changes."""
    return {name: sorted((b["contact"], b["call_id"], b["cseq"],
                          b["registered_ms"]) for b in bindings)
            for name, bindings in table.items()}


def test_a_file_that_somebody_holds(net, tmp_path):
    """A command that takes too long: refused, then served."""
    path = tmp_path / "clients.db"
    here = Directory(net, store=f"sqlite:{path}")
    with held(path):
        request = register("alice", CONTACT, expires=600)
        here.asker.send(request.raw)
        assert here.register("bob").status == 200   # others are served
        m = here.asker.answer(request)
        assert m.status == 503 and m.get("Retry-After")
    assert here.ask(request).status == 200
    assert set(rows(path)) == {"alice@example.com"}


# A file that is not for it.

def refused(here, path, *words):
    """It ends at once with one line, and the file is as it was."""
    before = digest(path)
    size = len(here.daemon.log())
    here.start(ready=False)
    assert here.daemon.proc.wait(10) == 1
    line = here.daemon.log()[size:]
    assert line.count("\n") == 1 and line.startswith("redirectd: store: "), \
        line
    for word in (str(path), *words):
        assert word in line, line
    assert digest(path) == before
    return line


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() \
        if path.is_file() else None


@pytest.fixture
def kept(net, tmp_path):
    """A directory with some clients that has ended, and its file."""
    path = tmp_path / "clients.db"
    here = Directory(net, store=f"sqlite:{path}")
    here.populate(200)
    assert here.daemon.terminate() == 0
    return here, path


def test_one_daemon_for_one_file(net, tmp_path):
    """Another one with the same file is refused, and the first is none the
    worse for it."""
    path = tmp_path / "clients.db"
    here = Directory(net, store=f"sqlite:{path}")
    assert here.register("alice", CONTACT, expires=600).status == 200
    before = here.table()
    second = subprocess.run(
        net.command("redirect", [BIN / "redirectd", *NO_FILE]), text=True,
        timeout=20, capture_output=True, env={
            **os.environ, "REDIRECTD_STORE": f"sqlite:{path}",
            "REDIRECTD_LISTEN": "udp:127.0.0.1:5099",
            "REDIRECTD_HTTP": "127.0.0.1:8099"})
    assert second.returncode == 1 and second.stdout == ""
    assert second.stderr.count("\n") == 1, second.stderr
    assert str(path) in second.stderr and "another redirectd" in second.stderr
    assert ids(here.table()) == ids(before)
    here.is_well()


@pytest.mark.parametrize("damage, words", [
    (lambda b: b"no database at all\n" * 1000, ["move it away"]),
    (lambda b: b[:16] + bytes(4096 - 16) + b[4096:], ["move it away"]),
    (lambda b: b[:len(b) // 2], ["move it away"]),
    (lambda b: b[:4096] + b"\xa5" * (len(b) - 4096), ["move it away"]),
    (lambda b: b[:-4096] + b"\xa5" * 4096, ["move it away"]),
], ids=["text", "header gone", "cut off", "all pages", "last page"])
def test_a_broken_file(kept, damage, words):
    here, path = kept
    good = path.read_bytes()
    path.write_bytes(damage(good))
    refused(here, path, *words)
    path.write_bytes(good)
    here.start()
    assert len(here.table()) == 200


def sql(*statements):
    def change(path):
        with contextlib.closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()
    return change


@pytest.mark.parametrize("change, words", [
    (sql("PRAGMA user_version = 99"), ["schema 99", "use that version"]),
    (sql("PRAGMA application_id = 1"), ["not a directory of redirectd"]),
    (sql("PRAGMA user_version = 0"), ["not a directory of redirectd"]),
], ids=["newer", "somebody else's", "no version"])
def test_a_file_of_another_kind(kept, change, words):
    here, path = kept
    change(path)
    refused(here, path, *words)


@pytest.mark.parametrize("change", [
    sql("UPDATE binding SET serving = 'nowhere' WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET q = 1001 WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET cseq = -1 WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET url = '' WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET url = zeroblob(10) WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET url = 'sip:a@b>\r\nX: y' "
        "WHERE client LIKE 'user7@%'"),
    sql("UPDATE binding SET instance = '\"a\"\r\nX: y' "
        "WHERE client LIKE 'user7@%'"),
    sql("DROP TABLE binding"),
], ids=["address", "q", "cseq", "no url", "blob", "line end", "instance",
        "no table"])
def test_rows_that_no_redirectd_has_written(kept, change):
    here, path = kept
    change(path)
    refused(here, path)


def test_a_file_that_may_not_be_written(kept, tmp_path):
    """A disk that is mounted for reading only."""
    here, path = kept
    with disk(tmp_path / "disk") as there:
        shutil.copy(path, there / "clients.db")
        subprocess.run(["mount", "-o", "remount,ro", there], check=True)
        here.daemon.configure({**here.daemon.conf,
                               "store": f"sqlite:{there}/clients.db"})
        refused(here, there / "clients.db", "Read-only file system",
                "permissions")


def test_a_file_of_somebody_else(kept):
    """Without the right to write to it."""
    here, path = kept
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        there = Path(folder) / "clients.db"
        shutil.copy(path, there)
        os.chmod(there, 0o644)
        before = digest(there)
        done = subprocess.run(
            here.net.command("redirect", [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                BIN / "redirectd", *NO_FILE]), text=True, timeout=20,
            capture_output=True,
            env={**os.environ, "REDIRECTD_STORE": f"sqlite:{there}"})
        assert done.returncode == 1, done.stderr
        assert done.stderr.count("\n") == 1 and str(there) in done.stderr
        assert "Permission denied" in done.stderr
        assert digest(there) == before and os.listdir(folder) \
            == ["clients.db"]


@pytest.mark.parametrize("path", ["/nowhere/clients.db", "/tmp"])
def test_a_path_that_leads_nowhere(net, path):
    here = Directory(net, start=False, store=f"sqlite:{path}")
    refused(here, Path(path))


def test_killed_while_it_makes_its_file(net, tmp_path):
    """There is a file of the right kind, or none."""
    rng = random.Random(SEED)
    for i in range(20):
        path = tmp_path / f"clients{i}.db"
        here = Directory(net, start=False, store=f"sqlite:{path}") \
            if not i else here
        here.daemon.configure({**here.daemon.conf, "store": f"sqlite:{path}"})
        here.start(ready=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            here.daemon.proc.wait(rng.uniform(0.001, 0.02))
        here.daemon.kill()
        here.start()
        here.is_well()
        here.daemon.kill()


def test_a_file_that_root_has_made_is_the_daemon_s():
    """The first user is added by root before the daemon, who is another user,
    has ever run: it can open all of it."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with tempfile.TemporaryDirectory() as there:
        os.chmod(there, 0o755)
        shutil.copy(BIN / "redirectd", there)
        folder = Path(there) / "state"
        folder.mkdir()
        os.chown(folder, 65534, 65534)

        def run(*args, who=(), typed=None):
            return subprocess.run(
                [*who, f"{there}/redirectd", *NO_FILE, "user", *args],
                env={**os.environ,
                     "REDIRECTD_STORE": f"sqlite:{folder}/clients.db"},
                text=True, check=True, stdout=subprocess.PIPE, input=typed,
                timeout=20).stdout

        run("add", "alice@example.com", typed="a secret\n")
        for path in folder.iterdir():
            assert path.stat().st_uid == 65534
            assert path.stat().st_mode & 0o077 == 0
        run("add", "bob@example.com", who=nobody, typed="another\n")
        users = run("list", who=nobody)
        assert "alice@example.com" in users and "bob@example.com" in users
