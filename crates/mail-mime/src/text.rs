//! Plain text into HTML that is safe to show: escaped first, then links and quotes.
//!
//! The way for plain mail gets the same care as the one for HTML. Nothing of the text becomes
//! markup except the three things made here: links to addresses that were found, boxes for quoted
//! text, and line breaks, which the base style keeps by `white-space`.

use linkify::{LinkFinder, LinkKind};

use crate::clean::{Link, link_target};
use crate::markup::escape_into;

/// The most octets of plain text that are shown at once.
pub const MAX_OCTETS: usize = 1 << 20;
/// The deepest quote that gets a box of its own; deeper ones keep their signs.
const MAX_QUOTES: usize = 16;
/// The most links that are made.
const MAX_LINKS: usize = 10_000;

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
    /// A fragment for the inside of a `<body>`: one `<div class="plain">`.
    pub html: String,
    /// The links, in order.
    pub links: Vec<Link>,
    /// Octets of the text that are not in the fragment because it is very long. Where this is not
    /// 0, the caller offers to show the rest (`all`).
    pub left_out: usize,
}

/// The text of an HTML mail, a line for each block, at most about [`MAX_OCTETS`]. For terminals
/// and exports: in a page it must be escaped like any other text.
#[must_use]
pub fn of_html(html: &str) -> String {
    crate::markup::text_of(html, MAX_OCTETS, crate::markup::Quotes::Keep)
}

/// Turns plain text into HTML.
///
/// With `all` the whole text is taken, otherwise the first [`MAX_OCTETS`].
#[must_use]
pub fn to_html(text: &str, flow: Flow, all: bool) -> TextHtml {
    let end = if all {
        text.len()
    } else {
        text.floor_char_boundary(MAX_OCTETS.min(text.len()))
    };
    let (shown, left_out) = text.split_at(end);
    let mut writer = Writer {
        out: TextHtml {
            left_out: left_out.len(),
            ..TextHtml::default()
        },
        finder: finder(),
        depth: 0,
        fresh: true,
    };
    writer.out.html.push_str("<div class=\"plain\">");
    for line in lines(shown, flow) {
        writer.line(&line);
    }
    writer.quote_to(0);
    writer.out.html.push_str("</div>");
    writer.out
}

/// One line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// How many times it is quoted.
    pub(crate) quotes: usize,
    pub(crate) text: String,
}

/// The lines of a text, with quote signs counted and flowed lines joined.
pub(crate) fn lines(text: &str, flow: Flow) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    // Whether the last line goes on in the next one.
    let mut open = false;
    for raw in text.split('\n') {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let (quotes, rest) = quotes_of(raw);
        let Flow::Flowed { delete_space } = flow else {
            lines.push(Line {
                quotes,
                text: rest.to_owned(),
            });
            continue;
        };
        // A space was stuffed before a line that would look like a quote or a `From ` line.
        let rest = rest
            .strip_prefix(' ')
            .filter(|_| quotes == 0)
            .unwrap_or(rest);
        let signature = rest == "-- ";
        let joined = match lines.last_mut() {
            Some(last) if open && last.quotes == quotes && !signature => {
                last.text.push_str(rest);
                true
            }
            _ => false,
        };
        if !joined {
            lines.push(Line {
                quotes,
                text: rest.to_owned(),
            });
        }
        open = rest.ends_with(' ') && !signature;
        if open
            && delete_space
            && let Some(last) = lines.last_mut()
        {
            last.text.pop();
        }
    }
    lines
}

