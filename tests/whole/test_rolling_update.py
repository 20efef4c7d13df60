"""The Deployment of docs/deploy/kubernetes/, updated under traffic as a cluster would do it."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from pathlib import Path

import yaml

from tests.support.fronts import DEPLOY
from tests.support.gateway import gateway
from tests.support.kubelet import Pod, roll, service
from tests.support.upstream import upstream
from tests.whole.test_several_gateways import settings, traffic

DEPLOYMENT = yaml.safe_load((DEPLOY / "kubernetes" / "deployment.yaml").read_text())["spec"]


def test_a_rolling_update_loses_nothing(tmp_path: Path) -> None:
    """Two pods become two others: every request is answered, no pod is restarted or killed."""
    spec = DEPLOYMENT["template"]["spec"]
    (container,) = spec["containers"]
    told = {each["name"]: each.get("value", "") for each in container["env"]}
    config = settings(tmp_path, redis=False)
    number = count()
    with (
        upstream() as live,
        upstream() as shadow,
        service() as reached,
        ExitStack() as stack,
    ):
        # Not for one machine: its upstreams, and the stores that its gateways share.
        told |= {"GATEWAY_LIVE": live.url, "GATEWAY_SHADOW": shadow.url}
        told |= {"GATEWAY_RATE_LIMIT_REDIS": "", "GATEWAY_STORE_URL": "off"}

        def start(stack: ExitStack) -> Pod:
            own = {"GATEWAY_RUNTIME_DIR": str(tmp_path / f"pod-{next(number)}")}
            running = stack.enter_context(gateway(config=config, env={**told, **own}))
            pod = Pod(spec, running)
            stack.callback(pod.stop)
            return pod

        old = [start(stack) for _ in range(DEPLOYMENT["replicas"])]
        for pod in old:
            pod.wait_until_ready()
            reached.add(pod)
        with traffic(reached.port, count()) as clients:
            for method in ("GET", "POST"):
                clients.add(method, kept=True, clients=2)
                clients.add(method, kept=False, clients=1)
            clients.answered(100)
            strategy = DEPLOYMENT["strategy"]["rollingUpdate"]
            new = roll(old, start, strategy, reached, stack)
            clients.answered(100)
        assert set(clients.outcomes.values()) == {200}
        # Each served: the old ones until they were told, the new ones from when they were ready.
        assert {*old, *new} <= set(reached.connections)
        assert all(pod.serves_until_told for pod in old)
        assert [pod.running.process.returncode for pod in old] == [0, 0]
        assert not any(pod.killed or pod.alive.failed for pod in (*old, *new))
        assert all(pod.alive.asked for pod in old)
