//! The words of a body, wherever the sender put them.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use mail_model::Body;

/// Octets of a text that are looked at. Longer ones are no letters: logs, data, chains of quotes.
const MOST: usize = 512 * 1024;
/// Octets of HTML that are read for it: styles and tables stand between the words.
const MOST_HTML: usize = 4 * 1024 * 1024;

/// The plain text of a body; that of its HTML where there is none.
///
/// Only for finding words and showing a line of them as text; it is not cleaned.
pub(crate) fn text_of(body: &Body) -> Cow<'_, str> {
    match (&body.text, &body.html) {
        (Some(text), _) if !text.trim().is_empty() => head(text, MOST).into(),
        (_, Some(html)) => text_of_html(head(html, MOST_HTML)).into(),
        _ => "".into(),
    }
}

fn head(text: &str, most: usize) -> &str {
    text.split_at(text.floor_char_boundary(most)).0
}

fn text_of_html(html: &str) -> String {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    while !matches!(tokenizer.feed(&queue), TokenizerResult::Done) {}
    tokenizer.end();
    let mut text = tokenizer.sink.0.into_inner().text;
    text.truncate(text.floor_char_boundary(MOST));
    text
}

#[derive(Default)]
struct Words {
    text: String,
    /// An element whose content nobody sees.
    hidden: Option<String>,
}

#[derive(Default)]
struct Sink(RefCell<Words>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut words = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) if words.hidden.is_none() => words.text.push_str(&text),
            Token::TagToken(tag) => {
                let name: &str = &tag.name;
                if tag.kind == TagKind::EndTag {
                    if words.hidden.as_deref() == Some(name) {
                        words.hidden = None;
                    }
                } else if let Some(raw) = hidden(name) {
                    if words.hidden.is_none() {
                        words.hidden = Some(name.to_owned());
                    }
                    return TokenSinkResult::RawData(raw);
                }
                if !is_inside_words(name) && !words.text.ends_with(['\n', ' ']) {
                    words.text.push('\n');
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Elements whose content is no text of the mail, and how their end is found.
fn hidden(name: &str) -> Option<RawKind> {
    match name {
        "script" => Some(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
        "title" => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// Elements that may stand in the middle of a word.
fn is_inside_words(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "big"
            | "code"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "mark"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "u"
            | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_html(html: &str) -> String {
        let body = Body {
            html: Some(html.into()),
            ..Body::default()
        };
        text_of(&body).into_owned()
    }

    #[test]
    fn html_gives_its_words_and_nothing_of_its_styles() {
        let html = "<html><head><title>T</title><style>p { color: red }</style></head>\
             <body><p>Ky<b>ri</b>e</p><table><tr><td>one<td>two</table>\
             <script>var x = '<p>no</p>';</script>&eacute;lan &amp; more</body></html>";
        let text = of_html(html);
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words, ["Kyrie", "one", "two", "élan", "&", "more"]);
    }

    #[test]
    fn an_element_that_never_ends_hides_the_rest() {
        assert_eq!(of_html("<p>seen</p><style>p {").trim(), "seen");
        assert_eq!(of_html("a < b <i"), "a < b ");
    }

    #[test]
    fn plain_text_goes_first_unless_it_says_nothing() {
        let mut body = Body {
            text: Some("plain".into()),
            html: Some("<p>rich".into()),
            ..Body::default()
        };
        assert_eq!(text_of(&body), "plain");
        body.text = Some(" \n".into());
        assert_eq!(text_of(&body).trim(), "rich");
    }
}
