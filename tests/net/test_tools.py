"""The test tools themselves: scripted user agents and media endpoints talking
to each other directly, without any daemon."""

import os

import pytest

from registrar import Registrar
from support import daemons
from support.daemons import Daemon, parse_metrics
from support.digest import answer, challenges, response
from support.net import PROXY1, STRANGER, THIRD, ADDRESS
from support.phones import netstring, read_netstring
from support.rtp import Rtp, build
from support.sip import UA
from support.sipmsg import Message, host_port, param, sdp, split_list, \
    uri_of

BOB = f"sip:bob@{STRANGER}"


@pytest.fixture
def pair(net):
    return UA(net, "third", "alice"), UA(net, "stranger", "bob")


def established(alice, bob):
    call = alice.invite(BOB, sdp(THIRD))
    leg = bob.incoming()
    leg.answer(sdp(STRANGER, ("audio", 5000)))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    return call, leg


def test_a_call_from_invite_to_bye(pair):
    alice, bob = pair
    call = alice.invite(BOB, sdp(THIRD))
    leg = bob.incoming()
    assert leg.invite.media == [("audio", THIRD, 4000)]
    leg.ring()
    call.wait_status(180)
    leg.answer(sdp(STRANGER, ("audio", 5000), ("video", 5002)))
    ok = call.wait_status(200)
    assert ok.media == [("audio", STRANGER, 5000), ("video", STRANGER, 5002)]
    ack = call.ack()
    assert leg.wait_ack().raw == ack.raw
    assert leg.acks[0].to_tag == leg.local_tag
    assert call.bye().status == 200
    assert leg.wait_request("BYE").cseq == 2


def test_the_callee_hangs_up(pair):
    call, leg = established(*pair)
    assert leg.bye().status == 200
    bye = call.wait_request("BYE")
    assert (bye.from_tag, bye.to_tag) == (leg.local_tag, call.local_tag)


def test_busy_is_acked(pair):
    alice, bob = pair
    call = alice.invite(BOB, sdp(THIRD))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486
    bob.wait_message(lambda m: m.method == "ACK")
    with pytest.raises(AssertionError, match="486"):
        call.wait_status(200)


def test_cancel(pair):
    alice, bob = pair
    call = alice.invite(BOB, sdp(THIRD))
    leg = bob.incoming()
    leg.ring()
    call.wait_status(180)
    assert alice.final(call.cancel()).status == 200
    assert call.wait_final().status == 487
    leg.wait_request("CANCEL")


def test_reinvite_from_both_sides(pair):
    call, leg = established(*pair)
    for one, other, ip in ((call, leg, THIRD), (leg, call, STRANGER)) * 2:
        one.reinvite(sdp(ip, ("audio", 6000)))
        asked = other.wait_reinvite()
        assert asked.media == [("audio", ip, 6000)]
        assert asked.to_tag == other.local_tag
        other.answer(sdp(ip))
        one.wait_status(200)
        one.ack()
        other.wait_ack()
    assert call.bye().status == 200


def test_record_route_is_followed_by_both(net, pair):
    alice, bob = pair
    middle = UA(net, "proxy1", "middle")
    route = f"<sip:{PROXY1}:5060;lr>"
    call = alice.invite(BOB, sdp(THIRD), headers=[("Record-Route", route)])
    leg = bob.incoming()
    leg.answer(sdp(STRANGER))
    call.wait_status(200)
    call.ack()
    ack = middle.wait_message(lambda m: m.method == "ACK")
    assert ack.all("Route") == [route] and ack.uri == bob.contact_uri
    leg.request("BYE")
    bye = middle.wait_message(lambda m: m.method == "BYE")
    assert bye.all("Route") == [route] and bye.uri == alice.contact_uri


def test_lost_messages_are_repeated(net):
    """Neither a lost request nor a lost 200 stops a call, and repetitions
    are not taken for new messages."""
    lose = {"INVITE": 1, "SIP/2.0 200": 1}

    class Lossy(UA):
        def _transmit(self, raw, to):
            for start in lose:
                if raw.startswith(start.encode()) and lose[start]:
                    lose[start] -= 1
                    return
            super()._transmit(raw, to)

    alice, bob = Lossy(net, "third", "alice"), Lossy(net, "stranger", "bob")
    call, leg = established(alice, bob)
    assert lose == {"INVITE": 0, "SIP/2.0 200": 0}
    assert len(bob.messages(lambda m: m.method == "INVITE")) == 1
    alice.send_raw(call.invite.raw, (STRANGER, 5060))
    bob.wait_for(lambda: len(bob.messages(lambda m: m.method == "INVITE",
                                          duplicates=True)) >= 2)
    assert len(bob.messages(lambda m: m.method == "INVITE")) == 1
    assert not bob._new_calls
    call.bye()


