//! The newest mail of an account, written message by message.
//!
//! A text file holds it: `== ` begins a conversation, `-- next` the next message in it; the lines
//! up to the first empty one are fields, the rest is the text.

use encoding_rs::UTF_8;

use super::draft::{Draft, Style, Who};
use super::grammar;
use super::mime::Transfer;
use super::plan::Planner;

/// One written message.
#[derive(Debug)]
pub(crate) struct Written {
    /// The conversation, counted from 0.
    pub(crate) thread: u32,
    /// Its place there.
    pub(crate) place: u16,
    /// Seconds before now.
    pub(crate) ago: i64,
    /// Name of the mailbox.
    pub(crate) mailbox: &'static str,
    /// `unread`, `starred`, `answered`, `draft`, `forwarded`.
    pub(crate) marks: Vec<&'static str>,
    fields: Vec<(&'static str, &'static str)>,
    text: &'static str,
}

impl Written {
    fn field(&self, name: &str) -> Option<&'static str> {
        self.fields
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| *value)
    }

    fn from(&self, planner: &Planner<'_>) -> Who {
        match self.field("From") {
            Some("me") | None => planner.life.owner(),
            Some(line) => who(line),
        }
    }

    fn id(&self, planner: &Planner<'_>) -> String {
        let from = self.from(planner).1;
        let domain = from.rsplit('@').next().unwrap_or("mail.example");
        planner.message_id(self.thread, self.place, domain)
    }

    fn people(&self, name: &str, planner: &Planner<'_>) -> Vec<Who> {
        let line = self.field(name).unwrap_or_default();
        line.split(", ")
            .filter(|p| !p.is_empty())
            .map(|p| {
                if p == "me" {
                    planner.life.owner()
                } else {
                    who(p)
                }
            })
            .collect()
    }

    fn number(&self, name: &str) -> u32 {
        self.field(name).and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

fn who(line: &str) -> Who {
    grammar::writer(line, "en")
        .map_or_else(|| (String::new(), line.to_owned()), |w| (w.name, w.email))
}

/// Reads the file.
pub(crate) fn read(source: &'static str) -> Vec<Written> {
    let mut all = Vec::new();
    for (thread, block) in source.split("\n== ").skip(1).enumerate() {
        let block = block.split_once('\n').map_or("", |(_, rest)| rest);
        for (place, message) in block.split("\n-- next\n").enumerate() {
            let (head, text) = message.split_once("\n\n").unwrap_or((message, ""));
            let fields: Vec<_> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .collect();
            let field = |name: &str| {
                fields
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| *value)
            };
            all.push(Written {
                thread: u32::try_from(thread).unwrap_or(0),
                place: u16::try_from(place).unwrap_or(0),
                ago: field("Ago").map_or(0, ago),
                mailbox: field("In").unwrap_or("Inbox"),
                marks: field("Marks")
                    .map(|m| m.split(' ').collect())
                    .unwrap_or_default(),
                text,
                fields,
            });
        }
    }
    all
}

/// `2d4h10m` in seconds.
fn ago(text: &str) -> i64 {
    let mut seconds = 0;
    let mut number = 0;
    for c in text.chars() {
        match c {
            'd' => seconds += std::mem::take(&mut number) * 86_400,
            'h' => seconds += std::mem::take(&mut number) * 3_600,
            'm' => seconds += std::mem::take(&mut number) * 60,
            c => number = number * 10 + i64::from(c.to_digit(10).unwrap_or(0)),
        }
    }
    seconds
}

/// Makes one written message whole.
pub(crate) fn draft(all: &[Written], index: usize, planner: &Planner<'_>) -> Option<Draft> {
    let written = all.get(index)?;
    let from = written.from(planner);
    let first = all.iter().find(|w| w.thread == written.thread)?;
    let subject = match (written.field("Subject"), first.field("Subject")) {
        (Some(own), _) => own.to_owned(),
        (None, Some(first)) if written.place > 0 => format!("Re: {first}"),
        _ => String::new(),
    };
    let seed = super::dice::Dice::new(&[
        planner.seed,
        planner.life.number(),
        u64::from(written.thread),
        u64::from(written.place),
    ])
    .next();
    let mut draft = Draft::new(
        from,
        subject,
        written.text.trim().to_owned(),
        planner.now - written.ago - 3,
        seed,
    );
    draft.to = written.people("To", planner);
    draft.cc = written.people("Cc", planner);
    if draft.to.is_empty() && !written.marks.contains(&"draft") {
        draft.to.push(planner.life.owner());
    }
    draft.message_id = written.id(planner);
    draft.references = all
        .iter()
        .filter(|w| w.thread == written.thread && w.place < written.place)
        .map(|w| w.id(planner))
        .collect();
    draft.files = written
        .field("Files")
        .map(|f| f.split(", ").map(str::to_owned).collect())
        .unwrap_or_default();
    draft.images = written.number("Images");
    draft.tracker = written.number("Trackers") > 0;
    draft.picture = written.field("Picture").is_some();
    draft.bulk = written.field("List").is_some();
    draft.style = style(written.field("Style"));
    draft.charset = written
        .field("Charset")
        .and_then(|c| encoding_rs::Encoding::for_label(c.as_bytes()))
        .unwrap_or(UTF_8);
    draft.transfer = if seed.is_multiple_of(2) {
        Transfer::QuotedPrintable
    } else {
        Transfer::Base64
    };
    if let Some((place, ahead)) = written.field("Meeting").and_then(|m| m.rsplit_once(" in ")) {
        let start = (planner.now + ago(ahead)).div_euclid(3_600) * 3_600;
        draft.meeting = Some((place.to_owned(), start));
    }
    let before = all
        .iter()
        .find(|w| w.thread == written.thread && w.place + 1 == written.place);
    if let Some(before) = before.filter(|_| written.field("Quote") != Some("none")) {
        let author = before.from(planner);
        let name = if author.0.is_empty() {
            author.1
        } else {
            author.0
        };
        let day = super::when::civil(planner.now - before.ago).map_or_else(String::new, |t| {
            t.strftime("%a, %-d %b %Y at %H:%M").to_string()
        });
        draft.quote = Some((
            format!("On {day}, {name} wrote:"),
            super::html::as_text(before.text),
        ));
    }
    Some(draft)
}

fn style(name: Option<&str>) -> Style {
    match name {
        Some("html") => Style::Html,
        Some("html-only") => Style::HtmlOnly,
        Some("letter") => Style::Letter,
        Some("flowed") => Style::Flowed,
        Some("signed") => Style::Signed,
        Some("hostile") => Style::Hostile,
        _ => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_texts_are_told_apart() {
        let all = read(
            "\n== one\nFrom: A <a@mail.example>\nAgo: 1d2h3m\nMarks: unread starred\n\nHello.\n\nMore.\n-- next\nFrom: me\nAgo: 5m\nIn: Sent\n\nBack.\n\n== two\nAgo: 1m\n\nThird.\n",
        );
        assert_eq!(all.len(), 3);
        assert_eq!(
            (all[0].ago, all[0].text),
            (86_400 + 7_200 + 180, "Hello.\n\nMore.")
        );
        assert_eq!(all[0].marks, ["unread", "starred"]);
        assert_eq!(
            (all[1].thread, all[1].place, all[1].mailbox),
            (0, 1, "Sent")
        );
        assert_eq!(all[2].thread, 1);
    }
}
