"""A directory is moved from store to store, and what is not one is refused."""

import json
import stat
import subprocess

import pytest

from commands import END, HEAD, HOUR, Directory, binding, client, \
    directory, dump, now_ms, sqlite, user_record  # noqa: F401
from support.daemons import BIN, NO_FILE
from support.redis import Redis


def everything(n=30):
    return [
        *(client(f"user{i}", *(binding(f"user{i}.{k}", reg_id=k)
                               for k in range(1 + i % 3)))
          for i in range(n)),
        {"client": "idle@example.com", "bindings": []},
        client("odd%20user", binding("odd", instance="", reg_id=0,
                                     serving="[2001:db8::1]:5060")),
        user_record("user1"), user_record("user2"),
        {"alias": "sales@example.com", "of": "user1@example.com"},
        {"alias": "info@example.com", "of": "user1@example.com"},
    ]


def test_from_store_to_store(tmp_path):
    """A file, a Redis, another file: the same in all."""
    with Redis() as redis:
        one = Directory(f"sqlite:{tmp_path}/one.db")
        two = Directory(redis.url)
        three = Directory(f"sqlite:{tmp_path}/three.db")
        records = everything()
        assert "32 clients (61 bindings" in one.take(records)
        first = one.export()
        assert sorted(map(json.loads, first), key=repr) == sorted(
            records, key=repr)
        path = tmp_path / "all.json"
        for source, to in [(one, two), (two, three)]:
            out = source.ok("clients", "export", path)
            assert out == ("exported 32 clients (61 bindings), 2 users, "
                           "2 aliases\n")
            out = to.ok("clients", "import", path)
            assert "32 clients (61 bindings; 0 " in out
            assert "2 users, 2 aliases" in out
            assert to.export() == first


def test_import_replaces(directory):
    directory.take([client("alice", binding("a"), binding("b", reg_id=2)),
                    user_record("alice"), client("bob")])
    directory.take([client("alice", binding("c")),
                    {**user_record("alice"), "name": "al"}])
    records = [json.loads(line) for line in directory.export()]
    (alice,) = [r for r in records if r.get("client") == "alice@example.com"]
    assert [b["call_id"] for b in alice["bindings"]] == ["c@10.0.0.16"]
    assert directory.users()["alice@example.com"][0] == "al"
    assert any(r.get("client") == "bob@example.com" for r in records)


def test_what_has_run_out_is_left_out(directory):
    out = directory.take([
        client("alice", binding("a", now_ms() - 1), binding("b", reg_id=2)),
        client("bob", binding("bob", now_ms() - HOUR * 1000,
                              registered=now_ms() - 2 * HOUR * 1000))])
    assert "2 clients (1 bindings; 2 that had run out" in out
    bindings = {r["client"]: [b["reg_id"] for b in r["bindings"]]
                for r in map(json.loads, directory.export())}
    assert bindings == {"alice@example.com": [2], "bob@example.com": []}


def test_the_same_client_many_times(directory):
    """The last line is the one that counts."""
    n = 300
    directory.take([client("alice", binding("a", cseq=i)) for i in range(n)])
    (record,) = [json.loads(line) for line in directory.export()]
    assert record["bindings"][0]["cseq"] == n - 1


def test_more_than_is_on_its_way_at_a_time(directory):
    n = 3000
    out = directory.take([client(f"user{i}") for i in range(n)])
    assert f"{n} clients ({n} bindings" in out
    assert len(directory.export()) == n


def changed(record, path, value):
    """A copy with one thing in it changed, or taken out (None)."""
    copy = json.loads(json.dumps(record))
    at = copy
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(copy)


ALICE = client("alice")
USER = user_record("alice")
ALIAS = {"alias": "sales@example.com", "of": "alice@example.com"}


