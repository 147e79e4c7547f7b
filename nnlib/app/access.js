// What cannot be said from Python: names and roles for screen readers, the keys, and which canvas
// a finger draws on.
(() => {
  if (window.nnlibAccess) return;
  window.nnlibAccess = true;

  const PAD = "Drawing pad. Draw a digit with mouse, finger or stylus. " +
    "Control Z takes the last stroke back, Control Y brings it again, Delete clears.";
  const PICTURES = {
    ".nnlib-tensor": "The 28 by 28 pixels that the network sees",
    ".nnlib-what-if": "The drawing as drawn, centred, scaled, as read, thinner and thicker",
    ".nnlib-where": "The ink for and against the answer and the runner-up",
    ".nnlib-inside": "The activations of the hidden layers",
    ".nnlib-lookalikes": "The nearest training images",
  };

  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
    }
  }

  function dress(app) {
    set(app, {"data-lm-suppress-shortcuts": "true"}); // JupyterLab's keys are not for the pad
    set(app.querySelector(".nnlib-sketchpad canvas"),
      {role: "application", tabindex: "0", "aria-label": PAD});
    for (const [panel, name] of Object.entries(PICTURES)) {
      app.querySelectorAll(`${panel} canvas`).forEach(canvas =>
        set(canvas, {role: "img", "aria-label": name, tabindex: "-1"}));
    }
    set(app.querySelector(".nnlib-spoken"), {role: "status", "aria-live": "polite"});
    set(app.querySelector(".nnlib-status"), {role: "alert"});
    app.querySelectorAll("button.nnlib-fold").forEach(button =>
      set(button, {"aria-expanded": String(button.classList.contains("mod-active"))}));
    app.querySelectorAll(".nnlib-model button").forEach(button =>
      set(button, {"aria-pressed": String(button.classList.contains("mod-active"))}));
    app.querySelectorAll("button.nnlib-example").forEach(button =>
      set(button, {"aria-label": `Example: ${button.title}`}));
    set(app.querySelector(".nnlib-time .noUi-handle"), {"aria-label": "Points drawn"});
  }

  const options = {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]};
  let asked = 0; // one look a frame, however much has changed
  new MutationObserver(() => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => document.querySelectorAll(".nnlib-app").forEach(dress));
  }).observe(document.body, options);

  // A canvas that hears of touches keeps the page from scrolling. Only the pad needs them; what is
  // tapped elsewhere arrives as a mouse.
  for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
    window.addEventListener(kind, event => {
      if (event.target.closest?.(".nnlib-picture")) event.stopImmediatePropagation();
    }, {capture: true, passive: true});
  }

  const KEYS = {"ctrl+z": "undo", "ctrl+y": "redo", "ctrl+shift+z": "redo", "delete": "clear"};
  window.addEventListener("keydown", event => {
    // Served by Voila the page is the app's alone; in JupyterLab only what is inside it is.
    const app = event.target.closest?.(".nnlib-app") ??
      (document.body.dataset.voila ? document.querySelector(".nnlib-app") : null);
    if (!app) return;
    // The canvas would swallow every key, and nobody could leave it by Tab.
    if (event.target.closest?.(".nnlib-sketchpad")) event.stopImmediatePropagation();
    const key = (event.ctrlKey || event.metaKey ? "ctrl+" : "") +
      (event.shiftKey ? "shift+" : "") + event.key.toLowerCase();
    if (!(key in KEYS)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    app.querySelector(`button.nnlib-${KEYS[key]}`).click();
  }, true);
})();
