/** Keeps the files of the app, so that it opens without a network. The data are the SDK's. */

const PREFIX = "larder-example-";
/** The server writes a hash of all files here: another version is another service worker. */
const VERSION = `${PREFIX}{{ version }}`;
const FILES = ["./", "style.css", "app.js", "pages.js", "dom.js", "icon.svg", "manifest.webmanifest"];
const SDK = ["index", "connection", "copy", "errors", "larder", "outbox", "storage", "types"];

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(removeOthers()));
addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(registration.scope))
    event.respondWith(kept(event.request));
});

async function keep() {
  const cache = await caches.open(VERSION);
  const files = [...FILES, ...SDK.map((one) => `sdk/${one}.js`)];
  await Promise.all(files.map((one) => keepFile(cache, one)));
  await skipWaiting();
}

async function keepFile(cache, file) {
  const answer = await fetch(file, { cache: "no-cache", redirect: "error" });
  // Each answer of Larder has this header; the page of a captive portal has not.
  if (!answer.ok || !answer.headers.has("Correlation-ID")) throw new Error(`no answer for ${file}`);
  await cache.put(file, answer);
}

async function removeOthers() {
  const others = (await caches.keys()).filter((one) => one.startsWith(PREFIX) && one !== VERSION);
  await Promise.all(others.map((one) => caches.delete(one)));
  await clients.claim();
}

async function kept(request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
