//! The nouns of Remit, and the facts that its processes must agree on: what is stored, what travels,
//! and the rules by which a state becomes another. A file is here only if two binaries use it or it
//! defines a stored or wire format.

pub mod alarm;
pub mod batch;
pub mod billing;
pub mod card_data;
pub mod clock;
pub mod config;
pub mod customer;
pub mod db;
pub mod dispute;
pub mod encryption;
pub mod event;
pub mod gateway;
pub mod gateway_account;
pub mod gateway_event;
pub mod id;
pub mod invoice;
pub mod job;
pub mod ledger;
pub mod lifecycle;
pub mod merchant;
pub mod metadata;
pub mod money;
pub mod name;
pub mod page;
pub mod payment;
pub mod plan;
pub mod reconciliation;
pub mod refund;
pub mod retry;
pub mod rewrapping;
pub mod subscription;
pub mod telemetry;
pub mod webhook;
