"""The torture corpus end to end: each message is sent to a proxyd that runs
and what its file expects comes of it; afterwards proxyd answers as before. With
a build that watches its memory, what it finds fails the last test."""

import itertools

import pytest

from robust import CRIES
from support.daemons import Daemon, proxyd_conf, redirectd_conf, relayd_conf
from support.net import ADDRESS, Net
from support.torture import PROXY, Raw, corpus, headers, response, \
    shared_lines, status, value

CORPUS = corpus()
BOB = "sip:bob@example.com"
REFUSALS = 1000  # a second: all of them
MORE_IN_SECOND = 20
_serial = itertools.count(1)


class World:
    """A proxyd with a directory and a relay, a phone that sends and one that
    is called."""

    def __init__(self, net):
        env = {"ASAN_OPTIONS": "exitcode=67"}
        self.net = net
        self.daemons = [
            Daemon(net, "redirect", "redirectd", redirectd_conf(), env=env),
            Daemon(net, "relay", "relayd", relayd_conf(), env=env),
            Daemon(net, "proxy1", "proxyd", proxyd_conf(refusals=REFUSALS),
                   env=env)]
        _, self.relay, self.proxy = self.daemons
        self.sender = Raw(net, "stranger", 5070, ADDRESS["stranger"])
        self.callee = Raw(net, "third", 5060, ADDRESS["third"])
        self.callee.register(BOB, self.call())

    @staticmethod
    def call():
        return f"torture{next(_serial)}"

    def alive(self):
        """proxyd answers who asks; nothing was on the way before."""
        call = self.call()
        self.sender.request("OPTIONS", f"sip:{PROXY[0]}", call)
        answer = self.sender.wait(lambda raw: True, "answer to OPTIONS")
        assert value(answer, b"Call-ID") == call.encode(), answer
        assert status(answer) == 200

    def final(self, raw):
        """The final response to whatever was sent."""
        cseq = value(raw, b"CSeq")
        return self.sender.wait(
            lambda got: status(got) >= 200
            and (cseq is None or value(got, b"CSeq").split()[0].lstrip(b"0")
                 == cseq.split()[0].lstrip(b"0")), "final response")

    def delivered(self, call_id):
        return self.callee.wait(
            lambda raw: not status(raw) and value(raw, b"Call-ID") == call_id,
            f"request at the callee with Call-ID {call_id}")

    def acknowledge(self, request, answer):
        """So that a refused INVITE is not repeated."""
        if request.startswith(b"INVITE") and headers(answer, b"To"):
            lines = shared_lines(request)
            self.sender.send(
                request.partition(b"\r\n")[0].replace(b"INVITE", b"ACK")
                + b"\r\n" + lines[b"Via"] + lines[b"From"]
                + headers(answer, b"To")[0] + lines[b"Call-ID"]
                + lines[b"CSeq"].replace(b"INVITE", b"ACK")
                + b"Content-Length: 0\r\n\r\n")

    def end(self):
        """Each ends by itself, and has nothing to complain about."""
        for daemon in reversed(self.daemons):
            code = daemon.terminate(20)
            assert code == 0, daemon.log()
            assert not CRIES.search(daemon.log()), daemon.log()


@pytest.fixture(scope="module")
def world(can_net):
    with Net() as net:
        yield World(net)


def forwarded(world, t):
    if t.get("callee"):
        world.callee.register(t.get("callee").decode(), world.call())
    raw = t.message()
    world.sender.send(raw)
    got = world.delivered(value(raw, b"Call-ID"))
    for part in t.all("forwarded"):
        assert part in got
    for part in t.all("absent"):
        assert part not in got
    if t.get("body") == b"kept":
        assert got.partition(b"\r\n\r\n")[2] == raw.partition(b"\r\n\r\n")[2]
    came = [v for h in headers(raw, b"Via") for v in h.split(b"SIP")[1:]]
    went = [v for h in headers(got, b"Via") for v in h.split(b"SIP")[1:]]
    assert len(went) == len(came) + 1
    code = 486 if raw.startswith(b"INVITE") else 200
    world.callee.send(response(got, code))
    answer = world.final(raw)
    assert status(answer) == code
    world.acknowledge(raw, answer)


