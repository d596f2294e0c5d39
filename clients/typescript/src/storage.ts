/** Where the SDK keeps tokens, the outbox and the offline copy. */

/** New values by key. `undefined` removes a key. */
export type Changes = Record<string, unknown>;

/**
 * A map that outlives the app. `write` resolves when all changes are on the disk, and makes all of
 * them or none, also if the app is killed meanwhile. Values are plain JSON.
 */
export interface Storage {
  get(key: string): Promise<unknown>;
  /** The values whose keys begin with `prefix`, by key, in the order of their keys. */
  entries(prefix: string): Promise<Map<string, unknown>>;
  write(changes: Changes): Promise<void>;
}

/** Keeps everything until the program ends. For tests, and for programs that need no more. */
export class MemoryStorage implements Storage {
  readonly #values = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    return structuredClone(this.#values.get(key));
  }

  async entries(prefix: string): Promise<Map<string, unknown>> {
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
    return new Map(structuredClone(found.sort(([one], [other]) => (one < other ? -1 : 1))));
  }

  async write(changes: Changes): Promise<void> {
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, structuredClone(value));
    }
  }
}

/**
 * Keeps everything in a database of the browser. A write is on the disk when it is answered, which
 * localStorage does not promise, and tabs of one app share it.
 */
export class IndexedDbStorage implements Storage {
  readonly #database: Promise<IDBDatabase>;

  constructor(name = "larder") {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("values");
    this.#database = answered(opening);
  }

  async get(key: string): Promise<unknown> {
    return answered((await this.#values("readonly")).get(key));
  }

  async entries(prefix: string): Promise<Map<string, unknown>> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const values = await this.#values("readonly");
    const [keys, found] = await Promise.all([
      answered(values.getAllKeys(range)),
      answered<unknown[]>(values.getAll(range)),
    ]);
    return new Map(keys.map((key, place) => [String(key), found[place]]));
  }

  async write(changes: Changes): Promise<void> {
    const values = await this.#values("readwrite");
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) values.delete(key);
      else values.put(value, key);
    }
    await new Promise<void>((resolve, reject) => {
      values.transaction.oncomplete = () => resolve();
      values.transaction.onabort = () => reject(values.transaction.error);
    });
  }

  async #values(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    const database = await this.#database;
    return database.transaction("values", mode, { durability: "strict" }).objectStore("values");
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
