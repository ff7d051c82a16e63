//! `remit ledger`: the books, as finance people read them.

use clap::Subcommand;
use common::{id::MerchantId, ledger::store, money::display_amount};
use rust_decimal::Decimal;
use serde_json::json;

use crate::{
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// What every account holds, by currency and gateway; their sum must be zero.
    Balance {
        /// Of this merchant alone (`mer_…`).
        #[arg(long)]
        merchant: Option<MerchantId>,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    let Command::Balance { merchant } = command;
    let balances = store::balances(&session.pool, merchant).await.map_err(explain)?;
    let mut sums: Vec<(&str, Decimal)> = Vec::new();
    for balance in &balances {
        let code = balance.currency.code();
        match sums.iter_mut().find(|(currency, _)| *currency == code) {
            Some((_, sum)) => *sum += balance.amount,
            None => sums.push((code, balance.amount)),
        }
    }
    let rows: Vec<_> = balances
        .iter()
        .map(|b| {
            vec![
                b.currency.code().to_owned(),
                b.gateway.to_string(),
                b.account.to_string(),
                display_amount(b.amount, b.currency),
            ]
        })
        .collect();
    let all = json!({
        "balances": rows.iter().map(|row| json!({
            "currency": row[0], "gateway": row[1], "account": row[2], "amount": row[3],
        })).collect::<Vec<_>>(),
        "sums": sums.iter().map(|(currency, sum)| json!({ "currency": currency, "sum": sum })).collect::<Vec<_>>(),
    });
    session.print(&all, || match rows.as_slice() {
        [] => "The books are empty.".into(),
        rows => table::layout(&["CURRENCY", "GATEWAY", "ACCOUNT", "DEBIT (-: CREDIT)"], rows),
    });
    match sums.iter().find(|(_, sum)| !sum.is_zero()) {
        None => Ok(()),
        Some((currency, sum)) => Err(format!("the books in {currency} are off by {sum}")),
    }
}
