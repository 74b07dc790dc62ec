//! Words a person looks for, as tokens that have to follow each other.

use std::ops::Range;

use mail_model::search::Words;

use super::fold::{self, Kind, Token};

/// Unfinished words shorter than this are looked for in subjects and people only: as the
/// beginning of a word of any text they match nearly everything, and finding that out is slow.
const SHORT: usize = 3;

/// Tokens that follow each other; the last one may be only a beginning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    tokens: Vec<String>,
    /// Whether a token that begins with the last one is as good.
    prefix: bool,
    /// Whether the last one is a sign alone.
    single: bool,
    /// Whether it is unfinished and too short to be looked for everywhere.
    short: bool,
}

impl Pattern {
    /// None where the words hold nothing that can be looked for, such as a dash.
    pub(crate) fn new(words: &Words) -> Option<Self> {
        let mut tokens = fold::tokens(&words.text);
        let last = tokens.last()?.kind;
        let pairs = tokens.len().checked_sub(2).and_then(|at| tokens.get(at));
        let single = last == Kind::Last;
        // Inside a run the last sign alone says nothing; by itself it begins every pair it is in.
        if single && pairs.is_some_and(|token| is_pair_before(token, &tokens)) {
            tokens.pop();
            return Some(Self::of(tokens, false, false, false));
        }
        let unfinished = words.unfinished && !words.quoted;
        let length = tokens.last()?.text.chars().count();
        let short = unfinished && length < SHORT;
        Some(Self::of(tokens, unfinished || single, single, short))
    }

    fn of(tokens: Vec<Token<'_>>, prefix: bool, single: bool, short: bool) -> Self {
        Self {
            tokens: tokens
                .into_iter()
                .map(|token| token.text.into_owned())
                .collect(),
            prefix,
            single,
            short,
        }
    }

    pub(crate) const fn is_short(&self) -> bool {
        self.short
    }

    /// As a phrase of FTS5's query language.
    pub(crate) fn phrase(&self) -> String {
        // Tokens are letters, digits and marks, so nothing in them ends the quotation.
        let mut phrase = format!("\"{}\"", self.tokens.join(" "));
        if self.prefix {
            phrase.push_str(" *");
        }
        phrase
    }

    fn matches_at(&self, tokens: &[Token<'_>], at: usize) -> bool {
        let Some(window) = tokens.get(at..at + self.tokens.len()) else {
            return false;
        };
        let last = self.tokens.len() - 1;
        window
            .iter()
            .zip(&self.tokens)
            .enumerate()
            .all(|(n, (token, wanted))| {
                if n == last && self.prefix {
                    token.text.starts_with(wanted.as_str())
                } else {
                    token.text == *wanted
                }
            })
    }

    /// Whether these tokens of one field hold it.
    pub(crate) fn is_in(&self, tokens: &[Token<'_>]) -> bool {
        (0..tokens.len()).any(|at| self.matches_at(tokens, at))
    }

    /// Every place of a field's text where it stands, in octets.
    pub(crate) fn places(&self, tokens: &[Token<'_>]) -> Vec<Range<usize>> {
        (0..tokens.len())
            .filter(|at| self.matches_at(tokens, *at))
            .filter_map(|at| {
                let window = tokens.get(at..at + self.tokens.len())?;
                let (first, last) = (window.first()?, window.last()?);
                let end = match last.kind {
                    Kind::Pair { first_end } if self.single => first_end,
                    _ => last.end,
                };
                Some(first.start..end)
            })
            .collect()
    }
}

/// Whether a token is the pair that ends where the last token ends.
fn is_pair_before(token: &Token<'_>, tokens: &[Token<'_>]) -> bool {
    let end = tokens.last().map(|last| last.end);
    matches!(token.kind, Kind::Pair { .. }) && Some(token.end) == end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, unfinished: bool) -> Pattern {
        Pattern::new(&Words {
            text: text.into(),
            quoted: false,
            unfinished,
        })
        .unwrap()
    }

    fn found<'a>(looked_for: &str, unfinished: bool, text: &'a str) -> Vec<&'a str> {
        pattern(looked_for, unfinished)
            .places(&fold::tokens(text))
            .into_iter()
            .map(|place| text.get(place).unwrap())
            .collect()
    }

    #[test]
    fn words_follow_each_other_and_the_last_may_be_a_beginning() {
        assert_eq!(
            found("next-week", false, "Next week, next weekend"),
            ["Next week"]
        );
        assert_eq!(
            found("next-week", true, "Next week, next weekend"),
            ["Next week", "next weekend"]
        );
        assert!(found("week", false, "weekend").is_empty());
        assert_eq!(found("elan", true, "Élans und élan"), ["Élans", "élan"]);
    }

    #[test]
    fn any_part_of_a_run_of_signs_is_found() {
        let text = "東京電車道です";
        assert_eq!(found("電車", false, text), ["電車"]);
        assert_eq!(found("電車道", false, text), ["電車道"]);
        assert_eq!(found("道", false, text), ["道"]);
        assert_eq!(found("す", false, text), ["す"]);
        assert!(found("車電", false, text).is_empty());
        assert!(found("京道", false, text).is_empty());
        assert_eq!(found("車 abc", false, "電車 abc"), ["車 abc"]);
    }

    #[test]
    fn what_holds_no_word_is_nothing_to_look_for() {
        let dash = Words {
            text: "--".into(),
            quoted: false,
            unfinished: true,
        };
        assert_eq!(Pattern::new(&dash), None);
    }

    #[test]
    fn only_unfinished_beginnings_are_short() {
        assert!(pattern("ab", true).is_short());
        assert!(!pattern("ab", false).is_short());
        assert!(!pattern("abc", true).is_short());
        assert!(pattern("bo@no", true).is_short());
        assert_eq!(pattern("bo@no", true).phrase(), "\"bo no\" *");
    }
}
