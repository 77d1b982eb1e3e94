# SPDX-License-Identifier: Apache-2.0
"""Programs that use the virtual address: test/tools/mysqlping."""

import json

from lib.wait import until


class _Client:
    def __init__(self, lan, host, argv):
        self.process = host.popen([lan.build.tool("mysqlping"), *argv], "mysqlping")

    @property
    def events(self):
        lines = self.process.text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def find(self, since=0.0, **fields):
        return [e for e in self.events if e["t"] >= since and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, seconds, since=0.0, count=1, **fields):
        """Waits for `count` such events and returns the last of those."""
        return until(lambda: self.find(since, **fields)[count - 1:count], seconds,
                     lambda: f"{count} × {fields} from a client; there were {self.events[-20:]}")[0]

    def finish(self):
        """Ends the program; returns its summary."""
        self.process.term()
        self.process.wait(10)
        return self.find(event="summary")[0]


class Ping(_Client):
    """Asks for @@server_id over a fresh connection every `interval_us`."""

    def __init__(self, lan, host, address, port=3306, interval_us=5000, deadline_ms=50):
        super().__init__(lan, host, ["ping", address, port, "-i", interval_us, "-d", deadline_ms])

    def wait_answer(self, host, seconds, since=0.0):
        """Waits for an answer from this host's server; returns when it came."""
        return self.wait(seconds, since, event="answer", id=host.number)["t"]


class Holders(_Client):
    """Clients that wait for a reply which does not come."""

    def __init__(self, lan, host, address, port=3306, clients=20, again=False, plain=False):
        flags = (["-r"] if again else []) + (["-p"] if plain else [])
        super().__init__(lan, host, ["hold", address, port, "-n", clients, *flags])
        self.clients = clients
        self.wait(20, event="holding")

    def wait_errors(self, seconds, since=0.0):
        """Waits until each of them has got an error; returns when the last did."""
        return self.wait(seconds, since, count=self.clients, event="error")["t"]
