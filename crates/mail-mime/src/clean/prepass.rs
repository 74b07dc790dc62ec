//! The first pass: hostile markup into tame markup, in linear time and with fixed limits.
//!
//! The specification's tokenizer reads the mail; what comes out is written anew: only known
//! elements and attributes, every value quoted, no comments, no raw text, no foreign namespaces,
//! and every element closed where the model of [`Nest`] says it ends. So the tree builder behind
//! it never has to repair much, which is where nested markup becomes slow, and nothing reaches
//! it that two parsers could read differently.

mod nest;
mod scan;

use std::cell::RefCell;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::allow;
use crate::markup::{escape_into, run};
use nest::Nest;

/// The most attributes of one tag.
pub(super) const MAX_ATTRIBUTES: usize = 64;
/// The most octets of one tag.
pub(super) const MAX_TAG_OCTETS: usize = 64 * 1024;
/// The most elements that are open at once.
pub(super) const MAX_NESTING: usize = 256;
/// The most elements altogether, those that are opened again included.
pub(super) const MAX_ELEMENTS: usize = 100_000;

/// What the pass made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tame {
    pub(super) html: String,
    /// Elements written.
    pub(super) elements: usize,
    /// The most elements that were open at once.
    pub(super) depth: usize,
    /// A limit was reached.
    pub(super) limited: bool,
}

pub(super) fn tame(html: &str) -> Tame {
    let (pieces, cut) = scan::within_limits(html);
    let tokenizer = Tokenizer::new(
        Sink(RefCell::new(Pass::default())),
        TokenizerOpts::default(),
    );
    let queue = BufferQueue::default();
    for piece in pieces {
        queue.push_back(StrTendril::from_slice(piece));
        run(&tokenizer, &queue);
    }
    tokenizer.end();
    let mut pass = tokenizer.sink.0.into_inner();
    pass.nest.close_all();
    Tame {
        limited: cut || pass.nest.limited,
        elements: pass.nest.elements,
        depth: pass.nest.deepest,
        html: pass.nest.out,
    }
}

/// Content that is left out until its end tag.
struct Skip {
    name: String,
    depth: u32,
}

#[derive(Default)]
struct Pass {
    nest: Nest,
    skip: Option<Skip>,
}

struct Sink(RefCell<Pass>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut pass = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => pass.tag(&tag),
            Token::CharacterTokens(text) => {
                pass.text(&text);
                TokenSinkResult::Continue
            }
            _ => TokenSinkResult::Continue,
        }
    }
}

impl Pass {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if let Some(skip) = &mut self.skip {
            if skip.name == name {
                match tag.kind {
                    TagKind::StartTag => skip.depth += 1,
                    TagKind::EndTag => skip.depth -= 1,
                }
                if skip.depth == 0 {
                    self.skip = None;
                }
            }
            return TokenSinkResult::Continue;
        }
        match tag.kind {
            TagKind::StartTag => self.start(name, tag),
            TagKind::EndTag => {
                self.nest.end(name);
                TokenSinkResult::Continue
            }
        }
    }

    fn start(&mut self, name: &str, tag: &Tag) -> TokenSinkResult<()> {
        match name {
            "script" => return self.skip(name, Some(RawKind::ScriptData)),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                return self.skip(name, Some(RawKind::Rawtext));
            }
            "title" => return self.skip(name, Some(RawKind::Rcdata)),
            "template" => return self.skip(name, None),
            // What somebody wrote into a field is text.
            "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            // The page's own colours are those of the mail's first box.
            "body" => self.nest.start("div", &body_attributes(tag)),
            "image" => self.nest.start("img", &attributes("img", tag)),
            "plaintext" | "listing" => self.nest.start("pre", ""),
            _ if allow::is_element(name) => self.nest.start(name, &attributes(name, tag)),
            // Its content is text like any other.
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn skip(&mut self, name: &str, raw: Option<RawKind>) -> TokenSinkResult<()> {
        self.skip = Some(Skip {
            name: name.to_owned(),
            depth: 1,
        });
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }

    fn text(&mut self, text: &str) {
        if self.skip.is_none() {
            self.nest.text(text);
        }
    }
}

/// The attributes to keep, each with a space before it.
fn attributes(element: &str, tag: &Tag) -> String {
    let mut out = String::new();
    for attr in tag.attrs.iter().take(MAX_ATTRIBUTES) {
        let name: &str = &attr.name.local;
        if let Some(value) = allow::attribute(element, name, &attr.value) {
            push_attribute(&mut out, name, &value);
        }
    }
    out
}

fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape_into(out, value);
    out.push('"');
}

fn body_attributes(tag: &Tag) -> String {
    let mut style = String::new();
    let mut out = String::new();
    for attr in tag.attrs.iter().take(MAX_ATTRIBUTES) {
        let name: &str = &attr.name.local;
        let color = || allow::legacy_color(&attr.value);
        match name {
            "bgcolor" => {
                if let Some(color) = color() {
                    style.insert_str(0, &format!("background-color:{color};"));
                }
            }
            "text" => {
                if let Some(color) = color() {
                    style.insert_str(0, &format!("color:{color};"));
                }
            }
            "style" => style.push_str(&attr.value),
            "dir" | "lang" => {
                if let Some(value) = allow::attribute("div", name, &attr.value) {
                    push_attribute(&mut out, name, &value);
                }
            }
            _ => {}
        }
    }
    if let Some(style) = allow::attribute("div", "style", &style) {
        push_attribute(&mut out, "style", &style);
    }
    out
}

#[cfg(test)]
mod tests;
