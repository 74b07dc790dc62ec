//! Text into the words the index knows: without case, without accents.
//!
//! One rule makes the index, reads what a person types, and marks what was found, so the three
//! always agree. The index itself only splits at spaces. A word is a run of letters, digits and
//! their marks. Signs of scripts that are written without spaces, and pictures, become pairs of
//! neighbours, and the last one of a run also stands alone; so any part of a run can be found.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Longer words are cut, in the index as in what is looked for: they are no words of people.
const LONGEST: usize = 64;

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word between what separates words.
    Word,
    /// Two neighbouring signs; the first one ends there.
    Pair {
        /// Octet behind the first sign.
        first_end: usize,
    },
    /// The last sign of a run.
    Last,
}

/// One token of a text, folded, and the octets it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) text: Cow<'t, str>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
}

/// Every token of a text, in its order.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    each(text, |token| found.push(token));
    found
}

/// Hands out the tokens of a text one by one.
pub(crate) fn each<'t>(text: &'t str, mut take: impl FnMut(Token<'t>)) {
    let mut run = Run::None;
    let mut signs: Vec<Sign> = Vec::new();
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let class = class_of(c);
        match (class, run) {
            (Class::Mark, Run::None) | (Class::Gap, Run::None) => {}
            (Class::Mark, Run::Word { start, .. }) => run = Run::Word { start, end },
            (Class::Mark, Run::Signs) => {
                if let Some(sign) = signs.last_mut() {
                    sign.end = end;
                }
            }
            (Class::Letter, Run::Word { start, .. }) => run = Run::Word { start, end },
            (Class::Sign, Run::Signs) => signs.push(Sign { start: at, end }),
            (class, open) => {
                close(text, open, &mut signs, &mut take);
                run = match class {
                    Class::Letter => Run::Word { start: at, end },
                    Class::Sign => {
                        signs.push(Sign { start: at, end });
                        Run::Signs
                    }
                    Class::Mark | Class::Gap => Run::None,
                };
            }
        }
    }
    close(text, run, &mut signs, &mut take);
}

#[derive(Debug, Clone, Copy)]
enum Run {
    None,
    Word { start: usize, end: usize },
    Signs,
}

#[derive(Debug, Clone, Copy)]
struct Sign {
    start: usize,
    end: usize,
}

fn close<'t>(text: &'t str, run: Run, signs: &mut Vec<Sign>, take: &mut impl FnMut(Token<'t>)) {
    match run {
        Run::None => {}
        Run::Word { start, end } => {
            let folded = folded(text.get(start..end).unwrap_or_default());
            if !folded.is_empty() {
                take(Token {
                    text: folded,
                    start,
                    end,
                    kind: Kind::Word,
                });
            }
        }
        Run::Signs => {
            let single: Vec<Cow<'t, str>> = signs
                .iter()
                .map(|sign| folded(text.get(sign.start..sign.end).unwrap_or_default()))
                .collect();
            for (at, (sign, one)) in signs.iter().zip(&single).enumerate() {
                let next = signs.get(at + 1).zip(single.get(at + 1));
                let token = match next {
                    Some((next, other)) => Token {
                        text: format!("{one}{other}").into(),
                        start: sign.start,
                        end: next.end,
                        kind: Kind::Pair {
                            first_end: sign.end,
                        },
                    },
                    None => Token {
                        text: one.clone(),
                        start: sign.start,
                        end: sign.end,
                        kind: Kind::Last,
                    },
                };
                if !token.text.is_empty() {
                    take(token);
                }
            }
            signs.clear();
        }
    }
}

/// A word without case and accents; compatible forms (wide letters, ligatures) become plain ones.
fn folded(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        let cut = word.get(..LONGEST).unwrap_or(word);
        return if cut.bytes().any(|octet| octet.is_ascii_uppercase()) {
            cut.to_ascii_lowercase().into()
        } else {
            cut.into()
        };
    }
    let spread = word
        .nfkd()
        .flat_map(char::to_lowercase)
        // Accents and vowel points go; what makes another letter of it (the marks of kana, the
        // virama and nukta of Indic scripts) stays.
        .filter(|c| matches!(canonical_combining_class(*c), 0 | 7 | 8 | 9))
        .filter(|c| matches!(class_of(*c), Class::Letter | Class::Sign) || is_combining_mark(*c))
        .filter(|c| !is_ignorable(*c));
    let mut plain = String::with_capacity(word.len());
    for c in spread.nfc().take(LONGEST) {
        match c {
            'ß' => plain.push_str("ss"),
            'ς' => plain.push('σ'),
            'ı' => plain.push('i'),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' => plain.push('d'),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            c => plain.push(c),
        }
    }
    plain.into()
}

