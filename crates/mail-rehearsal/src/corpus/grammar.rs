//! The texts mail is made of: lists of words, people, and templates with choices in them.
//!
//! `{a|b}` chooses, `$project` is a word of the list `project` that stays the same within a
//! conversation (`$project2` is another one), `^3` is a number of three digits, `\n` in a list is
//! a new line.

use std::collections::HashMap;

use super::dice::{Dice, hash};

/// Somebody who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) name: String,
    pub(crate) email: String,
    /// The language this person writes in.
    pub(crate) language: &'static str,
}

/// What kind of mail a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// People, with replies.
    Talk,
    /// A machine or a company, one message.
    Note,
    /// A newsletter: HTML, remote pictures, a tracker, List-* headers.
    Letter,
    /// An invitation.
    Invite,
    /// Unwanted.
    Spam,
}

/// One template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) kind: Kind,
    pub(crate) language: &'static str,
    /// Where such mail is filed when it does not stay in the inbox.
    pub(crate) place: &'static str,
    pub(crate) from: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) files: Vec<(&'static str, u64)>,
    pub(crate) bodies: Vec<&'static str>,
}

/// All texts of one life.
#[derive(Debug)]
pub(crate) struct Grammar {
    people: Vec<Writer>,
    lists: HashMap<&'static str, Vec<&'static str>>,
    templates: Vec<Template>,
    /// The running sum of the templates' weights.
    weights: Vec<u64>,
    replies: HashMap<&'static str, Vec<&'static str>>,
}

/// Values a text may name beside the lists.
pub(crate) type Slots<'a> = [(&'a str, String)];

impl Grammar {
    /// Reads the texts. Lines that fit nowhere are left out; a test looks for them.
    pub(crate) fn read(sources: &[&'static str]) -> Self {
        let mut grammar = Self {
            people: Vec::new(),
            lists: HashMap::new(),
            templates: Vec::new(),
            weights: Vec::new(),
            replies: HashMap::new(),
        };
        for source in sources {
            for block in source.split("\n[").skip(1) {
                if let Some((head, body)) = block.split_once("]\n") {
                    grammar.block(head, body);
                }
            }
        }
        grammar
    }

    fn block(&mut self, head: &'static str, body: &'static str) {
        let mut words = head.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let attributes: HashMap<_, _> = words.clone().filter_map(|w| w.split_once('=')).collect();
        let language = attributes.get("lang").copied().unwrap_or("en");
        let kind = match kind {
            "list" => {
                let name = words.next().unwrap_or_default();
                self.lists
                    .entry(name)
                    .or_default()
                    .extend(body.lines().filter(|l| !l.is_empty()));
                return;
            }
            "people" => {
                self.people
                    .extend(body.lines().filter_map(|line| writer(line, language)));
                return;
            }
            "replies" => {
                self.replies
                    .entry(language)
                    .or_default()
                    .extend(pieces(body));
                return;
            }
            "talk" => Kind::Talk,
            "note" => Kind::Note,
            "letter" => Kind::Letter,
            "invite" => Kind::Invite,
            "spam" => Kind::Spam,
            _ => return,
        };
        let Some((lines, text)) = body.split_once("\n---\n") else {
            return;
        };
        let field = |name: &str| {
            lines
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map_or("", str::trim)
        };
        let weight: u64 = attributes
            .get("weight")
            .and_then(|w| w.parse().ok())
            .unwrap_or(1);
        self.weights
            .push(self.weights.last().copied().unwrap_or(0) + weight);
        self.templates.push(Template {
            kind,
            language,
            place: attributes.get("place").copied().unwrap_or("Archive"),
            from: field("from"),
            subject: field("subject"),
            files: field("files")
                .split(',')
                .filter_map(|file| file.trim().split_once('?'))
                .filter_map(|(name, percent)| Some((name, percent.parse().ok()?)))
                .collect(),
            bodies: pieces(text),
        });
    }

    /// A template, the heavier ones more often.
    pub(crate) fn template(&self, dice: &mut Dice) -> Option<&Template> {
        let total = self.weights.last().copied().unwrap_or(0);
        let at = dice.below(total);
        self.templates
            .get(self.weights.partition_point(|w| *w <= at))
    }

    /// The people who write in a language, or everybody if nobody does.
    pub(crate) fn people(&self, language: &str) -> Vec<&Writer> {
        let of: Vec<_> = self
            .people
            .iter()
            .filter(|w| w.language == language)
            .collect();
        if of.is_empty() {
            self.people.iter().collect()
        } else {
            of
        }
    }

    /// Answers in a language.
    pub(crate) fn replies(&self, language: &str) -> &[&'static str] {
        self.replies
            .get(language)
            .or_else(|| self.replies.get("en"))
            .map_or(&[], Vec::as_slice)
    }

    /// The text with its choices made: `steady` is the same for a whole conversation.
    pub(crate) fn expand(
        &self,
        text: &str,
        steady: u64,
        slots: &Slots<'_>,
        dice: &mut Dice,
    ) -> String {
        let mut out = String::with_capacity(text.len());
        self.expand_into(text, steady, slots, dice, &mut out, 0);
        out
    }

    fn expand_into(
        &self,
        text: &str,
        steady: u64,
        slots: &Slots<'_>,
        dice: &mut Dice,
        out: &mut String,
        depth: u8,
    ) {
        if depth > 8 {
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.find(['{', '$', '^']) {
            let (plain, special) = rest.split_at(at);
            out.push_str(plain);
            let mut chars = special.chars();
            let sign = chars.next();
            let after = chars.as_str();
            rest = match sign {
                Some('{') => {
                    let (inside, after) = braces(after);
                    let choices = alternatives(inside);
                    if let Some(choice) = dice.pick(&choices) {
                        self.expand_into(choice, steady, slots, dice, out, depth + 1);
                    }
                    after
                }
                Some('$') => self.named(after, steady, slots, dice, out, depth),
                _ => number(after, dice, out),
            };
        }
        out.push_str(rest);
    }

    fn named<'a>(
        &self,
        after: &'a str,
        steady: u64,
        slots: &Slots<'_>,
        dice: &mut Dice,
        out: &mut String,
        depth: u8,
    ) -> &'a str {
        let end = after
            .find(|c: char| !c.is_ascii_lowercase() && c != '_' && !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        if let Some((_, value)) = slots.iter().find(|(slot, _)| *slot == name) {
            out.push_str(value);
            return rest;
        }
        let list = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Some(words) = self.lists.get(list) {
            let n = u64::try_from(words.len()).unwrap_or(0);
            // A second word of the same list is never the first one.
            let first = Dice::new(&[steady, hash(list)]).below(n);
            let shift = name
                .strip_prefix(list)
                .and_then(|d| d.parse::<u64>().ok())
                .map_or(0, |d| d.saturating_sub(1));
            let at = (first + shift).checked_rem(n).unwrap_or(0);
            if let Some(word) = usize::try_from(at).ok().and_then(|at| words.get(at)) {
                let word = word.replace("\\n", "\n");
                self.expand_into(&word, steady, slots, dice, out, depth + 1);
            }
            return rest;
        }
        out.push('$');
        out.push_str(name);
        rest
    }
}

fn number<'a>(after: &'a str, dice: &mut Dice, out: &mut String) -> &'a str {
    let Some(digits) = after.chars().next().and_then(|c| c.to_digit(10)) else {
        out.push('^');
        return after;
    };
    let low = 10u64.pow(digits.saturating_sub(1));
    out.push_str(&(low + dice.below(low * 9)).to_string());
    after.get(1..).unwrap_or_default()
}

