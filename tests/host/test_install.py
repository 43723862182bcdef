"""`make install` and `make uninstall`: where everything goes, and what stays."""

import json
import re
import subprocess

import pytest

from conftest import DAEMONS, make

CONFIGURATIONS = {f"etc/pinhole/{d}.json" for d in DAEMONS}


def files(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def places(prefix):
    return {
        *(f"{prefix}/sbin/{d}" for d in DAEMONS),
        *(f"{prefix}/lib/systemd/system/{d}.service" for d in DAEMONS),
        *(f"{prefix}/share/man/man8/{d}.8" for d in DAEMONS),
        *(f"{prefix}/share/man/man5/{d}.json.5" for d in DAEMONS),
        f"{prefix}/lib/sysusers.d/pinhole.conf",
        f"{prefix}/lib/sysctl.d/50-pinhole.conf",
    }


@pytest.mark.parametrize("args, prefix", [((), "usr/local"),
                                          (("PREFIX=/opt/x",), "opt/x")])
def test_all_of_it_is_below_destdir(tmp_path, args, prefix):
    make("install", f"DESTDIR={tmp_path}", *args)
    assert files(tmp_path) == places(prefix) | CONFIGURATIONS
    for daemon in DAEMONS:
        unit = (tmp_path / prefix /
                f"lib/systemd/system/{daemon}.service").read_text()
        assert f"ExecStart=/{prefix}/sbin/{daemon} " \
            f"-c /etc/pinhole/{daemon}.json\n" in unit
        assert not re.search(r"@\w+@", unit) and str(tmp_path) not in unit
    make("uninstall", f"DESTDIR={tmp_path}", *args)
    assert files(tmp_path) == CONFIGURATIONS


def test_a_configuration_is_never_overwritten(tmp_path):
    """And each host has a secret of its own."""
    one, other = tmp_path / "one", tmp_path / "other"
    conf = one / "etc/pinhole/relayd.json"
    make("install", f"DESTDIR={one}")
    conf.write_text('{"drain": 7}')
    secret = json.loads((one / "etc/pinhole/proxyd.json")
                        .read_text())["secret"]
    make("install", f"DESTDIR={one}")
    make("install", f"DESTDIR={other}")
    assert conf.read_text() == '{"drain": 7}'
    assert json.loads((one / "etc/pinhole/proxyd.json")
                      .read_text())["secret"] == secret
    assert json.loads((other / "etc/pinhole/proxyd.json")
                      .read_text())["secret"] != secret


@pytest.mark.parametrize("daemon", DAEMONS)
def test_what_is_installed_is_good(installed, daemon):
    conf = installed / f"etc/pinhole/{daemon}.json"
    assert conf.stat().st_mode & 0o777 == 0o640
    out = subprocess.run([installed / "usr/sbin" / daemon, "-t", "-c", conf],
                         text=True, check=True, capture_output=True).stdout
    assert out.splitlines()[0] == f"{conf}: configuration is good"
