// Chromium for the tests of the site, by playwright-core from the folder that the build fetched it to.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const tools = fileURLToPath(new URL("../../_build/vendor/tools/", import.meta.url));
const require = createRequire(tools);
export const axe = `${tools}axe-core/axe.min.js`;

export const chromium =
  process.env.CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

export function open() {
  const playwright = require(`${tools}playwright-core`);
  return playwright.chromium.launch({
    executablePath: chromium,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // a browser without a network
    ],
  });
}
