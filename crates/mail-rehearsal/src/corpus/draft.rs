//! One message before it is bytes.

use encoding_rs::{Encoding, UTF_8};

use super::dice::Dice;
use super::mime::{self, Part, Transfer, Writer};
use super::{files, html, when};

/// A name and an address.
pub(crate) type Who = (String, String);

/// How the body is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Flowed,
    Html,
    /// HTML only, no plain alternative.
    HtmlOnly,
    /// A newsletter.
    Letter,
    /// HTML that tries what it should not.
    Hostile,
    /// With a detached signature part.
    Signed,
}

/// What a message says and how it is written.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) from: Who,
    pub(crate) to: Vec<Who>,
    pub(crate) cc: Vec<Who>,
    pub(crate) subject: String,
    /// Seconds since 1970.
    pub(crate) sent_at: i64,
    /// Hours east of Greenwich.
    pub(crate) zone: i64,
    pub(crate) message_id: String,
    /// Message-IDs without angle brackets, oldest first.
    pub(crate) references: Vec<String>,
    pub(crate) text: String,
    /// The line before a quoted text, and that text.
    pub(crate) quote: Option<(String, String)>,
    pub(crate) style: Style,
    pub(crate) charset: &'static Encoding,
    pub(crate) transfer: Transfer,
    pub(crate) files: Vec<String>,
    /// Remote pictures in the HTML.
    pub(crate) images: u32,
    pub(crate) tracker: bool,
    /// A picture inside the message, named by `cid:`.
    pub(crate) picture: bool,
    /// Place of a meeting at a time.
    pub(crate) meeting: Option<(String, i64)>,
    /// Whether this came over a list or as bulk mail.
    pub(crate) bulk: bool,
    /// For boundaries, files and tracker addresses.
    pub(crate) seed: u64,
}

impl Draft {
    /// A plain message with the given head; the rest is empty.
    pub(crate) fn new(from: Who, subject: String, text: String, sent_at: i64, seed: u64) -> Self {
        Self {
            from,
            to: Vec::new(),
            cc: Vec::new(),
            subject,
            sent_at,
            zone: 0,
            message_id: String::new(),
            references: Vec::new(),
            text,
            quote: None,
            style: Style::Plain,
            charset: UTF_8,
            transfer: Transfer::EightBit,
            files: Vec::new(),
            images: 0,
            tracker: false,
            picture: false,
            meeting: None,
            bulk: false,
            seed,
        }
    }

