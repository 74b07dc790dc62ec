//! What others do to the account, seen here.

use mail_model::remote::{MailSource, MessageDelta, SourceError};
use mail_model::{MailboxRole, StateString};
use serde_json::json;

use super::{Account, letter};

/// The state the account's messages are at.
async fn state(ana: &Account) -> StateString {
    ana.source.newest(0, 1).await.unwrap().state
}

async fn changes(ana: &Account, since: &StateString) -> MessageDelta {
    let delta = ana.source.message_changes(since, 100).await.unwrap();
    assert!(!delta.has_more);
    delta
}

#[tokio::test]
async fn mail_delivered_by_another_server_arrives() {
    let Some(ana) = Account::of("ana.arrival") else {
        return;
    };
    let before = state(&ana).await;
    ana.cyrus.deliver(&ana.person, &letter("fresh"));
    let delta = changes(&ana, &before).await;
    assert_eq!(delta.created.len(), 1);
    assert_eq!(delta.created[0].subject, "fresh");
    assert_eq!(delta.created[0].preview, "Hello Ana");
    assert!(!delta.created[0].keywords.is_seen());
    let after = changes(&ana, &delta.new_state).await;
    assert!(after.created.is_empty() && after.updated.is_empty() && after.destroyed.is_empty());
}

#[tokio::test]
async fn marks_and_moves_made_by_another_client_are_seen() {
    let Some(ana) = Account::of("ana.marks") else {
        return;
    };
    let first = ana.other.import(letter("first"), "inbox").await;
    let second = ana.other.import(letter("second"), "inbox").await;
    let third = ana.other.import(letter("third"), "inbox").await;
    let archive = ana.other.mailbox("archive").await;
    let before = state(&ana).await;
    let mark = json!({ "keywords/$seen": true, "keywords/$flagged": true });
    ana.other.patch(&first, mark).await;
    let put_away = json!({ "mailboxIds": { archive.as_str(): true } });
    ana.other.patch(&second, put_away).await;
    ana.other.destroy(std::slice::from_ref(&third)).await;

    let delta = changes(&ana, &before).await;
    assert!(delta.created.is_empty());
    let find = |id: &str| delta.updated.iter().find(|update| update.id.as_str() == id);
    let marked = find(&first).unwrap();
    assert!(marked.keywords.is_seen() && marked.keywords.is_flagged());
    let moved = find(&second).unwrap();
    assert_eq!(moved.mailboxes.len(), 1);
    assert_eq!(moved.mailboxes[0].as_str(), archive);
    assert_eq!(delta.updated.len(), 2);
    let gone: Vec<_> = delta.destroyed.iter().map(|id| id.as_str()).collect();
    assert_eq!(gone, [third]);
}

#[tokio::test]
async fn a_message_created_and_then_changed_is_new_with_its_marks() {
    let Some(ana) = Account::of("ana.created") else {
        return;
    };
    let before = state(&ana).await;
    let id = ana.other.import(letter("both"), "inbox").await;
    let mark = json!({ "keywords/$flagged": true });
    ana.other.patch(&id, mark).await;
    let delta = changes(&ana, &before).await;
    assert_eq!((delta.created.len(), delta.updated.len()), (1, 0));
    assert!(delta.created[0].keywords.is_flagged());
}

#[tokio::test]
async fn a_message_destroyed_and_put_back_under_its_old_id_is_here() {
    let Some(ana) = Account::of("ana.back") else {
        return;
    };
    let id = ana.other.import(letter("again"), "inbox").await;
    let before = state(&ana).await;
    ana.other.destroy(std::slice::from_ref(&id)).await;
    let again = ana.other.import(letter("again"), "archive").await;
    assert_eq!(id, again, "Cyrus names a message by its content");
    let archive = ana.other.mailbox("archive").await;
    let delta = changes(&ana, &before).await;
    assert!(delta.destroyed.is_empty(), "{delta:?}");
    let mailboxes: Vec<_> = delta
        .created
        .iter()
        .map(|message| (&message.id, &message.mailboxes))
        .chain(delta.updated.iter().map(|u| (&u.id, &u.mailboxes)))
        .collect();
    assert_eq!(mailboxes.len(), 1);
    assert_eq!(mailboxes[0].0.as_str(), id);
    assert_eq!(mailboxes[0].1[0].as_str(), archive);
}

#[tokio::test]
async fn a_state_the_server_does_not_know_is_said_to_be_lost() {
    let Some(ana) = Account::of("ana.lost") else {
        return;
    };
    ana.other.import(letter("one"), "inbox").await;
    let known = state(&ana).await;
    // From the future, as after a restored backup; and from another kind of server.
    for strange in ["99999999", "not a number"] {
        let mark = known.as_str().split_once(':').unwrap().0;
        let strange = StateString::new(format!("{mark}:{strange}")).unwrap();
        let error = ana.source.message_changes(&strange, 10).await.unwrap_err();
        assert!(
            matches!(error, SourceError::CannotCalculateChanges),
            "{error:?}"
        );
        let mailboxes = ana.source.mailboxes_since(&strange).await.unwrap();
        assert_eq!(mailboxes.map(|snapshot| snapshot.mailboxes.len()), Some(6));
    }
}

#[tokio::test]
async fn a_new_mailbox_is_told_and_then_nothing_is() {
    let Some(ana) = Account::of("ana.mailboxes") else {
        return;
    };
    let before = ana.source.mailboxes().await.unwrap();
    let none = ana.source.mailboxes_since(&before.state).await.unwrap();
    assert_eq!(none, None);
    let create = json!({ "create": { "c": { "name": "Chœur", "parentId": null } } });
    ana.other.call("Mailbox/set", create).await;
    let after = ana
        .source
        .mailboxes_since(&before.state)
        .await
        .unwrap()
        .unwrap();
    let new = after
        .mailboxes
        .iter()
        .find(|mailbox| mailbox.name == "Chœur");
    assert!(new.is_some_and(|mailbox| mailbox.role.is_none()));
    assert_eq!(after.mailboxes.len(), 7);
    let none = ana.source.mailboxes_since(&after.state).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn how_many_messages_a_mailbox_holds_is_known_after_mail_arrived() {
    let Some(ana) = Account::of("ana.totals") else {
        return;
    };
    let before = ana.source.mailboxes().await.unwrap();
    ana.cyrus.deliver(&ana.person, &letter("counted"));
    let after = ana.source.mailboxes_since(&before.state).await.unwrap();
    let inbox = after
        .iter()
        .flat_map(|snapshot| &snapshot.mailboxes)
        .find(|mailbox| mailbox.role == Some(MailboxRole::Inbox));
    assert_eq!(inbox.map(|mailbox| mailbox.server_total), Some(1));
}
