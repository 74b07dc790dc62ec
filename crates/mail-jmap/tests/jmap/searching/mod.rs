//! Searches: of a few letters on real servers, and page by page on one that is told what to say.

mod cyrus;
mod paging;
mod rehearsed;

use jiff::tz::TimeZone;
use mail_jmap::JmapSource;
use mail_model::MessageId;
use mail_model::remote::{MailSource, SourceError};
use mail_model::search::{Criterion, Query, parse};

/// A letter; its name tells it from the others.
struct Letter {
    name: &'static str,
    received: &'static str,
    from: &'static str,
    to: &'static str,
    cc: &'static str,
    subject: &'static str,
    text: &'static str,
    file: Option<&'static str>,
    keywords: &'static [&'static str],
    /// The role of its mailbox.
    mailbox: &'static str,
    /// Octets of nothing much behind the text.
    padding: usize,
}

const LETTER: Letter = Letter {
    name: "",
    received: "",
    from: "Ben Ortiz <ben@mail.example>",
    to: "Ana Moreau <ana@northwind.example>",
    cc: "",
    subject: "",
    text: "",
    file: None,
    keywords: &["$seen"],
    mailbox: "inbox",
    padding: 0,
};

/// The oldest first. In Berlin, `evening` arrived with the first second of May.
const LETTERS: [Letter; 6] = [
    Letter {
        name: "garden",
        received: "2024-04-30T21:59:59Z",
        subject: "Garden",
        text: "We plant tomatoes in spring.",
        ..LETTER
    },
    Letter {
        name: "evening",
        received: "2024-04-30T22:00:00Z",
        from: "Cleo Brandt <cleo@choir.example>",
        to: "Ben Ortiz <ben@mail.example>",
        cc: "Ana Moreau <ana@northwind.example>",
        subject: "Choir evening",
        text: "The garden stays closed.",
        keywords: &["$flagged"],
        ..LETTER
    },
    Letter {
        name: "report",
        received: "2024-05-20T08:00:00Z",
        subject: "Annual report",
        text: "The figures follow.",
        file: Some("Figures_2024.pdf"),
        keywords: &["$seen", "$answered"],
        mailbox: "archive",
        ..LETTER
    },
    Letter {
        name: "summary",
        received: "2024-06-01T08:00:00Z",
        from: "Nora Weiss <nora@mail.example>",
        subject: "Report annual",
        text: "More tomatoes. Mrs O'Brien calls.",
        keywords: &[],
        ..LETTER
    },
    Letter {
        name: "large",
        received: "2024-07-01T08:00:00Z",
        to: "Everybody <all@choir.example>",
        subject: "Pictures",
        text: "Many of them.",
        keywords: &["$seen", "$flagged"],
        padding: 60_000,
        ..LETTER
    },
    Letter {
        name: "draft",
        received: "2024-08-01T08:00:00Z",
        from: "Ana Moreau <ana@northwind.example>",
        to: "Nora Weiss <nora@mail.example>",
        subject: "Letter",
        text: "Dear Nora",
        keywords: &["$draft", "$seen"],
        mailbox: "drafts",
        ..LETTER
    },
];

impl Letter {
    /// As it travels (RFC 5322).
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "From: {}\r\nTo: {}\r\nSubject: {}\r\nMessage-ID: <{}@mail.example>\r\n\
             Date: Tue, 30 Apr 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n",
            self.from, self.to, self.subject, self.name
        );
        if !self.cc.is_empty() {
            head.push_str(&format!("Cc: {}\r\n", self.cc));
        }
        let text = format!(
            "Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n{}",
            self.text,
            format!("{}\r\n", "z".repeat(70)).repeat(self.padding / 72)
        );
        match self.file {
            None => format!("{head}{text}"),
            Some(name) => format!(
                "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{text}\r\n--b\r\n\
                 Content-Type: application/pdf; name=\"{name}\"\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n%PDF-1.4\r\n--b--\r\n"
            ),
        }
        .into_bytes()
    }
}