def test_register_with_digest_and_unregister(net):
    registrar = Registrar(net)
    alice = UA(net, "first", "alice", proxy=PROXY1, password="secret")
    assert alice.register().status == 200
    assert alice.unregister().status == 200
    first, second, third = registrar.seen
    assert first.get("Contact") == "<sip:alice@10.0.0.16:5060>"
    assert first.source[0] == ADDRESS["nat1"]
    assert 'response="' in second.get("Authorization")
    assert second.call_id == first.call_id and second.cseq == first.cseq + 1
    assert third.get("Expires") == "0" and third.cseq > second.cseq


def test_options_and_keepalives(pair):
    alice, bob = pair
    assert alice.transact("OPTIONS", BOB).status == 200
    alice.send_raw(b"\r\n\r\n", (STRANGER, 5060))
    assert bob.wait_keepalive()
    assert bob.messages()[0].method == "OPTIONS"


def test_rtp_knows_every_packet(net):
    one = Rtp(net, "third", 4000, ssrc=0x11111111)
    two = Rtp(net, "stranger", 5000, ssrc=0x22222222, send_port=6000)
    one.start((STRANGER, 5000))
    two.start((THIRD, 4000))
    got = one.wait_packets(10, ssrc=0x22222222)
    assert {p.source for p in got} == {(STRANGER, 6000)}
    seqs = [p.seq for p in two.wait_packets(10, ssrc=0x11111111)]
    assert seqs == list(range(len(seqs)))
    assert two.received_on_send == []
    one.stop()
    two.stop()
    assert one.sent >= 10 and one.seq == one.sent
    one.send((STRANGER, 6000), seq=7, pt=8, marker=True, payload=b"odd")
    two.wait_for(lambda: two.received_on_send, what="the odd packet")
    odd = two.received_on_send[0]
    assert (odd.seq, odd.pt, odd.payload) == (7, 8, b"odd")
    assert two.sources() == {(THIRD, 4000)}


def test_rtp_layout():
    raw = build(0x01020304, 0x10005, timestamp=0x0A, pt=96, marker=True,
                payload=b"p")
    assert raw == bytes.fromhex("80e00005" "0000000a" "01020304") + b"p"


SPEECH_OF_A_PHONE = (b"INVITE sip:bob@example.com SIP/2.0\r\n"
                     b"v: SIP/2.0/UDP 10.0.0.16;branch=z9hG4bK1 , "
                     b"SIP/2.0/UDP 10.0.0.17:5070;branch=z9hG4bK2;rport\r\n"
                     b"f: \"A, B\" <sip:a@x;tag=no>;tag=yes\r\nt: <sip:b@y>"
                     b"\r\nSubject: folded\r\n over two\r\n"
                     b"m: <sip:a@10.0.0.16:5062;transport=udp>;q=0.5\r\n"
                     b"i: id\r\nCSeq: 7 INVITE\r\n\r\nbody")


def test_messages_are_read_as_written():
    m = Message(SPEECH_OF_A_PHONE, ("192.0.2.1", 5060))
    assert m.raw == SPEECH_OF_A_PHONE and m.body == b"body"
    assert [param(v, "branch") for v in m.all("Via")] == \
        ["z9hG4bK1", "z9hG4bK2"]
    assert param(m.all("Via")[1], "rport") == ""
    assert (m.method, m.cseq, m.from_tag, m.to_tag) == \
        ("INVITE", 7, "yes", None)
    assert m.contact == "sip:a@10.0.0.16:5062;transport=udp"
    assert host_port(m.contact) == ("10.0.0.16", 5062)
    assert m.get("Subject") == "folded over two"
    assert split_list('<sip:a,b@c>, "x, y" <sip:d>') == \
        ["<sip:a,b@c>", '"x, y" <sip:d>']
    assert uri_of("sip:a@b;tag=1") == "sip:a@b"
    with pytest.raises(ValueError):
        Message(b"hello world\r\n\r\n")


