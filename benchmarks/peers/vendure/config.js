// A Vendure shop as its guide on production puts it: jobs, search and scheduler in the database, no
// schema changes at start, no introspection, tokens in place of cookies. The cache is its default,
// in each process's memory: with the plugin that keeps it in the database it placed half as many
// orders a second, and 60 buyers at once stood still on the driver's default of 10 connections.
'use strict';

const {
  DefaultJobQueuePlugin,
  DefaultLogger,
  DefaultSchedulerPlugin,
  DefaultSearchPlugin,
  dummyPaymentHandler,
  LogLevel,
} = require('@vendure/core');

exports.config = {
  logger: new DefaultLogger({ level: LogLevel.Warn }),
  apiOptions: {
    hostname: '127.0.0.1',
    port: Number(process.env.PORT),
    introspection: false,
  },
  authOptions: {
    tokenMethod: ['bearer'],
    requireVerification: false,
    superadminCredentials: { identifier: 'superadmin', password: process.env.ADMIN_PASSWORD },
  },
  dbConnectionOptions: {
    type: 'postgres',
    host: process.env.DB_SOCKET,
    database: process.env.DB_NAME,
    username: process.env.DB_USERNAME,
    password: process.env.DB_PASSWORD,
    poolSize: Number(process.env.POOL),
    synchronize: process.env.MAKE_TABLES === '1',
  },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  plugins: [
    DefaultSchedulerPlugin.init({}),
    DefaultJobQueuePlugin.init({ useDatabaseForBuffer: true }),
    DefaultSearchPlugin.init({ bufferUpdates: false, indexStockStatus: true }),
  ],
};
