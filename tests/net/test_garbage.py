"""Whatever comes to whatever port: every daemon stays up, says nothing worse
than a warning, and the next call is a call."""

import random

import pytest

from calls import offer_of
from robust import deploy, hang_up, talking  # noqa: F401
from support.net import ADDRESS, PROXY1, PROXY2, REDIRECT, RELAY, \
    wait_until
from support.sipmsg import Message, sdp, token

SIP = [("proxy1", (PROXY1, 5060)), ("proxy2", (PROXY2, 5060)),
       ("redirect", (REDIRECT, 5060)), ("relay", (RELAY, 5060))]
CUTS = 40      # at how many lengths a message is cut off
BURST = 50     # datagrams between two questions whether it still lives
BIGGEST = 65507


def request(method="OPTIONS", uri="sip:bob@example.com", extra="", body=b"",
            **replaced):
    """A request a phone could send; every header can be replaced or, with
    None, left out."""
    heads = {"Via": f"SIP/2.0/UDP 192.0.2.1;branch={token('z9hG4bK')}",
             "Max-Forwards": "70",
             "From": f"<sip:eve@example.com>;tag={token()}",
             "To": "<sip:bob@example.com>", "Call-ID": token("garbage"),
             "CSeq": f"1 {method}"}
    heads.update((k.replace("_", "-"), v) for k, v in replaced.items())
    lines = [f"{method} {uri} SIP/2.0"]
    lines += [f"{k}: {v}" for k, v in heads.items() if v is not None]
    return ("\r\n".join(lines) + "\r\n" + extra).encode() + b"\r\n" + body


