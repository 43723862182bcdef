"""No REGISTER that is wrong changes anything: the whole list of
bad_registers.py, straight to redirectd and through proxyd. What is but odd is
taken for what it means."""

import pytest

from bad_registers import BAD, DROPPED, GOOD, ODD_USER, START, UNSENT
from lone import Asker, register
from support.daemons import Daemon, proxyd_conf, redirectd_conf
from support.net import ADDRESS, PROXY1, REDIRECT, Net
from support.sipmsg import Message, param, token, uri_of

PATH = f"<sip:{PROXY1}:5060;lr>"
CLIENTS = ("alice", "bob", "carol")
ANSWER = 5.0  # seconds


class Stand:
    """redirectd with some clients, the proxy in front of it, somebody who asks
    redirectd as the proxy does, and a phone behind a NAT."""

    def __init__(self, net):
        self.net = net
        self.redirect = Daemon(net, "redirect", "redirectd",
                               redirectd_conf())
        self.proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf(
            "proxy1", listen=[f"udp:{PROXY1}:5060", f"tcp:{PROXY1}:5060"],
            refusals=10000))
        self.straight = Asker(net, 5070, (REDIRECT, 5060))
        self.phone = Asker(net, 5070, (PROXY1, 5060), host="first")
        for user in CLIENTS:
            self.hold(user)
        self.hold(ODD_USER)
        assert self.forget(self.straight, f"<sip:{ODD_USER}@example.com>") \
            .status == 200
        self.before = self.table()

    def hold(self, user):
        assert self.straight.ask(register(
            user, *[f"<sip:{user}@192.0.2.{i}>" for i in (1, 2)],
            expires=3600, cseq=5, port=5070,
            call_id=f"held-{user}")).status == 200

    def table(self):
        """All that a registration leaves behind, without what time changes."""
        return {c["id"]: [{k: b[k] for k in b if k != "expires"}
                          for b in c["bindings"]]
                for c in self.redirect.api("clients")["clients"]}

    def unchanged(self):
        assert self.table() == self.before
        self.well()

    def well(self):
        for daemon in (self.redirect, self.proxy):
            assert daemon.proc.poll() is None
            assert "level=error" not in daemon.log()

    def sender(self, asker):
        ip = ADDRESS["proxy1" if asker is self.straight else "first"]
        return f"SIP/2.0/UDP {ip}:{asker.port};rport"

    def ask(self, asker, case):
        """The answer, None where it is dropped: then a good request behind it
        is the next to be answered."""
        path = PATH if asker is self.straight else None
        raw, branch = case.build(self.sender(asker), path)
        status = case.status if path else case.through
        asker.send(raw)
        answer = None if status == DROPPED else asker.receive(ANSWER)
        good = self.request(asker, "<sip:bob@example.com>")
        asker.send(good.raw)
        again = asker.receive(ANSWER)
        assert again is not None, "no answer to a good one"
        assert (again.branch, again.status) == (good.branch, 200), again.text
        if status != DROPPED:
            assert answer is not None, "no answer"
            assert answer.branch == branch or not case.heads.get("Via", "x")
        return answer

    def request(self, asker, to, contacts=(), **heads):
        head = {"Path": PATH if asker is self.straight else None,
                "Via": f"{self.sender(asker)};branch={token('z9hG4bK')}",
                "Max-Forwards": "70", "From": f"{to};tag={token()}", "To": to,
                "Call-ID": token("c"), "CSeq": "7 REGISTER",
                **{k.replace("_", "-"): v for k, v in heads.items()}}
        return Message.build(START, [*head.items(),
                                     *(("Contact", c) for c in contacts)])

    def forget(self, asker, to):
        """Nothing is registered for a client any more."""
        return asker.ask(self.request(asker, to, ["*"], Expires="0"))


@pytest.fixture(scope="module")
def stand(can_net):
    with Net() as net:
        yield Stand(net)


def check(stand, asker, case, status):
    m = stand.ask(asker, case)
    got = DROPPED if m is None else m.status
    assert got == status, m and m.text[:2000]
    assert not case.says or m.get(case.says), m.text
    stand.unchanged()


def cases(table, of):
    """Those that are sent, by their names."""
    return pytest.mark.parametrize(
        "case", [c for c in table if of(c) is not UNSENT],
        ids=lambda c: c.name)


@cases(BAD, lambda c: c.status)
def test_straight(stand, case):
    check(stand, stand.straight, case, case.status)


@cases(BAD, lambda c: c.through)
def test_through_the_proxy(stand, case):
    check(stand, stand.phone, case, case.through)


def taken(stand, asker, case):
    """It is answered 200 with what it asked for, and so it is in the table.
    Afterwards all is as before."""
    m = stand.ask(asker, case)
    assert m.status == 200, m.text
    shown = m.all("Contact")
    assert [param(c, "expires") for c in shown] \
        == [str(case.granted)] * case.n, m.text
    held = stand.table()[f"{ODD_USER}@example.com"]
    assert len(held) == case.n
    if asker is stand.straight:
        assert {b["contact"] for b in held} == {uri_of(c) for c in shown}
    assert stand.forget(asker, f"<sip:{ODD_USER}@example.com>").status == 200
    stand.unchanged()


