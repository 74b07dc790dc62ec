use std::collections::{BTreeMap, BTreeSet, HashSet};

use mail_parser::{MessageParser, MimeHeaders, PartType};

use super::{Corpus, Entry, Life};

const NOW: i64 = 1_795_528_920;
const LIVES: [Life; 3] = [Life::Work, Life::Personal, Life::Choir];

fn corpus(life: Life) -> (Corpus, Vec<Entry>) {
    let corpus = Corpus::new(life, 1, 2_000, NOW);
    let entries = corpus.entries();
    (corpus, entries)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for life in LIVES {
        let (corpus, entries) = corpus(life);
        assert_eq!(entries, self::corpus(life).1);
        for entry in entries.iter().step_by(17) {
            let bytes = corpus.message(entry.thread, entry.place);
            assert!(!bytes.is_empty());
            assert_eq!(bytes, corpus.message(entry.thread, entry.place));
        }
        let other = Corpus::new(life, 2, 2_000, NOW);
        assert_ne!(other.entries(), entries);
    }
}

#[test]
fn there_are_exactly_as_many_messages_as_asked_for_and_none_is_from_the_future() {
    for life in LIVES {
        for size in [10, 500, 2_000] {
            let entries = Corpus::new(life, 1, size, NOW).entries();
            assert_eq!(entries.len(), usize::try_from(size).unwrap());
            assert!(entries.iter().all(|e| e.received_at <= NOW));
            assert!(entries.is_sorted_by_key(|e| e.received_at));
            let places: HashSet<_> = entries.iter().map(|e| (e.thread, e.place)).collect();
            assert_eq!(places.len(), entries.len());
        }
        let (_, entries) = corpus(life);
        let years = (NOW - entries[0].received_at) / (365 * 86_400);
        assert_eq!(years, 2, "almost three years");
    }
}

#[test]
fn every_message_parses_without_a_lost_part() {
    for life in LIVES {
        let (corpus, entries) = corpus(life);
        let mut ids = HashSet::new();
        for entry in &entries {
            let bytes = corpus.message(entry.thread, entry.place);
            let text = String::from_utf8_lossy(&bytes);
            let message = MessageParser::default().parse(&bytes).unwrap();
            assert!(
                message.parts.iter().all(|p| !p.is_encoding_problem),
                "{text}"
            );
            let opened = text.matches("\r\nContent-Transfer-Encoding: ").count();
            let leaves = message
                .parts
                .iter()
                .filter(|p| !matches!(p.body, PartType::Multipart(_)))
                .count();
            assert_eq!(leaves, opened, "{text}");
            assert!(
                ids.insert(message.message_id().unwrap().to_owned()),
                "{text}"
            );
            assert!(
                message.date().is_some()
                    && message
                        .from()
                        .is_some_and(|f| f.first().is_some_and(|a| a.address.is_some())),
                "{text}"
            );
            let subject = message.subject().unwrap_or_default();
            for left in ["$", "{", "}", "^", "[[", "]]"] {
                assert!(!subject.contains(left), "{subject}");
                let body = message.body_text(0).unwrap_or_default();
                assert!(!body.contains(left), "{life:?}: {body}");
            }
            let charset = message
                .parts
                .iter()
                .filter_map(|p| p.content_type()?.attribute("charset"))
                .next();
            assert!(charset.is_some(), "{text}");
        }
    }
}

#[test]
fn lines_of_headers_fit_the_rfc() {
    for life in LIVES {
        let (corpus, entries) = corpus(life);
        for entry in entries.iter().step_by(5) {
            let bytes = corpus.message(entry.thread, entry.place);
            let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            assert!(bytes[..end].is_ascii());
            assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 999));
            assert!(
                !bytes.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r'),
                "a bare line feed"
            );
        }
    }
}

#[test]
fn conversations_are_linked_by_their_message_ids() {
    let (corpus, entries) = corpus(Life::Work);
    let mut by_thread: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
    for entry in &entries {
        by_thread.entry(entry.thread).or_default().push(entry);
    }
    let longest = by_thread.values().map(Vec::len).max().unwrap();
    assert!((10..=30).contains(&longest), "{longest}");
    for members in by_thread.values().filter(|m| m.len() > 1).take(150) {
        let mut last: Option<String> = None;
        for entry in members {
            let bytes = corpus.message(entry.thread, entry.place);
            let message = MessageParser::default().parse(&bytes).unwrap();
            let answered = message.in_reply_to().as_text().map(str::to_owned);
            if entry.place > 0 {
                assert_eq!(answered, last);
            }
            let id = message.message_id().unwrap().to_owned();
            assert_eq!(corpus.thread_of(&id), Some(entry.thread));
            last = Some(id);
        }
    }
    assert_eq!(corpus.thread_of("1.0.deadbeef@northwind.example"), None);
}

