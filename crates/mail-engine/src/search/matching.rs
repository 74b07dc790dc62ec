//! What a search of one account looks for, and which of what was named is it.
//!
//! The store finds messages by its index and the server by its own. What neither of them is asked
//! is decided here, from what the store tells of rows: in which mailboxes a message lies now, and
//! whether its text is here.

use std::collections::{HashMap, HashSet};

use mail_model::search::{Criterion, FoundKey, Query};
use mail_model::{Mailbox, MailboxId, MessageKey};
use mail_store::StoreError;

use super::local::SearchIndex;
use super::need::{may_match, rules_texts_out};

/// What is looked for in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The query, without `account:`.
    pub query: Query,
    /// Only in this mailbox, whatever others are called.
    pub within: Option<MailboxId>,
}

impl Wanted {
    /// Anywhere in the account.
    #[must_use]
    pub const fn anywhere(query: Query) -> Self {
        Self {
            query,
            within: None,
        }
    }

    /// The query as index and server are asked it: a mailbox by its name, which others may share.
    /// None where the mailbox is not there.
    pub(super) fn asked(&self, mailboxes: &[Mailbox]) -> Option<Query> {
        let Some(within) = &self.within else {
            return Some(self.query.clone());
        };
        let mailbox = mailboxes.iter().find(|mailbox| mailbox.id == *within)?;
        let name = Query::Is(Criterion::In(mailbox.name.clone()));
        // In front, so that the last word stays the one that is still being typed.
        Some(Query::All(vec![name, self.query.clone()]))
    }
}

/// In which of the mailboxes a query names each message lies.
pub(super) type Places = HashMap<String, HashSet<MessageKey>>;

/// Of what the local index has found, newest first, what is surely looked for; and whether
/// something was left out because its text is not here.
pub(super) async fn certain(
    index: &dyn SearchIndex,
    wanted: &Wanted,
    mut found: Vec<FoundKey>,
) -> Result<(Vec<FoundKey>, bool), StoreError> {
    keep_within(index, wanted, &mut found).await?;
    if found.is_empty() || !rules_texts_out(&wanted.query) {
        return Ok((found, false));
    }
    let before = found.len();
    let here = index.texts_here(&keys(&found)).await?;
    found.retain(|found| here.contains(&found.message));
    let left_out = found.len() < before;
    Ok((found, left_out))
}

/// Of what the server has named, what may still be looked for as far as its rows tell: a mark
/// that was taken away, or a move, takes a row out of a search for it.
pub(super) async fn still_matching(
    index: &dyn SearchIndex,
    wanted: &Wanted,
    mut found: Vec<FoundKey>,
) -> Result<Vec<FoundKey>, StoreError> {
    keep_within(index, wanted, &mut found).await?;
    let keys = keys(&found);
    // Without words nothing is marked, so no text is read.
    let rows = index.rows(&Query::everything(), &keys).await?;
    let rows: HashMap<MessageKey, _> = rows.iter().map(|row| (row.latest, row)).collect();
    let places = places(index, &wanted.query, &keys).await?;
    found.retain(|found| {
        let row = rows.get(&found.message);
        row.is_some_and(|row| may_match(&wanted.query, row, &places))
    });
    Ok(found)
}

async fn keep_within(
    index: &dyn SearchIndex,
    wanted: &Wanted,
    found: &mut Vec<FoundKey>,
) -> Result<(), StoreError> {
    let Some(within) = wanted.within.as_ref().filter(|_| !found.is_empty()) else {
        return Ok(());
    };
    let inside = index.lying_in(within, &keys(found)).await?;
    found.retain(|found| inside.contains(&found.message));
    Ok(())
}

async fn places(
    index: &dyn SearchIndex,
    query: &Query,
    keys: &[MessageKey],
) -> Result<Places, StoreError> {
    let mut places = Places::new();
    let names = names(query);
    if names.is_empty() || keys.is_empty() {
        return Ok(places);
    }
    let mailboxes = index.mailboxes().await?;
    for name in names {
        let mut lying = HashSet::new();
        for mailbox in mailboxes.iter().filter(|mailbox| mailbox.is_called(name)) {
            lying.extend(index.lying_in(&mailbox.id, keys).await?);
        }
        places.insert(name.to_owned(), lying);
    }
    Ok(places)
}

/// The names of mailboxes in a query.
fn names(query: &Query) -> HashSet<&str> {
    match query {
        Query::All(parts) | Query::Any(parts) => parts.iter().flat_map(names).collect(),
        Query::Not(part) => names(part),
        Query::Is(Criterion::In(name)) => HashSet::from([name.as_str()]),
        Query::Is(_) => HashSet::new(),
    }
}

fn keys(found: &[FoundKey]) -> Vec<MessageKey> {
    found.iter().map(|found| found.message).collect()
}

#[cfg(test)]
mod tests;
