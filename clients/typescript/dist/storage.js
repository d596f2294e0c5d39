/** Where the SDK keeps tokens, the outbox and the offline copy. */
/** Keeps everything until the program ends. For tests, and for programs that need no more. */
export class MemoryStorage {
    #values = new Map();
    async get(key) {
        return structuredClone(this.#values.get(key));
    }
    async entries(prefix) {
        const found = [...this.#values].filter(([key]) => key.startsWith(prefix));
        return new Map(structuredClone(found.sort(([one], [other]) => (one < other ? -1 : 1))));
    }
    async write(changes) {
        for (const [key, value] of Object.entries(changes)) {
            if (value === undefined)
                this.#values.delete(key);
            else
                this.#values.set(key, structuredClone(value));
        }
    }
}
/**
 * Keeps everything in a database of the browser. A write is on the disk when it is answered, which
 * localStorage does not promise, and tabs of one app share it.
 */
export class IndexedDbStorage {
    #database;
    constructor(name = "larder") {
        const opening = indexedDB.open(name, 1);
        opening.onupgradeneeded = () => opening.result.createObjectStore("values");
        this.#database = answered(opening);
    }
    async get(key) {
        return answered((await this.#values("readonly")).get(key));
    }
    async entries(prefix) {
        const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
        const values = await this.#values("readonly");
        const [keys, found] = await Promise.all([
            answered(values.getAllKeys(range)),
            answered(values.getAll(range)),
        ]);
        return new Map(keys.map((key, place) => [String(key), found[place]]));
    }
    async write(changes) {
        const values = await this.#values("readwrite");
        for (const [key, value] of Object.entries(changes)) {
            if (value === undefined)
                values.delete(key);
            else
                values.put(value, key);
        }
        await new Promise((resolve, reject) => {
            values.transaction.oncomplete = () => resolve();
            values.transaction.onabort = () => reject(values.transaction.error);
        });
    }
    async #values(mode) {
        const database = await this.#database;
        return database.transaction("values", mode, { durability: "strict" }).objectStore("values");
    }
}
function answered(request) {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}
