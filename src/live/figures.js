// The reader's figures on the dark page: as book/_ext/figures.py draws the book's own.
export const COLORS = {
  "#ffffff": "#161b20", // paper
  "#000000": "#dce2e8", // ink
  "#333333": "#cdd5dd",
  "#555555": "#b4bfca", // ticks
  "#777777": "#a3b0bc",
  "#888888": "#76838f", // frame
  "#e4e4e4": "#323b44", // grid
  "#0072b2": "#56aee8",
  "#d55e00": "#f08a45",
  "#009e73": "#2fc298",
  "#c4649b": "#e39cc6",
  "#3a97cf": "#93d3f8",
  "#b98000": "#edbd4d",
};
const [PAPER, INK] = [0.11, 0.89]; // lightness of what is white and black on the light page
const COLOR = /#[0-9a-f]{6}\b/g;
const RASTER = /(xlink:href="data:image\/png;base64,)([^"]+)/g;

const toHls = ([red, green, blue]) => {
  const [high, low] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  const [sum, range] = [high + low, high - low];
  if (range === 0) return [0, sum / 2, 0];
  const saturation = sum / 2 <= 0.5 ? range / sum : range / (2 - sum);
  const [r, g, b] = [red, green, blue].map((part) => (high - part) / range);
  let hue = 4 + g - r;
  if (red === high) hue = b - g;
  else if (green === high) hue = 2 + r - b;
  return [(hue / 6 + 1) % 1, sum / 2, saturation];
};

const toRgb = ([hue, light, saturation]) => {
  const high = light <= 0.5 ? light * (1 + saturation) : light + saturation - light * saturation;
  const low = 2 * light - high;
  return [hue + 1 / 3, hue, hue - 1 / 3].map((turn) => {
    const place = (turn + 1) % 1;
    if (place < 1 / 6) return low + (high - low) * place * 6;
    if (place < 1 / 2) return high;
    return place < 2 / 3 ? low + (high - low) * (2 / 3 - place) * 6 : low;
  });
};

const parts = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
const nameOf = (bytes) =>
  `#${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

// What stands for a color on the dark page: of the same hue, light instead of dark.
export const darkColor = (color) => {
  if (color in COLORS) return COLORS[color];
  const [hue, light, saturation] = toHls(parts(color).map((part) => part / 255));
  const mixed = toRgb([hue, INK + (PAPER - INK) * light, saturation]);
  return nameOf(mixed.map((part) => Math.round(255 * part)));
};

// Whether colors are shades: grays, or of hues that are at most a quarter apart.
export const isOneHue = (colors) => {
  const hues = colors
    .map((color) => toHls(parts(color).map((part) => part / 255)))
    .filter(([, light, saturation]) => saturation > 0.15 && light > 0.05 && light < 0.95)
    .map(([hue]) => hue);
  const most = hues.reduce((high, hue) => Math.max(high, hue), 0);
  return most - hues.reduce((low, hue) => Math.min(low, hue), most) < 0.25;
};

// Exchanges the colors of a picture of numbers, in place; one in many colors stays as it is.
export const darkenPixels = (pixels) => {
  const dark = new Map();
  for (let i = 0; i < pixels.length; i += 4) dark.set(nameOf(pixels.subarray(i, i + 3)), null);
  if (!isOneHue([...dark.keys()])) return false;
  for (const color of dark.keys()) dark.set(color, parts(darkColor(color)));
  for (let i = 0; i < pixels.length; i += 4) {
    pixels.set(dark.get(nameOf(pixels.subarray(i, i + 3))), i);
  }
  return true;
};

const darkRaster = async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  if (!darkenPixels(image.data)) return base64;
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
};

// The dark version of a drawing.
export const darkSvg = async (svg) => {
  const rasters = [...svg.matchAll(RASTER)];
  const dark = await Promise.all(rasters.map(([, , base64]) => darkRaster(base64)));
  // Text without a color of its own is black.
  return svg
    .replace(COLOR, darkColor)
    .replace("<svg ", `<svg fill="${COLORS["#000000"]}" `)
    .replace(RASTER, (match, start) => start + dark.shift());
};
