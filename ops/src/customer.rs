//! `remit customer`: what one has in the balance, and what was given back by hand.

use clap::Subcommand;
use common::{
    customer::{Customer, store},
    event::{self, store::EventRow},
    id::CustomerId,
    money::{Currency, Money},
};
use serde_json::json;

use crate::{
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Shows what a customer has in the balance, and what people have taken from it.
    Balance {
        /// `cus_…`
        id: CustomerId,
    },
    /// Takes from a customer's balance what was given back by hand.
    LowerBalance {
        /// `cus_…`
        id: CustomerId,
        /// By how much: `49.90`.
        amount: String,
        /// ISO 4217: `EUR`.
        currency: String,
        /// For whoever asks later, the merchant too: which payment was refunded, and by whom.
        #[arg(long)]
        why: String,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Balance { id } => show(session, id).await,
        Command::LowerBalance { id, amount, currency, why } => {
            let currency = Currency::from_code(&currency).map_err(|error| error.to_string())?;
            let by = Money::parse_positive(&amount, currency).map_err(|error| error.to_string())?;
            lower(session, id, by, why.trim()).await
        }
    }
}

async fn find(session: &Session, id: CustomerId) -> Result<Customer, String> {
    let found = store::find_any(&session.pool, id).await.map_err(explain)?;
    found.ok_or_else(|| format!("there is no customer {id}"))
}

async fn show(session: &Session, id: CustomerId) -> Result<(), String> {
    let customer = find(session, id).await?;
    let balances = store::balances(&session.pool, id).await.map_err(explain)?;
    let balances: Vec<_> = balances.iter().map(|money| vec![money.to_string()]).collect();
    let events = event::store::of_subjects(&session.pool, &[id.0]).await.map_err(explain)?;
    let all = json!({
        "customer": id, "merchant": customer.merchant_id, "balances": balances.concat(), "events": events,
    });
    session.print(&all, || tell(&balances, &events));
    Ok(())
}

fn tell(balances: &[Vec<String>], events: &[EventRow]) -> String {
    let mut text = match balances {
        [] => "Nothing is in the balance.\n".into(),
        balances => table::layout(&["BALANCE"], balances),
    };
    if !events.is_empty() {
        let told = |event: &EventRow, name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
        let row = |event: &EventRow| {
            let amount = format!("{} {}", told(event, "amount"), told(event, "currency"));
            let at = event.created_at.format("%F %T").to_string();
            vec![at, event.r#type.clone(), amount, told(event, "why")]
        };
        let rows: Vec<_> = events.iter().map(row).collect();
        text += &format!("\n{}", table::layout(&["AT (UTC)", "EVENT", "AMOUNT", "WHY"], &rows));
    }
    text
}

async fn lower(session: &Session, id: CustomerId, by: Money, why: &str) -> Result<(), String> {
    if why.is_empty() {
        return Err("say why: --why TEXT".into());
    }
    let customer = find(session, id).await?;
    match store::lower_balance(&session.pool, &customer, by, why).await.map_err(explain)? {
        Ok(left) => {
            session.print(&json!({ "customer": id, "balance": left.display_amount() }), || {
                format!("{by} were taken from the balance; {left} are left.")
            });
            Ok(())
        }
        Err(had) => Err(format!(
            "only {had} are in the balance: an invoice may have used the rest. Nothing was taken."
        )),
    }
}
