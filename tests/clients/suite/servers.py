"""Real servers, and Redpoll before them. Each is a target: a port to give to a job."""

import os
import socket
import subprocess
import urllib.request

from .processes import Failure, Process, free_port, wait_until

PRIMARIES = 3
ATTEMPTS = 5
# The exit code of a proxy that could not bind (EX_UNAVAILABLE).
CANNOT_BIND = 69

CONFIG = """\
listeners:
  - {{address: "127.0.0.1:{port}", upstream: main}}
upstreams:
  main:
    {target}
admin: {{address: "127.0.0.1:{admin}"}}
workers: 2
drain_timeout: 2s
"""


class Server:
    """One server, standalone or a node of a cluster. `REDPOLL_SERVER` names its binary."""

    def __init__(self, folder, node=False):
        os.makedirs(folder)
        for _ in range(ATTEMPTS):
            self.port = free_port()
            self.process = Process(self._command(folder, node), folder / "server.log")
            wait_until("the server answers PING", self._is_up)
            if self.process.ended() is None:
                return
        raise Failure(f"the server does not start:\n{self.process.tail()}")

    def _command(self, folder, node):
        command = [
            os.environ.get("REDPOLL_SERVER", "redis-server"), "--port", self.port,
            "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no",
        ]
        if node:
            command += ["--cluster-enabled", "yes", "--cluster-port", free_port(),
                        "--cluster-node-timeout", "5000"]
        return command

    def _is_up(self):
        if self.process.ended() is not None:
            return True
        try:
            return self.say("PING").startswith("+PONG")
        except OSError:
            return False

    def say(self, line):
        """What it answers to a command, up to what is there at once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(line.encode() + b"\r\n")
            return connection.recv(65_536).decode(errors="replace")


class Direct:
    """The servers themselves."""

    proxied = False

    def __init__(self, servers):
        self.servers = servers
        self.over = "server" if len(servers) == 1 else "cluster"
        self.port = servers[0].port

    def empty(self):
        """Makes the servers as they were: without data, scripts and functions."""
        for server in self.servers:
            for reset in ("FLUSHALL SYNC", "SCRIPT FLUSH SYNC", "FUNCTION FLUSH SYNC"):
                reply = server.say(reset)
                if not reply.startswith("+OK"):
                    raise Failure(f"{reset} gave {reply}")

    def cut(self):
        """Ends the connections of all clients."""
        for server in self.servers:
            for kind in ("normal", "pubsub"):
                server.say(f"CLIENT KILL TYPE {kind} SKIPME yes")


class Proxied(Direct):
    """Redpoll before the servers. `REDPOLL_BIN` names its binary."""

    proxied = True

    def __init__(self, servers, folder, binary):
        super().__init__(servers)
        self.folder, self.binary = folder, binary
        os.makedirs(folder)
        for _ in range(ATTEMPTS):
            self.port, self.admin = free_port(), free_port()
            if self._start():
                return
        raise Failure(f"the proxy cannot bind:\n{self.process.tail()}")

    def cut(self):
        """Ends the connections of all clients: the proxy stops as at a deployment, and is back."""
        code = self.process.terminate(20)
        if code != 0:
            raise Failure(f"the proxy ended with {code}:\n{self.process.tail()}")
        if not self._start():
            raise Failure("somebody took the port of the proxy that was restarted")

    def check(self):
        """Fails unless it is still there."""
        if self.process.ended() is not None:
            raise Failure(f"the proxy ended with {self.process.ended()}:\n{self.process.tail()}")

    def _start(self):
        addresses = ", ".join(f'"127.0.0.1:{server.port}"' for server in self.servers[:2])
        target = f"server: {addresses}" if self.over == "server" else f"cluster: [{addresses}]"
        config = self.folder / "redpoll.yaml"
        config.write_text(CONFIG.format(port=self.port, admin=self.admin, target=target))
        command = [self.binary, "run", "--config", config]
        self.process = Process(command, self.folder / "redpoll.log")
        wait_until("the proxy is ready", self._is_up)
        if self.process.ended() not in (None, CANNOT_BIND):
            self.check()
        return self.process.ended() is None

    def _is_up(self):
        if self.process.ended() is not None:
            return True
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/ready", timeout=5):
                return True
        except OSError:
            return False


def cluster(folder):
    """Three primaries that serve all the slots between them."""
    nodes = [Server(folder / f"node{number}", node=True) for number in range(PRIMARIES)]
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
    made = subprocess.run(create, capture_output=True, text=True, timeout=60, check=False)
    if made.returncode != 0:
        raise Failure(f"redis-cli --cluster create failed:\n{made.stdout}{made.stderr}")
    wait_until("the cluster is whole", lambda: all(
        "cluster_state:ok" in node.say("CLUSTER INFO") for node in nodes))
    return nodes