/// What is not seen, by Unicode's `Default_Ignorable_Code_Point`: soft hyphens, joiners, fillers,
/// selectors of variants, marks of direction, tags.
const fn is_ignorable(c: char) -> bool {
    matches!(
        c as u32,
        0xAD | 0x34F
            | 0x61C
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFF8
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Letter,
    /// A sign of a script without spaces, or a picture.
    Sign,
    /// Belongs to what stands before it.
    Mark,
    /// Anything else.
    Gap,
}

fn class_of(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Class::Letter
        } else {
            Class::Gap
        };
    }
    match u32::from(c) {
        _ if is_ignorable(c) => Class::Mark,
        // Half-width voicing marks.
        0xFF9E | 0xFF9F => Class::Mark,
        0x2600..=0x27BF | 0x1F000..=0x1FAFF => Class::Sign,
        _ if is_combining_mark(c) => Class::Mark,
        _ if !c.is_alphanumeric() => Class::Gap,
        // Thai, Lao, Myanmar, Khmer.
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF
        // Hangul, kana, bopomofo, Han.
        | 0x1100..=0x11FF | 0x3005..=0x3007 | 0x3040..=0x31FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF66..=0xFFDC
        | 0x1B000..=0x1B16F | 0x20000..=0x3FFFF => Class::Sign,
        _ => Class::Letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        tokens(text)
            .into_iter()
            .map(|token| token.text.into_owned())
            .collect()
    }

    #[test]
    fn case_accents_and_compatible_forms_are_folded() {
        assert_eq!(
            texts("Élan ÉLAN e\u{301}lan ﬁn Ｗｉｄｅ"),
            ["elan", "elan", "elan", "fin", "wide"]
        );
        assert_eq!(
            texts("Straße Søren Łódź İstanbul ΟΔΟΣ οδος"),
            ["strasse", "soren", "lodz", "istanbul", "οδοσ", "οδοσ"]
        );
    }

    #[test]
    fn what_is_no_letter_separates() {
        assert_eq!(
            texts("bo@north-wind.example, don't_go"),
            ["bo", "north", "wind", "example", "don", "t", "go"]
        );
        assert_eq!(texts(" -- \u{301} ... "), Vec::<String>::new());
        assert_eq!(texts("co\u{ad}operate"), ["cooperate"]);
    }

    #[test]
    fn signs_become_pairs_and_the_last_one_stands_alone() {
        assert_eq!(texts("電車道 abc車"), ["電車", "車道", "道", "abc", "車"]);
        assert_eq!(texts("ｶﾞｽ ガス"), ["ガス", "ス", "ガス", "ス"]);
        assert_ne!(texts("か"), texts("が"));
        assert_eq!(texts("한국"), ["한국", "국"]);
        assert_eq!(texts("ok 🎉"), ["ok", "🎉"]);
    }

    #[test]
    fn what_is_not_seen_makes_no_difference() {
        assert_eq!(texts("❤\u{fe0f}"), texts("❤"));
        assert_eq!(texts("葛\u{e0100}城"), texts("葛城"));
        assert_eq!(texts("👨\u{200d}👩"), texts("👨👩"));
        assert_eq!(
            texts("north\u{200b}wind é\u{34f}lan"),
            ["northwind", "elan"]
        );
        assert_eq!(texts("\u{200f}\u{202b}שלום\u{202c}"), texts("שלום"));
        assert_eq!(texts("가\u{3164}나 \u{ffa0}"), texts("가나"));
        assert_eq!(texts("\u{2066}\u{fe0f}\u{e0041}"), Vec::<String>::new());
    }

    #[test]
    fn tokens_know_the_octets_they_were_made_of() {
        let text = "Ünï 電車";
        let found = tokens(text);
        let pieces: Vec<&str> = found
            .iter()
            .map(|t| text.get(t.start..t.end).unwrap())
            .collect();
        assert_eq!(pieces, ["Ünï", "電車", "車"]);
        assert_eq!(found[1].kind, Kind::Pair { first_end: 9 });
    }
}
