"""What a cluster does with a pod, after a Deployment's manifest: probes, Service, update, end.

No cluster: the container is a process on a port of its own instead of an address, and the
Service is a proxy for connections instead of kube-proxy's translation of addresses. When and
how things are asked, run and signalled is the manifest's.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from tests.support.gateway import GatewayProcess
from tests.support.waiting import wait_for

# Until nodes and ingresses have heard that a pod is leaving.
HEARD_SECONDS = 3.0


class Probe:
    """One probe of a pod, from now until ``stop``. ``healthy`` follows it."""

    def __init__(self, spec: dict[str, Any], port: int) -> None:
        self._path = spec["httpGet"]["path"]
        self._port = port
        self._spec = spec
        self.healthy = False
        self.asked = 0
        # How often it was healthy no more.
        self.failed = 0
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        failures = 0
        if self._stop.wait(self._spec.get("initialDelaySeconds", 0)):
            return
        while True:
            self.asked += 1
            if self._succeeds():
                failures, self.healthy = 0, True
            else:
                failures += 1
                if failures == self._spec["failureThreshold"]:
                    self.failed += self.healthy
                    self.healthy = False
            if self._stop.wait(self._spec["periodSeconds"]):
                return

    def _succeeds(self) -> bool:
        request = f"GET {self._path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n"
        try:
            with socket.create_connection(
                ("127.0.0.1", self._port), self._spec["timeoutSeconds"]
            ) as sock:
                sock.sendall(request.encode())
                with sock.makefile("rb") as answer:
                    status = int(answer.readline().split()[1])
        except (OSError, ValueError, IndexError):
            return False
        return 200 <= status < 400

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Pod:
    """A running container. ``spec``: the pod's, of the manifest."""

    def __init__(self, spec: dict[str, Any], running: GatewayProcess) -> None:
        (container,) = spec["containers"]
        self.running = running
        self.killed = False
        self._grace = spec["terminationGracePeriodSeconds"]
        self._hook = container["lifecycle"]["preStop"]["exec"]["command"]
        ports = {port["name"] for port in container["ports"]}
        assert {container[probe]["httpGet"]["port"] for probe in _PROBES} == {"admin"} <= ports
        self.ready, self.alive = (Probe(container[name], running.admin) for name in _PROBES)

    def wait_until_ready(self) -> None:
        wait_for(lambda: self.ready.healthy, "the pod to be ready", 30)

    def end(self) -> None:
        """preStop, then SIGTERM, then SIGKILL when all of the time is over."""
        ends = time.monotonic() + self._grace
        subprocess.run(self._hook, check=True, timeout=self._grace)
        self.serves_until_told = self.ready.healthy
        self.ready.stop()
        self.alive.stop()
        self.running.process.send_signal(signal.SIGTERM)
        try:
            self.running.process.wait(ends - time.monotonic())
        except subprocess.TimeoutExpired:
            self.killed = True
            self.running.process.kill()

    def stop(self) -> None:
        self.ready.stop()
        self.alive.stop()


_PROBES = ("readinessProbe", "livenessProbe")


class Service:
    """New connections go to ready pods in turn; those that there are stay where they are."""

    def __init__(self, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._lock = Lock()
        self._pods: list[Pod] = []
        self._turn = 0
        # Those that were connected, and to which pods.
        self.connections: list[Pod] = []
        Thread(target=self._accept, daemon=True).start()

    def add(self, pod: Pod) -> None:
        with self._lock:
            self._pods.append(pod)

    def remove(self, pod: Pod) -> None:
        with self._lock:
            self._pods.remove(pod)

    def _next(self) -> Pod:
        with self._lock:
            ready = [pod for pod in self._pods if pod.ready.healthy]
            self._turn += 1
            pod = ready[self._turn % len(ready)]
            self.connections.append(pod)
            return pod

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        port = self._next().running.port
        with client, socket.create_connection(("127.0.0.1", port)) as pod:
            back = Thread(target=_pass, args=(pod, client), daemon=True)
            back.start()
            _pass(client, pod)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def service() -> Iterator[Service]:
    """Until the end of the test."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield Service(listener)
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def roll(
    pods: list[Pod], start: Any, strategy: dict[str, Any], service: Service, stack: ExitStack
) -> list[Pod]:
    """A rolling update: as many new pods, each ready before an old one is told to go."""
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}, "what is done here"
    new, leaving = [], []
    for old in pods:
        pod = start(stack)
        pod.wait_until_ready()
        service.add(pod)
        new.append(pod)
        # At the same time: the pod is told, and the nodes begin to hear of it.
        for what in (old.end, lambda old=old: (Event().wait(HEARD_SECONDS), service.remove(old))):
            leaving.append(Thread(target=what))
            leaving[-1].start()
    for thread in leaving:
        thread.join()
    return new
