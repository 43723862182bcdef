"""Bodies of several parts (RFC 5621): the session description among them is
replaced, everything else arrives to the byte."""

import pytest

from calls import deployed, hear_each_other, is_relay, offer_of, \
    site  # noqa: F401
from support.sipmsg import sdp_media

ISUP = "Content-Type: application/isup;version=itu-t92+\r\n" \
       "Content-Disposition: signal;handling=optional\r\n\r\n" \
       "\x01\x00\x60--b\n\x7f\r\n--b1x\r\n"
PIDF = "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n" \
       "<presence c=\"IN IP4 10.0.0.16\"/>\r\nm=audio 4000 RTP/AVP 0\r\n"


def part(body, length=True):
    return "Content-Type: application/sdp\r\n" \
        + (f"Content-Length: {len(body)}\r\n" if length else "") \
        + f"\r\n{body}"


def mixed(*parts, boundary="b1", before="", after=""):
    return before + "".join(f"--{boundary}\r\n{p}\r\n" for p in parts) \
        + f"--{boundary}--\r\n" + after


def nested(body):
    inner = mixed(part(body, False), PIDF, boundary="in ner")
    return "Content-Type: multipart/mixed;boundary=\"in ner\"\r\n\r\n" + inner


SHAPES = [
    pytest.param("multipart/mixed;boundary=b1",
                 lambda sdp: mixed(part(sdp), ISUP), id="first"),
    pytest.param("multipart/mixed; boundary=\"b 1:?\"",
                 lambda sdp: mixed(PIDF, ISUP, part(sdp), boundary="b 1:?",
                                   before="A preamble.\r\n",
                                   after="An epilogue.\r\n"), id="last"),
    pytest.param("multipart/alternative;boundary=b1",
                 lambda sdp: mixed("Content-Type: text/plain\r\n\r\nv=0",
                                   part(sdp, False)), id="alternative"),
    pytest.param("multipart/mixed;boundary=b1",
                 lambda sdp: mixed(nested(sdp), ISUP), id="nested"),
]


def around(body):
    """What is before and behind the session description, which begins with
    v=0 and is told from the rest by the media line that the phones use."""
    begin = body.index(b"v=0\r\no=")
    end = body.index(b"\r\n--", begin)
    return body[:begin], body[begin:end], body[end:]


def check(got, sent):
    """The parts around are those that were sent, but for the length."""
    before, description, behind = around(got.body)
    was_before, was, was_behind = around(sent.encode("latin-1"))
    length = f"Content-Length: {len(was)}\r\n".encode()
    if length in was_before:
        assert was_before.replace(length, b"Content-Length: %d\r\n"
                                  % len(description)) == before
    else:
        assert was_before == before
    assert was_behind == behind
    (_, *told), = sdp_media(description)
    assert is_relay(told)
    return tuple(told)


@pytest.mark.parametrize("content_type, shape", SHAPES)
def test_call(site, content_type, shape):
    """Through two NATs, in the INVITE and in the 200."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    out, back = site.media(alice), site.media(bob)
    offer, answer = shape(offer_of(alice, out)), shape(offer_of(bob, back))
    call = invite(alice, bob.aor, offer, content_type)
    leg = bob.incoming()
    far = check(leg.invite, offer)
    assert leg.invite.get("Content-Type") == content_type
    bob.transform = typed(content_type)
    leg.answer(answer.encode("latin-1"))
    near = check(call.wait_status(200), answer)
    call.ack()
    leg.wait_ack()
    hear_each_other(out, near, back, far)
    assert call.bye().status == 200


@pytest.mark.parametrize("content_type, shape", SHAPES[:1])
def test_without_a_relay(site, content_type, shape):
    """Between public phones it passes untouched."""
    alice, bob = site.phone("third", "alice"), site.phone("stranger", "bob")
    offer = shape(offer_of(alice))
    call = invite(alice, bob.aor, offer, content_type)
    leg = bob.incoming()
    assert leg.invite.body == offer.encode("latin-1")
    leg.reject()
    assert call.wait_final().status == 486


@pytest.mark.parametrize("method", ["MESSAGE", "INFO"])
def test_no_description_of_the_call(site, method):
    """What a MESSAGE or INFO shows is its own business."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    alice.manual = bob.manual = ("INFO",)
    body = mixed(part(offer_of(alice)), ISUP).encode("latin-1")
    sent = alice.request(method, bob.aor, body=body, headers=[
        ("Content-Type", "multipart/mixed;boundary=b1")])
    got = bob.wait_message(lambda m: m.method == method)
    assert got.body == body
    if method == "INFO":
        bob.respond(got, 200)
    assert alice.final(sent).status == 200


def typed(content_type):
    """A phone's transform() that gives bodies this type."""
    def transform(raw):
        return raw.replace(b"Content-Type: application/sdp\r\n",
                           f"Content-Type: {content_type}\r\n".encode(), 1)
    return transform


def invite(ua, uri, body, content_type):
    ua.transform = typed(content_type)
    return ua.invite(uri, body.encode("latin-1"))
