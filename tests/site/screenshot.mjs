// A picture of a page: node tests/site/screenshot.mjs URL OUT.png [light|dark] [width] [height|full]
import { open } from "./browser.mjs";

const [url, out, theme = "light", width = "1280", height = "860"] = process.argv.slice(2);
if (!out) {
  console.error("usage: node screenshot.mjs URL OUT.png [light|dark] [width] [height|full]");
  process.exit(2);
}
const browser = await open();
try {
  const size = { width: Number(width), height: height === "full" ? 860 : Number(height) };
  const context = await browser.newContext({ viewport: size, colorScheme: theme, deviceScaleFactor: 1 });
  const page = await context.newPage();
  await page.goto(url, { waitUntil: "networkidle" });
  await page.screenshot({ path: out, fullPage: height === "full" });
} finally {
  await browser.close();
}