BROKEN = [
    ("", ["line 3", "cut off"]),
    ("{", ["line 3", "not a JSON object"]),
    ("[]", ["line 3", "not a JSON object"]),
    ('{"alias": "a@b", "alias": "c@d"}', ["line 3", "not a JSON object"]),
    ('{"colour": "red"}', ["line 3", "client, user, alias"]),
    ('{"x": "' + "a" * 40000 + '"}', ["line 3", "longer than any record"]),
    (changed(ALICE, ["client"], "alice"), ["line 3: client", '"alice"']),
    (changed(ALICE, ["client"], 7), ["line 3: client", "7"]),
    (changed(ALICE, ["bindings"], None), ["line 3: bindings: missing"]),
    (changed(ALICE, ["bindings"], {}), ["line 3: bindings", "{}"]),
    (changed(ALICE, ["more"], 1), ["line 3: more: unknown"]),
    (changed(ALICE, ["bindings"], [binding("a")] * 11), ["line 3: bindings"]),
    (changed(ALICE, ["bindings", 0, "url"], "<x>"),
     ["line 3: bindings[0].url", "<x>"]),
    (changed(ALICE, ["bindings", 0, "url"], "sip:a@b\r\nVia: x"),
     ["line 3: bindings[0].url"]),
    (changed(ALICE, ["bindings", 0, "q"], 1001), ["bindings[0].q", "1001"]),
    (changed(ALICE, ["bindings", 0, "q"], None), ["bindings[0].q: missing"]),
    (changed(ALICE, ["bindings", 0, "cseq"], -1), ["bindings[0].cseq"]),
    (changed(ALICE, ["bindings", 0, "serving"], "proxy"),
     ["bindings[0].serving"]),
    (changed(ALICE, ["bindings", 0, "expires"], 1), ["bindings[0].expires"]),
    (changed(ALICE, ["bindings", 0, "expires"], "never"),
     ["bindings[0].expires", "never"]),
    (changed(ALICE, ["bindings", 0, "x"], 1), ["bindings[0].x: unknown"]),
    (changed(USER, ["name"], ""), ["line 3: name"]),
    (changed(USER, ["realm"], "a\nb"), ["line 3: realm"]),
    (changed(USER, ["ha1", "MD5"], "x" * 32), ["line 3: ha1"]),
    (changed(USER, ["ha1", "SHA-256"], None), ["line 3: ha1"]),
    (changed(ALIAS, ["of"], "sales@example.com"), ["line 3: of"]),
    (changed(ALIAS, ["of"], None), ["line 3: of: missing"]),
]


@pytest.mark.parametrize("line, words", BROKEN,
                         ids=[words[0] for _, words in BROKEN])
def test_a_broken_line(directory, tmp_path, line, words):
    """A mistake in a file changes nothing; in a pipe what stood before it is
    in, and that is said."""
    path = tmp_path / "broken.json"
    text = "".join(t + "\n" for t in [json.dumps(HEAD),
                                      json.dumps(client("first"))])
    text += line + "\n" if line else ""
    text += json.dumps(END) + "\n" if line else ""
    path.write_text(text)
    err = directory.refused("clients", "import", path)
    assert str(path) in err
    for word in words:
        assert word in err, err
    assert directory.export() == []
    err = directory.refused("clients", "import", stdin=text)
    for word in words:
        assert word in err, err
    assert "before that came in: 1 clients, 0 users, 0 aliases" in err
    assert len(directory.export()) == 1


@pytest.mark.parametrize("text, words", [
    ("", ["line 1", "cut off"]),
    ("{}\n", ["line 1", "not an export of redirectd"]),
    (json.dumps(ALICE) + "\n", ["line 1", "not an export of redirectd"]),
    (json.dumps({**HEAD, "version": 2}) + "\n", ["line 1", "version"]),
    (dump([]) + json.dumps(ALICE) + "\n", ["line 3", "behind the end"]),
    (dump([ALICE])[:-30], ["line 2", "not a JSON object"]),
], ids=["empty", "no head", "a record alone", "another version",
        "two in one", "cut within a line"])
def test_no_such_file(sqlite, text, words):
    err = sqlite.refused("clients", "import", "-", stdin=text)
    for word in words:
        assert word in err, err
    assert sqlite.export() == []


def test_a_client_called_like_an_alias(directory):
    directory.ok("alias", "add", "alice@example.com", "bob@example.com")
    err = directory.refused("clients", "import",
                            stdin=dump([client("first"), client("alice")]))
    assert "line 3" in err and "alias" in err


def test_an_export_is_for_its_owner_alone(sqlite, tmp_path):
    path = tmp_path / "all.json"
    path.write_text("what was there before")
    path.chmod(0o644)
    sqlite.add("alice@example.com")
    sqlite.ok("clients", "export", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text().splitlines()[-1]) == END
    assert sorted(p.name for p in tmp_path.iterdir()
                  if p.name.startswith("all")) == ["all.json"]


def test_an_export_that_cannot_be_written(sqlite, tmp_path):
    sqlite.add("alice@example.com")
    for path, word in [(tmp_path / "none" / "all.json", "No such file"),
                       (tmp_path, "plain file"),
                       ("/dev/full", "plain file")]:
        err = sqlite.refused("clients", "export", path)
        assert str(path) in err and word in err
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN / "redirectd", *NO_FILE, "clients",
                               "export"], env=sqlite.env, stdout=full, timeout=60,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left" in done.stderr and done.stderr.count("\n") == 1
