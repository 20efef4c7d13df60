"""An admin application over a filled store, and a browser to look at it with."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from gateway.admin.app import AdminApp
from gateway.runtime import Runtime
from gateway.settings import load
from tests.dashboard.filling import Made, fill
from tests.support.upstream import Upstream, upstream

pytest.importorskip("sqlalchemy")

# In settings: where live is.
LIVE = "http://live.example:9"
CHROMIUM = "/usr/bin/chromium"
SCREENSHOTS = Path(__file__).parents[2] / "artifacts" / "dashboard"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A store that is not to be changed; see ``made``."""
    return fill(tmp_path_factory.mktemp("store") / "gateway.db", time.time())


@pytest.fixture
def made(filled: Made, tmp_path: Path) -> Made:
    """A copy of it that may."""
    file = tmp_path / "gateway.db"
    shutil.copy(filled.url.removeprefix("sqlite:///"), file)
    return Made(f"sqlite:///{file}", filled.now)


@pytest.fixture
def shadow() -> Iterator[Upstream]:
    """The shadow that examples are sent to again."""
    with upstream() as running:
        yield running


@contextmanager
def admin_app(folder: Path, config: str) -> Iterator[AdminApp]:
    """The admin application of a gateway with these settings; live can be connected to."""
    with socket.create_server(("127.0.0.1", 0)) as live:
        file = folder / "gateway.toml"
        file.write_text(config.replace(LIVE, f"http://127.0.0.1:{live.getsockname()[1]}"))
        runtime = Runtime.create(str(folder / "runtime"))
        runtime.write_settings(load(config=file, environ={}, flags={}))
        runtime.publish_worker(0, "serving")
        app = AdminApp(runtime, reload=lambda: None)
        try:
            yield app
        finally:
            app.close()


def config_of(made: Made | None, shadow: Upstream | None, more: str = "") -> str:
    """Settings; ``more`` comes first, and may begin with top-level keys."""
    shadows = ""
    if shadow is not None:
        shadows = f'[[shadows]]\nname = "rewrite"\nurl = "{shadow.url}"\n'
    store = f'url = "{made.url}"' if made is not None else 'url = "off"'
    return f'{more}\n[live]\nurl = "{LIVE}"\n{shadows}\n[store]\n{store}\n'


@pytest.fixture
def app(made: Made, shadow: Upstream, tmp_path: Path) -> Iterator[AdminApp]:
    config = config_of(made, shadow, '[compare]\nknown = "known.toml"')
    with admin_app(tmp_path, config) as running:
        yield running


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Where it can be asked."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.fixture
def site(app: AdminApp) -> Iterator[str]:
    with served(app) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; nothing is downloaded."""
    api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page that must stay without a complaint of the browser's."""
    contexts: list[Any] = []
    complaints: list[str] = []
    # What an answer's status is said of on the console too; a test that wants one says so.
    expected: list[str] = []

    def opened(url: str, *, width: int = 1280, dark: bool = False, **options: Any) -> Any:
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("request", lambda asked: _ours(asked.url, url) or complaints.append(asked.url))
        page.expected = expected
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in complaints if not any(each in text for each in expected)] == []


def _ours(url: str, page: str) -> bool:
    return url.split("/")[2] == page.split("/")[2]


def screenshot(page: Any, name: str) -> None:
    """Kept for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
