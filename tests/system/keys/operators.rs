//! `remit merchants` and `remit keys`.

use serde_json::Value;
use tests::{Deployment, Merchant, eventually};

async fn told(deployment: &Deployment, arguments: &[&str]) -> Value {
    let all: Vec<_> = arguments.iter().chain(&["--json"]).copied().collect();
    serde_json::from_str(&deployment.remit(&all).await.unwrap()).unwrap()
}

#[tokio::test]
async fn operators_make_list_revoke_and_rotate_keys() {
    let deployment = Deployment::api_alone().await;
    let holder = |secret: &str| Merchant::new(deployment.merchant.url.clone(), secret.trim().to_owned());
    let made = deployment.remit(&["keys", "create", "--merchant", "Bakery", "--quiet"]).await.unwrap();
    let all = holder(&made);
    assert_eq!(all.get("/api-keys").await.status, 200, "without scopes it may do all");
    let scopes =
        ["keys", "create", "--merchant", "Bakery", "--scopes", "payments:read,refunds:read", "--quiet"];
    let reader = holder(&deployment.remit(&scopes).await.unwrap());
    assert_eq!(reader.get("/refunds").await.status, 200);
    assert_eq!(reader.get("/plans").await.text("code"), "scope-missing");

    let listed = told(&deployment, &["keys", "list", "--merchant", "Bakery"]).await;
    let [first, second] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(second["scopes"], serde_json::json!(["payments:read", "refunds:read"]));
    let table = deployment.remit(&["keys", "list"]).await.unwrap();
    assert!(table.starts_with("ID") && table.contains(second["id"].as_str().unwrap()), "{table}");

    let id = second["id"].as_str().unwrap();
    let rotate = ["keys", "rotate", id, "--expires-old-in", "0", "--quiet"];
    let rotated = holder(&deployment.remit(&rotate).await.unwrap());
    assert_eq!(rotated.get("/refunds").await.status, 200);
    eventually("the old one has expired", || async {
        (reader.get("/refunds").await.status == 401).then_some(())
    })
    .await;
    // Also the last one that makes keys: whoever asks here can make another.
    deployment.remit(&["keys", "revoke", first["id"].as_str().unwrap()]).await.unwrap();
    let again = deployment.remit(&["keys", "revoke", first["id"].as_str().unwrap()]).await.unwrap_err();
    assert!(again.contains("was revoked before"), "{again}");
    eventually("it is revoked", || async { (all.get("/refunds").await.status == 401).then_some(()) }).await;
}

#[tokio::test]
async fn operators_make_and_see_both_sides_of_a_merchant() {
    let mut deployment = Deployment::api_alone().await;
    let made = told(&deployment, &["merchants", "create", "Bakery"]).await;
    assert_eq!(made["livemode"], false);
    let twice = deployment.remit(&["merchants", "create", "Bakery"]).await.unwrap_err();
    assert!(twice.contains("already, on its test side"), "{twice}");
    let live = deployment.remit(&["merchants", "create", "Bakery", "--live"]).await.unwrap_err();
    assert!(live.contains("REMIT_MODE=live"), "{live}");
    let live = deployment.remit(&["keys", "create", "--merchant", "Bakery", "--live"]).await.unwrap_err();
    assert!(live.contains("REMIT_MODE=live"), "{live}");

    deployment.set("REMIT_MODE", "live");
    let key = deployment.remit(&["keys", "create", "--merchant", "Bakery", "--live"]).await.unwrap();
    assert!(key.starts_with("rmt_live_"), "{key}");
    let shown = told(&deployment, &["merchants", "show", "Bakery"]).await;
    let sides: Vec<_> = shown["merchants"].as_array().unwrap().iter().map(|side| &side["livemode"]).collect();
    assert_eq!(sides, [false, true]);
    assert_eq!(shown["keys"].as_array().unwrap().len(), 1);
    assert!(deployment.remit(&["merchants", "list"]).await.unwrap().contains("Bakery"));
    assert!(deployment.remit(&["merchants", "show", "Nobody"]).await.unwrap_err().contains("no merchant"));
}
