# SPDX-License-Identifier: Apache-2.0
"""Where the programs under test, the tools and the peers are."""

import os
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Build:
    """Folders, as the Makefile names them in SQLVIP_BUILD and SQLVIP_PEERS."""

    folder: Path
    peers: Path
    soak: bool

    @classmethod
    def from_environment(cls):
        folder = Path(os.environ.get("SQLVIP_BUILD", TOP / "build")).resolve()
        peers = Path(os.environ.get("SQLVIP_PEERS", TOP / "build" / "peers")).resolve()
        return cls(folder, peers, os.environ.get("SQLVIP_SOAK", "") not in ("", "0"))

    @property
    def sqlvipd(self):
        return self.folder / "sqlvipd"

    @property
    def sqlvipctl(self):
        return self.folder / "sqlvipctl"

    @property
    def keepalived(self):
        return self.peers / "keepalived" / "usr" / "sbin" / "keepalived"

    def tool(self, name):
        return self.folder / "test" / "tools" / name

    @property
    def keep(self):
        """What must stay reachable on a host whose /tmp and /run are its own."""
        return [TOP, self.folder, self.peers]

    @property
    def shared(self):
        """For things that are made once and used by many tests."""
        return self.folder / "test"

    @property
    def sanitized(self):
        """Sanitizers make everything slower and larger; figures mean nothing then."""
        return "-san" in self.folder.name
