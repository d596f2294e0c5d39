/** Keeps the files of the app, so that it opens without a network, and shows messages. Data are the
 * SDK's; pictures never change, and the browser keeps them. */

const PREFIX = "larder-example-";
/** The server writes the files here, and their hash: another one is another service worker. */
const FILES = "{{ files }}".split(" ");
const VERSION = `${PREFIX}{{ version }}`;

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(removeOthers()));
addEventListener("push", (event) => event.waitUntil(tell(event.data.json())));
addEventListener("notificationclick", ({ notification }) => {
  notification.close();
  clients.openWindow(notification.tag);
});
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(kept(event.request));
});

async function keep() {
  const cache = await caches.open(VERSION);
  const keepFile = async (file) => {
    const answer = await fetch(file, { cache: "no-cache", redirect: "error" });
    // Each answer of Larder has this header; the page of a captive portal has not.
    if (!answer.ok || !answer.headers.has("Correlation-ID")) throw new Error(`no answer for ${file}`);
    await cache.put(file, answer);
  };
  await Promise.all(FILES.map(keepFile));
  await skipWaiting();
}

async function removeOthers() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== VERSION);
  await Promise.all(others.map((name) => caches.delete(name)));
  await clients.claim();
}

async function kept(request) {
  const cache = await caches.open(VERSION);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

/** Shows a message of the shop, which leads to its page; one of the same page takes its place. */
async function tell({ title, body, type, object }) {
  const tag = `${registration.scope}#/${type.startsWith("order.") ? "orders" : "products"}/${object}`;
  await registration.showNotification(title, { body, tag, icon: "icon-192.png" });
}
