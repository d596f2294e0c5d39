/** Keeps everything in a file, which is replaced as a whole. */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { platform } from "node:process";

import { MemoryStorage } from "../dist/index.js";

export class FileStorage extends MemoryStorage {
  #file;

  constructor(file) {
    super();
    this.#file = file;
    try {
      super.write(JSON.parse(readFileSync(file, "utf8")));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }

  async write(changes) {
    await super.write(changes);
    const all = Object.fromEntries(await this.entries(""));
    const descriptor = openSync(`${this.#file}.new`, "w");
    writeSync(descriptor, JSON.stringify(all));
    toDisk(descriptor);
    renameSync(`${this.#file}.new`, this.#file);
    // The new name as well. Windows opens no folders.
    if (platform !== "win32") toDisk(openSync(dirname(this.#file), "r"));
  }
}

function toDisk(descriptor) {
  fsyncSync(descriptor);
  closeSync(descriptor);
}
