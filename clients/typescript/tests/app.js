/** An app that is killed: node app.js FILE URL ACTION [PRODUCT QUANTITY]. */

import { Larder } from "../dist/index.js";
import { FileStorage } from "../node/file_storage.js";

const [file, url, product, quantity] = process.argv.slice(2);
const larder = new Larder({ url, storage: new FileStorage(file) });
await larder.outbox.add({ lines: [{ product: Number(product), quantity: Number(quantity) }] });
larder.outbox.start();
