"""The ladder diagram, from a made-up trace of Fig. 2c (no root needed)."""

import json
import subprocess
import sys
from pathlib import Path

from support import ladder
from support.ladder import Column, draw

CALL = "made-up-1@10.0.0.16"
ALICE_NAT = "203.0.113.28:40122"
BOB_NAT = "203.0.113.30:51999"
P1, P2 = "203.0.113.1:5060", "203.0.113.2:5060"
RELAY, REDIRECT = "203.0.113.4:5060", "203.0.113.3:5060"

VIA_A = "SIP/2.0/UDP 10.0.0.16:5060;branch=z9hG4bKa;rport"
VIA_A_SEEN = ("SIP/2.0/UDP 10.0.0.16:5060;branch=z9hG4bKa;rport=40122"
              ";received=203.0.113.28")
VIA_1 = "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1"
VIA_2 = "SIP/2.0/UDP 203.0.113.2:5060;branch=z9hG4bK2"
RR1, RR2 = "<sip:203.0.113.1:5060;lr>", "<sip:203.0.113.2:5060;lr>"


def sip(start, vias=(), contact=None, routes=(), media=None, cseq="1 INVITE"):
    lines = [start] + [f"Via: {v}" for v in vias]
    lines += [f"Record-Route: {r}" for r in routes]
    lines += ["From: <sip:alice@example.com>;tag=a",
              "To: <sip:bob@example.com>", f"Call-ID: {CALL}",
              f"CSeq: {cseq}"]
    if contact:
        lines.append(f"Contact: <sip:{contact}>")
    body = ""
    if media:
        ip, port = media.split(":")
        body = (f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\n"
                f"t=0 0\r\nm=audio {port} RTP/AVP 0\r\n")
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


class Recorder:
    """Messages between addresses -> traces of the daemons that saw them."""

    daemons = {P1: "proxy1", P2: "proxy2", RELAY: "relay",
               REDIRECT: "redirect"}

    def __init__(self):
        self.now = 1_700_000_000_000_000
        self.traces = {name: [] for name in self.daemons.values()}

    def _add(self, daemon, dir_, local, peer, text):
        self.now += 1000
        self.traces[daemon].append({"time_us": self.now, "dir": dir_,
                                    "local": local, "peer": peer,
                                    "text": text})

    def message(self, src, dst, text):
        if src in self.daemons:
            self._add(self.daemons[src], "out", src, dst, text)
        if dst in self.daemons:
            self._add(self.daemons[dst], "in", dst, src, text)

    def note(self, at, text):
        self._add(self.daemons[at], "note", at, "-", text)


def fig_2c():
    r = Recorder()
    invite = sip("INVITE sip:bob@example.com SIP/2.0", [VIA_A],
                 "alice@10.0.0.16:5060", media="10.0.0.16:4000")
    r.message(ALICE_NAT, P1, invite)
    r.note(P1, "behind a NAT: via 10.0.0.16 != source 203.0.113.28")
    r.message(P1, RELAY, sip("INVITE sip:relay@203.0.113.4 SIP/2.0", [VIA_1],
                             "alice@" + ALICE_NAT, media="10.0.0.16:4000"))
    r.message(RELAY, P1, sip("SIP/2.0 302 Moved Temporarily", [VIA_1],
                             "relay@" + RELAY, media="203.0.113.4:30012"))
    r.message(P1, REDIRECT, sip("INVITE sip:bob@203.0.113.3 SIP/2.0",
                                [VIA_1, VIA_A_SEEN], "alice@" + ALICE_NAT,
                                media="10.0.0.16:4000"))
    r.message(REDIRECT, P1, sip("SIP/2.0 302 Moved Temporarily", [VIA_1],
                                "bob@203.0.113.2:5060"))
    forward = sip("INVITE sip:bob@203.0.113.2:5060 SIP/2.0",
                  [VIA_1, VIA_A_SEEN], "alice@" + ALICE_NAT, [RR1],
                  "203.0.113.4:30012")
    r.message(P1, P2, forward)
    r.message(P1, P2, forward)
    r.message(P2, BOB_NAT, sip(f"INVITE sip:bob@{BOB_NAT} SIP/2.0",
                               [VIA_2, VIA_1, VIA_A_SEEN],
                               "alice@" + ALICE_NAT, [RR2, RR1],
                               "203.0.113.4:30012"))
    r.message(BOB_NAT, P2, sip("SIP/2.0 200 OK", [VIA_2, VIA_1, VIA_A_SEEN],
                               "bob@10.0.0.16:5060", [RR2, RR1],
                               "10.0.0.16:4004"))
    r.message(P2, P1, sip("SIP/2.0 200 OK", [VIA_1, VIA_A_SEEN],
                          "bob@" + BOB_NAT, [RR2, RR1], "10.0.0.16:4004"))
    r.message(P1, RELAY, sip("INVITE sip:relay@203.0.113.4 SIP/2.0", [VIA_1],
                             "bob@" + BOB_NAT, media="10.0.0.16:4004"))
    r.message(P1, ALICE_NAT, sip("SIP/2.0 200 OK", [VIA_A_SEEN],
                                 "bob@" + BOB_NAT, [RR2, RR1],
                                 "203.0.113.4:30012"))
    r.note(RELAY, "first packet from 203.0.113.28:40001 learned as first "
           "channel")
    r.note(RELAY, "first rtp packet from 203.0.113.30:41001 learned as second "
           "channel (signalled address)")
    r.note(RELAY, "first rtcp packet from 203.0.113.30:41003 learned as "
           "second channel")
    return r.traces


def arrows(text):
    """{number: line} of the numbered rows."""
    return {int(line[:3]): line for line in text.splitlines()
            if line[:3].strip().isdigit()}


