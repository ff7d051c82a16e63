//! `remit events`: what happens, as it happens, for a merchant's eyes.

use clap::Subcommand;
use serde_json::Value;

use crate::api::{Api, ApiArgs};

#[derive(Subcommand)]
pub enum Command {
    /// Prints events as they happen, until Ctrl-C.
    Tail {
        #[command(flatten)]
        api: ApiArgs,
        /// Only those of these types, separated by commas.
        #[arg(long)]
        types: Option<String>,
        /// Begins after this event, or at the `beginning`; at what happens next by default.
        #[arg(long)]
        after: Option<String>,
    },
}

pub async fn run(json: bool, command: Command) -> Result<(), String> {
    let Command::Tail { api, types, after } = command;
    let api = Api::new(api)?;
    let mut record = Record::open(&api, types, after).await?;
    loop {
        for event in record.next().await? {
            match json {
                true => println!("{event}"),
                false => println!("{}", line(&event)),
            }
        }
    }
}

/// An event in one line.
pub fn line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = &event["data"];
    let amount = format!("{} {}", text(&data["amount"]), text(&data["currency"]));
    let line = format!(
        "{}  {:<28}  {}  {}",
        text(&event["timestamp"]),
        text(&event["type"]),
        text(&data["id"]),
        amount.trim()
    );
    line.trim_end().to_owned()
}

/// The record, read on.
pub struct Record<'a> {
    api: &'a Api,
    types: Option<String>,
    after: String,
}

impl<'a> Record<'a> {
    /// From this event, or from what happens next.
    pub async fn open(api: &'a Api, types: Option<String>, after: Option<String>) -> Result<Self, String> {
        let after = match after {
            Some(after) => after,
            None => {
                let newest = api.get("/events", &[("limit", "1")]).await?;
                newest["data"][0]["id"].as_str().unwrap_or("beginning").to_owned()
            }
        };
        Ok(Self { api, types, after })
    }

    /// What happened since, waited for.
    pub async fn next(&mut self) -> Result<Vec<Value>, String> {
        let mut query = vec![("after", self.after.as_str()), ("wait", "30"), ("limit", "100")];
        query.extend(self.types.as_deref().map(|types| ("types", types)));
        let mut part = self.api.get("/events", &query).await?;
        if let Some(next) = part["next_after"].as_str() {
            self.after = next.to_owned();
        }
        Ok(part["data"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }
}
