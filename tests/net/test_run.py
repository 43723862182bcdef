"""`make run`: what a newcomer starts first."""

import os
import signal
import subprocess

from support.daemons import BIN, NO_FILE
from support.net import PROXY1, TOP, end_process, wait_until
from support.sip import UA


def test_a_host_is_up_with_one_command(net, tmp_path):
    """It says what to type into a phone, and how to give it a password; what
    it says is so, and Ctrl-C ends all of it."""
    log = tmp_path / "log"
    env = {**os.environ, "BIN": str(BIN)}
    with open(log, "wb") as out:
        run = net.popen("proxy1", TOP / "deploy/run", tmp_path / "state",
                        stdout=out, stderr=out, env=env)
    try:
        wait_until(lambda: "Pinhole is running" in log.read_text()
                   or run.poll() is not None, 20, log.read_text)
        said = log.read_text()
        assert f"SIP server / domain   {PROXY1}:5060" in said, said
        for daemon in ("redirectd", "relayd", "proxyd"):
            assert f'daemon={daemon} msg="ready"' in said, said

        # a public address is not served as long as there are no passwords
        bob = net.own(UA(net, "stranger", "bob", PROXY1, PROXY1,
                         password="a secret"))
        assert bob.register().status == 403
        store = said.split("REDIRECTD_STORE=")[1].split()[0]
        subprocess.run([BIN / "redirectd", *NO_FILE, "user", "add",
                        f"bob@{PROXY1}"],
                       input="a secret\n", text=True, check=True,
                       env={**env, "REDIRECTD_STORE": store})
        wait_until(lambda: bob.refresh().status == 200, 10,
                   "the first password closes the directory, and opens it")
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
        for daemon in ("redirectd", "relayd", "proxyd"):
            assert f'daemon={daemon} msg="draining' in log.read_text()
    finally:
        end_process(run, 20)
