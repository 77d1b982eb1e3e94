# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and that `make uninstall` takes it away again, but no configuration."""

import os
import subprocess

from lib.build import TOP


def make(target, build, root, sysconfdir="/etc"):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    done = subprocess.run(["make", "-C", TOP, "-o", "all", target, f"B={build.folder}", f"DESTDIR={root}",
                           "PREFIX=/usr", f"SYSCONFDIR={sysconfdir}", "DOCDIR=/usr/share/doc/sqlvip"],
                          env=env, umask=0o077, capture_output=True, text=True, timeout=60)
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
    assert {p.removeprefix("usr/") for p in there} >= {
        "sbin/sqlvipd", "sbin/sqlvipctl", "share/man/man8/sqlvipd.8", "share/man/man8/sqlvipctl.8",
        "share/man/man5/sqlvip.conf.5", "lib/systemd/system/sqlvip.service", "lib/sysusers.d/sqlvip.conf"}
    assert own.read_text() == "# mine\n"
    make("uninstall", build, tmp_path)
    assert files(tmp_path) == {"etc/sqlvip/sqlvip.conf"}
    assert not docs.exists()


def test_installed_files_can_be_read_by_all_whatever_the_umask(build, tmp_path):
    make("install", build, tmp_path)
    for p in (tmp_path / "usr").rglob("*"):
        wanted = 0o555 if p.is_dir() or p.parent.name == "sbin" else 0o444
        assert p.stat().st_mode & wanted == wanted, p


def test_man_pages_name_the_folders_of_the_installation(build, tmp_path):
    make("install", build, tmp_path, sysconfdir="/opt/etc")
    pages = {p.name: p.read_text() for p in (tmp_path / "usr/share/man").rglob("*.[58]")}
    assert "/usr/share/doc/sqlvip/examples/" in pages["sqlvip.conf.5"]
    for name, text in pages.items():
        assert "/opt/etc/sqlvip/sqlvip.conf" in text, name
        assert "/usr/local/share" not in text and "/etc/sqlvip" not in text.replace("/opt/etc/sqlvip", ""), name


def test_uninstall_leaves_what_others_put_beside_the_documents(build, tmp_path):
    make("install", build, tmp_path)
    (tmp_path / "usr/share/doc/sqlvip/NEWS").write_text("of somebody else\n")
    make("uninstall", build, tmp_path)
    assert files(tmp_path) == {"usr/share/doc/sqlvip/NEWS"}


def words(unit, key):
    """All values of a key of a unit file, of all its lines."""
    return [word for line in unit.splitlines() if line.startswith(f"{key}=") for word in line.partition("=")[2].split()]


def test_unit_leaves_the_state_directory_to_the_agent():
    """systemd would give it to root at each command of the unit, also a reload, and the engine is somebody else."""
    unit = (TOP / "etc/sqlvip.service").read_text()
    assert words(unit, "ExecReload") and not words(unit, "StateDirectory")


def test_unit_stops_what_it_excludes_before_it_starts():
    """systemd.unit(5): between units without an order, starting and stopping happen at the same time."""
    unit = (TOP / "etc/sqlvip.service").read_text()
    excluded = words(unit, "Conflicts")
    assert "keepalived.service" in excluded and set(excluded) <= set(words(unit, "After"))


def test_unit_starts_after_the_services_that_know_users():
    unit = (TOP / "etc/sqlvip.service").read_text()
    assert "nss-user-lookup.target" in words(unit, "After")
    assert "1" not in words(unit, "RestartPreventExitStatus"), "the exit status of a look-up that failed"
