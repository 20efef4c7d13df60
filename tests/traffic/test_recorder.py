"""The recorder: live never waits for it, and what it loses it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.compare.answer import Answer
from gateway.settings.record import Record
from gateway.shadow.copy import Copy
from gateway.traffic.archive import archives_in, is_being_written
from gateway.traffic.reading import read_archive
from gateway.traffic.recorded import Recorded
from gateway.traffic.recorder import Recorder
from gateway.traffic.switch import RecordSwitch, Run
from tests.support.waiting import wait_for
from tests.traffic.exchanges import AT, answer, copy, recorded
from tests.traffic.test_archive import file_size_limit

Make = Callable[..., Recorder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes recorders into ``tmp_path / "files"``, and closes them."""
    made = []

    def build(
        redact: Callable[[Recorded], Recorded] = lambda recorded: recorded,
        switch: RecordSwitch | None = None,
        **config: object,
    ) -> Recorder:
        folder = tmp_path / "files"
        settings = {"folder": str(folder), "percent": 100, **config}
        made.append(Recorder(Record(**settings), redact, folder=folder, switch=switch))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.fixture
def switch(tmp_path: Path) -> RecordSwitch:
    return RecordSwitch(tmp_path / "record.json", tmp_path / "files")


def files(tmp_path: Path) -> list[Recorded]:
    """Everything that is in the files by now."""
    paths = archives_in(tmp_path / "files")
    return [each for path in paths for each in read_archive(path, pytest.fail)]


def record(recorder: Recorder, request: Copy, live: Answer | None = None) -> bool:
    """An exchange as the middleware shows it; whether it was wanted."""
    capture = recorder.open(request)
    if capture is None:
        return False
    if live is not None:
        capture.add(live.body or b"")
        capture.ended(live.status, live.fields, live.seconds)
    recorder.finish(capture, request, "invoices", AT, ended=live is not None)
    return True


def test_exchanges_come_into_the_files(make: Make, tmp_path: Path) -> None:
    """Request, answer, route and time; at the latest when it is closed."""
    recorder = make()
    assert record(recorder, copy("POST", "/a", body=b"x"), answer(b"12"))
    recorder.close()
    assert files(tmp_path) == [
        Recorded(copy("POST", "/a", body=b"x"), answer(b"12"), AT, "invoices")
    ]
    assert recorder.snapshot().recorded == 1
    assert not any(recorder.snapshot().lost.values())


def test_they_are_in_the_files_soon(make: Make, tmp_path: Path) -> None:
    """Without waiting for more to come: the housekeeper sees to it."""
    recorder = make()
    record(recorder, copy(), answer())
    wait_for(lambda: (recorder.refresh(), files(tmp_path))[1], "the exchange")


def test_one_that_live_did_not_answer_is_a_request_all_the_same(make: Make, tmp_path: Path) -> None:
    """It can be sent again; there is nothing to compare with."""
    recorder = make()
    record(recorder, copy())
    recorder.close()
    assert files(tmp_path)[0].live is None


def test_what_is_written_was_redacted(make: Make, tmp_path: Path) -> None:
    """On the recorder's thread, before it is encoded."""
    threads = set()

    def redact(exchange: Recorded) -> Recorded:
        threads.add(threading.current_thread())
        return exchange._replace(request=exchange.request._replace(target="/redacted"))

    recorder = make(redact)
    record(recorder, copy("GET", "/secret"), answer())
    recorder.close()
    assert [each.request.target for each in files(tmp_path)] == ["/redacted"]
    assert threads.isdisjoint({threading.current_thread()})


