"""Switching shadows while running."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread

from gateway.control import Control
from gateway.shadow.switch import Switch


def test_other_processes_follow_a_switch(tmp_path: Path) -> None:
    """Through the file; as often as they look."""
    writer, reader = Control(tmp_path / "c"), Control(tmp_path / "c")
    assert reader.switch("s") == Switch()
    for switch in (Switch(percent=5.0), Switch(off=True), Switch(percent=7.0)):
        writer.set("s", switch)
        reader.refresh()
        assert reader.switch("s") == switch


def test_switches_of_other_shadows_stay(tmp_path: Path) -> None:
    """Also when another process made them."""
    one, two = Control(tmp_path / "c"), Control(tmp_path / "c")
    one.set("a", Switch(off=True))
    two.set("b", Switch(percent=1.0))
    one.refresh()
    assert (one.switch("a"), one.switch("b")) == (Switch(off=True), Switch(percent=1.0))


def test_without_a_folder_it_works_in_this_process() -> None:
    """As an embedded mirror needs it."""
    control = Control()
    control.refresh()
    control.set("s", Switch(off=True))
    assert control.switch("s").off


def test_a_removed_file_means_nothing_is_switched(tmp_path: Path) -> None:
    """The settings are in force again."""
    path = tmp_path / "c"
    path.write_text(json.dumps({"s": {"percent": 1.0, "off": False}}))
    control = Control(path)
    control.refresh()
    path.unlink()
    control.refresh()
    assert control.switch("s") == Switch()


def test_no_switch_is_lost_between_threads(tmp_path: Path) -> None:
    """The admin listener has several."""
    control = Control(tmp_path / "c")
    threads = [
        Thread(target=control.set, args=(f"s{n}", Switch(percent=float(n)))) for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = Control(tmp_path / "c")
    other.refresh()
    assert [other.switch(f"s{n}").percent for n in range(16)] == list(range(16))


def test_switches_that_are_set_at_the_same_moment_all_count(tmp_path: Path) -> None:
    """By the admin process and by workers that find mirroring too dear."""
    names = [f"shadow-{number}" for number in range(8)]
    setters = [
        Thread(target=Control(tmp_path / "c").set, args=(name, Switch(off=True, why="isolation")))
        for name in names
    ]
    for setter in setters:
        setter.start()
    for setter in setters:
        setter.join()
    control = Control(tmp_path / "c")
    control.refresh()
    assert {control.switch(name) for name in names} == {Switch(off=True, why="isolation")}