CIRCLE = ("Mufasa", "http-auth@example.org", "Circle of Life", "GET",
          "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
          "auth", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")


@pytest.mark.parametrize("algorithm, parts, proof", [
    ("MD5", CIRCLE, "8ca523f5e9506fed4657c9700eebdbec"),
    ("SHA-256", CIRCLE, "753927fa0e85d155564e2e272a28d1802"
                        "ca10daf4496794697cf8db5856cb6c1"),
    ("SHA-512-256", ("J\u00e4s\u00f8n Doe", "api@example.org",
                     "Secret, or not?", "GET", "/doe.json",
                     "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "auth",
                     "00000001",
                     "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"),
     "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"),
    ("MD5", ("Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
             "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093"),
     "670fd8c2df070c60b045671b8b24ff02")])
def test_digests_of_the_rfcs(algorithm, parts, proof):
    """RFC 7616 3.9.1; 3.9.2 by its erratum 4897; RFC 2617 without qop."""
    assert response(algorithm, *parts) == proof


def test_challenges_of_two_algorithms():
    """RFC 8760 2.4: the first that is known, of either header."""
    refused = Message(
        b'SIP/2.0 407 Proxy Authentication Required\r\n'
        b'Proxy-Authenticate: Digest realm="r", nonce="n", '
        b'algorithm=SHA-256, qop="auth-int, auth", opaque="5ccc"\r\n'
        b'Proxy-Authenticate: Digest realm="r", nonce="n"\r\n\r\n')
    better, plain = challenges(refused)
    assert (better["algorithm"], better["qop"]) == ("SHA-256",
                                                    "auth-int, auth")
    assert challenges(refused, ["MD5"]) == [plain]
    name, said = answer(better, "GET", "/", "a", "b", 16)
    assert name == "Proxy-Authorization" and 'opaque="5ccc"' in said
    assert "nc=00000010" in said and "qop=auth," in said
    assert "qop" not in answer(plain, "GET", "/", "a", "b")[1]


def test_netstrings():
    data = netstring(b"{}") + netstring(b"abc")[:-1]
    item, rest = read_netstring(data)
    assert item == b"{}" and read_netstring(rest) == (None, rest)
    assert read_netstring(rest + b",") == (b"abc", b"")
    assert read_netstring(b"12") == (None, b"12")


STAND_IN = """#!/usr/bin/python3
import http.server, json, signal, sys, time
conf = json.load(open(sys.argv[2]))
polls = [0]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        polls[0] += 1
        ready = self.path != "/readyz" or polls[0] > 2
        text = {"/metrics": "# HELP x\\nstandin_sessions 3\\n"
                            'standin_calls_total{side="a"} 1.5\\n',
                "/api/trace?call=a%40b": '[{"dir": "in"}]'}.get(self.path, "")
        self.send_response(404 if self.path.endswith("none")
                           else 200 if ready else 503)
        self.end_headers()
        self.wfile.write(text.encode())
host, port = conf["http"].split(":")
print("listening", conf["word"], file=sys.stderr, flush=True)
http.server.HTTPServer((host, int(port)), H).serve_forever()
"""


def test_daemons(net, tmp_path, monkeypatch):
    """Started, asked and ended: of a stand-in with a daemon's pages."""
    (tmp_path / "standin").write_text(STAND_IN)
    (tmp_path / "standin").chmod(0o755)
    monkeypatch.setattr(daemons, "BIN", tmp_path)
    d = Daemon(net, "relay", "standin", {"word": "one"})
    assert d.get("/readyz")[0] == 200
    assert d.metric("sessions") == 3
    assert d.metrics()['standin_calls_total{side="a"}'] == 1.5
    with pytest.raises(KeyError):
        d.metric("no_such_thing")
    assert d.trace("a@b") == [{"dir": "in"}] and d.trace("none") == []
    d.wait_log("listening one")
    first = d.pid
    d.restart({"word": "two"}, kill=True)
    assert d.pid != first
    d.wait_log("listening two")
    d.terminate()
    assert not os.path.exists(f"/proc/{d.pid}")
    d.configure({"http": "nowhere"})
    with pytest.raises(RuntimeError, match="standin on relay ended with 1"):
        d.start()


def test_metrics_text():
    assert parse_metrics("# TYPE a counter\na_total 5\nb{c=\"d e\"} 0.5\n") \
        == {"a_total": 5.0, 'b{c="d e"}': 0.5}
