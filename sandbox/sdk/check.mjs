// Goes through the sandbox with Stripe's own Node library: what it cannot read, no adapter should.
//
// Usage: check.mjs URL

import assert from 'node:assert/strict';
import http from 'node:http';
import Stripe from 'stripe';

const url = new URL(process.argv[2]);
const stripe = new Stripe('sk_test_node', {
  protocol: 'http',
  host: url.hostname,
  port: url.port,
  maxNetworkRetries: 0,
  telemetry: false,
  // The version that the adapter pins, and not the library's own.
  apiVersion: '2026-11-18.endive',
});
const intents = stripe.paymentIntents;

const payment = {
  amount: 1099,
  currency: 'eur',
  payment_method: 'pm_card_visa',
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  metadata: { remit_payment: 'node' },
};

const created = await intents.create(payment, { idempotencyKey: 'node-create' });
assert.equal(created.status, 'requires_confirmation');
const replayed = await intents.create(payment, { idempotencyKey: 'node-create' });
assert.equal(replayed.id, created.id);
assert.equal(replayed.lastResponse.headers['idempotent-replayed'], 'true');
assert.ok(replayed.lastResponse.requestId.startsWith('req_'));

const confirmed = await intents.confirm(created.id, { expand: ['latest_charge'] });
assert.equal(confirmed.status, 'succeeded');
assert.equal(confirmed.latest_charge.payment_method_details.card.last4, '4242');

const retrieved = await intents.retrieve(created.id, { expand: ['latest_charge'] });
assert.equal(retrieved.latest_charge.id, confirmed.latest_charge.id);
assert.equal(retrieved.metadata.remit_payment, 'node');

const held = await intents.create({ ...payment, confirm: true, capture_method: 'manual' });
assert.equal(held.status, 'requires_capture');
const captured = await intents.capture(held.id, { amount_to_capture: 1000 });
assert.equal(captured.amount_received, 1000);

const other = await intents.create({ ...payment, confirm: true, capture_method: 'manual' });
assert.equal((await intents.cancel(other.id)).status, 'canceled');

const page = await intents.list({ limit: 2, created: { gte: created.created } });
assert.deepEqual(page.data.map((intent) => intent.id), [other.id, held.id]);
assert.equal(page.has_more, true);
const everything = await intents.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
assert.deepEqual(everything.slice(0, 3).map((intent) => intent.id), [other.id, held.id, created.id]);

await assert.rejects(
  intents.create({ ...payment, confirm: true, payment_method: 'pm_card_visa_chargeDeclinedLostCard' }),
  (error) =>
    error.type === 'StripeCardError' &&
    error.decline_code === 'lost_card' &&
    error.payment_intent.status === 'requires_payment_method',
);
await assert.rejects(intents.create({ ...payment, colour: 'blue' }), {
  type: 'StripeInvalidRequestError',
  code: 'parameter_unknown',
  param: 'colour',
});
await assert.rejects(intents.create({ ...payment, amount: 1100 }, { idempotencyKey: 'node-create' }), {
  type: 'StripeIdempotencyError',
});
await assert.rejects(intents.list({}, { apiKey: 'sk_wrong' }), { type: 'StripeAuthenticationError' });

const customer = await stripe.customers.create({ email: 'node@shop.test' });
const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
assert.equal(method.customer, customer.id);

const secret = 'whsec_node';
const heard = [];
let wake = () => {};
const shop = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    heard.push([Buffer.concat(parts), request.headers['stripe-signature']]);
    wake();
    response.end();
  });
});
await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));

// Asks the sandbox for something that Stripe does not have.
async function control(path, body) {
  const answer = await fetch(new URL(`/control/${path}`, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
}

// The next event of this type about this payment, verified by Stripe's own library.
async function told(type, about) {
  for (;;) {
    while (heard.length === 0) await new Promise((resolve) => (wake = resolve));
    const [body, signature] = heard.shift();
    const event = stripe.webhooks.constructEvent(body, signature, secret);
    const shown = event.data.object;
    if (event.type === type && [shown.id, shown.payment_intent].includes(about)) return event;
  }
}

await control('webhooks', { stripe: { url: `http://127.0.0.1:${shop.address().port}/`, secret } });

const paid = await intents.create({
  ...payment,
  confirm: true,
  expand: ['latest_charge.balance_transaction'],
});
assert.equal(paid.latest_charge.balance_transaction.fee, 62);
assert.equal(paid.latest_charge.balance_transaction.net, 1037);
assert.equal((await told('payment_intent.succeeded', paid.id)).data.object.status, 'succeeded');
assert.throws(() => stripe.webhooks.constructEvent('{}', `t=${Math.trunc(Date.now() / 1000)},v1=00`, secret), {
  type: 'StripeSignatureVerificationError',
});

const refunds = stripe.refunds;
const part = await refunds.create({ payment_intent: paid.id, amount: 300, expand: ['balance_transaction'] });
assert.equal(part.balance_transaction.net, -300);
assert.equal((await told('refund.created', paid.id)).data.object.id, part.id);
await assert.rejects(refunds.create({ payment_intent: paid.id, amount: 800 }), { code: 'amount_too_large' });
const rest = await refunds.create({ charge: paid.latest_charge.id });
assert.equal(rest.amount, 799);
await assert.rejects(refunds.create({ payment_intent: paid.id }), { code: 'charge_already_refunded' });
const refunded = await refunds.list({ payment_intent: paid.id, limit: 1 }).autoPagingToArray({ limit: 10 });
assert.deepEqual(refunded.map((refund) => refund.id), [rest.id, part.id]);

await control('settle_after', { milliseconds: 10 });
const disputed = await intents.create({ ...payment, confirm: true, payment_method: 'pm_card_createDispute' });
await told('charge.dispute.created', disputed.id);
const disputes = await stripe.disputes.list({ payment_intent: disputed.id });
assert.equal(disputes.data[0].status, 'needs_response');
const lost = await stripe.disputes.close(disputes.data[0].id);
assert.equal(lost.status, 'lost');
assert.equal((await told('charge.dispute.closed', disputed.id)).data.object.status, 'lost');
const moved = await stripe.balanceTransactions.list({ source: lost.id, expand: ['data.source'] });
assert.equal(moved.data[0].source.id, lost.id);
shop.close();
shop.closeAllConnections();

console.log(
  `stripe-node ${Stripe.PACKAGE_VERSION}: create, confirm, retrieve, list, capture, cancel, refund, balance, ` +
    'dispute, signatures, errors: fine',
);
