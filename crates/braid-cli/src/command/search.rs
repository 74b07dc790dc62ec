//! Looking for messages.

use mail_app::{
    AccountView, App, Filter, RowView, Scope, SearchHint, SearchView, SearchedAccountView,
    SegmentView, ServerSearch, rfc3339,
};
use serde::Serialize;

use super::account_named;
use super::list::settled;
use crate::exit::Exit;
use crate::output::Output;

/// What `search` was asked for.
pub(super) struct Wanted<'a> {
    pub(super) text: &'a str,
    pub(super) account: Option<&'a str>,
    pub(super) limit: usize,
}

#[derive(Serialize)]
struct Answer {
    messages: Vec<Line>,
    accounts: Vec<Searched>,
    hints: Vec<SearchHint>,
}

#[derive(Serialize)]
struct Line {
    account: String,
    from: String,
    subject: String,
    /// The first matching place of the text, or else its first words.
    excerpt: String,
    /// RFC 3339, UTC.
    received_at: String,
    unread: bool,
    starred: bool,
    files: bool,
    message: i64,
    thread: i64,
}

/// How complete the answer is for one account.
#[derive(Serialize)]
struct Searched {
    account: String,
    searching: bool,
    to_index: u64,
    all_mail: bool,
    /// RFC 3339, UTC.
    mail_since: Option<String>,
    /// RFC 3339, UTC.
    texts_since: Option<String>,
    server: ServerSearch,
    more: bool,
    left_out: bool,
}

pub(super) async fn search(app: &App, wanted: &Wanted<'_>, output: &Output) -> Result<(), Exit> {
    let accounts = settled(app, output).await?;
    let account = match wanted.account {
        Some(named) => Some(account_named(app, named).await?.id),
        None => None,
    };
    let scope = Scope::Search {
        text: wanted.text.to_owned(),
        account,
        group: None,
        mailbox: None,
    };
    let (rows, how) = app.search_now(scope, Filter::All, wanted.limit).await?;
    let answer = answer(app, &accounts, rows, how).await?;
    for account in &answer.accounts {
        output.note(&completeness(account));
    }
    for hint in &answer.hints {
        output.note(advice(hint));
    }
    output.answer(&answer, |answer| {
        let words = answer.messages.iter().map(in_words);
        words.collect::<Vec<_>>().join("\n")
    })
}

async fn answer(
    app: &App,
    accounts: &[AccountView],
    rows: Vec<RowView>,
    how: SearchView,
) -> Result<Answer, Exit> {
    let name_of = |id: &str| {
        let mut accounts = accounts.iter();
        let account = accounts.find(|account| account.id == id);
        account.map_or_else(|| id.to_owned(), |account| account.name.clone())
    };
    let mut messages = Vec::new();
    for row in rows {
        messages.push(Line {
            account: name_of(&row.account),
            from: app.sender_of(&row.account, row.message).await?,
            excerpt: row
                .found
                .map_or(row.preview, |found| joined(&found.excerpt)),
            received_at: rfc3339(row.received_at),
            unread: row.unread > 0,
            subject: row.subject,
            starred: row.starred,
            files: row.files,
            message: row.message,
            thread: row.thread,
        });
    }
    let searched = |view: SearchedAccountView| Searched {
        account: name_of(&view.account),
        searching: view.searching,
        to_index: view.to_index,
        all_mail: view.all_mail,
        mail_since: view.mail_since.map(rfc3339),
        texts_since: view.texts_since.map(rfc3339),
        server: view.server,
        more: view.more,
        left_out: view.left_out,
    };
    Ok(Answer {
        messages,
        accounts: how.accounts.into_iter().map(searched).collect(),
        hints: how.hints,
    })
}

fn joined(pieces: &[SegmentView]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn in_words(line: &Line) -> String {
    let day = line.received_at.get(..10).unwrap_or(&line.received_at);
    let subject = if line.subject.is_empty() {
        "(no subject)"
    } else {
        &line.subject
    };
    let mark = if line.unread { '*' } else { ' ' };
    format!(
        "{mark} {day} {:<10} {:<28.28} {subject}\n             {}",
        line.account, line.from, line.excerpt,
    )
}

/// One line on how complete the answer is.
fn completeness(searched: &Searched) -> String {
    let day = |time: &String| time.get(..10).unwrap_or(time).to_owned();
    let mut parts = vec![match (&searched.mail_since, searched.all_mail) {
        (_, true) => "all mail is here".to_owned(),
        (Some(since), false) => format!("mail since {} is here", day(since)),
        (None, false) => "no mail is here yet".to_owned(),
    }];
    let texts = searched.texts_since.as_ref();
    if searched.mail_since.is_some()
        && !(searched.all_mail && texts <= searched.mail_since.as_ref())
    {
        parts.push(texts.map_or_else(
            || "not all of the newest texts are".to_owned(),
            |since| format!("texts since {} are", day(since)),
        ));
    }
    if searched.searching || searched.to_index > 0 {
        parts.push(format!(
            "{} messages are not indexed yet",
            searched.to_index
        ));
    }
    parts.extend(match searched.server {
        ServerSearch::NotNeeded => None,
        ServerSearch::Asked => Some("its server was asked".to_owned()),
        ServerSearch::Asking => Some("its server has not answered yet".to_owned()),
        ServerSearch::Unreachable => Some("its server could not be asked".to_owned()),
        ServerSearch::Refused => Some("its server refused".to_owned()),
        ServerSearch::NoRoom => Some("no room for what its server found".to_owned()),
    });
    if searched.left_out && searched.server != ServerSearch::Asked {
        parts.push("mail whose text is not here was left out".to_owned());
    }
    if searched.more {
        parts.push("there are more matches".to_owned());
    }
    format!("{}: {}.", searched.account, parts.join("; "))
}

const fn advice(hint: &SearchHint) -> &'static str {
    match hint {
        SearchHint::DateExpected => {
            "After before: and after: comes a date, such as 2026-03-01; it was looked for as a word."
        }
        SearchHint::SizeExpected => {
            "After larger: and smaller: comes a size, such as 5M; it was looked for as a word."
        }
        SearchHint::WordUnknown => {
            "After is: and has: only some words mean something; it was looked for as a word."
        }
    }
}
