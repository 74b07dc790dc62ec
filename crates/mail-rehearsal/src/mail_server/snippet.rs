//! `SearchSnippet/get` (RFC 8621 section 5).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::MethodError;
use super::filter::{Field, Filter};
use super::get::once;
use super::ids;
use super::message::Parsed;
use super::request::{Turn, arguments, check_get};

/// Characters of a preview.
const LENGTH: usize = 220;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    filter: Option<Value>,
    email_ids: Vec<String>,
}

/// `SearchSnippet/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let account = &*turn.account;
    let filter = Filter::read(given.filter.as_ref(), account)?;
    let (mut subject_words, mut body_words) = (Vec::new(), Vec::new());
    filter.words(Field::Subject, &mut subject_words);
    filter.words(Field::Body, &mut body_words);
    let asked = once(&given.email_ids);
    check_get(asked.len())?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in asked {
        let Some(bytes) = ids::number('M', &id).and_then(|n| account.bytes(n)) else {
            not_found.push(id);
            continue;
        };
        let parsed = Parsed::new(&bytes);
        let subject = marked(
            parsed.message.subject().unwrap_or_default(),
            &subject_words,
            usize::MAX,
        );
        let body: Vec<String> = parsed
            .searchable_body()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        list.push(json!({ "emailId": id, "subject": subject, "preview": marked(&body.join(" "), &body_words, LENGTH) }));
    }
    let not_found = if not_found.is_empty() {
        Value::Null
    } else {
        json!(not_found)
    };
    Ok(json!({ "list": list, "notFound": not_found }))
}

/// The text around the first match, HTML-escaped, matches in `<mark>`; none without a match.
fn marked(text: &str, words: &[String], length: usize) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let matches = |at: usize| {
        words
            .iter()
            .map(|w| w.chars().count())
            .zip(words)
            .find(|(_, word)| {
                let mut wanted = word.chars();
                let mut here = chars.iter().skip(at).flat_map(|c| c.to_lowercase());
                wanted.by_ref().all(|w| here.next() == Some(w))
            })
    };
    let first = (0..chars.len()).find(|at| matches(*at).is_some())?;
    let start = if length == usize::MAX {
        0
    } else {
        first.saturating_sub(40)
    };
    let mut out = String::new();
    let mut at = start;
    while at < chars.len() && at - start < length {
        if let Some((long, _)) = matches(at).filter(|(long, _)| *long > 0) {
            out.push_str("<mark>");
            chars
                .iter()
                .skip(at)
                .take(long)
                .for_each(|c| escape(*c, &mut out));
            out.push_str("</mark>");
            at += long;
        } else if let Some(c) = chars.get(at) {
            escape(*c, &mut out);
            at += 1;
        }
    }
    Some(out)
}

fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_and_the_rest_is_escaped() {
        let words = ["plan".to_owned()];
        assert_eq!(
            marked("A <Plan> & plans", &words, usize::MAX).as_deref(),
            Some("A &lt;<mark>Plan</mark>&gt; &amp; <mark>plan</mark>s")
        );
        assert_eq!(marked("nothing", &words, 100), None);
        let far = "x ".repeat(300) + "plan";
        assert!(
            marked(&far, &words, 100)
                .unwrap()
                .ends_with("<mark>plan</mark>")
        );
    }
}
