/** The client: log-in, requests with a token, and the parts of an app. */

import { Connection, type Options, type Request, shared, tell } from "./connection.js";
import { Copy } from "./copy.js";
import { ProblemError, SessionEndedError } from "./errors.js";
import { Outbox } from "./outbox.js";
import type { Storage } from "./storage.js";
import type { LarderEvent, Order, Page, Product, Reordered } from "./types.js";

/** What is kept of a log-in. Without `access` the session is over. */
interface Session {
  account: number;
  username: string;
  access?: string;
  /** Of a session that is over, it shows the shop that this device has logged in before. */
  refresh: string;
}

const SESSION = "session";

export class Larder {
  /** Orders that are sent until the shop has answered, also after the app was killed. */
  readonly outbox: Outbox;
  /** The offline copy of the catalogue. */
  readonly catalogue: Copy<Product>;
  /** The offline copy of the customer's orders. */
  readonly history: Copy<Order>;
  /** Is called when the session is over and the app should show its log-in. */
  onSessionEnded: () => void = () => {};

  readonly #connection: Connection;
  readonly #storage: Storage;
  /** Exchanges the refresh token, once for all requests whose token has expired. */
  readonly #refresh = shared(() => this.#exchange());

  constructor(options: Options & { storage: Storage }) {
    this.#connection = new Connection(options);
    this.#storage = options.storage;
    this.outbox = new Outbox(this, options.storage);
    this.catalogue = new Copy(this, options.storage, "products");
    this.history = new Copy(this, options.storage, "orders");
  }

  /** Exchanges a username and a password for a session. */
  async logIn(username: string, password: string): Promise<void> {
    const before = await this.#session();
    const proof = before?.username === username ? { refresh: before.refresh } : {};
    const pair = await this.#tokens("auth/token", { username, password, ...proof });
    const headers = { Authorization: `Bearer ${pair.access}` };
    const me = (await this.#connection.send("GET", "me", { headers }, true)) as { id: number };
    await this.#storage.write({ [SESSION]: { ...pair, account: me.id, username } });
    this.outbox.wake();
  }

  /** Ends the session, and removes the offline copies. Orders in the outbox stay for the next. */
  async logOut(): Promise<void> {
    const session = await this.#session();
    if (session === undefined) return;
    const copies = { ...(await this.catalogue.removal()), ...(await this.history.removal()) };
    await this.#storage.write({ ...copies, [SESSION]: undefined });
    const body = { refresh: session.refresh };
    await this.#connection.send("POST", "auth/token/revoke", { body }, false).catch(() => {});
  }

  /** Returns the id of the account that is logged in, or was last. Needs no network. */
  async account(): Promise<number | undefined> {
    return (await this.#session())?.account;
  }

  /** Returns whether there is a session. Needs no network: it may have ended meanwhile. */
  async isLoggedIn(): Promise<boolean> {
    return (await this.#session())?.access !== undefined;
  }

  /**
   * Sends a request with the access token, and refreshes the token if it has expired. `path` is
   * what follows `/api/v1/` (that may be there too). A GET, and a request with a `key`, is repeated after a temporary
   * failure. Once a user has logged out, it is never sent as the next one. Throws ProblemError,
   * NoNetworkError and SessionEndedError.
   */
  async request<T = any>(method: string, path: string, request: Request = {}): Promise<T> {
    const isSafe = (method === "GET" && !request.read) || request.key !== undefined;
    let { account } = request;
    for (let refreshed = false; ; refreshed = true) {
      const { access, ...session }: Partial<Session> = (await this.#session()) ?? {};
      account ??= session.account;
      if (access === undefined || session.account !== account) throw new SessionEndedError();
      const headers = { ...request.headers, Authorization: `Bearer ${access}` };
      try {
        return (await this.#connection.send(method, path, { ...request, headers }, isSafe)) as T;
      } catch (error) {
        if (!isUnauthorized(error) || refreshed) throw error;
        // Unless another tab, or a request before this one, has done it.
        if ((await this.#session())?.access === access) await this.#refresh();
      }
    }
  }

  /** Returns a page of a list: the first, or the one that `next` of the page before leads to. */
  async page<T = any>(
    path: string,
    parameters: Record<string, string> = {},
    next?: string | null,
  ): Promise<Page<T>> {
    const query = next ? new URL(next).search : `?${new URLSearchParams(parameters)}`;
    return this.request("GET", path + query);
  }

  /** Returns a page of products. `q` searches them; others are `category`, `in_stock`, `ordered_before`, `limit`. */
  products(parameters?: Record<string, string>, next?: string | null): Promise<Page<Product>> {
    return this.page("products", parameters, next);
  }

  /** Puts what can be ordered now of an order in the customer's cart at the shop. A repeat changes nothing. */
  reorder(id: string): Promise<Reordered> {
    return this.request("POST", `orders/${id}/reorder`);
  }

  /**
   * Tells the events of the stream that follow on `after`, the last `id`; also those of products in
   * `watch`. Returns when the stream ends, which it does every few minutes: wait some seconds, and
   * call it again. Throws as `request`.
   */
  listen(
    tell: (event: LarderEvent) => void,
    signal: AbortSignal,
    after = "",
    watch: number[] = [],
  ): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (after) headers["Last-Event-ID"] = after;
    const read = async ({ body }: Response) => {
      const parts = body!.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ; ) {
        const { done, value } = await parts.read();
        if (done) return;
        const messages = (text + value).split("\n\n");
        text = messages.pop()!;
        for (const lines of messages.map((message) => message.split("\n"))) {
          const fields = Object.fromEntries(lines.map((line) => line.split(/: (.*)/)));
          if (fields.event) tell({ ...fields, data: JSON.parse(fields.data) } as LarderEvent);
        }
      }
    };
    return this.request("GET", `events/stream?watch=${watch.join()}`, { headers, read, signal });
  }

  async #exchange(): Promise<void> {
    const session = await this.#session();
    if (session?.access === undefined) throw new SessionEndedError();
    const { access, ...ended } = session;
    const exchange = this.#tokens("auth/token/refresh", { refresh: session.refresh });
    const pair = await exchange.catch((error: unknown) => {
      if (!isUnauthorized(error)) throw error;
    });
    // The user may have logged out, or in again, meanwhile.
    if ((await this.#session())?.access !== access) return;
    await this.#storage.write({ [SESSION]: { ...ended, ...pair } });
    if (pair !== undefined) return;
    tell(() => this.onSessionEnded());
    throw new SessionEndedError();
  }

  async #tokens(path: string, body: object): Promise<{ access: string; refresh: string }> {
    const pair = await this.#connection.send("POST", path, { body }, true);
    const { access, refresh } = pair as { access: string; refresh: string };
    return { access, refresh };
  }

  async #session(): Promise<Session | undefined> {
    return (await this.#storage.get(SESSION)) as Session | undefined;
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401;
}
