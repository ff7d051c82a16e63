// Goes through the sandbox with Stripe's own Node library: what it cannot read, no adapter should.
//
// Usage: check.mjs URL

import assert from 'node:assert/strict';
import Stripe from 'stripe';

const url = new URL(process.argv[2]);
const stripe = new Stripe('sk_test_node', {
  protocol: 'http',
  host: url.hostname,
  port: url.port,
  maxNetworkRetries: 0,
  telemetry: false,
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

console.log(`stripe-node ${Stripe.PACKAGE_VERSION}: create, confirm, retrieve, list, capture, cancel, errors: fine`);
