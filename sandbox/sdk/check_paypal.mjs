// Goes through the sandbox with PayPal's own Node library: what it cannot read, no adapter should.
//
// Usage: check_paypal.mjs URL

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  Client,
  CustomError,
  Environment,
  OrdersController,
  PaymentsController,
  TransactionSearchController,
} from '@paypal/paypal-server-sdk';
import axios from 'axios';

const url = process.argv[2];
const send = axios.getAdapter('http');

const clientWith = (oAuthClientSecret) =>
  new Client({
    clientCredentialsAuthCredentials: { oAuthClientId: 'test_node', oAuthClientSecret },
    environment: Environment.Sandbox,
    httpClientOptions: { retryConfig: { maxNumberOfRetries: 0 } },
    // The library knows PayPal's two addresses and no way to name a third.
    unstable_httpClientOptions: {
      adapter: (request) =>
        send({ ...request, url: request.url.replace('https://api-m.sandbox.paypal.com', url) }),
    },
  });
const client = clientWith('test_secret');
const orders = new OrdersController(client);
const payments = new PaymentsController(client);
const prefer = 'return=representation';

// An order of 10.99 EUR, paid with a vault id in the same call.
const order = (reference, intent = 'CAPTURE', vaultId = 'vault_ok') => ({
  intent,
  purchaseUnits: [
    {
      customId: reference,
      invoiceId: `inv-${reference}`,
      amount: { currencyCode: 'EUR', value: '10.99' },
    },
  ],
  paymentSource: { paypal: { vaultId } },
});
const create = (body, paypalRequestId) => orders.createOrder({ body, paypalRequestId, prefer });
const refused = (status, issue, call) =>
  assert.rejects(call, (error) => {
    assert.ok(error instanceof CustomError, error);
    assert.equal(error.statusCode, status);
    assert.equal(error.result.details[0].issue, issue);
    return true;
  });

const created = await create(order('node'), 'node-create');
assert.deepEqual([created.statusCode, created.result.status], [201, 'COMPLETED']);
const capture = created.result.purchaseUnits[0].payments.captures[0];
assert.equal(capture.status, 'COMPLETED');
assert.equal(capture.sellerReceivableBreakdown.netAmount.value, '10.12');
const replayed = await create(order('node'), 'node-create');
assert.deepEqual([replayed.statusCode, replayed.result.id], [200, created.result.id]);
const shown = await orders.getOrder({ id: created.result.id });
assert.equal(shown.result.purchaseUnits[0].customId, 'node');

const approved = (await create(order('node-2', 'CAPTURE', 'vault_approved_only'), 'node-2-create')).result;
const paid = await orders.captureOrder({ id: approved.id, paypalRequestId: 'node-2-capture', prefer });
assert.equal(paid.result.purchaseUnits[0].payments.captures[0].status, 'COMPLETED');

const held = (await create(order('node-3', 'AUTHORIZE', 'vault_approved_only'), 'node-3-create')).result;
const authorized = await orders.authorizeOrder({ id: held.id, paypalRequestId: 'node-3-authorize', prefer });
const authorizationId = authorized.result.purchaseUnits[0].payments.authorizations[0].id;
const taken = await payments.captureAuthorizedPayment({
  authorizationId,
  paypalRequestId: 'node-3-capture',
  prefer,
  body: { amount: { currencyCode: 'EUR', value: '10.00' }, finalCapture: true },
});
assert.deepEqual([taken.statusCode, taken.result.status, taken.result.amount.value], [201, 'COMPLETED', '10.00']);
assert.equal((await payments.getAuthorizedPayment({ authorizationId })).result.status, 'CAPTURED');

const other = (await create(order('node-4', 'AUTHORIZE'), 'node-4-create')).result;
const voided = await payments.voidPayment({
  authorizationId: other.purchaseUnits[0].payments.authorizations[0].id,
  paypalRequestId: 'node-4-void',
  prefer,
});
assert.equal(voided.result.status, 'VOIDED');

const refund = await payments.refundCapturedPayment({
  captureId: capture.id,
  paypalRequestId: 'node-refund',
  prefer,
  body: { amount: { currencyCode: 'EUR', value: '4.00' }, customId: 'refund-node' },
});
assert.deepEqual([refund.result.status, refund.result.amount.value], ['COMPLETED', '4.00']);
const rest = await payments.refundCapturedPayment({ captureId: capture.id, paypalRequestId: 'node-rest', prefer });
assert.equal(rest.result.amount.value, '6.99');
assert.equal((await payments.getRefund({ refundId: rest.result.id })).result.status, 'COMPLETED');
assert.equal((await payments.getCapturedPayment({ captureId: capture.id })).result.status, 'REFUNDED');

await refused(422, 'PAYER_CANNOT_PAY', create(order('no', 'CAPTURE', 'vault_issue_PAYER_CANNOT_PAY'), 'no'));
await refused(422, 'ORDER_ALREADY_CAPTURED', orders.captureOrder({ id: approved.id, paypalRequestId: 'x' }));
await refused(404, 'INVALID_RESOURCE_ID', payments.getRefund({ refundId: 'NOTHING' }));
await refused(400, 'PAYPAL_REQUEST_ID_REQUIRED', orders.createOrder({ body: order('no') }));
await assert.rejects(new OrdersController(clientWith('wrong')).getOrder({ id: created.result.id }));

const headers = { 'content-type': 'application/json' };
await fetch(`${url}/control/paypal/reporting_delay`, { method: 'POST', headers, body: '{"seconds": 0}' });
const day = 24 * 3600 * 1000;
const found = await new TransactionSearchController(client).searchTransactions({
  startDate: new Date(Date.now() - day).toISOString(),
  endDate: new Date(Date.now() + day).toISOString(),
  fields: 'all',
});
const lines = found.result.transactionDetails.map((row) => row.transactionInfo);
const line = lines.find((info) => info.transactionId === capture.id);
assert.deepEqual([line.transactionEventCode, line.feeAmount.value], ['T0006', '-0.87']);

const library = new URL('node_modules/@paypal/paypal-server-sdk/package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(library));
const done = 'create, capture, authorize, void, refund, get, report, errors';
console.log(`paypal-server-sdk for Node ${version}: ${done}: fine`);
