// node graphiql_page.mjs <url> <patience in milliseconds> <folder>: uses GraphiQL on a server with the demo, in Chromium (TEST_CHROMIUM), on a
// desktop and on a phone.
//
// Prints what it measured as JSON. Leaves pictures of what it saw in the folder, of both schemes of colours.

import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, patience, folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node graphiql_page.mjs <url> <patience in milliseconds> <folder>");
  process.exit(2);
}
if (!process.env.TEST_CHROMIUM) throw new Error("TEST_CHROMIUM is not set: run ./test, which finds or installs Chromium");

const READY = [
  "Welcome", "Sign in", "Search", "Who am i", "Place order", "Kitchen", "Driver", "Watch order", "Watch my orders", "Watch kitchen",
  "Watch claimable orders", "Driver on the map", "Revenue",
];

const browser = await chromium.launch({
  executablePath: process.env.TEST_CHROMIUM,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** A page of GraphiQL in a browser of its own, with the hands that a person has. */
async function visit(name, size) {
  const context = await browser.newContext({ colorScheme: "light", ...size });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(patience));
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
  const play = page.locator(".graphiql-execute-button");
  const picker = page.getByLabel("Act as");
  const result = page.getByRole("region", { name: "Result Window" });
  const hands = {
    context, page, complaints, play, picker, result,
    press: (target) => (size.hasTouch ? target.tap() : target.click()),
    async open() {
      await page.goto(url);
      await play.waitFor();
    },
    tab: (title) => hands.press(page.getByRole("tab").getByRole("button", { name: title, exact: true })),
    names: () => page.locator(".graphiql-tab-button").allInnerTexts(),
    /** Runs the open tab, or that operation of it. */
    async run(operation) {
      if (!operation) return hands.press(play);
      await hands.press(page.locator(".graphiql-execute-button[aria-haspopup]"));
      await hands.press(page.getByRole("menuitem", { name: operation, exact: true }));
    },
    answers: (text) => result.filter({ hasText: text }).waitFor(),
    // GraphiQL writes what is edited half a second later.
    async reload() {
      await page.waitForTimeout(1_000);
      await page.reload();
      await play.waitFor();
    },
    async pictures(what) {
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(folder, `${name}-${what}-${colorScheme}.png`) });
      }
      await page.emulateMedia({ colorScheme: "light" });
    },
  };
  await hands.open();
  return hands;
}

/** Follows the driver until there are five events, and gives how many of them can be seen at once. */
async function fiveEvents({ page, tab, run }) {
  await tab("Driver on the map");
  await run();
  await page.locator(".event").nth(4).waitFor();
  return page.evaluate(() => {
    const list = document.querySelector(".events > ol").getBoundingClientRect();
    const lines = [...document.querySelectorAll(".event summary")].map((line) => line.getBoundingClientRect());
    const isSeen = ({ top, bottom, left, right }) =>
      top >= list.top - 1 && bottom <= Math.min(list.bottom, innerHeight) + 1 && left >= -1 && right <= innerWidth + 1;
    return { told: lines.length, seen: lines.filter(isSeen).length };
  });
}

