//! The two documents of the double frame in which a mail is shown, and the headers beside them.

/// The app's colours at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on dark.
    Dark,
}

/// A document and the headers that must go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole document.
    pub html: String,
    /// Header names and values, all of them.
    pub headers: Vec<(&'static str, String)>,
}

/// `sandbox` of the outer frame, which runs the shim's own script.
pub const SHIM_SANDBOX: &str = "allow-scripts allow-same-origin allow-popups";
/// `sandbox` of the inner frame, which runs nothing.
pub const MAIL_SANDBOX: &str = "allow-same-origin allow-popups";

/// Where the documents are served and who may show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// What pictures and the inner frame may come from: a scheme such as `mail:` or an origin
    /// such as `http://127.0.0.1:4711`.
    pub source: &'a str,
    /// Who may hold the outer frame, as `frame-ancestors` sources, such as `tauri://localhost`.
    pub ancestors: &'a [&'a str],
    /// The origin the shim posts the height to, such as `tauri://localhost`.
    pub parent_origin: &'a str,
}

/// What the mail frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A cleaned HTML mail ([`crate::clean::CleanHtml`]).
    Html(&'a crate::clean::CleanHtml),
    /// A plain mail ([`crate::text::TextHtml`]).
    Text(&'a crate::text::TextHtml),
}

/// The outer document: loads the mail from `mail_path` (relative, such as `body`), measures it
/// and posts `{height}`... as a number to its parent.
#[must_use]
pub fn shim(place: &Place<'_>, mail_path: &str) -> Document {
    let (_, _) = (place, mail_path);
    Document {
        html: String::new(),
        headers: Vec::new(),
    }
}

/// The inner document: the mail itself.
#[must_use]
pub fn mail(place: &Place<'_>, content: Content<'_>, theme: Theme) -> Document {
    let (_, _, _) = (place, content, theme);
    Document {
        html: String::new(),
        headers: Vec::new(),
    }
}
