"""Users and aliases by redirectd's commands, beside one that runs, too."""

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import termios

import pytest

from commands import Directory, client, directory, dump, sqlite  # noqa: F401
from support.daemons import BIN, NO_FILE
from support.net import end_process, wait_until


def test_users(directory):
    assert directory.users() == {}
    directory.add("alice@example.com")
    directory.add("bob@Example.COM", "geheim", "--username", "Bob B")
    assert directory.users() == {
        "alice@example.com": ("alice", "example.com"),
        "bob@example.com": ("Bob B", "example.com")}
    text = directory.ok("user", "list").splitlines()
    assert text[0].split() == ["ID", "USERNAME", "REALM"]
    assert sorted(line.split() for line in text[1:]) == [
        ["alice@example.com", "alice", "example.com"],
        ["bob@example.com", "Bob", "B", "example.com"]]
    assert directory.ok("user", "del", "alice@example.com") == ""
    assert set(directory.users()) == {"bob@example.com"}
    err = directory.refused("user", "del", "alice@example.com")
    assert "alice@example.com: no such user" in err


def test_only_hashes_are_kept(directory):
    """One of each algorithm, over name, realm and password (RFC 7616)."""
    directory.env["REDIRECTD_AUTH_REALM"] = "Pinhole"
    directory.add("alice@example.com", "s3cret", "--username=al")
    (record,) = [json.loads(line) for line in directory.export()]
    a1 = b"al:Pinhole:s3cret"
    assert record["name"] == "al" and record["realm"] == "Pinhole"
    assert record["ha1"] == {
        "MD5": hashlib.md5(a1).hexdigest(),
        "SHA-256": hashlib.sha256(a1).hexdigest(),
        "SHA-512-256": hashlib.new("sha512_256", a1).hexdigest()}
    for shown in (directory.ok("user", "list"),
                  directory.ok("user", "list", "--json")):
        assert "s3cret" not in shown
        assert not any(h in shown for h in record["ha1"].values())


def test_another_password(directory):
    directory.add("alice@example.com", "one", "--username", "al")
    before = directory.export()
    assert "user passwd" in directory.refused(
        "user", "add", "alice@example.com", stdin="two\n")
    assert directory.export() == before
    directory.ok("user", "passwd", "alice@example.com", stdin="two\n")
    (record,) = [json.loads(line) for line in directory.export()]
    assert record["ha1"]["MD5"] == hashlib.md5(
        b"al:example.com:two").hexdigest()
    assert "user add" in directory.refused(
        "user", "passwd", "bob@example.com", stdin="two\n")


@pytest.mark.parametrize("args, stdin, words", [
    (["alice"], "x\n", ["ID", "alice@example.com", "found alice"]),
    (["sip:alice@example.com"], "x\n", ["ID"]),
    (["alice@example.com:5060"], "x\n", ["ID"]),
    (["alice@exam ple.com"], "x\n", ["ID"]),
    (["a" * 300 + "@example.com"], "x\n", ["ID"]),
    (["alice@example.com"], "", ["password", "nothing"]),
    (["alice@example.com"], "\nsecret\n", ["password", "nothing"]),
    (["alice@example.com"], "a\tb\n", ["password", "control character"]),
    (["alice@example.com"], "secret\r\n", ["password", "control character"]),
    (["alice@example.com"], "a\0b\n", ["password", "control character"]),
    (["alice@example.com"], "a" * 128 + "\n", ["password", "127"]),
    (["alice@example.com", "secret"], "x\n", ["unexpected argument secret"]),
    (["alice@example.com", "--password", "x"], "x\n", ["unknown option"]),
    (["alice@example.com", "--username", ""], "x\n", ["username"]),
    (["alice@example.com", "--username", "a:b"], "x\n", ["username"]),
    (["alice@example.com", "--username", 'a"b'], "x\n", ["username"]),
    (["alice@example.com", "--username", "a\nb"], "x\n", ["username"]),
    (["alice@example.com", "--username", "a" * 128], "x\n", ["username"]),
    ([], "x\n", ["missing ID"]),
])
def test_refused_users(sqlite, args, stdin, words):
    err = sqlite.refused("user", "add", *args, stdin=stdin)
    for word in words:
        assert word in err
    assert sqlite.users() == {}


def test_the_longest_password_and_what_follows_its_line(sqlite):
    sqlite.ok("user", "add", "a@b.example", stdin="x" * 127 + "\nmore\n")
    (record,) = [json.loads(line) for line in sqlite.export()]
    assert record["ha1"]["MD5"] == hashlib.md5(
        b"a:b.example:" + b"x" * 127).hexdigest()


