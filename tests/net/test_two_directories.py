"""Two redirectd on one Redis, both proxies naming both. One of them may be
killed, and so may Redis; whoever is there again serves again."""

import itertools
import threading

import pytest

from calls import Site, establish, traced
from lone import Asker
from robust import hang_up, paused, talking  # noqa: F401
from support.daemons import Daemon, redirectd_conf
from support.net import PROXY1, REDIRECT, RELAY, wait_until
from support.redis_server import Redis
from support.sipmsg import Message, token, uri_of

DIRECTORIES = [(REDIRECT, 5060), (RELAY, 5070)]
BOUND = 8.0  # seconds for an answer, whatever is away


class TwoDirectories(Site):
    """The usual deployment with another redirectd, on the relay's host."""

    def __init__(self, net):
        self.redis = Redis(net)
        common = {"store": self.redis.url}
        self.second = Daemon(net, "relay", "redirectd", redirectd_conf(
            listen="udp:%s:%d" % DIRECTORIES[1], **common),
            http=("127.0.0.1", 8062))
        super().__init__(net, redirectd=common, proxyd={
            "redirect": ["%s:%d" % d for d in DIRECTORIES]})
        self.pinhole.all["second"] = self.second
        self.directories = [self.redirect, self.second]

    def queries(self, call_id):
        """How often proxies have asked a directory because of a call, that is
        to say of one INVITE each."""
        return [len({m.branch for m in traced(p, call_id, "out",
                                              start="INVITE")
                     if m.peer in DIRECTORIES})
                for p in (self.proxy1, self.proxy2)]

    def call(self, one, other):
        """From INVITE to BYE; nobody asks more than twice."""
        talk = establish(one, other)
        talk.hang_up()
        assert 1 <= max(self.queries(talk.call_id)) <= 2
        return talk

    def pairs(self):
        """Phones behind both NATs, and one behind none."""
        here = [self.phone(host, name) for host, name in
                (("first", "alice"), ("second", "bob"), ("third", "carol"))]
        return here, list(itertools.permutations(here, 2))

    def unhurt(self, *but):
        """All that were not hurt on purpose run, and complain about
        nothing."""
        for daemon in self.pinhole.all.values():
            assert daemon.proc.poll() is None, daemon.log()
            assert daemon in but or "level=error" not in daemon.log(), \
                daemon.log()


@pytest.fixture
def site(net):
    here = TwoDirectories(net)
    yield here
    here.settled()


class Busy:
    """A phone that registers all the time: how each attempt went."""

    def __init__(self, phone):
        self.phone, self.statuses = phone, []
        self._ends = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._ends.is_set():
                answer = self.phone.refresh(timeout=BOUND)
                self.statuses.append(answer.status)
        except Exception as e:
            self._failure = e

    def wait(self, more):
        """Until it has registered so many times more."""
        n = len(self.statuses) + more
        wait_until(lambda: self._failure or len(self.statuses) >= n, 30,
                   "registrations")

    def end(self):
        self._ends.set()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self.statuses


def shown(phone):
    """What the directory says is registered for it."""
    r = phone._register
    r["cseq"] += 1
    answer = phone.transact(
        "REGISTER", f"sip:{phone.domain}", call_id=r["call_id"],
        cseq=r["cseq"], tag=r["tag"], dest=f"<{phone.aor}>")
    assert answer.status == 200
    return [uri_of(c) for c in answer.all("Contact")]


@pytest.mark.parametrize("killed", [0, 1])
def test_a_directory_is_killed_in_the_middle(site, killed):
    """Of calls and registrations through both NATs: all of them succeed,
    before, meanwhile and after it is back."""
    here, pairs = site.pairs()
    busy = [Busy(site.phone(host, f"busy{i}"))
            for i, host in enumerate(["first", "second"] * 2)]
    for one, other in pairs:
        site.call(one, other)
    held = talking(here[0], here[1])
    ringing = here[1].invite(here[2].aor)
    busy[0].wait(5)
    site.directories[killed].kill()
    leg = here[2].incoming()
    leg.ring()
    ringing.wait_status(180)
    for one, other in pairs:
        site.call(one, other)
    hang_up(*held)
    ringing.cancel()
    for b in busy:
        b.wait(5)
    site.directories[killed].start()
    for one, other in pairs:
        site.call(one, other)
    statuses = [s for b in busy for s in b.end()]
    assert set(statuses) == {200} and len(statuses) > 20
    for phone in [*here, *(b.phone for b in busy)]:
        assert shown(phone) == [phone.contact_uri]
    site.unhurt()


def test_a_directory_hangs(site):
    """It neither answers nor ends: who comes to it first waits for a moment,
    all others go to the other one."""
    here, pairs = site.pairs()
    with paused(site.redirect):
        for one, other in pairs:
            site.call(one, other)
        for phone in here:
            assert phone.refresh(timeout=BOUND).status == 200
        failovers = site.proxy1.metric("redirect_failovers") \
            + site.proxy2.metric("redirect_failovers")
        assert failovers >= 1
    for one, other in pairs:
        site.call(one, other)
    site.unhurt()