async function tabsKeepTheirNames({ page, names, tab, run, answers, reload }) {
  assert.deepEqual(await names(), READY);
  await tab("Place order");
  await run("PlaceOrder");
  await answers('"placeOrder"');
  assert.deepEqual(await names(), READY, "after a run of the second operation");
  await reload();
  assert.deepEqual(await names(), READY, "after a reload");
  await page.getByRole("button", { name: "Name this tab" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Lunch");
  await page.keyboard.press("Enter");
  const renamed = READY.map((name) => (name === "Place order" ? "Lunch" : name));
  await page.getByRole("tab").getByRole("button", { name: "Lunch" }).waitFor();
  await run("Quote");
  await answers('"orderQuote"');
  assert.deepEqual(await names(), renamed, "after a run");
  await reload();
  assert.deepEqual(await names(), renamed, "after a reload");
}

async function peopleAreChosenByKeyboard({ page, picker, tab, answers, reload }) {
  const plays = async () => {
    await page.locator(".graphiql-query-editor .CodeMirror").first().click();
    await page.keyboard.press("Control+Enter");
  };
  await tab("Who am i");
  assert.equal(await picker.inputValue(), "customer");
  await page.getByRole("button", { name: "New tab" }).focus();
  await page.keyboard.press("Tab");
  assert.ok(await picker.evaluate((select) => select === document.activeElement), "the picker comes after the tabs");
  await page.keyboard.press("ArrowDown");
  assert.equal(await picker.inputValue(), "merchant");
  await plays();
  await answers("merchant@demo.tiffin.example");
  await page.getByRole("button", { name: "New tab" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("End");
  assert.equal(await picker.inputValue(), "");
  await plays();
  await answers('"me": null');
  // The choice is the tab's.
  await tab("Kitchen");
  assert.equal(await picker.inputValue(), "merchant");
  await tab("Who am i");
  assert.equal(await picker.inputValue(), "");
  await reload();
  assert.equal(await picker.inputValue(), "");
  // A header that somebody writes is sent as it is, until somebody is chosen.
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror").click();
  await page.keyboard.insertText('{"Authorization": "Bearer nonsense", "x-request-id": "page"}');
  await page.getByRole("option", { name: "Headers pane" }).waitFor({ state: "attached" });
  await plays();
  await answers("UNAUTHENTICATED");
  await picker.selectOption("admin");
  await plays();
  await answers("admin@demo.tiffin.example");
  assert.ok(await page.locator(".graphiql-editor-tool").getByText("x-request-id").isVisible(), "other headers stay");
}

async function eventsStayInView(desktop) {
  const { page, play, picker, result } = desktop;
  const events = page.locator(".event");
  const { told, seen } = await fiveEvents(desktop);
  assert.equal(seen, told, "all of them are in view");
  const places = await page.locator(".event pre, .event code").allInnerTexts();
  assert.ok(new Set(places).size >= 5, "the driver moves");
  await desktop.pictures("events");
  const newest = await events.first().locator("b").innerText();
  await page.getByRole("button", { name: "Clear" }).click();
  await events.first().waitFor();
  assert.ok(Number(await events.first().locator("b").innerText()) > Number(newest), "it goes on, and counts on");
  await play.click();
  await page.getByText("Ended", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await result.waitFor({ state: "visible" });
  // Whoever is chosen meanwhile is not whom events are for.
  await play.click();
  await events.first().waitFor();
  await picker.selectOption("");
  await page.getByText("Ended", { exact: true }).waitFor();
  await play.click();
  await page.locator(".event.failed").waitFor();
}

async function aPhoneIsEnough(phone) {
  const { page, picker, tab, run, answers } = phone;
  const size = async (selector) => (await page.locator(selector).boundingBox()).height;
  const width = () => page.evaluate(() => [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]);
  await run();
  await answers('"restaurants"');
  const measured = { result: await size(".graphiql-response"), query: await size(".graphiql-query-editor"), width: await width() };
  assert.ok(measured.result >= 250, `${measured.result} pixels for the result`);
  assert.ok(measured.query >= 150, `${measured.query} pixels for the query`);
  assert.deepEqual(measured.width, [390, 390, 390], "nothing is wider than the phone");
  await phone.pictures("result");
  for (const button of await page.locator(".graphiql-toolbar button, .graphiql-sidebar button, .graphiql-tab-add, .picker select").all()) {
    const { x, y, width, height } = await button.boundingBox();
    assert.ok(x >= 0 && y >= 0 && x + width <= 390 && y + height <= 844, `${await button.getAttribute("aria-label")} is out of reach`);
  }
  await tab("Who am i");
  await picker.selectOption("driver");
  await run();
  await answers("driver@demo.tiffin.example");
  const events = await fiveEvents(phone);
  assert.ok(events.seen >= 5, `${events.seen} of ${events.told} events are in view`);
  assert.ok((await size(".events")) >= 250);
  assert.deepEqual(await width(), [390, 390, 390]);
  await phone.pictures("events");
  // The schema takes the whole place, and gives it back.
  await phone.press(page.getByRole("button", { name: "Show Documentation Explorer" }));
  await page.getByText("Root Types").waitFor();
  await phone.pictures("schema");
  await phone.press(page.getByRole("button", { name: "Hide Documentation Explorer" }));
  await phone.press(page.getByRole("button", { name: "Variables" }));
  await page.getByText('"order"').waitFor();
  await phone.pictures("variables");
  return { ...measured, events };
}

try {
  const desktop = await visit("desktop", { viewport: { width: 1440, height: 900 } });
  await tabsKeepTheirNames(desktop);
  await peopleAreChosenByKeyboard(desktop);
  await desktop.pictures("people");
  await eventsStayInView(desktop);
  // The browser's own word on the token that was none.
  assert.deepEqual(desktop.complaints.filter((text) => !text.includes("401 (Unauthorized)")), []);
  await desktop.context.close();
  const phone = await visit("phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  const measured = await aPhoneIsEnough(phone);
  assert.deepEqual(phone.complaints, []);
  console.log(JSON.stringify(measured));
} finally {
  await browser.close();
}
