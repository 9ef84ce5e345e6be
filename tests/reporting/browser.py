"""A page in a real headless browser: Debian's Chromium, spoken to by WebDriver with the standard library alone.

So small that no further package is needed: a session, scripts, the pointer, the console and pictures.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from free_ports import free_port

MISSING = "no chromium with chromedriver on this machine (Debian: apt-get install chromium chromium-driver)"
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip


def browser_is_there() -> bool:
    return bool(shutil.which("chromedriver") and _program())


def _program() -> str | None:
    """Debian's Chromium, or Chrome, which fits the chromedriver of GitHub's machines."""
    found = map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))
    return next((path for path in found if path), None)


class Browser:
    """One window of a headless browser."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, page: Path, width: int = 1440, height: int = 900) -> None:
        """Opens a file in a window of this inner size."""
        self.resize(width, height)
        self._post("/url", {"url": page.resolve().as_uri()})

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def run(self, script: str, *arguments: object) -> Any:
        """Runs the body of a function and returns its value."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str, *arguments: object) -> Any:
        """As `run`; the last argument of the script is the function to call with the value."""
        return self._post("/execute/async", {"script": script, "args": list(arguments)})

    def console(self) -> list[dict[str, Any]]:
        """What was written to the console since the last call."""
        return self._post("/se/log", {"type": "browser"})

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self._post("/se/log", {"type": "performance"})]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def point_at(self, x: float, y: float) -> None:
        """Moves the pointer to a place in the window."""
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x) - 3, "y": round(y)}]
        moves.append({"type": "pointerMove", "duration": 50, "x": round(x), "y": round(y)})
        self._post("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]})

    def press(self, element_id: str, key: str) -> None:
        """Presses a key on an element; `\\ue014` is the arrow to the right."""
        found = self._post("/element", {"using": "css selector", "value": f"#{element_id}"})
        self._post(f"/element/{next(iter(found.values()))}/value", {"text": key})

    def picture(self, path: Path, *, whole_page: bool = False) -> None:
        """Saves what the window shows, or the whole page."""
        options: dict[str, object] = {"format": "png"}
        if whole_page:
            layout = self._devtools("Page.getLayoutMetrics", {})["cssContentSize"]
            options |= {"captureBeyondViewport": True, "clip": {**layout, "scale": 1}}
        path.write_bytes(base64.b64decode(self._devtools("Page.captureScreenshot", options)["data"]))

    def _devtools(self, command: str, parameters: dict[str, object]) -> Any:
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _post(self, path: str, content: object) -> Any:
        return _post(self._session + path, content)


@contextmanager
def browser() -> Iterator[Browser]:
    """Starts a browser and ends it."""
    port = free_port()
    command = [str(shutil.which("chromedriver")), f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "args": list(_FLAGS),
                "binary": _program(),
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _post(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
        window = f"{address}/session/{session['sessionId']}"
        try:
            yield Browser(window)
        finally:
            _send(window, None, "DELETE")
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            _send(f"{address}/status", None, "GET")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("chromedriver does not answer")


def _post(address: str, content: object) -> Any:
    return _send(address, content, "POST")


def _send(address: str, content: object, method: str) -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        with error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None
