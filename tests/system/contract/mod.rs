//! The contract that every adapter passes: the same outcomes, in the same vocabulary, from a gateway that
//! speaks its protocol over HTTP. What an operation is told, a look-up tells by the same name; and what
//! is told is what the gateway's books say.
//!
//! The suite is written once and runs on every gateway: [`fixture`] says what a gateway is to it. What only
//! one gateway promises is tested beside its fixture.

/// Runs the suite on one gateway; `$fixture` makes its fixture.
macro_rules! suite {
    ($fixture:path) => {
        suite! { $fixture;
            charges {
                a_success_says_what_was_taken
                a_reservation_says_what_was_reserved
                a_decline_is_definite_and_classed
                an_authentication_has_a_page
                without_a_token_nothing_is_sent
            }
            outcomes {
                what_is_done_is_told_alike_by_all_who_are_asked
                silence_is_unknown_and_a_replay_tells
                what_did_not_run_is_told_apart_from_what_may_have
                what_fails_before_sending_was_not_sent
                strangers_are_refused_and_somebody_is_woken
                what_the_gateway_has_never_heard_of_is_refused
            }
            captures {
                a_part_may_be_taken_and_the_rest_is_given_free
                what_is_taken_or_called_off_already_is_looked_up
                more_than_was_reserved_is_not_taken
                what_waits_for_the_payer_can_be_called_off
            }
            saving {
                what_is_saved_is_charged_without_its_payer_again_and_again
                without_its_payer_a_decline_is_definite_and_classed
                what_needs_the_payer_is_declined_without_them
                silence_about_a_saved_method_is_unknown_and_a_replay_tells
            }
            refunds {
                a_payment_is_given_back_in_parts_and_never_more
                a_refund_may_take_its_time_and_may_fail
                a_refund_may_fail_after_it_succeeded
                a_refund_of_nobody_is_not_found
                a_refund_is_found_with_all_that_says_whose_it_is
            }
            disputes {
                a_dispute_that_is_won
                a_dispute_that_is_lost
                a_dispute_of_nobody_is_none
                a_disputed_payment_is_not_refunded
            }
            events {
                events_name_what_should_be_looked_at
                forged_events_are_known_as_such
            }
            settlement_reports {
                the_account_of_a_time_has_every_payment_and_every_movement_once
            }
        }
    };
    ($fixture:path; $($part:ident { $($test:ident)+ })+) => {
        $(mod $part {
            $(#[tokio::test]
            async fn $test() {
                crate::contract::$part::$test(&$fixture().await).await;
            })+
        })+
    };
}

mod captures;
mod charges;
mod currencies;
mod disputes;
mod events;
mod fixture;
pub mod inbox;
mod outcomes;
mod refunds;
mod saving;
mod settlement_reports;
mod table;
mod vocabulary;

use common::{clock::Timestamp, gateway::LookUp};
use serde_json::{Value, json};

use vocabulary::{Answer, Report};

/// Now, by the machine's clock.
pub fn now() -> Timestamp {
    fixture::from_now(0)
}

/// So many others pay at the gateway, evenly over these seconds from now.
async fn others(fixture: &fixture::GatewayFixture, count: i64, from: i64, to: i64) {
    let others = json!({ "gateway": fixture.name.as_str(), "count": count, "from": from, "to": to });
    fixture.control("others", others).await;
}

/// Look-ups until it is known, and how many: on a busy machine a page may take longer than one of them has.
async fn look_up_until_known(fixture: &fixture::GatewayFixture, mut question: LookUp) -> (Answer, usize) {
    let mut answer = fixture.gateway.look_up(&question).await;
    let mut look_ups = 1;
    while look_ups < 5 && matches!(answer.report, Report::Unknown { .. }) {
        question.cursor = answer.cursor;
        answer = fixture.gateway.look_up(&question).await;
        look_ups += 1;
    }
    (answer, look_ups)
}

/// How many pages of a list were read.
async fn pages(fixture: &fixture::GatewayFixture, list: &str) -> usize {
    let log = fixture.deployment.sandbox("GET", "/requests", &Value::Null).await;
    let requests = log["data"].as_array().unwrap().iter();
    requests.filter(|request| request["method"] == "GET" && request["path"] == list).count()
}

// One file for each gateway: its fixture, `suite!(…)`, and what only it promises.
mod paypal;
mod stripe;
