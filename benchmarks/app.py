"""How fast is the app? From `voila app.ipynb` to a pad, and from pen-up to the answer.

    python benchmarks/app.py

Needs the test extra and a Chromium. Times are seen from the browser, on this machine.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from browser import SEVEN, browser, draw, open_pad, voila, wait_for_digit

# The clock runs in the page: from the mouse button's release to the change of the bars. Where a
# reading while drawing had already seen the last point, pen-up changes nothing: not counted.
WATCH = """
window.delays = [];
let released = null;
document.addEventListener("mousedown", () => { released = null; }, true);
document.addEventListener("mouseup", () => { released = performance.now(); }, true);
new MutationObserver(() => {
    if (released !== null) delays.push(performance.now() - released);
    released = null;
}).observe(document.querySelector(".nnlib-bars"), {childList: true, subtree: true});
"""


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
            page = opened.new_page()
            pad = open_pad(page, address)
            page.evaluate(WATCH)
            for _ in range(strokes // 2):
                draw(page, pad, SEVEN)
                wait_for_digit(page, 7)
                page.locator(".nnlib-clear").click()
                wait_for_digit(page, "")
            delays = page.evaluate("delays")
    # Pressing Clear releases the button too, and is answered by the same path.
    print(f"pen-up to answer: median {statistics.median(delays):.0f} ms of {len(delays)}")


if __name__ == "__main__":
    main()
