// Is the kernel behind the drawing app still there? A closed connection or a dead kernel
// leaves the page as it is, deaf. So while the page is visible it presses a hidden button
// every few seconds; the kernel answers by counting up. No answer: say so, offer to reload.
(() => {
  if (window.nnlibWatchdog) return;
  const EVERY = 2000, PATIENCE = 8000; // milliseconds
  const asked = new WeakMap(); // app → {count, since}: what it had counted, and when we asked

  window.nnlibWatchdog = setInterval(() => {
    for (const app of document.querySelectorAll(".nnlib-app")) {
      const ping = app.querySelector(".nnlib-ping");
      const pong = app.querySelector(".nnlib-pong");
      if (!ping || !pong) continue;
      const question = asked.get(app);
      const answered = !question || question.count !== pong.textContent;
      if (document.hidden) {
        asked.delete(app); // timers sleep in hidden pages: a late answer means nothing
      } else if (answered) {
        tell(app, false);
        asked.set(app, {count: pong.textContent, since: Date.now()});
        ping.click();
      } else if (Date.now() - question.since > PATIENCE) {
        tell(app, true);
        ping.click(); // if the connection comes back, so does the answer
      }
    }
  }, EVERY);

  function tell(app, lost) {
    const shown = app.querySelector(".nnlib-lost");
    if (!lost) return shown?.remove();
    if (shown) return;
    const box = document.createElement("div");
    box.className = "nnlib-lost";
    box.setAttribute("role", "alert");
    box.append("The connection to the recogniser is lost, so nothing that you draw is read. ");
    const button = document.createElement("button");
    button.textContent = "Reload the page";
    button.onclick = () => location.reload();
    box.append(button);
    app.querySelector(".nnlib-status").prepend(box);
  }
})();
