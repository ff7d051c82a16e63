//! `remit events tail`, `remit listen` and `remit trigger`: what a merchant's programmer sees of events without an
//! endpoint.

use std::process::Stdio;

use tests::{Deployment, Receiver, binary};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::told::verify;

/// A command that goes on until it is dropped, and the lines that it prints.
fn remit(deployment: &Deployment, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(binary("remit"));
    command.args(arguments).env("REMIT_API_URL", &deployment.merchant.url);
    command.env("REMIT_API_KEY", &deployment.merchant.key).env_remove("DATABASE_URL");
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_sent_to_a_program_and_printed() {
    let deployment = Deployment::start().await;
    let receiver = Receiver::start().await;
    let listen =
        ["listen", "--forward-to", &receiver.url, "--types", "payment.failed", "--after", "beginning"];
    let (_listening, mut told) = remit(&deployment, &listen);
    told.next_line().await.unwrap();
    let secret = told.next_line().await.unwrap().unwrap();
    let (_tailing, mut printed) = remit(&deployment, &["events", "tail", "--after", "beginning"]);

    let (mut triggering, mut triggered) = remit(&deployment, &["trigger", "payment.failed"]);
    assert!(triggering.wait().await.unwrap().success());
    let line = triggered.next_line().await.unwrap().unwrap();
    let (payment, _) = line.split_once(" is failed").unwrap_or_else(|| panic!("{line}"));

    let hook = receiver.heard(1).await.remove(0);
    verify(&secret, &hook);
    assert_eq!(
        (&hook.told()["type"], &hook.told()["data"]["id"]),
        (&"payment.failed".into(), &payment.into())
    );
    assert!(told.next_line().await.unwrap().unwrap().ends_with("→ 200"));
    for r#type in ["payment.pending", "payment.failed"] {
        let line = printed.next_line().await.unwrap().unwrap();
        assert!(line.contains(r#type) && line.contains(payment) && line.contains("49.90 EUR"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_a_sentence() {
    let deployment = Deployment::api_alone().await;
    for (arguments, says) in [
        (
            &["events", "tail", "--after", "pay_1"][..],
            "400: Each fault is listed in errors. \"after\" must be the id",
        ),
        (&["trigger", "payment.failed", "--api-key", "rmt_test_1"], "401: This is not one of our keys"),
        (&["trigger", "payment.failed", "--api-url", "http://127.0.0.1:1"], "is REMIT_API_URL right"),
        (&["jobs", "list"], "this asks the database: set DATABASE_URL"),
    ] {
        let mut command = Command::new(binary("remit"));
        command.args(arguments).env("REMIT_API_URL", &deployment.merchant.url);
        let ran = command.env("REMIT_API_KEY", &deployment.merchant.key).env_remove("DATABASE_URL").output();
        let complaint = String::from_utf8(ran.await.unwrap().stderr).unwrap();
        assert!(complaint.contains(says), "{arguments:?}: {complaint}");
    }
}
