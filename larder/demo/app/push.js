/** Messages of the shop to this browser. */

import { button } from "./dom.js";

/** Returns a button that asks for messages, and then does its work; null where it has none to do. */
export function bell(shop, label, work) {
  const isOn = globalThis.Notification?.permission === "granted";
  if (!("PushManager" in globalThis) || (isOn && !work)) return null;
  const ask = async () => {
    if ((await Notification.requestPermission()) !== "granted") return;
    await subscribe(shop);
    await work?.();
    shop.toast("You will get a message");
  };
  return button(label, () => ask().catch(shop.fail));
}

/** Registers this browser, if it may show messages: with each start, because its keys change. */
export async function subscribe(shop) {
  if (globalThis.Notification?.permission !== "granted") return;
  const { server_key } = await shop.larder.request("GET", "me/devices");
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: server_key };
  // A subscription with a former key of the shop is in the way.
  const subscription = await pushManager.subscribe(options).catch(async () => {
    await (await pushManager.getSubscription())?.unsubscribe();
    return pushManager.subscribe(options);
  });
  const { endpoint: address, keys } = subscription.toJSON();
  await shop.larder.request("POST", "me/devices", { body: { kind: "webpush", address, keys } });
}