def answered(world, t, line):
    raw = t.message()
    world.sender.send(raw)
    answer = world.final(raw)
    assert answer.startswith(b"SIP/2.0 " + line.encode()), answer
    for part in t.all("answer"):
        assert part in answer
    for part in t.all("absent"):
        assert part not in answer
    if t.get("fault"):
        assert len(answer) <= len(raw)
    world.acknowledge(raw, answer)


def begin(world):
    """A call up to its INVITE at the callee, there and as it was sent."""
    call = world.call()
    me = f"Contact: <sip:a@{world.sender.ip}:{world.sender.port}>\r\n"
    world.sender.request("INVITE", BOB, call, me)
    return call, world.delivered(call.encode())


def passed_on(world, t, code):
    call, request = begin(world)
    raw = t.message(shared_lines(request, b"torture"))
    world.callee.send(raw)
    answer = world.final(raw)
    assert status(answer) == code
    assert value(answer, b"Call-ID") == call.encode()
    for line in t.all("returned"):
        assert answer.startswith(line + b"\r\n")
    if code >= 300:
        world.acknowledge(b"INVITE", answer)


def dropped(world, t, counter):
    before = world.proxy.metric(counter)
    if t.message({n: b"" for n in shared_lines(b"")}).startswith(b"SIP/") \
            and b"@Via" in t.text:
        call, request = begin(world)
        world.callee.send(t.message(shared_lines(request, b"torture")))
        world.proxy.wait_metric(counter, lambda n: n > before)
        world.callee.send(response(request, 486))
        assert status(world.sender.final(call)) == 486
    else:
        world.sender.send(t.message())
        world.proxy.wait_metric(counter, lambda n: n > before)


@pytest.mark.parametrize("t", CORPUS, ids=lambda t: t.name)
def test_message(world, t):
    verb, _, rest = t.expect.partition(" ")
    world.sender.socket.close()
    world.sender = Raw(world.net, "stranger", 0, ADDRESS["stranger"])
    world.sender.port = world.sender.socket.getsockname()[1]
    if t.expect == "forwarded":
        forwarded(world, t)
    elif verb == "answered":
        answered(world, t, rest)
    elif verb == "passed":
        passed_on(world, t, int(rest.split()[-1]))
    elif verb == "dropped":
        dropped(world, t, rest)
    else:
        pytest.fail(f"what to expect? {t.expect}")
    world.alive()


def test_as_many_are_answered_as_are_configured(world):
    """Beyond `refusals` a second the malformed are counted and dropped."""
    world.proxy.configure({**world.proxy.conf, "refusals": 0})
    world.proxy.reload()
    world.proxy.wait_log("reloaded")
    bad = next(t for t in CORPUS if t.name.startswith("38-")).message()
    before = world.proxy.metric("refusal_limited")
    for _ in range(MORE_IN_SECOND):
        world.sender.send(bad)
    world.proxy.wait_metric("refusal_limited",
                            lambda n: n == before + MORE_IN_SECOND)
    world.alive()


def test_the_trace_tells_why(world):
    """An operator who looks for a call finds what came, what was wrong with
    it, and what it was answered."""
    bad = next(t for t in CORPUS if t.name.startswith("38-")).message()
    seen = world.proxy.trace(value(bad, b"Call-ID").decode())
    assert [e["dir"] for e in seen[:3]] == ["in", "note", "out"]
    assert seen[0]["text"].encode() == bad
    assert seen[1]["text"] == "malformed request: CSeq Method Is Not The Method"
    assert seen[2]["text"].startswith("SIP/2.0 400 CSeq Method")


def test_relay_resources_are_given_back(world):
    """Of the calls that were refused, after all those messages."""
    world.relay.wait_metric("sessions", lambda n: n == 0)
    assert world.proxy.metric("sessions") == 0


def test_every_malformed_message_has_its_reason(world):
    """The total is the sum of the faults, and of what became of them."""
    metrics = world.proxy.metrics()

    def added(prefix):
        return sum(v for k, v in metrics.items()
                   if k.startswith(f"proxyd_{prefix}_"))

    total = metrics.pop("proxyd_malformed_total")
    assert total > 20
    assert added("malformed") == total
    assert added("refusal") == total


def test_nothing_leaked_and_nothing_cried(world):
    """The daemons end by themselves, with status 0."""
    world.end()