/// What is typed, and which letters it finds, newest first. What lies on a border of time is not
/// among it.
const SEARCHES: [(&str, &str); 44] = [
    ("", "draft large summary report evening garden"),
    ("garden ", "evening garden"),
    ("GARDEN -choir ", "garden"),
    ("garden report ", ""),
    ("garden OR report ", "summary report evening garden"),
    ("(garden OR report) -from:ben ", "summary evening"),
    ("tomatoes (from:nora OR is:starred) ", "summary"),
    ("-(is:read OR is:starred)", "summary"),
    ("from:ben ", "large report garden"),
    ("from:cleo@choir.example ", "evening"),
    ("from:\"Cleo Brandt\"", "evening"),
    ("from:(cleo OR nora) ", "summary evening"),
    ("to:ana ", "summary report evening garden"),
    ("cc:ana ", "evening"),
    ("to:all ", "large"),
    ("subject:report ", "summary report"),
    ("subject:tomatoes ", ""),
    ("\"annual report\"", "report"),
    ("subject:\"annual report\"", "report"),
    ("\"report annual\" ", "summary"),
    ("o'brien ", "summary"),
    ("\"Mrs O'Brien\"", "summary"),
    ("is:unread", "summary evening"),
    ("is:read -is:draft", "large report garden"),
    ("is:starred", "large evening"),
    ("is:starred is:unread", "evening"),
    ("is:answered", "report"),
    ("is:draft", "draft"),
    ("has:attachment", "report"),
    ("-has:attachment from:ben ", "large garden"),
    ("in:inbox", "large summary evening garden"),
    ("in:ARCHIVE OR in:drafts", "draft report"),
    ("-in:inbox", "draft report"),
    ("in:nowhere", ""),
    ("-in:nowhere is:starred", "large evening"),
    ("on:2024-06", "summary"),
    ("after:2024-06-01 before:2024-08-01", "large summary"),
    ("-after:2024-05-02", "evening garden"),
    ("larger:50k", "large"),
    ("-larger:50k is:starred", "evening"),
    ("filename:figures ", "report"),
    ("filename:2024.pdf from:ben ", "report"),
    ("-filename:pdf -in:inbox", "draft"),
    ("filename:pictures ", ""),
];

/// Whether the server has to look for words.
fn asks_for_words(query: &Query) -> bool {
    match query {
        Query::All(list) | Query::Any(list) => list.iter().any(asks_for_words),
        Query::Not(query) => asks_for_words(query),
        Query::Is(Criterion::Filename(_)) => false,
        Query::Is(criterion) => criterion.words().is_some(),
    }
}

/// A server's letters: which id each has.
struct Searched<'a> {
    source: &'a JmapSource,
    ids: Vec<(&'static str, MessageId)>,
}

impl Searched<'_> {
    async fn ask(&self, typed: &str) -> Result<Vec<MessageId>, SourceError> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let query = parse(typed).query;
        let (mut ids, mut position) = (Vec::new(), 0);
        loop {
            let page = self.source.search(&query, &zone, position, 4).await?;
            assert!(page.ids.len() <= page.queried && page.queried <= 4);
            if page.queried == 0 {
                return Ok(ids);
            }
            position += page.queried as u64;
            ids.extend(page.ids);
        }
    }

    async fn found(&self, typed: &str) -> String {
        let name = |id: &MessageId| self.ids.iter().find(|(_, known)| known == id).unwrap().0;
        match self.ask(typed).await {
            Ok(ids) => ids.iter().map(name).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{error:?}"),
        }
    }

    /// What each search found other than it should.
    async fn differences(&self) -> Vec<String> {
        self.differences_of(|_| true).await
    }

    async fn differences_of(&self, which: fn(&Query) -> bool) -> Vec<String> {
        let mut differences = Vec::new();
        for (typed, expected) in SEARCHES {
            if !which(&parse(typed).query) {
                continue;
            }
            let found = self.found(typed).await;
            if found != expected {
                differences.push(format!("{typed:?}: {found:?} and not {expected:?}"));
            }
        }
        differences
    }

    /// Octets of the large letter, as the server counts them.
    async fn large(&self) -> u64 {
        let (_, id) = self.ids.iter().find(|(name, _)| *name == "large").unwrap();
        let found = self.source.messages(std::slice::from_ref(id)).await;
        found.unwrap()[0].size
    }

    async fn what_cannot_be_asked_is_refused(&self) {
        let refused = self.ask("filename:pdf OR garden").await.unwrap_err();
        assert!(
            matches!(refused, SourceError::Refused { .. }),
            "{refused:?}"
        );
    }
}
