"""Media sessions asked of a relayd by hand, as a proxy would: for phones that
no proxy of the test network serves."""

from .net import ADDRESS, RELAY
from .rtp import Rtp
from .sipmsg import Message, sdp, token, uri_of, uri_param

TIMEOUT = 10.0


def bracketed(ip):
    return f"[{ip}]" if ":" in ip else ip


class Party:
    """One phone of a session: its media, and where it was told to send."""

    def __init__(self, session, tag, media, signalling):
        self.session, self.tag, self.media = session, tag, media
        self.signalling = signalling
        self.told = []

    def describe(self, attributes=(), kinds=("audio",)):
        """Its SDP: a line of each kind, at its media."""
        return sdp(self.media[0].ip, *(
            (kind, m.port) for kind, m in zip(kinds, self.media)),
            attributes=attributes)


class Session:
    """Session(net): a session id, and who asks about it."""

    def __init__(self, net, relay=(RELAY, 5060), host="proxy1"):
        self.net, self.relay, self.host = net, relay, host
        self.call_id = token("call")
        self.parties = []
        self._socket = net.udp(host)
        self._socket.settimeout(TIMEOUT)
        net.own(self)

    def close(self):
        self._socket.close()

    def party(self, *media, signalling=None):
        p = Party(self, token("tag"), media, signalling or media[0].ip)
        self.parties.append(p)
        return p

    def _ask(self, method, who, to, body, toward):
        at = f"{ADDRESS[self.host]}:{self._socket.getsockname()[1]}"
        uri = f"sip:relay@{self.relay[0]}"
        if toward:
            uri += f";ph-toward={bracketed(toward)}".replace(
                "[", "%5B").replace("]", "%5D")
        request = Message.build(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {at};branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:a@example.com>;tag={who}"),
            ("To", "<sip:b@example.com>" + (f";tag={to.tag}" if to else "")),
            ("Call-ID", self.call_id), ("CSeq", f"1 {method}"),
            ("Contact", f"<sip:x@{bracketed(self._contact)}:5060>"),
            ("Content-Type", "application/sdp" if body else None)], body)
        self._socket.sendto(request.raw, self.relay)
        return Message(self._socket.recv(65535))

    def offer(self, by, body, toward=None):
        """(answer, addresses for the other party); the offerer is told its
        own ones by the answer of the other."""
        self._contact = by.signalling
        answer = self._ask("INVITE", by.tag, None, body, toward)
        assert answer.status == 302, answer.start
        for p in self.parties:
            if p is not by:
                p.told = [(ip, port) for _, ip, port in answer.media]
        return answer

    def answer(self, by, to, body):
        """The answer of a party to the offer of another one."""
        self._contact = by.signalling
        answer = self._ask("INVITE", to.tag, by, body, None)
        assert answer.status == 302, answer.start
        to.told = [(ip, port) for _, ip, port in answer.media]
        return answer

    def release(self):
        answer = self._ask("BYE", self.parties[0].tag, None, b"", None)
        assert answer.status == 200, answer.start
        return answer


def near(answer):
    """The relay's address for the party that asked; None: there is one."""
    value = uri_param(uri_of(answer.get("Contact")), "ph-near")
    return value.replace("%5B", "").replace("%5D", "") if value else None


class Phones:
    """Phones' media for one test, each packet known by its SSRC."""

    def __init__(self, net):
        self.net = net
        self._serial = 0

    def media(self, host, ip=None, port=0):
        self._serial += 1
        return Rtp(self.net, host, port, 0xD1A10000 + self._serial,
                   ip=ip or ADDRESS[host])


def connect(session, one, other, toward=True, **describe):
    """Offer and answer between two parties."""
    session.offer(one, one.describe(**describe),
                  other.signalling if toward else None)
    session.answer(other, one, other.describe(**describe))