/// The number of quote signs a line begins with, and the line after them.
fn quotes_of(line: &str) -> (usize, &str) {
    let mut quotes = 0;
    let mut rest = line;
    while quotes < MAX_QUOTES {
        let next = match rest.strip_prefix('>') {
            Some(next) => next,
            None => match rest.strip_prefix(" >").filter(|_| quotes > 0) {
                Some(next) => next,
                None => break,
            },
        };
        quotes += 1;
        rest = next;
    }
    if quotes > 0 {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    (quotes, rest)
}

fn finder() -> LinkFinder {
    let mut finder = LinkFinder::new();
    finder
        .kinds(&[LinkKind::Url, LinkKind::Email])
        .url_must_have_scheme(true)
        .email_domain_must_have_dot(true);
    finder
}

struct Writer {
    out: TextHtml,
    finder: LinkFinder,
    depth: usize,
    /// Nothing was written since the last box began or ended, so no line break is due.
    fresh: bool,
}

impl Writer {
    fn line(&mut self, line: &Line) {
        self.quote_to(line.quotes);
        if !self.fresh {
            self.out.html.push('\n');
        }
        self.fresh = false;
        for span in self.finder.spans(&line.text) {
            match span.kind() {
                Some(kind) if self.out.links.len() < MAX_LINKS => {
                    self.out.link(span.as_str(), *kind == LinkKind::Email);
                }
                _ => escape_into(&mut self.out.html, span.as_str()),
            }
        }
    }
    fn quote_to(&mut self, depth: usize) {
        while self.depth < depth {
            self.out.html.push_str("<blockquote>");
            self.depth += 1;
            self.fresh = true;
        }
        while self.depth > depth {
            self.out.html.push_str("</blockquote>");
            self.depth -= 1;
            self.fresh = true;
        }
    }
}

impl TextHtml {
    fn link(&mut self, text: &str, is_address: bool) {
        let target = if is_address {
            link_target(&format!("mailto:{text}"))
        } else {
            link_target(text)
        };
        let Some(href) = target else {
            return escape_into(&mut self.html, text);
        };
        let html = &mut self.html;
        html.push_str("<a href=\"");
        escape_into(html, &href);
        html.push_str("\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">");
        escape_into(html, text);
        html.push_str("</a>");
        self.links.push(Link {
            href,
            text: text.chars().take(200).collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        let html = to_html(text, Flow::Fixed, false).html;
        html.strip_prefix("<div class=\"plain\">")
            .and_then(|rest| rest.strip_suffix("</div>"))
            .unwrap()
            .to_owned()
    }

    const FLOWED: Flow = Flow::Flowed {
        delete_space: false,
    };

    fn flowed(text: &str, flow: Flow) -> Vec<(usize, String)> {
        lines(text, flow)
            .into_iter()
            .map(|line| (line.quotes, line.text))
            .collect()
    }

    #[test]
    fn markup_in_plain_text_stays_text() {
        assert_eq!(
            html("<img src=x onerror=alert(1)> & \"so\""),
            "&lt;img src=x onerror=alert(1)&gt; &amp; &quot;so&quot;"
        );
    }

    #[test]
    fn a_link_ends_before_punctuation_and_opens_outside() {
        assert_eq!(
            html("see https://a.example/x?a=1&b=2."),
            "see <a href=\"https://a.example/x?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\" \
             target=\"_blank\">https://a.example/x?a=1&amp;b=2</a>."
        );
    }

    #[test]
    fn an_address_becomes_a_mailto_link() {
        let result = to_html("write to ana@choir.example!", Flow::Fixed, false);
        assert_eq!(result.links.len(), 1);
        assert_eq!(result.links[0].href, "mailto:ana@choir.example");
    }

    #[test]
    fn addresses_with_other_schemes_stay_text() {
        for text in [
            "javascript://a.example/%0aalert(1)",
            "data:text/html,<b>",
            "file:///etc/passwd",
            "tauri://localhost/",
            "vbscript://x.example",
        ] {
            assert!(to_html(text, Flow::Fixed, false).links.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_link_cannot_leave_its_attribute() {
        for text in [
            "https://a.example/\"onmouseover=alert(1)",
            "https://a.example/'><script>1</script>",
            "mailto:a\"b@c.example",
        ] {
            let html = html(text);
            assert!(!html.contains("<script"), "{html}");
            for part in html.split("href=\"").skip(1) {
                let after = part.split('"').nth(1).unwrap();
                assert_eq!(after, " rel=", "{html}");
            }
        }
    }

    #[test]
    fn quoted_lines_become_nested_boxes() {
        assert_eq!(
            html("a\n> b\n>> c\n> > d\n> e\nf"),
            "a<blockquote>b<blockquote>c\nd</blockquote>e</blockquote>f"
        );
    }

    #[test]
    fn ten_thousand_quote_signs_make_sixteen_boxes() {
        let html = html(&">".repeat(10_000));
        assert_eq!(html.matches("<blockquote>").count(), MAX_QUOTES);
        assert_eq!(html.matches("</blockquote>").count(), MAX_QUOTES);
    }

    #[test]
    fn flowed_lines_are_joined_until_one_ends_without_a_space() {
        assert_eq!(
            flowed("one \ntwo \nthree\nfour", FLOWED),
            [(0, "one two three".into()), (0, "four".into())]
        );
    }

    #[test]
    fn flowed_lines_of_different_quotes_are_not_joined() {
        assert_eq!(
            flowed("> one \n> two\nthree", FLOWED),
            [(1, "one two".into()), (0, "three".into())]
        );
        assert_eq!(
            flowed("> one \ntwo", FLOWED),
            [(1, "one ".into()), (0, "two".into())]
        );
    }

    #[test]
    fn a_stuffed_space_is_taken_out() {
        assert_eq!(
            flowed(" >not a quote", FLOWED),
            [(0, ">not a quote".into())]
        );
        assert_eq!(flowed(" From here", FLOWED), [(0, "From here".into())]);
    }

    #[test]
    fn the_signature_line_is_never_joined() {
        assert_eq!(
            flowed("text \n-- \nAna", FLOWED),
            [(0, "text ".into()), (0, "-- ".into()), (0, "Ana".into())]
        );
    }

    #[test]
    fn with_delsp_the_space_at_the_end_is_not_part_of_the_text() {
        let flow = Flow::Flowed { delete_space: true };
        assert_eq!(
            flowed("日本 \n語\nx", flow),
            [(0, "日本語".into()), (0, "x".into())]
        );
    }

    #[test]
    fn text_past_one_mebibyte_is_left_out_and_said() {
        let text = "ä".repeat(MAX_OCTETS);
        let short = to_html(&text, Flow::Fixed, false);
        assert_eq!(short.left_out, text.len() - MAX_OCTETS);
        assert_eq!(to_html(&text, Flow::Fixed, true).left_out, 0);
    }
}
