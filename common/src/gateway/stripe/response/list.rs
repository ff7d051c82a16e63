//! Lists, page by page. Their members are read one by one: an odd one must not hide the others.

use serde_json::Value;

use crate::gateway::{Report, stripe::wire::List};

use super::{Object, Received, parse, read_value};

/// One page, searched for one of ours.
#[derive(Debug, PartialEq, Eq)]
pub enum Page<T> {
    Found(Report<T>),
    More { last_id: String },
    Last,
    Unreadable(String),
}

impl List {
    /// The page that was received.
    pub fn read(received: &Received) -> Result<Self, String> {
        if received.status != 200 {
            return Err(format!("the gateway answered {}", received.status));
        }
        parse(&received.body)
    }

    /// What stands on it.
    pub fn members(&self) -> &[Value] {
        &self.data
    }

    /// After which id the next page begins; `None` after the last page. A page that says that there is
    /// more, but not where, must not pass for the last.
    pub fn next(&self) -> Result<Option<String>, String> {
        if self.has_more != Some(true) {
            return Ok(None);
        }
        let last_id = self.members().last().and_then(|last| last["id"].as_str());
        last_id.map(|id| Some(id.to_owned())).ok_or_else(|| "a list that does not say how it goes on".into())
    }
}

/// Looks on a page for the one with our `reference` in its metadata.
pub fn find<T: Object>(received: &Received, reference: &str) -> Page<T> {
    let list = match List::read(received) {
        Ok(list) => list,
        Err(why) => return Page::Unreadable(why),
    };
    let ours = |value: &&Value| value["metadata"][T::KEY].as_str() == Some(reference);
    if let Some(value) = list.members().iter().find(ours) {
        return Page::Found(read_value(value));
    }
    match list.next() {
        Ok(Some(last_id)) => Page::More { last_id },
        Ok(None) => Page::Last,
        Err(why) => Page::Unreadable(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{ChargeOutcome, InDoubt};

    fn found(body: &str) -> Page<ChargeOutcome> {
        let received = Received {
            status: 200,
            request_id: None,
            should_retry: None,
            retry_after: None,
            body: body.to_owned().into(),
        };
        find(&received, "pay_1")
    }

    #[test]
    fn an_odd_member_does_not_hide_the_others() {
        let ours = r#"{"id":"pi_1","status":"processing","metadata":{"remit_payment":"pay_1"}}"#;
        let odd = r#"null,7,{"id":9,"metadata":"none"},{"metadata":{"remit_payment":["pay_1"]}}"#;
        let page = found(&format!(r#"{{"data":[{odd},{ours}]}}"#));
        assert_eq!(page, Page::Found(Ok(ChargeOutcome::Processing { gateway_ref: "pi_1".into() })));
    }

    #[test]
    fn ours_is_found_even_where_it_cannot_be_read() {
        let ours = r#"{"id":"pi_1","status":7,"metadata":{"remit_payment":"pay_1"}}"#;
        let page = found(&format!(r#"{{"data":[{ours}]}}"#));
        assert!(matches!(page, Page::Found(Err(InDoubt::Unknown { .. }))), "{page:?}");
    }

    #[test]
    fn only_a_page_that_says_so_is_the_last() {
        for body in [r#"{"data":[]}"#, r#"{"data":[],"has_more":null}"#, r#"{"data":[{}],"has_more":false}"#]
        {
            assert_eq!(found(body), Page::Last, "{body}");
        }
        let more = found(r#"{"data":[{"id":"pi_8"},{"id":"pi_9"}],"has_more":true}"#);
        assert_eq!(more, Page::More { last_id: "pi_9".into() });
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":[],"has_more":true}"#,
            r#"{"data":[{"id":"pi_8"},{}],"has_more":true}"#,
        ] {
            assert!(matches!(found(body), Page::Unreadable(_)), "{body}");
        }
    }
}
