//! File names of mailboxes: readable, safe on every system, and never two the same.

use std::collections::BTreeSet;

use mail_model::{Mailbox, MailboxId};

/// Longest name before its ending, in characters.
const LONGEST: usize = 80;
/// Mailboxes deeper than this are a circle.
const DEEPEST: usize = 32;

/// A mailbox's name below those of its parents.
pub(crate) fn path(mailboxes: &[Mailbox], id: &MailboxId) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut next = Some(id);
    while let Some(id) = next.filter(|_| names.len() < DEEPEST) {
        let Some(mailbox) = mailboxes.iter().find(|mailbox| mailbox.id == *id) else {
            break;
        };
        names.push(&mailbox.name);
        next = mailbox.parent.as_ref();
    }
    names.reverse();
    names.join("/")
}

/// The name of a mailbox's file, other than those in `taken` (kept in lower case there, because
/// some systems do not tell cases apart); the new one is added to them.
pub(crate) fn mbox_file(path: &str, neutral: bool, taken: &mut BTreeSet<String>) -> String {
    let stem = if neutral {
        String::from("mailbox")
    } else {
        safe(path)
    };
    let first = if neutral { 1 } else { 0 };
    let name = (first..u32::MAX)
        .map(|n| match n {
            0 => format!("mail/{stem}.mbox"),
            n if neutral => format!("mail/{stem}-{n:04}.mbox"),
            n => format!("mail/{stem} ({}).mbox", u64::from(n) + 1),
        })
        .find(|name| !taken.contains(&name.to_lowercase()))
        .unwrap_or_default();
    taken.insert(name.to_lowercase());
    name
}

fn safe(path: &str) -> String {
    let name: String = path
        .replace('/', " - ")
        .chars()
        .map(|c| match c {
            '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() || is_direction(c) => '_',
            c => c,
        })
        .take(LONGEST)
        .collect();
    // Windows drops dots and spaces at the end, and hides nothing behind a dot at the beginning.
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = name.split('.').next().unwrap_or_default();
    if name.is_empty() || is_reserved(stem) {
        format!("mailbox {name}").trim_end().to_owned()
    } else {
        name.to_owned()
    }
}

/// Characters that turn the reading direction, and so the look of a name.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Names Windows keeps for devices.
fn is_reserved(stem: &str) -> bool {
    let stem = stem.trim().to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        stem.strip_prefix(device)
            .is_some_and(|rest| rest.chars().count() == 1)
    });
    numbered || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, taken: &mut BTreeSet<String>) -> String {
        mbox_file(path, false, taken)
    }

    #[test]
    fn names_stay_readable_and_never_leave_the_folder() {
        for (path, expected) in [
            ("Inbox", "mail/Inbox.mbox"),
            ("Choir/Tours 2026", "mail/Choir - Tours 2026.mbox"),
            ("../../etc/passwd", "mail/- .. - etc - passwd.mbox"),
            ("..", "mail/mailbox.mbox"),
            ("a\\b:c\u{202e}d\n", "mail/a_b_c_d_.mbox"),
            ("con", "mail/mailbox con.mbox"),
            ("Lpt1.x", "mail/mailbox Lpt1.x.mbox"),
            ("合唱", "mail/合唱.mbox"),
            ("", "mail/mailbox.mbox"),
        ] {
            assert_eq!(file(path, &mut BTreeSet::new()), expected, "{path:?}");
        }
    }

    #[test]
    fn two_mailboxes_never_share_a_file() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = ["Choir", "choir", "CHOIR", "a/b", "a - b"]
            .iter()
            .map(|path| file(path, &mut taken))
            .collect();
        assert_eq!(
            names,
            [
                "mail/Choir.mbox",
                "mail/choir (2).mbox",
                "mail/CHOIR (3).mbox",
                "mail/a - b.mbox",
                "mail/a - b (2).mbox",
            ]
        );
        let long = "x".repeat(500);
        assert_ne!(file(&long, &mut taken), file(&long, &mut taken));
    }

    #[test]
    fn a_neutral_name_tells_nothing() {
        let mut taken = BTreeSet::new();
        assert_eq!(
            mbox_file("Divorce", true, &mut taken),
            "mail/mailbox-0001.mbox"
        );
        assert_eq!(
            mbox_file("Doctors", true, &mut taken),
            "mail/mailbox-0002.mbox"
        );
    }

    #[test]
    fn a_mailbox_that_is_its_own_parent_has_a_path() {
        let id = MailboxId::new("b1").unwrap();
        let mailbox = Mailbox {
            id: id.clone(),
            name: "Loop".into(),
            parent: Some(id.clone()),
            role: None,
            sort_order: 0,
            server_total: 0,
        };
        assert!(path(&[mailbox], &id).starts_with("Loop/Loop"));
    }
}
