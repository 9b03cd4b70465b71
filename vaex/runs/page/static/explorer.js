// The explorer: what is set, z's parts and a condition, and everything that sets or shows it.
function explore(program) {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const find = (name) => document.getElementById("explorer-" + name);
  const run = program(data.weights.map(arrayOf)), {layers, shape} = data;
  const points = data.points.map(arrayOf), means = layers.map((layer) => arrayOf(layer.means));
  const images = arrayOf(data.images), size = shape[0] * shape[1] * shape[2];
  const conditions = arrayOf(data.conditions.values), names = data.conditions.names;
  const draws = data.draws && data.draws.map(arrayOf), width = names.length ? conditions.length / names.length : 0;
  const count = images.length / size, moved = movable(layers), sliders = [];
  const set = {parts: layers.map((layer, l) => row(points[l], layer.size, 0)), condition: data.condition_of[0]};
  let posterior = null, waiting = false;

  const condition = () => (names.length ? [row(conditions, width, set.condition)] : []);
  const at = (one) => set.parts[one.layer][one.dim];
  const chosen = () => [moved[find("across").value], moved[find("up").value]];
  const called = (one) => `${layers[one.layer].name}[${one.dim + 1}]`;
  const column = (one, i) => means[one.layer][i * layers[one.layer].dims.length + one.column];
  const option = (select, text, value) => select.add(new Option(text, value));
  let reach = 3;
  for (const one of moved) for (let i = 0; i < data.labels.length; i++) reach = Math.max(reach, Math.abs(column(one, i)));
  reach = Math.min(reach * 1.05, 50);

  function show() {
    waiting = false;
    const start = performance.now(), [image] = run.decode(...set.parts, ...condition());
    const spent = performance.now() - start;
    paint(find("image"), image, shape);
    find("image").dataset.milliseconds = spent;
    find("time").textContent = `${spent.toFixed(1)} ms`;
    moved.forEach((one, i) => { sliders[i].value = at(one); sliders[i].nextSibling.value = at(one).toFixed(2); });
    layers.forEach((layer, l) => {
      if (layer.kind === "label") find("label-" + l).value = set.parts[l].indexOf(Math.max(...set.parts[l]));
    });
    if (moved.length > 1) showPad();
  }
  function soon() {
    if (!waiting) { waiting = true; requestAnimationFrame(show); }
  }
  function put(parts, where = null) {
    set.parts = parts.map((part) => Float32Array.from(part));
    posterior = where;
    soon();
  }
  let placeOf = null;
  function showPad() {
    const [across, up] = chosen(), here = [at(across), at(up)];
    const dots = data.labels.map((_, i) => [column(across, i), column(up, i)]);
    const q = posterior && {mean: [across, up].map((one) => posterior.parts[one.layer][one.dim]),
      deviation: [across, up].map((one) => (posterior.deviation ? posterior.deviation[one.dim] : 0.05))};
    placeOf = plane(find("pad"), dots, data.labels, here, q, reach);
    find("where").textContent = q ? `q(z|x) of the drawing: ${q.mean.map((x) => x.toFixed(2)).join(", ")}` : "";
  }
  function move(values) {
    chosen().forEach((one, i) => { set.parts[one.layer][one.dim] = Math.min(reach, Math.max(-reach, values[i])); });
    soon();
  }

  layers.forEach((layer, l) => {
    if (layer.kind === "fixed") return;
    const box = document.createElement("div"), title = document.createElement("h4");
    box.className = "explorer-layer";
    title.textContent = layers.length > 1 ? `Layer ${layer.name}` : "The most active latents";
    find("sliders").append(title, box);
    if (layer.kind === "label") {
      const select = document.createElement("select");
      select.id = "explorer-label-" + l;
      select.setAttribute("aria-label", "label");
      for (let k = 0; k < layer.size; k++) option(select, k, k);
      select.onchange = () => { set.parts[l] = new Float32Array(layer.size); set.parts[l][select.value] = 1; soon(); };
      box.append(select);
    }
    for (const one of moved.filter((other) => other.layer === l)) {
      const label = document.createElement("label"), slider = document.createElement("input");
      Object.assign(slider, {type: "range", min: -reach, max: reach, step: 0.01});
      slider.dataset.place = `${l},${one.dim}`;
      slider.oninput = () => { set.parts[l][one.dim] = slider.valueAsNumber; soon(); };
      label.append(called(one), slider, document.createElement("output"));
      box.append(label);
      sliders.push(slider);
    }
  });

  find("middle").hidden = !layers.some((layer) => layer.kind === "real");
  find("middle").onclick = () => put(layers.map((layer, l) => (layer.kind === "real" ? new Float32Array(layer.size) : set.parts[l])));
  find("draw").hidden = !run.sample && !draws;
  find("draw").onclick = () => {
    if (run.sample) return put(run.sample(...condition()));
    const total = draws[0].length / layers[0].size, i = Math.floor(Math.random() * total);
    put(draws.map((part, l) => row(part, layers[l].size, i)));
  };
  find("condition-of").hidden = !names.length || !data.condition_moves;
  names.forEach((name, i) => option(find("condition"), name, i));
  find("condition").value = set.condition;
  find("condition").onchange = () => { set.condition = Number(find("condition").value); soon(); };

  find("plane").hidden = moved.length < 2;
  moved.forEach((one, i) => ["across", "up"].forEach((name) => option(find(name), called(one), i)));
  if (moved.length > 1) {
    find("up").value = 1;
    find("across").onchange = find("up").onchange = showPad;
    const drag = (event) => move(placeOf(event));
    find("pad").onpointerdown = (event) => { find("pad").setPointerCapture(event.pointerId); drag(event); };
    find("pad").onpointermove = (event) => { if (event.buttons) drag(event); };
    find("pad").onkeydown = (event) => {
      const step = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowDown: [0, -0.1], ArrowUp: [0, 0.1]}[event.key];
      if (!step) return;
      event.preventDefault();
      move(chosen().map((one, i) => at(one) + step[i]));
    };
  }

  find("own").hidden = !run.encode;
  if (run.encode) {
    const clear = sketch(find("paper"), shape, (grey) => {
      const x = data.is_binary ? grey.map((g) => +(g > 0.5)) : grey;
      const found = run.encode(x, ...(data.shows_condition ? [x] : condition())).map((part) => part.slice());
      const parts = found.slice(0, layers.length);
      put(parts, {parts, deviation: data.has_spread ? found[layers.length] : null});
    });
    find("clear").onclick = () => { clear(); posterior = null; soon(); };
  }

  find("walk").hidden = count < 2 || layers.every((layer) => layer.kind !== "real");
  const ends = ["from", "to"].map(find);
  function walk() {
    const [a, b] = ends.map((select) => Number(select.value)), t = find("share").valueAsNumber;
    ends.forEach((select) => paint(find(select.id.slice(9) + "-image"), row(images, size, Number(select.value)).reduce(
      (grey, x, i) => { grey[i] = x / 255; return grey; }, new Float32Array(size)), shape));
    return layers.map((layer, l) => {
      const [p, q] = [a, b].map((i) => row(points[l], layer.size, i));
      return layer.kind === "real" ? between(p, q, t) : t < 0.5 ? p : q;
    });
  }
  for (let i = 0; i < count; i++) ends.forEach((select) => option(select, `test image ${i + 1}`, i));
  if (count > 1) find("to").value = 1;
  const walked = () => {
    set.condition = data.condition_of[Number(find(find("share").valueAsNumber < 0.5 ? "from" : "to").value)];
    find("condition").value = set.condition;
    put(walk());
  };
  find("share").oninput = ends[0].onchange = ends[1].onchange = walked;
  find("play").onclick = () => {
    const start = performance.now(), backwards = find("share").valueAsNumber > 0.5;
    const frame = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / 3000));
      find("share").value = backwards ? 1 - t : t;
      walked();
      if (t < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };

  for (const note of data.notes) {
    const line = document.createElement("p");
    line.textContent = note;
    find("notes").append(line);
  }
  walk();
  show();
}
