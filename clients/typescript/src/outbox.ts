/** Orders that are written down before they are sent, and sent until their result is certain. */

import { backOff, tell } from "./connection.js";
import { isTemporary, NoNetworkError, type Problem, ProblemError, SessionEndedError } from "./errors.js";
import type { Larder } from "./larder.js";
import type { Changes, Storage } from "./storage.js";
import type { Draft, Order } from "./types.js";

/**
 * `waiting`: it will be sent, and may have been. `giving_up`: a request to prevent it is sent.
 * The others are certain. `placed`: `order` is what the shop has. `refused`: it was not placed and
 * never will be, and `problem` says why. `abandoned`: likewise, because the user gave up.
 */
export type State = "waiting" | "giving_up" | "placed" | "refused" | "abandoned";

export interface Entry {
  /** The id of the order, and its Idempotency-Key. */
  id: string;
  draft: Draft;
  at: number;
  state: State;
  order?: Order;
  problem?: Problem;
}

type Abandoned = { outcome: string; order?: Order };

const LONGEST_WAIT = 300_000;

export class Outbox {
  /** Is called after each change of an entry. */
  onChange: () => void = () => {};
  /** Sends what waits now, if `start` was called. */
  wake: () => void = () => {};

  #changing: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> = Promise.resolve();
  #newest = 0;

  constructor(
    private readonly larder: Larder,
    private readonly storage: Storage,
  ) {}

  /**
   * Writes an order down and returns its id. It is sent by `flush`, or at once after `start`.
   * `also` are changes of the app that are written with it, such as an emptied cart.
   */
  async add(draft: Draft, also: Changes = {}): Promise<string> {
    // Orders of one millisecond keep their sequence.
    const at = (this.#newest = Math.max(Date.now(), this.#newest + 1));
    const prefix = await this.#prefix();
    if (prefix === undefined) throw new SessionEndedError();
    const entry: Entry = { id: uuid(), draft, at, state: "waiting" };
    await this.storage.write({ ...also, [prefix + entry.id]: entry });
    tell(() => this.onChange());
    this.wake();
    return entry.id;
  }

  /** Returns the orders of this account, oldest first, until they are dismissed. */
  async all(): Promise<Entry[]> {
    const prefix = await this.#prefix();
    if (prefix === undefined) return [];
    const entries = [...(await this.storage.entries(prefix)).values()] as Entry[];
    return entries.sort((one, other) => one.at - other.at);
  }

  /**
   * Gives an order up that is still `waiting`. It is `abandoned` once the shop has answered that it
   * will never place it, or `placed` if it has.
   */
  async giveUp(id: string): Promise<void> {
    await this.#change(id, (entry) => (isOpen(entry) ? { ...entry, state: "giving_up" } : entry));
    this.wake();
  }

  /** Removes an order whose result the user has seen. Others stay. */
  async dismiss(id: string): Promise<void> {
    await this.#change(id, (entry) => (isOpen(entry) ? entry : undefined));
  }

  /** Sends what waits, once. Throws a failure, a temporary one first; what failed is sent with the next call. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#flush());
    return this.#flushing;
  }

  /** Sends what waits now and later, with back-off. Returns a function that stops it. */
  start(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const work = async () => {
      clearTimeout(timer);
      const failure = await this.flush().catch((error: unknown) => error);
      failures = isTemporary(failure) ? failures + 1 : 0;
      if (!isTemporary(failure) || this.wake !== work) return;
      clearTimeout(timer);
      timer = setTimeout(work, backOff(failures, failure.retryAfter, LONGEST_WAIT));
    };
    this.wake = work;
    globalThis.addEventListener?.("online", work);
    void work();
    return () => {
      this.wake = () => {};
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", work);
    };
  }

  async #flush(): Promise<void> {
    let failure: unknown;
    const account = await this.larder.account();
    for (const entry of (await this.all()).filter(isOpen)) {
      try {
        await this.#settle(entry, account);
      } catch (error) {
        if (failure === undefined || (!isTemporary(failure) && isTemporary(error))) failure = error;
        if (error instanceof NoNetworkError || error instanceof SessionEndedError) break;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Sends an order until it is placed, or refused and never placed later. */
  async #settle({ id, draft, state }: Entry, account?: number): Promise<void> {
    if (state === "waiting") {
      try {
        const request = { body: { ...draft, id }, key: id, account };
        return await this.#decide(id, await this.larder.request<Order>("POST", "orders", request));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const why = error.code === "order_abandoned" ? {} : { problem: error.problem };
        await this.#change(id, (entry) => ({ ...entry, ...why, state: "giving_up" }));
      }
    }
    // A refusal is the answer to one request. A copy of it may still be on its way and be placed
    // when there is stock again: only from here on is it certain that it will not.
    await this.#decide(id, await this.#abandon(id, account));
  }

  async #abandon(id: string, account?: number): Promise<Order | undefined> {
    try {
      const path = "orders/abandon";
      const request = { body: { id }, key: id, account };
      const { outcome, order } = await this.larder.request<Abandoned>("POST", path, request);
      if (order !== undefined || outcome === "abandoned") return order;
      throw new NoNetworkError("not_larder");
    } catch (error) {
      // It belongs to another account: it cannot be an order of this one.
      if (error instanceof ProblemError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  async #decide(id: string, order: Order | undefined): Promise<void> {
    if (order !== undefined && order.id !== id) throw new NoNetworkError("not_larder");
    await this.#change(id, ({ problem, ...entry }) => {
      if (order !== undefined) return { ...entry, state: "placed", order };
      return problem ? { ...entry, state: "refused", problem } : { ...entry, state: "abandoned" };
    });
  }

  /** Changes an entry; one change after the other. Does nothing if the entry is not there. */
  async #change(id: string, change: (entry: Entry) => Entry | undefined): Promise<void> {
    const changing = this.#changing.then(async () => {
      const prefix = await this.#prefix();
      if (prefix === undefined) return;
      const entry = (await this.storage.get(prefix + id)) as Entry | undefined;
      if (entry !== undefined) await this.storage.write({ [prefix + id]: change(entry) });
    });
    this.#changing = changing.catch(() => {});
    await changing;
    tell(() => this.onChange());
  }

  /** Orders of one account are never sent as another one. */
  async #prefix(): Promise<string | undefined> {
    const account = await this.larder.account();
    return account === undefined ? undefined : `outbox/${account}/`;
  }
}

function isOpen(entry: Entry): boolean {
  return entry.state === "waiting" || entry.state === "giving_up";
}

/** Whether the shop has refused the order itself. */
function isRefusal(error: unknown): error is ProblemError {
  return error instanceof ProblemError && error.status !== 401 && !isTemporary(error);
}

/** `crypto.randomUUID` is only there on pages that came over TLS. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
