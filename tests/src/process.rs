//! One process of a deployment.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// Which of our binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `remit-sandbox`
    Sandbox,
    /// `remit-api`
    Api,
    /// `remit-worker`
    Worker,
    /// A second `remit-worker`.
    SecondWorker,
    /// `remit-scheduler`
    Scheduler,
    /// A second `remit-scheduler`.
    SecondScheduler,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sandbox, Self::Api, Self::Worker, Self::SecondWorker, Self::Scheduler, Self::SecondScheduler];

    fn binary(self) -> &'static str {
        match self {
            Self::Sandbox => "remit-sandbox",
            Self::Api => "remit-api",
            Self::Worker | Self::SecondWorker => "remit-worker",
            Self::Scheduler | Self::SecondScheduler => "remit-scheduler",
        }
    }

    fn announces_its_address(self) -> bool {
        matches!(self, Self::Sandbox | Self::Api)
    }
}

/// A running process; it is killed when dropped.
pub struct Process {
    child: Child,
    // Kept open: a process that writes to a closed pipe dies.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens, if it said so.
    pub url: Option<String>,
    /// Where it tells operators how it stands, if it said so.
    pub metrics_url: Option<String>,
}

impl Process {
    /// Starts a binary that `./dev test` has built. It may have so many file descriptors, where that is said.
    pub async fn start(
        service: Service,
        environment: &HashMap<&str, String>,
        logs: &Path,
        descriptors: Option<u32>,
    ) -> Self {
        let log = log_file(logs, service);
        let mut child = command(service, descriptors)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| name == "PATH" || name == "RUST_BACKTRACE"))
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; was it built?", service.binary()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (mut url, mut metrics_url) = (None, None);
        while service.announces_its_address() && url.is_none() {
            let mut line = String::new();
            stdout.read_line(&mut line).await.unwrap();
            assert!(!line.is_empty(), "{service:?} did not start; see {}", logs.display());
            let address = |what: &str| line.trim().strip_prefix(what).map(str::to_owned);
            url = address("listening on ");
            metrics_url = address("metrics on ").or(metrics_url);
        }
        Self { child, _stdout: stdout, url, metrics_url }
    }

    /// Sends a signal by its name.
    pub async fn signal(&self, signal: &str) {
        let Some(id) = self.child.id() else { return };
        let sent = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().await;
        assert!(sent.unwrap().success(), "kill -{signal} {id}");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> std::process::ExitStatus {
        self.child.wait().await.unwrap()
    }
}

fn command(service: Service, descriptors: Option<u32>) -> Command {
    let program = binary(service.binary());
    let Some(descriptors) = descriptors else { return Command::new(program) };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\"")]).arg(program);
    shell
}

/// What a process says that ends by itself, with an error.
pub async fn refusal(service: Service, environment: &HashMap<&str, String>) -> String {
    let running = Command::new(binary(service.binary()))
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(crate::PATIENCE, running).await.expect("it ends").unwrap();
    assert!(!ended.status.success(), "{service:?} has started");
    String::from_utf8(ended.stderr).unwrap()
}

fn log_file(logs: &Path, service: Service) -> File {
    let path = logs.join(format!("{service:?}.log").to_lowercase());
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Beside the test's own binary: `target/debug/deps/system-…` → `target/debug/…`.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "{} is not built: run ./dev test, or cargo build --workspace", path.display());
    path
}
