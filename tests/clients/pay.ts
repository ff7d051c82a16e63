// Pays and reads it again, with the client that openapi-typescript and openapi-fetch make of the description: what
// does not fit it does not compile.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

const { REMIT_API_URL: baseUrl = "", REMIT_API_KEY: key } = process.env;
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const { data: paid, error } = await api.POST("/process-payment", {
  params: { header: { "Idempotency-Key": crypto.randomUUID(), Prefer: "wait=20" } },
  body: { amount: "49.90", currency: "EUR", payment_method: { type: "card", token: "pm_card_visa" } },
});
check(paid !== undefined, `not accepted: ${JSON.stringify(error)}`);

const { data: read } = await api.GET("/payments/{id}", { params: { path: { id: paid.id } } });
check(read?.status === "succeeded", `the payment ${paid.id} is ${read?.status}`);
check(read.amount_captured === "49.90" && read.payment_method.card?.last4 === "4242", JSON.stringify(read));

const { data: list } = await api.GET("/payments", { params: { query: { status: "succeeded", limit: 100 } } });
check(list?.data.some((payment) => payment.id === paid.id) === true, "it is not in the list");

const { data: refund } = await api.POST("/refund-payment", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { payment: paid.id, amount: "20.00", reason: "requested_by_customer" },
});
check(refund?.payment === paid.id && refund.amount === "20.00", JSON.stringify(refund));

const refused = await api.POST("/process-payment", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { amount: "0", currency: "EUR", payment_method: { type: "card", token: "pm_card_visa" } },
});
check(refused.error?.code === "validation-failed", JSON.stringify(refused));
check(refused.error.errors?.[0]?.pointer === "/amount", JSON.stringify(refused.error));
console.log(`openapi-typescript's client has paid ${paid.id}`);
