//! The first words of a mail, for a list row.

use crate::markup::{Quotes, text_of};
use crate::text::{Flow, lines};

/// The most characters a preview has.
pub const MAX_CHARS: usize = 256;
/// How much of a mail is looked at: the first words lie in the first screens.
const LOOK_AT: usize = 16 * 1024;
/// How much HTML is looked at for that: style sheets stand before the words.
const LOOK_AT_HTML: usize = 512 * 1024;

/// The first words of a mail: white space folded, quoted lines and the signature skipped.
///
/// Taken from the plain text, or from the HTML's text where there is no plain text or it says
/// nothing. Where a mail is nothing but a quote, the quote is taken. Characters that cannot be
/// seen or that change the direction of what follows are left out.
#[must_use]
pub fn preview(text: Option<&str>, html: Option<&str>) -> String {
    let from_text = text
        .map(|text| of_text(head(text, LOOK_AT)))
        .unwrap_or_default();
    if !from_text.is_empty() {
        return from_text;
    }
    let Some(html) = html else {
        return from_text;
    };
    let html = head(html, LOOK_AT_HTML);
    let own = fold(&text_of(html, LOOK_AT, Quotes::Skip));
    if own.is_empty() {
        fold(&text_of(html, LOOK_AT, Quotes::Keep))
    } else {
        own
    }
}

fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most.min(text.len())))
        .unwrap_or_default()
}

fn of_text(text: &str) -> String {
    let lines = lines(text, Flow::Fixed);
    let signature = lines
        .iter()
        .position(|line| line.quotes == 0 && matches!(line.text.as_str(), "--" | "-- "))
        .unwrap_or(lines.len());
    let lines = lines.get(..signature).unwrap_or_default();
    let mut own = String::new();
    for (at, line) in lines.iter().enumerate() {
        if line.quotes == 0 && !introduces_quote(lines, at) {
            own.push_str(&line.text);
            own.push('\n');
        }
    }
    let own = fold(&own);
    if own.is_empty() { fold(text) } else { own }
}

/// A line such as "On Monday Ana wrote:" right before a quote.
fn introduces_quote(lines: &[crate::text::Line], at: usize) -> bool {
    let ends_with_colon = lines
        .get(at)
        .is_some_and(|line| line.text.trim_end().ends_with(':'));
    ends_with_colon
        && lines
            .iter()
            .skip(at + 1)
            .find(|line| line.quotes > 0 || !line.text.trim().is_empty())
            .is_some_and(|line| line.quotes > 0)
}

fn fold(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut seen = word.chars().filter(|c| !is_unseen(*c)).peekable();
        if seen.peek().is_none() {
            continue;
        }
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for c in seen {
            if count >= MAX_CHARS {
                return out.trim_end().to_owned();
            }
            out.push(c);
            count += 1;
        }
    }
    out.trim_end().to_owned()
}

/// Fillers that senders put behind the first words, and marks that turn the direction of text.
///
/// The joiners that emoji and several scripts need are kept.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        preview(Some(text), None)
    }

    #[test]
    fn white_space_is_folded() {
        assert_eq!(
            of("  Hello\r\n\r\n  Ana,\tsee\u{a0}you  "),
            "Hello Ana, see you"
        );
    }

    #[test]
    fn quoted_lines_and_the_line_that_introduces_them_are_skipped() {
        assert_eq!(
            of("Yes.\n\nOn Monday Ana wrote:\n> Shall we?\n> Or not?\n"),
            "Yes."
        );
        assert_eq!(
            of("> Shall we?\n\nYes, two things:\none"),
            "Yes, two things: one"
        );
    }

    #[test]
    fn the_signature_is_skipped() {
        assert_eq!(of("Fine by me\n-- \nAna Moreau\nNorthwind"), "Fine by me");
    }

    #[test]
    fn a_mail_that_is_only_a_quote_shows_the_quote() {
        assert_eq!(of("> only this\n"), "> only this");
        assert_eq!(
            preview(None, Some("<blockquote>only this</blockquote>")),
            "only this"
        );
    }

    #[test]
    fn a_preview_has_at_most_256_characters() {
        assert_eq!(of(&"ä".repeat(1000)).chars().count(), MAX_CHARS);
        assert_eq!(of(&"ab ".repeat(1000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn html_gives_its_words_without_style_script_title_and_quotes() {
        let html = "<html><head><title>T</title><style>p{color:red}</style></head><body>\
            <script>alert('<p>')</script><p>Dear&nbsp;Ana,</p><p>see <b>y</b>ou</p>\
            <blockquote>old</blockquote></body></html>";
        assert_eq!(preview(None, Some(html)), "Dear Ana, see you");
    }

    #[test]
    fn plain_text_that_says_nothing_gives_way_to_html() {
        assert_eq!(preview(Some(" \n"), Some("<p>Hi")), "Hi");
    }

    #[test]
    fn markup_in_plain_text_is_not_taken_away() {
        assert_eq!(of("if a<b> then"), "if a<b> then");
    }

    #[test]
    fn fillers_and_direction_marks_are_left_out() {
        assert_eq!(
            of("Sale\u{200b}\u{34f} \u{34f}\u{ad} ends \u{202e}now"),
            "Sale ends now"
        );
    }

    #[test]
    fn joined_emoji_stay_whole() {
        assert_eq!(of("👩\u{200d}👧 hi"), "👩\u{200d}👧 hi");
    }
}