class Terminal:
    """A command with a terminal to talk to."""

    def __init__(self, directory, *args):
        self.fd, self.inner = pty.openpty()
        self.before = termios.tcgetattr(self.inner)
        self.proc = subprocess.Popen(
            [BIN / "redirectd", *NO_FILE, *args], env=directory.env,
            stdin=self.inner, stdout=self.inner, stderr=self.inner, start_new_session=True)
        self.seen = ""

    def _hear(self, timeout):
        heard = select.select([self.fd], [], [], timeout)[0]
        if heard:
            self.seen += os.read(self.fd, 4096).decode()
        return heard

    def expect(self, text):
        while text not in self.seen:
            assert self._hear(20), self.seen

    def echoes(self):
        return bool(termios.tcgetattr(self.inner)[3] & termios.ECHO)

    def say(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def end(self):
        """The exit status, when all it has said is in `seen`."""
        status = self.proc.wait(20)
        while self._hear(0):
            pass
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_process(self.proc)
        os.close(self.fd)
        os.close(self.inner)


def test_a_terminal_is_asked_twice_without_echo(sqlite):
    with Terminal(sqlite, "user", "add", "alice@example.com") as t:
        assert t.before[3] & termios.ECHO
        t.expect("Password: ")
        assert not t.echoes()
        t.say("s3cret")
        t.expect("again: ")
        assert not t.echoes()
        t.say("s3cret")
        assert t.end() == 0
        assert "s3cret" not in t.seen
        assert termios.tcgetattr(t.inner) == t.before
    (record,) = [json.loads(line) for line in sqlite.export()]
    assert record["ha1"]["MD5"] == hashlib.md5(
        b"alice:example.com:s3cret").hexdigest()


def test_the_two_have_to_be_the_same(sqlite):
    with Terminal(sqlite, "user", "add", "alice@example.com") as t:
        t.expect("Password: ")
        t.say("hunter1")
        t.expect("again: ")
        t.say("hunter2")
        assert t.end() == 1
        assert "not the same" in t.seen
        assert "hunter" not in t.seen
        assert termios.tcgetattr(t.inner) == t.before
    assert sqlite.users() == {}


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM,
                                 signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("prompt", ["Password: ", "again: "])
def test_a_signal_finds_the_terminal_as_it_was(sqlite, sig, prompt):
    with Terminal(sqlite, "user", "add", "alice@example.com") as t:
        t.expect("Password: ")
        if prompt != "Password: ":
            t.say("s3cret")
            t.expect(prompt)
        assert not t.echoes()
        t.proc.send_signal(sig)
        assert t.end() == -sig
        assert termios.tcgetattr(t.inner) == t.before
    assert sqlite.users() == {}


def test_aliases(directory):
    assert directory.aliases() == {}
    directory.ok("alias", "add", "sales@example.com", "alice@Example.com")
    directory.ok("alias", "add", "info@example.com", "alice@example.com")
    assert directory.aliases() == {"sales@example.com": "alice@example.com",
                                   "info@example.com": "alice@example.com"}
    text = directory.ok("alias", "list").splitlines()
    assert text[0].split() == ["ALIAS", "ID"]
    assert ["sales@example.com", "alice@example.com"] in [
        line.split() for line in text]
    directory.ok("alias", "add", "info@example.com", "bob@example.com")
    assert directory.aliases()["info@example.com"] == "bob@example.com"
    directory.ok("alias", "del", "info@example.com")
    assert set(directory.aliases()) == {"sales@example.com"}
    err = directory.refused("alias", "del", "info@example.com")
    assert "info@example.com: no such alias" in err


def test_an_alias_of_an_alias_is_refused(directory):
    directory.take([client("bob")])
    directory.ok("alias", "add", "sales@example.com", "alice@example.com")
    for alias, of in [("info@example.com", "sales@example.com"),
                      ("bob@example.com", "alice@example.com"),
                      ("me@example.com", "me@example.com")]:
        assert alias in directory.refused("alias", "add", alias, of)
    assert "ALIAS" in directory.refused("alias", "add", "x", "a@b.example")
    assert "ID" in directory.refused("alias", "add", "a@b.example", "x")
    assert directory.aliases() == {"sales@example.com": "alice@example.com"}


@pytest.mark.parametrize("args", [
    ["user", "list"], ["user", "add", "a@b.example"], ["alias", "list"],
    ["clients", "export"]])
def test_memory_keeps_nothing(args):
    err = Directory("memory").refused(*args, stdin="secret\n")
    assert "store: memory" in err and "keeps nothing" in err


@pytest.mark.parametrize("store, word", [
    ("sqlite:/none/dir.db", "/none/dir.db"),
    ("redis+unix:///none/redis.sock", "redis"),
    ("floppy", "floppy"),
])
def test_a_store_that_is_not_there(store, word):
    """The line is the last one: a store logs what it has found."""
    status, out, err = Directory(store).run("user", "list")
    assert status == 1 and out == ""
    line = err.splitlines()[-1]
    assert line.startswith("redirectd: ") and word in line


class Running:
    """redirectd itself, on loopback."""

    def __init__(self, directory, log):
        self.log = log
        env = {**directory.env, "REDIRECTD_LISTEN": "127.0.0.1:0",
               "REDIRECTD_HTTP": "127.0.0.1:0"}
        with open(log, "w") as out:
            self.proc = subprocess.Popen([BIN / "redirectd", *NO_FILE],
                                         env=env, stderr=out)

    def __enter__(self):
        wait_until(lambda: 'msg="ready"' in self.log.read_text(), 20)
        return self

    def __exit__(self, *_):
        end_process(self.proc)


def test_beside_a_redirectd_that_runs(directory, tmp_path):
    """Users and aliases at any time. What it serves from memory is not changed
    under it."""
    directory.take([client("first")])
    with Running(directory, tmp_path / "log"):
        directory.add("alice@example.com")
        directory.ok("alias", "add", "sales@example.com", "alice@example.com")
        assert set(directory.users()) == {"alice@example.com"}
        kept = directory.export()
        assert len(kept) == 3
        if directory.store.startswith("sqlite"):
            err = directory.refused("clients", "import",
                                    stdin=dump([client("bob")]))
            assert "stop it" in err
            assert directory.export() == kept
        else:
            directory.take([client("bob")])
            assert len(directory.export()) == 4
    directory.take([client("carol")])
    assert any("carol@" in line for line in directory.export())