def test_what_cannot_be_redacted_is_not_written(make: Make, tmp_path: Path) -> None:
    """Rather lost than raw; the others are written."""

    def redact(exchange: Recorded) -> Recorded:
        if exchange.request.target == "/bad":
            raise RecursionError
        return exchange

    recorder = make(redact)
    record(recorder, copy("GET", "/bad"), answer())
    record(recorder, copy("GET", "/good"), answer())
    recorder.close()
    assert [each.request.target for each in files(tmp_path)] == ["/good"]
    assert recorder.snapshot().lost == {"redaction": 1, "stopped": 0}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, {"GET /a", "POST /a", "GET /b"}),
        ({"percent": 0}, set()),
        ({"routes": ("/a",)}, {"GET /a", "POST /a"}),
        ({"methods": ("GET",)}, {"GET /a", "GET /b"}),
        ({"max_body": 3}, {"GET /a", "GET /b"}),
    ],
    ids=["all", "none", "routes", "methods", "body"],
)
def test_which_requests_are_recorded(
    config: dict[str, object], wanted: set[str], make: Make
) -> None:
    """As the settings say."""
    recorder = make(**config)
    requests = [copy("GET", "/a"), copy("POST", "/a", body=b"1234"), copy("GET", "/b")]
    assert {f"{r.method} {r.target}" for r in requests if record(recorder, r)} == wanted


def test_a_sample_keeps_sessions_together(make: Make) -> None:
    """All of a session's requests are recorded, or none: it can be replayed as a whole."""
    recorder = make(percent=50, sample_by="cookie:sid")
    sessions = {
        sid: {record(recorder, copy("GET", f"/{n}", ("Cookie", f"sid={sid}"))) for n in range(5)}
        for sid in range(100)
    }
    assert all(len(decisions) == 1 for decisions in sessions.values())
    assert 25 < sum(decisions == {True} for decisions in sessions.values()) < 75


def test_of_a_large_answer_there_is_the_digest(make: Make, tmp_path: Path) -> None:
    """Which is enough to compare with."""
    recorder = make(max_body=10)
    record(recorder, copy(), answer(b"x" * 11))
    recorder.close()
    live = files(tmp_path)[0].live
    assert live is not None
    assert (live.body, live.size) == (None, 11)
    assert live.digest is not None


def test_what_has_no_room_is_lost_and_counted(make: Make, tmp_path: Path) -> None:
    """Nothing waits for the thread; when that goes on, so does recording."""
    going_on = threading.Event()

    def redact(exchange: Recorded) -> Recorded:
        going_on.wait(10)
        return exchange

    recorder = make(redact, max_buffered=50_000)
    for _ in range(10):
        record(recorder, copy("POST", body=b"x" * 9000), answer())
    lost = recorder.snapshot().lost["no_room"]
    assert 0 < lost < 10
    going_on.set()
    recorder.close()
    assert len(files(tmp_path)) == 10 - lost


def test_answers_in_progress_are_bounded_too(make: Make) -> None:
    """Of all requests together; what is given back can be had again."""
    recorder = make(max_buffered=60_000, max_body=20_000)
    captures = [recorder.open(copy()) for _ in range(3)]
    for capture in captures:
        assert capture is not None
        capture.add(b"x" * 10_000)
        capture.ended(200, (), 0.1)
        recorder.finish(capture, copy(), "", AT, ended=False)
        capture.add(b"late")
    assert not recorder.snapshot().lost
    held = [recorder.open(copy()) for _ in range(4)]
    for capture in held:
        assert capture is not None
        capture.add(b"x" * 10_000)
        capture.ended(200, (), 0.1)
    for capture in held:
        assert capture is not None
        recorder.finish(capture, copy(), "", AT, ended=True)
    assert recorder.snapshot().lost["no_room"] == 2


def test_a_full_disk_costs_exchanges_and_nothing_else(make: Make, tmp_path: Path) -> None:
    """They are counted, and when there is room again, recording goes on."""
    recorder = make()
    with file_size_limit(30):
        record(recorder, copy("GET", "/lost"), answer())
        wait_for(lambda: (recorder.refresh(), recorder.snapshot().lost.get("disk"))[1], "the loss")
    record(recorder, copy("GET", "/kept"), answer())
    recorder.close()
    assert [each.request.target for each in files(tmp_path)] == ["/kept"]


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(make: Make, tmp_path: Path) -> None:
    """A file has its name; as soon as it is gone, there are recordings."""
    (tmp_path / "files").write_text("")
    recorder = make()
    record(recorder, copy("GET", "/lost"), answer())
    wait_for(lambda: (recorder.refresh(), recorder.snapshot().lost.get("disk"))[1], "the loss")
    (tmp_path / "files").unlink()
    record(recorder, copy("GET", "/kept"), answer())
    recorder.close()
    assert [each.request.target for each in files(tmp_path)] == ["/kept"]