#[test]
fn accounts_share_no_people() {
    let senders = |life| -> BTreeSet<String> {
        let (corpus, entries) = corpus(life);
        let spam = life.mailbox("Spam");
        let kept = entries.iter().filter(|e| e.mailbox != spam);
        kept.map(|e| {
            let bytes = corpus.message(e.thread, e.place);
            let message = MessageParser::default().parse(&bytes).unwrap();
            message
                .from()
                .unwrap()
                .first()
                .unwrap()
                .address
                .as_deref()
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    let [work, personal, choir] = LIVES.map(senders);
    assert!(work.len() > 25 && personal.len() > 25 && choir.len() > 20);
    assert!(
        work.is_disjoint(&personal) && work.is_disjoint(&choir) && personal.is_disjoint(&choir)
    );
}

#[test]
fn unread_mail_is_as_in_a_life() {
    for (life, unread) in [(Life::Work, 17), (Life::Personal, 7), (Life::Choir, 3)] {
        let (_, entries) = corpus(life);
        let inbox: Vec<_> = entries.iter().filter(|e| e.mailbox == 0).collect();
        assert_eq!(
            inbox.iter().filter(|e| !e.marks.seen).count(),
            unread,
            "{life:?}"
        );
        assert!(inbox.len() > 800, "{life:?} {}", inbox.len());
        let starred = inbox.iter().filter(|e| e.marks.flagged).count();
        assert!((10..150).contains(&starred), "{starred}");
        for mailbox in 0..9 {
            assert!(
                entries.iter().any(|e| e.mailbox == mailbox),
                "{life:?} {mailbox}"
            );
        }
    }
}

#[test]
fn many_kinds_of_mail_are_there() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut charsets = BTreeSet::new();
    for life in LIVES {
        let (corpus, entries) = corpus(life);
        for entry in &entries {
            let bytes = corpus.message(entry.thread, entry.place);
            let text = String::from_utf8_lossy(&bytes).to_string();
            for kind in [
                "multipart/alternative",
                "multipart/mixed",
                "multipart/related",
                "multipart/signed",
                "format=flowed",
                "text/calendar; charset=utf-8; method=REQUEST",
                "application/pdf",
                "image/png",
                "spreadsheetml",
                "text/vcard",
                "text/csv",
                "List-Unsubscribe: ",
                "Content-Transfer-Encoding: base64",
                "Content-Transfer-Encoding: quoted-printable",
                "Content-Transfer-Encoding: 8bit",
                "<script>",
                "filename*=utf-8''",
            ] {
                *seen.entry(kind).or_default() += usize::from(text.contains(kind));
            }
            let message = MessageParser::default().parse(&bytes).unwrap();
            charsets.extend(
                message
                    .parts
                    .iter()
                    .filter_map(|p| p.content_type()?.attribute("charset").map(str::to_owned)),
            );
        }
    }
    assert!(seen.values().all(|n| *n > 0), "{seen:?}");
    for charset in [
        "utf-8",
        "windows-1252",
        "iso-2022-jp",
        "koi8-r",
        "iso-8859-2",
        "iso-8859-7",
        "windows-1255",
        "gbk",
    ] {
        assert!(charsets.contains(charset), "{charset} {charsets:?}");
    }
}

#[test]
fn a_scroll_through_a_year_repeats_little() {
    for life in LIVES {
        let (corpus, entries) = corpus(life);
        let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
        let first = entries.iter().filter(|e| e.place == 0 && e.mailbox == 0);
        let mut total = 0;
        for entry in first {
            let bytes = corpus.message(entry.thread, entry.place);
            let message = MessageParser::default().parse(&bytes).unwrap();
            *subjects
                .entry(message.subject().unwrap_or_default().to_owned())
                .or_default() += 1;
            total += 1;
        }
        assert!(
            subjects.len() * 10 > total * 4,
            "{life:?}: {} subjects of {total}",
            subjects.len()
        );
    }
}
