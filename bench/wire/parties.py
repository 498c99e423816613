# SPDX-License-Identifier: Apache-2.0
"""Repositories reached in three ways, each with its servers: embedded, unix socket, TLS on loopback.

Everything of one (keys, states, the repository) is below one folder; its servers run from __enter__
to __exit__, are told to end, and waited for.
"""
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import time
from typing import Dict, List

from common.command import CommandFailed, run

EMBEDDED, UNIX, TLS = WAYS = ("embedded", "unix", "tls")


class Reached(contextlib.ExitStack):
    """A new repository. `environment` is what ebb needs to find it."""

    def __init__(self, way: str, folder: str, ebb: str, *options: str) -> None:
        super().__init__()
        self._way = way
        self._folder = folder
        self.ebb = ebb
        self._options = options  # Of `ebb-storage serve`.
        self._agent = 0
        self.repository = os.path.join(folder, "repository")
        self.environment = dict(os.environ, LC_ALL="C.UTF-8", HOME=folder,
                                EBB_STATE=os.path.join(folder, "source"),
                                EBB_PASSPHRASE_FILE=os.path.join(folder, "passphrase"),
                                EBB_SOURCE_KEY=os.path.join(folder, "source.key"))

    def __enter__(self) -> "Reached":
        with open(self.environment["EBB_PASSPHRASE_FILE"], "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(18))
        try:
            address = {EMBEDDED: lambda: self.repository, UNIX: self._by_socket,
                       TLS: self._by_tls}[self._way]()
            self.environment["EBB_REPO"] = address
            operator = os.path.join(self._folder, "operator")
            run(self.ebb, "init", address, "--quiet",
                env=dict(self.environment, EBB_STATE=operator))
        except BaseException:
            self.close()
            raise
        return self

    def backup(self, image: str, volume: str) -> List[str]:
        return [self.ebb, "backup", image, "--volume", volume, "--quiet", "--json"]

    def restore(self, volume: str, target: str) -> List[str]:
        return [self.ebb, "restore", f"{volume}@latest", target, "--yes", "--quiet", "--journal",
                os.path.join(self._folder, "journal")]

    def agent_usage(self) -> Dict[str, float]:
        """Of the agent until now: CPU seconds and the most memory. Nothing where there is none."""
        if self._agent == 0:
            return {}
        with open(f"/proc/{self._agent}/status", encoding="utf-8") as file:
            peak = re.search(r"VmHWM:\s+(\d+)", file.read())
        with open(f"/proc/{self._agent}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return {"agent_peak_bytes": int(peak.group(1)) * 1024,
                "agent_cpu_seconds": ticks / os.sysconf("SC_CLK_TCK")}

    def _by_socket(self) -> str:
        socket = os.path.join(self._folder, "storage.sock")
        self._serve_storage("--socket", socket)
        return f"unix:{socket}:main"

    def _by_tls(self) -> str:
        state = os.path.join(self._folder, "manager")
        environment = dict(self.environment, EBB_MANAGER_DIR=state)

        def manager(*words: str) -> str:
            return run(self._program("ebb-manager"), *words, "--json", env=environment)

        manager("init", state, "--address", "127.0.0.1")
        _, port = self._serve([self._program("ebb-manager"), "serve", "--listen", "127.0.0.1:0",
                               "--enroll-listen", "127.0.0.1:0"], environment, r"enrolment=(\d+)")
        for role, program, more in (("storage", "ebb-storage", ["--server-name", "127.0.0.1"]),
                                    ("operator", "ebb", []), ("source", "ebb", [])):
            token = json.loads(manager("token", "create", "--role", role))["token"]
            run(self._program(program), "enroll", f"127.0.0.1:{port}", token, "--name", role, *more,
                env=dict(self.environment, EBB_STATE=os.path.join(self._folder, role)))
        manager("repository", "create", "main", "--storage", "storage")
        manager("repository", "allow", "main", "--host", "source")
        at = self._serve_storage("--listen", "127.0.0.1:0", "--address", "127.0.0.1", "--poll", "1")
        return f"ebb://127.0.0.1:{at}/main"

    def _serve_storage(self, *where: str) -> str:
        self._agent, port = self._serve(
            [self._program("ebb-storage"), "serve", "--repository", f"main={self.repository}",
             *where, *self._options],
            dict(self.environment, EBB_STATE=os.path.join(self._folder, "storage")), r"port=(\d+)")
        return port

    def _serve(self, command: List[str], environment: Dict[str, str], says: str) -> tuple:
        """Its process, and what it said: by then it listens."""
        path = os.path.join(self._folder, os.path.basename(command[0]) + ".log")
        with open(path, "w", encoding="utf-8") as log:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env=environment)
        self.callback(_end, server)
        while True:
            running = server.poll() is None
            with open(path, encoding="utf-8") as file:
                text = file.read()
            found = re.search(says, text)
            if found:
                return server.pid, found.group(1)
            if not running:
                raise CommandFailed(f"{' '.join(command)}: {text}")
            time.sleep(0.01)

    def _program(self, name: str) -> str:
        return os.path.join(os.path.dirname(self.ebb), name)


def _end(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
