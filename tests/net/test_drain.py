"""relayd drain and undrain: a relay that takes no new calls, stays up for those
it has, and is taken back; with proxies that have a list of relays, and with a
pool."""

import subprocess

import pytest

from asking import Asker
from calls import Deployment, Site, establish, hear_each_other, offer_of, \
    site  # noqa: F401
from operating import answer, refused, rows, said
from support.daemons import BIN, Daemon, relayd_conf
from support.net import REDIRECT, RELAY, Net, end_process, wait_until

CALLS = 24  # two relays of one size: all on one is one chance in 8 million
OTHER = f"{RELAY}:5070"
POOL = {"redirect": [f"{REDIRECT}:5060"], "expires": 6}


class Two(Deployment):
    """Two relays on one host. `pool`: proxies learn them from redirectd."""

    pool = False

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(
                self.net,
                proxyd={"relays": ["auto"] if self.pool
                        else [f"{RELAY}:5060", OTHER]},
                redirectd={"pool": {"trusted": [f"{RELAY}/32"]}},
                relayd=self.of_pool())
            self.site.other = Daemon(self.net, "relay", "relayd", {},
                                     http=("127.0.0.1", 8061), start=False)
            self.site.other.configure(relayd_conf(
                listen=[f"udp:{OTHER}"], drain=0,
                takeover=str(self.site.other.dir / "takeover"),
                media={"address": RELAY, "ports": [31000, 31999]},
                **self.of_pool()))
            self.site.other.start()
        usable(self.site, 2)
        return self.site

    def of_pool(self):
        return {"pool": POOL} if self.pool else {}


@pytest.fixture(scope="module", params=[False, True], ids=["list", "pool"])
def deployed(can_net, request):
    deployment = Two()
    deployment.pool = request.param
    yield deployment
    deployment.discard()


@pytest.fixture(autouse=True)
def undrained(site):
    yield
    said(site.other, "undrain")


def usable(site, count):
    for proxy in (site.proxy1, site.proxy2):
        proxy.wait_metric("relays_usable", lambda n: n == count)


def is_other(talk):
    return talk.near[0][1] >= 31000


def call(site):
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    talk.out, talk.back = out, back
    return talk


def call_on_other(site):
    for _ in range(CALLS):
        talk = call(site)
        if is_other(talk):
            return talk
        talk.hang_up()
    raise AssertionError("none of the calls went there")


def calls_there(site, count=CALLS):
    """How many of so many new calls the other relay gets; all of them are
    answered."""
    alice, bob = site.phone("second", "alice"), site.phone("third", "bob")
    talks = [establish(alice, bob) for _ in range(count)]
    there = sum(map(is_other, talks))
    for talk in talks:
        talk.hang_up()
    return there


def hear(talk):
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0])


def ask_again(talk):
    """A re-INVITE finds its relay."""
    talk.call.reinvite(offer_of(talk.call.ua, talk.out))
    asked = talk.leg.wait_reinvite()
    talk.leg.answer(offer_of(talk.leg.ua, talk.back))
    talk.call.wait_status(200)
    talk.call.ack()
    talk.leg.wait_ack()
    assert [m[1:] for m in asked.media] == talk.far


def is_drained(relay):
    assert relay.get("/readyz")[0] == 503
    assert relay.metric("drained") == 1
    assert relay.api("sessions")["draining"]
    assert "not ready: draining" in refused(relay, "ready")
    assert relay.proc.poll() is None


def is_back(site, relay):
    usable(site, 2)
    assert relay.get("/readyz")[0] == 200
    assert relay.metric("drained") == 0
    assert said(relay, "ready") == ""
    assert 0 < calls_there(site) < CALLS


def test_a_drained_relay_keeps_what_it_has_and_comes_back(site):
    old = call_on_other(site)
    hear(old)
    assert said(site.other, "drain") == "draining, 1 sessions left\n"
    # No call is lost meanwhile, though proxies may not know yet.
    assert calls_there(site) == 0
    usable(site, 1)
    is_drained(site.other)
    hear(old)
    ask_again(old)
    hear(old)
    assert "1 sessions left after 1 s" in refused(
        site.other, "drain", "--wait", "1")
    assert site.other.metric("sessions") == 1
    said(site.other, "undrain")
    is_back(site, site.other)
    hear(old)
    old.hang_up()


