"""The calls of the patent's Figs. 2a to 2c, between real phones in containers
behind firewalls in containers."""

import pytest

from support.net import NAT1, THIRD

ADDRESSES = "ip -o -4 addr show scope global"


def test_the_network_is_the_one_of_the_patent(site):
    """Two phones have the same address; what comes from one has its
    firewall's, and a port of its own; nobody gets in or out uninvited."""
    for host in ("first", "second"):
        assert [line.split()[3] for line in
                site.exec(host, *ADDRESSES.split()).splitlines()] \
            == ["10.0.0.16/24"]
    phone, public = site.udp("first", 6000), site.udp("third", 6000)
    for s in (phone, public):
        s.settimeout(5)
    phone.sendto(b"out", (THIRD, 6000))
    data, source = public.recvfrom(100)
    assert data == b"out" and source[0] == NAT1 and source[1] != 6000
    public.sendto(b"uninvited", (NAT1, 6000))
    public.sendto(b"answer", source)
    assert phone.recv(100) == b"answer"
    phone.settimeout(0.5)
    with pytest.raises(TimeoutError):
        phone.recv(100)
    for s in (phone, public):
        s.close()


@pytest.mark.parametrize("caller, callee", [
    pytest.param("first", "third", id="2a: to a public client"),
    pytest.param("third", "first", id="2b: from a public client"),
    pytest.param("first", "second", id="2c: both behind a NAT"),
])
def test_call_heard_both_ways(phoning, caller, callee):
    call = phoning.call(caller, callee)
    assert sum(phoning.sessions().values()) == 1
    call.still_heard()
    call.hang_up()
