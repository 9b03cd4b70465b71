// Between two points: along the great circle, so that what lies between is as far from the middle as its ends.
function between(a, b, t) {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) { ab += a[i] * b[i]; aa += a[i] * a[i]; bb += b[i] * b[i]; }
  const cosine = ab / Math.sqrt(aa * bb);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  let p = 1 - t, q = t;
  if (isFinite(cosine) && Math.sin(angle) > 1e-4) {
    p = Math.sin((1 - t) * angle) / Math.sin(angle);
    q = Math.sin(t * angle) / Math.sin(angle);
  }
  return Float32Array.from(a, (x, i) => p * x + q * b[i]);
}
// Which of a layer's latents a slider moves, over all layers in their order.
function movable(layers) {
  return layers.flatMap((layer, l) => layer.dims.map((dim, k) => ({layer: l, dim, column: k})));
}
// Row i of an array of rows.
function row(array, size, i) {
  return array.slice(i * size, (i + 1) * size);
}
