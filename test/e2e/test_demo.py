# SPDX-License-Identifier: Apache-2.0
"""The demo does what it says, and leaves nothing behind when somebody has seen enough."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from lib.build import TOP
from lib.process import proc_state
from lib.wait import now, until


def start(build, folder):
    """The demo, with its temporary files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "SQLVIP_BUILD": str(build.folder), "SQLVIP_PEERS": str(build.peers),
           "TMPDIR": tempfile.mkdtemp(dir=folder)}
    demo = subprocess.Popen([sys.executable, "-B", TOP / "test" / "e2e" / "demo.py"], env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return demo, Path(env["TMPDIR"])


def test_demo_ends_well_and_in_time(build, folder):
    begun = now()
    demo, temporary = start(build, folder)
    said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, said
    assert now() - begun < 30
    order = [said.index(text) for text in ("mysqld is killed", "is taken", "first answer from backupsql", "longest time",
                                           "nothing moves back")]
    assert order == sorted(order), said
    assert all(text in said for text in ("the probe has seen it", "is removed", "priority 0 is sent")), said
    assert "\033" not in said  # colours are for terminals
    assert not list(temporary.iterdir())


def test_interrupted_demo_tidies_up(build, folder):
    demo, temporary = start(build, folder)
    said = ""
    while "sqlvipd runs on both" not in said:
        line = demo.stdout.readline()
        assert line, said
        said += line
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    assert len(children) > 5
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=20)
    assert demo.returncode == 130
    until(lambda: all(proc_state(pid) is None for pid in children), 5, "its processes to end")
    assert not list(temporary.iterdir())
