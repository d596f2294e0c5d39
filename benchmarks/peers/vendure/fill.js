// node fill.js CATALOGUE: makes the tables, the catalogue and the customers of a JSON file.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const bcrypt = require('bcrypt');
const {
  bootstrap,
  CustomerService,
  LanguageCode,
  RequestContextService,
} = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const { config } = require('./config');

const AT_ONCE = 4;
// Log-ins are no part of what is measured: hashes of the least cost that bcrypt has.
config.authOptions.passwordHashingStrategy = {
  hash: (password) => bcrypt.hash(password, 4),
  check: (password, hash) => bcrypt.compare(password, hash),
};
const HEADINGS = [
  'name', 'slug', 'description', 'assets', 'facets', 'optionGroups', 'optionValues',
  'sku', 'price', 'taxCategory', 'stockOnHand', 'trackInventory', 'variantAssets', 'variantFacets',
];
const INITIAL = {
  defaultLanguage: LanguageCode.en,
  defaultZone: 'Europe',
  countries: [{ name: 'United Kingdom', code: 'GB', zone: 'Europe' }],
  taxRates: [{ name: 'Standard Tax', percentage: 20 }],
  shippingMethods: [{ name: 'Standard', price: 500 }],
  paymentMethods: [
    {
      name: 'On account',
      handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] },
    },
  ],
  collections: [],
};

function quoted(text) {
  return `"${String(text).replaceAll('"', '""')}"`;
}

function row(product) {
  const cells = {
    ...{ name: product.name, slug: product.sku, sku: product.sku, price: product.price },
    ...{ taxCategory: 'standard', stockOnHand: product.stock, trackInventory: 'true' },
  };
  return HEADINGS.map((heading) => quoted(cells[heading] ?? '')).join(',');
}

async function makeCustomers(app, buyers, password) {
  const context = await app.get(RequestContextService).create({ apiType: 'admin' });
  const customers = app.get(CustomerService);
  for (let first = 0; first < buyers.length; first += AT_ONCE) {
    const some = buyers.slice(first, first + AT_ONCE);
    await Promise.all(some.map((buyer) => customers.create(
      context, { emailAddress: buyer, firstName: 'A', lastName: 'Buyer' }, password,
    )));
  }
}

async function fill(file) {
  const catalogue = JSON.parse(fs.readFileSync(file, 'utf8'));
  const table = path.join(path.dirname(file), 'products.csv');
  fs.writeFileSync(table, [HEADINGS.join(','), ...catalogue.products.map(row)].join('\n'));
  const app = await populate(() => bootstrap(config), INITIAL, table);
  await makeCustomers(app, catalogue.buyers, catalogue.password);
  await app.close();
}

fill(process.argv[2]).then(() => process.exit(0), (reason) => {
  console.error(reason);
  process.exit(1);
});
