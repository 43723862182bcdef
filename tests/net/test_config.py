"""What is wrong in a configuration is said in one line that names file, line
and key; the environment overrides the file. Needs no network, but for the
last."""

import json
import os
import subprocess

import pytest

from robust import deploy  # noqa: F401
from support.daemons import BIN, NO_FILE, Daemon, proxyd_conf

DAEMONS = ("proxyd", "redirectd", "relayd")
ADDRESS = {"proxyd": ["udp:127.0.0.1:5060"], "redirectd": "udp:127.0.0.1:5062",
           "relayd": ["udp:127.0.0.1:5064"]}


def check(daemon, *args, **env):
    """-t: (exit status, stdout, stderr)."""
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(tuple(d.upper() + "_" for d in DAEMONS))}
    done = subprocess.run([BIN / daemon, "-t", *(args or NO_FILE)], text=True,
                          timeout=10, capture_output=True,
                          env={**clean, **env})
    return done.returncode, done.stdout, done.stderr


def complaint(tmp_path, daemon, text, **env):
    """The one line with which a file is refused."""
    path = tmp_path / f"{daemon}.json"
    path.write_text(text)
    status, out, err = check(daemon, "-c", path, **env)
    assert status == 1
    assert out == ""
    assert err.count("\n") == 1 and err.endswith("\n"), err
    return err


@pytest.mark.parametrize("daemon", DAEMONS)
def test_no_file_is_fine(daemon):
    assert check(daemon)[0] == 0


@pytest.mark.parametrize("daemon", DAEMONS)
def test_good_file(tmp_path, daemon):
    path = tmp_path / "good.json"
    path.write_text(json.dumps({"listen": ADDRESS[daemon],
                                "http": "127.0.0.1:0"}))
    assert check(daemon, "-c", path)[0] == 0


def test_a_policy_that_there_is_not(tmp_path):
    err = complaint(tmp_path, "relayd", '{"media": {"learn": "careless"}}')
    assert "media.learn" in err and "strict, signalled or open" in err


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("text, line, words", [
    ('{\n "http": "127.0.0.1:1",\n "htpp": 1\n}', 3, ["htpp", "http"]),
    ('{\n\n\n "http": 12\n}', 4, ["http", "string"]),
    ('{\n "http": "nowhere"\n}', 2, ["http", "nowhere"]),
    ('{\n "http": "127.0.0.1:99999"\n}', 2, ["http", "99999"]),
    ('{\n "trusted": [\n  "203.0.113.0/24",\n  "203.0.113.0/33"\n ]\n}', 4,
     ["trusted", "203.0.113.0/33"]),
    ('{\n "trusted": {}\n}', 2, ["trusted"]),
    ('{\n "http": "127.0.0.1:1",\n "http": "127.0.0.1:2"\n}', None, ["http"]),
    ('{\n "http": "127.0.0.1:1"\n "log": "info"\n}', 3, []),
    ('{\n "http": "127.0.0.1:1",', 2, []),
    ('[]', None, []),
    ('', None, []),
    ('{"http": "\x00"}', 1, []),
], ids=["unknown key", "wrong type", "not an address", "no such port",
        "bad item of a list", "no list", "twice", "no comma", "cut off",
        "not an object", "empty", "control character"])
def test_broken_file(tmp_path, daemon, text, line, words):
    err = complaint(tmp_path, daemon, text)
    assert f"{daemon}.json" in err
    if line is not None:
        assert f"{daemon}.json:{line}:" in err
    for word in words:
        assert word in err, err


@pytest.mark.parametrize("daemon, text, line, words", [
    ("proxyd", '{\n "listen": []\n}', None, ["listen"]),
    ("proxyd", '{\n "listen": ["tcp:x"]\n}', 2, ["listen", "tcp:x"]),
    ("proxyd", '{\n "secret": "short"\n}', 2, ["secret", "16"]),
    ("proxyd", '{\n "sessions": {\n  "max": 0\n }\n}', 3, ["sessions.max"]),
    ("proxyd", '{\n "websocket": {\n  "origins": ["phone.example.com"]\n'
     ' }\n}', 3, ["websocket.origins", "https://"]),
    ("proxyd", '{\n "sessions": {\n  "mx": 1\n }\n}', 3, ["sessions.m"]),
    ("redirectd", '{\n "store": "floppy"\n}', 2, ["store", "floppy"]),
    ("redirectd", '{\n "expires": {"min": 100, "max": 10}\n}', None,
     ["expires"]),
    ("relayd", '{\n "media": {\n  "ports": [40000, 30000]\n }\n}', 3,
     ["media.ports"]),
    ("relayd", '{\n "media": {\n  "ports": [80, 90]\n }\n}', 3,
     ["media.ports"]),
    ("relayd", '{\n "media": {\n  "ports": [30001, 30001]\n }\n}', None,
     ["media.ports"]),
    ("relayd", '{\n "media": {\n  "address": "here"\n }\n}', 3,
     ["media.address", "here"]),
    ("relayd", '{\n "log": "loud"\n}', 2, ["log", "loud"]),
])
def test_broken_key(tmp_path, daemon, text, line, words):
    err = complaint(tmp_path, daemon, text)
    if line is not None:
        assert f"{daemon}.json:{line}:" in err
    for word in words:
        assert word in err, err


def test_file_that_is_not_there(tmp_path):
    status, _, err = check("proxyd", "-c", tmp_path / "none.json")
    assert status == 1
    assert "none.json" in err and "No such file" in err
    assert err.count("\n") == 1


def test_environment_is_checked_too(tmp_path):
    status, _, err = check("proxyd", PROXYD_HTTP="nowhere")
    assert status == 1
    assert "PROXYD_HTTP" in err and err.count("\n") == 1
    status, _, err = check("relayd", RELAYD_MEDIA_PORTS="40000-30000")
    assert status == 1
    assert "RELAYD_MEDIA_PORTS" in err


def test_environment_over_a_bad_value_in_the_file(tmp_path):
    """The file's own errors stay errors: they would bite without it."""
    err = complaint(tmp_path, "relayd", '{"http": "nowhere"}',
                    RELAYD_HTTP="127.0.0.1:1")
    assert "relayd.json:1:" in err


@pytest.mark.parametrize("option", ["-x", "--nonsense", "extra"])
def test_bad_option(option):
    status, _, err = check("proxyd", option)
    assert status == 1
    assert err.count("\n") == 1


def test_port_in_use_is_one_clear_line(deploy, net):
    site = deploy()
    second = Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1"),
                    http=("127.0.0.1", 8061), start=False)
    second.start(ready=False)
    assert second.proc.wait(10) == 1
    assert "203.0.113.1:5060" in second.log()
    assert "in use" in second.log()
    assert site.proxy1.get("/healthz")[0] == 200


def test_environment_overrides_the_file(net):
    daemon = Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1"),
                    env={"PROXYD_HTTP": "127.0.0.1:8070"}, start=False)
    daemon.http = ("127.0.0.1", 8070)
    assert json.loads(daemon.conf_path.read_text())["http"] != "127.0.0.1:8070"
    daemon.start()
    assert daemon.get("/readyz")[0] == 200


def test_reload_with_a_broken_file_changes_nothing(net):
    daemon = Daemon(net, "proxy1", "proxyd", proxyd_conf("proxy1"))
    daemon.conf_path.write_text('{"listen": 12}')
    daemon.reload()
    daemon.wait_log("configuration not reloaded")
    assert "listen" in daemon.log()
    assert daemon.get("/readyz")[0] == 200
    assert daemon.terminate() == 0