/// What stands before the closing brace, and what after it.
fn braces(text: &str) -> (&str, &str) {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (inside, rest) = text.split_at(at);
            return (inside, rest.get(1..).unwrap_or_default());
        }
    }
    (text, "")
}

fn alternatives(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == '|' && depth == 0
    })
    .collect()
}

fn pieces(text: &'static str) -> Vec<&'static str> {
    text.split("\n===\n")
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect()
}

/// `Name <address>` as a person.
pub(crate) fn writer(line: &str, language: &'static str) -> Option<Writer> {
    let (name, rest) = line.trim().split_once(" <")?;
    Some(Writer {
        name: name.to_owned(),
        email: rest.strip_suffix('>')?.to_owned(),
        language,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\n[list project]\nHarbour\nLantern\n\n[people lang=fr]\nLéa Roux <lea@mail.example>\n[talk weight=3 place=Projects]\nsubject: About $project\nfiles: a.pdf?40\n---\nOne.\n===\nTwo.\n";

    #[test]
    fn a_word_of_a_list_stays_the_same_in_a_conversation() {
        let grammar = Grammar::read(&[TEXT]);
        let mut dice = Dice::new(&[1]);
        let text = grammar.expand("$project $project $project2", 5, &[], &mut dice);
        let words: Vec<_> = text.split(' ').collect();
        assert_eq!(words[0], words[1]);
        assert_ne!(words[0], words[2]);
    }

    #[test]
    fn choices_may_hold_choices() {
        let grammar = Grammar::read(&[TEXT]);
        for n in 0..20 {
            let text = grammar.expand("{a|{b|c} d}^2", 5, &[], &mut Dice::new(&[n]));
            let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
            assert!(["a", "b d", "c d"].contains(&stem), "{text}");
            assert_eq!(text.len() - stem.len(), 2);
        }
    }

    #[test]
    fn templates_are_read_with_all_they_have() {
        let grammar = Grammar::read(&[TEXT]);
        let template = grammar.template(&mut Dice::new(&[1])).unwrap();
        assert_eq!(
            (template.kind, template.place, template.subject),
            (Kind::Talk, "Projects", "About $project")
        );
        assert_eq!(template.files, [("a.pdf", 40)]);
        assert_eq!(template.bodies, ["One.", "Two."]);
        assert_eq!(grammar.people("fr")[0].name, "Léa Roux");
    }
}