class TestOnDemand:
    """What ``gateway record`` asks for."""

    def test_it_begins_and_ends_by_itself(
        self, make: Make, switch: RecordSwitch, tmp_path: Path
    ) -> None:
        """Its files are its own, complete, and let go of."""
        recorder = make(switch=switch, folder=None, percent=0)
        recorder.refresh()
        assert not record(recorder, copy("GET", "/before"), answer())
        switch.set(Run("r1", 100, 2e10, 2**30))
        recorder.refresh()
        assert record(recorder, copy("GET", "/during"), answer())
        switch.set(Run("r1", 100, 1.0, 2**30))
        recorder.refresh()
        assert not record(recorder, copy("GET", "/after"), answer())

        def complete() -> bool:
            found = archives_in(tmp_path / "files", "r1")
            return bool(found) and not any(map(is_being_written, found))

        wait_for(complete, "its file to be let go of")
        assert [each.request.target for each in files(tmp_path)] == ["/during"]

    def test_it_ends_when_it_is_large_enough(
        self, make: Make, switch: RecordSwitch, tmp_path: Path
    ) -> None:
        """However long it was to last."""
        recorder = make(switch=switch, folder=None, percent=0)
        switch.set(Run("r1", 100, 2e10, 100))

        def full() -> bool:
            recorder.refresh()
            return not record(recorder, copy(), answer())

        wait_for(full, "it to be full")
        sizes = [path.stat().st_size for path in archives_in(tmp_path / "files", "r1")]
        assert sum(sizes) >= 100
        switch.set(Run("r2", 100, 2e10, 500))
        recorder.refresh()
        assert record(recorder, copy(), answer())

    def test_what_is_recorded_all_the_time_has_other_files(
        self, make: Make, switch: RecordSwitch, tmp_path: Path
    ) -> None:
        """And goes on after it, at the share of the settings."""
        recorder = make(switch=switch, percent=1)
        switch.set(Run("r1", 100, 2e10, 2**30))
        recorder.refresh()
        assert recorder.percent == 100
        record(recorder, copy("GET", "/during"), answer())
        switch.stop()
        recorder.refresh()
        assert recorder.percent == 1
        recorder.put(recorded(copy("GET", "/after")))
        recorder.close()
        labelled = archives_in(tmp_path / "files", "r1")
        (other,) = set(archives_in(tmp_path / "files")) - set(labelled)
        assert [e.request.target for e in read_archive(other, pytest.fail)] == ["/after"]

    def test_every_process_sees_it(self, switch: RecordSwitch, tmp_path: Path) -> None:
        """Through the file; and that it was stopped."""
        other = RecordSwitch(tmp_path / "record.json", tmp_path / "files")
        other.refresh()
        assert other.run is None
        switch.set(Run("r1", 5.5, 2e10, 1000))
        other.refresh()
        assert other.run == Run("r1", 5.5, 2e10, 1000)
        switch.stop()
        other.refresh()
        assert other.run is None
        assert other.last is not None
        assert other.last.id == "r1"


def test_after_it_is_closed_nothing_is_taken(make: Make, tmp_path: Path) -> None:
    """And nobody has to know that it was."""
    recorder = make()
    recorder.close()
    recorder.close()
    record(recorder, copy(), answer())
    assert files(tmp_path) == []


def test_no_thread_is_started_before_there_is_something_to_write(make: Make) -> None:
    """A recorder that records nothing costs nothing."""
    before = threading.active_count()
    make().refresh()
    assert threading.active_count() == before