def refused(phone):
    """It is told to come again, not that all is well."""
    answer = phone.refresh(timeout=BOUND)
    assert answer.status == 503, answer.text
    assert int(answer.get("Retry-After")) > 0


def away(site):
    """Both have found out."""
    for d in site.directories:
        d.wait_metric("store_up", lambda up: up == 0)


def back(site, here):
    """All of it, without anybody being started again."""
    for d in site.directories:
        d.wait_metric("store_up", lambda up: up == 1)
    for phone in here:
        answer = phone.refresh()
        assert answer.status == 200
        assert [uri_of(c) for c in answer.all("Contact")] \
            == [phone.contact_uri]
    late = site.phone("first17", "late")
    for phone in here:
        site.call(late, phone)
        site.call(phone, late)


def stale(site):
    return sum(d.metric("queries_stale") for d in site.directories)


def served_from_memory(site, pairs):
    """Calls to whom they know."""
    before = stale(site)
    for one, other in pairs:
        site.call(one, other)
    assert stale(site) >= before + len(pairs)
    new = site.phone("second17", "new", register=False)
    refused(new)


def test_redis_is_killed(site):
    """While it is away calls go to where clients were, and registrations are
    refused rather than forgotten."""
    here, pairs = site.pairs()
    for one, other in pairs:
        site.call(one, other)
    assert stale(site) == 0
    site.redis.kill()
    away(site)
    for phone in here:
        refused(phone)
    served_from_memory(site, pairs)
    site.redis.start()
    back(site, here)
    assert {name: d.metric("registers_failed") > 0
            for name, d in site.pinhole.all.items()
            if d in site.directories} == {"redirect": True, "second": True}
    site.unhurt(*site.directories)


def test_redis_hangs(site):
    """It neither answers nor ends: not for long is anybody kept waiting, and
    what it had been told meanwhile was refused."""
    here, pairs = site.pairs()
    for one, other in pairs:
        site.call(one, other)
    with paused(site.redis):
        refused(here[0])
        away(site)
        for phone in here:
            refused(phone)
        served_from_memory(site, pairs)
    back(site, here)
    site.unhurt(*site.directories)


def test_redis_is_restarted_under_load(site):
    """No 200 is false: what is registered then is there, and of each phone
    once."""
    busy = [Busy(site.phone(host, f"busy{i}"))
            for i, host in enumerate(["first", "second", "third"] * 2)]
    for _ in range(3):
        busy[0].wait(5)
        site.redis.kill()
        away(site)
        site.redis.start()
        for d in site.directories:
            d.wait_metric("store_up", lambda up: up == 1)
    n = [len(b.statuses) for b in busy]
    wait_until(lambda: all(200 in b.statuses[i:]
                           for b, i in zip(busy, n)), 30, "registrations")
    statuses = [s for b in busy for s in b.end()]
    assert set(statuses) == {200, 503}, statuses
    for b in busy:
        assert shown(b.phone) == [b.phone.contact_uri]


def test_both_directories_are_killed_and_started_again(site):
    """What they have said is in Redis; the copies begin anew."""
    here, pairs = site.pairs()
    for d in site.directories:
        d.kill()
    for d in site.directories:
        d.start()
    for one, other in pairs:
        site.call(one, other)
    for phone in here:
        assert shown(phone) == [phone.contact_uri]
    site.unhurt()


# Many clients behind one NAT.

def crowd(site, n):
    """So many clients of one phone's address, registered through proxy1."""
    box = Asker(site.net, 5998, (PROXY1, 5060), host="first")
    for i in range(n):
        user = f"crowd{i}"
        m = Message.build("REGISTER sip:example.com SIP/2.0", [
            ("Via", f"SIP/2.0/UDP 10.0.0.16:5998;rport;"
             f"branch={token('z9hG4bK')}"), ("Max-Forwards", "70"),
            ("From", f"<sip:{user}@example.com>;tag={token()}"),
            ("To", f"<sip:{user}@example.com>"), ("Call-ID", token("c")),
            ("CSeq", "1 REGISTER"), ("Expires", "600"),
            ("Contact", f"<sip:{user}@10.0.0.16:5998>")])
        assert box.ask(m).status == 200


@pytest.mark.parametrize("alone", [False, True])
def test_a_restarted_proxy_recalls_its_clients(site, alone):
    """Page by page, from whichever directory is there: also from one that was
    never told of them itself."""
    here, pairs = site.pairs()
    crowd(site, 60)
    if alone:
        site.redirect.kill()
    site.proxy1.restart(kill=True)
    site.proxy1.wait_metric("bindings_recalled", lambda n: n == 61)
    assert site.proxy1.metric("nat_clients") == 61
    recalls = [d.metric("recalls") for d in site.directories
               if d.proc.poll() is None]
    assert sum(recalls) >= 3
    for one, other in pairs:
        site.call(one, other)
