// What cannot be set from Python: names and roles for screen readers, keyboard shortcuts, and
// touch events.
(() => {
  if (window.nnlibAccess) return;
  window.nnlibAccess = true;

  const PAD = "Drawing pad. Draw a digit with mouse, finger or stylus. " +
    "Control Z undoes the last stroke, Control Y redoes it, Delete clears the pad.";
  const PICTURES = {
    ".nnlib-input": "The 28 by 28 pixels that the network sees",
    ".nnlib-what-if": "The drawing as drawn, centered, scaled, as input, thinner and thicker",
    ".nnlib-attribution": "The pixels that raise and lower the scores of the answer and the runner-up",
    ".nnlib-activations": "The activations of the hidden layers",
    ".nnlib-neighbors": "The most similar training images",
  };

  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
    }
  }

  function annotate(app) {
    // Without this, JupyterLab takes the keys that are meant for the pad.
    set(app, {"data-lm-suppress-shortcuts": "true"});
    set(app.querySelector(".nnlib-sketchpad canvas"),
      {role: "application", tabindex: "0", "aria-label": PAD});
    for (const [panel, name] of Object.entries(PICTURES)) {
      app.querySelectorAll(`${panel} canvas`).forEach(canvas =>
        set(canvas, {role: "img", "aria-label": name, tabindex: "-1"}));
    }
    set(app.querySelector(".nnlib-live-region"), {role: "status", "aria-live": "polite"});
    set(app.querySelector(".nnlib-status"), {role: "alert"});
    app.querySelectorAll("button.nnlib-collapsible").forEach(button =>
      set(button, {"aria-expanded": String(button.classList.contains("mod-active"))}));
    app.querySelectorAll(".nnlib-model button").forEach(button =>
      set(button, {"aria-pressed": String(button.classList.contains("mod-active"))}));
    app.querySelectorAll("button.nnlib-example").forEach(button =>
      set(button, {"aria-label": `Example: ${button.title}`}));
    set(app.querySelector(".nnlib-slider .noUi-handle"), {"aria-label": "Points drawn"});
  }

  const options = {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]};
  let request = 0; // one pass per frame, however much has changed
  new MutationObserver(() => {
    cancelAnimationFrame(request);
    request = requestAnimationFrame(() =>
      document.querySelectorAll(".nnlib-app").forEach(annotate));
  }).observe(document.body, options);

  // A canvas with touch handlers keeps the page from scrolling. Only the pad needs touch events;
  // for the other canvases a tap arrives as a mouse event.
  for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
    window.addEventListener(kind, event => {
      if (event.target.closest?.(".nnlib-picture")) event.stopImmediatePropagation();
    }, {capture: true, passive: true});
  }

  const KEYS = {"ctrl+z": "undo", "ctrl+y": "redo", "ctrl+shift+z": "redo", "delete": "clear"};
  window.addEventListener("keydown", event => {
    // In Voila the app is the whole page; in JupyterLab, only keys pressed inside it count.
    const app = event.target.closest?.(".nnlib-app") ??
      (document.body.dataset.voila ? document.querySelector(".nnlib-app") : null);
    if (!app) return;
    // Otherwise the canvas handles every key, and Tab does not leave it.
    if (event.target.closest?.(".nnlib-sketchpad")) event.stopImmediatePropagation();
    const key = (event.ctrlKey || event.metaKey ? "ctrl+" : "") +
      (event.shiftKey ? "shift+" : "") + event.key.toLowerCase();
    if (!(key in KEYS)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    app.querySelector(`button.nnlib-${KEYS[key]}`).click();
  }, true);
})();
