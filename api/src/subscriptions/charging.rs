//! Charging what a subscription has been billed, as those see it who wait for it.

use std::time::Duration;

use common::{
    id::{JobId, PaymentId},
    invoice,
    job::Kind,
    payment,
    subscription::{self, Subscription},
};
use tokio::time::Instant;

use crate::{App, extract::Prefer, outcomes::Watch};

/// Sends out the charges that were called for. If that is preferred, waits until every payment that is under way
/// has an outcome, also one that an earlier request has called for. Answers the subscription as it then stands.
pub async fn charged(
    app: &App,
    subscription: Subscription,
    jobs: Vec<JobId>,
    prefer: Prefer,
) -> Subscription {
    // Before the jobs go out, so that no notice of their end can be missed.
    let watched = match prefer.wait {
        Some(_) => watch(app, &subscription).await,
        None => Vec::new(),
    };
    let charges = jobs.into_iter().map(|job| (Kind::ChargePayment, job));
    let reply_to = app.outcomes.address(prefer);
    app.flows.send_out(subscription.merchant_id, charges, reply_to.as_deref()).await;
    wait(app, subscription, watched, prefer.wait.unwrap_or_default()).await
}

async fn watch(app: &App, subscription: &Subscription) -> Vec<(PaymentId, Watch)> {
    let under_way = invoice::store::payments_under_way(&app.pool, subscription.id).await;
    let under_way = under_way.inspect_err(|error| tracing::warn!(%error, "nothing can be awaited"));
    under_way.unwrap_or_default().into_iter().map(|id| (id, app.outcomes.watch(id.0))).collect()
}

/// It was accepted: a database that is away meanwhile only means that there is nothing newer to tell.
async fn wait(
    app: &App,
    subscription: Subscription,
    watched: Vec<(PaymentId, Watch)>,
    wait: Duration,
) -> Subscription {
    if watched.is_empty() {
        return subscription;
    }
    let (merchant, deadline) = (subscription.merchant_id, Instant::now() + wait);
    for (id, watch) in watched {
        if let Ok(Some(payment)) = payment::store::find(&app.pool, merchant, id).await {
            let left = deadline.saturating_duration_since(Instant::now());
            app.outcomes.wait(&watch, payment, left).await;
        }
    }
    let found = subscription::store::find(&app.pool, merchant, subscription.id).await;
    found.ok().flatten().unwrap_or(subscription)
}
