/** Keeps the files of the app and pictures, so that it opens without a network. Data are the SDK's. */

const PREFIX = "larder-example-";
/** The server writes a hash of all files here: another version is another service worker. */
const VERSION = `${PREFIX}{{ version }}`;
const PICTURES = `${PREFIX}pictures`;
const MOST_PICTURES = 500;
const PAGES = ["app", "account", "cart", "catalogue", "dom", "orders", "products"];
const SDK = ["index", "connection", "copy", "errors", "larder", "outbox", "storage", "types"];
const FILES = [
  ...["./", "style.css", "manifest.webmanifest", "icon.svg", "icon-180.png", "icon-192.png"],
  ...PAGES.map((name) => `${name}.js`),
  ...SDK.map((name) => `sdk/${name}.js`),
];

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(removeOthers()));
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(kept(event.request));
  // Those of other hosts are not kept: they are opaque, and each counts as megabytes.
  if (url.startsWith(`${location.origin}/pictures/`)) event.respondWith(picture(event.request));
});

async function keep() {
  const cache = await caches.open(VERSION);
  await Promise.all(FILES.map((name) => keepFile(cache, name)));
  await skipWaiting();
}

async function keepFile(cache, file) {
  const answer = await fetch(file, { cache: "no-cache", redirect: "error" });
  // Each answer of Larder has this header; the page of a captive portal has not.
  if (!answer.ok || !answer.headers.has("Correlation-ID")) throw new Error(`no answer for ${file}`);
  await cache.put(file, answer);
}

async function removeOthers() {
  const present = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const others = present.filter((name) => name !== VERSION && name !== PICTURES);
  await Promise.all(others.map((name) => caches.delete(name)));
  await clients.claim();
}

async function kept(request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** Returns a picture, and keeps the newest. Its content never changes under one name. */
async function picture(request) {
  const cache = await caches.open(PICTURES);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  // The page of a captive portal is no picture.
  if (answer.ok && answer.headers.get("Content-Type")?.startsWith("image/")) {
    await cache.put(request, answer.clone());
    const [oldest, ...others] = await cache.keys();
    if (others.length >= MOST_PICTURES) await cache.delete(oldest);
  }
  return answer;
}
