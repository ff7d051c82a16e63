//! Where webhooks may go.

use clap::Args;

/// Where webhooks may go.
#[derive(Debug, Clone, Args)]
pub struct WebhookArgs {
    /// Endpoints of webhooks may be on this machine and in our own network, unencrypted and at any port: for development.
    /// Never where money is real.
    #[arg(long, env = "REMIT_WEBHOOK_ALLOW_PRIVATE")]
    pub webhook_allow_private: bool,
    /// At which ports endpoints of webhooks may be, separated by commas.
    #[arg(long, env = "REMIT_WEBHOOK_PORTS", value_delimiter = ',', default_value = "443,8443")]
    pub webhook_ports: Vec<u16>,
}