def under(text, number):
    """The lines beneath one numbered row."""
    lines = text.splitlines()
    at = lines.index(arrows(text)[number])
    found = []
    for line in lines[at + 1:]:
        if line[:3].strip().isdigit():
            break
        found.append(line)
    return "\n".join(found)


def test_each_message_is_one_row():
    rows = arrows(draw(fig_2c()))
    labels = ["INVITE", "INVITE", "302", "INVITE", "302", "INVITE",
              "INVITE (again)", "INVITE", "200 OK", "200 OK", "INVITE",
              "200 OK",
              "first RTP packet", "first RTP packet"]
    assert sorted(rows) == list(range(1, len(labels) + 1))
    for number, label in enumerate(labels, 1):
        assert label in rows[number]


def test_fits_and_heads_the_columns():
    text = draw(fig_2c())
    assert max(map(len, text.splitlines())) <= ladder.WIDTH
    assert text.splitlines()[0].split() == [
        "alice", "nat1", "proxy1", "relay", "redirect", "proxy2", "nat2",
        "bob"]


def test_arrows_cross_the_nat():
    rows = arrows(draw(fig_2c()))
    assert "┼" in rows[1] and rows[1].count("│") == 7
    assert "┼" not in rows[2]
    assert "┼" in rows[8] and rows[8].rstrip().endswith(">│")
    assert "<" in rows[12] and "┼" in rows[12]
    assert "┼" in rows[13] and "┼" in rows[14]


def test_rewritten_addresses():
    text = draw(fig_2c())
    assert "->" not in under(text, 1)
    assert "behind a NAT: via 10.0.0.16" in under(text, 1)
    assert "SDP audio 203.0.113.4:30012" in under(text, 3)
    assert "Contact bob@203.0.113.2:5060" in under(text, 5)
    forwarded = under(text, 6)
    assert "Request-URI bob@example.com -> bob@203.0.113.2:5060" in forwarded
    assert "Via 10.0.0.16:5060 + received=203.0.113.28 rport=40122" \
        in forwarded
    assert f"Contact 10.0.0.16:5060 -> {ALICE_NAT}" in forwarded
    assert f"Record-Route + {P1}" in forwarded
    assert "SDP audio 10.0.0.16:4000 -> 203.0.113.4:30012" in forwarded
    assert "SDP" not in under(text, 8)
    assert f"Contact 10.0.0.16:5060 -> {BOB_NAT}" in under(text, 10)
    assert "->" not in under(text, 11)
    assert "SDP audio 10.0.0.16:4004 -> 203.0.113.4:30012" in under(text, 12)
    assert "source 203.0.113.28:40001 learned as first" in under(text, 13)
    assert "(first rtcp packet from 203.0.113.30:41003" in under(text, 14)


def test_one_proxy_without_nat():
    r = Recorder()
    a, b = "203.0.113.14:5060", "203.0.113.66:5060"
    r.message(a, P1, sip("INVITE sip:bob@example.com SIP/2.0", [VIA_A]))
    r.message(P1, b, sip("INVITE sip:bob@203.0.113.66:5060 SIP/2.0",
                         [VIA_1, VIA_A]))
    r.message(b, P1, sip("SIP/2.0 486 Busy Here", [VIA_1, VIA_A]))
    text = draw({"proxy1": r.traces["proxy1"]},
                [Column("third", "phone", "203.0.113.14"),
                 Column("proxy1", "proxy", "203.0.113.1"),
                 Column("stranger", "phone", "203.0.113.66")])
    rows = arrows(text)
    assert len(rows) == 3 and "486 Busy Here" in rows[3]
    assert "Request-URI" in under(text, 2)


def test_two_phones_behind_one_nat_and_a_stranger():
    r = Recorder()
    invite = sip("INVITE sip:bob@example.com SIP/2.0", [VIA_A])
    r.message("203.0.113.28:1111", P1, invite)
    r.message(P1, "203.0.113.28:2222", invite)
    r.message("198.51.100.9:5060", P1,
              sip("BYE sip:bob@example.com SIP/2.0", [VIA_A], cseq="2 BYE"))
    columns = [Column("a", "phone", "10.0.0.16"),
               Column("nat", "nat", "203.0.113.28"),
               Column("proxy1", "proxy", "203.0.113.1"),
               Column("nat'", "nat", "203.0.113.28"),
               Column("b", "phone", "10.0.0.17")]
    text = draw({"proxy1": r.traces["proxy1"]}, columns)
    x = [text.splitlines()[2].index("│", i) for i in (0, 16)]
    rows = arrows(text)
    assert rows[1][x[0] + 1] == "─" and rows[2][x[0] + 1] == " "
    assert "198.51.100.9" in text.splitlines()[0] and "BYE" in rows[3]


def test_a_lost_message_is_drawn_from_its_sender_alone():
    traces = fig_2c()
    traces["relay"] = []
    rows = arrows(draw(traces))
    assert "INVITE" in rows[2] and "302" in rows[3]
    assert len(rows) == 12


def test_command_line(tmp_path):
    args = []
    for name, trace in fig_2c().items():
        (tmp_path / name).write_text(json.dumps(trace))
        args.append(f"{name}={tmp_path / name}")
    tool = Path(ladder.__file__)
    done = subprocess.run([sys.executable, tool, *args], text=True,
                          capture_output=True)
    assert done.stdout == draw(fig_2c()) and done.returncode == 0
    done = subprocess.run([sys.executable, tool, "proxy1=/nonexistent"],
                          text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith("ladder.py: ")


if __name__ == "__main__":
    sys.stdout.write(draw(fig_2c()))
