//! Text into markup, and markup into text.

use std::cell::RefCell;

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// Appends `text` so that it stays text, inside an element or a double-quoted attribute.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '\0' => {}
            c => out.push(c),
        }
    }
}

/// What becomes of text the sender quotes from an earlier mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    Keep,
    Skip,
}

/// The words of HTML, a line for each block, until about `enough` octets are found.
///
/// Not for showing in a page: what comes out is text and must be escaped like any other.
pub(crate) fn text_of(html: &str, enough: usize, quotes: Quotes) -> String {
    const STEP: usize = 16 * 1024;
    let tokenizer = Tokenizer::new(
        TextSink(RefCell::new(Words {
            text: String::new(),
            quotes,
            skip: None,
            depth: 0,
        })),
        TokenizerOpts::default(),
    );
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() && tokenizer.sink.0.borrow().text.len() < enough {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(STEP.min(rest.len())));
        // A boundary is at most three octets away, so a piece is never empty.
        rest = after;
        queue.push_back(StrTendril::from_slice(piece));
        run(&tokenizer, &queue);
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner().text
}

/// Tokenizes what is in the queue. Our sinks never ask to stop, so it is always read to its end.
pub(crate) fn run<S: TokenSink>(tokenizer: &Tokenizer<S>, queue: &BufferQueue) {
    while !matches!(tokenizer.feed(queue), TokenizerResult::Done) {}
}

struct Words {
    text: String,
    quotes: Quotes,
    /// An element whose content is left out.
    skip: Option<String>,
    depth: u32,
}

struct TextSink(RefCell<Words>);

impl TokenSink for TextSink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut words = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) if words.skip.is_none() => words.text.push_str(&text),
            Token::TagToken(tag) => {
                let name: &str = &tag.name;
                let start = tag.kind == TagKind::StartTag;
                if words.skip.as_deref() == Some(name) {
                    words.depth = if start {
                        words.depth + 1
                    } else {
                        words.depth - 1
                    };
                    if words.depth == 0 {
                        words.skip = None;
                    }
                    return TokenSinkResult::Continue;
                }
                if words.skip.is_some() {
                    return TokenSinkResult::Continue;
                }
                let gap = match name {
                    _ if is_block(name) => Some('\n'),
                    "td" | "th" | "img" => Some(' '),
                    _ => None,
                };
                words.gap(gap);
                return words.enter(name, start);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Words {
    /// Space between blocks, but never twice: empty blocks say nothing.
    fn gap(&mut self, gap: Option<char>) {
        if let Some(gap) = gap
            && !self.text.ends_with(gap)
        {
            self.text.push(gap);
        }
    }

    fn enter(&mut self, name: &str, start: bool) -> TokenSinkResult<()> {
        let raw = match name {
            _ if !start => return TokenSinkResult::Continue,
            "script" => Some(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
            "title" => Some(RawKind::Rcdata),
            "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            "template" => None,
            "blockquote" if self.quotes == Quotes::Skip => None,
            _ => return TokenSinkResult::Continue,
        };
        self.skip = Some(name.to_owned());
        self.depth = 1;
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "center"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "tr"
            | "ul"
    )
}
