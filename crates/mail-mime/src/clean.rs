//! Mail HTML into HTML that is safe to show.
//!
//! Four layers, each of which holds on its own against most of what the others are for:
//! a linear pre-pass that caps size, nesting and attributes and re-emits only known tags
//! (`prepass`); `ammonia`'s tree-based allow-list (`allow`); a filter for style
//! declarations by property and by value (`css`); and a last pass over the clean result that
//! plans pictures and links (`plan`). The frame that shows the result adds its own
//! (see [`crate::frame`]).

mod allow;
mod css;
mod plan;
mod prepass;

use crate::markup::Quotes;
use crate::text::Flow;

pub(crate) use allow::link as link_target;

/// The most octets of HTML that are laid out. Longer mails are shown as text.
pub const MAX_OCTETS: usize = 2 << 20;
/// The most pictures of one mail that are numbered.
pub const MAX_IMAGES: usize = 1_000;

/// What may be shown of the pictures a mail names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ImagePolicy {
    /// Only pictures that came with the mail. Those on the network become empty boxes of their
    /// size and are counted.
    #[default]
    BlockRemote,
    /// Also pictures on the network; the caller fetches them, never the page.
    ServeRemote,
}

/// How to clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanOptions {
    /// Which pictures are numbered for serving.
    pub images: ImagePolicy,
    /// What stands before a picture's number in the result's addresses. Relative, such as `img/`.
    pub image_base: String,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self {
            images: ImagePolicy::BlockRemote,
            image_base: "img/".to_owned(),
        }
    }
}

/// Where one numbered picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageSource {
    /// A part of the same mail, by its `Content-ID` without angle brackets.
    Cid(String),
    /// An `http` or `https` address, as the mail wrote it. Only with [`ImagePolicy::ServeRemote`].
    Remote(String),
    /// Bytes that stood in the address itself. The caller judges the type by content.
    Data(Vec<u8>),
}

/// One link of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads: `http`, `https`, `mailto` or `tel`.
    pub href: String,
    /// The words a person sees, at most 200 characters.
    pub text: String,
}

/// HTML that is safe to show, and what was found on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CleanHtml {
    /// A fragment for the inside of a `<body>`.
    pub html: String,
    /// The pictures to serve: number `n` is asked for as `<image_base>n`.
    pub images: Vec<ImageSource>,
    /// Pictures on the network that stayed out, without the trackers.
    pub blocked_images: u32,
    /// Pictures on the network of at most 3 by 3 pixels, or hidden: they only tell that a mail
    /// was read. Always dropped.
    pub trackers: u32,
    /// The links, in order.
    pub links: Vec<Link>,
    /// Whether the mail sets colours of its own, so that it needs paper under it.
    pub has_own_colors: bool,
    /// Whether something was left out because a limit was reached. The person is told.
    pub limited: bool,
}

impl CleanHtml {
    /// The `Content-ID`s to serve, each with the number it is asked for by.
    pub fn cid(&self) -> impl Iterator<Item = (usize, &str)> {
        self.images
            .iter()
            .enumerate()
            .filter_map(|(n, source)| match source {
                ImageSource::Cid(id) => Some((n, id.as_str())),
                _ => None,
            })
    }
}

/// Cleans mail HTML. Never fails and never panics; work is bounded by the size of the input and
/// by fixed limits.
///
/// Cleaning the result again changes nothing, except that numbered pictures, which no mail may
/// name, go away.
#[must_use]
pub fn clean(html: &str, options: &CleanOptions) -> CleanHtml {
    if html.len() > MAX_OCTETS {
        return as_text(html);
    }
    let tame = prepass::tame(html);
    let safe = allow::BUILDER.clean(&tame.html).to_string();
    let mut clean = plan::plan(&safe, options);
    clean.limited |= tame.limited;
    clean
}

/// A mail too long to lay out: its words, without its looks.
fn as_text(html: &str) -> CleanHtml {
    let words = crate::markup::text_of(html, crate::text::MAX_OCTETS, Quotes::Keep);
    let text = crate::text::to_html(&words, Flow::Fixed, false);
    CleanHtml {
        html: text.html,
        links: text.links,
        limited: true,
        ..CleanHtml::default()
    }
}
