/** An app with a generated client, without the SDK: node generated.js URL PRODUCT. */

import createClient from "openapi-fetch";
// Made by openapi-typescript.
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

function check(isRight: boolean | undefined, found: unknown): void {
  if (!isRight) throw new Error(JSON.stringify(found));
}

const [baseUrl, product] = [process.argv[2]!, Number(process.argv[3])];
const client = createClient<paths>({ baseUrl });

const body = { username: "ada", password: "ada" };
const { data: pair, error: unknown } = await client.POST("/api/v1/auth/token", { body });
if (!pair) throw new Error(unknown.code);
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${pair.access}`);
  },
});

const { data: page } = await client.GET("/api/v1/products", { params: { query: { limit: 5 } } });
const [listed, ...others] = page?.results ?? [];
check(listed?.id === product && listed.price === "1.50" && others.length === 0, page);

function place(quantity: number) {
  const wanted: components["schemas"]["NewOrder"] = { lines: [{ product, quantity }] };
  return client.POST("/api/v1/orders", { body: wanted });
}

const { data: order, error } = await place(2);
check(order?.status === "placed" && order.total === "3.00", error ?? order);
const { error: problem } = await place(99);
const available = problem?.lines?.[0]?.available;
check(problem?.code === "insufficient_stock" && available === 3, problem);
