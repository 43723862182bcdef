"""What operators are told by the commands of the daemons while calls are up:
what the admin API says, and what the phones know to be true."""

import os
import pty
import re
import select
import subprocess
import termios

import pytest

from asking import Relay
from calls import Talk, deployed, establish, hear_each_other, is_relay, \
    offer_of, seen_from, site  # noqa: F401
from operating import answer, refused, rows, run, said
from support.daemons import BIN
from support.net import NAT1, NAT2, PROXY1, PROXY2, RELAY
from support.sipmsg import host_port

TIMER = [("Supported", "timer"), ("Session-Expires", "1800")]
AGE = re.compile(r"\d+ (s|min|h|d)$")


@pytest.fixture
def talk(site):
    """Two behind NATs who hear each other."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    talk.alice, talk.bob, talk.out, talk.back = alice, bob, out, back
    hear_each_other(out, talk.near[0], back, talk.far[0])
    yield talk
    talk.hang_up()


def ringing(site, caller="stranger", callee="third"):
    """A call that nobody answers; returns both sides."""
    carol, dave = site.phone(caller, "carol"), site.phone(callee, "dave")
    call = carol.invite(dave.aor, offer_of(carol))
    leg = dave.incoming()
    leg.ring()
    call.wait_status(180)
    return call, leg


def give_up(call):
    call.cancel()
    assert call.wait_final().status == 487


def of_call(entries, call_id, key="call_id"):
    one, = [e for e in entries if e[key] == call_id]
    return one


# proxyd

def test_a_relayed_call(site, talk):
    shown = of_call(answer(site.proxy1, "calls"), talk.call_id)
    age = shown.pop("age_ms")
    assert 0 <= age <= 60000
    assert shown == {
        "call_id": talk.call_id, "session": talk.call_id,
        "from": talk.alice.aor, "to": talk.bob.aor, "state": "up",
        "relay": f"{RELAY}:5060", "caller_natted": True,
        "callee_natted": False, "expires_ms": None}
    row = of_call(rows(site.proxy1, "calls"), talk.call_id, "CALL ID")
    assert AGE.match(row.pop("AGE"))
    assert row == {
        "CALL ID": talk.call_id, "FROM": talk.alice.aor, "TO": talk.bob.aor,
        "STATE": "up", "RELAY": f"{RELAY}:5060", "NAT": "caller"}


def test_calls_that_begin_and_the_newest_first(site, talk):
    call, _ = ringing(site)
    for proxy, seen in ((site.proxy1, [call.call_id, talk.call_id]),
                        (site.proxy2, [call.call_id])):
        shown = answer(proxy, "calls")
        assert [c["call_id"] for c in shown] == seen
        assert shown[0]["state"] == "ringing"
        assert shown[0]["relay"] is None
        assert not shown[0]["caller_natted"]
        assert [r["CALL ID"] for r in rows(proxy, "calls")] == seen
    give_up(call)
    assert [c["call_id"] for c in answer(site.proxy1, "calls")] \
        == [talk.call_id]


def test_a_relay_taken_before_the_answer(site):
    call, _ = ringing(site, "first", "third")
    shown = of_call(answer(site.proxy1, "calls"), call.call_id)
    assert (shown["state"], shown["relay"]) == ("ringing", f"{RELAY}:5060")
    assert shown["caller_natted"]
    give_up(call)


def test_a_call_without_relay_that_is_followed(site):
    """Two public phones with a session timer."""
    carol, dave = site.phone("stranger", "carol"), site.phone("third", "dave")
    call = carol.invite(dave.aor, offer_of(carol), headers=TIMER)
    leg = dave.incoming()
    leg.respond(200, sdp=offer_of(dave), headers=[
        TIMER[0], ("Session-Expires", "1800;refresher=uac")])
    talk = Talk(call, leg, call.wait_status(200))
    call.ack()
    leg.wait_ack()
    for proxy in (site.proxy1, site.proxy2):
        shown = of_call(answer(proxy, "calls"), talk.call_id)
        assert shown["state"] == "up" and shown["relay"] is None
        assert 0 < shown["expires_ms"] <= 1900 * 1000
        assert of_call(rows(proxy, "calls"), talk.call_id,
                       "CALL ID")["RELAY"] == "-"
    assert not is_relay(talk.near[0])
    talk.hang_up()


def test_clients_behind_nats(site, talk):
    for proxy, phone, nat in ((site.proxy1, talk.alice, NAT1),
                              (site.proxy2, talk.bob, NAT2)):
        name = phone.aor.split(":")[1]
        one, = answer(proxy, "clients", name)
        assert one == of_call(proxy.api("clients"), name, "id") | {
            "expires_in_ms": one["expires_in_ms"],
            "heard_ago_ms": one["heard_ago_ms"]}
        assert host_port(one["channel"])[0] == nat
        row, = rows(proxy, "clients", name)
        assert row["ID"] == name and row["CHANNEL"] == one["channel"]
        assert AGE.match(row["HEARD"]) and AGE.match(row["EXPIRES"])
    assert "no such client" in refused(site.proxy1, "clients",
                                       talk.bob.aor.split(":")[1])


def test_relays_of_a_proxy(site):
    assert answer(site.proxy1, "relays") == site.proxy1.api("relays")
    row, = rows(site.proxy1, "relays")
    assert row["RELAY"] == f"{RELAY}:5060" and row["STATE"] == "configured"


# trace, of all three

def test_the_ladder_of_a_call(site, talk):
    for daemon in site.pinhole.all.values():
        entries = daemon.trace(talk.call_id)
        assert answer(daemon, "trace", talk.call_id) == entries
        head, *lines = said(daemon, "trace", talk.call_id).splitlines()
        assert head.endswith(f", at {entries[0]['local']}")
        assert len(lines) == len(entries)
        for line, entry in zip(lines, entries):
            time, arrow, rest = re.match(
                r"(\d\d:\d\d:\d\d\.\d{3})  (<-|->|\.\.)  (.*)", line).groups()
            assert time.endswith(f".{entry['time_us'] // 1000 % 1000:03d}")
            assert arrow == {"in": "<-", "out": "->",
                             "note": ".."}[entry["dir"]]
            text = entry["text"].split("\r\n")[0]
            assert rest.split(None, 0 if arrow == ".." else 1)[-1] == text
            assert arrow == ".." or rest.startswith(entry["peer"])


def test_the_evidence_of_a_verdict(site, talk):
    seen = seen_from(site.proxy1, talk.call_id, talk.alice)
    text = said(site.proxy1, "trace", talk.call_id)
    assert f"<-  {seen[0]}:{seen[1]}" in text
    assert f"..  behind a NAT: via {talk.alice.ip} != source {NAT1}" in text


def test_whole_messages(site, talk):
    text = said(site.proxy1, "trace", talk.call_id, "--full")
    for line in (f"    Call-ID: {talk.call_id}",
                 f"    c=IN IP4 {talk.alice.ip}", f"    c=IN IP4 {RELAY}"):
        assert line in text.splitlines()
    assert "Call-ID" not in said(site.proxy1, "trace", talk.call_id)


def test_the_beginning_of_a_call_id(site, talk):
    for daemon in (site.proxy1, site.relay, site.redirect):
        whole = said(daemon, "trace", talk.call_id)
        assert said(daemon, "trace", talk.call_id[:-1]) == whole
        assert said(daemon, "trace", talk.call_id[:-2] + "~") == whole
        assert "no such call" in refused(daemon, "trace", "not-a-call")
        assert "missing CALL-ID" in refused(daemon, "trace")


# relayd

def test_sessions_of_a_relay(site, talk):
    shown, = answer(site.relay, "sessions")
    listed, = site.relay.api("sessions")["sessions"]
    for name in ("call_id", "answered", "streams", "packets_first",
                 "packets_second"):
        assert shown[name] == listed[name]
    assert shown["call_id"] == talk.call_id
    row, = rows(site.relay, "sessions")
    assert AGE.match(row.pop("AGE"))
    assert row == {"CALL ID": talk.call_id, "STATE": "answered",
                   "LINES": "1", "FIRST": str(listed["packets_first"]),
                   "SECOND": str(listed["packets_second"])}


def test_one_session_in_detail(site, talk):
    session = site.relay.api("sessions", call=talk.call_id)
    shown = answer(site.relay, "sessions", talk.call_id)
    assert shown["streams"] == session["streams"]
    text = said(site.relay, "sessions", talk.call_id)
    head, channels, heard = text.strip().split("\n\n")
    assert f"call-id   {talk.call_id}" in head
    assert f"signals from {session['observed_first']}, served at {RELAY}" \
        in head
    stream, = session["streams"]
    for line, side, rtp in zip(channels.splitlines()[1:], ("first", "second"),
                               (talk.out, talk.back)):
        flow = stream["rtp"][side]
        assert line.split() == [
            "audio", side, str(talk.near[0][1]), flow["signalled"],
            flow["learned"], str(flow["packets"]), str(flow["dropped"]),
            "yes" if flow["fast"] else "-"]
        assert host_port(flow["signalled"])[1] == rtp.port
    for line, side in zip(heard.splitlines()[1:], ("first", "second")):
        quality = stream["quality"][side]
        assert line.split()[:5] == ["audio", side, "PCMU",
                                    str(quality["expected"]),
                                    str(quality["lost"])]
    assert "no such session" in refused(site.relay, "sessions", "not-a-call")


SESSIONS = 1205


def test_more_sessions_than_an_answer_has(net):
    """All of them are shown, each once."""
    relay = Relay(net, media={"address": RELAY, "ports": [30000, 39999]},
                  workers=3)
    names = {f"call{i}" for i in range(SESSIONS)}
    for name in names:
        assert relay.offer(name).status == 302
    assert len(relay.daemon.api("sessions")["sessions"]) == 1000
    for limit, offset in ((1000, 1000), (10, 1200), (10, 1205)):
        page = relay.daemon.api("sessions", limit=limit, offset=offset)
        assert page["total"] == SESSIONS
        assert len(page["sessions"]) == min(limit, SESSIONS - offset)
    shown = answer(relay.daemon, "sessions")
    assert len(shown) == SESSIONS
    assert {s["call_id"] for s in shown} == names
    assert {r["CALL ID"] for r in rows(relay.daemon, "sessions")} == names
    for name in names:
        assert relay.release(name).status == 200


# redirectd

def test_clients_of_the_directory(site, talk):
    carol = site.phone("stranger", "carol")
    name = carol.aor.split(":")[1]
    assert answer(site.redirect, "clients") == sorted(
        site.redirect.api("clients")["clients"], key=lambda c: c["id"])
    assert answer(site.redirect, "clients", name) \
        == site.redirect.api("clients", id=name)
    listed = {r["ID"]: r for r in rows(site.redirect, "clients")}
    for phone, proxy, at in ((talk.alice, PROXY1, NAT1),
                             (talk.bob, PROXY2, NAT2),
                             (carol, PROXY1, carol.ip)):
        row = listed[phone.aor.split(":")[1]]
        assert row["PROXY"] == f"{proxy}:5060"
        assert f"@{at}:" in row["CONTACT"]
    row, = rows(site.redirect, "clients", name)
    assert row == listed[name] | {"EXPIRES": row["EXPIRES"]}
    assert "no such client id" in refused(site.redirect, "clients",
                                          "nobody@example.com")
    assert "expected a client id" in refused(site.redirect, "clients", "bob")


def test_no_pool_is_an_empty_table(site):
    assert answer(site.redirect, "relays") == []
    assert said(site.redirect, "relays").split() == [
        "RELAY", "CLUSTER", "Q", "EXPIRES"]


# on a terminal

def on_terminal(daemon, width, *args):
    """What a command prints on one that is `width` wide."""
    outside, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, width))
    proc = subprocess.Popen(
        daemon.net.command(daemon.host, [BIN / daemon.program, "-c",
                                         daemon.conf_path, *args]),
        stdin=subprocess.DEVNULL, stdout=inside, stderr=inside)
    os.close(inside)
    text = b""
    try:
        while select.select([outside], [], [], 20)[0]:
            text += os.read(outside, 65536)
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(outside)
        assert proc.wait(20) == 0
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit_the_terminal(site, talk, width):
    """What is cut says so, and is still good for the next command."""
    for daemon, args in ((site.proxy1, ["calls"]), (site.proxy1, ["clients"]),
                         (site.relay, ["sessions"]),
                         (site.relay, ["sessions", talk.call_id]),
                         (site.redirect, ["clients"]),
                         (site.proxy1, ["trace", talk.call_id])):
        shown = on_terminal(daemon, width, *args)
        whole = said(daemon, *args)
        table_of = shown.split("\n\n")[-1]  # not the head of a session
        assert max(map(len, table_of.splitlines())) <= width
        assert len(shown.splitlines()) == len(whole.splitlines())
        assert ("~" in shown) == (
            max(map(len, whole.split("\n\n")[-1].splitlines())) > width
            or "~" in whole or len(shown) < len(whole))
    listed = on_terminal(site.proxy1, 60, "calls").splitlines()[1].split()[0]
    assert listed.endswith("~")
    assert said(site.proxy1, "trace", listed) \
        == said(site.proxy1, "trace", talk.call_id)


# nobody there

@pytest.mark.parametrize("args", [
    ["calls"], ["clients"], ["relays"], ["trace", "x"], ["ready"]])
def test_without_a_daemon(site, args):
    env = {**os.environ, "PROXYD_HTTP": "127.0.0.1:1"}
    status, out, err = run(site.proxy1, *args, env=env)
    assert (status, out) == (1, "") and len(err.splitlines()) == 1
    assert "127.0.0.1:1: nobody answers" in err
