// Does the kernel behind the drawing app still answer? If the connection closes or the kernel
// dies, the page looks the same but nothing responds. So while the page is visible, it presses a
// hidden button every two seconds, and the kernel counts the presses in a hidden text. If the
// count stops, the page says so and offers to reload. Under Voila the page hears of a kernel's
// death from the server, and says so at once.
(() => {
  if (window.nnlibWatchdog) return;
  const INTERVAL = 2000, TIMEOUT = 8000; // milliseconds
  const pending = new WeakMap(); // app → {count, since}: the count when we pressed, and the time

  let kernel, isDead = false;

  function watchKernel() {
    kernel = window.jupyterapp?.widgetManager?.kernel;
    kernel?.statusChanged.connect(showDeath);
    showDeath();
  }

  function showDeath() {
    if (kernel?.status !== "dead") return;
    isDead = true;
    document.querySelectorAll(".nnlib-app").forEach(app => showDisconnected(app, true));
  }

  window.nnlibWatchdog = setInterval(() => {
    if (!kernel) watchKernel();
    if (isDead) return;
    for (const app of document.querySelectorAll(".nnlib-app")) {
      const ping = app.querySelector(".nnlib-ping");
      const pong = app.querySelector(".nnlib-pong");
      if (!ping || !pong) continue;
      const press = pending.get(app);
      const answered = !press || press.count !== pong.textContent;
      if (document.hidden) {
        pending.delete(app); // browsers slow down timers in hidden pages
      } else if (answered) {
        showDisconnected(app, false);
        pending.set(app, {count: pong.textContent, since: Date.now()});
        ping.click();
      } else if (Date.now() - press.since > TIMEOUT) {
        showDisconnected(app, true);
        ping.click(); // in case the connection is back
      }
    }
  }, INTERVAL);

  function showDisconnected(app, disconnected) {
    const shown = app.querySelector(".nnlib-disconnected");
    if (!disconnected) return shown?.remove();
    if (shown) return;
    const box = document.createElement("div");
    box.className = "nnlib-disconnected";
    box.setAttribute("role", "alert");
    box.append("The connection to the recognizer is lost: what you draw is not recognized. ");
    const button = document.createElement("button");
    button.textContent = "Reload the page";
    button.onclick = () => location.reload();
    box.append(button);
    app.querySelector(".nnlib-status").prepend(box);
  }
})();