    /// The message as bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let domain = self.from.1.rsplit('@').next().unwrap_or("mail.example");
        if self.bulk {
            writer.header(
                "Return-Path",
                &format!("<bounce-{:06x}@{domain}>", self.seed & 0xff_ffff),
            );
        }
        writer.header("Date", &when::header(self.sent_at, self.zone));
        writer.header("From", &self.who(std::slice::from_ref(&self.from)));
        if !self.to.is_empty() {
            writer.header("To", &self.who(&self.to));
        }
        if !self.cc.is_empty() {
            writer.header("Cc", &self.who(&self.cc));
        }
        writer.words("Subject", &self.subject, self.charset);
        writer.header("Message-ID", &format!("<{}>", self.message_id));
        if let Some(last) = self.references.last() {
            writer.header("In-Reply-To", &format!("<{last}>"));
            let all: Vec<_> = self.references.iter().map(|id| format!("<{id}>")).collect();
            writer.header("References", &all.join(" "));
        }
        if self.bulk {
            let name = self.from.1.split('@').next().unwrap_or("news");
            writer.header(
                "List-Id",
                &format!("{} <{name}.{domain}>", mime::words(&self.from.0, UTF_8)),
            );
            writer.header(
                "List-Unsubscribe",
                &format!(
                    "<https://{domain}/leave?m={:08x}>, <mailto:leave@{domain}>",
                    self.seed & 0xffff_ffff
                ),
            );
            writer.header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
            writer.header("Precedence", "bulk");
        }
        let mut dice = Dice::new(&[self.seed, 77]);
        let body = self.body(&mut dice);
        writer.body(&self.with_files(body, &mut dice), self.seed)
    }

    fn who(&self, who: &[Who]) -> String {
        let all: Vec<_> = who
            .iter()
            .map(|(name, email)| mime::mailbox(name, email, self.charset))
            .collect();
        all.join(", ")
    }

    /// The text with what it answers to.
    pub(crate) fn plain(&self) -> String {
        let mut out = html::as_text(&self.text);
        if let Some((line, quoted)) = &self.quote {
            out.push('\n');
            out.push_str(line);
            out.push('\n');
            for l in quoted.trim_end().lines() {
                out.push_str(if l.starts_with('>') { ">" } else { "> " });
                out.push_str(l);
                while out.ends_with(' ') {
                    out.pop();
                }
                out.push('\n');
            }
        }
        out
    }

    fn body(&self, dice: &mut Dice) -> Part {
        let plain = self.plain();
        let text = |content: &str, params: &str| {
            mime::text("plain", params, content, self.charset, self.transfer)
        };
        let rich = || {
            mime::text(
                "html",
                "",
                &html::page(self),
                self.charset,
                if self.transfer == Transfer::Base64 {
                    Transfer::Base64
                } else {
                    Transfer::QuotedPrintable
                },
            )
        };
        let body = match self.style {
            Style::Plain => text(&plain, ""),
            Style::Flowed => text(&mime::flowed(&plain), "; format=flowed"),
            Style::Signed => Part::Multi {
                subtype: "signed",
                params: "; micalg=pgp-sha256; protocol=\"application/pgp-signature\"",
                parts: vec![
                    mime::text("plain", "", &plain, self.charset, Transfer::QuotedPrintable),
                    mime::file(
                        "application/pgp-signature",
                        "signature.asc",
                        signature(dice).into_bytes(),
                    ),
                ],
            },
            Style::HtmlOnly | Style::Hostile => rich(),
            Style::Html | Style::Letter => Part::Multi {
                subtype: "alternative",
                params: "",
                parts: vec![text(&plain, ""), rich()],
            },
        };
        let body = if self.picture {
            let picture = files::png(240, 120, dice);
            let related = Part::Multi {
                subtype: "related",
                params: "",
                parts: vec![
                    mime::text(
                        "html",
                        "",
                        &html::page(self),
                        self.charset,
                        Transfer::QuotedPrintable,
                    ),
                    mime::inline("image/png", "picture.png", &html::picture_id(self), picture),
                ],
            };
            Part::Multi {
                subtype: "alternative",
                params: "",
                parts: vec![text(&plain, ""), related],
            }
        } else {
            body
        };
        match &self.meeting {
            Some((place, start)) => self.invitation(body, place, *start, dice),
            None => body,
        }
    }

    fn invitation(&self, body: Part, place: &str, start: i64, dice: &mut Dice) -> Part {
        let attendee = self.to.first().map_or("", |(_, email)| email.as_str());
        let title = self.subject.trim_start_matches("Invitation: ");
        let about = files::Invitation {
            start,
            place,
            organizer: &self.from.0,
            organizer_email: &self.from.1,
            attendee,
        };
        let calendar = files::calendar(title, Some(&about), dice);
        let inside = mime::text(
            "calendar",
            "; method=REQUEST",
            &calendar.replace("\r\n", "\n"),
            UTF_8,
            Transfer::Base64,
        );
        let both = match body {
            Part::Multi {
                subtype: "alternative",
                params,
                mut parts,
            } => {
                parts.push(inside);
                Part::Multi {
                    subtype: "alternative",
                    params,
                    parts,
                }
            }
            other => Part::Multi {
                subtype: "alternative",
                params: "",
                parts: vec![other, inside],
            },
        };
        let file = mime::file("application/ics", "invite.ics", calendar.into_bytes());
        Part::Multi {
            subtype: "mixed",
            params: "",
            parts: vec![both, file],
        }
    }

    fn with_files(&self, body: Part, dice: &mut Dice) -> Part {
        if self.files.is_empty() {
            return body;
        }
        let mut parts = vec![body];
        for name in &self.files {
            let title = self.subject.trim_start_matches("Re: ");
            let made = files::make(name, title, dice);
            parts.push(mime::file(made.media_type, name, made.bytes));
        }
        Part::Multi {
            subtype: "mixed",
            params: "",
            parts,
        }
    }
}

/// Looks like a signature; nothing verifies it.
fn signature(dice: &mut Dice) -> String {
    use base64::Engine as _;
    let mut bytes = Vec::new();
    for _ in 0..40 {
        bytes.extend_from_slice(&dice.next().to_be_bytes());
    }
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN PGP SIGNATURE-----\r\n\r\n{}\r\n-----END PGP SIGNATURE-----\r\n",
        lines.join("\r\n")
    )
}
