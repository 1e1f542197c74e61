// Names for assistive technology. Bokeh draws on canvases and builds sliders without names of
// their own, inside shadow roots: each gets the name that stands beside it.
const figures = {
  portrait: "Phase portrait: the path of the parameters from theta zero, over the vector fields. " +
    "The numbers stand in the table below; theta zero can be typed in the fields beside.",
  schedule: "Weight epsilon against time. A pointer draws it; by keyboard choose 'drawn by hand' " +
    "and use the sliders for a part and its weight.",
  switching: "Switching function phi against time",
  error: "Distance from the fit without the points, against time, logarithmic",
  points: "Leverage and change on deletion of all points. To forget a row by keyboard, name it in " +
    "the field 'Forgotten rows'.",
};

function* everything(root) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot !== null) yield* everything(element.shadowRoot);
  }
}

function put(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function views(view, found) {
  found.push(view);
  for (const child of view.child_views ?? []) views(child, found);
  return found;
}

function name_all() {
  document.documentElement.lang = "en";
  for (const element of everything(document)) {
    if (element.classList.contains("noUi-handle")) {
      const root = element.getRootNode();
      // Of a slider of given values the title is a text of its own, which stands before it.
      const beside = root.host?.previousElementSibling?.shadowRoot?.querySelector(".bk-clearfix");
      const own = root.querySelector(".bk-slider-title")?.textContent?.trim();
      const title = own || beside?.textContent?.trim();
      if (title) put(element, "aria-label", title.split(":")[0].trim());
      if (title) put(element, "aria-valuetext", title);
    }
    if (element.matches("button.bk-spin-btn-up, button.bk-spin-btn-down")) {
      // The arrow keys do the same in the field itself.
      put(element, "aria-label", element.matches(".bk-spin-btn-up") ? "more" : "less");
      put(element, "tabindex", "-1");
    }
    if (element.matches("input[type=checkbox]") && !element.labels?.[0]?.textContent?.trim()) {
      const text = (element.nextElementSibling ?? element.parentElement)?.textContent?.trim();
      if (text) put(element, "aria-label", text);
    }
  }
  for (const root of Object.values(Bokeh.index)) {
    const all = views(root, []);
    for (const view of all) {
      const text = figures[view.model.name];
      if (text !== undefined && view.model.type === "Figure") {
        put(view.el, "role", "img");
        put(view.el, "aria-label", text);
      }
    }
  }
}

name_all();
if (window.homotopy_names === undefined) window.homotopy_names = setInterval(name_all, 1500);
