"""The app in a real browser: for the tests, the benchmark and the screenshots.

python tests/browser.py .github     takes the screenshots in README
"""

import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
NO_BROWSER = (
    "No Chromium or Chrome found. Install one (Debian: apt-get install chromium; or: "
    "playwright install chromium), or name it in the environment variable CHROMIUM."
)


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, names)]
    candidates.append("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return next((path for path in candidates if path and Path(path).exists()), None)


@contextmanager
def browser() -> Iterator:
    """A headless Chromium, as playwright's Browser."""
    from playwright.sync_api import sync_playwright

    flags = ["--disable-gpu", "--disable-quic", "--disable-background-networking"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to sandbox for root
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_browser(), args=flags)
        try:
            yield opened
        finally:
            opened.close()


def free_port() -> int:
    """A port that no server uses at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def server(
    *command: str, prefix: tuple[str, ...] = (), **environment: str
) -> Iterator[tuple[str, subprocess.Popen, list[str]]]:
    """Run `python -m …` on a free port; give its address, the process, and its output so far.

    prefix: a program that runs the command, with its arguments.
    """
    port = free_port()
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", *command, "--no-browser", f"--port={port}"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output: list[str] = []
    address = None
    try:
        for line in process.stdout:
            output.append(line)
            if found := re.search(r"http://\S+:\d+/", line):
                address = found[0]
                break
        if address is None:
            raise RuntimeError(f"{command[0]} did not start:\n" + "".join(output))
        threading.Thread(target=lambda: output.extend(process.stdout), daemon=True).start()
        wait_for_connection(int(address.rstrip("/").rpartition(":")[2]))
        yield address, process, output
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def wait_for_connection(port: int, timeout: float = 30) -> None:
    """Wait until a server listens: JupyterLab prints its address a few milliseconds before."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def voila(*arguments: str):
    """The app as `voila app.ipynb` serves it; gives what `server` gives."""
    return server("voila", "app.ipynb", *arguments)


def open_pad(page, address: str):
    """Load the app, wait until one can draw, and return the locator of the pad's canvas."""
    page.goto(address)
    pad = page.locator(".nnlib-sketchpad canvas")
    pad.wait_for(timeout=60_000)
    page.locator(".nnlib-advice", has_text="Draw a digit").wait_for()
    return pad


def draw(page, pad, strokes, steps: int = 8, lift: bool = True) -> None:
    """Draw with the mouse; strokes in shares of the pad."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=steps)
        if lift:
            page.mouse.up()


def draw_by_touch(page, pad, strokes, steps: int = 8) -> None:
    """Draw with a finger; strokes in shares of the pad."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    session = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touches = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    for stroke in strokes:
        send("touchStart", stroke[0])
        for (ax, ay), (bx, by) in itertools.pairwise(stroke):
            for step in range(1, steps + 1):
                t = step / steps
                send("touchMove", (ax + t * (bx - ax), ay + t * (by - ay)))
        send("touchEnd")


def open_panels(page) -> None:
    """Open every panel that is closed."""
    page.locator("button.nnlib-collapsible").first.wait_for()
    for button in page.locator("button.nnlib-collapsible:not(.mod-active)").all()[::-1]:
        button.click()
    page.locator(".nnlib-sketchpad").scroll_into_view_if_needed()


def wait_for_digit(page, digit: int | str) -> None:
    """Wait until the app's answer is that digit ("" for an empty pad)."""
    page.wait_for_function(
        "digit => document.querySelector('.nnlib-digit').textContent.trim() === digit",
        arg=str(digit),
    )


def main(folder: str) -> None:
    """Take the screenshots: every panel on a desktop, and the top of the page on a phone."""
    with voila() as (address, *_), browser() as opened:
        for name, width, height in (("app", 1280, 1285), ("phone", 390, 844)):
            page = opened.new_page(
                viewport={"width": width, "height": height}, device_scale_factor=1.5
            )
            open_pad(page, address)
            open_panels(page)
            page.locator(".nnlib-example[title*='tiny 3']").click()
            wait_for_digit(page, 3)
            page.locator(".nnlib-replay", has_text="100 %").wait_for()
            page.locator(".nnlib-sketchpad").scroll_into_view_if_needed()
            page.mouse.move(0, 0)
            page.evaluate("document.activeElement.blur()")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=Path(folder) / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
