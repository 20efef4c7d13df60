"""What a worker changes about the interpreter that it has to itself."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.turns import PATIENT_SECONDS
from tests.support.gateway import gateway
from tests.support.upstream import OK, upstream
from tests.support.waiting import wait_for

_TELLING = """
import gc, json, sys
from pathlib import Path

def tell(request, live, shadow, differences):
    told = {"interval": sys.getswitchinterval(), "frozen": gc.get_freeze_count()}
    Path(__file__).with_name("told").write_text(json.dumps(told))
    return differences
"""


def test_a_worker_takes_long_turns_and_leaves_what_it_loaded_alone(tmp_path: Path) -> None:
    """As told by a comparison's hook, which runs in it."""
    (tmp_path / "telling.py").write_text(_TELLING)
    told = tmp_path / "told"
    with upstream(lambda request: OK) as live, upstream(lambda request: OK) as shadow:
        config = f"""
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            [compare]
            hook = "telling:tell"
        """
        with gateway(config=config, env={"PYTHONPATH": str(tmp_path)}) as running:
            with running.client() as client:
                assert client.request("GET", "/").status == 200
            wait_for(told.exists, "the hook's word")
            wait_for(told.read_text, "all of it")
    found = json.loads(told.read_text())
    assert round(found["interval"], 6) == PATIENT_SECONDS
    assert found["frozen"] > 10_000
