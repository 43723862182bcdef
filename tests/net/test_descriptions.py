"""Session descriptions of every kind between two phones behind NATs: addresses
and ports are the relay's, all else goes as it came."""

import re

import pytest

from calls import deployed, is_relay, site  # noqa: F401

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.16\r\ns=-\r\n"
AUDIO = "m=audio 20000 RTP/AVP 0\r\n"
IN = "c=IN IP4 10.0.0.16\r\n"
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " \
      "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\n"
DTLS = "a=setup:actpass\r\na=fingerprint:SHA-1 " \
       "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n"

KINDS = {
    "session-level": HEAD + IN + "t=0 0\r\n" + AUDIO,
    "media-level": HEAD + "t=0 0\r\n" + AUDIO + IN,
    "both-levels": HEAD + "c=IN IP4 10.0.0.99\r\nt=0 0\r\n" + AUDIO + IN,
    "each-its-own": HEAD + "t=0 0\r\n" + AUDIO + IN
    + "m=video 20010 RTP/AVP 96\r\n" + IN + "a=rtpmap:96 H264/90000\r\n",
    "refused-line": HEAD + IN + "t=0 0\r\n" + AUDIO
    + "m=video 0 RTP/AVP 31\r\n",
    "fax": HEAD + IN + "t=0 0\r\nm=image 20000 udptl t38\r\n"
    + "a=T38FaxVersion:0\r\n",
    "rtcp": HEAD + IN + "t=0 0\r\n" + AUDIO
    + "a=rtcp:20007 IN IP4 10.0.0.16\r\n",
    "rtcp-mux": HEAD + IN + "t=0 0\r\n" + AUDIO + "a=rtcp-mux\r\n",
    "sdes": HEAD + IN + "t=0 0\r\nm=audio 20000 RTP/SAVP 0\r\n" + KEY,
    "dtls": HEAD + IN + "t=0 0\r\nm=audio 20000 UDP/TLS/RTP/SAVPF 0\r\n"
    + DTLS,
    "ice": HEAD + IN + "t=0 0\r\n" + AUDIO + "a=ice-ufrag:8hhY\r\n"
    "a=candidate:1 1 UDP 2130706431 10.0.0.16 20000 typ host\r\n",
    "no-rtpmap": HEAD + IN + "t=0 0\r\nm=audio 20000 RTP/AVP 0 8 97 98\r\n",
    "trailing-space": HEAD + "c=IN IP4 10.0.0.16 \r\nt=0 0\r\n"
    + "m=audio 20000 RTP/AVP 0 \r\n",
    "lone-LF": (HEAD + IN + "t=0 0\r\n" + AUDIO).replace("\r\n", "\n"),
}


def unaddressed(body):
    """Without what a relay puts in, or takes away."""
    lines = [x.rstrip() for x in body.decode().splitlines()]
    return sorted(re.sub(r"^(m=\w+) [1-9]\d*", r"\1 N", x) for x in lines
                  if not re.match(r"[co]=|a=(rtcp:|ice-|candidate:)", x))


@pytest.mark.parametrize("late", [False, True], ids=["offer", "late-offer"])
@pytest.mark.parametrize("kind", KINDS)
def test_description(site, kind, late):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    said = KINDS[kind]
    call = alice.invite(bob.aor, None if late else said)
    leg = bob.incoming()
    leg.answer(said)
    ok = call.wait_status(200)
    call.ack(said if late else None)
    ack = leg.wait_ack()
    for got in ok, ack if late else leg.invite:
        assert "10.0.0." not in got.body.decode()
        assert unaddressed(got.body) == unaddressed(said.encode())
        assert b"candidate" not in got.body and b"ice-" not in got.body
        refused = [i for i, m in enumerate(got.media) if m[2] == 0]
        assert refused == ([1] if kind == "refused-line" else [])
        for media in got.media:
            assert media[2] == 0 or is_relay(media[1:])
    assert call.bye().status == 200
    leg.wait_request("BYE")
