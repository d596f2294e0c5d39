/** An offline copy of a feed: `products/changes` or `orders/changes`. */
import { shared } from "./connection.js";
import { ProblemError, SessionEndedError } from "./errors.js";
/** How the shop refuses a position that it does not know (any more). */
const STALE = ["since_expired", "validation_error"];
export class Copy {
    larder;
    storage;
    name;
    /** Brings the copy up to date, and returns how many objects have changed. */
    sync = shared(() => this.#sync());
    constructor(larder, storage, name) {
        this.larder = larder;
        this.storage = storage;
        this.name = name;
    }
    /** Returns all objects of the copy. Needs no network. */
    async all() {
        return [...(await this.storage.entries(`${await this.#prefix()}/`)).values()];
    }
    /** Returns one object of the copy. Needs no network. */
    async get(id) {
        return (await this.storage.get(`${await this.#prefix()}/${id}`));
    }
    /** Writes an object of an answer into the copy: the feed may have it only some seconds later. */
    async put(one) {
        await this.storage.write({ [`${await this.#prefix()}/${one.id}`]: one });
    }
    /** Returns whether a first synchronisation has come to its end. */
    async isComplete() {
        return (await this.#position())?.more === false;
    }
    /** Returns the changes that remove the copy. */
    async removal() {
        const prefix = await this.#prefix();
        const keys = [prefix, ...(await this.storage.entries(`${prefix}/`)).keys()];
        return Object.fromEntries(keys.map((key) => [key, undefined]));
    }
    async #sync() {
        const prefix = await this.#prefix();
        for (let changed = 0;;) {
            const since = (await this.#position())?.since;
            const answer = await this.#changes(since);
            // Each page is one write with its position: a killed app goes on from there.
            const changes = since === undefined ? await this.removal() : {};
            for (const { deleted, ...one } of answer.results)
                changes[`${prefix}/${one.id}`] = deleted ? undefined : one;
            changes[prefix] = { since: answer.since, more: answer.more };
            if (prefix !== (await this.#prefix()))
                throw new SessionEndedError();
            await this.storage.write(changes);
            changed += answer.results.length;
            if (!answer.more)
                return changed;
        }
    }
    async #changes(since) {
        const path = `${this.name}/changes`;
        try {
            return await this.larder.request("GET", since ? `${path}?since=${encodeURIComponent(since)}` : path);
        }
        catch (error) {
            if (!(error instanceof ProblemError && STALE.includes(error.code)))
                throw error;
        }
        // The shop no longer knows the position: everything is copied again.
        await this.storage.write(await this.removal());
        return this.larder.request("GET", path);
    }
    async #position() {
        return (await this.storage.get(await this.#prefix()));
    }
    /** Customers who share a device have a copy each. */
    async #prefix() {
        return `${this.name}/${await this.larder.account()}`;
    }
}