@cases(GOOD, lambda c: c.status)
def test_odd_straight(stand, case):
    taken(stand, stand.straight, case)


@cases(GOOD, lambda c: c.through)
def test_odd_through_the_proxy(stand, case):
    taken(stand, stand.phone, case)


# Who is meant.

def shown(m):
    assert m.status == 200, m.text
    return sorted(uri_of(c) for c in m.all("Contact"))


@pytest.mark.parametrize("asker", ["straight", "phone"])
@pytest.mark.parametrize("to", [
    "<sip:%61lice@example.com>", "<sip:%61%6C%69%63%65@example.com>",
    "<sip:alice@EXAMPLE.Com>", "<sip:alice@example.com:5060>",
    "<sips:alice@example.com>", "<sip:alice@example.com;user=phone>",
    '"Bob" <sip:alice@example.com>', "sip:alice@example.com",
    "<sip:alice:secret@example.com>"])
def test_one_client_in_many_spellings(stand, asker, to):
    """Each of them is alice: shown her bindings, held to the order of her
    requests, and able to remove what she has."""
    asker = getattr(stand, asker)
    assert shown(asker.ask(stand.request(asker, to))) \
        == ["sip:alice@192.0.2.1", "sip:alice@192.0.2.2"]
    stale = stand.request(asker, to, ["*"], Expires="0", Call_ID="held-alice",
                          CSeq="5 REGISTER")
    assert asker.ask(stale).status == 500
    stand.unchanged()
    assert stand.forget(asker, to).status == 200
    table = stand.table()
    assert table.pop("alice@example.com") == []
    assert table == {k: v for k, v in stand.before.items()
                     if not k.startswith("alice@")}
    stand.hold("alice")
    stand.before = stand.table()


@pytest.mark.parametrize("to", [
    "<sip:ALICE@example.com>", "<sip:alice@example.com.>",
    "<sip:alice@www.example.com>", "<sip:alice%00@example.com>",
    "<sip:alice%20@example.com>", "<sip:alice%40example.com@example.com>",
    "<sip:alice%3b@example.com>", "<sip://alice@example.com>",
    "<sip:alice@203.0.113.3>"])
def test_another_client(stand, to):
    """None of them is alice: nothing is shown, and nothing removed."""
    asker = stand.straight
    assert shown(asker.ask(stand.request(asker, to))) == []
    assert shown(stand.forget(asker, to)) == []
    stand.unchanged()


@pytest.mark.parametrize("to", [
    "<sip:alice@example.com;ph-domain=example.net>",
    "<sip:alice@example.com;PH-Domain=example.net>"])
def test_words_of_the_dialect_in_a_phones_to(stand, to):
    """They do not make a client of another domain of it."""
    assert shown(stand.phone.ask(stand.request(stand.phone, to))) \
        == ["sip:alice@192.0.2.1", "sip:alice@192.0.2.2"]
    stand.unchanged()


# Too much for a datagram.

def closed(s):
    """Everything that came until the other end closed."""
    got = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionError:
            return got
        if not more:
            return got
        got += more


@pytest.mark.parametrize("n", [10000, 100000])
def test_ten_thousand_contacts(stand, n):
    """Over TCP: longer than any message may be. The connection ends, with a
    refusal or without, and others are served."""
    contacts = [f"<sip:alice@192.0.2.9:{1024 + i % 60000}>" for i in range(n)]
    with stand.net.tcp("first", (PROXY1, 5060), ANSWER) as s:
        m = stand.request(stand.phone, "<sip:alice@example.com>", contacts,
                          Expires="600", Via="SIP/2.0/TCP 10.0.0.16:5070;"
                          f"rport;branch={token('z9hG4bK')}")
        try:
            s.sendall(m.raw)
        except ConnectionError:
            pass
        got = closed(s)
    assert b"SIP/2.0 2" not in got
    asker = stand.phone
    assert shown(asker.ask(stand.request(asker, "<sip:alice@example.com>"))) \
        == ["sip:alice@192.0.2.1", "sip:alice@192.0.2.2"]
    stand.unchanged()


def test_a_stranger_is_not_told_what_is_wrong(stand):
    """Only the proxies are; it learns that it is none, where it asks well."""
    before = stand.redirect.metric("malformed")
    bad = [c for c in BAD if c.status == 400 and c.name.startswith("CSeq")]
    with stand.net.udp("stranger", 0) as s:
        s.settimeout(ANSWER)
        for case in bad:
            raw, _ = case.build("SIP/2.0/UDP 203.0.113.66:5060;rport", PATH)
            s.sendto(raw, (REDIRECT, 5060))
        good = stand.request(stand.straight, "<sip:bob@example.com>")
        s.sendto(good.raw, (REDIRECT, 5060))
        answer = Message(s.recv(65535))
        assert (answer.branch, answer.status) == (good.branch, 403)
    assert stand.redirect.metric("malformed") == before + len(bad)
    stand.unchanged()
