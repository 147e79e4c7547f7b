"""How fast is the app? Its start, pen-up to the answer and to everything, drawing at 60 moves/s.

    python benchmarks/app.py

Every panel is open. Needs the test extra and a Chromium. Times are seen from the browser, on
this machine.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import SEVEN, browser, draw, open_pad, unfold, voila, wait_for_digit

# The clock runs in the page: from the mouse button's release to the change of the bars, and to
# that of the links that save the drawing, which are the last to change. Where a reading while
# drawing had already seen the last point, pen-up does not change the bars: not counted.
WATCH = """
window.answers = []; window.everything = [];
let answer = null, all = null;
document.addEventListener("mousedown", () => { answer = all = null; }, true);
document.addEventListener("mouseup", () => { answer = all = performance.now(); }, true);
function watch(selector, changed) {
    new MutationObserver(changed).observe(
        document.querySelector(selector), {childList: true, subtree: true});
}
watch(".nnlib-bars", () => {
    if (answer !== null) answers.push(performance.now() - answer);
    answer = null;
});
watch(".nnlib-take-away", () => {
    if (all !== null) everything.push(performance.now() - all);
    all = null;
});
"""

# Draws circles for some seconds at 60 moves a second. A move is on the pad when the canvas
# strokes it. Frames are counted too: a page that is busy shows fewer than 60 a second.
DRAW = """seconds => new Promise(resolve => {
    const pad = document.querySelector(".nnlib-sketchpad canvas");
    const box = pad.getBoundingClientRect();
    const sent = [], lags = [], stroke = CanvasRenderingContext2D.prototype.stroke;
    CanvasRenderingContext2D.prototype.stroke = function (...rest) {
        if (lags.length < sent.length) lags.push(performance.now() - sent[lags.length]);
        return stroke.apply(this, rest);
    };
    function send(kind, moves) {
        const angle = moves / 12, radius = 0.15 + 0.2 * Math.abs(Math.sin(moves / 90));
        pad.dispatchEvent(new MouseEvent(kind, {bubbles: true,
            clientX: box.x + box.width * (0.5 + radius * Math.cos(angle)),
            clientY: box.y + box.height * (0.5 + radius * Math.sin(angle))}));
    }
    let frames = 0, moves = 0;
    const start = performance.now();
    const frame = () => { frames++; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    send("mousedown", 0);
    const timer = setInterval(() => {
        const due = Math.floor((performance.now() - start) * 60 / 1000);
        while (moves < due) { sent.push(performance.now()); send("mousemove", ++moves); }
        if (moves < 60 * seconds) return;
        clearInterval(timer);
        const elapsed = (performance.now() - start) / 1000;
        send("mouseup", moves);
        setTimeout(() => resolve({lags, moves, fps: frames / elapsed}), 500);
    }, 4);
})"""


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

        with voila() as (address, *_):
            page = opened.new_page(viewport={"width": 1280, "height": 800})
            pad = open_pad(page, address)
            draw(page, pad, SEVEN)
            unfold(page)
            page.locator(".nnlib-lookalikes", has_text="away").wait_for()  # made when first used
            page.evaluate(WATCH)
            for _ in range(strokes // 2):
                page.locator(".nnlib-clear").click()
                wait_for_digit(page, "")
                draw(page, pad, SEVEN)
                wait_for_digit(page, 7)
                page.wait_for_timeout(300)
            for name in ("answers", "everything"):
                delays = page.evaluate(name)
                tell(f"pen-up to {name.removesuffix('s')}", delays)
            page.locator(".nnlib-clear").click()
            drawn = page.evaluate(DRAW, 5)
            print(f"{drawn['moves']} moves at 60 a second: {drawn['fps']:.0f} frames a second")
            tell("a move to its line on the pad", drawn["lags"])


def tell(what: str, delays: list[float]) -> None:
    late = statistics.quantiles(delays, n=20)[-1]
    print(f"{what}: median {statistics.median(delays):.0f} ms, 95th percentile {late:.0f} ms, "
          f"of {len(delays)}")  # fmt: skip


if __name__ == "__main__":
    main()