def test_what_proxies_and_the_directory_say_of_it(site, deployed):
    said(site.other, "drain")
    usable(site, 1)
    states = {r["RELAY"]: r["STATE"] for r in rows(site.proxy1, "relays")}
    listed = [r["relay"] for r in answer(site.redirect, "relays")]
    if deployed.pool:
        assert listed == [f"{RELAY}:5060"]
        assert "draining" in states[OTHER] or "joined" not in states[OTHER]
    else:
        assert states[OTHER] == "configured, draining"
    said(site.other, "undrain")
    usable(site, 2)
    if deployed.pool:
        wait_until(lambda: len(answer(site.redirect, "relays")) == 2, 10,
                   "the pool of two")


def test_waiting_ends_with_the_last_call(site):
    old = call_on_other(site)
    hear(old)
    waiting = subprocess.Popen(
        site.net.command("relay", [BIN / "relayd", "-c",
                                   site.other.conf_path, "drain", "--wait",
                                   "60"]),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        site.other.wait_log("draining, by command")
        usable(site, 1)
        assert waiting.poll() is None
        old.hang_up()
        assert waiting.communicate(timeout=20)[0] == "drained\n"
        assert waiting.returncode == 0
    finally:
        end_process(waiting)
        waiting.stdout.close()
    assert site.other.metric("sessions") == 0
    is_drained(site.other)
    assert said(site.other, "drain", "--wait", "0") == "drained\n"


def test_undraining_ends_the_waiting(site):
    old = call_on_other(site)
    waiting = subprocess.Popen(
        site.net.command("relay", [BIN / "relayd", "-c",
                                   site.other.conf_path, "drain", "--wait",
                                   "60"]),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: site.other.metric("drained"), 10, "drained")
        said(site.other, "undrain")
        assert "undrained meanwhile, with 1 sessions" in \
            waiting.communicate(timeout=20)[1]
        assert waiting.returncode == 1
    finally:
        end_process(waiting)
        waiting.stderr.close()
    old.hang_up()


def test_it_stays_drained_over_sighup_and_takeover(site):
    """The next one goes on with the calls, and takes no new ones either."""
    old = call_on_other(site)
    hear(old)
    said(site.other, "drain")
    site.other.reload()
    site.other.wait_log("configuration reloaded")
    is_drained(site.other)
    before = site.other.proc
    site.other.start(ready=False, args=["--takeover"])
    assert before.wait(15) == 0, site.other.log()
    wait_until(lambda: site.other.get("/readyz")[0] == 503, 10, "the next")
    is_drained(site.other)
    hear(old)
    ask_again(old)
    usable(site, 1)
    assert calls_there(site) == 0
    old.hang_up()
    said(site.other, "undrain")
    is_back(site, site.other)


def test_a_relay_that_ends_takes_no_command(site):
    """A signal is the last word."""
    relay = Daemon(site.net, "relay", "relayd", relayd_conf(
        listen=[f"udp:{RELAY}:5080"], drain=60,
        media={"address": RELAY, "ports": [32000, 32999]}),
        http=("127.0.0.1", 8062))
    try:
        asker = Asker(site.net, 5061)
        asker.to = (RELAY, 5080)
        assert asker.offer("held").status == 302
        relay.proc.terminate()
        relay.wait_log("draining, a second signal")
        for command in ("drain", "undrain"):
            assert "a signal has told it to end" in refused(relay, command)
        is_drained(relay)
        assert asker.release("held").status == 200
        assert relay.proc.wait(15) == 0
    finally:
        end_process(relay.proc)


@pytest.mark.parametrize("wait", ["x", "-1", "1.5", "", "99999999"])
def test_no_such_time(site, wait):
    assert "--wait: expected 0 to 604800 seconds" in refused(
        site.other, "drain", f"--wait={wait}")
    assert site.other.metric("drained") == 0


def test_drain_twice_is_no_error(site):
    assert said(site.other, "drain") == said(site.other, "drain")
    assert said(site.other, "undrain") == said(site.other, "undrain")
    assert site.other.log().count("draining no more") \
        == site.other.log().count("draining, by command")


def test_who_only_looks_does_not_change_it(site):
    """A link that somebody follows drains nothing."""
    for path in ("drain", "undrain"):
        assert site.other.get(f"/api/{path}")[0] == 405
    assert site.other.metric("drained") == 0
