import { MemoryStorage } from "../dist/index.js";

/** Keeps everything in a file of Node.js, which one process writes, and which is replaced as a whole. */
export declare class FileStorage extends MemoryStorage {
  /** `file` is made with the first write. Throws if it is there and cannot be read. */
  constructor(file: string);
}
