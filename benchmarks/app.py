"""How fast is the app? Its start, pen-up to the answer and to everything, drawing at 60 moves/s.

    python benchmarks/app.py

Every panel is open. Needs the test extra and a Chromium. Times are seen from the browser, on
this machine.
"""

import math
import statistics
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import browser, open_pad, unfold, voila, wait_for_digit

# Draws one stroke at 60 moves a second, in shares of the pad, and looks at the clock: when each
# move is on the pad (its canvas strokes a line), when the answer has come after pen-up (it is
# announced then), and when everything has (the links that save the drawing change last). Frames
# are counted too: a page that is busy shows fewer than 60 a second.
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
        const told = [changed(".nnlib-spoken"), changed(".nnlib-take-away")];
        const lifted = performance.now();
        send("mouseup", points[moves]);
        const [answer, everything] = await Promise.all(told);
        CanvasRenderingContext2D.prototype.stroke = stroke;
        resolve({lags, fps, answer: answer - lifted, everything: everything - lifted});
    }, 2);
})"""

SEVEN = [(0.25 + 0.02 * i, 0.2) for i in range(24)] + [
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
            unfold(page)
            sevens = []
            for _ in range(strokes + 1):
                sevens.append(page.evaluate(DRAW, SEVEN))
                wait_for_digit(page, 7)
                page.locator(".nnlib-clear").click()
                wait_for_digit(page, "")
                page.wait_for_timeout(200)
            del sevens[0]  # the first unpacks the training images, on a new machine
            for what in ("answer", "everything"):
                tell(f"pen-up to {what}", [seven[what] for seven in sevens])
            circles = page.evaluate(DRAW, CIRCLES)
            print(f"{len(CIRCLES)} moves at 60 a second: {circles['fps']:.0f} frames a second")
            tell("a move to its line on the pad", circles["lags"])
            [kernel] = psutil.Process(process.pid).children()
            memory = kernel.memory_full_info().uss / 1e6  # what it shares with no other process
            print(f"a visitor's kernel: {memory:.0f} MB of its own")


def tell(what: str, delays: list[float]) -> None:
    late = statistics.quantiles(delays, n=20)[-1]
    print(
        f"{what}: median {statistics.median(delays):.0f} ms, "
        f"95th percentile {late:.0f} ms, of {len(delays)}"
    )


if __name__ == "__main__":
    main()
