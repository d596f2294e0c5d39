/** An offline copy of a feed: `products/changes` or `orders/changes`. */

import { shared } from "./connection.js";
import { ProblemError, SessionEndedError } from "./errors.js";
import type { Larder } from "./larder.js";
import type { Changes, Storage } from "./storage.js";

interface Answer {
  since: string;
  more: boolean;
  results: ({ id: number | string } & { deleted?: boolean })[];
}

/** How the shop refuses a position that it does not know (any more). */
const STALE = ["since_expired", "validation_error"];

type Position = Omit<Answer, "results">;

export class Copy<T> {
  /** Brings the copy up to date, and returns how many objects have changed. */
  readonly sync = shared(() => this.#sync());

  constructor(
    private readonly larder: Larder,
    private readonly storage: Storage,
    private readonly name: string,
  ) {}

  /** Returns all objects of the copy. Needs no network. */
  async all(): Promise<T[]> {
    return [...(await this.storage.entries(`${await this.#prefix()}/`)).values()] as T[];
  }

  /** Returns one object of the copy. Needs no network. */
  async get(id: number | string): Promise<T | undefined> {
    return (await this.storage.get(`${await this.#prefix()}/${id}`)) as T | undefined;
  }

  /** Writes an object of an answer into the copy: the feed may have it only some seconds later. */
  async put(one: T & { id: number | string }): Promise<void> {
    await this.storage.write({ [`${await this.#prefix()}/${one.id}`]: one });
  }

  /** Returns whether a first synchronisation has come to its end. */
  async isComplete(): Promise<boolean> {
    return (await this.#position())?.more === false;
  }

  /** Returns the changes that remove the copy. */
  async removal(): Promise<Changes> {
    const prefix = await this.#prefix();
    const keys = [prefix, ...(await this.storage.entries(`${prefix}/`)).keys()];
    return Object.fromEntries(keys.map((key) => [key, undefined]));
  }

  async #sync(): Promise<number> {
    const prefix = await this.#prefix();
    for (let changed = 0; ; ) {
      const since = (await this.#position())?.since;
      const answer = await this.#changes(since);
      // Each page is one write with its position: a killed app goes on from there.
      const changes = since === undefined ? await this.removal() : {};
      for (const { deleted, ...one } of answer.results)
        changes[`${prefix}/${one.id}`] = deleted ? undefined : one;
      changes[prefix] = { since: answer.since, more: answer.more } satisfies Position;
      if (prefix !== (await this.#prefix())) throw new SessionEndedError();
      await this.storage.write(changes);
      changed += answer.results.length;
      if (!answer.more) return changed;
    }
  }

  async #changes(since: string | undefined): Promise<Answer> {
    const path = `${this.name}/changes`;
    try {
      return await this.larder.request("GET", since ? `${path}?since=${encodeURIComponent(since)}` : path);
    } catch (error) {
      if (!(error instanceof ProblemError && STALE.includes(error.code))) throw error;
    }
    // The shop no longer knows the position: everything is copied again.
    await this.storage.write(await this.removal());
    return this.larder.request("GET", path);
  }

  async #position(): Promise<Position | undefined> {
    return (await this.storage.get(await this.#prefix())) as Position | undefined;
  }

  /** Customers who share a device have a copy each. */
  async #prefix(): Promise<string> {
    return `${this.name}/${await this.larder.account()}`;
  }
}
