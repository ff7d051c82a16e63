//! `remit listen`: sends what happens to a program on this machine, signed as an endpoint would be sent it.

use std::time::Duration;

use clap::Args;
use common::{clock, gateway::http_client, webhook::secret};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    api::{Api, ApiArgs},
    chance::system_random,
    events::{Record, line},
};

/// How long the program may take to answer: as long as any endpoint.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

#[derive(Args)]
pub struct ListenArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Where the program is: `http://localhost:3000/webhooks`.
    #[arg(long)]
    forward_to: String,
    /// Only events of these types, separated by commas.
    #[arg(long)]
    types: Option<String>,
    /// Begins after this event, or at the `beginning`; at what happens next by default.
    #[arg(long)]
    after: Option<String>,
    /// By what they are signed (`whsec_…`); a new secret by default.
    #[arg(long, env = "REMIT_LISTEN_SECRET", hide_env_values = true, value_parser = common::config::secret)]
    secret: Option<SecretString>,
}

pub async fn run(args: ListenArgs) -> Result<(), String> {
    let secret = args.secret.unwrap_or_else(|| secret::generate(&mut system_random()));
    let client = http_client(ANSWER_WITHIN).map_err(|error| error.to_string())?;
    let api = Api::new(args.api)?;
    let mut record = Record::open(&api, args.types, args.after).await?;
    println!("Listening, until Ctrl-C. What is sent to {} is signed by", args.forward_to);
    println!("{}", secret.expose_secret());
    let secrets = [secret];
    loop {
        for event in record.next().await? {
            let signed = Signed::new(&event, &secrets)?;
            let request = client
                .post(&args.forward_to)
                .header("content-type", "application/json")
                .header("webhook-id", signed.id)
                .header("webhook-timestamp", signed.timestamp)
                .header("webhook-signature", signed.signatures)
                .body(signed.body);
            // It goes on: a program that is being written is away now and then.
            let answer = match request.send().await {
                Ok(response) => response.status().as_u16().to_string(),
                Err(error) => format!("no answer: {error}"),
            };
            println!("{}  → {answer}", line(&event));
        }
    }
}

/// An event, as it is sent.
struct Signed {
    id: String,
    timestamp: i64,
    signatures: String,
    body: Vec<u8>,
}

impl Signed {
    fn new(event: &Value, secrets: &[SecretString]) -> Result<Self, String> {
        let id = event["id"].as_str().unwrap_or_default().to_owned();
        let timestamp = clock::outside().timestamp();
        let body = event.to_string().into_bytes();
        let signatures =
            secret::signatures(secrets, &id, timestamp, &body).map_err(|error| error.to_string())?;
        Ok(Self { id, timestamp, signatures, body })
    }
}
