//! The last pass, over markup that is already clean: pictures are numbered or kept out, links are
//! listed and made to open outside, and attributes get one order.

use std::cell::RefCell;
use std::collections::HashMap;

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use mail_parser::decoders::base64::base64_decode;

use super::{CleanHtml, CleanOptions, ImagePolicy, ImageSource, Link, MAX_IMAGES, css};
use crate::markup::{escape_into, run};

/// The most characters of a link's words that are told.
const MAX_LINK_TEXT: usize = 200;
/// The largest side, in pixels, of a picture that only tells that the mail was read.
const TRACKER_SIDE: u32 = 3;
/// The largest empty box for a picture that stayed out, in pixels.
const MAX_BOX: (u32, u32) = (1_200, 2_000);

pub(super) fn plan(safe: &str, options: &CleanOptions) -> CleanHtml {
    let sink = Sink(RefCell::new(Plan {
        result: CleanHtml::default(),
        numbers: HashMap::new(),
        policy: options.images,
        base: options.image_base.clone(),
        link: None,
        pre_end: None,
    }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(safe));
    run(&tokenizer, &queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner().result
}

struct Plan {
    result: CleanHtml,
    numbers: HashMap<String, usize>,
    policy: ImagePolicy,
    base: String,
    /// The link whose words are being read.
    link: Option<Link>,
    /// Where the result ended after the last `<pre>`: what is left out behind it leaves no mark.
    pre_end: Option<usize>,
}

struct Sink(RefCell<Plan>);

type Attributes = Vec<(String, String)>;

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut plan = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => plan.tag(&tag),
            Token::CharacterTokens(text) => plan.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Plan {
    fn text(&mut self, text: &str) {
        if self.pre_end == Some(self.result.html.len()) && text.starts_with('\n') {
            // A parser drops the first line break of a `<pre>`.
            self.result.html.push('\n');
        }
        if let Some(link) = &mut self.link {
            let room = MAX_LINK_TEXT.saturating_sub(link.text.chars().count());
            link.text.extend(text.chars().take(room));
        }
        escape_into(&mut self.result.html, text);
    }

    fn tag(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        if tag.kind == TagKind::EndTag {
            if name == "a" {
                self.result.links.extend(self.link.take());
            }
            self.result.html.push_str("</");
            self.result.html.push_str(name);
            self.result.html.push('>');
            return;
        }
        let attributes: Attributes = tag
            .attrs
            .iter()
            .map(|attr| (attr.name.local.to_string(), attr.value.to_string()))
            .collect();
        self.result.has_own_colors |= sets_colors(&attributes);
        match name {
            "img" => self.image(attributes),
            "a" => self.anchor(attributes),
            _ => self.write(name, attributes),
        }
        if name == "pre" {
            self.pre_end = Some(self.result.html.len());
        }
    }

    fn anchor(&mut self, mut attributes: Attributes) {
        if let Some(href) = get(&attributes, "href") {
            self.link = Some(Link {
                href: href.to_owned(),
                text: String::new(),
            });
            // Followed inside, a link would replace the mail in its frame.
            attributes.push(("target".to_owned(), "_blank".to_owned()));
            attributes.push(("rel".to_owned(), "noopener noreferrer nofollow".to_owned()));
        }
        self.write("a", attributes);
    }

    fn image(&mut self, mut attributes: Attributes) {
        let size = Size::of(&attributes);
        let source = get(&attributes, "src").unwrap_or_default().to_owned();
        let numbered = match source.split_once(':') {
            Some(("cid", id)) => Some(ImageSource::Cid(content_id(id))),
            Some(("data", data)) => raster(data).map(ImageSource::Data),
            Some(("http" | "https", _)) => {
                if size.is_tracker() || is_hidden(&attributes) {
                    self.result.trackers += 1;
                    return;
                }
                (self.policy == ImagePolicy::ServeRemote)
                    .then(|| ImageSource::Remote(source.clone()))
            }
            _ => return,
        };
        let number = numbered.and_then(|picture| self.number(&source, picture));
        let Some(number) = number else {
            if !source.starts_with("data:") {
                self.result.blocked_images += 1;
            }
            return self.empty_box(&attributes, size);
        };
        let address = format!("{}{number}", self.base);
        if let Some((_, src)) = attributes.iter_mut().find(|(name, _)| name == "src") {
            *src = address;
        }
        self.write("img", attributes);
    }

    /// The same picture keeps its number wherever it is shown.
    fn number(&mut self, source: &str, picture: ImageSource) -> Option<usize> {
        if let Some(number) = self.numbers.get(source) {
            return Some(*number);
        }
        let number = self.result.images.len();
        if number >= MAX_IMAGES {
            self.result.limited = true;
            return None;
        }
        self.result.images.push(picture);
        self.numbers.insert(source.to_owned(), number);
        Some(number)
    }

    /// A picture that stays out leaves a box of its size with its words, so that nothing moves
    /// when it comes later.
    fn empty_box(&mut self, attributes: &Attributes, size: Size) {
        let alt = get(attributes, "alt").unwrap_or_default();
        let style = match size {
            Size {
                width: Some(width),
                height: Some(height),
            } => format!(
                "display:inline-block;box-sizing:border-box;max-width:100%;overflow:hidden;\
                 width:{}px;height:{}px{}",
                width.min(MAX_BOX.0),
                height.min(MAX_BOX.1),
                // A spacer is nothing to see.
                if width.min(height) > 8 {
                    ";border:1px dashed #b8b5ae"
                } else {
                    ""
                },
            ),
            _ if alt.trim().is_empty() => return,
            _ => "border:1px dashed #b8b5ae;padding:0 4px".to_owned(),
        };
        self.write("span", vec![("style".to_owned(), css::filter(&style).css)]);
        self.text(alt);
        self.result.html.push_str("</span>");
    }

    fn write(&mut self, name: &str, mut attributes: Attributes) {
        attributes.sort();
        let out = &mut self.result.html;
        out.push('<');
        out.push_str(name);
        for (name, value) in &attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape_into(out, value);
            out.push('"');
        }
        out.push('>');
    }
}

fn get<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

fn sets_colors(attributes: &Attributes) -> bool {
    attributes.iter().any(|(name, value)| match name.as_str() {
        "bgcolor" | "color" => value != "transparent",
        "style" => css::filter(value).sets_colors,
        _ => false,
    })
}

fn is_hidden(attributes: &Attributes) -> bool {
    get(attributes, "style").is_some_and(|style| {
        style
            .split(';')
            .any(|d| matches!(d, "display:none" | "visibility:hidden" | "opacity:0"))
    })
}

/// What a mail says about a picture's size, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: Option<u32>,
    height: Option<u32>,
}

