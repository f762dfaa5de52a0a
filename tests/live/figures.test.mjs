// Run by test_live_javascript.py.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { COLORS, darkColor, darkSvg, darkenPixels, isOneHue } = await import(
  pathToFileURL(process.env.LIVE_JS)
);
const { colors, pairs, oneHue, mixed } = JSON.parse(process.env.LIVE_COLORS);

test("the colors of the book have the partners that the build gives them", () => {
  assert.deepEqual(COLORS, colors);
});

test("any other color has the partner that the build gives it", () => {
  for (const [color, dark] of Object.entries(pairs)) assert.equal(darkColor(color), dark, color);
});

test("shades of one hue are exchanged, a picture in many colors is not", () => {
  assert.equal(isOneHue(oneHue), true);
  assert.equal(isOneHue(mixed), false);
  const shades = Uint8ClampedArray.from([255, 255, 255, 255, 0, 0, 0, 128]);
  assert.equal(darkenPixels(shades), true);
  assert.deepEqual([...shades], [0x16, 0x1b, 0x20, 255, 0xdc, 0xe2, 0xe8, 128]);
  const photo = Uint8ClampedArray.from([200, 0, 0, 255, 0, 0, 200, 255, 0, 200, 0, 255]);
  const before = [...photo];
  assert.equal(darkenPixels(photo), false);
  assert.deepEqual([...photo], before);
});

test("a drawing on paper becomes one on the dark page", async () => {
  const svg = '<svg width="1pt"><path style="fill: #ffffff; stroke: #0072b2"/><text>a</text></svg>';
  assert.equal(
    await darkSvg(svg),
    '<svg fill="#dce2e8" width="1pt"><path style="fill: #161b20; stroke: #56aee8"/>' +
      "<text>a</text></svg>",
  );
});
