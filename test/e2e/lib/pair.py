# SPDX-License-Identifier: Apache-2.0
"""Two hosts with a MariaDB server and an agent each, and a client: what most tests, the demo and the bench want."""

from lib.agents import VIP, Sqlvipd, instance, mysql_check
from lib.clients import Holders, Ping
from lib.lan import Lan
from lib.mariadb import MariaDB


class Pair(Lan):
    """mastersql 192.168.1.1, backupsql 192.168.1.2 and client 192.168.1.50 on one bridge, watched."""

    def __enter__(self):
        super().__enter__()
        try:
            self.master = self.add("mastersql", "192.168.1.1")
            self.backup = self.add("backupsql", "192.168.1.2")
            self.client = self.add("client", "192.168.1.50")
            self.watch()
        except BaseException:
            self.end()
            raise
        return self

    def start_servers(self, *options, resident_gib=0):
        """A MariaDB server on both hosts; `self.mysql` maps a host's name to its server."""
        self.mysql = {h.name: self.server(h, *options, resident_gib=resident_gib) for h in (self.master, self.backup)}
        for server in self.mysql.values():
            server.start(wait=False)
        for server in self.mysql.values():
            server.wait_ready()
        return self.mysql

    def server(self, host, *options, resident_gib=0):
        """A MariaDB server that has not been started."""
        return MariaDB(host, self.build, options, resident_gib)

    def agent(self, host, config):
        """A sqlvipd that has not been started."""
        return Sqlvipd(host, self.build, config)

    def start_agents(self, *lines, check=None, priorities=(200, 150), **options):
        """sqlvipd on both hosts, with instance() of these lines and options and the given mysql_check().

        Waits until mastersql holds the VIP and backupsql is BACKUP; `self.agents` maps names to agents."""
        check = mysql_check() if check is None else check
        configs = [check + instance(priority, *lines, **options) for priority in priorities]
        return self.start_configured(*configs)

    def start_configured(self, master_config, backup_config, seconds=15):
        """The same with whole configurations. The second starts when the first is master, so that nothing races."""
        self.agents = {self.master.name: self.agent(self.master, master_config).start()}
        self.watcher.wait_holder(self.master, VIP, seconds)
        self.agents[self.backup.name] = self.agent(self.backup, backup_config).start()
        self.agents[self.backup.name].wait_state("BACKUP", seconds)
        return self.agents

    def start_all(self, *lines, server_options=(), **options):
        """Servers and agents."""
        self.start_servers(*server_options)
        return self.start_agents(*lines, **options)

    def ping(self, **options):
        """A client that asks who answers on the VIP."""
        return Ping(self, self.client, VIP, **options)

    def holders(self, **options):
        """Clients that wait for a reply over the VIP."""
        return Holders(self, self.client, VIP, **options)
