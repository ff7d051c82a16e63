//! A merchant never sees another's data; and lists, which are where it would show.

use tests::{Deployment, card, eventually, ids, ids_of};

#[tokio::test]
async fn what_belongs_to_another_merchant_is_not_there() {
    let deployment = Deployment::api_alone().await;
    let (ours, theirs) = (&deployment.merchant, deployment.new_merchant("Rival").await);
    let id = ours.paid("k", &card("1.00", "EUR", "pm_card_visa")).await;
    assert_eq!(theirs.payment(&id).await.status, 404);
    assert_eq!(ids(&theirs.get("/payments").await.body), [] as [&str; 0]);
    assert_eq!(ids(&theirs.get(&format!("/payments?ending_before={id}")).await.body), [] as [&str; 0]);
    let same_key = theirs.pay("k", &card("2.00", "USD", "pm_card_visa")).await;
    assert_eq!(same_key.status, 202);
    assert_ne!(same_key.text("id"), id);
    assert_eq!(ids(&ours.get("/payments").await.body), [id.as_str()]);
}

#[tokio::test]
async fn a_list_is_walked_both_ways() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let mut newest_first = Vec::new();
    for i in 0..5 {
        let mut body = card("1.00", "EUR", "pm_card_visa");
        body["order_id"] = format!("order {}", i % 2).into();
        newest_first.insert(0, merchant.paid(&i.to_string(), &body).await);
    }
    assert_eq!(ids_of(&merchant.all("/payments?limit=2").await), newest_first);

    let back = merchant.get(&format!("/payments?limit=2&ending_before={}", newest_first[3])).await.body;
    assert_eq!(ids(&back), newest_first[1..3]);
    assert_eq!(back["has_more"], true);
    let odd = merchant.get("/payments?order_id=order%201").await.body;
    assert_eq!(ids(&odd), [&newest_first[1], &newest_first[3]]);
    assert_eq!(ids(&merchant.get("/v1/payments?status=failed").await.body), [] as [&str; 0]);
    assert_eq!(ids(&merchant.get("/v1/payments?status=pending").await.body).len(), 5);
}

#[tokio::test]
async fn a_revoked_key_stops_working_within_seconds() {
    let deployment = Deployment::api_alone().await;
    assert_eq!(deployment.merchant.get("/payments").await.status, 200);
    sqlx::query("UPDATE api_keys SET revoked_at = remit_now()").execute(&deployment.pool).await.unwrap();
    eventually("the key is refused", || async {
        (deployment.merchant.get("/payments").await.status == 401).then_some(())
    })
    .await;
}
