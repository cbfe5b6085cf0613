// A picture of a page: node tests/site/screenshot.mjs URL OUT.png [light|dark] [width] [height|full] [scale]
// With URL#section: of that section alone, cut at the height.
import { open } from "./browser.mjs";

const [url, out, theme = "light", width = "1280", height = "860", scale = "1"] = process.argv.slice(2);
if (!out) {
  console.error("usage: node screenshot.mjs URL[#section] OUT.png [light|dark] [width] [height|full] [scale]");
  process.exit(2);
}
const [address, section] = url.split("#");
const fullPage = height === "full";
const browser = await open();
try {
  const viewport = { width: Number(width), height: fullPage ? 860 : Number(height) };
  const context = await browser.newContext({ viewport, colorScheme: theme, deviceScaleFactor: Number(scale) });
  const page = await context.newPage();
  await page.goto(address, { waitUntil: "networkidle" });
  if (section) {
    const tall = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ ...viewport, height: tall });
    const place = await page.locator(`[id="${section}"]`).boundingBox();
    const most = fullPage ? tall : viewport.height;
    const clip = { x: place.x - 32, y: place.y - 16, width: place.width + 64, height: Math.min(place.height + 32, most) };
    await page.screenshot({ path: out, clip });
  } else {
    await page.screenshot({ path: out, fullPage });
  }
} finally {
  await browser.close();
}
