'use strict';

const { bootstrapWorker } = require('@vendure/core');
const { config } = require('./config');

bootstrapWorker(config)
  .then((worker) => worker.startJobQueue())
  .catch((reason) => {
    console.error(reason);
    process.exit(1);
  });
