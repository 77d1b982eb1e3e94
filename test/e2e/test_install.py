# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and that `make uninstall` takes it away again, but no configuration."""

import os
import subprocess

from lib.build import TOP


def make(target, build, root):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = subprocess.run(["make", "-C", TOP, "-o", "all", target, f"B={build.folder}", f"DESTDIR={root}",
                           "PREFIX=/usr", "SYSCONFDIR=/etc", "DOCDIR=/usr/share/doc/sqlvip"],
                          env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def files(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def test_install_brings_the_examples_and_never_touches_a_configuration(build, tmp_path):
    own = tmp_path / "etc/sqlvip/sqlvip.conf"
    own.parent.mkdir(parents=True)
    own.write_text("# mine\n")
    make("install", build, tmp_path)
    there = files(tmp_path)
    docs = tmp_path / "usr/share/doc/sqlvip"
    assert (docs / "examples/sqlvip.conf").read_bytes() == (TOP / "etc/sqlvip.conf").read_bytes()
    for example in (TOP / "etc/examples").rglob("*"):
        assert (docs / "examples" / example.relative_to(TOP / "etc/examples")).exists(), example
    assert {p.rsplit("/", 1)[1] for p in there} >= {"sqlvipd", "sqlvipctl", "sqlvipd.8", "sqlvip.conf.5",
                                                    "sqlvip.service"}
    assert own.read_text() == "# mine\n"
    make("uninstall", build, tmp_path)
    assert files(tmp_path) == {"etc/sqlvip/sqlvip.conf"}
