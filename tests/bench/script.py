"""SIPp scenarios out of steps, for calls that are not all alike. A scenario is
a list of steps; each is a function of the steps before it, as a CANCEL and the
ACK of a failure have the branch of their INVITE."""

_OWN = "[local_ip]:[local_port]"
_VIA = f"Via: SIP/2.0/UDP {_OWN};rport;branch="
_CALLER = '"First" <sip:first@example.com>;tag=[pid]f[call_number]'
_CALLED = "<sip:[field0]@example.com>"
_CALLEE_TAG = ";tag=[pid]s[call_number]"
_SDP = """v=0
o=- 53655765 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a={direction}"""
_REASON = {180: "Ringing", 200: "OK", 486: "Busy Here",
           487: "Request Terminated"}


class Script:
    """A scenario being written. `media` is the address that every SDP that
    comes must name, or the call has failed; `hops` the proxies on the way."""

    def __init__(self, name, media, hops=0):
        self.name = name
        self.media = media
        self.hops = hops
        self._parts = []
        self._cseq = 0
        self._invite = 0
        self._established = False
        self._variables = []

    def text(self):
        used = ",".join(self._variables)
        tail = f'<Reference variables="{used}"/>\n' if used else ""
        return ('<?xml version="1.0" encoding="UTF-8"?>\n'
                f'<scenario name="{self.name}">\n' + "\n".join(self._parts)
                + "\n" + tail + "</scenario>\n")

    # What both sides do.

    def pause(self, ms):
        return self._add(f'<pause milliseconds="{ms}"/>')

    def _add(self, part):
        self._parts.append(part)
        return self

    def _send(self, lines, body="", repeat=False):
        """One message; with repeat until there is an answer."""
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        text = "\n".join([*lines, "Content-Length: [len]", "", body])
        attribute = ' retrans="500"' if repeat else ""
        return self._add(f"<send{attribute}><![CDATA[\n\n{text}\n]]></send>")

    def _recv(self, what, optional=False, actions=(), routes=False):
        attributes = what + (' optional="true"' if optional else "") \
            + (' rrs="true"' if routes else "")
        inside = f"<action>{''.join(actions)}</action>" if actions else ""
        return self._add(f"<recv {attributes}>{inside}</recv>")

    def _take(self, name, attributes):
        if name not in self._variables:
            self._variables.append(name)
        return f'<ereg {attributes} assign_to="{name}"/>'

    def _sdp_names_media(self):
        address = self.media.replace(".", r"\.")
        return self._take("media", f'regexp="c=IN IP4 {address}" '
                                   'search_in="body" check_it="true"')

    @staticmethod
    def _sdp(version, direction):
        return _SDP.format(version=version, direction=direction)

    # The caller.

    def invite(self, direction="sendrecv"):
        """The call's own INVITE, or one within it."""
        self._cseq += 1
        self._invite = len(self._parts)
        return self._send([*self._request("INVITE"),
                           f"Contact: <sip:first@{_OWN}>"],
                          self._sdp(self._cseq, direction), repeat=True)

    def _request(self, method, branch="[branch]", cseq=None):
        if self._established:
            start = [f"{method} [next_url] SIP/2.0", _VIA + branch, "[routes]"]
            tag = "[peer_tag_param]"
        else:
            start = [f"{method} sip:[field0]@example.com SIP/2.0",
                     _VIA + branch]
            tag = "[peer_tag_param]" if method == "ACK" else ""
        return [*start, "Max-Forwards: 70", f"From: {_CALLER}",
                f"To: {_CALLED}{tag}", "Call-ID: [call_id]",
                f"CSeq: {cseq or self._cseq} {method}"]

    def _invite_branch(self):
        return f"[branch-{len(self._parts) - self._invite}]"

    def answered(self):
        """200 to the INVITE, and its ACK."""
        self._recv('response="100"', optional=True)
        if not self._established:
            self._recv('response="180"', optional=True)
        self._recv('response="200"', actions=[self._sdp_names_media()],
                   routes=not self._established)
        self._established = True
        return self._send(self._request("ACK"))

    def ringing(self):
        self._recv('response="100"', optional=True)
        return self._recv('response="180"')

    def refused(self, status):
        """A failure of the call's INVITE, and its ACK."""
        self._recv('response="100"', optional=True)
        self._recv('response="180"', optional=True)
        self._recv(f'response="{status}"')
        return self._send(self._request("ACK", self._invite_branch()))

    def cancel(self):
        self._send(self._request("CANCEL", self._invite_branch()), repeat=True)
        return self._recv('response="200"')

    def bye(self):
        self._cseq += 1
        self._send(self._request("BYE"), repeat=True)
        return self._recv('response="200"')

    def ended(self):
        """A BYE from the other side."""
        self._recv('request="BYE"')
        return self._send(self._response(200, tag=False))

    # The callee.

    def invited(self):
        """The call's INVITE. Its Vias are kept, for they are not those of a
        CANCEL, and what the headers of a request of our own are made of."""
        kept = [self._keep(f"via{i}", "Via:", i + 1) for i in
                range(self.hops + 1)]
        kept += [self._keep("from", "From:"), self._keep("to", "To:")]
        return self._recv('request="INVITE"', routes=True,
                          actions=[*kept, self._sdp_names_media()])

    def _keep(self, name, header, which=1):
        return self._take(name, f'regexp=".*" search_in="hdr" '
                          f'header="{header}" occurrence="{which}" '
                          'check_it="true"')

    def _response(self, status, tag=True):
        return [f"SIP/2.0 {status} {_REASON[status]}", "[last_Via:]",
                "[last_Record-Route:]", "[last_From:]",
                "[last_To:]" + (_CALLEE_TAG if tag else ""),
                "[last_Call-ID:]", "[last_CSeq:]"]

    def ring(self):
        return self._send([*self._response(180), f"Contact: <sip:{_OWN}>"])

    def answer(self):
        """200 with SDP, and the ACK of it."""
        self._send([*self._response(200), f"Contact: <sip:{_OWN}>"],
                   self._sdp(1, "sendrecv"), repeat=True)
        return self._recv('request="ACK"')

    def renew(self, direction):
        """An INVITE within the call, answered, and its ACK."""
        self._recv('request="INVITE"', actions=[self._sdp_names_media()])
        self._send([*self._response(200, tag=False),
                    f"Contact: <sip:{_OWN}>"], self._sdp(2, direction),
                   repeat=True)
        return self._recv('request="ACK"')

    def refuse(self, status):
        self._send(self._response(status), repeat=True)
        return self._recv('request="ACK"')

    def cancelled(self):
        """CANCEL, which has a 200, and the INVITE a 487."""
        self._recv('request="CANCEL"')
        self._send(self._response(200))
        vias = [f"Via:[$via{i}]" for i in range(self.hops + 1)]
        self._send(["SIP/2.0 487 Request Terminated", *vias, "From:[$from]", f"To:[$to]{_CALLEE_TAG}",
                    "[last_Call-ID:]", "CSeq: 1 INVITE"], repeat=True)
        return self._recv('request="ACK"')

    def hang_up(self):
        """A BYE of the callee."""
        self._send(["BYE [next_url] SIP/2.0", _VIA + "[branch]", "[routes]",
                    "Max-Forwards: 70", f"From:[$to]{_CALLEE_TAG}",
                    "To:[$from]", "Call-ID: [call_id]", "CSeq: 1 BYE"],
                   repeat=True)
        return self._recv('response="200"')
