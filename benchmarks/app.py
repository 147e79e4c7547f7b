"""How fast is the app? Its start, the time from pen-up to the answer, and drawing at 60 moves/s.

    python benchmarks/app.py

Every panel is open. Needs the test extra and a Chromium. All times are measured in the browser,
which runs on the same machine as the server.
"""

import math
import statistics
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import browser, open_pad, open_panels, voila, wait_for_digit

# Draws one stroke at 60 moves a second (points in shares of the pad) and measures when each move
# is on the pad (its canvas strokes a line), when the answer arrives after pen-up (the live region
# changes), and when everything has (the export links change last). Also counts frames: a busy
# page shows fewer than 60 a second.
DRAW = """points => new Promise(resolve => {
    const pad = document.querySelector(".nnlib-sketchpad canvas");
    const box = pad.getBoundingClientRect();
    const sent = [], lags = [], stroke = CanvasRenderingContext2D.prototype.stroke;
    CanvasRenderingContext2D.prototype.stroke = function (...rest) {
        if (lags.length < sent.length) lags.push(performance.now() - sent[lags.length]);
        return stroke.apply(this, rest);
    };
    const send = (kind, [x, y]) => pad.dispatchEvent(new MouseEvent(kind, {bubbles: true,
        clientX: box.x + box.width * x, clientY: box.y + box.height * y}));
    function changed(selector) {
        return new Promise(done => new MutationObserver(() => done(performance.now())).observe(
            document.querySelector(selector), {childList: true, subtree: true}));
    }
    let frames = 0, moves = 0;
    const start = performance.now();
    requestAnimationFrame(function frame() { frames++; requestAnimationFrame(frame); });
    send("mousedown", points[0]);
    const timer = setInterval(async () => {
        const due = Math.floor((performance.now() - start) * 60 / 1000);
        while (moves < Math.min(due, points.length - 1)) {
            sent.push(performance.now());
            send("mousemove", points[++moves]);
        }
        if (moves < points.length - 1) return;
        clearInterval(timer);
        const fps = 1000 * frames / (performance.now() - start);
        const changes = [changed(".nnlib-live-region"), changed(".nnlib-export")];
        const penUp = performance.now();
        send("mouseup", points[moves]);
        const [answer, everything] = await Promise.all(changes);
        CanvasRenderingContext2D.prototype.stroke = stroke;
        resolve({lags, fps, answer: answer - penUp, everything: everything - penUp});
    }, 2);
})"""

STROKE = [(0.25 + 0.02 * i, 0.2) for i in range(24)] + [
    (0.73 - 0.01 * i, 0.2 + 0.025 * i) for i in range(25)
]
CIRCLES = [
    (0.5 + radius * math.cos(i / 12), 0.5 + radius * math.sin(i / 12))
    for i in range(300)
    for radius in [0.15 + 0.2 * abs(math.sin(i / 90))]
]


def main(starts: int = 5, strokes: int = 40) -> None:
    seconds = []
    with browser() as opened:
        for _ in range(starts):
            page = opened.new_page()
            started = time.perf_counter()
            with voila() as (address, *_):
                open_pad(page, address)
                seconds.append(time.perf_counter() - started)
            page.close()
        print(f"voila app.ipynb to a pad: median {statistics.median(seconds):.1f} s of {starts}")

        with voila() as (address, process, _):
            page = opened.new_page(viewport={"width": 1280, "height": 800})
            open_pad(page, address)
            open_panels(page)
            sevens = []
            for _ in range(strokes + 1):
                sevens.append(page.evaluate(DRAW, STROKE))
                wait_for_digit(page, 7)
                page.locator(".nnlib-clear").click()
                wait_for_digit(page, "")
                page.wait_for_timeout(200)
            del sevens[0]  # on a new machine, the first unpacks the training images
            for what in ("answer", "everything"):
                print_delays(f"pen-up to {what}", [seven[what] for seven in sevens])
            circles = page.evaluate(DRAW, CIRCLES)
            print(f"{len(CIRCLES)} moves at 60 a second: {circles['fps']:.0f} frames a second")
            print_delays("a move to its line on the pad", circles["lags"])
            [kernel] = psutil.Process(process.pid).children()
            memory = kernel.memory_full_info().uss / 1e6  # not shared with any other process
            print(f"a visitor's kernel: {memory:.0f} MB of its own")


def print_delays(what: str, delays: list[float]) -> None:
    percentile_95 = statistics.quantiles(delays, n=20)[-1]
    print(
        f"{what}: median {statistics.median(delays):.0f} ms, "
        f"95th percentile {percentile_95:.0f} ms, of {len(delays)}"
    )


if __name__ == "__main__":
    main()
