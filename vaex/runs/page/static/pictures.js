// Numbers in [0, 1], height x width x channels, onto a canvas of as many pixels.
function paint(canvas, values, [height, width, channels]) {
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      const x = values[i * channels + (channels >= 3 ? c : channels - 1)];
      image.data[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, x)));
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
// What is drawn by a pointer on a canvas: grey levels, a round brush with a soft edge.
function sketch(canvas, shape, changed) {
  const [height, width, channels] = shape, values = new Float32Array(height * width * channels);
  const radius = Math.max(0.6, Math.min(height, width) / 22);
  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * width, y = (event.clientY - box.top) / box.height * height;
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        const far = Math.hypot(r + 0.5 - y, c + 0.5 - x), grey = Math.min(1, Math.max(0, radius + 0.7 - far));
        for (let k = 0; k < channels; k++) {
          const i = (r * width + c) * channels + k;
          values[i] = Math.max(values[i], grey);
        }
      }
    }
    paint(canvas, values, shape);
    changed(values);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); spot(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) spot(event); });
  paint(canvas, values, shape);
  return () => { values.fill(0); paint(canvas, values, shape); };
}
// Dots for test images' means, a sign for each label, the point that is set, and where q(z|x) lies.
function plane(canvas, points, labels, here, posterior, reach) {
  const side = 400, context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  canvas.width = canvas.height = side;
  const to = ([x, y]) => [(x / reach + 1) * side / 2, (1 - y / reach) * side / 2];
  context.strokeStyle = style.getPropertyValue("--line");
  context.beginPath();
  context.moveTo(side / 2, 0); context.lineTo(side / 2, side); context.moveTo(0, side / 2); context.lineTo(side, side / 2);
  context.stroke();
  context.font = "11px sans-serif"; context.textAlign = "center"; context.textBaseline = "middle";
  points.forEach((point, i) => {
    const [x, y] = to(point), label = labels[i];
    context.fillStyle = label < 0 ? style.color : `hsl(${label * 137.5 % 360} 60% 50%)`;
    if (label < 0 || label > 99) context.fillRect(x - 1.5, y - 1.5, 3, 3);
    else context.fillText(label, x, y);
  });
  context.lineWidth = 3; context.strokeStyle = style.getPropertyValue("--mark");
  const [x, y] = to(here);
  context.beginPath(); context.arc(x, y, 7, 0, 7); context.stroke();
  if (posterior) {
    const [px, py] = to(posterior.mean), scale = side / 2 / reach;
    context.beginPath();
    context.ellipse(px, py, 2 * posterior.deviation[0] * scale, 2 * posterior.deviation[1] * scale, 0, 0, 7);
    context.stroke();
  }
  return (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width * 2 - 1) * reach, (1 - (event.clientY - box.top) / box.height * 2) * reach];
  };
}
