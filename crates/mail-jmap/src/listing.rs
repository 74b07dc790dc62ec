//! Pages of messages by time of receipt, and messages by id.

use std::collections::HashSet;

use mail_model::remote::MessagePage;
use mail_model::{Message, MessageId, UnixTime};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::batch::Batch;
use crate::fault::{Fault, bad_answer};
use crate::fetch::{emails, found, has_duplicates};
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::{GetWire, QueryWire};
use crate::wire::email::{EmailWire, HasId, PROPERTIES, utc_text};

/// More in one request would only delay the first of them.
pub(crate) const MOST_IN_PIECE: usize = 500;

/// What a piece of a query gave.
pub(crate) struct Piece<T> {
    /// Of the emails, from before the query ran.
    pub(crate) state: String,
    pub(crate) query: QueryWire,
    pub(crate) objects: Vec<T>,
}

/// The newest messages, or those at or before a time. In pieces of a size that suits the server;
/// where it is slow, the page is shorter than asked for, so that what has come can be shown.
pub(crate) async fn page(
    source: &JmapSource,
    session: &Session,
    before: Option<UnixTime>,
    position: u64,
    limit: usize,
) -> Result<MessagePage, Fault> {
    let mut arguments = Map::new();
    if let Some(before) = before {
        // `before` excludes its own second (RFC 8621 section 4.4.1), except in Cyrus, so a
        // page may hold a second too much; what is too new is left out below.
        let before = UnixTime::from_seconds(before.seconds().saturating_add(1));
        arguments.insert("filter".into(), json!({ "before": utc_text(before) }));
    }
    let mut reading = Reading {
        before,
        ..Reading::default()
    };
    let most = session.limits.objects_in_get.min(MOST_IN_PIECE);
    let (begun, within) = (Instant::now(), source.transport().timeouts().page);
    while reading.queried < limit {
        let asked = source.window().size(most).min(limit - reading.queried);
        let place = position.saturating_add(reading.queried as u64);
        arguments.insert("position".into(), place.into());
        arguments.insert("calculateTotal".into(), (place == 0).into());
        let asked_at = Instant::now();
        match piece::<EmailWire>(source, session, &arguments, &PROPERTIES, asked).await {
            Ok(piece) => {
                let (given, took) = (piece.query.ids.len(), asked_at.elapsed());
                source.set_window(|window| window.after(asked, given, took, most));
                if !reading.add(piece, asked)? || begun.elapsed() > within {
                    break;
                }
            }
            Err(Fault::TooLarge(_)) if asked > 1 => {
                source.set_window(|window| window.refused(asked));
            }
            Err(fault) => return Err(fault),
        }
    }
    reading.finish(session)
}

/// A page while its pieces arrive.
#[derive(Default)]
struct Reading {
    before: Option<UnixTime>,
    state: Option<String>,
    query_state: Option<String>,
    total: Option<u64>,
    queried: usize,
    known: HashSet<MessageId>,
    messages: Vec<Message>,
}

impl Reading {
    /// Adds a piece; says whether to go on. A list that changed under the reading would skip
    /// messages at the seam, so such a piece is left out and the page is short.
    fn add(&mut self, piece: Piece<EmailWire>, asked: usize) -> Result<bool, Fault> {
        let Piece {
            state,
            query,
            objects,
        } = piece;
        if *self
            .query_state
            .get_or_insert_with(|| query.query_state.clone())
            != query.query_state
        {
            return Ok(false);
        }
        self.state.get_or_insert(state);
        self.total = self.total.or(query.total);
        self.queried = self.queried.saturating_add(query.ids.len());
        for object in objects {
            let message = object.take()?;
            if !self.known.insert(message.id.clone()) {
                return Err(bad_answer("it lists one message twice").into());
            }
            if self
                .before
                .is_none_or(|before| message.received_at <= before)
            {
                self.messages.push(message);
            }
        }
        Ok(query.ids.len() == asked)
    }

    fn finish(self, session: &Session) -> Result<MessagePage, Fault> {
        let state = self
            .state
            .ok_or_else(|| bad_answer("a page of no messages was asked for"))?;
        Ok(MessagePage {
            state: session.mark_state(&state)?,
            messages: self.messages,
            queried: self.queried,
            // The total of a filtered query is that of the filter, not of the account.
            total: self.total.filter(|_| self.before.is_none()),
        })
    }
}

/// One query with its objects, newest first. `arguments` says where it begins.
pub(crate) async fn piece<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    arguments: &Map<String, Value>,
    properties: &[&str],
    limit: usize,
) -> Result<Piece<T>, Fault> {
    let account = &session.account;
    let mut query_arguments = arguments.clone();
    query_arguments.insert("accountId".into(), account.as_str().into());
    query_arguments.insert("limit".into(), limit.into());
    query_arguments.insert(
        "sort".into(),
        json!([{ "property": "receivedAt", "isAscending": false }]),
    );
    let mut batch = Batch::new();
    // Asked first: changes from a state read after the query could miss what came in between.
    let state = batch.add(
        "Email/get",
        json!({ "accountId": account, "ids": [], "properties": ["id"] }),
    );
    let query = batch.add("Email/query", Value::Object(query_arguments));
    let get = batch.add(
        "Email/get",
        json!({ "accountId": account, "#ids": query.part("/ids"), "properties": properties }),
    );
    let answers = source.call(session, batch).await?;
    let state = answers.take::<GetWire<Value>>(state, account)?.state;
    let query: QueryWire = answers.take(query, account)?;
    if query.ids.len() > limit {
        return Err(bad_answer("it lists more messages than it was asked for").into());
    }
    if has_duplicates(&query.ids) {
        return Err(bad_answer("it lists one message twice").into());
    }
    let objects = found(&query.ids, answers.take(get, account)?)?;
    Ok(Piece {
        state,
        query,
        objects,
    })
}

/// Messages by id; unknown ones are left out.
pub(crate) async fn by_ids(
    source: &JmapSource,
    session: &Session,
    ids: &[MessageId],
) -> Result<Vec<Message>, Fault> {
    let mut arguments = Map::new();
    arguments.insert("properties".into(), json!(PROPERTIES));
    let ids = distinct(ids);
    let found: Vec<EmailWire> = emails(source, session, &ids, &arguments, MOST_IN_PIECE).await?;
    Ok(found
        .into_iter()
        .map(EmailWire::take)
        .collect::<Result<_, _>>()?)
}

/// The ids as texts, each once.
pub(crate) fn distinct(ids: &[MessageId]) -> Vec<String> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.iter()
        .filter(|id| seen.insert(*id))
        .map(|id| id.as_str().to_owned())
        .collect()
}
