// What written functions call beside Math, and what gives a page's weights their numbers back.
const randomBits = () => Math.floor(Math.random() * 4294967296);
const square = (x) => x * x;
function roundEven(x) {
  const low = Math.floor(x), part = x - low;
  return part < 0.5 || (part === 0.5 && low % 2 === 0) ? low : low + 1;
}
// Giles 2012, the single-precision approximation of the inverse of erf.
function erfInv(x) {
  let w = -Math.log1p(-x * x), p;
  if (w < 5) {
    w -= 2.5;
    p = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
      -0.00417768164, 0.246640727, 1.50140941].reduce((a, c) => a * w + c);
  } else {
    w = Math.sqrt(w) - 3;
    p = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
      0.00943887047, 1.00167406, 2.83297682].reduce((a, c) => a * w + c);
  }
  return Math.abs(x) === 1 ? x * Infinity : p * x;
}
// The series within 3 of 0, the continued fraction beyond: both to the last digits of single precision.
function erf(x) {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x, sum = x;
    for (let n = 1; n < 60; n++) { term *= -x * x / n; sum += term / (2 * n + 1); }
    return 2 * sum / Math.sqrt(Math.PI);
  }
  let f = a;
  for (let n = 40; n > 0; n--) f = a + n / 2 / f;
  return Math.sign(x) * (1 - Math.exp(-a * a) / f / Math.sqrt(Math.PI));
}
// Stirling's series, after raising x above 8.
function lgamma(x) {
  let shift = 0;
  for (; x < 8; x++) shift += Math.log(Math.abs(x));
  const y = 1 / (x * x);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI)
    + (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / x - shift;
}
function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
function fromHalf(h) {
  const sign = h & 32768 ? -1 : 1, exponent = (h >> 10) & 31, part = h & 1023;
  if (exponent === 0) return sign * part * 2 ** -24;
  if (exponent === 31) return part ? NaN : sign * Infinity;
  return sign * (1 + part / 1024) * 2 ** (exponent - 15);
}
// An array that was stored without the axes along which it repeats.
function arrayOf(entry) {
  const bytes = bytesOf(entry.text), kinds = {f4: Float32Array, i4: Int32Array, u4: Uint32Array, u1: Uint8Array};
  let few;
  if (entry.type === "i1") {
    const scales = new Float32Array(bytesOf(entry.scales).buffer);
    few = Float32Array.from(new Int8Array(bytes.buffer), (n, i) => n * scales[i % scales.length]);
  } else if (entry.type === "f2") few = Float32Array.from(new Uint16Array(bytes.buffer), fromHalf);
  else few = new kinds[entry.type](bytes.buffer);
  const size = entry.shape.reduce((a, n) => a * n, 1);
  if (size === few.length) return few;
  const whole = new few.constructor(size);
  for (let i = 0; i < size; i++) {
    let rest = i, at = 0, step = 1;
    for (let axis = entry.shape.length - 1; axis >= 0; axis--) {
      const k = rest % entry.shape[axis];
      rest = (rest - k) / entry.shape[axis];
      if (entry.stored[axis] > 1) at += k * step;
      step *= entry.stored[axis];
    }
    whole[i] = few[at];
  }
  return whole;
}
