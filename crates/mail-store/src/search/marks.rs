//! What of a row was found: the matched words of its subject, and a line around the first match
//! of its text.

use std::ops::Range;

use mail_model::search::{Found, Segment};

use super::fold;
use super::pattern::Pattern;
use super::tree::{Node, Place};

/// Characters of an excerpt.
const LENGTH: usize = 200;
/// Characters of it that stand before the first match.
const BEFORE: usize = 60;

/// Words to mark: those that are looked for, not those that must not be there.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    subject: Vec<&'a Pattern>,
    text: Vec<&'a Pattern>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(node: &'a Node) -> Self {
        let mut wanted = Self::default();
        wanted.gather(node);
        wanted
    }

    fn gather(&mut self, node: &'a Node) {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| self.gather(node)),
            Node::Words(Place::Subject | Place::Head, pattern) => self.subject.push(pattern),
            Node::Words(Place::Anywhere, pattern) => {
                self.subject.push(pattern);
                self.text.push(pattern);
            }
            Node::Words(..) | Node::Fact(_) | Node::Not(_) => {}
        }
    }

    /// Whether a text is worth reading.
    pub(crate) fn is_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// Marks a row. `text` is the body's, if it is here.
    pub(crate) fn mark(&self, subject: &str, preview: &str, text: Option<&str>) -> Found {
        let excerpt = text
            .and_then(|text| excerpt(text, &self.text))
            .unwrap_or_else(|| segments(preview, &places(preview, &self.text)));
        Found {
            subject: segments(subject, &places(subject, &self.subject)),
            excerpt,
        }
    }
}

/// Where any of the patterns stands, in order, without overlaps.
fn places(text: &str, patterns: &[&Pattern]) -> Vec<Range<usize>> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let tokens = fold::tokens(text);
    let mut places: Vec<Range<usize>> = patterns
        .iter()
        .flat_map(|pattern| pattern.places(&tokens))
        .collect();
    places.sort_by_key(|place| (place.start, place.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for place in places {
        match joined.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => joined.push(place),
        }
    }
    joined
}

fn segments(text: &str, places: &[Range<usize>]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut push = |piece: Option<&str>, matched| {
        if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
            segments.push(Segment {
                text: piece.to_owned(),
                matched,
            });
        }
    };
    let mut at = 0;
    for place in places {
        push(text.get(at..place.start), false);
        push(text.get(place.clone()), true);
        at = place.end;
    }
    push(text.get(at..), false);
    segments
}

/// A line around the first match, white space folded; none without a match.
fn excerpt(text: &str, patterns: &[&Pattern]) -> Option<Vec<Segment>> {
    let first = places(text, patterns).into_iter().next()?;
    let (before, after) = text.split_at_checked(first.start)?;
    let from = before
        .char_indices()
        .rev()
        .take(BEFORE)
        .last()
        .map_or(first.start, |(at, _)| at);
    // Not in the middle of a word, unless it is longer than that.
    let from = match before.get(from..) {
        Some(lead) if from > 0 => from + lead.find(char::is_whitespace).map_or(0, |gap| gap + 1),
        _ => from,
    };
    let to = after
        .char_indices()
        .nth(LENGTH - BEFORE)
        .map_or(text.len(), |(at, _)| first.start + at);
    let to = to.max(first.end);
    let mut line = String::new();
    if from > 0 {
        line.push('…');
    }
    let mut gap = false;
    for c in text.get(from..to)?.chars().filter(|c| *c != '\0') {
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        if gap && !line.is_empty() && !line.ends_with('…') {
            line.push(' ');
        }
        gap = false;
        line.push(c);
    }
    if to < text.trim_end().len() {
        line.push('…');
    }
    Some(segments(&line, &places(&line, patterns)))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use mail_model::search::{Criterion, Query, Words};

    use super::*;

    fn text(words: &str, unfinished: bool) -> Query {
        Query::Is(Criterion::Text(Words {
            text: words.into(),
            quoted: false,
            unfinished,
        }))
    }

    fn marked(query: &Query, subject: &str, preview: &str, body: Option<&str>) -> (String, String) {
        let node = Node::new(query, &TimeZone::UTC, &[]);
        let found = Wanted::of(&node).mark(subject, preview, body);
        let show = |segments: &[Segment]| {
            segments
                .iter()
                .map(|segment| match segment.matched {
                    true => format!("[{}]", segment.text),
                    false => segment.text.clone(),
                })
                .collect()
        };
        (show(&found.subject), show(&found.excerpt))
    }

    #[test]
    fn matches_are_marked_whatever_their_case_and_accents() {
        let query = Query::All(vec![text("elan", false), text("wee", true)]);
        let (subject, excerpt) = marked(
            &query,
            "Élan for the Week",
            "preview",
            Some("Nothing here.\n\nThe  week of\tÉLAN\0"),
        );
        assert_eq!(subject, "[Élan] for the [Week]");
        assert_eq!(excerpt, "Nothing here. The [week] of [ÉLAN]");
    }

    #[test]
    fn an_excerpt_begins_and_ends_around_the_first_match() {
        let body = format!("{}needle {}", "before ".repeat(100), "after ".repeat(100));
        let (_, excerpt) = marked(&text("needle", false), "s", "p", Some(&body));
        assert!(excerpt.starts_with("…before "), "{excerpt}");
        assert!(excerpt.contains(" [needle] after "), "{excerpt}");
        assert!(excerpt.ends_with('…'), "{excerpt}");
        assert!(excerpt.chars().count() < LENGTH + 10, "{excerpt}");
    }

    #[test]
    fn without_a_match_in_the_text_there_is_the_preview() {
        let query = Query::All(vec![
            text("choir", false),
            Query::Not(Box::new(text("hall", false))),
        ]);
        assert_eq!(
            marked(
                &query,
                "About the choir",
                "The hall is free",
                Some("nothing")
            ),
            ("About the [choir]".into(), "The hall is free".into())
        );
        assert_eq!(marked(&query, "a", "The choir", None).1, "The [choir]");
    }
}
