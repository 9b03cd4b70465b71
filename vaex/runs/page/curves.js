"use strict";
// Curves by BokehJS: each element of class "curves" has its numbers as JSON. Colours are those of Okabe and Ito, and
// every line has a dash of its own besides, so that nothing hangs on colour.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const COLOURS = {
    light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"],
    dark: ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#ffffff"],
  };
  const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [2, 5]];
  const number = (value) => (value === null ? NaN : value);
  const make = (name, fields = {}, ...children) => {
    const made = Object.assign(document.createElement(name), fields);
    made.append(...children);
    return made;
  };

  function figure(options) {
    const [ink, line] = dark.matches ? ["#ececec", "#444444"] : ["#1a1a1a", "#d4d4d4"];
    const made = Bokeh.Plotting.figure({
      sizing_mode: "stretch_both", min_width: 200, toolbar_location: "above", title: options.title,
      tools: "pan,box_zoom,wheel_zoom,reset,save", x_axis_type: options.x_log ? "log" : "linear",
      y_axis_type: options.y_log ? "log" : "linear",
      background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: line,
    });
    made.toolbar.logo = null;
    made.title.text_color = ink;
    for (const axis of [...made.xaxes, ...made.yaxes]) {
      Object.assign(axis, { major_label_text_color: ink, axis_label_text_color: ink, axis_line_color: line,
        major_tick_line_color: line, minor_tick_line_color: null });
    }
    for (const grid of [...made.xgrids, ...made.ygrids]) grid.grid_line_color = line;
    made.xaxis.axis_label = options.x_label;
    if (options.y_label) made.yaxis.axis_label = options.y_label;
    return { made, ink, line };
  }

  // Below the plot, where it hides no line; long names stand under one another, and the plot grows by them.
  function legendOf(made, ink, names, place) {
    const is_long = names.join("").length > 40;
    for (const legend of made.panels.filter((part) => part instanceof Bokeh.Legend)) {
      legend.setv({ background_fill_alpha: 0, border_line_alpha: 0, label_text_color: ink, click_policy: "hide",
        visible: names.length > 1, label_text_font_size: "12px", glyph_width: 30, padding: 2, spacing: 8,
        orientation: is_long ? "vertical" : "horizontal" });
      made.center = made.center.filter((part) => part !== legend);
      made.add_layout(legend, "below");
    }
    place.style.height = is_long ? `${20 + 1.8 * names.length}rem` : "";
  }

  // The panel's lines with what is not shown left out: logarithms of a metric that is negative throughout are of its
  // negative, and a line without two finite points is drawn as points.
  function panel(place, content, state, clocks) {
    const hidden = state.hidden || new Set();
    const lines = content.lines.filter((line) => !hidden.has(line.name));
    const values = lines.flatMap((line) => line.y).filter((y) => y !== null);
    const negative = values.length > 0 && values.every((y) => y < 0);
    const sign = state.y_log && negative ? -1 : 1;
    const y_log = state.y_log && (negative || values.every((y) => y > 0));
    const title = (sign < 0 ? "minus " : "") + content.title;
    const { made, ink } = figure({ title, x_log: state.x_log, y_log, x_label: state.against });
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const shown = (x) => (state.from === null || x >= state.from) && (state.to === null || x <= state.to);
    lines.forEach((line) => {
      const i = content.lines.indexOf(line);  // what is hidden changes nobody's colour
      const xs = clocks[line.x][state.against];
      if (!xs) return;
      const kept = [...xs.keys()].filter((k) => shown(xs[k]) && (!state.x_log || xs[k] > 0) && line.y[k] !== null);
      const pick = (array, factor = 1) => Float64Array.from(kept, (k) => factor * number(array[k]));
      const name = Array(kept.length).fill(line.name);
      const source = new Bokeh.ColumnDataSource({ data: { x: pick(xs), y: pick(line.y, sign), name } });
      const style = { line_color: colours[i % colours.length], line_width: 2, line_dash: DASHES[i % DASHES.length] };
      if (line.low) {
        const band = { x: pick(xs), low: pick(line.low, sign), high: pick(line.high, sign) };
        made.varea({ field: "x" }, { field: "low" }, { field: "high" },
          { source: new Bokeh.ColumnDataSource({ data: band }), fill_color: style.line_color, fill_alpha: 0.2 });
      }
      const drawn = made.line({ field: "x" }, { field: "y" }, { source, ...style, legend_label: line.name });
      if (kept.length < 20) made.scatter({ field: "x" }, { field: "y" },
        { source, color: style.line_color, size: 6, legend_label: line.name });
      made.add_tools(new Bokeh.HoverTool({ renderers: [drawn], mode: "vline",
        tooltips: [["", "@name"], [state.against, "@x{0,0.[00]}"], ["value", "@y{0,0.[0000]}"]] }));
    });
    legendOf(made, ink, lines.map((line) => line.name), place);
    show(made, place);
  }

  function show(made, place) {
    place.replaceChildren();
    Bokeh.Plotting.show(made, place);
  }

  function numbers(content, clocks) {
    const open = make("details", {}, make("summary", { textContent: `the numbers of: ${content.title}` }));
    open.addEventListener("toggle", () => {
      if (!open.open || open.querySelector("table")) return;
      const head = make("tr", {}, make("th", { textContent: "epochs" }));
      content.lines.forEach((line) => head.append(make("th", { textContent: line.name })));
      const body = make("tbody");
      const epochs = [...new Set(content.lines.flatMap((line) => clocks[line.x].epochs))].sort((a, b) => a - b);
      for (const epoch of epochs) {
        const row = make("tr", {}, make("th", { textContent: epoch }));
        for (const line of content.lines) {
          const at = clocks[line.x].epochs.indexOf(epoch);
          row.append(make("td", { className: "number", textContent: at < 0 || line.y[at] === null ? "" : line.y[at] }));
        }
        body.append(row);
      }
      const table = make("table", {}, make("thead", {}, head), body);
      open.append(make("div", { className: "wide", tabIndex: 0 }, table));
    });
    return open;
  }

  function choices(state, clocks, again) {
    const against = make("select");
    const names = Object.keys(clocks[0] || {}).filter((name) => clocks.every((clock) => clock[name]));
    names.forEach((name) => against.append(make("option", { textContent: name })));
    against.addEventListener("change", () => { state.against = against.value; again(); });
    const box = (key, said) => {
      const input = make("input", { type: "checkbox" });
      input.addEventListener("change", () => { state[key] = input.checked; again(); });
      return make("label", {}, input, ` ${said}`);
    };
    const limit = (key, said) => {
      const input = make("input", { type: "number", min: 0 });
      input.addEventListener("change", () => { state[key] = input.value === "" ? null : Number(input.value); again(); });
      return make("label", {}, `${said} `, input);
    };
    return make("div", { className: "choices" }, make("label", {}, "against ", against), limit("from", "from"),
      limit("to", "to"), box("x_log", "logarithmic below"), box("y_log", "logarithmic values"));
  }

  function curves(element) {
    const { clocks, panels, first } = JSON.parse(element.querySelector("script").textContent);
    const state = { against: "epochs", from: null, to: null, x_log: false, y_log: false, hidden: new Set() };
    const places = panels.map((content) => [content, make("div", { className: "plot" })]);
    const seen = (place) => !place.closest("details.more") || place.closest("details.more").open;
    const again = () => places.forEach(([content, place]) => seen(place) && panel(place, content, state, clocks));
    const grid = (some) => make("div", { className: "panels" },
      ...some.map(([content, place]) => {
        place.setAttribute("role", "img");
        place.setAttribute("aria-label", `curves: ${content.title}; the numbers are in the table below`);
        return make("div", {}, place, numbers(content, clocks));
      }));
    element.append(choices(state, clocks, again), grid(places.slice(0, first)));
    if (places.length > first) {
      const more = make("details", { className: "more" },
        make("summary", { textContent: `the other metrics (${places.length - first})` }), grid(places.slice(first)));
      more.addEventListener("toggle", () => more.open && again());
      element.append(more);
    }
    element.addEventListener("chosen", (event) => { state.hidden = event.detail; again(); });
    return again;
  }

  function bars(element) {
    const { bars: values, title, axis } = JSON.parse(element.querySelector("script").textContent);
    const place = make("div", { className: "plot" });
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `bars: ${title}: ${values.slice(0, 20).join(", ")}`);
    element.append(place);
    return () => {
      const { made } = figure({ title, x_label: axis });
      const data = { x: values.map((_, i) => i + 1), top: values.map(number) };
      const drawn = made.vbar({ field: "x" }, 0.8, { field: "top" }, 0,
        { source: new Bokeh.ColumnDataSource({ data }), color: COLOURS[dark.matches ? "dark" : "light"][0] });
      made.add_tools(new Bokeh.HoverTool({ renderers: [drawn], tooltips: [[axis, "@x"], ["value", "@top{0.0000}"]] }));
      show(made, place);
    };
  }

  const all = [...document.querySelectorAll(".curves")].map((element) =>
    JSON.parse(element.querySelector("script").textContent).bars ? bars(element) : curves(element));
  const draw = () => all.forEach((again) => again());
  dark.addEventListener("change", draw);
  draw();
})();
