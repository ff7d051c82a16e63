//! The README's lines, run as they stand by a plain shell.

use std::{fs, path::Path, process::Command};

use tests::Deployment;

/// The blocks that a reader copies, but for the lines that name a clone.
fn lines() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let of_a_clone = |line: &&str| line.starts_with(". .dev/env") || line.starts_with("target/");
    blocks.flat_map(str::lines).filter(|line| !of_a_clone(line)).map(|line| format!("{line}\n")).collect()
}

/// Debian's `sh` is dash, and knows nothing of what bash has besides.
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_the_readme_run_in_a_plain_shell() {
    let deployment = Deployment::start().await;
    // A machine that builds and tests at once is slow: a year may take longer there than a reader would wait.
    let script = lines().replace("wait=10", "wait=30");
    let mut shell = Command::new("dash");
    shell.args(["-euc", &script]).env("REMIT_API_KEY", &deployment.merchant.key);
    shell.env("REMIT_API_URL", &deployment.merchant.url);
    let ran = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{complained}");
    assert_eq!(complained, "", "{said}");
    assert!(!said.contains("urn:remit:problem"), "{said}");
    for shown in [
        "HTTP/1.1 202 Accepted",
        "\"object\":\"refund\"",
        "\"status\":\"canceled\"",
        "\"status\":\"requires_action\"",
        "\"object\":\"test_clock\",\"status\":\"ready\"",
        "\"period_index\":11",
        "\"object\":\"subscription_preview\"",
        "\"quantity\":5",
    ] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
}