def truncated(seeds):
    for raw in seeds:
        step = max(1, len(raw) // CUTS)
        yield from (raw[:n] for n in range(0, len(raw), step))


def flipped(seeds, rng):
    """One to five bytes changed, and one piece moved."""
    for raw in seeds:
        for _ in range(20):
            b = bytearray(raw)
            for _ in range(rng.randint(1, 5)):
                b[rng.randrange(len(b))] = rng.randrange(256)
            yield bytes(b)
        at, to = sorted(rng.sample(range(len(raw)), 2))
        yield raw[to:] + raw[at:to] + raw[:at]


def oversized(seeds):
    for raw in seeds:
        yield raw + b"x" * (BIGGEST - len(raw))
    yield b"\0" * BIGGEST
    yield b"\r\n" * (BIGGEST // 2)
    yield request(Subject="s" * 60000)
    yield request(Call_ID="c" * 60000)
    yield request(From=f"\"{'n' * 30000}\" <sip:{'u' * 30000}@example.com>")
    yield request(uri="sip:" + "u" * 60000 + "@example.com")


def bombs():
    """Many of something."""
    yield request(extra="X: y\r\n" * 9000)
    yield request(extra="Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n" * 1500)
    yield request(extra="Route: " + ",".join(["<sip:203.0.113.9;lr>"] * 2500)
                  + "\r\n")
    yield request(extra="Contact: " + ",".join(["<sip:a@192.0.2.1>"] * 3000)
                  + "\r\n")
    yield request(To="<sip:bob@example.com>" + ";p=1" * 15000)
    yield request(uri="sip:bob@example.com" + ";p=1" * 15000)
    yield request(From="(" * 30000)
    yield request(From="\"" + "\\\"" * 30000)
    yield request("INVITE", extra="Content-Type: application/sdp\r\n",
                  body=sdp("10.0.0.1", *[("audio", 4000)] * 1500).encode())
    yield request("INVITE", extra="Content-Type: application/sdp\r\n",
                  body=b"v=0\r\n" + b"a=x\r\n" * 12000)
    yield request(extra="\t" * 60000 + "\r\n")
    yield request(uri="sip:" + "%41" * 20000 + "@example.com")


def odd():
    """Each wrong or strange in one way."""
    yield from (b"", b"\0", b"\r\n", b"\r\n\r\n", b"SIP/2.0", b"\xff" * 100)
    for name in ("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards"):
        for value in (None, "", ",", "\x01", "<", ">", "\"", ";", "%", "\xff"):
            yield request(**{name: value})
    yield request("INVITE", From="<sip:eve@example.com>")  # of before RFC 3261
    yield request("INVITE", From="<sip:eve@example.com>", extra="Contact: <sip:"
                  "eve@10.9.9.9>\r\nContent-Type: application/sdp\r\n",
                  body=sdp("10.9.9.9").encode())
    for cseq in ("0 OPTIONS", "-1 OPTIONS", "4294967296 OPTIONS", "1 INVITE",
                 "99999999999999999999 OPTIONS", "1", "OPTIONS"):
        yield request(CSeq=cseq)
    for hops in ("0", "-1", "256", "x", "99999999999"):
        yield request(Max_Forwards=hops)
    for length in ("-1", "0", "5", "99999999999", "x"):
        yield request(extra=f"Content-Length: {length}\r\n", body=b"abc")
    for uri in ("sip:", "sip:@", "sip:bob", "tel:+1", "*", "sips:bob@h", "urn:x",
                "sip:bob@[::1", "sip:bob@[::1]:99999", "sip:bob@0.0.0.0",
                "sip:bob@255.255.255.255", "sip:bob@127.0.0.1",
                f"sip:bob@{PROXY1}", f"sip:bob@{PROXY1};ph-own=127.0.0.1:1",
                f"sip:relay@{RELAY}", "sip:bob@example.com?a=b", "sip:%00@h"):
        for method in ("OPTIONS", "INVITE", "BYE", "ACK", "CANCEL", "REGISTER",
                       "X" * 200):
            yield request(method, uri)
    for via in ("SIP/2.0/UDP 0.0.0.0:0", "SIP/2.0/UDP 224.0.0.1",
                "SIP/2.0/TCP host.invalid:70000", "SIP/2.0/UDP [::]:5060",
                "SIP/2.0/UDP 127.0.0.1:5060;received=::;rport=0",
                f"SIP/2.0/UDP {PROXY1}:5060;branch=z9hG4bKx"):
        yield request(Via=via)
    for status in (0, 99, 100, 200, 302, 487, 699, 700, 99999):
        yield request().replace(b"OPTIONS sip:bob@example.com SIP/2.0",
                                b"SIP/2.0 %d X" % status, 1)


def noise(rng):
    for size in (1, 2, 3, 11, 12, 13, 19, 20, 100, 1000, 8000, BIGGEST):
        yield from (rng.randbytes(size) for _ in range(5))


def rtp_like(rng):
    """RTP and RTCP that is not quite; STUN; T.38."""
    head = bytes([0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4])
    yield from (head[:n] for n in range(len(head)))
    yield bytes([0x8F]) + head[1:]                        # CSRCs not there
    yield bytes([0x90]) + head[1:] + b"\0\0\xff\xff"      # extension too long
    yield bytes([0xA0]) + head[1:] + b"\xff"              # padding too long
    yield bytes([0x80, 200, 0xFF, 0xFF]) + bytes(20)      # SR of 256 KiB
    yield bytes([0x9F, 203, 0, 0])
    yield b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    yield head + bytes(BIGGEST - len(head))
    yield from noise(rng)


def real_messages(site, call_id):
    """What the daemons said to each other and to the phones in one call."""
    seen = {e["text"] for trace in site.pinhole.traces(call_id).values()
            for e in trace if e["dir"] in ("in", "out")}
    return [Message(text.encode()).raw for text in sorted(seen)]


def pour(site, name, socket, to, datagrams):
    """Send all of them; every now and then see that the daemon goes on."""
    daemon = site.pinhole.all[name]
    for i, raw in enumerate(datagrams):
        socket.sendto(raw, to)
        if i % BURST == BURST - 1:
            assert daemon.get("/healthz")[0] == 200, daemon.log()
    assert daemon.get("/healthz")[0] == 200, daemon.log()
    assert daemon.proc.poll() is None


def still_well(site):
    """No daemon was lost or complained; new phones can call each other; what
    the garbage began has run out."""
    site.unhurt()
    hang_up(*talking(site.phone("first17", "carol"),
                     site.phone("second17", "dave")))
    site.relay.wait_metric("sessions", lambda n: n == 0, timeout=10)
    assert site.relay.metric("streams") == 0


GARBAGE = {
    "truncated": lambda seeds, rng: truncated(seeds),
    "flipped": flipped,
    "oversized": lambda seeds, rng: oversized(seeds),
    "bombs": lambda seeds, rng: bombs(),
    "odd": lambda seeds, rng: odd(),
    "noise": lambda seeds, rng: noise(rng),
}


@pytest.mark.parametrize("sender", ["stranger", "phone", "proxy"])
@pytest.mark.parametrize("kind", GARBAGE)
def test_signalling_ports(deploy, net, kind, sender):
    """From anybody, from where a phone is, and from an address that is
    trusted."""
    site = deploy(relayd={"session": {"setup": 1}})
    call, leg = talking(*site.pair())
    seeds = real_messages(site, call.call_id)
    assert len(seeds) > 20
    host = {"stranger": "stranger", "phone": "first", "proxy": "proxy1"}[sender]
    with net.udp(host, 0) as socket:
        for name, address in SIP:
            if ADDRESS[host] == address[0]:
                continue
            pour(site, name, socket, address,
                 GARBAGE[kind](seeds, random.Random(4566)))
    site.unhurt()
    hang_up(call, leg)
    still_well(site)


@pytest.mark.parametrize("sender", ["stranger", "phone"])
def test_media_ports(deploy, net, sender):
    """Of a session with media both ways, RTP and RTCP: nothing of it reaches
    the phones from a stranger, and the speech goes on."""
    site = deploy()
    alice, bob = site.pair()
    out, back = site.media(alice), site.media(bob)
    call = alice.invite(bob.aor, offer_of(alice, out))
    leg = bob.incoming()
    leg.answer(offer_of(bob, back))
    (_, ip, port), = call.wait_status(200).media
    call.ack()
    leg.wait_ack()
    out.start((ip, port))
    back.start((ip, port))
    out.wait_packets(10, back.ssrc)
    back.wait_packets(10, out.ssrc)
    with net.udp("stranger" if sender == "stranger" else "first", 0) as socket:
        for media_port in (port, port + 1):
            pour(site, "relay", socket, (ip, media_port),
                 rtp_like(random.Random(3550)))
    out.wait_packets(10, back.ssrc, after=len(out.received))
    back.wait_packets(10, out.ssrc, after=len(back.received))
    if sender == "stranger":
        assert {p.ssrc for p in out.received} == {back.ssrc}
        assert {p.ssrc for p in back.received} == {out.ssrc}
    out.stop()
    back.stop()
    hang_up(call, leg)
    site.settled()
    still_well(site)


def test_ports_of_a_session_that_ended(deploy, net):
    """They are closed; what comes late goes nowhere."""
    site = deploy()
    call, leg = talking(*site.pair())
    (_, ip, port), = call.responses()[-1].media
    hang_up(call, leg)
    site.settled()
    with net.udp("first", 0) as socket:
        pour(site, "relay", socket, (ip, port), rtp_like(random.Random(1)))
    still_well(site)


@pytest.mark.parametrize("name", ["proxy1", "redirect", "relay"])
def test_admin_port(deploy, net, name):
    """The HTTP server of each, from the only place that reaches it."""
    site = deploy()
    daemon = site.pinhole.all[name]
    rng = random.Random(2616)
    for raw in (b"", b"\r\n" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n",
                b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\n\r\n",
                b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
                b"POST /api/trace HTTP/1.1\r\nHost: x\r\nContent-Length: "
                b"99999999999\r\n\r\n",
                b"GET /api/trace?call=" + b"%00%ff" * 500
                + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                *(rng.randbytes(n) for n in (1, 10, 1000, 50000))):
        with net.tcp(name, daemon.http) as s:
            try:
                s.sendall(raw)
            except ConnectionError:
                pass
        assert daemon.get("/healthz")[0] == 200
    status, text = daemon.get("/api/trace?call=%3Cscript%3E")
    assert status == 404 and "<script>" not in text
    still_well(site)


def test_connections_that_say_nothing(deploy, net):
    """Many at once do not keep anybody else out for good."""
    site = deploy()
    idle = [net.tcp("proxy1", site.proxy1.http) for _ in range(60)]
    try:
        hang_up(*talking(*site.pair()))
    finally:
        for s in idle:
            s.close()
    wait_until(lambda: site.proxy1.get("/healthz")[0] == 200, 5, "an answer")
    site.settled()


def test_invite_without_a_from_tag(deploy):
    """A phone of before RFC 3261: its call, from INVITE to BYE."""
    site = deploy()
    bob = site.phone("second", "bob")

    def untag(raw):
        head, end, body = raw.partition(b"\r\n\r\n")
        lines = [line.split(b";tag=")[0] if line.startswith(b"From:") else line
                 for line in head.split(b"\r\n")]
        return b"\r\n".join(lines) + end + body

    alice = site.phone("first", "alice", transform=untag)
    call, leg = talking(alice, bob)
    assert leg.invite.from_tag is None
    hang_up(call, leg)
    site.settled()
    still_well(site)


def test_invite_with_very_long_names(deploy):
    """Tags are not lost at the end of long headers."""
    site = deploy()
    alice, bob = site.pair()

    def stretch(raw):
        name = b"From: \"" + b"long " * 60 + b"\" <sip:"
        return raw.replace(b"From: <sip:", name, 1)

    alice.transform = stretch
    call, leg = talking(alice, bob)
    assert leg.invite.from_tag
    hang_up(call, leg)
    site.settled()
    site.unhurt()
