// A reader's way by mouse and keyboard, in Chromium: landing page, lesson page, button, a changed
// cell, a failed check, a reload. Prints what was seen as JSON.
//   node tests/live/path.mjs SITE
import { open } from "../site/browser.mjs";
import { serve } from "./run.mjs";

const LESSON = "Design REST and GraphQL APIs";
const SECONDS = 1000;

const site = await serve(process.argv[2]);
const browser = await open();
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(90 * SECONDS);
const seen = { addresses: [] };

/** The notebook's frame, once the page says that Python answers. */
async function notebook() {
  await page.getByRole("status").getByText(/^Ready/).waitFor();
  return page.frameLocator("#notebook");
}

/** Press the button that runs the chosen cell and goes on, until the cell that is wanted is chosen. */
async function runUntil(frame, words) {
  const button = frame.getByRole("button", { name: /^Run this cell/ });
  for (let pressed = 0; pressed < 60; pressed++) {
    const chosen = frame.locator(".jp-Cell.jp-mod-active");
    if ((await chosen.innerText()).includes(words)) return chosen;
    await button.click();
  }
  throw new Error(`no cell with ${words}`);
}

/** Wait until the notebook has saved itself, as it does every few seconds. */
async function saved(words) {
  const inner = page.frames().find((one) => one.url().includes("/notebooks/index.html"));
  const deadline = Date.now() + 30 * SECONDS;
  const kept = () => inner.evaluate(async () => {
    const { path } = window.jupyterapp.shell.currentWidget.context;
    return JSON.stringify(await window.jupyterapp.serviceManager.contents.get(path, { content: true }));
  });
  while (!(await kept()).includes(words)) {
    if (Date.now() > deadline) throw new Error("the notebook does not save itself");
    await page.waitForTimeout(200);
  }
}

try {
  await page.goto(`${site.base}book/index.html`);
  await page.locator("main").getByRole("link", { name: LESSON }).click();
  await page.getByRole("heading", { name: LESSON, level: 1 }).waitFor();
  seen.addresses.push(page.url());
  await page.getByRole("link", { name: "Run this lesson in your browser" }).click();

  let frame = await notebook();
  seen.addresses.push(page.url());
  await frame.locator(".jp-CodeCell").first().click();
  const built = await runUntil(frame, "delete_show(show_id: UUID)");
  await built.getByText("204", { exact: true }).dblclick();
  await page.keyboard.type("200");
  const check = await runUntil(frame, "deleting twice leaves");
  await frame.getByRole("button", { name: /^Run this cell/ }).click();
  const card = frame.locator(".jp-Cell", { hasText: "deleting twice leaves" }).locator(".jp-OutputArea");
  await card.getByText("204", { exact: false }).first().waitFor();
  seen.card = await card.innerText();

  await saved("status_code=200");
  await page.reload();
  frame = await notebook();
  const line = frame.locator(".cm-line", { hasText: "@router.delete" });
  for (let wheel = 0; wheel < 60 && !(await line.count()); wheel++) {
    await frame.locator(".jp-WindowedPanel-outer").hover();
    await page.mouse.wheel(0, 600);
  }
  seen.again = await line.first().textContent();
} catch (error) {
  seen.failed = String(error).slice(0, 1500);
} finally {
  await browser.close();
  site.close();
}
process.stdout.write(JSON.stringify(seen, null, 1));
