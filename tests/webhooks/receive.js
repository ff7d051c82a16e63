// A merchant's receiver: the standard's own library says whether what a worker sent is from us.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const PATIENCE = 30_000;
const heard = [];
const waiting = [];

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const hook = { body, headers: request.headers };
    const next = waiting.shift();
    if (next) next(hook);
    else heard.push(hook);
    response.writeHead(204).end();
  });
});
await new Promise((listens) => server.listen(0, "127.0.0.1", listens));

function next() {
  if (heard.length > 0) return Promise.resolve(heard.shift());
  return new Promise((comes, never) => {
    const timer = setTimeout(() => never(new Error("no webhook came")), PATIENCE);
    waiting.push((hook) => {
      clearTimeout(timer);
      comes(hook);
    });
  });
}

async function call(method, path, body) {
  const answer = await fetch(process.env.REMIT_API_URL + path, {
    method,
    headers: {
      authorization: `Bearer ${process.env.REMIT_API_KEY}`,
      "content-type": "application/json",
      "idempotency-key": randomUUID(),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

const url = `http://127.0.0.1:${server.address().port}/hooks`;
const endpoint = await call("POST", "/webhook-endpoints", { url, order: "per_object" });
const path = `/webhook-endpoints/${endpoint.id}`;
const payment = await call("POST", "/process-payment", {
  amount: "49.90",
  currency: "EUR",
  payment_method: { type: "card", token: "pm_card_visa" },
});
for (const status of ["pending", "succeeded"]) {
  const { body, headers } = await next();
  const told = new Webhook(endpoint.secret).verify(body, headers);
  assert.equal(told.type, `payment.${status}`);
  assert.equal(told.data.id, payment.id);
  assert.throws(() => new Webhook(endpoint.secret).verify(body.replace("49.90", "94.90"), headers));
  assert.throws(() => new Webhook(`whsec_${"A".repeat(43)}=`).verify(body, headers));
}
const { secret } = await call("POST", `${path}/rotate-secret`, { expires_old_in: 600 });
await call("POST", `${path}/ping`);
const { body, headers } = await next();
for (const one of [endpoint.secret, secret]) {
  assert.equal(new Webhook(one).verify(body, headers).type, "webhook_endpoint.ping");
}
await call("DELETE", path);
server.close();
server.closeAllConnections();
console.log(`JavaScript's library has verified what was told of ${payment.id}`);
