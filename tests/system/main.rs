//! System tests: the real processes, on the real Postgres and RabbitMQ.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a missing value fails the test")]

mod bad_input;
mod billing_means;
mod card_data;
mod clock;
mod contract;
mod crashes;
mod dunning;
mod events;
mod faults;
mod finish;
mod idempotency;
mod invoices_api;
mod isolation;
mod mixed;
mod outcomes;
mod pages;
mod payment_methods;
mod paypal;
mod protection;
mod refund_faults;
mod refunds;
mod renewal_batches;
mod renewal_crashes;
mod subscription_changes;
mod subscription_pauses;
mod subscription_terms;
mod subscriptions;
mod subscriptions_api;
mod tidy;
mod under_way;
mod year;
