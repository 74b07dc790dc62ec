//! Against the rehearsal's mail server.

use std::sync::Arc;
use std::time::Duration;

use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_model::MessageId;
use mail_rehearsal::clock::Clock;
use mail_rehearsal::faults::Faults;
use mail_rehearsal::mail_server::{MailServer, MailServerConfig};
use mail_rehearsal::people::{Person, people};
use mail_rehearsal::tenant::{TokenRefused, TokenVerifier};
use tokio::net::TcpListener;
use url::Url;

use super::{LETTERS, Searched};
use crate::tokens::Tokens;

/// Every token opens this person's account.
struct Everybody(Person);

impl TokenVerifier for Everybody {
    fn person_of(&self, _: &str) -> Result<Person, TokenRefused> {
        Ok(self.0.clone())
    }
}

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// A server with the letters in the account of one person.
fn filled(origin: String) -> (MailServer, Vec<(&'static str, MessageId)>) {
    let person = people().swap_remove(1);
    let mut now = seconds(LETTERS[0].received);
    let clock = Clock::standing_at(now * 1000);
    let mail = MailServer::open(MailServerConfig {
        origin,
        state_dir: None,
        seed: 1,
        size: 0,
        people: vec![person.clone()],
        identical_ids: false,
        clock: clock.clone(),
        faults: Faults::none(),
        verifier: Arc::new(Everybody(person.clone())),
        cancel: Default::default(),
    })
    .unwrap();
    let account = person.account.as_str();
    let mut ids = Vec::new();
    for letter in &LETTERS {
        let passed = seconds(letter.received) - now;
        clock.advance(Duration::from_secs(passed.try_into().unwrap()));
        now += passed;
        let id = mail.deliver_bytes(account, &letter.bytes()).unwrap();
        for keyword in letter.keywords {
            mail.set_keyword(account, &id, keyword, true).unwrap();
        }
        match letter.mailbox {
            "archive" => mail.move_to(account, &id, "Archive").unwrap(),
            "drafts" => mail.move_to(account, &id, "Drafts").unwrap(),
            _ => {}
        }
        ids.push((letter.name, MessageId::new(id).unwrap()));
    }
    (mail, ids)
}

#[tokio::test]
async fn the_rehearsal_finds_what_is_looked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (mail, ids) = filled(origin.clone());
    let routes = mail.router();
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let config = JmapConfig::new(ServerAddress::of(Url::parse(&origin).unwrap()));
    let source = JmapSource::new(config, Arc::new(Tokens::only("ana's"))).unwrap();
    let searched = Searched {
        ids,
        source: &source,
    };
    assert_eq!(searched.differences().await, Vec::<String>::new());
    let may = "draft large summary report evening";
    assert_eq!(searched.found("after:2024-05").await, may);
    assert_eq!(searched.found("before:2024-05").await, "garden");
    let size = searched.large().await;
    for (typed, found) in [
        (format!("larger:{size}"), ""),
        (format!("larger:{}", size - 1), "large"),
        (format!("is:starred smaller:{size}"), "evening"),
        (format!("is:starred smaller:{}", size + 1), "large evening"),
    ] {
        assert_eq!(searched.found(&typed).await, found, "{typed}");
    }
    searched.what_cannot_be_asked_is_refused().await;
    serving.abort();
}
