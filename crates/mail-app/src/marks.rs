//! The person's marks: read and starred.

use std::collections::BTreeMap;
use std::sync::Arc;

use mail_model::{Keyword, KeywordEdit, MessageKey, ThreadKey};
use mail_store::{NewIntent, StoredMessage};

use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::contract::{Empty, ErrorCode, Mark, MarkRequest, MarkTarget, UiError};

/// How many targets one request may have.
const MOST_TARGETS: usize = 1_000;

impl App {
    /// Adds or removes a mark: here at once, at the server as soon as it can be reached.
    pub(crate) async fn mark(&self, request: MarkRequest) -> Result<Empty, UiError> {
        if request.targets.len() > MOST_TARGETS {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        let mut by_account: BTreeMap<String, Vec<MarkTarget>> = BTreeMap::new();
        for target in request.targets {
            let account = match &target {
                MarkTarget::Thread { account, .. } | MarkTarget::Message { account, .. } => account,
            };
            by_account.entry(account.clone()).or_default().push(target);
        }
        // Every account is known before anything is marked.
        let mut work: Vec<(Arc<Account>, Arc<OpenAccount>, Vec<MarkTarget>)> = Vec::new();
        for (account, targets) in by_account {
            let account = self.account(&account)?;
            let open = account
                .open()
                .ok_or_else(|| UiError::new(ErrorCode::VaultLocked))?;
            work.push((account, open, targets));
        }
        let edit = KeywordEdit {
            keyword: match request.mark {
                Mark::Seen => Keyword::seen(),
                Mark::Flagged => Keyword::flagged(),
            },
            set: request.set,
        };
        for (_, open, targets) in work {
            let messages = messages_of(&open, &targets, &edit).await?;
            if messages.is_empty() {
                continue;
            }
            let intent = NewIntent {
                messages,
                keywords: vec![edit.clone()],
                ..NewIntent::default()
            };
            open.engine.edit(intent).await?;
        }
        Ok(Empty {})
    }
}

/// Those messages a mark really changes.
async fn messages_of(
    open: &OpenAccount,
    targets: &[MarkTarget],
    edit: &KeywordEdit,
) -> Result<Vec<MessageKey>, UiError> {
    let mut keys = Vec::new();
    for target in targets {
        match target {
            MarkTarget::Thread { thread, .. } => {
                let thread = open.store.thread(ThreadKey::new(*thread)).await?;
                keys.extend(of_thread(&thread, edit));
            }
            MarkTarget::Message { message, .. } => {
                let found = open.store.message(MessageKey::new(*message)).await?;
                let found = found.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
                keys.extend(changes(&found, edit).then_some(found.key));
            }
        }
    }
    Ok(keys)
}

fn changes(message: &StoredMessage, edit: &KeywordEdit) -> bool {
    message.message.keywords.contains(&edit.keyword) != edit.set
}

/// Reading and unstarring mean the whole conversation; a new star and "unread" its newest
/// message, which is the one the person looks at.
fn of_thread(thread: &[StoredMessage], edit: &KeywordEdit) -> Vec<MessageKey> {
    let whole = edit.set == (edit.keyword == Keyword::seen());
    let meant = if whole {
        thread
    } else {
        thread
            .get(thread.len().saturating_sub(1)..)
            .unwrap_or(thread)
    };
    meant
        .iter()
        .filter(|message| changes(message, edit))
        .map(|message| message.key)
        .collect()
}

#[cfg(test)]
mod tests {
    use mail_model::{BlobId, Keywords, MailboxId, Message, MessageId, ThreadId, UnixTime};

    use super::*;

    fn message(key: i64, keywords: &[Keyword]) -> StoredMessage {
        StoredMessage {
            key: MessageKey::new(key),
            thread: ThreadKey::new(1),
            message: Message {
                id: MessageId::new(format!("M{key}")).unwrap(),
                blob: BlobId::new("B").unwrap(),
                thread: ThreadId::new("T").unwrap(),
                mailboxes: vec![MailboxId::new("inbox").unwrap()],
                keywords: keywords.iter().cloned().collect::<Keywords>(),
                received_at: UnixTime::from_seconds(key),
                size: 1,
                from: vec![],
                to: vec![],
                cc: vec![],
                bcc: vec![],
                reply_to: vec![],
                subject: String::new(),
                preview: String::new(),
                message_ids: vec![],
                in_reply_to: vec![],
                references: vec![],
                has_attachment: false,
            },
        }
    }

    fn keys(thread: &[StoredMessage], keyword: Keyword, set: bool) -> Vec<i64> {
        let edit = KeywordEdit { keyword, set };
        of_thread(thread, &edit)
            .into_iter()
            .map(MessageKey::get)
            .collect()
    }

    #[test]
    fn reading_a_conversation_reads_every_unread_message_of_it() {
        let thread = [
            message(1, &[]),
            message(2, &[Keyword::seen()]),
            message(3, &[]),
        ];
        assert_eq!(keys(&thread, Keyword::seen(), true), [1, 3]);
    }

    #[test]
    fn an_unread_conversation_has_its_newest_message_unread() {
        let thread = [
            message(1, &[Keyword::seen()]),
            message(2, &[Keyword::seen()]),
        ];
        assert_eq!(keys(&thread, Keyword::seen(), false), [2]);
    }

    #[test]
    fn a_star_goes_to_the_newest_message_and_leaves_all() {
        let thread = [message(1, &[Keyword::flagged()]), message(2, &[])];
        assert_eq!(keys(&thread, Keyword::flagged(), true), [2]);
        let thread = [
            message(1, &[Keyword::flagged()]),
            message(2, &[Keyword::flagged()]),
        ];
        assert_eq!(keys(&thread, Keyword::flagged(), false), [1, 2]);
    }

    #[test]
    fn a_mark_that_is_there_already_changes_nothing() {
        assert!(keys(&[message(1, &[Keyword::seen()])], Keyword::seen(), true).is_empty());
    }
}
