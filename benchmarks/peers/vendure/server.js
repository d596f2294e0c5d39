// Node runs JavaScript on one core: one server process for each, on one port.
'use strict';

const cluster = require('node:cluster');
const { bootstrap } = require('@vendure/core');
const { config } = require('./config');

function fail(reason) {
  console.error(reason);
  process.exit(1);
}

if (cluster.isPrimary) {
  for (let number = 0; number < Number(process.env.PROCESSES); number += 1) {
    cluster.fork();
  }
  cluster.on('exit', () => fail('A server process ended.'));
} else {
  bootstrap(config).catch(fail);
}