impl Size {
    fn of(attributes: &Attributes) -> Self {
        let side = |name: &str| {
            let by_style = get(attributes, "style").and_then(|style| {
                style
                    .split(';')
                    .find_map(|d| d.strip_prefix(name)?.strip_prefix(':'))
                    .and_then(|value| value.strip_suffix("px").or((value == "0").then_some("0")))
                    .and_then(|number| number.split('.').next()?.parse().ok())
            });
            by_style.or_else(|| get(attributes, name).and_then(|value| value.parse().ok()))
        };
        Self {
            width: side("width"),
            height: side("height"),
        }
    }

    fn is_tracker(self) -> bool {
        let tiny = |side: u32| side <= TRACKER_SIDE;
        match (self.width, self.height) {
            (Some(width), Some(height)) => {
                (tiny(width) && tiny(height)) || width == 0 || height == 0
            }
            (Some(side), None) | (None, Some(side)) => tiny(side),
            (None, None) => false,
        }
    }
}

/// RFC 2392: the id in an address is percent-encoded.
fn content_id(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    loop {
        rest = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    after
                }
                _ => {
                    bytes.push(b'%');
                    rest.get(1..).unwrap_or_default()
                }
            },
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
            [] => break,
        };
    }
    String::from_utf8_lossy(&bytes)
        .trim_matches(|c| c == '<' || c == '>')
        .to_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The bytes of a small picture that stands in its own address.
fn raster(data: &str) -> Option<Vec<u8>> {
    let (kind, content) = data.split_once(',')?;
    let kind = kind.trim().to_ascii_lowercase();
    if !kind.starts_with("image/") || !kind.ends_with(";base64") {
        return None;
    }
    let bytes = base64_decode(content.trim().as_bytes())?;
    crate::picture::inspect(&bytes).ok().map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_after_a_pre_stays_when_what_stood_between_is_left_out() {
        let options = CleanOptions::default();
        let numbered = crate::clean::clean("<pre><img src=\"cid:a\">\n<b>a</b></pre>", &options);
        let without = crate::clean::clean(&numbered.html, &options);
        assert_eq!(without.html, "<pre>\n\n<b>a</b></pre>");
        assert_eq!(
            crate::clean::clean(&without.html, &options).html,
            without.html
        );
    }

    #[test]
    fn a_content_id_is_decoded_once() {
        assert_eq!(content_id("a%40b"), "a@b");
        assert_eq!(content_id("<a@b>"), "a@b");
        assert_eq!(content_id("a%2540b"), "a%40b");
        assert_eq!(content_id("a%4"), "a%4");
        assert_eq!(content_id("%zz%"), "%zz%");
    }
}
